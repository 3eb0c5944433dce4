/** Boots: when something is started for an instance, and that it is gone with it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Ec2Model } from '../sim/ec2/index.ts';
import { bootByCommand } from './boot-command.ts';
import type { BootedInstance } from './boots.ts';
import { startEc2Sim, type Ec2Sim, type Ec2SimOptions } from './server.ts';

const open: Ec2Sim[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((sim) => sim.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function start(options: Ec2SimOptions): Promise<Ec2Sim> {
  const sim = await startEc2Sim({
    throttle: false,
    times: { bootMs: 30, shutdownMs: 0 },
    ...options,
  });
  open.push(sim);
  return sim;
}

function launch(model: Ec2Model, count: number): readonly string[] {
  const request = { minCount: count, maxCount: count, instanceType: 'c5.xlarge', imageId: 'ami-1' };
  return model.runInstances(request).instances.map((each) => each.instanceId);
}

/** Records what was started and stopped. */
function recorder() {
  const started: BootedInstance[] = [];
  const stopped: string[] = [];
  return {
    started,
    stopped,
    onBoot(instance: BootedInstance) {
      started.push(instance);
      return () => void stopped.push(instance.instanceId);
    },
  };
}

describe('boots', () => {
  test('start when the instance has booted, each once, and stop when it ends', async () => {
    const { started, stopped, onBoot } = recorder();
    const sim = await start({ onBoot, times: { bootMs: 100, shutdownMs: 0 } });
    const ids = launch(sim.model, 3);
    const launchedAt = performance.now();
    await expect.poll(() => started.length, { interval: 5 }).toBe(3);
    expect(performance.now() - launchedAt).toBeGreaterThanOrEqual(95);
    expect(started.map((each) => each.instanceId)).toEqual(ids);
    expect(started[0]).toMatchObject({
      privateIp: '10.0.0.4',
      hostname: 'ip-10-0-0-4',
      instanceType: 'c5.xlarge',
      availabilityZone: 'us-east-2a',
      region: 'us-east-2',
      endpoint: sim.url,
    });
    sim.model.terminateInstances({ instanceIds: ids.slice(0, 2) });
    expect(stopped).toEqual(ids.slice(0, 2));
    await sim.close();
    expect(stopped).toEqual(ids);
  });

  test('do not start for an instance that ended before, nor for one that never boots', async () => {
    const { started, onBoot } = recorder();
    const sim = await start({ onBoot });
    sim.model.addFault({ kind: 'never-boots' });
    const ids = launch(sim.model, 3);
    sim.model.terminateInstances({ instanceIds: [ids[1] ?? ''] });
    await expect.poll(() => started.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(started.map((each) => each.instanceId)).toEqual([ids[2]]);
  });

  test('do not start for an instance that ends while it waits for its turn', async () => {
    const started: string[] = [];
    // Whichever boots first ends all others but one; those are due in the same moment.
    const ended = (): string[] => ids.filter((id) => id !== started[0]).slice(0, 19);
    const sim = await start({
      onBoot({ instanceId }) {
        started.push(instanceId);
        if (started.length === 1) sim.model.terminateInstances({ instanceIds: ended() });
      },
    });
    const ids = launch(sim.model, 21);
    await expect.poll(() => started.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(started.toSorted()).toEqual(ids.filter((id) => !ended().includes(id)).toSorted());
  });

  test('of hundreds that are due at once let the API answer in between', async () => {
    const busyMs = 3;
    const sim = await start({
      onBoot() {
        for (const until = performance.now() + busyMs; performance.now() < until;);
      },
    });
    launch(sim.model, 150);
    const between = new Set<number>();
    const state = async () => {
      const response = await fetch(`${sim.adminUrl}/state`);
      const { boots } = (await response.json()) as { boots: { started: number } };
      between.add(boots.started);
      return boots.started;
    };
    await expect.poll(state, { timeout: 10_000, interval: 1 }).toBe(150);
    // Each answer that counts another number of boots came between two of them.
    expect(between.size).toBeGreaterThan(5);
  });

  test('stop when EC2 takes a spot instance back, though nobody calls', async () => {
    const { started, stopped, onBoot } = recorder();
    const times = { bootMs: 10, shutdownMs: 0, spotNoticeMs: 50 };
    const sim = await start({ onBoot, times });
    const request = { minCount: 1, maxCount: 1, instanceType: 'c5.xlarge', imageId: 'ami-1' };
    const { instances } = sim.model.runInstances({ ...request, market: 'spot' });
    await expect.poll(() => started.length).toBe(1);
    const id = instances[0]?.instanceId ?? '';
    sim.model.interrupt(id);
    expect(stopped).toEqual([]);
    await expect.poll(() => stopped).toEqual([id]);
  });

  test('a reset stops them all', async () => {
    const { started, stopped, onBoot } = recorder();
    const sim = await start({ onBoot });
    launch(sim.model, 4);
    await expect.poll(() => started.length).toBe(4);
    launch(sim.model, 2);
    sim.model.reset();
    expect(stopped).toHaveLength(4);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(started).toHaveLength(4);
  });
});

/** A zombie, ended and not yet waited for by its parent, is not alive. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

/** A program that writes its environment to `folder/INSTANCE_ID`, then waits, with a child in its process group. */
function bootProgram(folder: string, extra = ''): readonly string[] {
  const program = `
    const { writeFileSync, renameSync } = require('node:fs');
    const { spawn } = require('node:child_process');
    ${extra}
    const child = spawn('sleep', ['60']);
    const path = ${JSON.stringify(folder)} + '/' + process.env.INSTANCE_ID;
    writeFileSync(path + '.tmp', JSON.stringify({ pid: process.pid, child: child.pid, env: process.env }));
    renameSync(path + '.tmp', path);
    setInterval(() => {}, 1000);`;
  return [process.execPath, '-e', program];
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'muster-boots-'));
  folders.push(folder);
  return folder;
}

interface Written {
  readonly pid: number;
  readonly child: number;
  readonly env: Record<string, string>;
}

async function written(folder: string, count: number): Promise<readonly Written[]> {
  const done = () => readdirSync(folder).filter((name) => !name.endsWith('.tmp'));
  await expect.poll(() => done().length, { timeout: 10_000 }).toBe(count);
  return done().map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Written);
}

describe('a boot command', () => {
  test('knows its instance by its environment, and its whole group ends with the instance', async () => {
    const folder = temporaryFolder();
    const sim = await start({ onBoot: bootByCommand({ argv: bootProgram(folder) }) });
    const [id = ''] = launch(sim.model, 1);
    const [process_] = await written(folder, 1);
    expect(process_?.env).toMatchObject({
      INSTANCE_ID: id,
      PRIVATE_IP: '10.0.0.4',
      HOSTNAME: 'ip-10-0-0-4',
      INSTANCE_TYPE: 'c5.xlarge',
      AVAILABILITY_ZONE: 'us-east-2a',
      REGION: 'us-east-2',
      ENDPOINT: sim.url,
    });
    expect(isAlive(process_?.pid ?? 0) && isAlive(process_?.child ?? 0)).toBe(true);
    sim.model.terminateInstances({ instanceIds: [id] });
    await expect.poll(() => isAlive(process_?.pid ?? 0)).toBe(false);
    await expect.poll(() => isAlive(process_?.child ?? 0)).toBe(false);
  });

  test('that ignores SIGTERM is killed after the grace, and closing waits for it', async () => {
    const folder = temporaryFolder();
    const argv = bootProgram(folder, "process.on('SIGTERM', () => {});");
    const sim = await start({ onBoot: bootByCommand({ argv, graceMs: 200 }) });
    launch(sim.model, 2);
    const processes = await written(folder, 2);
    const closedAfter = performance.now();
    await sim.close();
    expect(performance.now() - closedAfter).toBeGreaterThanOrEqual(195);
    expect(processes.map(({ pid }) => isAlive(pid))).toEqual([false, false]);
  });

  test('that ended by itself ends nothing, and what it left behind ends with the instance', async () => {
    const folder = temporaryFolder();
    const argv = bootProgram(folder, 'setTimeout(() => process.exit(0), 100);');
    const sim = await start({ onBoot: bootByCommand({ argv }) });
    const [id = ''] = launch(sim.model, 1);
    const [process_] = await written(folder, 1);
    await expect.poll(() => isAlive(process_?.pid ?? 0)).toBe(false);
    expect(isAlive(process_?.child ?? 0)).toBe(true);
    expect(sim.model.stats()).toMatchObject({ terminated: 0 });
    sim.model.terminateInstances({ instanceIds: [id] });
    await expect.poll(() => isAlive(process_?.child ?? 0)).toBe(false);
  });

  test('that says it has shut its machine down ends the instance, and what it left behind', async () => {
    const folder = temporaryFolder();
    const argv = bootProgram(folder, 'setTimeout(() => process.exit(100), 100);');
    const sim = await start({ onBoot: bootByCommand({ argv }) });
    const [id = ''] = launch(sim.model, 1);
    const [process_] = await written(folder, 1);
    await expect.poll(() => sim.model.stats().terminated).toBe(1);
    await expect.poll(() => isAlive(process_?.child ?? 0)).toBe(false);
    const { instances } = sim.model.describeInstances({ instanceIds: [id] });
    expect(instances[0]?.stateReason?.code).toBe('Client.InstanceInitiatedShutdown');
  });

  test('that cannot be started is reported, and the instance lives on', async () => {
    const messages: string[] = [];
    const argv = ['/nonexistent/program'];
    const sim = await start({
      onBoot: bootByCommand({ argv, onError: (message) => messages.push(message) }),
    });
    const [id = ''] = launch(sim.model, 1);
    await expect.poll(() => messages.length).toBe(1);
    expect(messages[0]).toMatch(new RegExp(`${id} could not be started: .*ENOENT`));
    expect(sim.model.terminateInstances({ instanceIds: [id] }).changes).toHaveLength(1);
  });

  test('must name a program', () => {
    expect(() => bootByCommand({ argv: [] })).toThrow(RangeError);
  });
});
