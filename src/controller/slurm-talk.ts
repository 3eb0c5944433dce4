/** Conversations with Slurm that take more than one command. */
import type { DrainNodes, GiveBackNodes, ReleaseNodes, TellJobs } from '../core/effects.ts';
import { reasonBy } from '../core/fleet-facts.ts';
import { foldHostlist } from '../core/hostlist.ts';
import type { JobFacts, Told } from '../core/job-facts.ts';
import { withNote } from '../core/job-note.ts';
import { isOut } from '../core/judge.ts';
import { isOwnReason } from '../core/reasons.ts';
import type { DurationMs } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';
import {
  SchedulerError,
  type Scheduler,
  type SchedulerJob,
  type SchedulerNode,
} from '../ports/scheduler.ts';

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

/** A person has put it out of service, and it is his to take back. */
function isKeptOut(node: SchedulerNode): boolean {
  return isOut(node) && reasonBy(node.reason) === 'person';
}

/**
 * Looks who is on the nodes, drains those on which nobody is, so that nobody comes, looks again, powers the empty ones down
 * and takes the drain back. Nodes with a job are not drained: that would send a job that waits for them back to the queue.
 * Nor are those that a person keeps out of service, which get no job: his reason stays, and they are not undrained.
 * Each step may be repeated. Rejects with SchedulerError, also while a job there is completing: its nodes are neither
 * empty nor anybody's; and where Slurm takes so long that what was seen may be past.
 */
export async function releaseNodes(
  scheduler: Scheduler,
  effect: ReleaseNodes,
  clock: Clock,
): Promise<{ freed: readonly string[]; kept: Told }> {
  const { nodes, keep = [], reason } = effect;
  const listed = await soon(clock, scheduler.listNodes([...keep, ...nodes]));
  const keptOut = new Set(listed.filter(isKeptOut).map(({ node }) => node));
  const wanted = keep.filter((node) => !keptOut.has(node));
  if (wanted.length > 0) await scheduler.undrainNodes(wanted);
  if (nodes.length === 0) return { freed: [], kept: { jobs: [], absent: '' } };
  if (effect.code !== undefined) return releaseFleetNodes(scheduler, effect, listed, clock);
  const barred = nodes.filter((node) => keptOut.has(node));
  const open = nodes.filter((node) => !keptOut.has(node));
  const look = (): Promise<SchedulerJob[]> => soon(clock, jobsOn(scheduler, nodes));
  const empty = withoutJobs(open, await look());
  if (empty.length > 0) await scheduler.drainNodes(empty, reason, freshMs);
  const on = await look();
  const freed = withoutJobs([...barred, ...empty], on);
  if (freed.length > 0) await scheduler.powerDownNodes(freed, freshMs);
  // All: a power-down does not always take the drain off, and an earlier try may have drained what has a job now.
  if (open.length > 0) await scheduler.undrainNodes(open);
  const kept = await tellOf(scheduler, on.filter(isAllocated), []);
  return { freed, kept };
}

/**
 * The same for nodes that are up. Who is out of service by another's hand, Slurm's too, gets no job, and stays out. Of the
 * jobs that are found there nothing is told: they have their nodes.
 */
async function releaseFleetNodes(
  scheduler: Scheduler,
  { nodes, reason }: ReleaseNodes,
  listed: readonly SchedulerNode[],
  clock: Clock,
): Promise<{ freed: readonly string[]; kept: Told }> {
  const mine = new Set(nodes);
  const up = listed.filter(
    (each) => mine.has(each.node) && each.power === 'up' && !each.isReserved,
  );
  const isBarred = (each: SchedulerNode): boolean => isOut(each) && !isOwnReason(each.reason);
  const barred = up.filter(isBarred).map(({ node }) => node);
  const open = up.filter((each) => !isBarred(each)).map(({ node }) => node);
  const look = (of: readonly string[]): Promise<SchedulerJob[]> =>
    soon(clock, jobsOn(scheduler, of));
  const empty = withoutJobs(open, await look(open));
  if (empty.length > 0) await scheduler.drainNodes(empty, reason, freshMs);
  const there = [...barred, ...empty];
  const freed = withoutJobs(there, await look(there));
  if (freed.length > 0) await scheduler.powerDownNodes(freed, freshMs);
  if (open.length > 0) await scheduler.undrainNodes(open);
  return { freed, kept: { jobs: [], absent: '' } };
}

/** What was seen longer ago says too little of whom a node serves now. */
const freshMs: DurationMs = 3_000;

/** What Slurm tells, unless it takes too long for it. Rejects with SchedulerError. */
async function soon<T>(clock: Clock, looking: Promise<T>, withinMs = freshMs): Promise<T> {
  const since = clock.now();
  const seen = await looking;
  const tookMs = clock.now() - since;
  if (tookMs <= withinMs) return seen;
  const message = `Slurm took ${Math.round(tookMs / 1000)} s to tell whom the nodes serve`;
  throw new SchedulerError(message, { transient: true });
}

/** Slurm may have powered the nodes down and up again by itself; then it is decided anew. */
const giveBackWaitsMs: DurationMs = 10_000;

/**
 * Down with the reason, or, without one, powered down. Rejects with SchedulerError, also where Slurm takes so long to tell which
 * are up that they may be in their next life.
 */
export async function giveBack(
  scheduler: Scheduler,
  { nodes, reason, onlyUp = false }: GiveBackNodes,
  clock: Clock,
): Promise<void> {
  if (reason === null) return scheduler.powerDownNodes(nodes, giveBackWaitsMs);
  if (!onlyUp) return scheduler.downNodes(nodes, reason, giveBackWaitsMs);
  const listed = await soon(clock, scheduler.listNodes(nodes), giveBackWaitsMs);
  const up = listed.filter(({ power, isDown }) => power === 'up' && !isDown);
  if (up.length > 0)
    await scheduler.downNodes(
      up.map(({ node }) => node),
      reason,
      giveBackWaitsMs,
    );
}

/**
 * No further job is put on those that are up; those that are out of service already keep their reason. Rejects with
 * SchedulerError, also where Slurm takes too long to tell which are which.
 */
export async function drainNodes(
  scheduler: Scheduler,
  { nodes, reason }: DrainNodes,
  clock: Clock,
): Promise<void> {
  const listed = await soon(clock, scheduler.listNodes(nodes), giveBackWaitsMs);
  const up = listed.filter((each) => each.power === 'up' && !each.isReserved && !isOut(each));
  if (up.length > 0)
    await scheduler.drainNodes(
      up.map(({ node }) => node),
      reason,
    );
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
 * Those that are powered down by now: one that is down or drained is taken back into service, the others are undrained, but
 * for those that a person keeps out: he may have come since they were given back. With `evenDrained` those are too; and one
 * that Slurm waits to hear from is powered down once more, which makes it forget that. Rejects with SchedulerError while
 * others are still powering down.
 */
export async function refreshNodes(
  scheduler: Scheduler,
  nodes: readonly string[],
  clock: Clock,
  evenDrained = false,
): Promise<void> {
  const listed = await soon(clock, scheduler.listNodes(nodes), giveBackWaitsMs);
  const saved = listed.filter(
    (each) => each.power === 'saved' && (evenDrained || !isKeptOut(each)),
  );
  const names = (those: readonly SchedulerNode[]): string[] => those.map(({ node }) => node);
  const out = saved.filter(isOut);
  const idle = saved.filter((each) => !isOut(each));
  const silent = evenDrained ? idle.filter(({ isResponding }) => !isResponding) : [];
  if (out.length > 0) await scheduler.resumeNodes(names(out));
  // A job may come meanwhile, which that would send back.
  if (silent.length > 0) await scheduler.powerDownNodes(names(silent), freshMs);
  if (idle.length > 0 && !evenDrained) await scheduler.undrainNodes(names(idle));
  const sinking = listed.filter(
    ({ power }) => power === 'powering-down' || power === 'down-wanted',
  ).length;
  if (sinking > 0)
    throw new SchedulerError(`${sinking} nodes are still powering down`, { transient: true });
}

/** A job that has come back so often may be what its nodes die of. */
const restartsMax = 3;

/** Whether a requeued job waits as Slurm has it, and may be spared that. In its first moment no reason is shown yet. */
function waits(reason: string, restarts: number): boolean {
  return (reason === 'BeginTime' || reason === 'None') && restarts <= restartsMax;
}

/**
 * Changes those of the jobs that wait; with `anyState` also those that are started or run. One that Slurm has not put back in the
 * queue yet is asked for again: Slurm overwrites what is set before. With `release` only those that muster holds are changed.
 * Rejects with SchedulerError.
 */
export async function tellJobs(scheduler: Scheduler, effect: TellJobs): Promise<void> {
  const { note, startAt, hold, anyState = false, release = false, endsWait = false } = effect;
  const listed = await scheduler.listJobs(effect.jobIds);
  // The leader of a heterogeneous job answers for the other components, which are listed with it: one of them alone, which
  // the resume file does not tell from a plain job, would keep the others waiting without a word.
  const named = listed.filter(({ jobId }) => effect.jobIds.includes(jobId));
  const jobs = [...new Map(named.map((job) => [job.hetJobId ?? job.jobId, job])).values()];
  const isOver = note === null && anyState && !release;
  const waiting = isOver ? await waitingLeaders(scheduler, jobs) : new Set<number>();
  let early = 0;
  const outcomes = await Promise.allSettled(
    jobs.map(async (job) => {
      const { state, reason, restarts, adminComment } = job;
      const jobId = job.hetJobId ?? job.jobId;
      const isBusy = state === 'CONFIGURING' || state === 'RUNNING';
      if (!anyState && (state === 'CONFIGURING' || state === 'COMPLETING')) early += 1;
      if (state !== 'PENDING' && !(anyState && isBusy)) return;
      if (waiting.has(jobId)) return;
      if (release && !isHeldByMuster(job)) return;
      if (release) await scheduler.releaseJob(jobId);
      const change = {
        ...(startAt !== null && (!endsWait || waits(reason, restarts)) && { startAt }),
        ...(hold !== null && { hold }),
        adminComment: withNote(adminComment, note),
      };
      try {
        await scheduler.updateJob(jobId, change);
      } catch (error: unknown) {
        if (!isOfPartAlone(error) || !hasPartAtWork(listed, jobId)) throw error;
      }
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

function isOfPartAlone(error: unknown): boolean {
  return (
    error instanceof SchedulerError && !error.transient && /no longer pending/.test(error.message)
  );
}

/**
 * Whether a component runs while its leader waits, as one does whose nodes are up when the leader loses some. Slurm changes the
 * leader then, and refuses the same for the component (recorded).
 */
function hasPartAtWork(listed: readonly SchedulerJob[], leader: number): boolean {
  return listed.some(
    ({ jobId, hetJobId, state }) => hetJobId === leader && jobId !== leader && state !== 'PENDING',
  );
}

/**
 * Leaders that are in the queue while other components of theirs have started by themselves: what the leader was told, why it
 * is held for example, still holds. Rejects with SchedulerError.
 */
async function waitingLeaders(
  scheduler: Scheduler,
  jobs: readonly SchedulerJob[],
): Promise<ReadonlySet<number>> {
  const leaders = jobs.flatMap(({ jobId, hetJobId, state }) =>
    hetJobId === null || hetJobId === jobId || state === 'PENDING' ? [] : [hetJobId],
  );
  if (leaders.length === 0) return new Set();
  const listed = await scheduler.listJobs(leaders);
  return new Set(listed.flatMap(({ jobId, state }) => (state === 'PENDING' ? [jobId] : [])));
}

/** A hold shows in the priority; one that somebody else has put on it stays. */
function isHeldByMuster({ priority, adminComment }: SchedulerJob): boolean {
  return priority === 0 && withNote(adminComment, null) !== adminComment;
}
