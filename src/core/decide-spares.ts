/** How many spares a gang's calls ask for, and the end of those that nobody needs. Whose places they take: decide-boot.ts. */
import { terminate } from './decide-moves.ts';
import type { Draft } from './draft.ts';
import type { Gang } from './gang.ts';
import { bucketAt } from './launch-bucket.ts';
import { poolKey } from './ladder.ts';
import { settingsAt } from './launch-policy.ts';
import type { PlannedBatch } from './plan.ts';
import type { Pool } from './settings.ts';
import { idleSpares, type Spare } from './spares.ts';

/**
 * How many instances each of a gang's calls asks for beyond its nodes. A spare never costs the gang anything: it waits for
 * no token of EC2's (`ahead`: instances whose tokens are spoken for), makes no call larger than max_batch_size, goes into
 * no reservation, and takes no room in a pool from which another call of the gang has yet to be served.
 */
export function sparesOf(
  draft: Draft,
  gang: Gang,
  calls: readonly { readonly planned: PlannedBatch; readonly pool: Pool }[],
  ahead: number,
): number[] {
  // Only what is whole or nothing waits for its last node; a replacement has spares, or would have had them.
  if (!gang.firm || gang.kind !== 'job' || gang.replaces !== null) return calls.map(() => 0);
  const { settings, zones, instanceBucket } = draft.state;
  const wanted = calls.reduce((sum, { planned }) => sum + planned.nodes.length, 0);
  const { tokens } = bucketAt(instanceBucket, settings.launchInstances, draft.at);
  let left = Math.max(0, Math.floor(tokens) - ahead - wanted);
  const keys = calls.map(({ planned, pool }) => poolKey(planned.place, pool, zones));
  return calls.map(({ planned, pool }, index) => {
    const isAlone = keys.filter((key) => key === keys[index]).length === 1;
    if (!isAlone || pool.reservationId !== null || pool.market === 'capacity-block') return 0;
    const here = settingsAt(settings, planned.place);
    const room = Math.max(0, here.maxBatchSize - planned.nodes.length);
    const spares = Math.min(here.spares, room, left);
    left -= spares;
    return spares;
  });
}

/** Their gangs are up, or are let go. */
export function endIdleSpares(draft: Draft): void {
  endSpares(draft, idleSpares(draft.state), 'SpareNotNeeded');
}

/** EC2 has ended some by itself. */
export function loseSpares(draft: Draft, ended: ReadonlySet<string>): void {
  const lost = [...draft.state.spares.values()].filter(({ instance }) =>
    ended.has(instance.instanceId),
  );
  endSpares(draft, lost, 'InstanceEnded');
}

function endSpares(draft: Draft, spares: readonly Spare[], why: string): void {
  const groups = new Map<string, [Spare, ...Spare[]]>();
  for (const spare of spares) {
    draft.spent.add(spare.instance.instanceId);
    const key = `${spare.gangId} ${spare.pool}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [spare]);
    else group.push(spare);
  }
  for (const group of groups.values()) {
    const [{ gangId, pool }] = group;
    const instanceIds = group.map(({ instance }) => instance.instanceId);
    const heldMs = group.reduce((sum, { launchedAt }) => sum + draft.at - launchedAt, 0);
    draft.decisions.push({ kind: 'SparesEnded', gangId, pool, instanceIds, why, heldMs });
    terminate(draft, instanceIds, gangId);
  }
}
