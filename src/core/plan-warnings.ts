/**
 * The seed page's advice on max_batch_size: a firm launch-batch that cuts a job launches it in pieces, one that holds
 * several fails them together. Only for `node-list` mode: gangs of `job` mode have neither fault.
 */
import type { Place } from './fleet.ts';
import type { Plan, PlannedJob } from './plan.ts';

/** Sentences for people; empty when nothing is to be said. */
export function planWarnings(plan: Plan): string[] {
  if (plan.mode !== 'node-list' || plan.jobs.length === 0) return [];
  const batchOf = new Map<string, number>();
  // What is launched as far as there is room makes no such promise.
  const batches = plan.gangs.filter(({ firm }) => firm).flatMap((gang) => gang.batches);
  for (const [index, batch] of batches.entries()) {
    for (const node of batch.nodes) batchOf.set(node, index);
  }
  const warnings: string[] = [];
  const cut = plan.jobs.filter((job) => batchesOf(job, batchOf).size > 1);
  for (const job of cut) {
    const count = batchesOf(job, batchOf).size;
    warnings.push(
      `job ${job.jobId} (${job.nodes.length} nodes) is cut into ${count} launch-batches: it is not launched all-or-nothing.`,
    );
  }
  const jobsIn = new Map<number, number[]>();
  for (const job of plan.jobs) {
    for (const index of batchesOf(job, batchOf)) {
      jobsIn.set(index, [...(jobsIn.get(index) ?? []), job.jobId]);
    }
  }
  for (const [index, jobs] of jobsIn) {
    if (jobs.length < 2) continue;
    warnings.push(
      `launch-batch ${index + 1} holds nodes of ${jobs.length} jobs (${jobs.slice(0, 8).join(', ')}${jobs.length > 8 ? ', ...' : ''}): if it fails, all of them fail.`,
    );
  }
  if (warnings.length > 0) warnings.push(cure(plan, batchOf, batches));
  return warnings;
}

function batchesOf(job: PlannedJob, batchOf: ReadonlyMap<string, number>): Set<number> {
  const found = new Set<number>();
  for (const node of job.nodes) {
    const index = batchOf.get(node);
    if (index !== undefined) found.add(index);
  }
  return found;
}

function cure(
  plan: Plan,
  batchOf: ReadonlyMap<string, number>,
  batches: Plan['gangs'][number]['batches'],
): string {
  const largest = Math.max(...plan.jobs.map((job) => largestPart(job, batchOf, batches)));
  const sizes = [...new Set(batches.map(({ place }) => place.policy.maxBatchSize))];
  if (sizes.some((size) => size !== largest)) {
    return `max_batch_size is ${sizes.join(' or ')}, the largest job needs ${largest} instances of one compute resource: set max_batch_size = ${largest}, or use mode: job, which launches each job whole.`;
  }
  return `max_batch_size (${largest}) is the largest job's size, but the jobs' nodes do not lie batch by batch: submit with --contiguous, or use mode: job, which launches each job whole.`;
}

/** Most nodes of the job in one compute resource: what one launch-batch would have to hold. */
function largestPart(
  job: PlannedJob,
  batchOf: ReadonlyMap<string, number>,
  batches: Plan['gangs'][number]['batches'],
): number {
  const counts = new Map<Place, number>();
  for (const node of job.nodes) {
    const place = batches[batchOf.get(node) ?? -1]?.place;
    if (place !== undefined) counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}
