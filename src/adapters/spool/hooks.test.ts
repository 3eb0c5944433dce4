/** The hooks as slurmctld runs them: an empty environment, one argument, nobody who reads their output. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSpool } from './files.ts';
import type { HookRequest } from '../../core/requests.ts';

const hooksDir = fileURLToPath(new URL('../../../hooks/', import.meta.url));

let base: string;
let stateDir: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'muster hooks-'));
  stateDir = join(base, 'state dir');
});

afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

/** `env -i` with only what slurmctld sets. */
function hook(name: string, args: readonly string[], env: Record<string, string> = {}) {
  const given = Object.entries({ MUSTER_STATE_DIR: stateDir, ...env }).map(
    ([key, value]) => `${key}=${value}`,
  );
  const run = spawnSync('/usr/bin/env', ['-i', ...given, join(hooksDir, name), ...args], {
    cwd: '/',
  });
  return { status: run.status, stdout: String(run.stdout), stderr: String(run.stderr) };
}

async function spooled(): Promise<readonly HookRequest[]> {
  const spool = await openSpool({ stateDir, log: { write: () => undefined } });
  return spool.scan();
}

function resumeFile(text: string): Record<string, string> {
  const path = join(base, 'resume file');
  writeFileSync(path, text);
  return { SLURM_RESUME_FILE: path };
}

describe('a hook makes its request durable and returns', () => {
  for (const verb of ['resume', 'suspend', 'resume-fail'] as const) {
    test(verb, async () => {
      expect(hook(verb, ['q-dy-c-[1-4]'])).toEqual({ status: 0, stdout: '', stderr: '' });
      const [request, second] = await spooled();
      expect(second).toBe(undefined);
      expect(request).toMatchObject({ verb, hostlist: 'q-dy-c-[1-4]', resumeFile: null });
      expect(request?.id).toMatch(/^[0-9a-f-]{36}$/);
      expect(readdirSync(join(stateDir, 'spool', 'tmp'))).toEqual([]);
    });
  }

  test('each under an id of its own', async () => {
    hook('suspend', ['a']);
    hook('suspend', ['a']);
    expect(new Set((await spooled()).map(({ id }) => id)).size).toBe(2);
  });

  test('for Slurm and its group alone', () => {
    hook('suspend', ['a']);
    const path = join(stateDir, 'spool', 'new');
    expect(statSync(path).mode & 0o007).toBe(0);
    expect(statSync(join(path, readdirSync(path)[0] ?? '')).mode & 0o117).toBe(0);
  });
});

describe('the resume file', () => {
  const jobs = '{"jobs":[{"job_id":1,"nodes":"q-dy-c-[1-4]"}],\n\n"all_nodes":"q-dy-c-[1-4]"}';

  test('is copied whole', async () => {
    hook('resume', ['q-dy-c-[1-4]'], resumeFile(jobs));
    expect((await spooled())[0]?.resumeFile).toBe(jobs);
  });

  test('of five thousand jobs is copied whole', async () => {
    const list = Array.from({ length: 5_000 }, (_, job_id) => ({
      job_id,
      nodes_resume: `q-dy-c-${job_id}`,
      features: '%s \\n $(x) `y`'.repeat(5),
    }));
    const large = JSON.stringify({ jobs: list });
    expect(large.length).toBeGreaterThan(500_000);
    hook('resume', ['q-dy-c-[1-5000]'], resumeFile(large));
    expect((await spooled())[0]?.resumeFile).toBe(large);
  });

  const unreadable = new Map<string, (path: string) => void>([
    ['is gone', () => undefined],
    ['is no file', (path) => mkdirSync(path)],
  ]);
  for (const [name, make] of unreadable) {
    test(`that ${name} costs the jobs' names, not the request`, async () => {
      const path = join(base, 'unreadable');
      make(path);
      const run = hook('resume', ['q-dy-c-1'], { SLURM_RESUME_FILE: path });
      expect(run.status).toBe(0);
      expect(run.stderr).toContain('cannot read SLURM_RESUME_FILE');
      expect(await spooled()).toMatchObject([{ hostlist: 'q-dy-c-1', resumeFile: null }]);
    });
  }

  test('that is empty is present, and empty', async () => {
    hook('resume', ['q-dy-c-1'], resumeFile(''));
    expect((await spooled())[0]?.resumeFile).toBe('');
  });
});

describe('whatever the hostlist is, it arrives as it was and nothing of it is run', () => {
  const names = [
    '',
    ' ',
    'a b\tc',
    'a,b[1-3],c',
    `quote's "and" more`,
    '$(touch owned)',
    '`touch owned`',
    '$HOME ${IFS} $1',
    'a;touch owned;b',
    'a && touch owned',
    '%s%n%d \\n \\0 \\x41',
    '-n',
    '--',
    '*',
    '/etc/*',
    'é\u{1f600}',
    'x'.repeat(100_000),
  ];
  for (const name of names) {
    test(JSON.stringify(name.slice(0, 30)), async () => {
      expect(hook('resume', [name]).status).toBe(0);
      expect((await spooled())[0]?.hostlist).toBe(name);
      expect(readdirSync(base)).toEqual(['state dir']);
    });
  }

  test('no argument at all is an empty one', async () => {
    expect(hook('resume', []).status).toBe(0);
    expect((await spooled())[0]?.hostlist).toBe('');
  });

  test('but a line break, which would forge the head, is refused', async () => {
    const run = hook('resume', ['q-dy-c-1\nverb suspend']);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain(
      'the hostlist has a line break; nothing was launched or terminated',
    );
    expect(await spooled()).toEqual([]);
  });
});

describe('a spool that cannot be written', () => {
  test('is told, and the hook fails', () => {
    writeFileSync(join(base, 'a file'), '');
    const run = hook('resume', ['q-dy-c-1'], { MUSTER_STATE_DIR: join(base, 'a file') });
    expect(run.status).toBe(1);
    expect(run.stderr).toContain(
      `muster: cannot create ${join(base, 'a file')}/spool: is MUSTER_STATE_DIR right`,
    );
    expect(run.stderr).toContain('nothing was launched or terminated for it');
  });

  test('because a part of it is no folder: the same', () => {
    mkdirSync(join(stateDir, 'spool', 'tmp'), { recursive: true });
    writeFileSync(join(stateDir, 'spool', 'new'), '');
    expect(hook('resume', ['q-dy-c-1']).status).toBe(1);
  });

  test('because the disk is full: the request is not said to be durable', async () => {
    hook('suspend', ['before']);
    // A file may not grow at all: what a full disk does, for root, too.
    const full = ['-c', 'trap "" XFSZ; ulimit -f 0; exec "$@"', 'sh', '/usr/bin/env', '-i'];
    const run = spawnSync('/bin/sh', [
      ...full,
      `MUSTER_STATE_DIR=${stateDir}`,
      join(hooksDir, 'resume'),
      'q-dy-c-1',
    ]);
    expect(run.status).toBe(1);
    expect(String(run.stderr)).toContain('nothing was launched or terminated for it');
    expect((await spooled()).map(({ hostlist }) => hostlist)).toEqual(['before']);
  });
});
