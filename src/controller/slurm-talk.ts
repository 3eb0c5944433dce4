/** Conversations with Slurm that take more than one command. */
import type { ReleaseNodes, TellJobs } from '../core/effects.ts';
import { foldHostlist } from '../core/hostlist.ts';
import type { JobFacts, Told } from '../core/job-facts.ts';
import { withNote } from '../core/job-note.ts';
import { SchedulerError, type Scheduler, type SchedulerJob } from '../ports/scheduler.ts';

/** What Slurm says of the jobs, and which of their nodes beyond `asked` are not up. Rejects with SchedulerError. */
export async function askJobs(
  scheduler: Scheduler,
  jobIds: readonly number[],
  asked: readonly string[],
): Promise<Told> {
  const jobs = [...(await scheduler.listJobs(jobIds))];
  const known = new Set(jobs.map((job) => job.jobId));
  const leaders = new Set(jobs.flatMap((job) => (job.hetJobId === null ? [] : [job.hetJobId])));
  if (leaders.size > 0) {
    // The leader's id stands for all components.
    for (const job of await scheduler.listJobs([...leaders])) {
      if (known.has(job.jobId)) continue;
      known.add(job.jobId);
      jobs.push(job);
    }
  }
  return tellOf(scheduler, jobs, asked);
}

/** The jobs, and which of their nodes beyond `known` are not up. Rejects with SchedulerError. */
export async function tellOf(
  scheduler: Scheduler,
  jobs: readonly SchedulerJob[],
  known: readonly string[],
): Promise<Told> {
  const asked = new Set(known);
  const others = new Set(jobs.flatMap((job) => job.nodes).filter((node) => !asked.has(node)));
  const listed = others.size === 0 ? [] : await scheduler.listNodes([...others]);
  const absent = listed.filter(({ power }) => power !== 'up').map(({ node }) => node);
  return { jobs: jobs.map(factsOf), absent: foldHostlist(absent) };
}

export function factsOf(job: SchedulerJob): JobFacts {
  const { jobId, hetJobId, nodes, priority, comment, extra } = job;
  return {
    jobId,
    hetJobId,
    isAllocated: isAllocated(job),
    nodes: foldHostlist(nodes),
    priority,
    comment,
    extra,
  };
}

function isAllocated({ state, nodes }: SchedulerJob): boolean {
  return nodes.length > 0 && hasStarted(state);
}

/** Slurm looks every thirty seconds whether a job whose nodes are up may run; until then it is configuring. */
function hasStarted(state: SchedulerJob['state']): boolean {
  return state === 'CONFIGURING' || state === 'RUNNING';
}

/**
 * Looks who is on the nodes, drains those on which nobody is, so that nobody comes, looks again, powers the empty ones down
 * and takes the drain back. Nodes with a job are not drained: that would send a job that waits for them back to the queue.
 * Each step may be repeated. Rejects with SchedulerError, also while a job there is completing: its nodes are neither
 * empty nor anybody's.
 */
export async function releaseNodes(
  scheduler: Scheduler,
  { nodes, keep = [], reason }: ReleaseNodes,
): Promise<{ freed: readonly string[]; kept: Told }> {
  if (keep.length > 0) await scheduler.undrainNodes(keep);
  if (nodes.length === 0) return { freed: [], kept: { jobs: [], absent: '' } };
  const empty = withoutJobs(nodes, await jobsOn(scheduler, nodes));
  if (empty.length > 0) await scheduler.drainNodes(empty, reason);
  const on = await jobsOn(scheduler, nodes);
  const freed = withoutJobs(empty, on);
  if (freed.length > 0) await scheduler.powerDownNodes(freed);
  // All: a power-down does not always take the drain off, and an earlier try may have drained what has a job now.
  await scheduler.undrainNodes(nodes);
  const kept = await tellOf(scheduler, on.filter(isAllocated), []);
  return { freed, kept };
}

async function jobsOn(scheduler: Scheduler, nodes: readonly string[]): Promise<SchedulerJob[]> {
  const mine = new Set(nodes);
  const jobs = await scheduler.listAllocatedJobs();
  const on = jobs.filter((job) => job.nodes.some((node) => mine.has(node)));
  const leaving = on.filter(({ state }) => state === 'COMPLETING').length;
  if (leaving > 0)
    throw new SchedulerError(`${leaving} jobs are completing on the nodes`, { transient: true });
  return on;
}

function withoutJobs(nodes: readonly string[], jobs: readonly SchedulerJob[]): string[] {
  const taken = new Set(jobs.flatMap((job) => job.nodes));
  return nodes.filter((node) => !taken.has(node));
}

/**
 * Those that are powered down by now: one that is down is taken back into service, the others are undrained, but for those
 * that somebody has drained. Rejects with SchedulerError while others are still powering down.
 */
export async function refreshNodes(scheduler: Scheduler, nodes: readonly string[]): Promise<void> {
  const listed = await scheduler.listNodes(nodes);
  const saved = listed.filter(({ power, isDrained }) => power === 'saved' && !isDrained);
  const down = saved.filter(({ isDown }) => isDown).map(({ node }) => node);
  const idle = saved.filter(({ isDown }) => !isDown).map(({ node }) => node);
  if (down.length > 0) await scheduler.resumeNodes(down);
  if (idle.length > 0) await scheduler.undrainNodes(idle);
  const sinking = listed.filter(
    ({ power }) => power === 'powering-down' || power === 'down-wanted',
  ).length;
  if (sinking > 0)
    throw new SchedulerError(`${sinking} nodes are still powering down`, { transient: true });
}

/**
 * Changes those of the jobs that wait; with `anyState` also those that are started or run. One that Slurm has not put back in the
 * queue yet is asked for again: Slurm overwrites what is set before. Rejects with SchedulerError.
 */
export async function tellJobs(scheduler: Scheduler, effect: TellJobs): Promise<void> {
  const { note, startAt, hold, anyState = false } = effect;
  const listed = await scheduler.listJobs(effect.jobIds);
  // The leader of a heterogeneous job answers for the other components, which are listed with it.
  const jobs = listed.filter(({ jobId }) => effect.jobIds.includes(jobId));
  let early = 0;
  const outcomes = await Promise.allSettled(
    jobs.map(async ({ jobId, state, adminComment }) => {
      const isBusy = state === 'CONFIGURING' || state === 'RUNNING';
      if (!anyState && (state === 'CONFIGURING' || state === 'COMPLETING')) early += 1;
      if (state !== 'PENDING' && !(anyState && isBusy)) return;
      await scheduler.updateJob(jobId, {
        ...(startAt !== null && { startAt }),
        ...(hold !== null && { hold }),
        adminComment: withNote(adminComment, note),
      });
    }),
  );
  const errors = outcomes.flatMap((outcome): Error[] => {
    if (outcome.status === 'fulfilled') return [];
    const reason: unknown = outcome.reason;
    return [reason instanceof Error ? reason : new Error(String(reason))];
  });
  // One that cannot be changed, for good, must not end it for those that may be later.
  const passing = errors.find((error) => !(error instanceof SchedulerError) || error.transient);
  if (passing !== undefined) throw passing;
  if (early > 0)
    throw new SchedulerError(`${early} jobs are not back in the queue yet`, { transient: true });
  const [first] = errors;
  if (first !== undefined) throw first;
}
