/**
 * Launches that wait: for EC2's limit on RunInstances calls, for the moment of a retry, or since before a restart. They go
 * out in the order in which they were first asked for, so that capacity goes to who came first.
 */
import { abandon, again, sweepLaunch } from './decide-moves.ts';
import { refuseBatch } from './decide-launch.ts';
import { tokensTooLate } from './decide-start.ts';
import { tooLate } from './decide-rungs.ts';
import { openGang, type Draft } from './draft.ts';
import type { RunInstances } from './effects.ts';
import { scheduleLaunches, waitingLaunches, type WaitingLaunch } from './launch-schedule.ts';

export function releaseLaunches(draft: Draft): void {
  // What is late may end a gang, and with it launches that were to go.
  const over = new Set<string>();
  for (;;) {
    const { now, late } = scheduleLaunches(draft.state, draft.at, launchesOf(draft, over));
    const refused = late.filter((effect) => refuseLate(draft, effect));
    for (const { id } of refused) over.add(id);
    if (refused.length > 0) continue;
    for (const effect of now) again(draft, effect);
    return;
  }
}

/** Those that wait and are wanted still, then those of this turn. `over`: about which has been decided in it. */
function* launchesOf(draft: Draft, over: Set<string>): Generator<WaitingLaunch> {
  for (const launch of waitingLaunches(draft.state)) {
    const { id } = launch.effect;
    if (over.has(id)) continue;
    if (launch.dueAt > draft.at || isWanted(draft, launch.effect)) yield launch;
    else over.add(id);
  }
  for (const effect of draft.queued) yield { effect, dueAt: draft.at, isRepeat: false };
}

/** Its tokens come too late: waiting for them would only hold what the rest of its gang has. False: it is of this turn. */
function refuseLate(draft: Draft, effect: RunInstances): boolean {
  const gang = openGang(draft, draft.state.batchGangs.get(effect.id));
  const batch = gang?.batches.get(effect.id);
  if (gang === null || batch === undefined) return false;
  refuseBatch(draft, gang, batch, tokensTooLate(draft, gang, batch.nodes.length), false);
  return true;
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
