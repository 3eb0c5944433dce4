/**
 * Jobs, read with `squeue`.
 *
 * `--extra` is in none of squeue's formats: where Slurm has it (23.02 and later) it comes from `squeue --json`, of which
 * nothing else is taken, since its layout changes between versions. That costs some 10 KB a job, so jobs that are looked
 * at again and again are asked once.
 */
import { SchedulerError, type SchedulerJob } from '../../ports/scheduler.ts';
import { allocatedStates, jobStateOf } from './job-state.ts';
import { drawEnd, formatOf, nodesOf, readRows, unreadable } from './rows.ts';
import { listBytesMax, type RunOutcome } from './run.ts';

export type RunSqueue = (args: readonly string[], what: string) => Promise<RunOutcome>;

export interface JobReader {
  listJobs(jobIds: readonly number[]): Promise<readonly SchedulerJob[]>;
  listAllocatedJobs(): Promise<readonly SchedulerJob[]>;
  /**
   * The names under which `scontrol update` knows each of these jobs alone. Slurm takes the id of an array for all of its
   * tasks, although the last task to start keeps it. Jobs that Slurm does not know have none.
   */
  namesOf(jobIds: readonly number[]): Promise<ReadonlyMap<number, string>>;
}

/** In the order of the readers below; both of the Slurms that this was tried with know them. */
const fields = [
  'JobID',
  'HetJobID',
  'State',
  'Reason',
  'Partition',
  'NodeList',
  'PriorityLong',
  'RestartCnt',
  'Comment',
  'admin_comment',
] as const;

type Field = (typeof fields)[number] | 'JobArrayID';

export function createJobReader(run: RunSqueue): JobReader {
  const extras = createExtraReader(run);

  return {
    async listJobs(jobIds) {
      const wanted = new Set(jobIds);
      const jobs: SchedulerJob[] = [];
      for (const list of idLists([...wanted])) {
        const rows = await ask(run, ['--states=all', `--jobs=${list}`], fields, 'list jobs');
        jobs.push(...rows.map(jobOf));
      }
      const mine = jobs.filter(
        ({ jobId, hetJobId }) => wanted.has(jobId) || wanted.has(hetJobId ?? 0),
      );
      return extras.addTo(oncePerId(mine));
    },
    async listAllocatedJobs() {
      const rows = await ask(run, [`--states=${allocatedStates}`], fields, 'list allocated jobs');
      return extras.addRememberedTo(rows.map(jobOf));
    },
    async namesOf(jobIds) {
      const wanted = new Set(jobIds.map(String));
      const names = new Map<number, string>();
      for (const list of idLists([...new Set(jobIds)])) {
        const filter = ['--states=all', `--jobs=${list}`];
        for (const row of await ask(run, filter, ['JobID', 'JobArrayID'], 'find jobs')) {
          const jobId = wholeNumber(row.JobID);
          if (wanted.has(row.JobID) && !names.has(jobId))
            names.set(jobId, row.JobArrayID.includes('_') ? row.JobArrayID : row.JobID);
        }
      }
      return names;
    },
  };
}

/** Comma lists that fit one argument. */
function idLists(ids: readonly number[]): string[] {
  const perList = Math.floor(listBytesMax / 11);
  const lists: string[] = [];
  for (let from = 0; from < ids.length; from += perList)
    lists.push(ids.slice(from, from + perList).join(','));
  return lists;
}

/** A heterogeneous job's component answers for its own id and for its leader's. */
function oncePerId(jobs: readonly SchedulerJob[]): SchedulerJob[] {
  return [...new Map(jobs.map((job) => [job.jobId, job])).values()];
}

async function ask<F extends Field>(
  run: RunSqueue,
  filter: readonly string[],
  wanted: readonly F[],
  what: string,
): Promise<Record<F, string>[]> {
  const end = drawEnd();
  const outcome = await run(['--noheader', '--all', ...filter, formatOf(wanted, end)], what);
  if (outcome.kind === 'done') return readRows('squeue', outcome.stdout, wanted, end);
  // squeue says so where one job alone was asked for; of several it leaves out what it does not know.
  if (/invalid job id/i.test(outcome.said)) return [];
  throw outcome.error;
}

function jobOf(row: Record<(typeof fields)[number], string>): SchedulerJob {
  const nodes = nodesOf('squeue', row.NodeList);
  return {
    jobId: wholeNumber(row.JobID),
    hetJobId: /^[1-9][0-9]*$/.test(row.HetJobID) ? Number(row.HetJobID) : null,
    state: jobStateOf(row.State, nodes.length > 0),
    reason: row.Reason,
    partition: row.Partition,
    nodes,
    priority: /^[0-9]+$/.test(row.PriorityLong) ? Number(row.PriorityLong) : null,
    restarts: wholeNumber(row.RestartCnt),
    comment: textOf(row.Comment),
    adminComment: textOf(row.admin_comment),
    extra: '',
  };
}

function wholeNumber(text: string): number {
  if (!/^[0-9]+$/.test(text)) throw unreadable('squeue', `"${text}" where a number was expected`);
  return Number(text);
}

function textOf(value: string): string {
  return value === '(null)' ? '' : value;
}

interface ExtraReader {
  addTo(jobs: readonly SchedulerJob[]): Promise<readonly SchedulerJob[]>;
  /** Asks only for jobs that it has not seen, and forgets those that are not among these. */
  addRememberedTo(jobs: readonly SchedulerJob[]): Promise<readonly SchedulerJob[]>;
}

function createExtraReader(run: RunSqueue): ExtraReader {
  let isOffered: boolean | null = null;
  let remembered = new Map<number, string>();

  async function read(jobIds: readonly number[]): Promise<Map<number, string>> {
    const extras = new Map<number, string>();
    if (jobIds.length === 0) return extras;
    isOffered ??= await hasExtra(run);
    for (const list of isOffered ? idLists(jobIds) : []) {
      const outcome = await run(
        ['--json', '--all', '--states=all', `--jobs=${list}`],
        "read the jobs' --extra",
      );
      if (outcome.kind === 'done') readExtras(outcome.stdout, extras);
      // A Slurm that was built without JSON says no more of it.
      else if (/json|serializer|data_parser|plugin/i.test(outcome.said)) isOffered = false;
      else if (!/invalid job id/i.test(outcome.said)) throw outcome.error;
    }
    return extras;
  }

  const withExtras = (jobs: readonly SchedulerJob[], extras: ReadonlyMap<number, string>) =>
    jobs.map((job) => ({ ...job, extra: extras.get(job.jobId) ?? '' }));

  return {
    async addTo(jobs) {
      return withExtras(jobs, await read(jobs.map(({ jobId }) => jobId)));
    },
    async addRememberedTo(jobs) {
      const fresh = jobs.map(({ jobId }) => jobId).filter((id) => !remembered.has(id));
      const found = await read(fresh);
      remembered = new Map(
        jobs.map(({ jobId }) => [jobId, remembered.get(jobId) ?? found.get(jobId) ?? '']),
      );
      return withExtras(jobs, remembered);
    },
  };
}

/** Whether this is 23.02 or later; squeue knows without asking slurmctld. */
async function hasExtra(run: RunSqueue): Promise<boolean> {
  const outcome = await run(['--version'], 'tell its version');
  if (outcome.kind === 'failed') throw outcome.error;
  const [, year = '0'] = /\b([0-9]+)\.[0-9]+/.exec(outcome.stdout) ?? [];
  return Number(year) >= 23;
}

/** Takes from the JSON what every version has in the same place, and passes over what is of another shape. */
function readExtras(text: string, extras: Map<number, string>): void {
  const answer = parseJson(text);
  const jobs = isRecord(answer) ? answer['jobs'] : null;
  if (!Array.isArray(jobs)) throw unreadable('squeue', 'JSON without a list of jobs');
  for (const job of jobs as readonly unknown[]) {
    if (!isRecord(job)) continue;
    const { job_id: jobId, extra } = job;
    if (typeof jobId === 'number' && typeof extra === 'string') extras.set(jobId, extra);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error: unknown) {
    throw new SchedulerError('squeue printed what cannot be read: no JSON', {
      transient: false,
      cause: error,
    });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
