/**
 * Who goes first where EC2 has too little. A job that it had no room for waits in Slurm for its next try; what later jobs
 * take from its pools meanwhile it may lack then, so that a wide job could starve behind narrow ones.
 *
 * A job of a queue that is not greedy lets every such job before it go first: it is refused at once and tried a moment
 * after it. A job of a greedy queue passes, but not for ever: one that was passed for long enough goes first once, until
 * its next try; then others may pass again, so that one for which there is never room does not stop the rest either.
 * Order is that of the first refusals, in one moment that of the jobs' numbers; a job with more priority than the one
 * that waits is not held up by it.
 *
 * It looks at pools, not at numbers: nobody knows how many of a pool the one that waits will find.
 */
import { settingsFor } from './launch-policy.ts';
import { leaseOf, type Draft } from './draft.ts';
import { createLocator, type Place } from './fleet.ts';
import type { Gang, Refusal } from './gang.ts';
import { poolKey, rungsOf, type Rung } from './ladder.ts';
import type { JobTries, JobWants } from './state.ts';
import type { DurationMs, Instant } from './units.ts';
import { verdictOf } from './verdict.ts';

/** A job's next try is not told to the second: Slurm starts it when it looks at its queue again. */
const momentMs: DurationMs = 30_000;

/** A job that EC2 had no room for, and that is to be tried again. */
export interface Waiting {
  readonly jobId: number;
  readonly firstAt: Instant;
  readonly nextAt: Instant;
  readonly wants: JobWants;
}

/** The jobs that wait, and have not come back or been served meanwhile. */
export function waitingJobs({ state, at }: Draft): Waiting[] {
  const waiting: Waiting[] = [];
  for (const [jobId, { wants, firstAt, nextAt }] of state.jobs) {
    if (wants === null || nextAt === null || nextAt + momentMs <= at) continue;
    waiting.push({ jobId, firstAt, nextAt, wants });
  }
  if (waiting.length === 0) return waiting;
  const served = new Set([...state.boots.values()].flatMap(({ jobIds }) => jobIds));
  for (const { phase, jobIds } of state.gangs.values())
    if (phase === 'assigning' || phase === 'releasing') for (const id of jobIds) served.add(id);
  return waiting.filter(({ jobId }) => !served.has(jobId));
}

/** The last to be tried of those that the gang must not pass on this rung; null: it may take it. */
export function aheadOf(
  draft: Draft,
  gang: Gang,
  rung: Rung,
  waiting: readonly Waiting[],
): Waiting | null {
  // A replacement keeps whole what is already there; a gang of no job has nobody to be told.
  if (gang.replaces !== null || gang.jobIds.length === 0 || gang.kind === 'launch-batch')
    return null;
  // It holds what another gang let go of: that runs, and is of use to nobody before it.
  if (gang.nodes.some((node) => leaseOf(draft, node)?.gangId === gang.id)) return null;
  let last: Waiting | null = null;
  for (const job of waiting) {
    if (last !== null && job.nextAt <= last.nextAt) continue;
    if (isInTheWay(draft, rung, job) && isLater(draft, gang, job)) last = job;
  }
  return last;
}

function isInTheWay({ state }: Draft, rung: Rung, { wants }: Waiting): boolean {
  for (const [place, pool] of rung.pools) {
    const mayPass = place.policy.greedy && !wants.isFirst;
    if (!mayPass && wants.pools.includes(poolKey(place, pool, state.zones))) return true;
  }
  return false;
}

function isLater({ state }: Draft, { jobIds, priority }: Gang, before: Waiting): boolean {
  const other = before.wants.priority;
  if (priority !== null && other !== null && priority > other) return false;
  return jobIds.every((jobId) => {
    const firstAt = state.jobs.get(jobId)?.firstAt ?? Infinity;
    return firstAt === before.firstAt ? jobId > before.jobId : firstAt > before.firstAt;
  });
}

/** The refusal of a gang that stands behind the job. */
export function behind({ at }: Draft, { jobId, nextAt, wants }: Waiting): Omit<Refusal, 'nodes'> {
  const what = `${wants.count} ${wants.count === 1 ? 'instance' : 'instances'}`;
  return {
    code: 'BehindAnother',
    message: `job ${jobId}, which EC2 had no room for, waits for ${what} of the same capacity and goes first`,
    retryAt: Math.max(at, nextAt) + momentMs,
  };
}

/**
 * What a job waits for that was refused with `code`, its gang's `nodes` with it: null where it is not room at EC2. One
 * that stood behind another waits for what it waited for before.
 */
export function wantsOf(
  draft: Draft,
  gang: Gang,
  jobId: number,
  nodes: readonly string[],
  code: string,
): JobWants | null {
  const before: JobTries | undefined = draft.state.jobs.get(jobId);
  if (code === 'BehindAnother') return before?.wants ?? null;
  if (verdictOf(code) !== 'capacity') return null;
  const { pools, count } = poolsFor(draft, gang, nodes);
  const passedSince = before?.wants?.passedSince ?? draft.at;
  const isFirst = draft.at - passedSince > 2 * settingsFor(draft.state.settings, gang).retry.maxMs;
  return {
    pools,
    count,
    priority: gang.priority,
    passedSince: isFirst ? draft.at : passedSince,
    isFirst,
  };
}

function poolsFor(
  draft: Draft,
  gang: Gang,
  nodes: readonly string[],
): Pick<JobWants, 'pools' | 'count'> {
  const { settings, zones } = draft.state;
  const locate = createLocator(settings);
  const places = new Set<Place>();
  let count = 0;
  for (const node of nodes) {
    const located = locate(node);
    // What another gang's instance serves is not launched.
    if (located.kind !== 'place' || leaseOf(draft, node) !== null) continue;
    places.add(located.place);
    count += 1;
  }
  const rungs = rungsOf([...places], zones, [], gang.wish);
  const pools = rungs.flatMap((rung) =>
    [...rung.pools].map(([place, pool]) => poolKey(place, pool, zones)),
  );
  return { pools: [...new Set(pools)], count };
}
