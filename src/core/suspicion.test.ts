/** How long something must be wrong with a node before anything is done about it. */
import { expect, test } from 'vitest';
import type { RuleName } from './judge.ts';
import { ripen, type Suspicions } from './suspicion.ts';

const minute = 60_000;

function judged(name: RuleName, graceMs: number, ...nodes: string[]) {
  return new Map(nodes.map((node) => [node, { name, graceMs }]));
}

/** Looks at these moments, each with the same verdict; the ripe nodes of each. */
function looks(at: readonly number[], verdict: ReturnType<typeof judged>): string[] {
  let suspicions: Suspicions = new Map();
  return at.map((moment) => {
    const after = ripen(suspicions, verdict, moment);
    suspicions = after.suspicions;
    return after.ripe.join(' ');
  });
}

test('what has no grace is ripe at the first look', () => {
  expect(looks([0], judged('sick', 0, 'a', 'b'))).toEqual(['a b']);
});

test('what has one is ripe when it has been so for that long', () => {
  expect(looks([0, 30_000, 59_999, minute], judged('drained', minute, 'a'))).toEqual([
    '',
    '',
    '',
    'a',
  ]);
});

test('two looks are too few, however far apart: a clock may jump', () => {
  expect(looks([0, 60 * minute, 61 * minute], judged('drained', minute, 'a'))).toEqual([
    '',
    '',
    'a',
  ]);
});

test('what was done and was of no avail is ripe again after another grace', () => {
  const at = [0, 30_000, minute, 90_000, 110_000, 2 * minute];
  expect(looks(at, judged('drained', minute, 'a'))).toEqual(['', '', 'a', '', '', 'a']);
});

test('and where there is no grace after a minute', () => {
  const at = [0, 5_000, 30_000, 59_999, minute];
  expect(looks(at, judged('sick', 0, 'a'))).toEqual(['a', '', '', '', 'a']);
});

test('a node of which something else is wrong, or nothing for one look, begins anew', () => {
  const drained = judged('drained', minute, 'a');
  const at = (suspicions: Suspicions, verdict: ReturnType<typeof judged>, moment: number) =>
    ripen(suspicions, verdict, moment).suspicions;
  let known: Suspicions = new Map();
  known = at(known, drained, 0);
  known = at(known, drained, 30_000);
  const other = at(known, judged('shut', minute, 'a'), 45_000);
  expect(other.get('a')).toEqual({ rule: 'shut', since: 45_000, looks: 1, isActedOn: false });
  const fine = at(known, judged('drained', minute), 45_000);
  expect(fine.size).toBe(0);
  expect(ripen(fine, drained, minute).ripe).toEqual([]);
  expect(ripen(known, drained, minute).ripe).toEqual(['a']);
});
