/** Programs of this machine: where they are, and running one to its end. Always by argument vector, never by a shell. */
import { execFile } from 'node:child_process';
import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Slurm's and munge's daemons are in sbin, which an ordinary PATH leaves out. */
const usualPlaces = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The absolute path of a program, looked for in PATH and then in the usual places; null when it is nowhere. */
export function findProgram(name: string, path: string | undefined): string | null {
  return findOnPath(name, [path ?? '', ...usualPlaces].join(':'));
}

/** The absolute path of a program in the folders of PATH alone, relative ones left out; null when it is in none. */
export function findOnPath(name: string, path: string | undefined): string | null {
  const folders = (path ?? '').split(':').filter((folder) => folder.startsWith('/'));
  for (const folder of folders) {
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // Not here: the next folder.
    }
  }
  return null;
}

/**
 * The path, as seen from inside, of a program of the system in the folder `root`; null when it has none. A link is taken for a
 * program, because one that begins at the top of that system (Debian's alternatives) leads elsewhere from here.
 */
export function findProgramIn(root: string, name: string): string | null {
  const folder = usualPlaces.find((place) => {
    const stat = lstatSync(join(root, place, name), { throwIfNoEntry: false });
    if (stat === undefined) return false;
    return stat.isSymbolicLink() || (stat.isFile() && (stat.mode & 0o111) !== 0);
  });
  return folder === undefined ? null : join(folder, name);
}

export interface RunOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

/** Runs a program; resolves to what it printed. Rejects, with what it said on standard error, when it fails. */
export function run(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      [...args],
      {
        env: options.env,
        cwd: options.cwd ?? '/',
        timeout: options.timeoutMs ?? 30_000,
        maxBuffer: 64 * 1024 * 1024,
        encoding: 'utf8',
      },
      (error, stdout, stderr) => {
        if (error === null) {
          resolve(stdout);
          return;
        }
        const said = `${stderr}${stdout}`.trim();
        const how = error.killed === true ? 'took too long' : 'failed';
        reject(
          new Error(`${program} ${args.join(' ')} ${how}${said === '' ? '' : `: ${said}`}`, {
            cause: error,
          }),
        );
      },
    );
  });
}
