/** The instances of a launch that is decided: made, put in their places, and told to those who listen. */
import type { Instant } from '../../core/units.ts';
import type { Instance } from './instances.ts';
import { interruptInstance } from './lifecycle.ts';
import type { Places } from './places.ts';
import type { PoolUse } from './pools.ts';
import { occupyPlaces } from './reservations.ts';
import type { Subnet } from './subnets.ts';
import type { World } from './world.ts';

/** What one launch makes instances of. */
export interface ResolvedLaunch extends PoolUse {
  readonly imageId: string;
  readonly subnet: Subnet;
  readonly tenancy: string;
  readonly efa: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

export interface LaunchOutcome {
  readonly reservationId: string;
  readonly instances: readonly Instance[];
}

function hostLabel(address: string): string {
  return `ip-${address.replaceAll('.', '-')}`;
}

/** What an image with a wrong root device writes. */
const noBootConsole =
  'VFS: Cannot open root device "nvme0n1p9": error -6\r\nKernel panic - not syncing: VFS: Unable to mount root fs\r\n';

function createInstance(
  world: World,
  launch: ResolvedLaunch,
  places: Places,
  of: { reservationId: string; clientToken: string; launchIndex: number; now: Instant },
): Instance {
  const { times, region } = world;
  const address = launch.subnet.allocate();
  if (address === null) throw new Error('a subnet gave out more addresses than it counted as free');
  const boots = world.faults.forSubject('never-boots', launch) === null;
  const impaired = world.faults.forSubject('impaired', launch);
  const { bootMs, bootJitterMs } = times;
  const jitterMs = bootJitterMs === 0 ? 0 : Math.floor(world.jitter.fraction() * bootJitterMs);
  const domain = region === 'us-east-1' ? 'ec2.internal' : `${region}.compute.internal`;
  const sequence = world.nextSequence;
  world.nextSequence += 1;
  return {
    sequence,
    id: `i-0${world.instanceIds.hex16()}`,
    reservationId: of.reservationId,
    launchIndex: of.launchIndex,
    instanceType: launch.instanceType,
    vcpus: launch.vcpus,
    imageId: launch.imageId,
    subnetId: launch.subnet.spec.subnetId,
    vpcId: world.vpcId,
    availabilityZone: launch.availabilityZone,
    placementGroup: launch.placementGroup,
    tenancy: launch.tenancy,
    market: launch.market,
    capacityReservation: places,
    efa: launch.efa,
    clientToken: of.clientToken,
    tags: launch.tags,
    privateIp: address,
    privateDnsName: `${hostLabel(address)}.${domain}`,
    launchedAt: of.now,
    visibleAt: of.now + times.consistencyMs,
    addressAt: of.now + times.addressDelayMs,
    runningAt: of.now + Math.min(times.pendingMs, bootMs),
    bootedAt: boots ? of.now + bootMs + jitterMs : Infinity,
    impairedAt: impaired === null ? Infinity : of.now + impaired.afterMs,
    systemImpairedAt: Infinity,
    events: [],
    console: boots ? null : { text: noBootConsole, at: of.now },
    interruptedAt: Infinity,
    endAskedAt: null,
    endedAt: null,
    endReason: null,
  };
}

function interruptByFault(world: World, instance: Instance): void {
  if (instance.market !== 'spot') return;
  const fault = world.faults.forSubject('interrupted', instance);
  if (fault !== null) interruptInstance(world, instance, instance.launchedAt + fault.afterMs);
}

/** The places must be there: in the reservation, or (null) in the pool; and the addresses. */
export function launchInstances(
  world: World,
  launch: ResolvedLaunch,
  places: Places,
  of: { readonly count: number; readonly clientToken: string; readonly now: Instant },
): LaunchOutcome {
  const { count, clientToken, now } = of;
  const reservationId = `r-0${world.otherIds.hex16()}`;
  const instances = Array.from({ length: count }, (_, launchIndex) =>
    createInstance(world, launch, places, { reservationId, clientToken, launchIndex, now }),
  );
  if (places === null) world.pools.take(launch, count);
  else occupyPlaces(world, places, count, now);
  for (const instance of instances) world.store.add(instance);
  world.totals.launched += count;
  world.totals.paying += count;
  world.totals.payingSince += count * now;
  for (const listener of world.listeners) instances.forEach((each) => listener.launched?.(each));
  for (const instance of instances) interruptByFault(world, instance);
  return { reservationId, instances };
}
