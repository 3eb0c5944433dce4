/** Looking at Slurm and EC2: when, one look at a time, and what becomes of what they show. */
import { describe, expect, test } from 'vitest';
import type { Event } from '../core/events.ts';
import { createTestWorld, testStart, type DrivenWorld } from '../core/testing/world.ts';
import { nodeUp } from '../core/testing/node-state.ts';
import { CloudError, type ListedInstance } from '../ports/cloud.ts';
import { SchedulerError, type SchedulerJob, type SchedulerNode } from '../ports/scheduler.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { configuringJob } from './testing/fake-scheduler.ts';
import { createFakePorts, hold, quiet, type FakePorts } from './testing/fakes.ts';
import { createWatch } from './watch.ts';

function instance(instanceId: string, more: Partial<ListedInstance> = {}): ListedInstance {
  return {
    instanceId,
    privateIp: '10.0.0.1',
    hostname: 'h',
    state: 'running',
    clientToken: null,
    tags: { 'muster:cluster': 'muster' },
    launchedAt: testStart,
    ...more,
  };
}

/** EC2 lists and describes these. */
function showInstances(ports: FakePorts, ...instances: readonly ListedInstance[]): void {
  ports.statuses = async () =>
    instances.map(({ instanceId, state }) => ({
      instanceId,
      state,
      impairedSince: null,
      event: null,
    }));
  ports.described = async (ids) => instances.filter(({ instanceId }) => ids.includes(instanceId));
}

/** A watch of a driven world: what it sees is kept, and sent to the core as the controller does. */
function watched(one: DrivenWorld = Object.assign(createTestWorld(), { boots: true })) {
  const clock = createVirtualClock(one.now);
  const ports = createFakePorts(clock);
  const seen: Event[] = [];
  const watch = createWatch({
    world: ports,
    log: ports.log,
    state: one.state,
    enqueue: (event) => seen.push(event),
  });
  /** Moves both clocks, letting promises run between the wakes. */
  async function pass(ms: number): Promise<void> {
    const until = clock.now() + ms;
    await quiet();
    while (clock.step(until)) await quiet();
    clock.advanceTo(until);
    one.now = until;
    await quiet();
  }
  const looks = (what: 'Slurm' | 'EC2'): number =>
    ports.journal.filter((line) =>
      line.startsWith(what === 'Slurm' ? 'list-allocated-jobs' : 'list-status'),
    ).length;
  return { one, clock, ports, seen, watch, pass, looks };
}

/** The nodes q-dy-c-[1-2] are given to Slurm for job 1, and nobody has registered. */
function booting() {
  const all = watched();
  const { one, ports } = all;
  one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
  ports.jobs = async () => [configuringJob(1, 'q-dy-c-1', 'q-dy-c-2')];
  showInstances(ports, instance('i-0001'), instance('i-0002'));
  all.watch.wake();
  /** So long from now their slurmd must have registered. */
  const setDeadlines = (ms: number): void => {
    for (const boot of one.state.boots.values())
      for (const node of boot.awaiting.keys()) boot.awaiting.set(node, one.now + ms);
  };
  return { ...all, setDeadlines };
}

/** Slurm shows these nodes so, all others on their way up. */
function showing(nodes: Record<string, Partial<SchedulerNode>>) {
  return async (names: readonly string[]): Promise<readonly SchedulerNode[]> =>
    names.map((node) => ({
      ...nodeUp,
      node,
      reason: '',
      power: 'powering-up',
      ...nodes[node],
    }));
}

describe('when Slurm is looked at', () => {
  test('not while nothing is watched', async () => {
    const { watch, pass, looks } = watched();
    watch.wake();
    await pass(600_000);
    expect(looks('Slurm')).toBe(0);
  });

  test('every five seconds while a gang boots, and no more after that', async () => {
    const { one, watch, pass, looks } = booting();
    await pass(4_999);
    expect(looks('Slurm')).toBe(0);
    await pass(1);
    expect(looks('Slurm')).toBe(1);
    await pass(10_000);
    expect(looks('Slurm')).toBe(3);
    one.registerAll();
    watch.wake();
    await pass(60_000);
    expect(looks('Slurm')).toBe(3);
  });

  test('however often it is woken, one look is planned', async () => {
    const { watch, pass, looks } = booting();
    for (let index = 0; index < 10; index += 1) {
      watch.wake();
      await pass(400);
    }
    await pass(1_000);
    expect(looks('Slurm')).toBe(1);
  });

  test('at once when a gang waits for nothing but that, also where a later look was planned', async () => {
    const { one, watch, pass, looks, seen } = booting();
    await pass(1_000);
    one.now += 10_000_000;
    one.sendSeen({ late: ['q-dy-c-1'] });
    watch.wake();
    await pass(100);
    expect(looks('Slurm')).toBe(1);
    expect(seen).toMatchObject([{ kind: 'SlurmSeen', doomed: [{ taken: [] }] }]);
  });

  test('and again where the answer took so long that others may have its nodes by now', async () => {
    const { one, ports, watch, clock, pass, looks, seen } = booting();
    await pass(1_000);
    one.now += 10_000_000;
    one.sendSeen({ late: ['q-dy-c-1'] });
    const jobs = ports.jobs;
    ports.jobs = async () => {
      await new Promise<void>((resolve) => clock.schedule(3_001, resolve));
      return jobs();
    };
    watch.wake();
    await pass(3_101);
    expect(looks('Slurm')).toBe(1);
    expect(seen).toEqual([]);
    ports.jobs = jobs;
    await pass(200);
    expect(seen[0]).toMatchObject({ kind: 'SlurmSeen', doomed: [{ taken: [] }] });
  });

  test('not when what was watched is over before the planned look', async () => {
    const { one, watch, ports, looks, pass } = booting();
    await pass(1_000);
    one.suspend('q-dy-c-[1-2]');
    one.settle();
    showInstances(ports);
    watch.wake();
    await pass(600_000);
    expect(looks('Slurm')).toBe(0);
  });

  test('one look at a time: the next is planned when this one has been answered', async () => {
    const { ports, watch, pass, looks } = booting();
    const answer = hold<readonly SchedulerJob[]>();
    ports.jobs = () => answer.promise;
    await pass(5_000);
    watch.wake();
    await pass(30_000);
    expect(looks('Slurm')).toBe(1);
    answer.resolve([]);
    await pass(5_000);
    expect(looks('Slurm')).toBe(2);
  });
});

describe('a look that fails', () => {
  test('is said once, and again after one that did not', async () => {
    const { ports, pass } = booting();
    const failed = (): string[] =>
      ports.lines
        .filter(({ source }) => source === 'muster.watch:look')
        .map((line) => line.message);
    const { jobs } = ports;
    const away = () => Promise.reject(new SchedulerError('slurmctld is away', { transient: true }));
    ports.jobs = away;
    await pass(20_000);
    expect(failed()).toHaveLength(1);
    expect(failed()[0]).toMatch(
      /^Slurm cannot be looked at: .*slurmctld is away; it is tried again$/,
    );
    ports.jobs = jobs;
    await pass(5_000);
    ports.jobs = away;
    await pass(20_000);
    expect(failed()).toHaveLength(2);
  });

  test('at EC2 does not keep Slurm from being looked at, and counts as none', async () => {
    const { ports, watch, pass, looks, seen, one } = booting();
    ports.statuses = () => Promise.reject(new Error('no route'));
    await pass(40_000);
    expect(looks('Slurm')).toBe(8);
    expect(ports.lines.map(({ message }) => message)).toEqual([
      'EC2 cannot be looked at: Error: no route; it is tried again',
    ]);
    one.suspend('q-dy-c-[1-2]');
    one.settle();
    one.state.since = 0;
    showInstances(ports, instance('i-9', { launchedAt: 0 }));
    watch.wake();
    await pass(120_000);
    // The look after a start is still owed.
    expect(seen.at(-1)).toMatchObject({ kind: 'Ec2Seen', strays: ['i-9'] });
  });
});

describe('stop', () => {
  test('leaves no timer behind', async () => {
    const { watch, clock, pass, looks } = booting();
    watch.stop();
    expect(clock.nextWake()).toBe(null);
    watch.wake();
    await pass(600_000);
    expect(looks('Slurm') + looks('EC2')).toBe(0);
  });

  test('lets what is answered after it come to nothing', async () => {
    const { ports, watch, clock, pass, seen } = booting();
    const answer = hold<readonly SchedulerJob[]>();
    ports.jobs = () => answer.promise;
    await pass(5_000);
    watch.stop();
    answer.resolve([]);
    await pass(60_000);
    expect(seen).toEqual([]);
    expect(clock.nextWake()).toBe(null);
  });
});

describe('what Slurm shows', () => {
  test('nothing new is no event', async () => {
    const { pass, seen, looks } = booting();
    await pass(20_000);
    expect(looks('Slurm')).toBe(4);
    expect(seen).toEqual([]);
  });

  test('nodes that are up have registered; those that are up and down have not', async () => {
    const { ports, pass, seen } = booting();
    ports.nodes = showing({
      'q-dy-c-1': { power: 'up' },
      'q-dy-c-2': { power: 'up', isDown: true },
    });
    await pass(5_000);
    expect(seen).toMatchObject([
      { kind: 'SlurmSeen', registered: ['q-dy-c-1'], late: [], gone: [], silent: null },
    ]);
    expect(ports.journal).toContain('list-nodes q-dy-c-1 q-dy-c-2');
  });

  test('nodes that still power up, or are down, after their deadline are late', async () => {
    const { ports, pass, seen, setDeadlines } = booting();
    setDeadlines(35_000);
    ports.nodes = showing({ 'q-dy-c-2': { isDown: true, power: 'up' } });
    await pass(34_000);
    expect(seen).toEqual([]);
    await pass(1_000);
    expect(seen).toMatchObject([{ late: ['q-dy-c-1', 'q-dy-c-2'] }]);
    ports.nodes = showing({
      'q-dy-c-1': { power: 'powering-down' },
      'q-dy-c-2': { power: 'saved' },
    });
    await pass(5_000);
    expect(seen).toHaveLength(1);
  });

  test('nobody is late in the first half minute: slurmctld may have been away with muster', async () => {
    const { pass, seen, setDeadlines } = booting();
    setDeadlines(5_000);
    await pass(25_000);
    expect(seen).toEqual([]);
    await pass(5_000);
    expect(seen).toMatchObject([{ late: ['q-dy-c-1', 'q-dy-c-2'] }]);
  });

  test('nobody is late for half a minute after slurmctld was away, who has registered is seen at once', async () => {
    const { ports, pass, seen, setDeadlines } = booting();
    setDeadlines(50_000);
    await pass(40_000);
    const { jobs } = ports;
    ports.jobs = () => Promise.reject(new SchedulerError('away', { transient: true }));
    await pass(20_000);
    ports.jobs = jobs;
    ports.nodes = showing({ 'q-dy-c-1': { power: 'up' } });
    await pass(5_000);
    expect(seen).toMatchObject([{ registered: ['q-dy-c-1'], late: [] }]);
    await pass(25_000);
    expect(seen.flatMap((event) => (event.kind === 'SlurmSeen' ? event.late : []))).toEqual([]);
    await pass(5_000);
    expect(seen.at(-1)).toMatchObject({ late: ['q-dy-c-2'] });
  });

  test('nobody is late for half a minute after slurmctld was away from the first look on', async () => {
    const { ports, pass, seen, setDeadlines } = booting();
    setDeadlines(20_000);
    const { jobs } = ports;
    ports.jobs = () => Promise.reject(new SchedulerError('away', { transient: true }));
    await pass(40_000);
    ports.jobs = jobs;
    await pass(30_000);
    expect(seen).toEqual([]);
    await pass(5_000);
    expect(seen).toMatchObject([{ late: ['q-dy-c-1', 'q-dy-c-2'] }]);
  });

  test('one look that fails is no absence', async () => {
    const { ports, pass, seen, setDeadlines } = booting();
    setDeadlines(45_000);
    await pass(40_000);
    const { jobs } = ports;
    ports.jobs = () => Promise.reject(new SchedulerError('away', { transient: true }));
    await pass(5_000);
    ports.jobs = jobs;
    await pass(5_000);
    expect(seen).toMatchObject([{ late: ['q-dy-c-1', 'q-dy-c-2'] }]);
  });

  test('an answer that comes when slurmctld is back counts from when it comes', async () => {
    const { ports, pass, seen, setDeadlines } = booting();
    setDeadlines(50_000);
    await pass(40_000);
    const { jobs } = ports;
    const late = hold<Awaited<ReturnType<typeof jobs>>>();
    ports.jobs = () => late.promise;
    await pass(60_000);
    ports.jobs = jobs;
    late.resolve(await jobs());
    await pass(5_000);
    expect(seen).toEqual([]);
  });

  test('jobs that have no nodes any more are gone', async () => {
    const { ports, pass, seen } = booting();
    ports.jobs = async () => [];
    await pass(5_000);
    expect(seen).toMatchObject([{ gone: [1] }]);
  });

  test('a configuring job that nobody knows, on nodes that power up, is silent', async () => {
    const { ports, pass, seen } = booting();
    ports.jobs = async () => [
      configuringJob(1, 'q-dy-c-1', 'q-dy-c-2'),
      configuringJob(2, 'q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4'),
      { ...configuringJob(3, 'q-dy-c-1'), state: 'RUNNING' },
    ];
    ports.nodes = showing({ 'q-dy-c-4': { power: 'up' } });
    await pass(5_000);
    expect(seen).toMatchObject([
      {
        gone: [],
        silent: {
          asked: ['q-dy-c-2'],
          told: { jobs: [{ jobId: 2, nodes: 'q-dy-c-[2-4]' }], absent: 'q-dy-c-3' },
        },
      },
    ]);
    expect(JSON.stringify(seen)).not.toContain('nodeList');
  });

  test('a job whose nodes have come up since is none', async () => {
    const { ports, pass, seen } = booting();
    ports.jobs = async () => [
      configuringJob(1, 'q-dy-c-1', 'q-dy-c-2'),
      configuringJob(2, 'q-dy-c-2'),
    ];
    let asked = 0;
    ports.nodes = async (names) => {
      asked += 1;
      // The second question of the look is about the silent job's nodes.
      return showing(asked % 2 === 0 ? { 'q-dy-c-2': { power: 'up' } } : {})(names);
    };
    await pass(5_000);
    expect(seen).toEqual([]);
  });

  test('what a request brought while Slurm was being asked is not taken for gone', async () => {
    const { one, ports, pass, seen } = booting();
    const answer = hold<readonly SchedulerJob[]>();
    ports.jobs = () => answer.promise;
    await pass(5_000);
    one.resume('q-dy-c-3', [{ job_id: 2, nodes_resume: 'q-dy-c-3' }]);
    answer.resolve([configuringJob(1, 'q-dy-c-1', 'q-dy-c-2')]);
    await quiet();
    expect(seen).toEqual([]);
  });
});

describe('when EC2 is looked at', () => {
  test('soon after a start, and rarely where muster holds nothing', async () => {
    const { watch, pass, looks, ports } = watched();
    watch.wake();
    await pass(30_000);
    expect(looks('EC2')).toBe(1);
    await pass(599_999);
    expect(looks('EC2')).toBe(1);
    expect(ports.journal).toEqual(['list-status', 'reservations {"muster:cluster":"muster"}']);
    await pass(1);
    expect(looks('EC2')).toBe(2);
  });

  test('every half minute while there is anything of muster’s', async () => {
    const { one, ports, watch, pass, looks } = booting();
    showInstances(ports, instance('i-0001'), instance('i-0002'));
    await pass(30_000);
    expect(looks('EC2')).toBe(1);
    one.registerAll();
    watch.wake();
    await pass(60_000);
    expect(looks('EC2')).toBe(3);
  });

  test('less often where so much is listed that reading it would cost more than a hundredth of a core', async () => {
    const { ports, pass, looks } = booting();
    const many = Array.from({ length: 20_000 }, (_, index) =>
      instance(`i-f${index}`, { tags: {} }),
    );
    showInstances(ports, instance('i-0001'), instance('i-0002'), ...many);
    await pass(30_000);
    expect(looks('EC2')).toBe(1);
    await pass(60_005);
    expect(looks('EC2')).toBe(1);
    await pass(1);
    expect(looks('EC2')).toBe(2);
  });

  test('sooner when something begins meanwhile', async () => {
    const { one, watch, pass, looks } = watched();
    watch.wake();
    await pass(10_000);
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    watch.wake();
    await pass(30_000);
    expect(looks('EC2')).toBe(1);
  });
});

describe('what EC2 shows', () => {
  test('nothing new is no event', async () => {
    const { ports, pass, seen } = booting();
    showInstances(ports, instance('i-0001'), instance('i-0002', { state: 'pending' }));
    await pass(60_000);
    expect(seen).toEqual([]);
    expect(ports.journal.filter((line) => line.startsWith('describe-instances'))).toEqual([]);
  });

  test('instances, where muster may not look at reservations', async () => {
    const { ports, pass, seen } = booting();
    showInstances(ports, instance('i-0001', { state: 'terminated' }), instance('i-0002'));
    ports.reservations = () =>
      Promise.reject(new CloudError('UnauthorizedOperation', 'You are not authorized.'));
    await pass(30_000);
    expect(seen).toMatchObject([{ kind: 'Ec2Seen', ended: ['i-0001'], strayReservations: [] }]);
    expect(ports.lines).toEqual([]);
  });

  test('leased instances that end, strays, and reservations that nobody has', async () => {
    const { ports, clock, pass, seen, one } = booting();
    one.state.since = 0;
    const old = { launchedAt: clock.now() - 600_000 };
    showInstances(
      ports,
      instance('i-0001', { state: 'shutting-down' }),
      instance('i-0002'),
      instance('i-6', { ...old, tags: { 'muster:cluster': 'another' } }),
      instance('i-7', old),
      instance('i-8', { ...old, state: 'stopping' }),
      instance('i-9', { launchedAt: clock.now() }),
    );
    const reservation = { instanceType: 'c5.large', availabilityZone: 'z', count: 1, available: 1 };
    ports.reservations = async () => [
      { ...reservation, reservationId: 'cr-1', state: 'active', endsAt: null, tags: {} },
      {
        ...reservation,
        reservationId: 'cr-2',
        state: 'cancelled',
        endsAt: null,
        tags: { 'muster:reservation': 'r/0/reserve0' },
      },
    ];
    await pass(30_000);
    expect(seen).toMatchObject([
      {
        kind: 'Ec2Seen',
        ended: ['i-0001'],
        strays: ['i-7'],
        strayReservations: [{ reservationId: 'cr-1', tag: '' }],
      },
    ]);
  });
});
