/**
 * What was paid and what it was paid for. Pure.
 *
 * Paid: every instance, from its launch to the moment that its termination was asked for. Used: every node, while a job
 * runs on it. Jobs are looked at about once a second; between two looks the number of busy nodes is taken to change
 * half-way, so a job's start and end are each known to half the time between looks.
 */
import type { Instant } from '../core/units.ts';
import type { JobState, JobStatus } from '../ports/slurm-commands.ts';
import type { JobCounts, LabInstance, ReservationCounts } from './world.ts';

/** Instance-seconds paid between two moments. */
export function paidSeconds(instances: readonly LabInstance[], from: Instant, to: Instant): number {
  let total = 0;
  for (const instance of instances) {
    const start = Math.max(instance.launchedAt, from);
    const end = Math.min(instance.terminatedAt ?? to, to);
    total += Math.max(0, end - start);
  }
  return total / 1000;
}

/** One look at the queue. */
export interface BusySample {
  readonly at: Instant;
  readonly busyNodes: number;
}

/** Node-seconds in which a job ran, between two moments. Samples are in order of time; before the first and after the last nothing is counted. */
export function busySeconds(samples: readonly BusySample[], from: Instant, to: Instant): number {
  let total = 0;
  for (const [index, sample] of samples.entries()) {
    const next = samples[index + 1];
    if (next === undefined) break;
    const middle = (sample.at + next.at) / 2;
    total += sample.busyNodes * overlap(sample.at, middle, from, to);
    total += next.busyNodes * overlap(middle, next.at, from, to);
  }
  return total / 1000;
}

function overlap(start: Instant, end: Instant, from: Instant, to: Instant): number {
  return Math.max(0, Math.min(end, to) - Math.max(start, from));
}

/** The nodes on which a job runs, each once however many jobs share it. */
export function busyNodeCount(jobs: readonly JobStatus[]): number {
  const busy = new Set<string>();
  for (const job of jobs) {
    if (job.state === 'RUNNING') for (const node of job.nodes) busy.add(node);
  }
  return busy.size;
}

export function countJobs(jobs: readonly JobStatus[]): JobCounts {
  const counts = { running: 0, pending: 0, failed: 0, completed: 0 };
  for (const job of jobs) {
    const column = columnOf(job.state);
    if (column !== null) counts[column] += 1;
  }
  return counts;
}

function columnOf(state: JobState): keyof JobCounts | null {
  switch (state) {
    case 'PENDING':
    case 'CONFIGURING':
      return 'pending';
    case 'RUNNING':
    case 'COMPLETING':
      return 'running';
    case 'COMPLETED':
      return 'completed';
    case 'FAILED':
    case 'NODE_FAIL':
    case 'TIMEOUT':
      return 'failed';
    case 'CANCELLED':
      return null;
  }
}

/** EC2 goes on listing those that it refused, as `failed`, and those that are over. */
export function countReservations(
  listed: readonly { readonly state: string }[],
): ReservationCounts {
  return {
    made: listed.filter(({ state }) => state !== 'failed').length,
    cancelled: listed.filter(({ state }) => state === 'cancelled').length,
  };
}

/** True for a job that will not change any more. */
export function hasEnded(job: JobStatus): boolean {
  switch (job.state) {
    case 'PENDING':
    case 'CONFIGURING':
    case 'RUNNING':
    case 'COMPLETING':
      return false;
    case 'COMPLETED':
    case 'FAILED':
    case 'NODE_FAIL':
    case 'TIMEOUT':
    case 'CANCELLED':
      return true;
  }
}
