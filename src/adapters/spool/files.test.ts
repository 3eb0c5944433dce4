import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogLine } from '../../ports/log.ts';
import { formatRequest, openSpool, parseRequest, type FileSpool } from './files.ts';

let stateDir: string;
let spool: FileSpool;
let lines: LogLine[];

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'muster-spool-'));
  lines = [];
  spool = await openSpool({ stateDir, log: { write: (line) => void lines.push(line) } });
});

afterEach(() => {
  rmSync(stateDir, { recursive: true, force: true });
});

function folder(name: 'new' | 'bad' | 'tmp'): string {
  return join(stateDir, 'spool', name);
}

/** A file in new/, as some hook wrote it. */
function put(text: string, id: string = randomUUID()): string {
  writeFileSync(join(folder('new'), id), text);
  return id;
}

const head = 'muster-request 1\nverb resume\nhostlist q-dy-c-[1-2]\nresume-file absent\n\n';

describe('a request that is written', () => {
  const table = new Map<string, { hostlist: string; resumeFile: string | null }>([
    ['without a resume file', { hostlist: 'q-dy-c-1', resumeFile: null }],
    ['with one', { hostlist: 'q-dy-c-1', resumeFile: '{"jobs":[]}\n' }],
    ['with an empty one', { hostlist: 'q-dy-c-1', resumeFile: '' }],
    ['with one that looks like a head', { hostlist: 'a', resumeFile: '\n\nverb suspend\n\n' }],
    ['with an empty hostlist', { hostlist: '', resumeFile: null }],
    [
      'with spaces, quotes and dollars',
      { hostlist: ' a "b" \'c\' $(d) `e` \\n', resumeFile: null },
    ],
  ]);
  for (const [name, { hostlist, resumeFile }] of table) {
    test(`${name} is read as it was`, async () => {
      const id = randomUUID();
      const before = Date.now();
      await spool.write({ id, verb: 'resume', hostlist, resumeFile });
      const [request, second] = await spool.scan();
      expect(second).toBe(undefined);
      expect(request).toEqual({ id, verb: 'resume', hostlist, resumeFile, at: request?.at });
      expect(Number.isInteger(request?.at)).toBe(true);
      expect(Math.abs((request?.at ?? 0) - before)).toBeLessThan(5_000);
      expect(readdirSync(folder('tmp'))).toEqual([]);
    });
  }

  test('with a line break in the hostlist is refused: it would forge the head', async () => {
    const request = {
      id: randomUUID(),
      verb: 'resume',
      hostlist: 'a\nverb suspend',
      resumeFile: null,
    } as const;
    await expect(spool.write(request)).rejects.toThrow('the hostlist has a line break');
    expect(await spool.scan()).toEqual([]);
  });

  test('belongs to the owner of the state folder, so that the daemon can read what root asks', async () => {
    const own = process.getuid?.() ?? 0;
    const owner = own === 0 ? 65_534 : own;
    chownSync(stateDir, owner, -1);
    const id = randomUUID();
    await spool.write({ id, verb: 'suspend', hostlist: 'a', resumeFile: null });
    expect(statSync(join(folder('new'), id)).uid).toBe(owner);
  });

  test('to forget a pool is read with its name, spaces and all', async () => {
    const id = randomUUID();
    const hostlist = 'q/c any zone on-demand';
    await spool.write({ id, verb: 'forget-capacity', hostlist, resumeFile: null });
    expect(await spool.scan()).toMatchObject([{ id, verb: 'forget-capacity', hostlist }]);
  });

  test('is not written over one of the same id', async () => {
    const request = { id: randomUUID(), verb: 'resume', hostlist: 'a', resumeFile: null } as const;
    writeFileSync(join(folder('tmp'), request.id), 'half');
    await expect(spool.write(request)).rejects.toThrow('EEXIST');
  });
});

describe('a scan', () => {
  test('gives the oldest first', async () => {
    const ids = ['c', 'a', 'b'].map((hostlist) => put(head.replace('q-dy-c-[1-2]', hostlist)));
    for (const [index, id] of ids.entries()) {
      utimesSync(join(folder('new'), id), 1_000, [2_000, 1_000, 3_000][index] ?? 0);
    }
    expect((await spool.scan()).map(({ hostlist }) => hostlist)).toEqual(['a', 'c', 'b']);
  });

  test('reads thousands without opening them all at once', async () => {
    for (let each = 0; each < 2_000; each += 1) put(head);
    expect(await spool.scan()).toHaveLength(2_000);
    expect(lines).toEqual([]);
  });

  test('leaves what it read until it is removed', async () => {
    const [one, other] = [put(head), put(head)];
    await spool.scan();
    await spool.remove([one, randomUUID()]);
    expect((await spool.scan()).map(({ id }) => id)).toEqual([other]);
  });

  test('that sets one aside keeps it', async () => {
    const id = put(head);
    await spool.setAside(id);
    expect(await spool.scan()).toEqual([]);
    expect(readFileSync(join(folder('bad'), id), 'utf8')).toBe(head);
  });

  const bad = new Map<string, [string, string]>([
    ['an empty file', ['', 'its first line is not "muster-request 1"']],
    ['a newer format', [head.replace('request 1', 'request 2'), 'its first line is not']],
    ['half a head', [head.slice(0, -1), 'it has no empty line after its head']],
    ['no verb', [head.replace('verb resume\n', ''), 'its verb is ""']],
    ['an unknown verb', [head.replace('resume\n', 'explode\n'), 'its verb is "explode"']],
    ['no hostlist', [head.replace('hostlist q-dy-c-[1-2]\n', ''), 'it has no hostlist']],
    [
      'a verb given twice',
      [head.replace('\n\n', '\nverb suspend\n\n'), 'its head says "verb" twice'],
    ],
    [
      'a line too many',
      [head.replace('\n\n', '\nq-dy-c-3\n\n'), 'a line that nobody wrote: "q-dy-c-3"'],
    ],
    [
      'no word on the resume file',
      [head.replace('resume-file absent\n', ''), 'its resume-file is ""'],
    ],
  ]);
  for (const [name, [text, why]] of bad) {
    test(`moves ${name} to bad/, tells it, and gives the others`, async () => {
      const good = put(head);
      const id = put(text);
      expect((await spool.scan()).map((request) => request.id)).toEqual([good]);
      expect(readFileSync(join(folder('bad'), id), 'utf8')).toBe(text);
      expect(lines).toHaveLength(1);
      expect(lines[0]?.message).toContain(why);
    });
  }

  test('moves a file whose name is no UUID to bad/', async () => {
    put(head, 'x'.repeat(70));
    expect(await spool.scan()).toEqual([]);
    expect(lines[0]?.message).toContain('its name is no UUID');
    expect(readdirSync(folder('bad'))).toHaveLength(1);
  });

  test('leaves what it cannot read where it is, and tells that once', async () => {
    const id = randomUUID();
    mkdirSync(join(folder('new'), id));
    const good = put(head);
    for (let round = 0; round < 3; round += 1)
      expect((await spool.scan()).map((request) => request.id)).toEqual([good]);
    expect(existsSync(join(folder('new'), id))).toBe(true);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.message).toContain('cannot be read');
  });

  test('fails when there is no spool to be read', async () => {
    rmSync(folder('new'), { recursive: true });
    await expect(spool.scan()).rejects.toThrow('ENOENT');
  });
});

describe('the watch', () => {
  test('tells soon that something arrived, and nothing after its end', async () => {
    let calls = 0;
    const arrived = Promise.withResolvers<undefined>();
    const stop = spool.watch(() => {
      calls += 1;
      arrived.resolve(undefined);
    });
    await spool.write({ id: randomUUID(), verb: 'suspend', hostlist: 'a', resumeFile: null });
    await arrived.promise;
    stop();
    const seen = calls;
    await spool.write({ id: randomUUID(), verb: 'suspend', hostlist: 'a', resumeFile: null });
    await new Promise((resolve) => void setTimeout(resolve, 1_200));
    expect(calls).toBe(seen);
  });
});

describe('the watch of a folder that cannot be watched', () => {
  test('says so once, and what arrives is found each second', async () => {
    rmSync(folder('new'), { recursive: true });
    const arrived = Promise.withResolvers<undefined>();
    const stop = spool.watch(() => arrived.resolve(undefined));
    expect(lines).toMatchObject([{ level: 'WARNING', source: 'muster.spool:watch' }]);
    expect(lines[0]?.message).toContain('ENOENT');
    await arrived.promise;
    stop();
    expect(lines).toHaveLength(1);
  });
});

describe('the folders', () => {
  test('are for the owner and the group alone', () => {
    for (const name of ['new', 'tmp', 'bad'] as const)
      expect(statSync(folder(name)).mode & 0o007).toBe(0);
  });

  test('that exist are taken as they are', async () => {
    chmodSync(folder('new'), 0o700);
    await openSpool({ stateDir, log: { write: () => undefined } });
    expect(statSync(folder('new')).mode & 0o777).toBe(0o700);
  });
});

describe('the format', () => {
  test('is the one that the hooks write', () => {
    const request = {
      id: randomUUID(),
      verb: 'resume',
      hostlist: 'q-dy-c-[1-2]',
      resumeFile: null,
    } as const;
    expect(formatRequest(request)).toBe(head);
    expect(parseRequest(request.id, 12.7, head)).toEqual({ ...request, at: 12 });
  });
});
