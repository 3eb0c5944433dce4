/**
 * RunInstances: what is asked (template and request laid together), whether it can be had, and the new instances.
 *
 * A launch is cut to what fits: room in the zone, free addresses and quota. When that is less than MinCount the call
 * is refused whole and nothing was taken.
 */
import type { Instant } from '../../core/units.ts';
import { lookUpInstanceType } from './catalogue.ts';
import {
  idempotentMismatch,
  insufficientCapacity,
  invalidCombination,
  invalidValue,
  malformedId,
  missingParameter,
  subnetFull,
  throttled,
  typeNotOffered,
  unknownImage,
  unknownSubnet,
  vcpuLimitExceeded,
} from './errors.ts';
import type { LaunchFacts } from './faults.ts';
import type { Instance } from './instances.ts';
import type { Subnet } from './subnets.ts';
import { layOver } from './templates.ts';
import type { TokenBucket } from './throttle.ts';
import type { LaunchParameters, Market, RunInstancesRequest } from './types.ts';
import { zonesOf, type World } from './world.ts';

interface ResolvedLaunch {
  readonly instanceType: string;
  readonly vcpus: number;
  readonly imageId: string;
  readonly subnet: Subnet;
  readonly zone: string;
  readonly placementGroup: string;
  readonly market: Market;
  readonly efa: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

export interface LaunchOutcome {
  readonly reservationId: string;
  readonly instances: readonly Instance[];
  /** False when a token was used again: these exist already. */
  readonly isNew: boolean;
}

/** Throws Ec2ApiError for a template that is not there. */
export function laidTogether(world: World, request: RunInstancesRequest): LaunchParameters {
  if (request.launchTemplate === undefined) return request;
  return layOver(world.templates.find(request.launchTemplate).data, request);
}

function instanceTags(parameters: LaunchParameters): Readonly<Record<string, string>> {
  const specification = parameters.tagSpecifications?.find(
    (each) => each.resourceType === 'instance',
  );
  return specification?.tags ?? {};
}

/** What faults can be matched with; of a launch that is wrong in itself, as much as can be told. */
export function launchFacts(world: World, request: RunInstancesRequest): LaunchFacts {
  const parameters = laidTogether(world, request);
  const subnetId = parameters.subnetId ?? parameters.networkInterfaces?.[0]?.subnetId;
  const zone =
    subnetId === undefined
      ? parameters.availabilityZone
      : world.subnets.get(subnetId)?.spec.availabilityZone;
  return {
    ...(parameters.instanceType !== undefined && { instanceType: parameters.instanceType }),
    ...(zone !== undefined && { availabilityZone: zone }),
    tags: instanceTags(parameters),
  };
}

function checkCounts({ minCount, maxCount }: RunInstancesRequest): void {
  if (!Number.isInteger(minCount) || minCount < 1) {
    throw invalidValue(
      `Value (${minCount}) for parameter MinCount is invalid. It must be 1 or more.`,
    );
  }
  if (!Number.isInteger(maxCount) || maxCount < minCount) {
    throw invalidCombination(
      `Value (${maxCount}) for parameter MaxCount is invalid. MaxCount must be at least MinCount (${minCount}).`,
    );
  }
}

function checkImage(world: World, imageId: string | undefined): string {
  if (imageId === undefined) throw missingParameter('ImageId');
  if (!/^ami-[0-9a-zA-Z]+$/.test(imageId)) {
    throw malformedId('InvalidAMIID.Malformed', imageId, 'ami-');
  }
  if (world.images !== null && !world.images.has(imageId)) throw unknownImage(imageId);
  return imageId;
}

function subnetWithMostRoom(world: World, instanceType: string, zone: string | undefined): Subnet {
  let best: Subnet | null = null;
  let bestRoom = -1;
  for (const subnet of world.subnets.values()) {
    const { availabilityZone } = subnet.spec;
    if (zone !== undefined && availabilityZone !== zone) continue;
    const room = world.pools.isOffered(instanceType, availabilityZone)
      ? Math.min(world.pools.room(instanceType, availabilityZone), subnet.free())
      : -0.5;
    if (room > bestRoom) {
      best = subnet;
      bestRoom = room;
    }
  }
  if (best === null) throw invalidValue(`Invalid availability zone: [${zone ?? ''}]`);
  return best;
}

function chooseSubnet(world: World, instanceType: string, parameters: LaunchParameters): Subnet {
  const interfaces = parameters.networkInterfaces ?? [];
  if (parameters.subnetId !== undefined && interfaces.length > 0) {
    throw invalidCombination(
      'Network interfaces and an instance-level subnet ID may not be specified on the same request',
    );
  }
  const subnetId = parameters.subnetId ?? interfaces[0]?.subnetId;
  if (subnetId === undefined) {
    return subnetWithMostRoom(world, instanceType, parameters.availabilityZone);
  }
  const subnet = world.subnets.get(subnetId);
  if (subnet === undefined) throw unknownSubnet(subnetId);
  const zone = subnet.spec.availabilityZone;
  if (parameters.availabilityZone !== undefined && parameters.availabilityZone !== zone) {
    throw invalidValue(
      `Value (${parameters.availabilityZone}) for parameter availabilityZone is invalid. Subnet '${subnetId}' is in the availability zone ${zone}`,
    );
  }
  return subnet;
}

function resolve(world: World, request: RunInstancesRequest): ResolvedLaunch {
  checkCounts(request);
  const parameters = laidTogether(world, request);
  const imageId = checkImage(world, parameters.imageId);
  const { instanceType } = parameters;
  if (instanceType === undefined) throw missingParameter('InstanceType');
  const type = lookUpInstanceType(instanceType);
  if (type === null) throw invalidValue(`Invalid value '${instanceType}' for InstanceType.`);
  const subnet = chooseSubnet(world, instanceType, parameters);
  return {
    instanceType,
    vcpus: type.vcpus,
    imageId,
    subnet,
    zone: subnet.spec.availabilityZone,
    placementGroup: parameters.placementGroup ?? '',
    market: parameters.market ?? 'on-demand',
    efa: (parameters.networkInterfaces ?? []).some((each) => each.interfaceType === 'efa'),
    tags: instanceTags(parameters),
  };
}

/** How many fit. Throws Ec2ApiError when fewer than `minCount` do; `bucket` is null when nothing is throttled. */
function countThatFits(
  world: World,
  launch: ResolvedLaunch,
  { minCount, maxCount }: RunInstancesRequest,
  bucket: TokenBucket | null,
  now: Instant,
): number {
  const { pools } = world;
  const { instanceType, zone, market, vcpus, subnet } = launch;
  if (!pools.isOffered(instanceType, zone)) {
    const offering = zonesOf(world).filter((each) => pools.isOffered(instanceType, each));
    throw typeNotOffered(instanceType, zone, offering);
  }
  if (bucket !== null && bucket.level(now) < minCount) {
    throw throttled(world.account, 'RunInstances', 'resource');
  }
  const withinQuota = Math.floor(pools.vcpusLeft(market) / vcpus);
  if (withinQuota < minCount) throw vcpuLimitExceeded(pools.quota(market) ?? 0);
  if (subnet.free() < minCount) throw subnetFull(subnet.spec.subnetId);
  const room = pools.room(instanceType, zone);
  if (room < minCount) {
    const elsewhere = zonesOf(world).filter(
      (each) => pools.isOffered(instanceType, each) && pools.room(instanceType, each) >= minCount,
    );
    throw insufficientCapacity(instanceType, zone, elsewhere);
  }
  const count = Math.min(maxCount, withinQuota, subnet.free(), room);
  if (bucket !== null && !bucket.take(count, now)) {
    throw throttled(world.account, 'RunInstances', 'resource');
  }
  return count;
}

function hostLabel(address: string): string {
  return `ip-${address.replaceAll('.', '-')}`;
}

function createInstance(
  world: World,
  launch: ResolvedLaunch,
  of: { reservationId: string; clientToken: string; launchIndex: number; now: Instant },
): Instance {
  const { times, region } = world;
  const address = launch.subnet.allocate();
  if (address === null) throw new Error('a subnet gave out more addresses than it counted as free');
  const facts = {
    instanceType: launch.instanceType,
    availabilityZone: launch.zone,
    tags: launch.tags,
  };
  const boots = world.faults.forInstance('never-boots', facts) === null;
  const impaired = world.faults.forInstance('impaired', facts);
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
    availabilityZone: launch.zone,
    placementGroup: launch.placementGroup,
    market: launch.market,
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
    endAskedAt: null,
    endedAt: null,
  };
}

/** The parameters as sent, in one order: what a repeat with the same token must repeat. */
function fingerprintOf(request: RunInstancesRequest): string {
  function inOrder(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(inOrder);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    return entries
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, each]) => [key, inOrder(each)]);
  }
  return JSON.stringify(inOrder(request));
}

/** Throws Ec2ApiError. Nothing is changed when it throws, save the tokens of a bucket that was long enough. */
export function runInstances(
  world: World,
  request: RunInstancesRequest,
  bucket: TokenBucket | null,
  now: Instant,
): LaunchOutcome {
  const clientToken = request.clientToken ?? '';
  const fingerprint = clientToken === '' ? '' : fingerprintOf(request);
  const used = world.tokens.get(clientToken);
  if (used !== undefined) {
    if (used.fingerprint !== fingerprint) throw idempotentMismatch();
    return { reservationId: used.reservationId, instances: used.instances, isNew: false };
  }
  const launch = resolve(world, request);
  const count = countThatFits(world, launch, request, bucket, now);
  const reservationId = `r-0${world.otherIds.hex16()}`;
  const instances = Array.from({ length: count }, (_, launchIndex) =>
    createInstance(world, launch, { reservationId, clientToken, launchIndex, now }),
  );
  world.pools.take({ ...launch, availabilityZone: launch.zone }, count);
  for (const instance of instances) world.store.add(instance);
  world.totals.launched += count;
  world.totals.paying += count;
  world.totals.payingSince += count * now;
  if (clientToken !== '') {
    world.tokens.set(clientToken, { fingerprint, reservationId, instances, live: count });
  }
  return { reservationId, instances, isNew: true };
}
