/**
 * The consoles of instances that did not boot, in the file and the format that ParallelCluster's clustermgtd writes: one
 * record a line, its line ends written as carriage returns.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ConsoleLog } from '../../ports/console-log.ts';
import { formatTime } from './log.ts';

export const consoleLogName = 'compute_console_output.log';

/** Appends to the file in `logDir`, which is opened when there is something to write. */
export function createConsoleLog(logDir: string): ConsoleLog {
  return {
    append({ node, instanceId, output }) {
      const text = output.replaceAll(/\r\n|\n/g, '\r');
      const record = `${formatTime(new Date())} - Console output for node ${node} (Instance Id ${instanceId}):\r${text}\n`;
      try {
        mkdirSync(logDir, { recursive: true });
        appendFileSync(join(logDir, consoleLogName), record, { mode: 0o640 });
      } catch (error: unknown) {
        process.stderr.write(`The console of ${instanceId} is not kept: ${String(error)}\n`);
      }
    },
  };
}
