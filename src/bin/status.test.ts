/** `muster status` beside a daemon that comes and goes: as processes. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const launcher = fileURLToPath(new URL('../../bin/muster', import.meta.url));

let dir: string;
let daemon: ChildProcess | null;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster-status-'));
  daemon = null;
  // A Slurm that does not answer.
  for (const program of ['scontrol', 'squeue', 'sinfo'])
    writeFileSync(join(dir, program), '#!/bin/sh\necho "slurmctld is away" >&2\nexit 1\n', {
      mode: 0o755,
    });
  writeFileSync(
    join(dir, 'muster.yaml'),
    `cluster_name: demo\nregion: us-east-2\nstate_dir: ${dir}/state\nlog_dir: ${dir}/log\nslurm: { scontrol: ${dir}/scontrol }\ncapacity_memory: { refusal: 7m }\n`,
  );
});

afterEach(() => {
  daemon?.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** AWS is nobody, at once. */
const env = {
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  AWS_ACCESS_KEY_ID: 'none',
  AWS_SECRET_ACCESS_KEY: 'none',
};

function muster(...args: string[]) {
  const all = [...args, '--config', join(dir, 'muster.yaml')];
  const { status, stdout, stderr } = spawnSync(launcher, all, { env });
  return { status, stdout: String(stdout), stderr: String(stderr) };
}

async function startDaemon(): Promise<void> {
  const started = spawn(launcher, ['daemon', '--config', join(dir, 'muster.yaml')], { env });
  daemon = started;
  await new Promise<void>((resolve, reject) => {
    started.stdout.once('data', () => resolve());
    started.once('exit', (code) => reject(new Error(`the daemon ended with ${code}`)));
  });
}

async function end(signal: NodeJS.Signals): Promise<void> {
  const ended = daemon;
  await new Promise<void>((resolve) => {
    ended?.once('exit', () => resolve());
    ended?.kill(signal);
  });
}

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'a daemon that has ended by %s does not work from that moment on',
  async (signal) => {
    await startDaemon();
    expect(muster('status')).toMatchObject({ status: 0 });
    await end(signal);
    const { status, stdout } = muster('status');
    expect(stdout).toMatch(
      /^muster does not work: no daemon runs, its last heartbeat is \d+s old;/,
    );
    expect(status).toBe(1);
  },
);

test('after a renewal the configuration is shown, and that no daemon has run since', async () => {
  expect(muster('ledger', 'renew').status).toBe(0);
  const renewed = muster('status');
  expect(renewed.status).toBe(1);
  expect(renewed.stdout).toContain(
    'muster does not work: no daemon has run since the ledger was begun (cluster demo in us-east-2, mode job).\n',
  );
  expect(JSON.parse(muster('status', '--json').stdout)).toMatchObject({
    cluster: 'demo',
    daemon: { state: 'unknown', holdsLedger: false, hasRun: false },
    fleet: { since: null },
  });
  expect(muster('capacity').stdout).toContain('what it refuses for 7m');
  expect(JSON.parse(muster('fleet', 'status', '--json').stdout)).toEqual({
    status: 'running',
    since: null,
    partitions: [],
    instances: 0,
    pending: { instances: 0, nodes: 0, partitions: 0 },
    hindrances: [],
  });
});
