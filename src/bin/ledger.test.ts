/** `muster ledger` and the start of a daemon, by a ledger that is damaged: as processes, with a real file. */
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLedgerWriter } from '../adapters/ledger/sqlite.ts';

const launcher = fileURLToPath(new URL('../../bin/muster', import.meta.url));
const pageBytes = 4096;

let dir: string;
let stateDir: string;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'muster-ledger-cli-'));
  stateDir = join(dir, 'state');
  mkdirSync(stateDir);
  writeFileSync(join(dir, 'muster.yaml'), `cluster_name: demo\nregion: us-east-1\n`);
  const result = openLedgerWriter(stateDir);
  if (result.kind === 'locked') throw new Error(result.message);
  await result.ledger.append(
    Array.from({ length: 60 }, (_, index) => ({
      event: { kind: 'Woke' as const, at: 1_000 + index },
      decisions: [{ kind: 'EffectAbandoned' as const, effectId: 'x'.repeat(500), why: 'because' }],
      effects: [],
    })),
  );
  result.ledger.close();
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function damage(): void {
  const path = join(stateDir, 'ledger.db');
  const file = readFileSync(path);
  file.fill(0, 3 * pageBytes, 4 * pageBytes);
  writeFileSync(path, file);
}

function muster(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(
    launcher,
    [...args, '--config', join(dir, 'muster.yaml')],
    {
      env: {
        PATH: '/usr/bin:/bin',
        MUSTER_STATE_DIR: stateDir,
        MUSTER_LOG_DIR: join(dir, 'log'),
        MUSTER_RUN_DIR: join(dir, 'run'),
        ...env,
      },
      timeout: 30_000,
    },
  );
  return { status, stdout: String(stdout), stderr: String(stderr) };
}

describe('with a damaged ledger', () => {
  test('the daemon ends with exit code 3 and says why; nobody hears of it, and no file changes', async () => {
    damage();
    const before = readFileSync(join(stateDir, 'ledger.db'));
    let calls = 0;
    const ec2 = createServer((socket) => {
      calls += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => ec2.listen(0, '127.0.0.1', resolve));
    const address = ec2.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const { status, stderr } = muster(['daemon'], {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'x',
      AWS_SECRET_ACCESS_KEY: 'x',
    });
    // What had come meanwhile is taken now.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await new Promise((resolve) => ec2.close(resolve));
    expect(status).toBe(3);
    expect(stderr).toContain(`muster: the ledger ${join(stateDir, 'ledger.db')} is damaged: `);
    expect(stderr).toContain('"muster ledger renew"');
    const log = readFileSync(join(dir, 'log', 'slurm_resume.log'), 'utf8');
    expect(log).toMatch(/\[muster\.ledger:read\] - ERROR - the ledger .* is damaged/);
    expect(calls).toBe(0);
    expect(readFileSync(join(stateDir, 'ledger.db')).equals(before)).toBe(true);
  });

  test('a request is spooled all the same', () => {
    damage();
    expect(muster(['suspend', 'q-dy-c-1'])).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(join(stateDir, 'spool/new'))).toHaveLength(1);
  });

  test('check says so, renew keeps it and begins another, and what follows is whole', () => {
    damage();
    expect(muster(['ledger', 'check'])).toMatchObject({ status: 3, stdout: '' });
    const renewed = muster(['ledger', 'renew']);
    expect(renewed).toMatchObject({ status: 0, stderr: '' });
    expect(renewed.stdout).toMatch(/was damaged \(.+\)\. It is kept in .*ledger-damaged-/);
    expect(readdirSync(stateDir).filter((name) => name.startsWith('ledger-damaged-'))).toHaveLength(
      1,
    );
    expect(muster(['ledger', 'check']).stdout).toContain('ledger.db is whole: 1 turn, from ');
  });
});

test('a whole ledger is left alone', () => {
  const { status, stderr } = muster(['ledger', 'renew']);
  expect(status).toBe(1);
  expect(stderr).toContain('(60 turns): it was left alone, and goes on');
  const checked = muster(['ledger', 'check', '--json']);
  expect(JSON.parse(checked.stdout)).toMatchObject({ turns: 60 });
});

test('without one: check says so, renew begins one', () => {
  rmSync(join(stateDir, 'ledger.db'));
  expect(muster(['ledger', 'check'])).toMatchObject({ status: 1, stdout: '' });
  const renewed = muster(['ledger', 'renew', '--json']);
  expect(JSON.parse(renewed.stdout)).toMatchObject({ damage: null, kept: null });
});

test.skipIf(process.getuid?.() !== 0)(
  'renewed by root it belongs to the owner of the state folder, who is the daemon',
  () => {
    const nobody = 65_534;
    rmSync(join(stateDir, 'ledger.db'));
    for (const path of [dir, stateDir, join(stateDir, 'ledger.lock')])
      chownSync(path, nobody, nobody);
    expect(muster(['ledger', 'renew'])).toMatchObject({ status: 0, stderr: '' });
    for (const name of readdirSync(stateDir)) {
      const { uid, gid } = statSync(join(stateDir, name));
      expect({ name, uid, gid }).toEqual({ name, uid: nobody, gid: nobody });
    }
  },
);
