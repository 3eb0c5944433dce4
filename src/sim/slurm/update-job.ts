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
  if (jobs.length === 0) throw refusal(`Invalid job id specified for job ${jobId}`);
  if (jobs.every(({ endedAt }) => endedAt !== 0))
    throw refusal(`Job has already finished for job ${jobId}`);
  for (const job of jobs) {
    if (adminComment !== undefined) job.adminComment = adminComment;
    if (startAt !== undefined) {
      // Slurm's moments are whole seconds.
      if (isPending(job)) job.beginAt = Math.ceil(startAt / 1000) * 1000;
      else throw refusal(`Job is no longer pending execution for job ${jobId}`);
    }
    if (hold === undefined) continue;
    job.hold = hold;
    if (job.state === 'PENDING') job.reason = heldReason[hold];
  }
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

function refusal(said: string): SchedulerError {
  return new SchedulerError(said, { transient: false });
}
