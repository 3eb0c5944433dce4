import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { explainSystemError } from './system-error.ts';

const launcher = fileURLToPath(new URL('../../bin/muster', import.meta.url));
const isRoot = process.getuid?.() === 0;

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster-system-error-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function refused(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: something, open '${path}'`), { code, path });
}

describe('what the system refuses is explained', () => {
  test.runIf(isRoot)('with the owner, who may do it', () => {
    const path = join(dir, 'ledger.lock');
    writeFileSync(path, '');
    chownSync(path, 54_321, 54_321);
    expect(explainSystemError(refused('EACCES', path))).toBe(
      `${path} cannot be used: permission denied (EACCES). It belongs to user 54321. It was left as it is; run this as user 54321 or root`,
    );
  });

  test('with the owner of the folder above where nothing is to be seen', () => {
    const text = explainSystemError(refused('EACCES', join(dir, 'a', 'b')));
    expect(text).toMatch(
      new RegExp(`permission denied \\(EACCES\\)\\. ${dir} belongs to \\S+\\. `),
    );
    expect(text).toContain('let its owner read and write it (chmod)');
  });

  test('with what should be there', () => {
    expect(explainSystemError(refused('EEXIST', dir))).toContain(
      'state_dir and log_dir (muster.yaml) should be folders that muster can write to',
    );
  });

  test('and what may pass, or is not the system’s, is not', () => {
    expect(explainSystemError(refused('ENOSPC', dir))).toBe(null);
    expect(explainSystemError(new Error('no'))).toBe(null);
    expect(explainSystemError(Object.assign(new Error('no'), { code: 'EACCES' }))).toBe(null);
    expect(explainSystemError('EACCES')).toBe(null);
  });
});

describe('a state folder that is a file ends with exit code 2, which systemd does not start again:', () => {
  test.each([
    'status',
    'capacity',
    'fleet status',
    'fleet stop --yes',
    'node release q-dy-c-1 --yes',
    'queue start q',
    'ledger check',
    'ledger renew',
    'daemon',
  ])('%s', (command) => {
    const state = join(dir, 'state');
    writeFileSync(state, '');
    writeFileSync(join(dir, 'muster.yaml'), 'cluster_name: demo\nregion: us-east-1\n');
    const { status, stderr } = spawnSync(
      launcher,
      [...command.split(' '), '--config', join(dir, 'muster.yaml')],
      {
        env: { PATH: '/usr/bin:/bin', MUSTER_STATE_DIR: state, MUSTER_LOG_DIR: join(dir, 'log') },
        timeout: 30_000,
      },
    );
    expect(String(stderr)).toContain(`muster: ${state}`);
    expect(String(stderr)).toContain('cannot be used: ');
    expect(status).toBe(2);
  });

  test('and so does a log that cannot be written', () => {
    writeFileSync(join(dir, 'muster.yaml'), 'cluster_name: demo\nregion: us-east-1\n');
    mkdirSync(join(dir, 'log', 'slurm_resume.log'), { recursive: true });
    const { status, stderr } = spawnSync(
      launcher,
      ['daemon', '--config', join(dir, 'muster.yaml')],
      {
        env: {
          PATH: '/usr/bin:/bin',
          MUSTER_STATE_DIR: join(dir, 'state'),
          MUSTER_LOG_DIR: join(dir, 'log'),
        },
        timeout: 30_000,
      },
    );
    expect(String(stderr)).toContain('slurm_resume.log cannot be used: it is a folder');
    expect(status).toBe(2);
  });
});
