/** `scontrol update jobid=`, `hold` and `uhold` on the model. */
import { SchedulerError, type JobChange } from '../../ports/scheduler.ts';
import { forgetOldJobs, heldReason, wholeOf } from './jobs.ts';
import type { JobRecord } from './types.ts';
import { wantSchedule } from './world.ts';
import type { World } from './world.ts';

/**
 * Changes the job, all components where it is the leader of a heterogeneous one, and all tasks of an array that have not
 * started where the number is still theirs together. As in Slurm, what was changed before a refusal stays changed.
 * Throws SchedulerError.
 */
export function updateJob(world: World, jobId: number, change: JobChange): void {
  const { startAt, adminComment, hold } = change;
  forgetOldJobs(world);
  const jobs = find(world, jobId);
  if (jobs.length === 0) throw refusal('Invalid job id specified', jobId, change);
  if (jobs.every(({ endedAt }) => endedAt !== 0))
    throw refusal('Job has already finished', jobId, change);
  for (const job of jobs) {
    if (adminComment !== undefined) job.adminComment = adminComment;
    if (startAt !== undefined) {
      // Slurm's moments are whole seconds.
      if (!isPending(job)) throw refusal('Job is no longer pending execution', jobId, change);
      job.beginAt = Math.ceil(startAt / 1000) * 1000;
      if (job.hold === null) job.reason = 'None';
    }
    if (hold === undefined) continue;
    // It shows on one that has started, and takes effect when that goes back to the queue.
    job.hold = hold;
    job.reason = heldReason[hold];
  }
  wantSchedule(world);
}

/** `scontrol release`: it may start, and stands last in the queue, also where it was not held. Throws SchedulerError. */
export function releaseJob(world: World, jobId: number): void {
  forgetOldJobs(world);
  const jobs = find(world, jobId);
  if (jobs.length === 0) throw refusal('Invalid job id specified', jobId, {});
  if (jobs.every(({ endedAt }) => endedAt !== 0))
    throw refusal('Job has already finished', jobId, {});
  for (const job of jobs) {
    job.order = world.nextOrder;
    world.nextOrder += 1;
    if (job.hold === null) continue;
    job.hold = null;
    job.reason = 'None';
  }
  world.pending.sort((a, b) => a.order - b.order);
  wantSchedule(world);
}

function find(world: World, jobId: number): readonly JobRecord[] {
  const named = [...world.jobs].filter((job) => job.id === jobId);
  const [first] = named;
  return first?.het?.components[0] === first && first !== undefined ? wholeOf(first) : named;
}

/** A job that is being cleared away to go back to the queue counts as pending, and its StartTime will be overwritten. */
function isPending({ state }: JobRecord): boolean {
  return state === 'PENDING' || state === 'COMPLETING';
}

/** `scontrol hold` says it twice. */
function refusal(
  said: string,
  jobId: number,
  { startAt, adminComment }: JobChange,
): SchedulerError {
  const isHold = startAt === undefined && adminComment === undefined;
  const more = isHold ? `\nslurm_suspend error: ${said}` : '';
  return new SchedulerError(`${said} for job ${jobId}${more}`, { transient: false });
}
