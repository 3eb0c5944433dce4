/**
 * Launches that wait: for EC2's limit on RunInstances calls, for the moment of a retry, or since before a restart. They go
 * out in the order in which they were first asked for, so that capacity goes to who came first.
 */
import { abandon, again, sweepLaunch } from './decide-gang.ts';
import { refuseBatch } from './decide-launch.ts';
import { tooLate } from './decide-start.ts';
import { openGang, type Draft } from './draft.ts';
import type { RunInstances } from './effects.ts';
import { scheduleLaunches, waitingLaunches } from './launch-schedule.ts';

export function releaseLaunches(draft: Draft): void {
  const waiting = waitingLaunches(draft.state).filter(
    ({ effect, dueAt }) => dueAt > draft.at || isWanted(draft, effect),
  );
  const fresh = draft.queued.map((effect) => ({ effect, dueAt: draft.at, isRepeat: false }));
  const { now } = scheduleLaunches(draft.state, draft.at, [...waiting, ...fresh]);
  for (const effect of now) again(draft, effect);
}

/** False: the launch is over, and what had to be decided about it has been. */
function isWanted(draft: Draft, effect: RunInstances): boolean {
  const gangId = draft.state.batchGangs.get(effect.id);
  if (gangId === undefined) {
    // Nobody waits for it any more, but an attempt before a crash may have launched.
    abandon(draft, effect, 'its gang is closed');
    sweepLaunch(draft, effect.id, effect.order.clientToken);
    return false;
  }
  const gang = openGang(draft, gangId);
  const batch = gang?.batches.get(effect.id);
  // Closed in this turn, which has taken care of it.
  if (gang === null || batch === undefined) return false;
  if (!batch.nodes.some((node) => gang.nodes.includes(node))) {
    const message = 'Slurm powered all of its nodes down before EC2 was asked again';
    refuseBatch(draft, gang, batch, { code: 'PoweredDown', message }, false);
    return false;
  }
  const late = tooLate(draft, gang);
  if (late === null) return true;
  refuseBatch(draft, gang, batch, late, false);
  return false;
}
