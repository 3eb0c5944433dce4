/** What the runaway guard and the protection of queues promise, after every turn. */
import { isProtected } from '../protection.ts';
import type { State } from '../state.ts';
import type { Turn } from '../turn.ts';

export function checkGuards(state: State, turn: Turn): void {
  const started = turn.decisions.flatMap((each) => {
    if (each.kind === 'GangStarted') return each.batches;
    return each.kind === 'GangReserving' ? each.parts.map(({ batch }) => batch) : [];
  });
  // What was launched before a limit was set, or before the queue was protected, is another matter.
  for (const { queue, effectId } of started)
    must(!isProtected(state, queue), () => `${effectId} is for a queue that is protected`);
  if (started.length > 0) checkInstances(state);
}

function must(holds: boolean, sentence: () => string): void {
  if (!holds) throw new Error(sentence());
}

function checkInstances(state: State): void {
  const limit = state.settings.limits.instances;
  if (limit === null) return;
  let asked = 0;
  for (const { effect } of state.outstanding.values())
    if (effect.kind === 'RunInstances') asked += effect.order.maxCount;
  for (const { phase, reserving } of state.gangs.values())
    for (const { batch } of phase === 'reserving' ? reserving.values() : [])
      asked += batch.nodes.length;
  const count = state.leases.size + state.spares.size + asked;
  must(count <= limit, () => `${count} instances run or are asked for, and the limit is ${limit}`);
}
