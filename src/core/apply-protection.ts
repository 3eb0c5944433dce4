/**
 * The part of `apply` that keeps which queues are protected, and the boots that failed in a row. Only `apply` and its other
 * parts call it.
 */
import type { Decision } from './decisions.ts';
import { type PlaceName, placesOf } from './launch-policy.ts';
import { type QueueProtection, unprotected } from './protection.ts';
import { startedAnew, type State } from './state.ts';

export type ProtectionDecision = Extract<
  Decision,
  { kind: 'BootsFailed' | 'QueueProtected' | 'QueueStarted' | 'ConsoleKept' }
>;

export function applyToProtection(state: State, decision: ProtectionDecision): void {
  const { queue } = decision;
  switch (decision.kind) {
    case 'BootsFailed':
      return countFailures(state, decision, decision.nodes.length);
    case 'QueueProtected':
      return change(state, queue, { since: state.now, why: decision.why, console: null });
    case 'QueueStarted':
      state.protection.delete(queue);
      if (decision.wasProtected) forgiveJobs(state);
      return;
    case 'ConsoleKept':
      // What comes after the queue was started again is in the log.
      if (state.protection.has(queue)) change(state, queue, { console: decision.console });
      return;
  }
  return decision satisfies never;
}

/** Nodes have come up: the row of failures is over. */
export function endFailures(state: State, nodes: readonly string[]): void {
  if (state.protection.size === 0) return;
  for (const { queue, computeResource } of placesOf(nodes)) {
    const known = state.protection.get(queue);
    if (known === undefined || !Object.hasOwn(known.failures, computeResource)) continue;
    const left = Object.entries(known.failures).filter(([name]) => name !== computeResource);
    if (left.length === 0 && known.since === null) state.protection.delete(queue);
    else change(state, queue, { failures: Object.fromEntries(left) });
  }
}

function countFailures(state: State, { queue, computeResource }: PlaceName, count: number): void {
  const { failures } = state.protection.get(queue) ?? unprotected;
  const sum =
    (Object.hasOwn(failures, computeResource) ? (failures[computeResource] ?? 0) : 0) + count;
  change(state, queue, { failures: { ...failures, [computeResource]: sum } });
}

function change(state: State, queue: string, changed: Partial<QueueProtection>): void {
  state.protection.set(queue, { ...(state.protection.get(queue) ?? unprotected), ...changed });
}

/** The time for which a queue was protected is none in which a job could have been launched. */
function forgiveJobs(state: State): void {
  for (const [id, job] of state.jobs)
    if (job.code === 'QueueProtected') state.jobs.set(id, startedAnew(job, state.now));
}
