/** Gangs of several calls that want the same pools: one is served at a time, and what it lets go of is handed over. */
import { describe, expect, test } from 'vitest';
import { queueOf } from './testing/fleet.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';
import type { Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';

function world(settings: Partial<Settings> = {}): DrivenWorld {
  return createTestWorld(
    { maxBatchSize: 2, launchRequests: { burst: 100, perSecond: 2 }, ...settings },
    createInvariants(),
  );
}

describe('two gangs of several calls in the same pool', () => {
  test('the younger waits for the older one, whatever call they came in', () => {
    const one = world();
    const first = one.resume('q-dy-c-[1-8]', ['q-dy-c-[1-4]', 'q-dy-c-[5-8]']);
    expect(one.decisions('GangWaits')).toEqual([
      { kind: 'GangWaits', gangId: `${first}/1`, turnAfter: `${first}/0` },
    ]);
    const second = one.resume('q-dy-c-[11-14]', [{ job_id: 9, nodes_resume: 'q-dy-c-[11-14]' }]);
    expect(one.decisions('GangWaits').at(-1)?.gangId).toBe(`${second}/0`);
    expect(one.out('RunInstances')).toHaveLength(2);
    one.settle();
    expect(one.verdict(0).given).toHaveLength(8);
    expect(one.verdict(1).given).toHaveLength(4);
    checkAtRest(one);
  });

  test('a gang of one call does not wait', () => {
    const one = world();
    one.resume('q-dy-c-[1-6]', ['q-dy-c-[1-4]', 'q-dy-c-[5-6]']);
    expect(one.decisions('GangWaits')).toEqual([]);
    expect(one.out('RunInstances')).toHaveLength(3);
  });

  test('nor one in another pool', () => {
    const one = world();
    one.resume('q-dy-a-[1-4],q-dy-b-[1-4]', ['q-dy-a-[1-4]', 'q-dy-b-[1-4]']);
    expect(one.out('RunInstances')).toHaveLength(4);
  });

  test('what the older one lets go of is the younger one’s, and is not launched again', () => {
    const one = world();
    one.resume('q-dy-c-[1-7]', ['q-dy-c-[1-4]', 'q-dy-c-[5-7]']);
    const [held, refused] = one.out('RunInstances');
    if (held === undefined || refused === undefined) throw new Error('two launches should run');
    one.launch(held);
    one.refuse(refused, noRoom);
    expect(one.decisions('LeaseHandedOver').map(({ fromNode, node }) => [fromNode, node])).toEqual([
      ['q-dy-c-1', 'q-dy-c-5'],
      ['q-dy-c-2', 'q-dy-c-6'],
    ]);
    expect(one.effects('TerminateInstances')).toEqual([]);
    // Only what is still missing is asked for.
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    one.settle();
    expect(one.verdict().given).toEqual(['q-dy-c-5', 'q-dy-c-6', 'q-dy-c-7']);
    expect(one.ec2.alive.size).toBe(3);
    checkAtRest(one);
  });

  test('what the younger one has no use for ends', () => {
    const one = world();
    one.resume('q-dy-c-[1-9]', ['q-dy-c-[1-6]', 'q-dy-c-[7-9]']);
    const [first, second, refused] = one.out('RunInstances');
    if (first === undefined || second === undefined || refused === undefined)
      throw new Error('three launches should run');
    one.launch(first);
    one.launch(second);
    one.refuse(refused, noRoom);
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0004']);
    one.settle();
    expect(one.verdict().given).toEqual(['q-dy-c-7', 'q-dy-c-8', 'q-dy-c-9']);
    checkAtRest(one);
  });

  test('in whose zone there is no more room ends: a gang is in one zone', () => {
    const one = createTestWorld(
      {
        ...{ maxBatchSize: 2, strategy: 'launch' },
        launchRequests: { burst: 100, perSecond: 2 },
        capacityMemory: { refusalMs: 120_000, successMs: 3_600_000 },
        queues: [queueOf({ c: ['c5.large us-east-1a', 'c5.large us-east-1b'] })],
      },
      createInvariants(),
    );
    one.resume('q-dy-c-[1-9]', ['q-dy-c-[1-3]', 'q-dy-c-[4-9]']);
    const [held, refused] = one.out('RunInstances');
    if (held === undefined || refused === undefined) throw new Error('two launches should run');
    one.launch(held);
    one.refuse(refused, noRoom);
    one.settle();
    expect(one.decisions('LeaseHandedOver')).toHaveLength(2);
    const zones = [4, 5, 6, 7, 8, 9].map((n) => one.state.leases.get(`q-dy-c-${n}`)?.zone);
    expect(new Set(zones)).toEqual(new Set(['us-east-1b']));
    checkAtRest(one);
    checkReplay(one);
  });

  test('a restart in between changes nothing', () => {
    const one = world();
    one.resume('q-dy-c-[1-7]', ['q-dy-c-[1-4]', 'q-dy-c-[5-7]']);
    const [held, refused] = one.out('RunInstances');
    if (held === undefined || refused === undefined) throw new Error('two launches should run');
    one.launch(held);
    one.refuse(refused, noRoom);
    one.restart();
    one.settle();
    expect(one.verdict().given).toEqual(['q-dy-c-5', 'q-dy-c-6', 'q-dy-c-7']);
    checkAtRest(one);
  });
});
