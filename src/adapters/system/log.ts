/**
 * The log file, in the format that ParallelCluster's users know:
 * `2022-06-21 23:37:55,845 - [module:function] - ERROR - message`, local time.
 */
import { mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Log, LogLine } from '../../ports/log.ts';

/** The file that ParallelCluster's ResumeProgram writes, in its folder. */
export const logFileName = 'slurm_resume.log';

/** Appends to the log file in `logDir`. Throws when the folder cannot be made or the file not opened. */
export function openFileLog(logDir: string): Log & { readonly path: string } {
  mkdirSync(logDir, { recursive: true });
  const path = join(logDir, logFileName);
  const file = openSync(path, 'a', 0o640);
  return {
    path,
    write(line) {
      try {
        writeSync(file, `${formatLogLine(new Date(), line)}\n`);
      } catch (error: unknown) {
        // A full disk must not stop the work; the ledger, which must be durable, fails on its own account.
        process.stderr.write(`${line.message} (not logged: ${String(error)})\n`);
      }
    },
  };
}

export function formatLogLine(at: Date, { level, source, message }: LogLine): string {
  // Names and messages come from outside: a line break in one must not forge a line.
  return `${formatTime(at)} - [${source}] - ${level} - ${message.replaceAll(/[\r\n]+/g, ' ')}`;
}

/** As Python's logging has it, in local time: `2022-06-21 23:37:55,845`. */
export function formatTime(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${date} ${time},${String(at.getMilliseconds()).padStart(3, '0')}`;
}
