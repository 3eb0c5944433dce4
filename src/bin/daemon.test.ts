/** `muster daemon` told to read its configuration again. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

const launcher = fileURLToPath(new URL('../../bin/muster', import.meta.url));
const longMs = 60_000;
const poll = { timeout: longMs, interval: 100 };

/** AWS is nobody, at once. */
const env = {
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  AWS_ACCESS_KEY_ID: 'none',
  AWS_SECRET_ACCESS_KEY: 'none',
};

let dir: string;
let daemon: ChildProcess;
let stderr = '';

function configure(more: string): void {
  const lines = [
    `state_dir: '${dir}/state'`,
    `log_dir: '${dir}/log'`,
    `slurm: { scontrol: '${dir}/scontrol' }`,
    more,
  ];
  writeFileSync(join(dir, 'muster.yaml'), `${lines.join('\n')}\n`);
}

/** The lines of the log that tell of a reading, without their times. */
function readings(): string[] {
  const lines = readFileSync(join(dir, 'log/slurm_resume.log'), 'utf8').split('\n');
  return lines.flatMap((line) => line.split('[muster.daemon:reload] - ')[1] ?? []);
}

/** What the log says of reading it now. */
async function reload(more: string): Promise<string> {
  configure(more);
  const before = readings().length;
  daemon.kill('SIGHUP');
  await expect.poll(() => readings().length, poll).toBe(before + 1);
  return readings().at(-1) ?? '';
}

function statusLine(): string {
  const args = ['status', '--config', join(dir, 'muster.yaml')];
  return String(spawnSync(launcher, args, { env }).stdout).split('\n')[0] ?? '';
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'muster-daemon-'));
  writeFileSync(join(dir, 'scontrol'), '#!/bin/sh\n');
  chmodSync(join(dir, 'scontrol'), 0o755);
  configure('cluster_name: demo\nregion: us-east-2');
  daemon = spawn(launcher, ['daemon', '--config', join(dir, 'muster.yaml')], { env });
  let said = '';
  daemon.stdout?.on('data', (data) => (said += String(data)));
  daemon.stderr?.on('data', (data) => (stderr += String(data)));
  await vi.waitUntil(() => said.includes('muster: ready'), poll);
}, longMs);

afterAll(async () => {
  const exit = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  await exit;
  rmSync(dir, { recursive: true, force: true });
}, longMs);

const kept = 'the configuration before stays in force';
const demo = 'cluster_name: demo\nregion: us-east-2';

describe('SIGHUP', { timeout: longMs }, () => {
  test('takes up what has changed, and the log says what', async () => {
    expect(await reload(`${demo}\nboot_time: 3m`)).toBe(
      'INFO - configuration read again: boot_time 5m -> 3m',
    );
    expect(await reload(`${demo}\nboot_time: 3m`)).toBe(
      'INFO - configuration read again: nothing has changed',
    );
    expect(stderr).toBe('');
  });

  test('takes up nothing where a part of it needs a restart', async () => {
    const said = await reload('cluster_name: other\nregion: us-west-2\nspares: 2');
    const message = `the configuration read again needs a restart: cluster_name demo -> other, region us-east-2 -> us-west-2; nothing of it was taken up, ${kept}`;
    expect(said).toBe(`ERROR - ${message}`);
    await expect.poll(() => stderr, poll).toContain(`muster: ${message}\n`);
    expect(statusLine()).toContain('demo in us-east-2');
    // What was refused is no part of what holds: the spares are still to come.
    expect(await reload(`${demo}\nboot_time: 3m\nspares: 2`)).toBe(
      'INFO - configuration read again: spares 0 -> 2',
    );
  });

  test('takes up nothing of one that cannot be used, and says that the one before holds', async () => {
    const said = await reload(`${demo}\nbot_time: 3m\nspares: many`);
    const message = `the configuration cannot be used: ${dir}/muster.yaml:6:1: unknown key \`bot_time\` (and 1 more); ${kept}`;
    expect(said).toBe(`ERROR - ${message}`);
    await expect.poll(() => stderr, poll).toContain(`muster: ${message}\n`);
    expect(stderr).toContain('did you mean `boot_time`?');
    expect(stderr).toContain('muster.yaml:7:9: `spares`');
    expect(stderr).not.toContain('nothing was done');
    expect(statusLine()).toContain('demo in us-east-2');
  });
});
