/**
 * How a fleet's share of one market is spread over its overrides: in which order they are tried, which of them may be
 * used together, and what each would give. Nothing is taken here.
 *
 * Overrides that may be used together form a group: all of them, or those of one zone, of one type, of both. Groups are
 * tried in the order of their best override; the first that holds the minimum is the plan. EC2's documentation does not
 * say how it chooses among zones or types; this is the simplest way that keeps its promise.
 */
import type { Instant } from '../../core/units.ts';
import { pricePerHour } from './catalogue.ts';
import {
  Ec2ApiError,
  invalidOverride,
  spotPriceTooLow,
  throttled,
  unfulfillable,
} from './errors.ts';
import { checkOffered, limitsOf, refusalOf, type Planned } from './launch.ts';
import type { ResolvedLaunch } from './new-instances.ts';
import { choosePlaces, type Places } from './places.ts';
import type { TokenBucket } from './throttle.ts';
import type { FleetMarket, FleetOptions, FleetOrigin, ReservationChoice } from './types.ts';
import type { World } from './world.ts';

/** An override that is right in itself. */
export interface Candidate {
  readonly origin: FleetOrigin;
  readonly launch: ResolvedLaunch;
  readonly choice: ReservationChoice;
}

export interface Portion {
  readonly candidate: Candidate;
  readonly places: Places;
  readonly count: number;
}

export interface Failure {
  readonly origin: FleetOrigin;
  readonly error: Ec2ApiError;
}

/** No portions: no group holds the minimum. */
export interface FleetPlan {
  readonly portions: readonly Portion[];
  readonly failures: readonly Failure[];
}

interface Shared {
  readonly bucket: TokenBucket | null;
  readonly now: Instant;
}

type Rank = (candidate: Candidate) => number;

/** The strategies that this model has; EC2 has `diversified` besides. */
export const fleetStrategies: Readonly<Record<FleetMarket, readonly string[]>> = {
  'on-demand': ['lowest-price', 'prioritized'],
  spot: [
    'lowest-price',
    'capacity-optimized',
    'capacity-optimized-prioritized',
    'price-capacity-optimized',
  ],
};

/** What the candidates are sorted by, smallest first; ties keep the order of the request. */
function ranksOf(world: World, market: FleetMarket, strategy: string): readonly Rank[] {
  const byPrice: Rank = ({ launch }) => pricePerHour(launch.vcpus, market);
  const byPriority: Rank = ({ origin }) => origin.override.priority ?? Infinity;
  const byRoom: Rank = ({ launch }) => -world.pools.room(launch);
  switch (strategy) {
    case 'prioritized':
      return [byPriority];
    case 'capacity-optimized':
      return [byRoom];
    case 'capacity-optimized-prioritized':
      return [byRoom, byPriority];
    case 'price-capacity-optimized':
      return [byRoom, byPrice];
    default:
      return [byPrice];
  }
}

/** A comparison of infinities: their difference would be no number. */
function compare(left: number, right: number): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function inOrder(candidates: readonly Candidate[], ranks: readonly Rank[]): readonly Candidate[] {
  return [...candidates].sort((left, right) => {
    for (const rank of ranks) {
      const order = compare(rank(left), rank(right));
      if (order !== 0) return order;
    }
    return 0;
  });
}

function groupsOf(
  ordered: readonly Candidate[],
  { singleAvailabilityZone, singleInstanceType }: FleetOptions,
): readonly (readonly Candidate[])[] {
  const groups = new Map<string, Candidate[]>();
  for (const candidate of ordered) {
    const { availabilityZone, instanceType } = candidate.launch;
    const zone = singleAvailabilityZone === true ? availabilityZone : '';
    const type = singleInstanceType === true ? instanceType : '';
    const key = `${type}@${zone}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [candidate]);
    else group.push(candidate);
  }
  return [...groups.values()];
}

function plannedBefore(portions: readonly Portion[], launch: ResolvedLaunch): Planned {
  const sum = (of: (portion: Portion) => number) =>
    portions.reduce((total, portion) => total + of(portion), 0);
  return {
    tokens: sum(({ count }) => count),
    vcpus: sum(({ count, places, candidate }) =>
      places === null ? count * candidate.launch.vcpus : 0,
    ),
    addresses: sum(({ count, candidate }) =>
      candidate.launch.subnet === launch.subnet ? count : 0,
    ),
    groupPlaces: sum(({ count, places, candidate }) =>
      places === null && candidate.launch.placementGroup === launch.placementGroup ? count : 0,
    ),
  };
}

/** What stands against the override in itself. Throws Ec2ApiError. */
function checkOverride(world: World, { launch, origin, choice }: Candidate): void {
  const fault = world.faults.forSubject('fail-override', launch);
  if (fault !== null) {
    const message = fault.message ?? `${fault.code} (asked for by a fault)`;
    throw new Ec2ApiError(fault.code, message);
  }
  if (choice.reservationId !== undefined) {
    throw invalidOverride('A fleet cannot launch into a Capacity Reservation by its id.');
  }
  checkOffered(world, launch);
  const { market, override } = origin;
  if (market !== 'spot' || override.maxPrice === undefined) return;
  const price = pricePerHour(launch.vcpus, 'spot');
  if (override.maxPrice < price) throw spotPriceTooLow(override.maxPrice, price);
}

/** As a fleet lists it, which is not as RunInstances says it. */
function asListed(error: Ec2ApiError, market: FleetMarket): Ec2ApiError {
  if (error.code === 'Unsupported') return invalidOverride(error.message);
  if (error.code === 'InsufficientInstanceCapacity' && market === 'spot') return unfulfillable();
  return error;
}

/** What the candidate gives of `wanted`, and why not all of it. */
function portionOf(
  world: World,
  candidate: Candidate,
  wanted: number,
  of: Shared & { readonly before: readonly Portion[] },
): { readonly portion: Portion | null; readonly error: Ec2ApiError | null } {
  const { launch, choice } = candidate;
  try {
    checkOverride(world, candidate);
    const places = choosePlaces(world, choice, launch, { maxCount: wanted, now: of.now });
    const planned = plannedBefore(of.before, launch);
    const limits = limitsOf(world, launch, places, { ...of, planned });
    const count = Math.max(0, Math.min(wanted, limits.quota, limits.addresses, limits.room));
    if (limits.tokens < count) throw throttled(world.account, 'RunInstances', 'resource');
    // One more than it gives: that is what the tightest limit refuses.
    const error =
      count < wanted
        ? refusalOf(world, launch, places, { ...limits, tokens: Infinity }, count + 1)
        : null;
    return { portion: count === 0 ? null : { candidate, places, count }, error };
  } catch (error: unknown) {
    if (error instanceof Ec2ApiError) return { portion: null, error };
    throw error;
  }
}

export function planFleet(
  world: World,
  candidates: readonly Candidate[],
  by: Shared & {
    readonly market: FleetMarket;
    readonly target: number;
    readonly options: FleetOptions;
  },
): FleetPlan {
  const { market, target, options } = by;
  const ordered = inOrder(candidates, ranksOf(world, market, options.strategy ?? 'lowest-price'));
  const failures: Failure[] = [];
  for (const group of groupsOf(ordered, options)) {
    const portions: Portion[] = [];
    let left = target;
    for (const candidate of group) {
      if (left === 0) break;
      const { portion, error } = portionOf(world, candidate, left, { ...by, before: portions });
      if (portion !== null) portions.push(portion);
      left -= portion?.count ?? 0;
      if (error !== null) {
        failures.push({ origin: candidate.origin, error: asListed(error, market) });
      }
    }
    if (target - left >= (options.minTargetCapacity ?? 1)) return { portions, failures };
  }
  return { portions: [], failures };
}
