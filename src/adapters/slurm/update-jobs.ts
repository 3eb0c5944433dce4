/**
 * One change to many jobs: one `squeue` for their names, one `scontrol update`, one `scontrol hold`. scontrol goes
 * through its list job by job, tells the refused ones by name and changes the others.
 */
import type { Instant } from '../../core/units.ts';
import { SchedulerError, type JobChange } from '../../ports/scheduler.ts';
import { isRefusal, type RunOutcome } from './run.ts';
import type { JobReader } from './squeue.ts';

/** A JobChange, or that a held job may start (`none`). */
export interface JobOrder extends Omit<JobChange, 'hold'> {
  readonly hold?: JobChange['hold'] | 'none';
}

/** What was refused, by job; null for what is done. */
export type JobOutcomes = ReadonlyMap<number, SchedulerError | null>;

export type JobUpdater = (jobIds: readonly number[], change: JobOrder) => Promise<JobOutcomes>;

type RunScontrol = (args: readonly string[], what: string) => Promise<RunOutcome>;

const holdVerb = { admin: 'hold', user: 'uhold', none: 'release' } as const;

/** A job, and the name under which scontrol changes it alone. */
type Named = readonly [jobId: number, name: string];

export function createJobUpdater(reader: JobReader, run: RunScontrol): JobUpdater {
  /** Makes the change to all of the list; adds to `outcomes` what was refused, and returns what was not. */
  async function runList(
    list: readonly Named[],
    verb: 'update' | 'hold' | 'release',
    argsOf: (names: string) => readonly string[],
    outcomes: Map<number, SchedulerError | null>,
  ): Promise<readonly Named[]> {
    const [first] = list;
    if (first === undefined) return [];
    const names = list.map(([, name]) => name).join(',');
    const outcome = await run(
      argsOf(names),
      `${verb} ${list.length === 1 ? 'job' : 'jobs'} ${names}`,
    );
    if (outcome.kind === 'done') return list;
    if (list.length === 1) {
      outcomes.set(first[0], outcome.error);
      return [];
    }
    const refused = refusalsByName(outcome.lines);
    const others = outcome.lines.filter((line) => !tellsOf(line, list) && !isTail(line));
    const mayPass = outcome.error.transient || (others.length > 0 && !others.some(isRefusal));
    const failed = new SchedulerError(`scontrol could not ${verb} jobs: ${others.join(' ')}`, {
      transient: true,
      cause: outcome.error,
    });
    const done: Named[] = [];
    for (const job of list) {
      const [jobId, name] = job;
      const said = refused.get(name);
      if (said !== undefined)
        outcomes.set(jobId, refusalOf(`scontrol could not ${verb} job ${name}: ${said}`, said));
      else if (others.length === 0 && refused.size > 0) done.push(job);
      else if (mayPass) outcomes.set(jobId, others.length === 0 ? outcome.error : failed);
      else done.push(...(await runList([job], verb, argsOf, outcomes)));
    }
    return done;
  }

  /** The comment and the time come before the hold: a user who finds the job held finds the reason too. */
  return async (jobIds, { startAt, hold, adminComment }) => {
    const outcomes = new Map<number, SchedulerError | null>(jobIds.map((jobId) => [jobId, null]));
    const words = [
      ...(startAt === undefined ? [] : [`StartTime=${timeOf(startAt)}`]),
      ...(adminComment === undefined ? [] : [`AdminComment=${adminComment}`]),
    ];
    if (words.length === 0 && hold === undefined) return outcomes;
    let left = await nameAll(reader, jobIds, outcomes);
    if (words.length > 0)
      left = await runList(
        left,
        'update',
        (names) => ['update', `jobid=${names}`, ...words],
        outcomes,
      );
    if (hold !== undefined)
      await runList(
        left,
        hold === 'none' ? 'release' : 'hold',
        (names) => [holdVerb[hold], names],
        outcomes,
      );
    return outcomes;
  };
}

async function nameAll(
  reader: JobReader,
  jobIds: readonly number[],
  outcomes: Map<number, SchedulerError | null>,
): Promise<readonly Named[]> {
  try {
    const names = await reader.namesOf(jobIds);
    const named: Named[] = [];
    for (const jobId of outcomes.keys()) {
      const name = names.get(jobId);
      const said = 'Invalid job id specified';
      if (name !== undefined) named.push([jobId, name]);
      else outcomes.set(jobId, refusalOf(`scontrol could not update job ${jobId}: ${said}`, said));
    }
    return named;
  } catch (error: unknown) {
    if (!(error instanceof SchedulerError)) throw error;
    for (const jobId of jobIds) outcomes.set(jobId, error);
    return [];
  }
}

/** `Job has already finished for job 4`, by the name at the end. */
function refusalsByName(lines: readonly string[]): ReadonlyMap<string, string> {
  const refusals = new Map<string, string>();
  for (const line of lines) {
    const [, name] = / for job (\S+)$/.exec(line) ?? [];
    if (name !== undefined) refusals.set(name, line);
  }
  return refusals;
}

function tellsOf(line: string, list: readonly Named[]): boolean {
  const [, told] = / for job (\S+)$/.exec(line) ?? [];
  return list.some(([, name]) => name === told);
}

/** What `scontrol hold` says at the end of it all: the last job's error, or none. */
function isTail(line: string): boolean {
  return line.startsWith('slurm_suspend error: ');
}

function refusalOf(message: string, said: string): SchedulerError {
  return new SchedulerError(message, { transient: !isRefusal(said) });
}

/** In UTC, which is the zone that commands run in; whole seconds, never before the moment. */
function timeOf(at: Instant): string {
  return new Date(Math.ceil(at / 1000) * 1000).toISOString().slice(0, 19);
}
