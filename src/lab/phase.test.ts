import { expect, test } from 'vitest';
import type { JobStatus, NodeStatus } from '../ports/slurm-commands.ts';
import { equals, runPhases } from './phase.ts';
import { sleep } from './watch.ts';
import type { LabEvent, LabInstance, ScenarioWorld } from './world.ts';

interface FakeWorld extends ScenarioWorld {
  jobsNow: JobStatus[];
  nodesNow: NodeStatus[];
  instancesNow: LabInstance[];
  calls: number;
  log: string[];
  readonly events: LabEvent[];
}

/** A world whose clock jumps from one thing that is due to the next, as soon as nothing else goes on. */
function fakeWorld(): FakeWorld {
  let now = 1_000_000;
  const due: { at: number; wake: () => void }[] = [];
  let isTicking = false;
  function tick(): void {
    due.sort((a, b) => a.at - b.at);
    const next = due.shift();
    isTicking = next !== undefined;
    if (next === undefined) return;
    now = next.at;
    next.wake();
    setImmediate(tick);
  }
  const never = (): Promise<never> => Promise.reject(new Error('not in this test'));
  const world: FakeWorld = {
    jobsNow: [],
    nodesNow: [],
    instancesNow: [],
    calls: 0,
    log: [],
    events: [],
    logPaths: [],
    progress: (event) => void world.events.push(event),
    clock: {
      now: () => now,
      schedule(after, wake) {
        due.push({ at: now + after, wake });
        if (!isTicking) setImmediate(tick);
        isTicking = true;
        return () => undefined;
      },
    },
    slurm: {
      kind: 'model',
      version: '0',
      submit: never,
      cancel: never,
      updateNodes: never,
      stopController: never,
      startController: never,
      jobs: () => Promise.resolve([...world.jobsNow]),
      nodes: () => Promise.resolve([...world.nodesNow]),
      sinfo: () =>
        Promise.resolve(world.nodesNow.map(({ name, state }) => `${name} ${state}`).join('\n')),
      squeue: () =>
        Promise.resolve(world.jobsNow.map(({ id, state }) => `${id} ${state}`).join('\n')),
    },
    cloud: {
      setCapacity: never,
      breakBoots: never,
      plant: never,
      goAway: never,
      shutDown: never,
      stats: () =>
        Promise.resolve({
          runInstancesCalls: world.calls,
          reservations: { made: 0, cancelled: 0 },
          instances: [...world.instancesNow],
        }),
    },
    muster: {
      start: never,
      stop: never,
      kill: never,
      restart: never,
      ask: never,
      consoles: never,
      logLines: () => Promise.resolve([...world.log]),
    },
  };
  return world;
}

function job(id: string, state: JobStatus['state'], nodes: readonly string[] = []): JobStatus {
  return { id, state, reason: 'None', nodes, adminComment: '' };
}

function launch(world: FakeWorld, instanceId: string): void {
  const launchedAt = world.clock.now();
  world.instancesNow.push({
    instanceId,
    instanceType: 'c5.xlarge',
    launchedAt,
    terminatedAt: null,
  });
  world.calls += 1;
}

function terminateAll(world: FakeWorld): void {
  const terminatedAt = world.clock.now();
  world.instancesNow = world.instancesNow.map((one) => ({ ...one, terminatedAt }));
}

test('a phase is told by its own numbers, whatever was before', async () => {
  const world = fakeWorld();
  world.jobsNow = [job('1', 'NODE_FAIL')];
  world.calls = 7;
  world.log = ['of another day'];
  const [first, second] = await runPhases(world, [
    {
      name: 'first',
      text: '',
      async run(phase) {
        launch(world, 'i-1');
        world.log.push('launched');
        world.jobsNow.push(job('2', 'PENDING'));
        await sleep(world.clock, 10_000);
        world.jobsNow = [job('1', 'NODE_FAIL'), job('2', 'RUNNING', ['n1'])];
        phase.countJobs(await phase.view());
        await sleep(world.clock, 20_000);
        world.jobsNow = [job('1', 'NODE_FAIL'), job('2', 'COMPLETED', ['n1'])];
      },
    },
    {
      name: 'second',
      text: '',
      async run(phase) {
        await sleep(world.clock, 5_000);
        terminateAll(world);
        phase.expect('the log begins anew', equals(0, (await phase.view()).log.length));
      },
    },
  ]);
  expect(first?.jobs).toEqual({ running: 1, pending: 0, failed: 0, completed: 0 });
  expect(first?.instances).toEqual({ launched: 1, terminated: 0 });
  expect(first?.runInstancesCalls).toBe(1);
  expect(first?.log).toEqual(['launched']);
  // Ten seconds of booting; the start and the end of the job are known to half a second.
  expect(first?.instanceSecondsWithoutJob).toBeGreaterThan(9.4);
  expect(first?.instanceSecondsWithoutJob).toBeLessThan(10.6);
  expect(second?.instances).toEqual({ launched: 0, terminated: 1 });
  expect(second?.instanceSecondsWithoutJob).toBeCloseTo(5, 0);
  expect(second?.expected).toEqual([
    { what: 'the log begins anew', ok: true, want: '0', saw: '0' },
  ]);
});

test('a phase that counts its own instances alone leaves the earlier ones out', async () => {
  const world = fakeWorld();
  launch(world, 'i-0');
  const [result] = await runPhases(world, [
    {
      name: 'own',
      text: '',
      ownInstancesOnly: true,
      async run() {
        launch(world, 'i-1');
        await sleep(world.clock, 4_000);
      },
    },
  ]);
  expect(result?.instanceSecondsWithoutJob).toBeCloseTo(4, 0);
});

test('jobs that had ended count where a phase is about all of them', async () => {
  const world = fakeWorld();
  world.jobsNow = [job('1', 'COMPLETED'), job('2', 'RUNNING')];
  const run = (): Promise<void> => Promise.resolve();
  const results = await runPhases(world, [
    { name: 'its own', text: '', run },
    { name: 'all', text: '', allJobs: true, run },
  ]);
  expect(results.map(({ jobs }) => jobs.completed)).toEqual([0, 1]);
});

test('what is required is waited for, and ends the scenario when it does not come', async () => {
  const world = fakeWorld();
  const started = world.clock.now();
  world.clock.schedule(3_000, () => launch(world, 'i-1'));
  let waited = 0;
  const results = await runPhases(world, [
    {
      name: 'one',
      text: '',
      async run(phase) {
        await phase.require('one instance', 10_000, (view) => equals(1, view.alive.length));
        waited = world.clock.now() - started;
        await phase.require('two instances', 10_000, (view) => equals(2, view.alive.length));
        throw new Error('not reached');
      },
    },
    { name: 'two', text: '', run: () => Promise.reject(new Error('not reached')) },
  ]);
  expect(waited).toBeGreaterThanOrEqual(3_000);
  expect(waited).toBeLessThan(4_000);
  expect(world.clock.now() - started).toBeLessThan(30_000);
  expect(results).toHaveLength(1);
  expect(results[0]?.expected).toEqual([
    { what: 'one instance', ok: true, want: '1', saw: '1' },
    { what: 'two instances', ok: false, want: '2', saw: '1' },
  ]);
});

test('what is settled for is noted, and the phase goes on', async () => {
  const world = fakeWorld();
  const [result] = await runPhases(world, [
    {
      name: 'one',
      text: '',
      async run(phase) {
        await phase.settle('an instance', 1_000, (view) => equals(1, view.launched.length));
        phase.expect('the rest is looked at', equals('yes', 'yes'));
      },
    },
  ]);
  expect(result?.expected.map(({ ok }) => ok)).toEqual([false, true]);
});

test('states that last a moment stay in the pictures, each change once, from the first one on', async () => {
  const world = fakeWorld();
  world.nodesNow = [{ name: 'n1', state: 'idle~', reason: '' }];
  const results = await runPhases(world, [
    {
      name: 'one',
      text: '',
      async run(phase) {
        for (const state of ['alloc#', 'alloc#', 'down!', 'idle%']) {
          await sleep(world.clock, 600);
          world.nodesNow = [{ name: 'n1', state, reason: '' }];
        }
        await phase.show();
      },
    },
    { name: 'two', text: '', run: () => Promise.resolve() },
  ]);
  expect(results[0]?.sinfo).toEqual(['n1 idle~', 'n1 alloc#', 'n1 down!', 'n1 idle%']);
  expect(results[1]?.sinfo).toEqual(['n1 idle%']);
  expect(world.events).toContainEqual({ kind: 'moment', sinfo: 'n1 idle%', squeue: '' });
});

test('a fault of the scenario itself is not taken for an outcome', async () => {
  const run = (): Promise<void> => Promise.reject(new Error('slurmctld is gone'));
  await expect(runPhases(fakeWorld(), [{ name: 'one', text: '', run }])).rejects.toThrow(
    'slurmctld is gone',
  );
});
