/**
 * The spool on disk: one file a request, written by the hooks (`hooks/spool.sh` documents the format) or by
 * commands such as `muster resume`. A file that cannot be understood is moved to `bad/`, never deleted: it may be somebody's job. One
 * that cannot be read stays, for a scan that can.
 */
import { watch, type FSWatcher, type Stats } from 'node:fs';
import { chown, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HookRequest, HookVerb } from '../../core/requests.ts';
import type { Log } from '../../ports/log.ts';
import type { Spool } from '../../ports/spool.ts';

/** Slurm's longest argument is 131,071 bytes; a resume file of 5,000 jobs is about 1 MiB. */
const fileSizeMax = 64 * 1024 * 1024;

const scanIntervalMs = 1_000;

/** After an outage thousands may wait; a process may have about a thousand files open. */
const readsAtOnce = 64;

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

  /** Files that could not be read: each is told once, not each second. */
  const told = new Set<string>();

  /** Null where it cannot be: without inotify instances, for example. */
  function watchFresh(arrived: () => void): FSWatcher | null {
    try {
      const watcher = watch(folders.fresh, arrived);
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch (error: unknown) {
      const message = `${folders.fresh} cannot be watched (${String(error)}); it is looked into each second`;
      log.write({ level: 'WARNING', source: 'muster.spool:watch', message });
      return null;
    }
  }

  function tell(message: string): void {
    log.write({ level: 'ERROR', source: 'muster.spool:scan', message });
  }

  async function readRequest(id: string): Promise<HookRequest | null> {
    const path = join(folders.fresh, id);
    let text: string | null;
    let found: Stats;
    try {
      found = await stat(path);
      text = found.size > fileSizeMax ? null : await readFile(path, 'utf8');
    } catch (error: unknown) {
      if (!isMissing(error) && !told.has(id)) {
        told.add(id);
        tell(`${path} cannot be read (${String(error)}); it waits there, the other requests go on`);
      }
      return null;
    }
    try {
      if (text === null)
        throw new Error(`${found.size} bytes; a request has at most ${fileSizeMax}`);
      return parseRequest(id, found.mtimeMs, text);
    } catch (error: unknown) {
      const why = error instanceof Error ? error.message : String(error);
      await rename(path, join(folders.bad, id)).catch(() => undefined);
      tell(`${path} is no request (${why}); moved to ${folders.bad}, the other requests go on`);
      return null;
    }
  }

  return {
    async scan() {
      const names = await readdir(folders.fresh);
      const requests: HookRequest[] = [];
      for (let from = 0; from < names.length; from += readsAtOnce) {
        const chunk = await Promise.all(names.slice(from, from + readsAtOnce).map(readRequest));
        for (const request of chunk) if (request !== null) requests.push(request);
      }
      return requests.sort((a, b) => a.at - b.at);
    },
    async remove(requestIds) {
      await Promise.all(requestIds.map((id) => rm(join(folders.fresh, id), { force: true })));
    },
    async setAside(requestId) {
      await rename(join(folders.fresh, requestId), join(folders.bad, requestId));
    },
    watch(arrived) {
      // The scan each second finds what a broken watch misses.
      const timer = setInterval(arrived, scanIntervalMs);
      const watcher = watchFresh(arrived);
      return () => {
        clearInterval(timer);
        watcher?.close();
      };
    },
    async write(request) {
      const temporary = join(folders.tmp, request.id);
      const file = await open(temporary, 'wx', 0o660);
      try {
        await file.writeFile(formatRequest(request));
        // The daemon, which is not root, must be able to read what root asks.
        const owner = await stat(stateDir);
        if (process.getuid?.() === 0) await file.chown(owner.uid, owner.gid);
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

/** The text of a request file. Throws on a hostlist with a line break, which would be read as more of the head. */
export function formatRequest(request: Omit<HookRequest, 'at'>): string {
  if (request.hostlist.includes('\n')) throw new Error('the hostlist has a line break');
  const state = request.resumeFile === null ? 'absent' : 'present';
  return `muster-request 1\nverb ${request.verb}\nhostlist ${request.hostlist}\nresume-file ${state}\n\n${request.resumeFile ?? ''}`;
}

/** Reads a request file. Throws an Error that says what is wrong with it. */
export function parseRequest(id: string, at: number, text: string): HookRequest {
  // Client tokens, of at most 64 characters, and effects' ids are made from it.
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
    throw new Error('its name is no UUID');
  const end = text.indexOf('\n\n');
  const [version, ...lines] = text.slice(0, end === -1 ? text.length : end).split('\n');
  if (version !== 'muster-request 1') throw new Error('its first line is not "muster-request 1"');
  if (end === -1) throw new Error('it has no empty line after its head');
  const head = readHead(lines);
  const verb = head.get('verb');
  if (!isVerb(verb))
    throw new Error(`its verb is "${verb ?? ''}"; it must be one of ${verbs.join(', ')}`);
  const hostlist = head.get('hostlist');
  if (hostlist === undefined) throw new Error('it has no hostlist');
  const state = head.get('resume-file');
  if (state !== 'present' && state !== 'absent') {
    throw new Error(`its resume-file is "${state ?? ''}"; it must be present or absent`);
  }
  return {
    id,
    verb,
    at: Math.floor(at),
    hostlist,
    resumeFile: state === 'present' ? text.slice(end + 2) : null,
  };
}

const verbs: readonly HookVerb[] = [
  'resume',
  'suspend',
  'resume-fail',
  'forget-capacity',
  'queue-start',
  'fleet-stop',
  'fleet-start',
  'release-node',
  'replace-node',
];

function isVerb(text: string | undefined): text is HookVerb {
  return verbs.some((verb) => verb === text);
}

const headKeys = new Set(['verb', 'hostlist', 'resume-file']);

/** Each line a key and, behind a space, its value; each key once. */
function readHead(lines: readonly string[]): Map<string, string> {
  const head = new Map<string, string>();
  for (const line of lines) {
    const space = line.indexOf(' ');
    const key = space === -1 ? line : line.slice(0, space);
    if (!headKeys.has(key))
      throw new Error(`its head has a line that nobody wrote: "${line.slice(0, 80)}"`);
    if (head.has(key)) throw new Error(`its head says "${key}" twice`);
    head.set(key, space === -1 ? '' : line.slice(space + 1));
  }
  return head;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
