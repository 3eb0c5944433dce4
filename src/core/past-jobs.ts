/**
 * Refused jobs that wait no more. One that starts on nodes that are up already, or is cancelled, tells muster nothing of it: it
 * would keep others waiting behind it, and its tries would count on, a day later. Pure: of whom Slurm is asked, and what its
 * answer says.
 */
import type { State } from './state.ts';
import type { WorkingJob } from './survivors.ts';
import type { DurationMs, Instant } from './units.ts';

export interface PastJobs {
  /** They run: what was said of their refusals is past. */
  readonly started: readonly number[];
  /** Slurm has them no more, or they have ended. */
  readonly gone: readonly number[];
}

/** One that was refused a moment ago may still show as it was before. */
const settledAfterMs: DurationMs = 60_000;

/** So many are asked for at once; the others have their turn when these are settled. */
const askedMax = 1_000;

const atWork: ReadonlySet<string> = new Set(['CONFIGURING', 'COMPLETING']);

/** The refused jobs whose state tells something. */
export function refusedJobs({ jobs }: State, at: Instant): number[] {
  const refused = [...jobs].filter(([, { lastAt }]) => lastAt + settledAfterMs <= at);
  return refused.slice(0, askedMax).map(([jobId]) => jobId);
}

/** A heterogeneous job is what its leader is. Null: nothing has changed. */
export function pastJobs(
  asked: readonly number[],
  listed: readonly Pick<WorkingJob, 'jobId' | 'state'>[],
): PastJobs | null {
  const stateOf = new Map(listed.map(({ jobId, state }) => [jobId, state]));
  const started = asked.filter((jobId) => stateOf.get(jobId) === 'RUNNING');
  const gone = asked.filter((jobId) => {
    const state = stateOf.get(jobId);
    return state !== 'PENDING' && state !== 'RUNNING' && !atWork.has(state ?? '');
  });
  return started.length + gone.length === 0 ? null : { started, gone };
}
