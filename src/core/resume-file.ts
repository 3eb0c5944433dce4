/**
 * SLURM_RESUME_FILE, in its three shapes: 22.05 (`nodes`), 23.02 (`nodes_alloc`, `nodes_resume`) and 26.05 (also
 * `exclusive`, `priority`). Unknown keys are ignored. A job entry that cannot be used is told and left out; a file that
 * cannot be read at all is told as a whole. The file is data from outside: nothing in it may throw.
 */

export interface ResumeJob {
  readonly jobId: number;
  /** Hostlist of the nodes to power up for the job. */
  readonly nodesResume: string;
  /** Hostlist of all the job's nodes; null in 22.05, which does not tell. */
  readonly nodesAlloc: string | null;
  /** Slurm's job priority (26.05 and later). */
  readonly priority: number | null;
}

export type ResumeFile =
  | {
      readonly kind: 'read';
      readonly jobs: readonly ResumeJob[];
      readonly problems: readonly string[];
    }
  | { readonly kind: 'unreadable'; readonly message: string };

export function parseResumeFile(text: string): ResumeFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error: unknown) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      kind: 'unreadable',
      message: `SLURM_RESUME_FILE is not whole JSON (${text.length} characters: ${why})`,
    };
  }
  if (!isRecord(parsed) || !Array.isArray(parsed['jobs'])) {
    return { kind: 'unreadable', message: 'SLURM_RESUME_FILE has no list "jobs"' };
  }
  const jobs: ResumeJob[] = [];
  const problems: string[] = [];
  const listed = new Set<number>();
  for (const [index, entry] of parsed['jobs'].entries()) {
    const job = readJob(entry, listed);
    if (typeof job === 'string') {
      problems.push(`SLURM_RESUME_FILE jobs[${index}]: ${job}`);
      continue;
    }
    listed.add(job.jobId);
    jobs.push(job);
  }
  return { kind: 'read', jobs, problems };
}

function readJob(entry: unknown, listed: ReadonlySet<number>): ResumeJob | string {
  if (!isRecord(entry)) return 'is not an object';
  const jobId = entry['job_id'];
  if (typeof jobId !== 'number' || !Number.isSafeInteger(jobId) || jobId < 0) {
    return 'has no job_id that is a whole number';
  }
  if (listed.has(jobId)) return `job ${jobId} is in the list already`;
  const nodesResume = entry['nodes_resume'] ?? entry['nodes'];
  if (typeof nodesResume !== 'string') {
    return `job ${jobId} has neither nodes_resume nor nodes`;
  }
  const nodesAlloc = entry['nodes_alloc'];
  const priority = entry['priority'];
  return {
    jobId,
    nodesResume,
    nodesAlloc: typeof nodesAlloc === 'string' ? nodesAlloc : null,
    priority: typeof priority === 'number' && Number.isFinite(priority) ? priority : null,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
