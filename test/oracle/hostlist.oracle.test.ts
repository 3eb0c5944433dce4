/**
 * Hostlists against Slurm's own code: `scontrol show hostnames` and `scontrol show hostlist` on generated lists.
 * Where there is no scontrol this does not run, and says so.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { foldHostlist, foldSorted, parseHostlist } from '../../src/core/hostlist.ts';
import { openScontrol } from './scontrol.ts';
import type { Scontrol } from './scontrol.ts';

const found = openScontrol();
if (found === null) {
  console.warn(
    'NOT RUN: there is no scontrol in PATH, so hostlists were not compared with Slurm (install slurm-client).',
  );
}
afterAll(() => {
  found?.close();
});

function expand(text: string): string[] | null {
  const result = parseHostlist(text);
  return result.kind === 'ok' ? result.nodes : null;
}

/** The same few hundred values in every run: what fails once fails again. */
function sample<T>(arbitrary: fc.Arbitrary<T>, count: number): T[] {
  return fc.sample(arbitrary, { numRuns: count, seed: 20_221_108 });
}

describe.runIf(found !== null)(
  `hostlists as ${found?.version ?? 'scontrol (NOT RUN: it is not in PATH)'} reads them`,
  () => {
    const scontrol = found as Scontrol;

    test('expanding gives the same names in the same order', () => {
      const lists = sample(wellFormed(), 400);
      const answers = scontrol.ask('hostnames', lists);
      for (const [index, list] of lists.entries()) {
        expect(answers[index]?.split('\n'), list).toEqual(expand(list));
      }
      expect(lists.filter((list) => /\].*\[.*\].*\[/.test(list)).length).toBeGreaterThan(50);
    });

    test('folding gives the same text', () => {
      const lists = sample(nodes(), 400);
      const answers = scontrol.ask(
        'hostlist',
        lists.map((list) => list.join(',')),
      );
      for (const [index, list] of lists.entries())
        expect(foldHostlist(list), list.join(',')).toBe(answers[index]);
    });

    test('what is folded here expands there to the same names', () => {
      const lists = sample(nodes(), 400);
      const folded = scontrol.ask('hostnames', lists.map(foldHostlist));
      const sorted = scontrol.ask('hostnames', lists.map(foldSorted));
      for (const [index, list] of lists.entries()) {
        expect(folded[index]?.split('\n')).toEqual(list);
        expect(sorted[index]?.split('\n').sort()).toEqual([...new Set(list)].sort());
      }
    });

    test('what is broken is refused by both, or differs in a known way', () => {
      const lists = [...new Set(sample(broken(), 1_500))];
      const answers = scontrol.ask('hostnames', lists);
      let refused = 0;
      for (const [index, list] of lists.entries()) {
        const ours = expand(list);
        const theirs = answers[index] ?? null;
        if (ours === null && theirs === null) refused += 1;
        else if (ours === null)
          expect(isTakenBySlurmOnly(list), `Slurm alone takes ${list}`).toBe(true);
        else if (theirs === null)
          expect(hasTextBehindBracket(list), `Slurm alone refuses ${list}`).toBe(true);
        else expect(theirs.split('\n'), list).toEqual(ours);
      }
      expect(refused).toBeGreaterThan(100);
    });

    test('white space and empty places separate as they do there', () => {
      for (const list of ['a b', ' a,\tb ', 'a,,b', ',a', 'a,', 'n[1-2] m[3,4]', '']) {
        expect(scontrol.askOnce('hostnames', list)?.split('\n') ?? [], list).toEqual(expand(list));
      }
    });

    const takenThereOnly = new Map([
      ['n[1-3', 'n]'],
      ['n1-3]', 'n1-3]'],
      ['n[1-]', 'n1'],
      ['n[+1]', 'n01'],
      ['n[ 1]', 'n01'],
      ['n[18446744073709551614-18446744073709551614]', 'n18446744073709551614'],
    ]);
    for (const [list, theirs] of takenThereOnly) {
      test(`a known difference: ${list} is refused here and ${theirs} there`, () => {
        expect(parseHostlist(list).kind).toBe('error');
        expect(scontrol.askOnce('hostnames', list)).toBe(theirs);
      });
    }

    const takenHereOnly = new Map([
      ['text behind the last bracket', ['n[1-2]x', ['n1x', 'n2x']]],
      [
        'a range of more than 65,536',
        ['n[1-65537]', Array.from({ length: 65_537 }, (_, index) => `n${String(index + 1)}`)],
      ],
    ] as const);
    for (const [name, [list, ours]] of takenHereOnly) {
      test(`a known difference: ${name} is taken here and refused there`, () => {
        expect(expand(list)).toEqual(ours);
        expect(scontrol.askOnce('hostnames', list)).toBeNull();
      });
    }

    test('a known difference: a number beyond 64 bits keeps its digits here', () => {
      expect(expand('n99999999999999999999')).toEqual(['n99999999999999999999']);
      expect(scontrol.askOnce('hostnames', 'n99999999999999999999')).toBe('n18446744073709551615');
    });

    test('a known difference: a long range is cut here so that Slurm can read it', () => {
      const names = Array.from({ length: 65_540 }, (_, index) => `n${String(index + 1)}`);
      const list = scontrol.file('names', names.join(','));
      expect(scontrol.askOnce('hostlist', list)).toBe('n[1-65540]');
      expect(foldHostlist(names)).toBe('n[1-65536,65537-65540]');
      expect(scontrol.askOnce('hostnames', foldHostlist(names))?.split('\n')).toEqual(names);
    });
  },
);

/** Lists that follow the grammar, of at most a few thousand names. */
function wellFormed(): fc.Arbitrary<string> {
  const word = fc.constantFrom(
    'n',
    'rack',
    'queue1-dy-c5xlarge-',
    'q-st-c6i32xlarge-',
    'a1',
    '-',
    '_',
    '',
  );
  const number = fc.tuple(fc.nat(120), fc.integer({ min: 1, max: 4 }));
  const one = number.map(([value, width]) => String(value).padStart(width, '0'));
  const range = fc
    .tuple(number, fc.nat(5), fc.integer({ min: 1, max: 4 }))
    .map(([[first, width], more, endWidth]) => {
      return `${String(first).padStart(width, '0')}-${String(first + more).padStart(endWidth, '0')}`;
    });
  const bracket = fc
    .array(fc.oneof(one, range), { minLength: 1, maxLength: 3 })
    .map((runs) => `[${runs.join(',')}]`);
  const bracketed = fc
    .array(fc.tuple(word, bracket), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.flat().join(''));
  const plain = fc
    .tuple(fc.constantFrom('n', 'head', 'queue1-dy-t2micro-'), one)
    .map((parts) => parts.join(''));
  return fc
    .array(fc.oneof(bracketed, plain), { minLength: 1, maxLength: 3 })
    .map((elements) => elements.join(','));
}

/** Node names in runs, with gaps, duplicates, growing and padded numbers. */
function nodes(): fc.Arbitrary<string[]> {
  const stem = fc.constantFrom('n', 'rack1-n', 'rack01-n', 'queue1-dy-c5xlarge-', 'a1b');
  const first = fc.oneof(
    fc.nat(12),
    fc.integer({ min: 95, max: 101 }),
    fc.integer({ min: 996, max: 1_001 }),
  );
  const run = fc
    .tuple(stem, first, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 4 }))
    .map(([head, start, count, width]) =>
      Array.from(
        { length: count },
        (_, index) => head + String(start + index).padStart(width, '0'),
      ),
    );
  const other = fc.constantFrom(['head'], ['n'], ['n1x', 'n2x'], ['7']);
  const groups = fc.array(fc.oneof({ arbitrary: run, weight: 5 }, other), {
    minLength: 1,
    maxLength: 5,
  });
  return fc.oneof(
    groups.map((lists) => lists.flat()),
    groups.chain((lists) => fc.shuffledSubarray(lists.flat(), { minLength: 1 })),
  );
}

/** Short texts of the grammar's characters, most of them wrong. */
function broken(): fc.Arbitrary<string> {
  const piece = fc.constantFrom('n', '[', ']', '[', ']', '1', '02', '-', ',', '1-3', '[1-2]');
  return fc.array(piece, { minLength: 2, maxLength: 8 }).map((pieces) => `x,m${pieces.join('')}`);
}

function hasTextBehindBracket(list: string): boolean {
  return /\][^[\],]+(?:,|$)/.test(list);
}

/** Unbalanced or nested brackets, and ranges without an end. */
function isTakenBySlurmOnly(list: string): boolean {
  const rest = list.replace(/\[[^[\]]*\]/g, '');
  return /[[\]]/.test(rest) || /\d-[\],]/.test(list);
}
