/**
 * Gangs that want the same pools. One that needs several calls is served at a time, the oldest first, so that two never
 * hold half each; and what it lets go of is handed to the one that waited for it rather than terminated and launched again.
 * A gang of one call needs no turn: EC2 gives it whole or not at all.
 */
import { leaseOf, openGang, type Draft } from './draft.ts';
import { createLocator } from './fleet.ts';
import type { Gang, Lease } from './gang.ts';
import { poolKey } from './ladder.ts';

/** The started gang of several calls that has its turn in one of these pools; null: there is none. */
export function holderOf(draft: Draft, gang: Gang, pools: readonly string[]): Gang | null {
  for (const other of draft.state.gangs.values()) {
    if (other.id === gang.id || openGang(draft, other.id) === null) continue;
    if (!other.firm || !isAtWork(other)) continue;
    if (poolsOf(other).some((pool) => pools.includes(pool))) return other;
  }
  return null;
}

function isAtWork({ phase, batches, reserving, nodes }: Gang): boolean {
  if (phase === 'reserving') return reserving.size > 1;
  // The last call of several may be the only one that is out.
  return (
    phase === 'launching' &&
    [...batches.values()].some((batch) => batch.nodes.length < nodes.length)
  );
}

function poolsOf({ batches, reserving }: Gang): string[] {
  const out = [...batches.values()].map((batch) => batch.pool);
  return [...out, ...[...reserving.values()].map(({ batch }) => batch.pool)];
}

/**
 * Hands instances that the gang lets go of to gangs that wait for its turn, as far as their nodes are of the same compute
 * resource.
 */
export function handOver(draft: Draft, gang: Gang, nodes: readonly string[]): void {
  const waiting = draft.index
    .waitersFor(gang.id)
    .filter((other) => openGang(draft, other.id) !== null);
  if (waiting.length === 0) return;
  const free = freeLeases(draft, nodes);
  for (const other of waiting) takeOver(draft, gang, other, free);
}

/** By compute resource and pool. */
function freeLeases(draft: Draft, nodes: readonly string[]): Map<string, Lease[]> {
  const locate = createLocator(draft.state.settings);
  const free = new Map<string, Lease[]>();
  for (const node of nodes) {
    const lease = draft.state.leases.get(node);
    const located = locate(node);
    if (lease === undefined || leaseOf(draft, node) === null || located.kind !== 'place') continue;
    const key = `${located.place.queue}/${located.place.computeResource} ${lease.pool}`;
    free.set(key, [...(free.get(key) ?? []), lease]);
  }
  return free;
}

function takeOver(draft: Draft, from: Gang, to: Gang, free: Map<string, Lease[]>): void {
  const { settings, zones } = draft.state;
  const locate = createLocator(settings);
  for (const node of to.nodes) {
    const located = locate(node);
    if (located.kind !== 'place' || leaseOf(draft, node) !== null) continue;
    const { place } = located;
    // On its first rung alone: what it would launch beside them must be in the same place.
    const [pool] = place.pools;
    if (pool === undefined || to.tried.length > 0) continue;
    const key = `${place.queue}/${place.computeResource} ${poolKey(place, pool, zones)}`;
    const lease = free.get(key)?.shift();
    if (lease === undefined) continue;
    draft.ended.add(lease.node);
    draft.placed.set(node, { node, instance: lease.instance, gangId: to.id });
    draft.decisions.push({
      kind: 'LeaseHandedOver',
      fromGangId: from.id,
      gangId: to.id,
      fromNode: lease.node,
      node,
    });
  }
}
