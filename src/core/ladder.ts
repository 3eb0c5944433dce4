/**
 * The ladder: where a gang's capacity may come from, in order. A rung names a pool for every compute resource that the
 * gang has nodes of; a firm gang is all or nothing on a rung, and a rung is in one zone unless its queues may be spread.
 */
import type { Place } from './fleet.ts';
import type { JobWish } from './job-wish.ts';
import type { Pool } from './settings.ts';

export interface Rung {
  /** Names its pools: the same text is the same rung. */
  readonly key: string;
  readonly pools: ReadonlyMap<Place, Pool>;
  /** Zones of its pools, where they are known. */
  readonly zones: readonly string[];
}

/** Subnets and their zones, as far as EC2 has told. */
export type Zones = ReadonlyMap<string, string>;

export function zoneOf(place: Place, pool: Pool, zones: Zones): string | null {
  const subnetId = pool.subnetId ?? place.subnetId;
  return subnetId === null ? null : (zones.get(subnetId) ?? null);
}

export function instanceTypeOf(place: Place, pool: Pool): string | null {
  return pool.instanceType ?? place.instanceType;
}

/** One place that capacity comes from, for the memory: type, zone or subnet, market, reservation. */
export function poolKey(place: Place, pool: Pool, zones: Zones): string {
  const type = instanceTypeOf(place, pool) ?? `${place.queue}/${place.computeResource}`;
  const where = zoneOf(place, pool, zones) ?? pool.subnetId ?? place.subnetId ?? 'any zone';
  const how = pool.reservationId === null ? pool.market : `${pool.market} ${pool.reservationId}`;
  return `${type} ${where} ${how}`;
}

/** The instance type of a pool, from its key; what stands for an unknown one is no type's name. */
export function typeOfPool(key: string): string {
  return key.split(' ')[0] ?? '';
}

/**
 * The rungs for a gang with nodes of these places, in order: the first place's pools lead, every other place takes its
 * first pool in the same zone. Pools that its job does not wish for are none. `firstZones`: zones that EC2 named as having
 * room; their rungs come first.
 */
export function rungsOf(
  places: readonly Place[],
  zones: Zones,
  firstZones: readonly string[] = [],
  wish: JobWish = {},
): Rung[] {
  const [first, ...others] = places;
  if (first === undefined) return [];
  const rungs: Rung[] = [];
  const poolsOf = (place: Place): Pool[] =>
    place.pools.filter((pool) => isWished(place, pool, wish, zones));
  for (const [index, pool] of poolsOf(first).entries()) {
    const zone = zoneOf(first, pool, zones);
    const pools = new Map<Place, Pool>([[first, pool]]);
    for (const place of others) {
      const theirs = poolsOf(place);
      const other =
        (wish.spread ?? place.policy.spread)
          ? (theirs[Math.min(index, theirs.length - 1)] ?? null)
          : poolInZone(place, theirs, zone, zones);
      if (other !== null) pools.set(place, other);
    }
    if (pools.size === places.length) rungs.push(rungFrom(pools, zones, rungs));
  }
  const named = (rung: Rung): boolean => rung.zones.some((zone) => firstZones.includes(zone));
  return [...rungs.filter(named), ...rungs.filter((rung) => !named(rung))];
}

/** Whether a job that asks for markets, types or zones of its own may be launched in the pool. */
function isWished(place: Place, pool: Pool, wish: JobWish, zones: Zones): boolean {
  const { markets, instanceTypes, zones: wanted } = wish;
  const type = instanceTypeOf(place, pool);
  const zone = zoneOf(place, pool, zones);
  return (
    (markets === undefined || markets.includes(pool.market)) &&
    (instanceTypes === undefined || (type !== null && instanceTypes.includes(type))) &&
    (wanted === undefined || (zone !== null && wanted.includes(zone)))
  );
}

/** The first pool in the zone; where that is not known, or no pool is known to be there, the first that may be. */
function poolInZone(
  place: Place,
  pools: readonly Pool[],
  zone: string | null,
  zones: Zones,
): Pool | null {
  const isThere = (pool: Pool): boolean => zoneOf(place, pool, zones) === zone;
  const mayBeThere = (pool: Pool): boolean => zone === null || zoneOf(place, pool, zones) === null;
  return (zone === null ? undefined : pools.find(isThere)) ?? pools.find(mayBeThere) ?? null;
}

/** What names a rung of these pools. */
export function keyOf(pools: ReadonlyMap<Place, Pool>, zones: Zones): string {
  const keys = [...pools].map(([place, pool]) => poolKey(place, pool, zones));
  return [...new Set(keys)].join(' + ');
}

/** A second subnet of a zone is a rung of its own: the first one may be out of addresses. */
function rungFrom(
  pools: ReadonlyMap<Place, Pool>,
  zones: Zones,
  before: readonly Pick<Rung, 'key'>[],
): Rung {
  const key = keyOf(pools, zones);
  const subnets = [...pools].map(
    ([place, pool]) => pool.subnetId ?? place.subnetId ?? 'any subnet',
  );
  const inZones = [...pools].map(([place, pool]) => zoneOf(place, pool, zones));
  return {
    key: before.some((rung) => rung.key === key) ? `${key} ${subnets.join(' ')}` : key,
    pools,
    zones: [...new Set(inZones.filter((zone) => zone !== null))],
  };
}

/** The zones that a refusal names as having room, such as `... by choosing us-east-1a, us-east-1c.`; not the refused ones. */
export function zonesNamedIn(message: string, refused: readonly string[]): string[] {
  const named = message.match(/\b[a-z]{2}(?:-[a-z]+)+-\d[a-z]\b/g) ?? [];
  return [...new Set(named)].filter((zone) => !refused.includes(zone)).slice(0, 20);
}
