import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  knownRefusal,
  rememberRefusal,
  rememberRelease,
  rememberSuccess,
  type PoolMemory,
} from './capacity-memory.ts';

const ages = { refusalMs: 120_000, successMs: 3_600_000 };
const no = { code: 'InsufficientInstanceCapacity', message: 'no room' };

type Seen = readonly [what: 'gave' | 'refused', count: number, at: number];

function remember(...seen: readonly Seen[]): PoolMemory | undefined {
  let memory: PoolMemory | undefined;
  for (const [what, count, at] of seen) {
    memory =
      what === 'gave'
        ? rememberSuccess(memory, { count, at }, ages)
        : rememberRefusal(memory, { count, at, ...no }, ages);
  }
  return memory;
}

/** The counts that are remembered: given, refused. */
function countsOf(memory: PoolMemory | undefined): [number | null, number | null] {
  return [memory?.success?.count ?? null, memory?.refusal?.count ?? null];
}

describe('what EC2 gave and refused', () => {
  const rows: Record<string, { seen: Seen[]; want: [number | null, number | null] }> = {
    'the largest success is kept': {
      seen: [
        ['gave', 20, 0],
        ['gave', 50, 1],
        ['gave', 30, 2],
      ],
      want: [50, null],
    },
    'the smallest refusal is kept': {
      seen: [
        ['refused', 200, 0],
        ['refused', 100, 1],
        ['refused', 150, 2],
      ],
      want: [null, 100],
    },
    'both are kept where they do not contradict each other': {
      seen: [
        ['gave', 50, 0],
        ['refused', 200, 1],
      ],
      want: [50, 200],
    },
    'a success puts an end to refusals of no more than it': {
      seen: [
        ['refused', 50, 0],
        ['gave', 50, 1],
      ],
      want: [50, null],
    },
    'a refusal puts an end to successes of as many or more': {
      seen: [
        ['gave', 50, 0],
        ['refused', 50, 1],
      ],
      want: [null, 50],
    },
    'a larger success that is old makes way for a smaller one': {
      seen: [
        ['gave', 50, 0],
        ['gave', 20, 3_600_000],
      ],
      want: [20, null],
    },
    'a smaller refusal that is old makes way for a larger one': {
      seen: [
        ['refused', 50, 0],
        ['refused', 200, 120_000],
      ],
      want: [null, 200],
    },
  };
  test.each(Object.entries(rows))('%s', (_name, { seen, want }) => {
    expect(countsOf(remember(...seen))).toEqual(want);
  });

  test('never contradict each other', () => {
    const one = fc.tuple(
      fc.constantFrom('gave' as const, 'refused' as const),
      fc.integer({ min: 1, max: 9 }),
      fc.nat({ max: 4_000_000 }),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 30 }), (seen) => {
        const inTime = [...seen].sort((a, b) => a[2] - b[2]);
        const [given, refused] = countsOf(remember(...inTime));
        if (given !== null && refused !== null) expect(given).toBeLessThan(refused);
        const last = inTime.at(-1);
        // What was seen last is never forgotten for what was seen before.
        if (last?.[0] === 'gave') expect(given ?? 0).toBeGreaterThanOrEqual(last[1]);
        if (last?.[0] === 'refused') expect(refused ?? 99).toBeLessThanOrEqual(last[1]);
      }),
    );
  });
});

describe('a known refusal', () => {
  const memory = remember(['refused', 200, 1_000]);

  const rows: Record<string, { count: number; at: number; knows: boolean }> = {
    'is there for as many': { count: 200, at: 1_000, knows: true },
    'is there for more': { count: 900, at: 1_000, knows: true },
    'says nothing against fewer': { count: 199, at: 1_000, knows: false },
    'holds until its age is over': { count: 200, at: 120_999, knows: true },
    'is forgotten then': { count: 200, at: 121_000, knows: false },
  };
  test.each(Object.entries(rows))('%s', (_name, { count, at, knows }) => {
    expect(knownRefusal(memory, count, at, ages)).toEqual(
      knows ? { count: 200, at: 1_000, ...no } : null,
    );
  });

  test('is never there for a pool that nothing is known of, or that gave', () => {
    expect(knownRefusal(undefined, 5_000, 0, ages)).toBeNull();
    expect(knownRefusal(remember(['gave', 1, 0]), 5_000, 0, ages)).toBeNull();
  });

  test('is never there where nothing is to be remembered', () => {
    const off = { refusalMs: 0, successMs: 0 };
    expect(knownRefusal(memory, 200, 1_000, off)).toBeNull();
  });

  test('is about more, by what was let go of the pool since', () => {
    const more = rememberRelease(remember(['refused', 4, 1_000]) ?? fail(), 3);
    expect(knownRefusal(more, 6, 1_000, ages)).toBeNull();
    expect(knownRefusal(more, 7, 1_000, ages)).toMatchObject({ count: 7, at: 1_000 });
  });

  test('does not come from what is let go of a pool that refused nothing', () => {
    const gave = remember(['gave', 5, 0]) ?? fail();
    expect(rememberRelease(gave, 3)).toBe(gave);
  });
});

function fail(): never {
  throw new Error('nothing is remembered');
}
