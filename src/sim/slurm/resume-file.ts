/** SLURM_RESUME_FILE as Slurm writes it: one line of JSON, in the shape of the version that is imitated. */
import { foldSorted } from '../../core/hostlist.ts';
import { priorityOf } from './jobs.ts';
import type { JobRecord, NodeRecord, ResumeFileShape } from './types.ts';

/** A job and those of its nodes that this call powers up. */
export interface ResumeEntry {
  readonly job: JobRecord;
  readonly nodes: readonly NodeRecord[];
}

/** The file's text for one ResumeProgram call; `all` are the nodes of its argument. */
export function renderResumeFile(
  shape: ResumeFileShape,
  entries: readonly ResumeEntry[],
  all: readonly NodeRecord[],
): string {
  if (shape === '22.05') {
    const jobs = entries.map(({ job, nodes }) => ({ job_id: job.id, nodes: fold(nodes) }));
    return JSON.stringify({ jobs, all_nodes: fold(all) });
  }
  const jobs = entries.map(({ job, nodes }) => ({
    extra: job.request.extra ?? null,
    job_id: job.id,
    features: null,
    nodes_alloc: fold(job.nodes),
    nodes_resume: fold(nodes),
    oversubscribe: oversubscribeWord(job),
    partition: job.partition.name,
    reservation: null,
    ...(shape === '26.05'
      ? { exclusive: job.request.exclusive === true, priority: priorityOf(job) }
      : {}),
  }));
  return JSON.stringify({ all_nodes_resume: fold(all), jobs });
}

function oversubscribeWord(job: JobRecord): string {
  if (job.request.exclusive === true) return 'NO';
  return job.request.oversubscribe === true ? 'YES' : 'OK';
}

function fold(nodes: readonly NodeRecord[]): string {
  return foldSorted(nodes.map((node) => node.name));
}
