/** Nodes that a person releases or has replaced, wherever in their life they are. */
import { describe, expect, test } from 'vitest';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { queueOf } from './testing/fleet.ts';
import { needsOfSets } from './testing/sets.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';

function world(): DrivenWorld {
  const queue = queueOf({ c: ['c5.large us-east-1a'] });
  const computeResources = queue.computeResources.map((each) => ({ ...each, minCount: 2 }));
  const queues = [{ ...queue, computeResources }];
  const settings = { queues, resumeTimeoutMs: 1_800_000, bootTimeMs: 300_000 };
  const one = createTestWorld(settings, createInvariants());
  for (const effect of one.out('DescribeSubnets')) one.finish(effect);
  return one;
}

/** Job 1 runs on the nodes 1 to 3. */
function running(): DrivenWorld {
  const one = world();
  one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
  one.settle();
  one.advance(60_000);
  return one;
}

/** Job 1 waits for the nodes 1 to 3, of which the first has registered. */
function booting(): DrivenWorld {
  const one = Object.assign(world(), { boots: true });
  one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
  one.sendSeen({ registered: ['q-dy-c-1'] });
  one.advance(1_000);
  return one;
}

function rest(one: DrivenWorld): void {
  one.boots = false;
  one.settle();
  one.registerAll();
  one.settle();
  checkAtRest(one);
  checkReplay(one);
}

describe('release-node', () => {
  test('ends the instance of a node and gives it back with the reason, whoever is on it', () => {
    const one = running();
    one.ask('release-node', 'q-dy-c-2');
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0002']);
    expect(one.only('GiveBackNodes')).toMatchObject({
      nodes: ['q-dy-c-2'],
      reason: expect.stringContaining('(Code:ReleasedByHand)') as string,
    });
    expect(one.decisions('NodesTakenByHand')).toMatchObject([
      { released: ['q-dy-c-2'], replaced: [], passedOver: [] },
    ]);
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-1', 'q-dy-c-3']);
  });

  test('of a node that a gang waits for lets that gang go, and its job is told', () => {
    const one = booting();
    one.ask('release-node', 'q-dy-c-2');
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 1, code: 'ReleasedByHand' }]);
  });

  test('of a node that has registered in a gang that still boots takes it out of that gang', () => {
    const one = booting();
    one.ask('release-node', 'q-dy-c-1');
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-2', 'q-dy-c-3']);
  });

  test('of a node that is being launched ends its gang', () => {
    const one = world();
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    const launch = one.only('RunInstances');
    one.ask('release-node', 'q-dy-c-3');
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 1, code: 'ReleasedByHand' }]);
    one.launch(launch);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('of a node that holds nothing gives it back to Slurm all the same', () => {
    const one = world();
    one.ask('release-node', 'q-dy-c-7');
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-7']);
    rest(one);
  });

  test('passes over what is no node of the fleet, and says so', () => {
    const one = running();
    one.ask('release-node', 'q-dy-c-1,x-dy-c-1,q-dy-c-[2');
    expect(one.decisions('NodesTakenByHand')).toMatchObject([
      {
        released: ['q-dy-c-1'],
        passedOver: [
          { nodes: ['q-dy-c-[2'] },
          { nodes: ['x-dy-c-1'], why: expect.stringContaining('no queue "x"') as string },
        ],
      },
    ]);
    rest(one);
    one.ask('release-node', 'x-dy-c-1');
    expect(one.turns.at(-1)?.effects).toEqual([]);
  });
});

describe('replace-node', () => {
  test('of a node that a gang waits for launches another instance in its place', () => {
    const one = booting();
    one.ask('replace-node', 'q-dy-c-2');
    expect(one.decisions('NodesReplaced')).toMatchObject([
      { nodes: ['q-dy-c-2'], why: { code: 'ReplacedByHand' } },
    ]);
    expect(one.decisions('NodesTakenByHand')).toMatchObject([
      { released: [], replaced: ['q-dy-c-2'] },
    ]);
    one.ask('replace-node', 'q-dy-c-2');
    expect(one.decisions('NodesTakenByHand').at(-1)).toMatchObject({
      replaced: [],
      passedOver: [{ nodes: ['q-dy-c-2'], why: expect.stringContaining('launched') as string }],
    });
    rest(one);
    expect(one.state.leases.size).toBe(3);
    expect(one.decisions('JobRefused')).toEqual([]);
  });

  test('of a node that is being launched leaves it alone', () => {
    const one = world();
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    one.ask('replace-node', 'q-dy-c-1');
    expect(one.decisions('NodesTakenByHand')).toMatchObject([
      { released: [], replaced: [], passedOver: [{ nodes: ['q-dy-c-1'] }] },
    ]);
    rest(one);
    expect(one.state.leases.size).toBe(3);
  });

  test('of a dynamic node that is up releases it', () => {
    const one = running();
    one.ask('replace-node', 'q-dy-c-2');
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-2']);
    rest(one);
    expect(one.state.leases.size).toBe(2);
  });

  test('of a static node does not let its set wait for its next try', () => {
    const one = world();
    one.resume('q-st-c-[1-2]', []);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    for (const effect of [...one.running]) one.finish(effect);
    for (const effect of [...one.running]) one.finish(effect);
    expect(needsOfSets(one)).toEqual([]);
    one.ask('replace-node', 'q-st-c-1');
    for (const effect of [...one.running]) one.finish(effect);
    for (const effect of [...one.running]) one.finish(effect);
    expect(one.state.sets.get('q/c')).toMatchObject({ tries: 0, nextAt: null });
    expect(needsOfSets(one)).toMatchObject([{ powerUp: ['q-st-c-1', 'q-st-c-2'] }]);
    rest(one);
  });
});
