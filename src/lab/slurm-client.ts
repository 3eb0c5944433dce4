/** sbatch, scancel, squeue, sinfo and scontrol of the lab's Slurm. */
import { setTimeout as sleep } from 'node:timers/promises';
import { foldHostlist } from '../core/hostlist.ts';
import type { JobRequest, JobStatus, NodeStatus, SlurmCommands } from '../ports/slurm-commands.ts';
import { run } from './programs.ts';
import { JOB_FORMAT, NODE_FORMAT, parseJobs, parseNodes } from './slurm-text.ts';

const READ_TRIES = 5;
const READ_AGAIN_MS = 2_000;

export interface ClientOptions {
  readonly version: string;
  /** The whole environment of the commands: SLURM_CONF and nothing of the caller's SLURM_* or SBATCH_*. */
  readonly env: NodeJS.ProcessEnv;
  /** Absolute paths of the commands. */
  readonly programs: Readonly<Record<ClientProgram, string>>;
}

export type ClientProgram = 'sbatch' | 'scancel' | 'squeue' | 'sinfo' | 'scontrol';

export function createSlurmClient(options: ClientOptions): SlurmCommands {
  const call = (program: ClientProgram, args: readonly string[]): Promise<string> =>
    run(options.programs[program], args, { env: options.env });
  /** What only reads is asked again: slurmctld may be busy for longer than a command waits. */
  const read = async (program: 'squeue' | 'sinfo', args: readonly string[]): Promise<string> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await call(program, args);
      } catch (error: unknown) {
        if (tries === READ_TRIES) throw error;
        await sleep(READ_AGAIN_MS);
      }
    }
  };
  return {
    kind: 'real',
    version: options.version,
    async submit(job: JobRequest): Promise<string> {
      const answer = (await call('sbatch', sbatchArguments(job))).trim();
      const id = /^[0-9]+/.exec(answer)?.[0];
      if (id === undefined) throw new Error(`sbatch answers without a job id: "${answer}"`);
      return id;
    },
    async cancel(jobId: string): Promise<void> {
      await call('scancel', [jobId]);
    },
    async updateNodes(nodes, state, reason) {
      const words = [`nodename=${foldHostlist(nodes)}`, `state=${state}`];
      await call('scontrol', [
        'update',
        ...words,
        ...(reason === undefined ? [] : [`reason=${reason}`]),
      ]);
    },
    async jobs(): Promise<readonly JobStatus[]> {
      return parseJobs(
        await read('squeue', [
          '--noheader',
          '--all',
          '--array',
          '--states=all',
          `--Format=${JOB_FORMAT}`,
        ]),
      );
    },
    async nodes(): Promise<readonly NodeStatus[]> {
      return parseNodes(await read('sinfo', ['--noheader', '--all', `--format=${NODE_FORMAT}`]));
    },
    sinfo: () => read('sinfo', []),
    squeue: () => read('squeue', []),
  };
}

/**
 * The arguments of sbatch for a job; `sbatchLine` shows the same to people. The batch script of a heterogeneous job runs in its first
 * component: what is said of it stands first.
 */
export function sbatchArguments(job: JobRequest): readonly string[] {
  return [
    '--parsable',
    '--output=/dev/null',
    '--chdir=/',
    `--wrap=sleep ${job.seconds}`,
    ...shownArguments(job),
  ];
}

/** The sbatch command as a person would type it. */
export function sbatchLine(job: JobRequest): string {
  const words = shownArguments(job).map((word) => (/\s/.test(word) ? JSON.stringify(word) : word));
  return ['sbatch', ...words, `--wrap "sleep ${job.seconds}"`].join(' ');
}

function shownArguments(job: JobRequest): readonly string[] {
  const components = (job.het ?? []).map((part) => componentArguments({ ...job, ...part }));
  return [componentArguments(job), ...components].flatMap((words, index) =>
    index === 0 ? words : [':', ...words],
  );
}

function componentArguments(job: JobRequest): readonly string[] {
  return [
    ...(job.name === undefined ? [] : [`--job-name=${job.name}`]),
    '-p',
    job.partition,
    '-N',
    String(job.nodes),
    ...(job.array === undefined ? [] : ['-a', job.array]),
    ...(job.exclusive === true ? ['--exclusive'] : []),
    ...(job.oversubscribe === true ? ['--oversubscribe'] : []),
    ...(job.requeue === false ? ['--no-requeue'] : []),
    ...(job.contiguous === true ? ['--contiguous'] : []),
    ...(job.nodelist === undefined ? [] : [`--nodelist=${job.nodelist}`]),
    ...(job.beginAfterSeconds === undefined ? [] : [`--begin=${localTime(job.beginAfterSeconds)}`]),
    ...(job.comment === undefined ? [] : [`--comment=${job.comment}`]),
    ...(job.extra === undefined ? [] : [`--extra=${job.extra}`]),
    ...(job.hold === true ? ['--hold'] : []),
  ];
}

/** So many seconds ahead, as sbatch reads a time of the day: in whole seconds, by the machine's own clock. */
function localTime(aheadSeconds: number): string {
  const at = new Date(Date.now() + aheadSeconds * 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
