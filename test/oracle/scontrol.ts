/**
 * The real scontrol as a reader and writer of hostlists. It needs no slurmctld, only a configuration file, which is
 * made here in a folder of its own. One process answers many questions: scontrol reads commands from its input and
 * prints each, behind its prompt, before the answer.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Scontrol {
  readonly version: string;
  /** Answers `show <what> <list>` for every list, in order; null where scontrol refused it. No white space in lists. */
  ask(what: 'hostnames' | 'hostlist', lists: readonly string[]): (string | null)[];
  /** One process for one list, given as an argument: white space and all. */
  askOnce(what: 'hostnames' | 'hostlist', list: string): string | null;
  /** A new file in the folder of the configuration, with this text; its absolute path. */
  file(name: string, text: string): string;
  /** Removes the folder. */
  close(): void;
}

/** Null where scontrol is not in PATH. */
export function openScontrol(): Scontrol | null {
  const folder = mkdtempSync(join(tmpdir(), 'muster-scontrol-'));
  const configuration = join(folder, 'slurm.conf');
  writeFileSync(
    configuration,
    'ClusterName=oracle\nSlurmctldHost=localhost\nNodeName=n[1-2]\nPartitionName=p Nodes=n[1-2]\n',
  );
  const env = {
    PATH: process.env['PATH'],
    SLURM_CONF: configuration,
    TERM: 'dumb',
    LC_ALL: 'C.UTF-8',
  };
  const run = (args: readonly string[], input = ''): string => {
    const child = spawnSync('scontrol', args, {
      env,
      input,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      timeout: 60_000,
    });
    if (child.error !== undefined) throw child.error;
    if (child.signal !== null) throw new Error(`scontrol was ended by ${child.signal}`);
    return child.stdout;
  };
  const close = (): void => rmSync(folder, { recursive: true });
  let version: string;
  try {
    version = run(['--version']).trim();
  } catch (error: unknown) {
    close();
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  return {
    version,
    ask(what, lists) {
      const answers = splitAnswers(run([], lists.map((list) => `show ${what} ${list}\n`).join('')));
      if (answers.length !== lists.length) {
        throw new Error(
          `scontrol gave ${String(answers.length)} answers to ${String(lists.length)} questions`,
        );
      }
      return answers;
    },
    askOnce(what, list) {
      return run(['show', what, list]).trimEnd() || null;
    },
    file(name, text) {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    },
    close,
  };
}

/** What scontrol printed between its prompts; the last prompt meets the end of the input. */
function splitAnswers(output: string): (string | null)[] {
  const answers: string[][] = [];
  for (const line of output.trimEnd().split('\n')) {
    if (line.startsWith('scontrol: ')) answers.push([]);
    else if (line !== 'scontrol:') answers.at(-1)?.push(line);
  }
  return answers.map((lines) => lines.join('\n') || null);
}
