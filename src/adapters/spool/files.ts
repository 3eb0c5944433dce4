/**
 * The spool on disk: one file a request, written by the hooks (`hooks/spool.sh` documents the format) or by
 * `muster resume`. A file that cannot be understood is moved to `bad/`, never deleted: it may be somebody's job.
 */
import { watch } from 'node:fs';
import { chown, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HookRequest, HookVerb } from '../../core/requests.ts';
import type { Log } from '../../ports/log.ts';
import type { Spool } from '../../ports/spool.ts';

/** Slurm's longest argument is 131,071 bytes; a resume file of 5,000 jobs is about 1 MiB. */
const fileSizeMax = 64 * 1024 * 1024;

const scanIntervalMs = 1_000;

export interface FileSpool extends Spool {
  /** Makes a request durable, as the hooks do. */
  write(request: Omit<HookRequest, 'at'>): Promise<void>;
}

export interface SpoolOptions {
  readonly stateDir: string;
  readonly log: Log;
}

export async function openSpool({ stateDir, log }: SpoolOptions): Promise<FileSpool> {
  const dir = join(stateDir, 'spool');
  const folders = { tmp: join(dir, 'tmp'), fresh: join(dir, 'new'), bad: join(dir, 'bad') };
  await createFolders(stateDir, [dir, ...Object.values(folders)]);

  async function readRequest(id: string): Promise<HookRequest | null> {
    const path = join(folders.fresh, id);
    try {
      const { mtimeMs, size } = await stat(path);
      if (size > fileSizeMax)
        throw new Error(`${size} bytes; a request has at most ${fileSizeMax}`);
      return parseRequest(id, mtimeMs, await readFile(path, 'utf8'));
    } catch (error: unknown) {
      if (isMissing(error)) return null;
      const why = error instanceof Error ? error.message : String(error);
      await rename(path, join(folders.bad, id)).catch(() => undefined);
      log.write({
        level: 'ERROR',
        source: 'muster.spool:scan',
        message: `${path} is no request (${why}); moved to ${folders.bad}, the other requests go on`,
      });
      return null;
    }
  }

  return {
    async scan() {
      const names = await readdir(folders.fresh);
      const requests = await Promise.all(names.map(readRequest));
      return requests.filter((request) => request !== null).sort((a, b) => a.at - b.at);
    },
    async remove(requestIds) {
      await Promise.all(requestIds.map((id) => rm(join(folders.fresh, id), { force: true })));
    },
    async setAside(requestId) {
      await rename(join(folders.fresh, requestId), join(folders.bad, requestId));
    },
    watch(arrived) {
      const timer = setInterval(arrived, scanIntervalMs);
      const watcher = watch(folders.fresh, arrived);
      // The scan each second finds what a broken watch misses.
      watcher.on('error', () => watcher.close());
      return () => {
        clearInterval(timer);
        watcher.close();
      };
    },
    async write(request) {
      const temporary = join(folders.tmp, request.id);
      const file = await open(temporary, 'wx', 0o660);
      try {
        await file.writeFile(formatRequest(request));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, join(folders.fresh, request.id));
      const folder = await open(folders.fresh, 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    },
  };
}

/** The hooks run as Slurm's user, the daemon perhaps as root: what it creates belongs to the state folder's owner. */
async function createFolders(stateDir: string, folders: readonly string[]): Promise<void> {
  await mkdir(stateDir, { recursive: true, mode: 0o750 });
  const owner = await stat(stateDir);
  for (const folder of folders) {
    const created = await mkdir(folder, { recursive: true, mode: 0o770 });
    if (created !== undefined && process.getuid?.() === 0)
      await chown(folder, owner.uid, owner.gid);
  }
}

/** The text of a request file; a hostlist is one line by nature. */
export function formatRequest(request: Omit<HookRequest, 'at'>): string {
  const state = request.resumeFile === null ? 'absent' : 'present';
  return `muster-request 1\nverb ${request.verb}\nhostlist ${request.hostlist}\nresume-file ${state}\n\n${request.resumeFile ?? ''}`;
}

/** Reads a request file. Throws an Error that says what is wrong with it. */
export function parseRequest(id: string, at: number, text: string): HookRequest {
  const end = text.indexOf('\n\n');
  const [version, ...lines] = text.slice(0, end === -1 ? text.length : end).split('\n');
  if (version !== 'muster-request 1') throw new Error('its first line is not "muster-request 1"');
  if (end === -1) throw new Error('it has no empty line after its head');
  const head = new Map(
    lines.map((line) => {
      const space = line.indexOf(' ');
      return space === -1 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
    }),
  );
  const verb = head.get('verb');
  if (verb !== 'resume' && verb !== 'suspend' && verb !== 'resume-fail') {
    throw new Error(`its verb is "${verb ?? ''}"; it must be resume, suspend or resume-fail`);
  }
  return {
    id,
    verb: verb satisfies HookVerb,
    at: Math.floor(at),
    hostlist: head.get('hostlist') ?? '',
    resumeFile: head.get('resume-file') === 'present' ? text.slice(end + 2) : null,
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
