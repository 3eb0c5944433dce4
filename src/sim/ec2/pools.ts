/**
 * The room EC2 has: how many instances of a type fit into a zone in each market, how many into a placement group, which
 * types a zone offers at all, and how many vCPUs the account may use. Room is unlimited, every type offered everywhere
 * and no quota set, until something is said.
 *
 * A place is used by an instance, or held by a capacity reservation that no instance uses. Both take room and quota; an
 * instance that is launched into a reservation takes over a place that is held.
 */
import type { Market } from './types.ts';

export interface PoolStatus {
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly market: Market;
  /** Null: unlimited. */
  readonly capacity: number | null;
  /** Instances, and places held by reservations. */
  readonly used: number;
  /** Of those: held by reservations, used by no instance. */
  readonly held: number;
  readonly offered: boolean;
}

export interface Pools {
  /** Null: unlimited. Lowering it below what is used ends nothing; it only leaves no room. */
  setCapacity(pool: PoolKey, capacity: number | null): void;
  setOffered(instanceType: string, zone: string, offered: boolean): void;
  isOffered(instanceType: string, zone: string): boolean;
  /** Infinity when unlimited. */
  room(pool: PoolKey): number;
  /** Null: unlimited. */
  setGroupCapacity(placementGroup: string, capacity: number | null): void;
  /** Infinity when unlimited, and for no group (the empty name). */
  groupRoom(placementGroup: string): number;
  /** vCPUs of all instances of a market; null: unlimited. */
  setQuota(market: Market, vcpus: number | null): void;
  quota(market: Market): number | null;
  /** Infinity without a quota. */
  vcpusLeft(market: Market): number;
  take(use: PoolUse, count: number): void;
  release(use: PoolUse, count: number): void;
  /** Takes places for a reservation. */
  hold(use: PoolUse, count: number): void;
  /** Gives places of a reservation back that no instance uses. */
  letGo(use: PoolUse, count: number): void;
  /** Instances move into places that are held. */
  occupy(use: PoolUse, count: number): void;
  /** An instance's place is held again. */
  vacate(use: PoolUse): void;
  list(): readonly PoolStatus[];
  vcpusUsed(market: Market): number;
}

export interface PoolKey {
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly market: Market;
}

/** What one instance uses. */
export interface PoolUse extends PoolKey {
  readonly vcpus: number;
  /** Empty: none. */
  readonly placementGroup: string;
}

interface Pool extends PoolKey {
  capacity: number | null;
  used: number;
  held: number;
}

interface Group {
  capacity: number | null;
  used: number;
}

function roomIn({ capacity, used }: Group): number {
  return capacity === null ? Infinity : Math.max(0, capacity - used);
}

function found<V>(map: Map<string, V>, key: string, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

export function createPools(): Pools {
  const pools = new Map<string, Pool>();
  const groups = new Map<string, Group>();
  const notOffered = new Set<string>();
  const quotas = new Map<Market, number>();
  const vcpus = new Map<Market, number>();
  function pool({ instanceType, availabilityZone, market }: PoolKey): Pool {
    return found(pools, `${instanceType}@${availabilityZone}@${market}`, () => ({
      instanceType,
      availabilityZone,
      market,
      capacity: null,
      used: 0,
      held: 0,
    }));
  }
  function group(name: string): Group {
    return found(groups, name, () => ({ capacity: null, used: 0 }));
  }
  function take(use: PoolUse, count: number): void {
    pool(use).used += count;
    if (use.placementGroup !== '') group(use.placementGroup).used += count;
    vcpus.set(use.market, (vcpus.get(use.market) ?? 0) + use.vcpus * count);
  }
  return {
    setCapacity(key, capacity) {
      pool(key).capacity = capacity;
    },
    setOffered(instanceType, zone, offered) {
      pool({ instanceType, availabilityZone: zone, market: 'on-demand' });
      if (offered) notOffered.delete(`${instanceType}@${zone}`);
      else notOffered.add(`${instanceType}@${zone}`);
    },
    isOffered: (instanceType, zone) => !notOffered.has(`${instanceType}@${zone}`),
    room: (key) => roomIn(pool(key)),
    setGroupCapacity(name, capacity) {
      group(name).capacity = capacity;
    },
    groupRoom: (name) => (name === '' ? Infinity : roomIn(group(name))),
    setQuota(market, limit) {
      if (limit === null) quotas.delete(market);
      else quotas.set(market, limit);
    },
    quota: (market) => quotas.get(market) ?? null,
    vcpusLeft(market) {
      const limit = quotas.get(market);
      return limit === undefined ? Infinity : Math.max(0, limit - (vcpus.get(market) ?? 0));
    },
    take,
    release: (use, count) => take(use, -count),
    hold(use, count) {
      take(use, count);
      pool(use).held += count;
    },
    letGo(use, count) {
      take(use, -count);
      pool(use).held -= count;
    },
    occupy(use, count) {
      pool(use).held -= count;
    },
    vacate(use) {
      pool(use).held += 1;
    },
    list: () =>
      [...pools.values()].map((each) => ({
        ...each,
        offered: !notOffered.has(`${each.instanceType}@${each.availabilityZone}`),
      })),
    vcpusUsed: (market) => vcpus.get(market) ?? 0,
  };
}
