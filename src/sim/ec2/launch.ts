/**
 * RunInstances: what is asked (template and request laid together) and whether it can be had.
 *
 * A launch is cut to what fits: room in the zone or in the reservation, free addresses and quota. When that is less than MinCount the call
 * is refused whole and nothing was taken.
 */
import type { Instant } from '../../core/units.ts';
import { lookUpInstanceType } from './catalogue.ts';
import {
  type Ec2ApiError,
  idempotentMismatch,
  insufficientCapacity,
  invalidCombination,
  invalidValue,
  malformedId,
  missingParameter,
  noSpotCapacity,
  reservationExceeded,
  subnetFull,
  throttled,
  typeNotOffered,
  unknownImage,
  unknownSubnet,
  vcpuLimitExceeded,
} from './errors.ts';
import type { LaunchFacts } from './faults.ts';
import { fingerprintOf } from './fingerprint.ts';
import { launchInstances, type LaunchOutcome, type ResolvedLaunch } from './new-instances.ts';
import { choosePlaces, type Places } from './places.ts';
import { availablePlaces } from './reservations.ts';
import type { Subnet } from './subnets.ts';
import { tagsFor } from './tags.ts';
import { layOver } from './templates.ts';
import type { TokenBucket } from './throttle.ts';
import type { LaunchParameters, Market, RunInstancesRequest } from './types.ts';
import { zonesOf, type World } from './world.ts';

/** Throws Ec2ApiError for a template that is not there. */
export function laidTogether(world: World, request: RunInstancesRequest): LaunchParameters {
  if (request.launchTemplate === undefined) return request;
  return layOver(world.templates.find(request.launchTemplate).data, request);
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
    tags: tagsFor('instance', parameters.tagSpecifications),
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

function subnetWithMostRoom(
  world: World,
  instanceType: string,
  zone: string | undefined,
  market: Market,
): Subnet {
  let best: Subnet | null = null;
  let bestRoom = -1;
  for (const subnet of world.subnets.values()) {
    const { availabilityZone } = subnet.spec;
    if (zone !== undefined && availabilityZone !== zone) continue;
    const room = world.pools.isOffered(instanceType, availabilityZone)
      ? Math.min(world.pools.room({ instanceType, availabilityZone, market }), subnet.free())
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
    const { availabilityZone, market = 'on-demand' } = parameters;
    return subnetWithMostRoom(world, instanceType, availabilityZone, market);
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

/** Throws Ec2ApiError for parameters that are wrong in themselves. */
export function resolveLaunch(world: World, parameters: LaunchParameters): ResolvedLaunch {
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
    availabilityZone: subnet.spec.availabilityZone,
    placementGroup: parameters.placementGroup ?? '',
    tenancy: parameters.tenancy ?? 'default',
    market: parameters.market ?? 'on-demand',
    efa: (parameters.networkInterfaces ?? []).some((each) => each.interfaceType === 'efa'),
    tags: tagsFor('instance', parameters.tagSpecifications),
  };
}

/** Throws Ec2ApiError for a zone that does not have the type. */
export function checkOffered(world: World, launch: ResolvedLaunch): void {
  const { pools } = world;
  const { instanceType, availabilityZone } = launch;
  if (pools.isOffered(instanceType, availabilityZone)) return;
  const offering = zonesOf(world).filter((each) => pools.isOffered(instanceType, each));
  throw typeNotOffered(instanceType, availabilityZone, offering);
}

/** How many more instances each limit allows; Infinity where nothing limits them. */
export interface Limits {
  readonly tokens: number;
  readonly quota: number;
  readonly addresses: number;
  readonly room: number;
}

/** What is to be taken before, by other launches of the same call. */
export interface Planned {
  readonly tokens: number;
  readonly vcpus: number;
  readonly addresses: number;
  readonly groupPlaces: number;
}

const nothingPlanned: Planned = { tokens: 0, vcpus: 0, addresses: 0, groupPlaces: 0 };

/** A place in a reservation has its share of quota and room already. `bucket` is null when nothing is throttled. */
export function limitsOf(
  world: World,
  launch: ResolvedLaunch,
  places: Places,
  by: { readonly bucket: TokenBucket | null; readonly now: Instant; readonly planned?: Planned },
): Limits {
  const { pools } = world;
  const { planned = nothingPlanned } = by;
  return {
    tokens: (by.bucket?.level(by.now) ?? Infinity) - planned.tokens,
    quota:
      places === null
        ? Math.floor((pools.vcpusLeft(launch.market) - planned.vcpus) / launch.vcpus)
        : Infinity,
    addresses: launch.subnet.free() - planned.addresses,
    room:
      places === null
        ? Math.min(pools.room(launch), pools.groupRoom(launch.placementGroup) - planned.groupPlaces)
        : availablePlaces(places),
  };
}

/** Why not even so many can be had; null when they can. */
export function refusalOf(
  world: World,
  launch: ResolvedLaunch,
  places: Places,
  limits: Limits,
  minCount: number,
): Ec2ApiError | null {
  const { pools } = world;
  const { instanceType, availabilityZone, market, subnet } = launch;
  if (limits.tokens < minCount) return throttled(world.account, 'RunInstances', 'resource');
  if (limits.quota < minCount) return vcpuLimitExceeded(pools.quota(market) ?? 0);
  if (limits.addresses < minCount) return subnetFull(subnet.spec.subnetId);
  if (limits.room >= minCount) return null;
  if (places !== null) return reservationExceeded();
  if (market === 'spot') return noSpotCapacity();
  const elsewhere = zonesOf(world).filter(
    (zone) =>
      zone !== availabilityZone &&
      pools.isOffered(instanceType, zone) &&
      pools.room({ instanceType, availabilityZone: zone, market }) >= minCount,
  );
  return insufficientCapacity(instanceType, availabilityZone, elsewhere);
}

/** Throws Ec2ApiError when fewer than `minCount` fit. */
function countThatFits(
  world: World,
  launch: ResolvedLaunch,
  places: Places,
  of: RunInstancesRequest & { readonly bucket: TokenBucket | null; readonly now: Instant },
): number {
  const { minCount, maxCount, bucket, now } = of;
  const limits = limitsOf(world, launch, places, { bucket, now });
  const refusal = refusalOf(world, launch, places, limits, minCount);
  if (refusal !== null) throw refusal;
  const count = Math.min(maxCount, limits.quota, limits.addresses, limits.room);
  if (bucket !== null && !bucket.take(count, now)) {
    throw throttled(world.account, 'RunInstances', 'resource');
  }
  return count;
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
    return { reservationId: used.reservationId, instances: used.instances };
  }
  checkCounts(request);
  const parameters = laidTogether(world, request);
  const launch = resolveLaunch(world, parameters);
  checkOffered(world, launch);
  const { maxCount } = request;
  const choice = parameters.capacityReservation ?? {};
  const places = choosePlaces(world, choice, launch, { maxCount, now });
  const count = countThatFits(world, launch, places, { ...request, bucket, now });
  const outcome = launchInstances(world, launch, places, { count, clientToken, now });
  if (clientToken !== '') {
    world.tokens.set(clientToken, { fingerprint, ...outcome, live: count });
  }
  return outcome;
}
