/**
 * One of Slurm's programs, run once: an argument array, a time limit, and what it said when it failed. Times among its
 * arguments are in UTC.
 */
import { execFile } from 'node:child_process';
import { SchedulerError } from '../../ports/scheduler.ts';

/** One argument of a process may hold 131,071 bytes. */
export const listBytesMax = 100 * 1024;

/** What squeue prints of ten thousand jobs is a few mebibytes; what is beyond this is no answer. */
const outputBytesMax = 256 * 1024 * 1024;

export interface RunOptions {
  /** SLURM_CONF for the commands; null leaves it to Slurm's default. */
  readonly slurmConf: string | null;
  /** How long one process may take. */
  readonly timeoutMs: number;
  /** Told of every process started, by its name and arguments. */
  readonly started: (args: readonly string[], program: string) => void;
}

export interface Command {
  /** Absolute path, or a name to be found in PATH. */
  readonly path: string;
  /** The name in messages, such as `squeue`. */
  readonly program: string;
  readonly args: readonly string[];
  /** For the message: `scontrol could not ...`. */
  readonly what: string;
}

export type RunOutcome =
  | { readonly kind: 'done'; readonly stdout: string }
  | {
      readonly kind: 'failed';
      readonly said: string;
      /** The same, whole and line by line. */
      readonly lines: readonly string[];
      readonly error: SchedulerError;
    };

export function runCommand(options: RunOptions, command: Command): Promise<RunOutcome> {
  const { slurmConf, timeoutMs } = options;
  const { path, program, args, what } = command;
  const env = {
    PATH: process.env['PATH'] ?? '',
    // Where scontrol reads a time, such as StartTime=2030-01-01T00:00:00, it is the time of its own zone.
    TZ: 'UTC0',
    // squeue cuts long lists of array tasks short without it.
    SLURM_BITSTR_LEN: '0',
    ...(slurmConf === null ? {} : { SLURM_CONF: slurmConf }),
  };
  options.started(args, program);
  return new Promise((resolve) => {
    const fail = (output: string, silent: string, isFinal: boolean, cause: unknown): void => {
      const said = output.trim().replaceAll(/\s+/g, ' ').slice(0, 1_000);
      const text = `${program} could not ${what}: ${said === '' ? silent : said}`;
      const error = new SchedulerError(text, { transient: !isFinal && !isRefusal(said), cause });
      const lines = output.split('\n').flatMap((line) => line.trim() || []);
      resolve({ kind: 'failed', said, lines, error });
    };
    try {
      execFile(
        path,
        [...args],
        { env, timeout: timeoutMs, maxBuffer: outputBytesMax },
        (error, stdout, stderr) => {
          if (error === null) return resolve({ kind: 'done', stdout });
          const silent = error.killed
            ? `no answer within ${timeoutMs / 1000} s`
            : error.message.slice(0, 1_000);
          fail(`${stderr}${stdout}`, silent, false, error);
        },
      );
    } catch (error: unknown) {
      // An argument that no process can be given: too long, or with a NUL in it.
      fail('', error instanceof Error ? error.message : String(error), true, error);
    }
  });
}

/** What slurmctld says when the same call would fail again; anything else (no contact, time-out) may pass. */
export function isRefusal(said: string): boolean {
  return /invalid node name|invalid partition name|invalid node state|permission denied|invalid user id|node not found|not able to|invalid job id|no longer pending|already finished|already completing|must specify a reason/i.test(
    said,
  );
}
