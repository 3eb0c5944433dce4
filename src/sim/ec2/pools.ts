/**
 * The room EC2 has: how many instances of a type fit into a zone, which types a zone offers at all, and how many vCPUs
 * the account may use. Room is unlimited, every type offered everywhere and no quota set, until something is said.
 */
import type { Market } from './types.ts';

export interface PoolStatus {
  readonly instanceType: string;
  readonly availabilityZone: string;
  /** Null: unlimited. */
  readonly capacity: number | null;
  readonly used: number;
  readonly offered: boolean;
}

export interface Pools {
  /** Null: unlimited. Lowering it below what is used ends nothing; it only leaves no room. */
  setCapacity(instanceType: string, zone: string, capacity: number | null): void;
  setOffered(instanceType: string, zone: string, offered: boolean): void;
  isOffered(instanceType: string, zone: string): boolean;
  /** Infinity when unlimited. */
  room(instanceType: string, zone: string): number;
  /** vCPUs of all instances of a market; null: unlimited. */
  setQuota(market: Market, vcpus: number | null): void;
  quota(market: Market): number | null;
  /** Infinity without a quota. */
  vcpusLeft(market: Market): number;
  take(use: PoolUse, count: number): void;
  release(use: PoolUse): void;
  list(): readonly PoolStatus[];
  vcpusUsed(market: Market): number;
}

/** What one instance uses. */
export interface PoolUse {
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly market: Market;
  readonly vcpus: number;
}

interface Pool {
  readonly instanceType: string;
  readonly availabilityZone: string;
  capacity: number | null;
  used: number;
  offered: boolean;
}

export function createPools(): Pools {
  const pools = new Map<string, Pool>();
  const quotas = new Map<Market, number>();
  const vcpus = new Map<Market, number>();
  function pool(instanceType: string, zone: string): Pool {
    const key = `${instanceType}@${zone}`;
    const found = pools.get(key);
    if (found !== undefined) return found;
    const created = {
      instanceType,
      availabilityZone: zone,
      capacity: null,
      used: 0,
      offered: true,
    };
    pools.set(key, created);
    return created;
  }
  function useVcpus(market: Market, count: number): void {
    vcpus.set(market, (vcpus.get(market) ?? 0) + count);
  }
  return {
    setCapacity(instanceType, zone, capacity) {
      pool(instanceType, zone).capacity = capacity;
    },
    setOffered(instanceType, zone, offered) {
      pool(instanceType, zone).offered = offered;
    },
    isOffered: (instanceType, zone) => pool(instanceType, zone).offered,
    room(instanceType, zone) {
      const { capacity, used } = pool(instanceType, zone);
      return capacity === null ? Infinity : Math.max(0, capacity - used);
    },
    setQuota(market, limit) {
      if (limit === null) quotas.delete(market);
      else quotas.set(market, limit);
    },
    quota: (market) => quotas.get(market) ?? null,
    vcpusLeft(market) {
      const limit = quotas.get(market);
      return limit === undefined ? Infinity : Math.max(0, limit - (vcpus.get(market) ?? 0));
    },
    take(use, count) {
      pool(use.instanceType, use.availabilityZone).used += count;
      useVcpus(use.market, use.vcpus * count);
    },
    release(use) {
      pool(use.instanceType, use.availabilityZone).used -= 1;
      useVcpus(use.market, -use.vcpus);
    },
    list: () => [...pools.values()].map((each) => ({ ...each })),
    vcpusUsed: (market) => vcpus.get(market) ?? 0,
  };
}
