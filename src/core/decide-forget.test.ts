/** What EC2 refused is forgotten on request: EC2 is asked again. */
import { describe, expect, test } from 'vitest';
import { narrate } from './narrate.ts';
import { queueOf } from './testing/fleet.ts';
import { createInvariants } from './testing/invariants.ts';
import { createTestWorld, replay, type DrivenWorld } from './testing/world.ts';

const pools = ['c5.large us-east-1a on-demand', 'c5.large us-east-1b on-demand'] as const;

/** Both pools have refused four. */
function refused(): DrivenWorld {
  const one = createTestWorld(
    {
      capacityMemory: { refusalMs: 120_000, successMs: 3_600_000 },
      queues: [queueOf({ a: ['c5.large us-east-1a'], b: ['c5.large us-east-1b'] })],
    },
    createInvariants(),
  );
  for (const nodes of ['q-dy-a-[1-4]', 'q-dy-b-[1-4]']) {
    one.resume(nodes, [nodes]);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    for (const back of one.out('GiveBackNodes')) one.finish(back);
  }
  return one;
}

/** The number of calls that are made for four nodes of each of the compute resources. */
function callsAgain(one: DrivenWorld): number {
  const before = one.effects('RunInstances').length;
  one.resume('q-dy-a-[11-14]', ['q-dy-a-[11-14]']);
  one.resume('q-dy-b-[11-14]', ['q-dy-b-[11-14]']);
  return one.effects('RunInstances').length - before;
}

describe('a request to forget what EC2 refused', () => {
  test('is needed: until then EC2 is not asked again', () => {
    expect(callsAgain(refused())).toBe(0);
  });

  const rows: Record<string, { pool: string; want: readonly string[]; calls: number }> = {
    'of all pools': { pool: '', want: pools, calls: 2 },
    'of one pool leaves the others': { pool: pools[1], want: [pools[1]], calls: 1 },
    'of a pool that nobody knows changes nothing': { pool: 'c5.large', want: [], calls: 0 },
  };
  test.each(Object.entries(rows))('%s', (_name, { pool, want, calls }) => {
    const one = refused();
    one.forget(pool);
    expect(one.decisions('CapacityForgotten')).toEqual([
      { kind: 'CapacityForgotten', pools: want },
    ]);
    expect([...one.state.memory.keys()]).toEqual(pools.filter((each) => !want.includes(each)));
    expect([...replay(one.turns).memory.keys()]).toEqual([...one.state.memory.keys()]);
    expect(callsAgain(one)).toBe(calls);
  });

  test('is taken once, and asks nothing of the world', () => {
    const one = refused();
    const id = one.forget('');
    expect(one.turns.at(-1)?.effects).toEqual([]);
    one.resume('q-dy-a-[11-12]', ['q-dy-a-[11-12]']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    one.forget('', { id });
    expect(one.decisions('CapacityForgotten')).toHaveLength(1);
    expect([...one.state.memory.keys()]).toEqual([pools[0]]);
  });

  test('is in the log: what was asked, and what was forgotten', () => {
    const one = refused();
    const before = replay(one.turns);
    const id = one.forget(pools[0]);
    const turn = one.turns.find(({ decisions }) =>
      decisions.some(({ kind }) => kind === 'CapacityForgotten'),
    );
    if (turn === undefined) throw new Error('nothing was forgotten');
    expect(narrate(before, turn).map(({ message }) => message)).toEqual([
      `forget-capacity request ${id} for pool: ${pools[0]}`,
      `Forgot what EC2 gave and refused in one pool: ${pools[0]}`,
    ]);
  });
});
