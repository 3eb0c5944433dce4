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
 * Drains the nodes so that nobody else comes, looks who is there, powers the empty ones down and undrains the others.
 * Each step may be repeated. Rejects with SchedulerError, also while a job there is completing: its nodes are neither
 * empty nor anybody's.
 */
export async function releaseNodes(
  scheduler: Scheduler,
  { nodes, keep = [], reason }: ReleaseNodes,
): Promise<{ freed: readonly string[]; kept: Told }> {
  if (keep.length > 0) await scheduler.undrainNodes(keep);
  if (nodes.length === 0) return { freed: [], kept: { jobs: [], absent: '' } };
  await scheduler.drainNodes(nodes, reason);
  const jobs = await scheduler.listAllocatedJobs();
  const mine = new Set(nodes);
  const on = jobs.filter((job) => job.nodes.some((node) => mine.has(node)));
  const leaving = on.filter(({ state }) => state === 'COMPLETING').length;
  if (leaving > 0)
    throw new SchedulerError(`${leaving} jobs are completing on the nodes`, { transient: true });
  const taken = new Set(on.flatMap((job) => job.nodes));
  const freed = nodes.filter((node) => !taken.has(node));
  if (freed.length > 0) await scheduler.powerDownNodes(freed);
  // Those on which somebody is; and the others, because a power-down does not always take the drain off.
  await scheduler.undrainNodes(nodes);
  const kept = await tellOf(scheduler, on.filter(isAllocated), []);
  return { freed, kept };
}

/**
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
  const errors = outcomes.flatMap((outcome): unknown[] =>
    outcome.status === 'rejected' ? [outcome.reason] : [],
  );
  // One that cannot be changed, for good, must not end it for those that may be later.
  const passing = errors.find((error) => !(error instanceof SchedulerError) || error.transient);
  if (passing !== undefined) throw passing;
  if (early > 0)
    throw new SchedulerError(`${early} jobs are not back in the queue yet`, { transient: true });
  if (errors.length > 0) throw errors[0];
}
