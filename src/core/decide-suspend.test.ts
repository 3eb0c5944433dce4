/** SuspendProgram and ResumeFailProgram, before, while and after their nodes are launched, and out of order. */
import { describe, expect, test } from 'vitest';
import { checkAtRest, createInvariants } from './testing/invariants.ts';
import { createTestWorld, testStart, type DrivenWorld } from './testing/world.ts';
import type { Settings } from './settings.ts';

function world(settings: Partial<Settings> = {}): DrivenWorld {
  return createTestWorld({ maxBatchSize: 2, ...settings }, createInvariants());
}

/** A world whose nodes q-dy-c-[1-2] are up, for job 1. */
function up(): DrivenWorld {
  const one = world();
  one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
  one.settle();
  one.advance(60_000);
  return one;
}

describe('suspend', () => {
  test('of nodes that are up terminates their instances, and no others', () => {
    const one = up();
    one.suspend('q-dy-c-2');
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0002']);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-1']);
    one.settle();
    expect(one.effects('GiveBackNodes')).toEqual([]);
    checkAtRest(one);
  });

  test('of nodes that Slurm may have set down itself: they are as good as new ten minutes later', () => {
    const one = up();
    one.suspend('q-dy-c-[1-2]');
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.advance(10 * 60_000);
    expect(one.only('RefreshNodes').nodes).toEqual(['q-dy-c-2']);
    one.settle();
    checkAtRest(one);
  });

  test('of many nodes terminates in calls of at most terminate_max_batch_size', () => {
    const one = world({ terminateMaxBatchSize: 2, maxBatchSize: 9 });
    one.resume('q-dy-c-[1-5]', ['q-dy-c-[1-5]']);
    one.settle();
    one.suspend('q-dy-c-[1-5]');
    expect(one.out('TerminateInstances').map(({ instanceIds }) => instanceIds.length)).toEqual([
      2, 2, 1,
    ]);
    one.settle();
    checkAtRest(one);
  });

  test('of nodes that hold nothing, as Slurm calls it after a give-back, does nothing', () => {
    const one = up();
    one.suspend('q-dy-c-[7-9],nonsense');
    expect(one.turns.at(-1)).toMatchObject({ decisions: [{ kind: 'RequestTaken' }], effects: [] });
  });

  test('with a hostlist that is partly unreadable: the rest of it is done', () => {
    const one = up();
    one.suspend('q-dy-c-1,q-dy-c-[2');
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0001']);
    expect(one.decisions('InputFaulty')).toHaveLength(1);
  });

  test('of a node of a job while it is launched lets the whole gang go; the suspended one is down already', () => {
    const one = world();
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    one.launch(one.launchFor('q-dy-c-1'));
    const late = one.launchFor('q-dy-c-3');
    one.suspend('q-dy-c-4');
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0001', 'i-0002']);
    expect(one.givenBack()).toEqual([
      'q-dy-c-1 q-dy-c-2 q-dy-c-3 (Code:PoweredDown)Failure when resuming nodes: Slurm powered 1 of the 4 nodes down before the launch was whole',
    ]);
    expect(one.verdict().failed).toHaveLength(4);
    one.launch(late);
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('of a job that waits for its node lets it go, and nothing is launched for it', () => {
    const one = world();
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-2]', 'q-dy-c-[2-3]']);
    one.suspend('q-dy-c-3');
    expect(one.decisions('GangClosed')).toMatchObject([{ jobIds: [2] }]);
    // The shared node is the first job's.
    expect(one.effects('GiveBackNodes')).toEqual([]);
    one.settle();
    expect(one.verdict()).toEqual({ given: ['q-dy-c-1', 'q-dy-c-2'], failed: ['q-dy-c-3'] });
    checkAtRest(one);
  });

  test('of a node that two jobs share while it is launched lets both go', () => {
    const one = world();
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-2]', 'q-dy-c-[2-3]']);
    one.suspend('q-dy-c-2');
    expect(one.effects('GiveBackNodes').map(({ nodes }) => nodes)).toEqual([
      ['q-dy-c-1'],
      ['q-dy-c-3'],
    ]);
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('of one of several small jobs takes that node out, the others go on', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-1', 'q-dy-c-2']);
    one.suspend('q-dy-c-1');
    one.launch(one.only('RunInstances'));
    // Two came for the one node that is still wanted.
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0002']);
    one.settle();
    expect(one.verdict()).toEqual({ given: ['q-dy-c-2'], failed: [] });
    expect(one.effects('GiveBackNodes')).toEqual([]);
    checkAtRest(one);
  });

  test('of all of a launch-batch while it is launched: what comes is terminated', () => {
    const one = world({ mode: 'node-list', allOrNothingBatch: true });
    one.resume('q-dy-c-[1-2]', null);
    one.suspend('q-dy-c-[1-2]');
    one.launch(one.only('RunInstances'));
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0001', 'i-0002']);
    one.settle();
    expect(one.verdict()).toEqual({ given: [], failed: [] });
    checkAtRest(one);
  });

  test('of all of a launch-batch that waits for its turn: EC2 is never asked', () => {
    const one = world({ mode: 'node-list', launchRequests: { burst: 1, perSecond: 1 } });
    one.resume('q-dy-c-[1-4]', null);
    one.suspend('q-dy-c-[3-4]');
    one.settle();
    expect(one.effects('RunInstances')).toHaveLength(1);
    expect(one.verdict()).toEqual({ given: ['q-dy-c-1', 'q-dy-c-2'], failed: [] });
    checkAtRest(one);
  });

  test('of all of a launch-batch that waits for other gangs closes it', () => {
    const one = world({ mode: 'node-list' });
    one.resume('q-dy-c-[1-2]', null);
    one.resume('q-dy-c-[1-2]', null);
    one.suspend('q-dy-c-[1-2]');
    expect(one.verdict().failed).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    one.settle();
    expect(one.effects('RunInstances')).toHaveLength(1);
    checkAtRest(one);
  });

  test('of some of a launch-batch that waits for other gangs leaves it the rest', () => {
    const one = world({ mode: 'node-list' });
    one.resume('q-dy-c-[1-2]', null);
    one.resume('q-dy-c-[1-2]', null);
    one.suspend('q-dy-c-1');
    one.settle();
    expect(one.verdict(1).given).toEqual(['q-dy-c-2']);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-2']);
    checkAtRest(one);
  });

  test('of a node that Slurm is being told of: it is not given, and not told again', () => {
    const one = world({ scalingStrategy: 'best-effort' });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.launch(one.only('RunInstances'));
    one.suspend('q-dy-c-1');
    one.fail(one.only('AssignNodes'), 'no contact', true);
    one.advance(2_000);
    expect(one.only('AssignNodes')).toMatchObject({ nodes: ['q-dy-c-2'], instanceIds: ['i-0002'] });
    one.settle();
    expect(one.verdict()).toEqual({ given: ['q-dy-c-2'], failed: [] });
    checkAtRest(one);
  });

  test('of all nodes that Slurm is being told of: nothing is told again', () => {
    const one = world({ scalingStrategy: 'best-effort' });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.launch(one.only('RunInstances'));
    one.suspend('q-dy-c-[1-2]');
    one.fail(one.only('AssignNodes'), 'no contact', true);
    one.advance(2_000);
    expect(one.out('AssignNodes')).toEqual([]);
    one.settle();
    expect(one.verdict()).toEqual({ given: [], failed: [] });
    checkAtRest(one);
  });
});

describe('a new life of the node', () => {
  test('does not wait for the end of the old one', () => {
    const one = up();
    one.suspend('q-dy-c-1');
    one.advance(1_000);
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.launch(one.only('RunInstances'));
    expect(one.only('AssignNodes').instanceIds).toEqual(['i-0003']);
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0001']);
    one.settle();
    checkAtRest(one);
  });

  test('never gets the late answer of a launch for the old one', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    const old = one.only('RunInstances');
    one.suspend('q-dy-c-1');
    one.advance(1_000);
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.launch(old);
    one.settle();
    expect(one.state.leases.get('q-dy-c-1')?.instance.instanceId).toBe('i-0002');
    expect([...one.ec2.alive]).toEqual(['i-0002']);
    checkAtRest(one);
  });

  test('is not ended by a suspend that was called before it and is read after it', () => {
    const one = up();
    const before = one.now;
    one.advance(1_000);
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.suspend('q-dy-c-1', { at: before });
    one.settle();
    one.suspend('q-dy-c-1', { at: before });
    one.settle();
    expect(one.state.leases.size).toBe(2);
    expect(one.verdict(1).given).toHaveLength(2);
    checkAtRest(one);
  });

  test('is not ended either while it is launched', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.suspend('q-dy-c-1', { at: testStart - 1 });
    one.settle();
    expect(one.verdict().given).toEqual(['q-dy-c-1']);
    checkAtRest(one);
  });
});

describe('resume-fail', () => {
  test('of a node that never registered: its instance ends, and the node is powered down', () => {
    const one = up();
    one.resumeFail('q-dy-c-1');
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0001']);
    expect(one.only('GiveBackNodes')).toMatchObject({ nodes: ['q-dy-c-1'], reason: null });
    one.settle();
    checkAtRest(one);
  });

  test('of a node whose job is being launched: the gang is let go, each node given back once', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.resumeFail('q-dy-c-1');
    expect(
      one.effects('GiveBackNodes').map(({ nodes, reason }) => [nodes, reason === null]),
    ).toEqual([
      [['q-dy-c-2'], false],
      [['q-dy-c-1'], true],
    ]);
    one.settle();
    checkAtRest(one);
  });

  test('of a node of a launch-batch that is still launched gives that node back', () => {
    const one = world({ mode: 'node-list' });
    one.resume('q-dy-c-[1-2]', null);
    one.resumeFail('q-dy-c-1');
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-1']);
    one.settle();
    expect(one.verdict().given).toEqual(['q-dy-c-2']);
    checkAtRest(one);
  });

  test("that is older than the node's last resume leaves the node alone", () => {
    const one = up();
    one.resumeFail('q-dy-c-[1-2]', { at: testStart - 1 });
    expect(one.turns.at(-1)?.effects).toEqual([]);
    one.resume('q-dy-c-3', ['q-dy-c-3']);
    one.resumeFail('q-dy-c-3', { at: one.now - 1 });
    one.settle();
    expect(one.effects('GiveBackNodes')).toEqual([]);
    expect(one.state.leases.size).toBe(3);
    checkAtRest(one);
  });

  test('of nothing readable does nothing', () => {
    const one = up();
    one.resumeFail('q-dy-c-[1');
    expect(one.turns.at(-1)?.effects).toEqual([]);
  });
});
