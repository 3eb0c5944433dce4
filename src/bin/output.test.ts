/** A command, and the daemon, whose output goes nowhere. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const launcher = fileURLToPath(new URL('../../bin/muster', import.meta.url));
const longMs = 60_000;

let dir: string;
let full: number;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster-output-'));
  full = openSync('/dev/full', 'w');
  writeFileSync(join(dir, 'scontrol'), '#!/bin/sh\n');
  chmodSync(join(dir, 'scontrol'), 0o755);
  const lines = [
    'cluster_name: demo',
    'region: us-east-2',
    `slurm: { scontrol: '${dir}/scontrol' }`,
    `state_dir: '${dir}/state'`,
    `log_dir: '${dir}/log'`,
  ];
  writeFileSync(join(dir, 'muster.yaml'), `${lines.join('\n')}\n`);
});

afterEach(() => {
  closeSync(full);
  rmSync(dir, { recursive: true, force: true });
});

function start(args: readonly string[], stdout: 'pipe' | number, stderr: 'pipe' | number) {
  // AWS is nobody, at once.
  const env = { AWS_ENDPOINT_URL: 'http://127.0.0.1:9', AWS_ACCESS_KEY_ID: 'none' };
  const all = [...args, '--config', join(dir, 'muster.yaml')];
  const child = spawn(launcher, all, { env, stdio: ['ignore', stdout, stderr] });
  let said = '';
  child.stderr?.on('data', (data) => (said += String(data)));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, stderr: said }));
  return { child, ended };
}

describe('a command', () => {
  test('whose reader has gone ends quietly, as others do', async () => {
    const { child, ended } = start(['config', 'check'], 'pipe', 'pipe');
    child.stdout?.destroy();
    expect(await ended).toEqual({ code: 141, stderr: '' });
  });

  test('whose output does not fit on the disk says so in one line, exit code 1', async () => {
    expect(await start(['config', 'check'], full, 'pipe').ended).toEqual({
      code: 1,
      stderr:
        'muster: standard output cannot be written (ENOSPC: no space left on device, write): what it should say is incomplete\n',
    });
  });

  test('goes on without what it says beside its output', async () => {
    writeFileSync(join(dir, 'muster.yaml'), 'cluster_name: demo\n');
    expect((await start(['plan', 'q-dy-c-1'], 'pipe', full).ended).code).toBe(0);
    const { child, ended } = start(['plan', 'q-dy-c-1'], 'pipe', 'pipe');
    child.stderr?.destroy();
    expect((await ended).code).toBe(0);
  });
});

describe('the daemon', () => {
  const log = (): string => {
    try {
      return readFileSync(join(dir, 'log/slurm_resume.log'), 'utf8');
    } catch {
      return '';
    }
  };

  test('works on when nobody can hear it', { timeout: longMs }, async () => {
    const { child, ended } = start(['daemon'], full, 'pipe');
    child.stderr?.destroy();
    const poll = { timeout: longMs, interval: 100 };
    await expect.poll(log, poll).toContain('muster works for cluster demo');
    writeFileSync(join(dir, 'muster.yaml'), 'cluster_nam: demo\n');
    child.kill('SIGHUP');
    await expect.poll(log, poll).toContain('the configuration before stays in force');
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
  });
});
