/** The fleet stopped and started: everything ends, nothing is launched, and what muster took it gives back. */
import { describe, expect, test } from 'vitest';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { queueOf } from './testing/fleet.ts';
import { act, lookAtSets, needsOfSets } from './testing/sets.ts';
import { createTestWorld, type DrivenWorld, replay } from './testing/world.ts';
import type { Settings } from './settings.ts';

function world(more: Partial<Settings> = {}): DrivenWorld {
  const queues = [queueOf({ c: ['c5.large us-east-1a'] })];
  const settings = { queues, resumeTimeoutMs: 1_800_000, bootTimeMs: 300_000, ...more };
  const one = createTestWorld(settings, createInvariants());
  for (const effect of one.out('DescribeSubnets')) one.finish(effect);
  return one;
}

/** Job 1 runs on the nodes 1 and 2. */
function running(more: Partial<Settings> = {}): DrivenWorld {
  const one = world(more);
  one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
  one.settle();
  one.advance(60_000);
  return one;
}

function rest(one: DrivenWorld): void {
  one.boots = false;
  one.settle();
  checkAtRest(one);
  checkReplay(one);
}

const job2 = { job_id: 2, nodes_resume: 'q-dy-c-[3-4]' };

describe('fleet-stop', () => {
  test('ends every instance, powers the nodes down, and sets the partitions inactive that are up', () => {
    const one = running();
    one.ask('fleet-stop');
    expect(one.state.fleet).toMatchObject({ status: 'stopped', since: one.now });
    expect(one.only('TerminateInstances').instanceIds).toHaveLength(2);
    expect(one.only('GiveBackNodes')).toMatchObject({
      nodes: ['q-dy-c-1', 'q-dy-c-2'],
      reason: expect.stringContaining('(Code:FleetStopped)') as string,
    });
    expect(one.only('ListPartitions').queues).toEqual(['q']);
    one.finish(one.only('ListPartitions'));
    expect(one.only('SetPartitions')).toMatchObject({ partitions: ['q'], isUp: false });
    expect(one.state.fleet.partitions).toEqual(['q']);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
    expect(one.state.leases.size).toBe(0);
  });

  test('refuses gangs that are being launched; their jobs wait, and are not held', () => {
    const one = world();
    one.resume('q-dy-c-[3-4]', [job2]);
    const launch = one.only('RunInstances');
    one.ask('fleet-stop');
    expect(one.only('GiveBackNodes').reason).toContain('(Code:FleetStopped)');
    expect(one.decisions('JobRefused')).toMatchObject([
      { jobId: 2, code: 'FleetStopped', tries: 0, nextAt: null, hold: null },
    ]);
    expect(one.effects('TellJobs')).toMatchObject([
      {
        jobIds: [2],
        startAt: null,
        hold: null,
        note: expect.stringMatching(/FleetStopped.*it waits, and starts by itself then/) as string,
      },
    ]);
    one.launch(launch);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('ends gangs that boot, their replacements too', () => {
    const one = Object.assign(world(), { boots: true });
    one.resume('q-dy-c-[3-4]', [job2]);
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    one.sendSeen({ registered: ['q-dy-c-3'] });
    one.advance(300_000);
    expect(one.decisions('NodesReplaced')).toHaveLength(1);
    one.ask('fleet-stop');
    expect(one.state.boots.size).toBe(0);
    expect(one.state.gangs.size).toBe(0);
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 2, code: 'FleetStopped' }]);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('tells each of the jobs of one node that boot together', () => {
    const one = Object.assign(world(), { boots: true });
    one.resume('q-dy-c-[3-4]', ['q-dy-c-3', 'q-dy-c-4']);
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    one.ask('fleet-stop');
    expect(one.decisions('JobRefused').map(({ jobId }) => jobId)).toEqual([1, 2]);
    rest(one);
  });

  test('ends a request of which Slurm has not answered yet', () => {
    const one = Object.assign(world(), { asks: true });
    one.resume('q-dy-c-[3-4]', [job2]);
    one.ask('fleet-stop');
    expect(one.verdict()).toEqual({ given: [], failed: ['q-dy-c-3', 'q-dy-c-4'] });
    one.finish(one.only('AskJobs'));
    one.asks = false;
    rest(one);
    expect(one.effects('RunInstances')).toEqual([]);
  });

  test('leaves what a job that is gone had to the answer about its nodes', () => {
    const one = world();
    one.resume('q-dy-c-[3-4]', [job2]);
    one.launch(one.only('RunInstances'));
    one.advance(1_000);
    one.sendSeen({ gone: [2] });
    one.ask('fleet-stop');
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-3', 'q-dy-c-4']);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('twice stays stopped since the first time, and ends what has come up', () => {
    const one = running();
    one.ask('fleet-stop');
    const { since } = one.state.fleet;
    rest(one);
    one.advance(60_000);
    one.ask('fleet-stop');
    expect(one.decisions('FleetStopped').map(({ wasRunning }) => wasRunning)).toEqual([
      true,
      false,
    ]);
    expect(one.state.fleet.since).toBe(since);
    rest(one);
    expect(one.state.fleet.partitions).toEqual(['q']);
  });

  test('is kept until Slurm is back, through a restart', () => {
    const one = running();
    one.ask('fleet-stop');
    one.fail(one.only('ListPartitions'), 'slurmctld is away', true);
    one.restart(false);
    one.advance(3_600_000);
    for (let tries = 0; tries < 30; tries += 1) {
      const [list] = one.out('ListPartitions');
      if (list !== undefined) one.fail(list, 'slurmctld is away', true);
      one.advance(60_000);
    }
    one.finish(one.only('ListPartitions'));
    const set = one.only('SetPartitions');
    one.fail(set, 'slurmctld is away', true);
    one.restart(false);
    one.advance(60_000);
    expect(one.only('SetPartitions')).toEqual(set);
    rest(one);
    expect(replay(one.turns).fleet).toEqual(one.state.fleet);
  });
});

describe('while the fleet is stopped', () => {
  test('a request is refused at once, with the reason on its nodes and its jobs', () => {
    const one = world();
    one.ask('fleet-stop');
    rest(one);
    one.resume('q-dy-c-[3-4]', [job2]);
    expect(one.only('GiveBackNodes')).toMatchObject({
      nodes: ['q-dy-c-3', 'q-dy-c-4'],
      reason: expect.stringContaining('(Code:FleetStopped)') as string,
    });
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 2, hold: null }]);
    expect(one.verdict()).toEqual({ given: [], failed: ['q-dy-c-3', 'q-dy-c-4'] });
    rest(one);
    expect(one.effects('RunInstances')).toEqual([]);
  });

  test('a request without a node that could be launched has its verdict too', () => {
    const one = world();
    one.ask('fleet-stop');
    rest(one);
    one.resume('x-dy-c-1', null);
    expect(one.verdict()).toEqual({ given: [], failed: [] });
    rest(one);
  });

  test('jobs that Slurm has put on its nodes silently are refused', () => {
    const one = world();
    one.ask('fleet-stop');
    rest(one);
    const job = { jobId: 9, hetJobId: null, isAllocated: true, nodes: 'q-dy-c-5', priority: null };
    const told = { jobs: [{ ...job, comment: '', extra: '' }], absent: '' };
    one.sendSeen({ silent: { asked: ['q-dy-c-5'], told } });
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 9, code: 'FleetStopped' }]);
    rest(one);
  });

  test('static sets are not kept, and begin anew with the start', () => {
    const queue = queueOf({ c: ['c5.large us-east-1a'] });
    const computeResources = queue.computeResources.map((each) => ({ ...each, minCount: 2 }));
    const one = world({ queues: [{ ...queue, computeResources }] });
    lookAtSets(one);
    const needs = [{ set: 'q/c', powerUp: ['q-st-c-1'], letGo: [] }];
    one.fail(one.only('PowerUpNodes'), 'slurmctld is away', true);
    one.ask('fleet-stop');
    expect(one.state.sets.size).toBe(0);
    expect(needsOfSets(one)).toEqual([]);
    act(one, needs);
    rest(one);
    expect(one.effects('PowerUpNodes')).toHaveLength(1);
    one.ask('fleet-start');
    expect(needsOfSets(one)).toMatchObject([{ powerUp: ['q-st-c-1', 'q-st-c-2'] }]);
  });
});

describe('fleet-start', () => {
  test('sets exactly those partitions up that muster had set inactive, and launches again', () => {
    const one = world();
    one.ask('fleet-stop');
    const list = one.only('ListPartitions');
    one.running.length = 0;
    one.send({ kind: 'PartitionsTold', effectId: list.id, up: ['q', 'shared'] });
    rest(one);
    one.ask('fleet-start');
    expect(one.state.fleet.status).toBe('running');
    expect(one.only('SetPartitions')).toMatchObject({ partitions: ['q', 'shared'], isUp: true });
    rest(one);
    expect(one.state.fleet.partitions).toEqual([]);
    one.resume('q-dy-c-[3-4]', [job2]);
    rest(one);
    expect(one.state.leases.size).toBe(2);
  });

  test('of a fleet that runs does nothing', () => {
    const one = running();
    one.ask('fleet-start');
    expect(one.turns.at(-1)?.effects).toEqual([]);
    expect(one.decisions('FleetStarted')).toMatchObject([{ wasRunning: true, partitions: [] }]);
    rest(one);
    expect(one.state.leases.size).toBe(2);
  });

  test('before Slurm was told of the stop takes that back', () => {
    const one = running();
    one.ask('fleet-stop');
    one.fail(one.only('ListPartitions'), 'slurmctld is away', true);
    one.ask('fleet-start');
    rest(one);
    expect(one.effects('SetPartitions')).toEqual([]);
    expect(one.state.fleet).toMatchObject({ status: 'running', partitions: [] });
  });

  test('in the middle of the stop sets up what may be inactive by now', () => {
    const one = running();
    one.ask('fleet-stop');
    one.finish(one.only('ListPartitions'));
    one.fail(one.only('SetPartitions'), 'slurmctld is away', true);
    one.ask('fleet-start');
    expect(one.only('SetPartitions')).toMatchObject({ partitions: ['q'], isUp: true });
    one.ask('fleet-start');
    expect(one.out('SetPartitions')).toHaveLength(1);
    rest(one);
    expect(one.state.fleet.partitions).toEqual([]);
  });

  test('and a stop before it was done: the partitions stay inactive, and go up with the next start', () => {
    const one = running();
    one.ask('fleet-stop');
    rest(one);
    one.ask('fleet-start');
    one.fail(one.only('SetPartitions'), 'slurmctld is away', true);
    one.ask('fleet-stop');
    expect(one.out('SetPartitions')).toMatchObject([{ partitions: ['q'], isUp: false }]);
    rest(one);
    expect(one.state.fleet.partitions).toEqual(['q']);
    one.ask('fleet-start');
    rest(one);
    expect(one.state.fleet.partitions).toEqual([]);
  });

  test('passes over a partition that Slurm has no more', () => {
    const one = running();
    one.ask('fleet-stop');
    one.finish(one.only('ListPartitions'));
    one.send({
      kind: 'PartitionsTold',
      effectId: 'unknown',
      up: ['nobody'],
    });
    const list = one.only('SetPartitions');
    one.finish(list);
    rest(one);
    one.ask('fleet-start');
    one.fail(one.only('SetPartitions'), 'Invalid partition name specified', false);
    rest(one);
    expect(one.state.fleet.partitions).toEqual([]);
  });

  test('sets the others up where Slurm refuses the list for one of them', () => {
    const one = world();
    one.ask('fleet-stop');
    const list = one.only('ListPartitions');
    one.running.length = 0;
    one.send({ kind: 'PartitionsTold', effectId: list.id, up: ['q', 'gone'] });
    rest(one);
    one.ask('fleet-start');
    one.fail(one.only('SetPartitions'), 'Invalid partition name specified', false);
    expect(one.out('SetPartitions').map(({ partitions }) => partitions)).toEqual([['q'], ['gone']]);
    rest(one);
    expect(one.state.fleet.partitions).toEqual([]);
  });

  test('forgives jobs the time that it was stopped', () => {
    const one = world({ retry: { firstMs: 60_000, maxMs: 900_000, tries: 50, forMs: 3_600_000 } });
    one.resume('q-dy-c-[3-4]', [job2]);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    one.resume('q-dy-c-[3-4]', [job2]);
    one.ask('fleet-stop');
    expect(one.state.jobs.get(2)).toMatchObject({ tries: 1, code: 'FleetStopped' });
    rest(one);
    one.advance(7_200_000);
    one.ask('fleet-start');
    rest(one);
    expect(one.state.jobs.get(2)?.firstAt).toBeGreaterThan(one.now - 7_000_000);
    one.resume('q-dy-c-[3-4]', [job2]);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    expect(one.decisions('JobRefused').at(-1)).toMatchObject({ tries: 2, hold: null });
    rest(one);
  });
});
