/** Muster as processes: hooks, daemon, `resume --wait` with and without one, two of them, kill -9, launch templates. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startEc2Sim, type Ec2Sim } from '../../src/ec2sim/server.ts';
import { until } from '../support/head-node.ts';

const root = join(import.meta.dirname, '../..');
const muster = join(root, 'bin/muster');
const nodes = 'queue1-dy-c5xlarge-[1-20]';

let dir: string;
let sim: Ec2Sim;
let env: NodeJS.ProcessEnv;
const daemons: ChildProcess[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'muster-processes-'));
  mkdirSync(join(dir, 'state'));
  // Slurm's place is taken by a program that keeps its arguments: what is tested here is muster's processes.
  writeFileSync(join(dir, 'scontrol'), `#!/bin/sh\necho "$@" >>${dir}/scontrol.calls\n`, {
    mode: 0o755,
  });
  writeFileSync(
    join(dir, 'muster.yaml'),
    `cluster_name: demo
region: us-east-2
slurm: { scontrol: ${dir}/scontrol }
state_dir: ${dir}/state
run_dir: ${dir}/run
log_dir: ${dir}/log
`,
  );
  sim = await startEc2Sim({
    region: 'us-east-2',
    subnets: [{ subnetId: 'subnet-12345678', availabilityZone: 'us-east-2b', cidr: '10.0.0.0/16' }],
    capacity: [{ instanceType: 'c5.xlarge', availabilityZone: 'us-east-2b', capacity: 30 }],
  });
  // Without a cluster file muster launches by ParallelCluster's template name.
  sim.model.createLaunchTemplate({
    name: 'demo-queue1-c5xlarge',
    data: { instanceType: 'c5.xlarge', imageId: 'ami-12345678', subnetId: 'subnet-12345678' },
  });
  env = {
    PATH: process.env['PATH'],
    AWS_ENDPOINT_URL: sim.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    MUSTER_STATE_DIR: join(dir, 'state'),
  };
});

afterEach(async () => {
  for (const daemon of daemons.splice(0)) daemon.kill('SIGKILL');
  await sim.close();
  rmSync(dir, { recursive: true, force: true });
});

async function startDaemon(): Promise<ChildProcess> {
  const daemon = spawn(muster, ['daemon', '--config', join(dir, 'muster.yaml')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  daemons.push(daemon);
  for await (const line of createInterface(daemon.stdout)) {
    if (line.startsWith('muster: ready')) return daemon;
  }
  throw new Error('the daemon ended before it was ready');
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

/** Asynchronous, since the simulator answers in this process. */
async function run(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const child = spawn(program, args, {
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += String(data)));
  child.stderr.on('data', (data: Buffer) => (stderr += String(data)));
  const code = await ended(child);
  return { code, stdout, stderr };
}

function wait(hostlist: string) {
  return run(muster, ['resume', '--wait', '--config', join(dir, 'muster.yaml'), hostlist]);
}

function alive(): number {
  const { launched, terminated } = sim.model.stats();
  return launched - terminated;
}

function readOr(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

describe('muster resume --wait', () => {
  test('without a daemon it does the work itself, by launch template, and tells Slurm', async () => {
    const done = await wait(nodes);
    expect(done).toMatchObject({
      code: 0,
      stdout: `Successfully launched nodes (x20) ['${nodes}']\n`,
    });
    expect(alive()).toBe(20);
    const calls = readOr(join(dir, 'scontrol.calls'));
    expect(calls).toMatch(
      /^update nodename=queue1-dy-c5xlarge-\[1-20\] nodeaddr=10\.0\.\S+ nodehostname=ip-10-0-\S+\n$/,
    );
  });

  test('a refusal is told with exit code 1, nothing is left, and the nodes go back', async () => {
    const done = await wait('queue1-dy-c5xlarge-[1-31]');
    expect(done.code).toBe(1);
    expect(done.stdout).toContain('Successfully launched nodes (x0) []');
    expect(sim.model.stats().launched).toBe(0);
    const calls = readOr(join(dir, 'scontrol.calls')).trim().split('\n');
    expect(calls).toHaveLength(2);
    expect(calls[0]).toContain('state=down reason=(Code:InsufficientInstanceCapacity)');
    expect(calls[1]).toContain('state=power_down_force');
  });

  test('beside a daemon it follows what the daemon does', async () => {
    await startDaemon();
    const done = await wait(nodes);
    expect(done.code).toBe(0);
    expect(alive()).toBe(20);
  });

  test('two at once for the same nodes launch them once', async () => {
    const both = await Promise.all([wait(nodes), wait(nodes)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(sim.model.stats().launched).toBe(20);
  });
});

describe('muster daemon', () => {
  test('works on what the hooks spool, also on what they spooled before it started', async () => {
    const hook = await run(join(root, 'hooks/resume'), [nodes]);
    expect(hook).toEqual({ code: 0, stdout: '', stderr: '' });
    await startDaemon();
    await until(() => alive() === 20);
    await run(join(root, 'hooks/suspend'), ['queue1-dy-c5xlarge-[1-5]']);
    await until(() => alive() === 15);
    expect(readdirSync(join(dir, 'state/spool/new'))).toEqual([]);
  });

  test('a second one for the same cluster refuses to start', async () => {
    await startDaemon();
    const second = await run(muster, ['daemon', '--config', join(dir, 'muster.yaml')]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('another muster works on');
  });

  test('SIGTERM ends it in order, exit code 0', async () => {
    const daemon = await startDaemon();
    const end = ended(daemon);
    daemon.kill('SIGTERM');
    expect(await end).toBe(0);
  });

  test('killed between the launch and its answer, the next start finishes it and launches nothing twice', async () => {
    sim.model.addFault({ kind: 'delay-answer', action: 'RunInstances', delayMs: 60_000, count: 1 });
    const daemon = await startDaemon();
    await run(join(root, 'hooks/resume'), [nodes]);
    await until(() => sim.model.stats().launched === 20);
    const end = ended(daemon);
    daemon.kill('SIGKILL');
    await end;
    await startDaemon();
    await until(() => readOr(join(dir, 'scontrol.calls')).includes('nodeaddr='));
    expect(sim.model.stats().launched).toBe(20);
    expect(alive()).toBe(20);
  });

  test('a configuration that cannot be used: exit code 2, and what is wrong', () => {
    writeFileSync(join(dir, 'muster.yaml'), 'cluster_nam: demo\n');
    const { status, stderr } = spawnSync(muster, ['daemon', '--config', join(dir, 'muster.yaml')], {
      env,
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(/muster\.yaml:1:1: .*cluster_nam[\s\S]*cluster_name/);
  });
});
