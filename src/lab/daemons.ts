/**
 * Long-lived processes of the lab: started so that they outlive this one, remembered in lab.json, waited for until they
 * answer. It does not end them (lab-dir.ts does).
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rememberProcess } from './lab-dir.ts';
import type { LabPaths } from './lab-dir.ts';
import { isAlive, markOf } from './processes.ts';
import type { ProcessMark } from './processes.ts';

/** In a session of its own, so that a Ctrl-C at the terminal reaches the lab alone and it can take down in order. */
export function startDetached(
  paths: LabPaths,
  role: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): ProcessMark {
  const log = openSync(join(paths.output, `${role}.log`), 'a', 0o644);
  try {
    const child = spawn(program, [...args], {
      cwd: '/',
      env,
      detached: true,
      stdio: ['ignore', log, log],
    });
    // A program that cannot be executed is seen by waitUntilReady, as one that has ended.
    child.on('error', () => undefined);
    child.unref();
    const mark = child.pid === undefined ? null : markOf(child.pid);
    if (mark === null) throw new Error(`cannot start ${program} (see ${paths.output}/${role}.log)`);
    rememberProcess(paths, role, mark);
    return mark;
  } finally {
    closeSync(log);
  }
}

export interface Readiness {
  readonly what: string;
  readonly mark: ProcessMark;
  readonly limitMs: number;
  readonly ready: () => Promise<boolean>;
  readonly logs: readonly string[];
}

/** Resolves when it answers; rejects, with the end of its log, when it ends before or takes too long. */
export async function waitUntilReady(wait: Readiness): Promise<void> {
  const deadline = performance.now() + wait.limitMs;
  for (;;) {
    if (!isAlive(wait.mark))
      throw new Error(`${wait.what} ended while it was starting.${lastLines(wait.logs)}`);
    if (await wait.ready()) return;
    if (performance.now() > deadline) {
      throw new Error(
        `${wait.what} does not answer after ${wait.limitMs / 1000} s.${lastLines(wait.logs)}`,
      );
    }
    await sleep(50);
  }
}

/** The end of the first log that says anything, for an error that outlives the lab's directory. */
function lastLines(logs: readonly string[]): string {
  for (const path of logs) {
    const text = existsSync(path) ? readFileSync(path, 'utf8').trimEnd() : '';
    if (text !== '') return ` The end of its log:\n${text.split('\n').slice(-15).join('\n')}`;
  }
  return ' It logged nothing.';
}
