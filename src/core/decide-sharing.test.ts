/** Nodes that several want: the same request again, requests that overlap, jobs that share; and nodes that nobody can launch. */
import { describe, expect, test } from 'vitest';
import { checkAtRest, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';
import type { Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';

function world(settings: Partial<Settings> = {}): DrivenWorld {
  return createTestWorld(
    { clusterName: 'demo', launchRequests: { burst: 100, perSecond: 2 }, ...settings },
    createInvariants(),
  );
}

describe('the same nodes asked for again', () => {
  test('the same request twice changes nothing', () => {
    const one = world();
    const id = one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    const turns = one.turns.length;
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]'], { id });
    expect(one.turns.at(-1)).toMatchObject({ decisions: [], effects: [] });
    expect(one.turns).toHaveLength(turns + 1);
    one.settle();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]'], { id });
    expect(one.effects('RunInstances')).toHaveLength(1);
    checkAtRest(one);
  });

  test('a request is known again for a day, and old ones are forgotten', () => {
    const one = world();
    const id = one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.settle();
    one.advance(23 * 3_600_000);
    one.suspend('q-dy-c-9');
    expect(one.state.taken.has(id)).toBe(true);
    one.advance(2 * 3_600_000);
    one.suspend('q-dy-c-9');
    expect(one.state.taken.has(id)).toBe(false);
    expect(one.state.taken.size).toBe(2);
  });

  test('by another request while they launch: it waits, and shares the instances', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    expect(one.out('RunInstances')).toHaveLength(1);
    one.settle();
    expect(one.ec2.alive.size).toBe(2);
    expect(one.decisions('RequestSettled').map(({ given }) => given.length)).toEqual([2, 2]);
    checkAtRest(one);
  });

  // `state=power_up` of a node that powers up already is a second call of ResumeProgram, with no job in its file.
  test('by hand, and by hand once more while they boot: nothing is launched twice', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', []);
    const launch = one.only('RunInstances');
    one.resume('q-dy-c-[1-2]', []);
    one.launch(launch);
    one.settle();
    one.advance(5_000);
    one.resume('q-dy-c-[1-2]', []);
    one.settle();
    expect(one.effects('RunInstances')).toHaveLength(1);
    expect(one.verdict(2).given).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    expect(one.ec2.alive.size).toBe(2);
    checkAtRest(one);
  });

  test('by another request when they are up: the same instances are given again', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.settle();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.settle();
    expect(one.effects('RunInstances')).toHaveLength(1);
    expect(one.effects('AssignNodes').map(({ instanceIds }) => instanceIds)).toEqual([
      ['i-0001', 'i-0002'],
      ['i-0001', 'i-0002'],
    ]);
    checkAtRest(one);
  });

  test('by two requests that overlap: the node in the middle is launched once', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.resume('q-dy-c-[2-3]', ['q-dy-c-[2-3]']);
    one.settle();
    expect(one.ec2.alive.size).toBe(3);
    expect(one.effects('RunInstances').map(({ order }) => order.maxCount)).toEqual([2, 1]);
    checkAtRest(one);
  });
});

describe('jobs that share a node', () => {
  function sharing(): DrivenWorld {
    const one = world();
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-2]', 'q-dy-c-[2-3]']);
    return one;
  }

  test('the first is given: the second uses its instance and launches the rest', () => {
    const one = sharing();
    one.launch(one.only('RunInstances'));
    expect(one.out('RunInstances')).toEqual([]);
    one.finish(one.only('AssignNodes'));
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    one.launch(one.only('RunInstances'));
    expect(one.only('AssignNodes').nodes).toEqual(['q-dy-c-2', 'q-dy-c-3']);
    one.settle();
    expect(one.ec2.alive.size).toBe(3);
    checkAtRest(one);
  });

  test('the first is refused: only its own node goes back, the second takes over the shared one', () => {
    const one = sharing();
    one.refuse(one.only('RunInstances'), noRoom);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-1']);
    expect(one.only('RunInstances').order.maxCount).toBe(2);
    one.launch(one.only('RunInstances'));
    one.settle();
    expect(one.verdict()).toEqual({ given: ['q-dy-c-2', 'q-dy-c-3'], failed: ['q-dy-c-1'] });
    checkAtRest(one);
  });

  test('both are refused: each node goes back once', () => {
    const one = sharing();
    one.refuse(one.only('RunInstances'), noRoom);
    one.refuse(one.only('RunInstances'), noRoom);
    expect(one.effects('GiveBackNodes').map(({ nodes }) => nodes)).toEqual([
      ['q-dy-c-1'],
      ['q-dy-c-2', 'q-dy-c-3'],
    ]);
    one.settle();
    expect(one.verdict().failed.toSorted()).toEqual(['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3']);
    checkAtRest(one);
  });

  test('the first is given, the second refused: the shared node stays up', () => {
    const one = sharing();
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    one.refuse(one.only('RunInstances'), noRoom);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-3']);
    expect(one.effects('TerminateInstances')).toEqual([]);
    one.settle();
    expect(one.verdict()).toEqual({ given: ['q-dy-c-1', 'q-dy-c-2'], failed: ['q-dy-c-3'] });
    checkAtRest(one);
  });

  test("every node is another one's: no launch of its own, and given with it", () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]', 'q-dy-c-2']);
    one.settle();
    expect(one.effects('RunInstances')).toHaveLength(1);
    expect(one.decisions('GangClosed').map(({ given }) => given)).toEqual([
      ['q-dy-c-1', 'q-dy-c-2'],
      ['q-dy-c-2'],
    ]);
    checkAtRest(one);
  });
});

describe('what cannot be launched at all', () => {
  test('unknown names go down with their reason, the others are launched', () => {
    const one = world();
    one.resume('q-dy-c-1,queue2-dy-c5xlarge[1-3]', ['q-dy-c-1']);
    expect(one.only('GiveBackNodes').nodes).toHaveLength(3);
    expect(one.givenBack()[0]).toContain('(Code:InvalidNodenameError)');
    one.settle();
    expect(one.verdict().given).toEqual(['q-dy-c-1']);
    expect(one.verdict().failed).toHaveLength(3);
    checkAtRest(one);
  });

  for (const hostlist of ['', 'n[1-', 'q-dy-c-[3-1]']) {
    test(`a request for "${hostlist}" has its verdict at once`, () => {
      const one = world();
      one.resume(hostlist, []);
      expect(one.decisions('InputFaulty')).toHaveLength(1);
      expect(one.decisions('RequestSettled')).toMatchObject([{ given: [], failed: [] }]);
      checkAtRest(one);
    });
  }

  test('a compute resource that a new configuration lost while its gang waited', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    const settings = { ...one.state.settings, queues: [] };
    one.send({ kind: 'ConfigLoaded', settings });
    one.settle();
    expect(one.verdict().given).toEqual(['q-dy-c-1']);
    expect(one.verdict(1).failed).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    expect(one.givenBack()).toEqual([
      'q-dy-c-2 (Code:UnknownQueue)Failure when resuming nodes: the fleet has no queue q (it has: )',
      'q-dy-c-2 null',
    ]);
    checkAtRest(one);
  });

  test('nodes that the new configuration does not know keep the instances that they have', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.settle();
    one.send({ kind: 'ConfigLoaded', settings: { ...one.state.settings, queues: [] } });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-2']);
    one.settle();
    expect(one.state.leases.has('q-dy-c-1')).toBe(true);
    checkAtRest(one);
  });
});
