import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldHostlist, foldSorted, parseHostlist } from './hostlist.ts';

function expand(text: string): string[] {
  const result = parseHostlist(text);
  if (result.kind === 'error') throw new Error(`${text}: ${result.error.message}`);
  return result.nodes;
}

/** Names that a list can hold: no separators, no brackets, no control characters. */
function nodeNames(): fc.Arbitrary<string[]> {
  const number = fc.oneof(
    fc.nat(12).map(String),
    fc.nat(12).map((value) => String(value).padStart(2, '0')),
    fc.integer({ min: 97, max: 102 }).map((value) => String(value).padStart(3, '0')),
    fc.constantFrom(
      '999',
      '1000',
      '0999',
      '00',
      '999999999999999',
      '1000000000000000',
      '18446744073709551616',
    ),
  );
  const stem = fc.constantFrom(
    'n',
    'rack1-n',
    'rack01-n',
    'rack2-n',
    'queue1-dy-c5xlarge-',
    '',
    'é-',
    'n1x',
  );
  const numbered = fc.tuple(stem, number).map(([head, digits]) => head + digits);
  const anything = fc
    .string({ unit: 'grapheme' })
    .map((text) => text.replace(/[[\],\s\p{Cc}]/gu, '') || 'x');
  const run = fc
    .tuple(stem, fc.nat(1_000), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 4 }))
    .map(([head, first, count, width]) =>
      Array.from(
        { length: count },
        (_, index) => head + String(first + index).padStart(width, '0'),
      ),
    );
  return fc
    .array(
      fc.oneof(
        run,
        fc.array(numbered),
        fc.array(fc.constantFrom('head', 'n', 'n1x')),
        fc.array(anything),
      ),
    )
    .map((groups) => groups.flat());
}

describe('foldHostlist folds', () => {
  const tables = new Map<string, [string[], string]>([
    ['no names to nothing', [[], '']],
    ['one name to itself', [['queue1-dy-t2micro-2'], 'queue1-dy-t2micro-2']],
    ['a name without a number to itself', [['head', 'head'], 'head,head']],
    ['neighbours to a range', [['a1', 'a2', 'a3'], 'a[1-3]']],
    ['gaps to numbers', [['a1', 'a3', 'a5', 'a6'], 'a[1,3,5-6]']],
    ['the order that is given', [['a3', 'a1', 'a2'], 'a[3,1-2]']],
    ['duplicates as often as they come', [['a1', 'a1'], 'a[1,1]']],
    ['zero padding', [['a008', 'a009', 'a010'], 'a[008-010]']],
    [
      'padding that the numbers outgrow',
      [['a099', 'a100', 'a999', 'a1000'], 'a[099-100,999-1000]'],
    ],
    ['different padding apart', [['a01', 'a02', 'a3'], 'a[01-02,3]']],
    ['padding that comes later apart', [['a9', 'a010'], 'a[9,010]']],
    ['one value written twice apart', [['a0', 'a00'], 'a[0,00]']],
    ['numbers that grow a digit', [['a9', 'a10', 'a11'], 'a[9-11]']],
    ['other stems between', [['a1', 'b1', 'a2'], 'a1,b1,a2']],
    ['the last number of a name', [['a1b1', 'a1b2', 'a2b1'], 'a1b[1-2],a2b1']],
    ['names that end in letters not at all', [['a1x', 'a2x'], 'a1x,a2x']],
    ['names that are numbers', [['1', '2', '4'], '[1-2,4]']],
    [
      'numbers too large to count one by one',
      [['a9999999999999999', 'a10000000000000000'], 'a[9999999999999999,10000000000000000]'],
    ],
  ]);
  for (const [name, [nodes, want]] of tables) {
    test(name, () => {
      expect(foldHostlist(nodes)).toBe(want);
    });
  }

  test("ParallelCluster's names to one bracket", () => {
    const nodes = Array.from(
      { length: 200 },
      (_, index) => `queue1-dy-queue1-c6i32xlarge-${String(index + 1)}`,
    );
    expect(foldHostlist(nodes)).toBe('queue1-dy-queue1-c6i32xlarge-[1-200]');
  });

  test('more than 65,536 neighbours to ranges that Slurm takes', () => {
    const nodes = Array.from({ length: 70_000 }, (_, index) => `n${String(index + 1)}`);
    expect(foldHostlist(nodes)).toBe('n[1-65536,65537-70000]');
  });

  test('any names so that expanding gives exactly the same', () => {
    fc.assert(
      fc.property(nodeNames(), (nodes) => {
        expect(expand(foldHostlist(nodes))).toEqual(nodes);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a folded list to itself', () => {
    fc.assert(
      fc.property(nodeNames(), (nodes) => {
        const folded = foldHostlist(nodes);
        expect(foldHostlist(expand(folded))).toBe(folded);
      }),
    );
  });

  test('to no more text than the names between commas and two brackets', () => {
    fc.assert(
      fc.property(nodeNames(), (nodes) => {
        expect(foldHostlist(nodes).length).toBeLessThanOrEqual(
          nodes.join(',').length + 2 * nodes.length,
        );
      }),
    );
  });
});

describe('foldSorted', () => {
  const tables = new Map<string, [string[], string]>([
    ['sorts by number, not by digit', [['n10', 'n9', 'n2', 'n1'], 'n[1-2,9-10]']],
    ['takes every name once', [['n1', 'n2', 'n1', 'x', 'x'], 'n[1-2],x']],
    [
      'sorts numbers in stems by value',
      [['queue10-st-c-1', 'queue2-st-c-1'], 'queue2-st-c-1,queue10-st-c-1'],
    ],
    ['keeps padding through the growth of a digit', [['n1000', 'n998', 'n999'], 'n[998-1000]']],
    ['sorts one value by its width', [['n01', 'n1', 'n001'], 'n[1,01,001]']],
    ['puts a stem before its numbers', [['a1', 'a', 'a0'], 'a,a[0-1]']],
    ['puts the shorter stem first', [['ab1', 'a1', 'a1b1'], 'a1,a1b1,ab1']],
    [
      'sorts numbers too large to count',
      [
        ['n10000000000000000', 'n5', 'n9999999999999999'],
        'n[5,9999999999999999,10000000000000000]',
      ],
    ],
    ['gives nothing for no names', [[], '']],
  ]);
  for (const [name, [nodes, want]] of tables) {
    test(name, () => {
      expect(foldSorted(nodes)).toBe(want);
    });
  }

  test('keeps exactly the names, once each, in an order that does not depend on theirs', () => {
    fc.assert(
      fc.property(nodeNames(), (nodes) => {
        const sorted = foldSorted(nodes);
        expect(expand(sorted).sort()).toEqual([...new Set(nodes)].sort());
        expect(foldSorted([...nodes].reverse())).toBe(sorted);
      }),
      { numRuns: 1_000 },
    );
  });
});

test('a hundred thousand nodes fold and expand in well under a second', () => {
  const nodes = Array.from(
    { length: 100_000 },
    (_, index) => `queue1-dy-c6i32xlarge-${String(2 * index)}`,
  );
  const before = performance.now();
  const folded = foldHostlist(nodes);
  expect(expand(folded)).toHaveLength(100_000);
  // Some 0.1 s when idle; quadratic work takes minutes.
  expect(performance.now() - before).toBeLessThan(10_000);
});
