/**
 * The ladder: where a gang's capacity may come from, in order. A rung names a pool for every compute resource that the
 * gang has nodes of; a firm gang is all or nothing on a rung, and a rung is in one zone unless its queues may be spread.
 */
import type { Place } from './fleet.ts';
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

/**
 * The rungs for a gang with nodes of these places, in order: the first place's pools lead, every other place takes its
 * first pool in the same zone. `firstZones`: zones that EC2 named as having room; their rungs come first.
 */
export function rungsOf(
  places: readonly Place[],
  zones: Zones,
  firstZones: readonly string[] = [],
): Rung[] {
  const [first, ...others] = places;
  if (first === undefined) return [];
  const rungs: Rung[] = [];
  for (const [index, pool] of first.pools.entries()) {
    const zone = zoneOf(first, pool, zones);
    const pools = new Map<Place, Pool>([[first, pool]]);
    for (const place of others) {
      const other = place.spread
        ? (place.pools[Math.min(index, place.pools.length - 1)] ?? null)
        : poolInZone(place, zone, zones);
      if (other !== null) pools.set(place, other);
    }
    if (pools.size === places.length) rungs.push(rungFrom(pools, zones));
  }
  const named = (rung: Rung): boolean => rung.zones.some((zone) => firstZones.includes(zone));
  return [...rungs.filter(named), ...rungs.filter((rung) => !named(rung))];
}

/** Where no zone is known, the place's own first pool has to do. */
function poolInZone(place: Place, zone: string | null, zones: Zones): Pool | null {
  for (const pool of place.pools) {
    const own = zoneOf(place, pool, zones);
    if (own === zone || own === null || zone === null) return pool;
  }
  return null;
}

function rungFrom(pools: ReadonlyMap<Place, Pool>, zones: Zones): Rung {
  const keys = [...pools].map(([place, pool]) => poolKey(place, pool, zones));
  const inZones = [...pools].map(([place, pool]) => zoneOf(place, pool, zones));
  return {
    key: [...new Set(keys)].join(' + '),
    pools,
    zones: [...new Set(inZones.filter((zone) => zone !== null))],
  };
}

/** The zones that a refusal names as having room, such as `... by choosing us-east-1a, us-east-1c.`; not the refused ones. */
export function zonesNamedIn(message: string, refused: readonly string[]): string[] {
  const named = message.match(/\b[a-z]{2}(?:-[a-z]+)+-\d[a-z]\b/g) ?? [];
  return [...new Set(named)].filter((zone) => !refused.includes(zone)).slice(0, 20);
}
