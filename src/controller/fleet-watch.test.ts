/** The looks of the reconcile loop: when, at whose cost, and what becomes of them. */
import { describe, expect, test } from 'vitest';
import type { Event } from '../core/events.ts';
import type { HealthListing } from '../core/fleet-facts.ts';
import type { Queue } from '../core/settings.ts';
import { queueOf } from '../core/testing/fleet.ts';
import { nodeUp } from '../core/testing/node-state.ts';
import { createTestWorld } from '../core/testing/world.ts';
import type { InstanceStatus } from '../ports/cloud.ts';
import { SchedulerError, type SchedulerJob, type SchedulerNode } from '../ports/scheduler.ts';
import { createFleetWatch, healthOf } from './fleet-watch.ts';
import { createFakePorts, createManualClock, hold } from './testing/fakes.ts';

/** q-dy-c-[1-2] are up for job 1, and EC2 has said a minute ago that their instances are well. */
function watched() {
  const one = createTestWorld();
  one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
  one.settle();
  one.advance(60_000);
  const clock = createManualClock(one.now);
  const ports = createFakePorts(clock);
  const nodes: Record<string, Partial<SchedulerNode>> = { 'q-dy-c-1': {}, 'q-dy-c-2': {} };
  ports.fleet = async () =>
    Object.entries(nodes).map(([node, change]) => ({ ...nodeUp, node, reason: '', ...change }));
  const instances = [...one.state.leases.values()].map(({ instance }) => instance.instanceId);
  let health: HealthListing | null = healthOf(
    instances.map((instanceId) => status(instanceId)),
    one.now,
  );
  const fleet = createFleetWatch(ports, one.state, () => health);
  /** Looks after so many seconds; the rules of the event, each with its nodes. */
  async function look(afterSeconds: number): Promise<Record<string, string> | null> {
    clock.time += afterSeconds * 1_000;
    return told(await fleet.look());
  }
  return {
    one,
    clock,
    ports,
    nodes,
    fleet,
    look,
    forgetHealth: () => (health = null),
    see: (statuses: readonly InstanceStatus[]) => (health = healthOf(statuses, clock.time)),
    instances,
  };
}

function status(instanceId: string, change: Partial<InstanceStatus> = {}): InstanceStatus {
  return { instanceId, state: 'running', impairedSince: null, event: null, ...change };
}

function told(event: Event | null): Record<string, string> | null {
  if (event?.kind !== 'FleetSeen') return null;
  return Object.fromEntries(event.judged.map(({ rule, nodes }) => [rule, nodes.join(' ')]));
}

describe('what a look brings', () => {
  test('nothing while all is in order', async () => {
    const { look } = watched();
    expect(await look(0)).toBe(null);
    expect(await look(30)).toBe(null);
  });

  test('one event for all nodes, when each has been so for its grace', async () => {
    const { look, nodes } = watched();
    nodes['q-dy-c-1'] = { isDown: true, reason: 'Not responding' };
    nodes['q-dy-c-2'] = { isDrained: true, reason: 'disk' };
    nodes['q-dy-c-3'] = { power: 'saved', isDown: true, reason: 'bob' };
    expect(await look(0)).toBe(null);
    expect(await look(10)).toBe(null);
    expect(await look(30)).toEqual({ down: 'q-dy-c-1' });
    nodes['q-dy-c-1'] = { power: 'powering-down' };
    expect(await look(30)).toEqual({ drained: 'q-dy-c-2' });
  });

  test('the same again, should it have been of no avail, only later', async () => {
    const { look, nodes, see, instances } = watched();
    see(instances.map((id) => status(id, { event: retirement })));
    nodes['q-dy-c-1'] = { isBusy: true };
    expect(await look(0)).toEqual({ 'event-at-work': 'q-dy-c-1', event: 'q-dy-c-2' });
    expect(await look(10)).toBe(null);
    expect(await look(10)).toBe(null);
    expect(await look(40)).toEqual({ 'event-at-work': 'q-dy-c-1', event: 'q-dy-c-2' });
  });

  test('what AWS is going to do stands in the words for people', async () => {
    const { fleet, see, instances } = watched();
    see(instances.map((id) => status(id, { event: retirement })));
    const event = await fleet.look();
    expect(event).toMatchObject({
      judged: [
        {
          rule: 'event',
          verdict: 'release',
          code: 'ScheduledEvent',
          message:
            'AWS has scheduled an event for its instance: instance-retirement not before 2026-12-01T00:00:00.000Z (degraded hardware)',
          nodes: ['q-dy-c-1', 'q-dy-c-2'],
        },
      ],
    });
  });

  test('nothing about instances while EC2 has not been heard of', async () => {
    const { look, nodes, forgetHealth } = watched();
    forgetHealth();
    nodes['q-dy-c-1'] = { isDown: true };
    for (let index = 0; index < 10; index += 1) expect(await look(60)).toBe(null);
  });
});

const retirement = {
  code: 'instance-retirement',
  description: 'degraded hardware',
  notBefore: Date.UTC(2026, 11, 1),
};

describe('jobs that lose a node', () => {
  function job(state: SchedulerJob['state'], ...nodes: string[]): SchedulerJob {
    return {
      jobId: 1,
      hetJobId: null,
      state,
      reason: 'None',
      partition: 'q',
      nodes,
      priority: null,
      restarts: 0,
      comment: '',
      adminComment: '',
      extra: '',
    };
  }

  test('are told at the first look after it, once, with what is left', async () => {
    const { fleet, nodes, ports } = watched();
    const [one, two] = ['q-dy-c-1', 'q-dy-c-2'] as const;
    ports.jobs = async () => [job('RUNNING', one, two)];
    for (const node of [one, two]) nodes[node] = { isBusy: true };
    expect(await fleet.look()).toBe(null);
    nodes[one] = { isDown: true };
    nodes[two] = {};
    ports.jobs = async () => [job('PENDING')];
    expect(await fleet.look()).toMatchObject({
      judged: [],
      struck: [{ jobId: 1, lost: [one], left: [two] }],
      settled: [],
      needs: [],
    });
    expect(await fleet.look()).toBe(null);
  });

  test('are known also where the look at EC2 has noted them alone, unless Slurm did not answer', async () => {
    const { fleet, nodes, ports } = watched();
    ports.jobs = async () => [job('RUNNING', 'q-dy-c-1', 'q-dy-c-2')];
    await fleet.noteWork();
    ports.jobs = () => Promise.reject(new SchedulerError('away', { transient: true }));
    await fleet.noteWork();
    ports.jobs = async () => [job('PENDING')];
    nodes['q-dy-c-1'] = { power: 'down-wanted' };
    expect(await fleet.look()).toMatchObject({ struck: [{ jobId: 1 }] });
  });

  test('are those that had the nodes last, though the same nodes are at work all the time', async () => {
    const { fleet, nodes, ports, look } = watched();
    const [one, two] = ['q-dy-c-1', 'q-dy-c-2'] as const;
    ports.jobs = async () => [job('RUNNING', one, two)];
    for (const node of [one, two]) nodes[node] = { isBusy: true };
    await look(0);
    ports.jobs = async () => [{ ...job('RUNNING', one, two), jobId: 2 }];
    await look(30);
    await look(30);
    nodes[one] = { isDown: true };
    nodes[two] = {};
    ports.jobs = async () => [{ ...job('PENDING'), jobId: 2 }];
    expect(await fleet.look()).toMatchObject({ struck: [{ jobId: 2, lost: [one], left: [two] }] });
  });

  const others: ReadonlyMap<string, readonly SchedulerJob[]> = new Map([
    ['had ended, and another one had come', [job('COMPLETED'), { ...job('PENDING'), jobId: 2 }]],
    ['was cancelled', [job('CANCELLED')]],
    ['is not known any more', []],
    ['runs there still', [job('RUNNING', 'q-dy-c-1', 'q-dy-c-2')]],
  ]);
  for (const [what, jobs] of others) {
    test(`are none where the one that was seen last ${what}`, async () => {
      const { look, fleet, nodes, ports } = watched();
      const [one, two] = ['q-dy-c-1', 'q-dy-c-2'] as const;
      ports.jobs = async () => [job('RUNNING', one, two)];
      for (const node of [one, two]) nodes[node] = { isBusy: true };
      await look(0);
      nodes[one] = { isDown: true, isBusy: true };
      ports.jobs = async () => jobs;
      expect(await fleet.look()).toBe(null);
    });
  }

  test('refused jobs are asked about once a minute, and what has become of them is told', async () => {
    const { one, clock, look, fleet, ports } = watched();
    one.resume('q-dy-c-[5-6]', [{ job_id: 7, nodes_resume: 'q-dy-c-[5-6]' }]);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    ports.jobs = async () => [{ ...job('PENDING'), jobId: 7 }];
    const asked = () => ports.journal.filter((line) => line === 'list-jobs 7').length;
    await look(0);
    expect(asked()).toBe(0);
    await look(60);
    await look(30);
    expect(asked()).toBe(1);
    ports.jobs = async () => [];
    clock.time += 60_000;
    expect(await fleet.look()).toMatchObject({ past: { started: [], gone: [7] } });
    expect(asked()).toBe(2);
  });

  test('jobs are asked for when other nodes are at work than before, and those that have lost one as long as they wait', async () => {
    const { one, look, fleet, nodes, ports } = watched();
    ports.jobs = async () => [job('PENDING')];
    nodes['q-dy-c-1'] = { isBusy: true };
    await look(0);
    await look(30);
    nodes['q-dy-c-2'] = { isBusy: true };
    await look(30);
    expect(ports.journal.filter((line) => line === 'list-allocated-jobs')).toHaveLength(2);
    one.send({
      kind: 'FleetSeen',
      askedAt: one.now,
      judged: [],
      struck: [{ jobId: 1, lost: ['q-dy-c-1'], left: ['q-dy-c-2'], isHeterogeneous: false }],
      settled: [],
      needs: [],
    });
    expect(fleet.interval()).toBe(10_000);
    await look(30);
    expect(ports.journal).toContain('list-jobs 1');
    ports.jobs = async () => [];
    expect(await fleet.look()).toMatchObject({ settled: [{ jobId: 1, outcome: 'gone' }] });
  });
});

describe('a look that fails', () => {
  test('forgets nothing: the grace runs on', async () => {
    const { look, nodes, ports } = watched();
    nodes['q-dy-c-1'] = { isDown: true };
    await look(0);
    await look(10);
    const { fleet } = ports;
    ports.fleet = () => Promise.reject(new SchedulerError('away', { transient: true }));
    await expect(look(10)).rejects.toThrow('away');
    ports.fleet = fleet;
    expect(await look(10)).toEqual({ down: 'q-dy-c-1' });
  });

  test('an answer that took long is none: its nodes may have jobs by now', async () => {
    const { fleet, nodes, ports, clock } = watched();
    nodes['q-dy-c-1'] = { power: 'saved' };
    const answer = hold<readonly SchedulerNode[]>();
    ports.fleet = () => answer.promise;
    const looking = fleet.look();
    clock.time += 10_001;
    answer.resolve([]);
    expect(await looking).toBe(null);
    expect(fleet.interval()).toBe(30_000);
  });
});

describe('what it costs', () => {
  test('one listing of jobs a minute while something is at work', async () => {
    const { look, nodes, ports } = watched();
    await look(0);
    expect(ports.journal).not.toContain('list-allocated-jobs');
    nodes['q-dy-c-1'] = { isBusy: true };
    for (let index = 0; index < 13; index += 1) await look(10);
    expect(ports.journal.filter((line) => line === 'list-allocated-jobs')).toHaveLength(3);
  });

  test('one listing of nodes a look, and of partitions every half a minute', async () => {
    const { look, ports } = watched();
    for (let index = 0; index < 6; index += 1) await look(10);
    expect(ports.journal.filter((line) => line === 'list-fleet')).toHaveLength(6);
    expect(ports.journal.filter((line) => line === 'list-partitions')).toHaveLength(2);
    expect(ports.journal).toHaveLength(8);
  });

  test('every ten seconds while something goes on or is wrong, every thirty at rest', async () => {
    const { fleet, look, nodes, one } = watched();
    await look(0);
    expect(fleet.interval()).toBe(30_000);
    nodes['q-dy-c-1'] = { isDown: true };
    await look(10);
    expect(fleet.interval()).toBe(10_000);
    nodes['q-dy-c-1'] = {};
    await look(10);
    expect(fleet.interval()).toBe(30_000);
    one.resume('q-dy-c-5', ['q-dy-c-5']);
    expect(fleet.interval()).toBe(10_000);
  });

  test('never off while there are leases or a fleet, and off without either', () => {
    const { state } = createTestWorld();
    const ports = createFakePorts(createManualClock(0));
    const fleet = createFleetWatch(ports, state, () => null);
    expect(fleet.interval()).toBe(null);
    state.settings = { ...state.settings, queues: [] };
    expect(fleet.interval()).toBe(30_000);
  });

  test('static sets are looked at soon after the start, and again while one is not whole', async () => {
    const one = createTestWorld({ queues: [withStaticNode()] });
    const ports = createFakePorts(createManualClock(one.now));
    ports.fleet = async () => [{ ...nodeUp, node: 'q-st-c-1', reason: '', power: 'saved' }];
    const fleet = createFleetWatch(ports, one.state, () => null);
    expect(fleet.interval()).toBe(1_000);
    const event = await fleet.look();
    expect(event).toMatchObject({
      kind: 'FleetSeen',
      judged: [],
      needs: [{ set: 'q/c', powerUp: ['q-st-c-1'], letGo: [] }],
    });
    expect(fleet.interval()).toBe(30_000);
    one.send({ ...event, at: one.now } as Event);
    expect(fleet.interval()).toBe(10_000);
  });
});

/** A queue with one node, which is static. */
function withStaticNode(): Queue {
  const queue = queueOf({ c: ['c5.large us-east-1a'] });
  return { ...queue, computeResources: queue.computeResources.map((c) => ({ ...c, minCount: 1 })) };
}

test('health: who is not pending or running has ended', () => {
  const states = [
    'pending',
    'running',
    'stopping',
    'stopped',
    'shutting-down',
    'terminated',
  ] as const;
  const { instances, askedAt } = healthOf(
    states.map((state) => status(state, { state })),
    7,
  );
  expect(askedAt).toBe(7);
  expect([...instances].flatMap(([id, { isAlive }]) => (isAlive ? [id] : []))).toEqual([
    'pending',
    'running',
  ]);
});
