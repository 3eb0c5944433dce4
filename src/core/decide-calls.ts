/** A gang's calls, prepared: what they ask for, and that they are queued. */
import type { BatchStarted } from './decisions.ts';
import type { Draft } from './draft.ts';
import type { RunInstances } from './effects.ts';
import type { Place } from './fleet.ts';
import type { Gang } from './gang.ts';
import { instanceTypeOf, zoneOf } from './ladder.ts';
import type { Pool } from './settings.ts';

/** A call with the batch that it is for. */
export interface PreparedLaunch {
  readonly effect: RunInstances;
  readonly batch: BatchStarted;
  readonly place: Place;
  readonly pool: Pool;
}

/** Queues the calls; they go out as EC2's limits allow. */
export function startLaunches(
  draft: Draft,
  gang: Gang,
  rung: string,
  launches: readonly Pick<PreparedLaunch, 'effect' | 'batch'>[],
): void {
  const batches = launches.map(({ batch }) => batch);
  draft.decisions.push({ kind: 'GangStarted', gangId: gang.id, rung, batches });
  for (const { effect } of launches) draft.decisions.push({ kind: 'LaunchQueued', effect });
  draft.queued.push(...launches.map(({ effect }) => effect));
}

/** What must be known of a pool to reserve in it; null where something is not. */
export function reservable(
  draft: Draft,
  place: Place,
  pool: Pool,
): { readonly instanceType: string; readonly zone: string } | null {
  const instanceType = instanceTypeOf(place, pool);
  const zone = zoneOf(place, pool, draft.state.zones);
  return instanceType === null || zone === null ? null : { instanceType, zone };
}
