import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseJobWish } from './job-wish.ts';
import type { JobWish } from './job-wish.ts';
import { gangStrategies, markets } from './pool-words.ts';
import { formatDuration } from './units.ts';

interface Row {
  readonly text: string;
  readonly wish?: JobWish;
  readonly unknown?: readonly string[];
}

const rows: Record<string, Row> = {
  'an empty text asks for nothing': { text: '' },
  'a comment of the owner is passed over': { text: 'weather model, run 7 (retry=3, muster me)' },
  'words that hold muster: further in are not ours': {
    text: 'x-muster:strategy=launch (muster:strategy=launch) "muster:rungs=spot" Muster:zones=us-east-2a',
  },
  'JSON in --extra is passed over': { text: '{"muster:strategy": "launch"}' },
  'every key at once': {
    text: 'muster:strategy=launch muster:patience=10m muster:rungs=spot,on-demand muster:types=c5.xlarge,c6i.xlarge muster:zones=us-east-2b',
    wish: {
      strategy: 'launch',
      patienceMs: 600_000,
      markets: ['spot', 'on-demand'],
      instanceTypes: ['c5.xlarge', 'c6i.xlarge'],
      zones: ['us-east-2b'],
    },
  },
  'words between other words, over lines and tabs': {
    text: 'run 7\tmuster:strategy=reserve\nfor Ada\n muster:patience=90s ',
    wish: { strategy: 'reserve', patienceMs: 90_000 },
  },
  'a key given twice takes its last value': {
    text: 'muster:rungs=spot muster:rungs=on-demand',
    wish: { markets: ['on-demand'] },
  },
  'a bad value does not undo a good one before it': {
    text: 'muster:strategy=launch muster:strategy=wait',
    wish: { strategy: 'launch' },
    unknown: ['muster:strategy=wait'],
  },
  'all or nothing, or not, and in one zone, or not': {
    text: 'muster:scaling=best-effort muster:spread=yes',
    wish: { scalingStrategy: 'best-effort', spread: true },
  },
  'the other way round': {
    text: 'muster:scaling=all-or-nothing muster:spread=no',
    wish: { scalingStrategy: 'all-or-nothing', spread: false },
  },
  'what is neither': {
    text: 'muster:scaling=greedy-all-or-nothing muster:spread=true',
    unknown: ['muster:scaling=greedy-all-or-nothing', 'muster:spread=true'],
  },
  'a name given twice in a list counts once': {
    text: 'muster:types=c5.large,c6i.large,c5.large',
    wish: { instanceTypes: ['c5.large', 'c6i.large'] },
  },
  'unknown keys are told': {
    text: 'muster:colour=blue muster: muster:strategy muster:=launch muster:Strategy=launch',
    unknown: [
      'muster:colour=blue',
      'muster:',
      'muster:strategy',
      'muster:=launch',
      'muster:Strategy=launch',
    ],
  },
  'the names of JavaScript are keys like any other': {
    text: 'muster:__proto__=spot muster:constructor=x muster:toString=x',
    unknown: ['muster:__proto__=spot', 'muster:constructor=x', 'muster:toString=x'],
  },
  'bad values are told': {
    text: 'muster:strategy=Launch muster:patience=600 muster:rungs=ondemand muster:types=c5 muster:zones=us-east-2',
    unknown: [
      'muster:strategy=Launch',
      'muster:patience=600',
      'muster:rungs=ondemand',
      'muster:types=c5',
      'muster:zones=us-east-2',
    ],
  },
  'one wrong name spoils its list': {
    text: 'muster:rungs=spot,ondemand muster:types=c5.large,, muster:zones=us-east-2a,us-east-2b,',
    unknown: [
      'muster:rungs=spot,ondemand',
      'muster:types=c5.large,,',
      'muster:zones=us-east-2a,us-east-2b,',
    ],
  },
  'a blank after a comma ends the list': {
    text: 'muster:rungs=spot, on-demand',
    unknown: ['muster:rungs=spot,'],
  },
  'patience is at least a second': {
    text: 'muster:patience=999ms muster:patience=0s',
    unknown: ['muster:patience=999ms', 'muster:patience=0s'],
  },
  'patience of a second is taken': { text: 'muster:patience=1s', wish: { patienceMs: 1000 } },
  'patience of a day is taken': { text: 'muster:patience=24h', wish: { patienceMs: 86_400_000 } },
  'patience is at most a day': {
    text: 'muster:patience=86401s',
    unknown: ['muster:patience=86401s'],
  },
  'what a terminal or a log could stumble over is not told back': {
    text: 'muster:x=\u001B[31m\u0007 muster:\u{1F600}\u202E\uD800',
    unknown: ['muster:x=?[31m?', 'muster:???'],
  },
  'an unknown word is told once': {
    text: 'muster:x=1 muster:x=1',
    unknown: ['muster:x=1'],
  },
};

describe('what a job asks for itself', () => {
  test.each(Object.entries(rows))('%s', (_, { text, wish, unknown }) => {
    expect(parseJobWish(text)).toEqual({ wish: wish ?? {}, unknown: unknown ?? [] });
  });
});

describe('a text without end', () => {
  const filler = 'a'.repeat(4096);

  test('is read up to its bound', () => {
    const word = 'muster:rungs=spot';
    const before = `${'a'.repeat(4095 - word.length)} `;
    expect(parseJobWish(before + word).wish).toEqual({ markets: ['spot'] });
    expect(parseJobWish(`${before}${word} ${filler}`).wish).toEqual({ markets: ['spot'] });
    expect(parseJobWish(`${filler} ${word}`).wish).toEqual({});
  });

  test('loses the word that the bound cuts, rather than to read half of it', () => {
    const half = 'muster:types=c5.large';
    const before = `${'a'.repeat(4095 - half.length)} `;
    expect(parseJobWish(before + half).wish).toEqual({ instanceTypes: ['c5.large'] });
    expect(parseJobWish(`${before}${half},c6i.large`)).toEqual({ wish: {}, unknown: [] });
    expect(parseJobWish(`${before} ${half}`)).toEqual({ wish: {}, unknown: [] });
  });

  test('has so many names in a list and no more', () => {
    const types = (count: number): string =>
      Array.from({ length: count }, (_, index) => `c${index}.large`).join(',');
    expect(parseJobWish(`muster:types=${types(16)}`).wish.instanceTypes).toHaveLength(16);
    const { wish, unknown } = parseJobWish(`muster:types=${types(17)}`);
    expect(wish).toEqual({});
    expect(unknown).toHaveLength(1);
  });

  test('gets so many complaints and no more, each of them short', () => {
    const words = Array.from({ length: 50 }, (_, index) => `muster:${'x'.repeat(60)}${index}`);
    const { unknown } = parseJobWish(words.join(' '));
    expect(unknown).toEqual([`muster:${'x'.repeat(50)}...`]);
    expect(parseJobWish('muster:a muster:b muster:c '.repeat(9)).unknown).toHaveLength(3);
    const many = Array.from({ length: 50 }, (_, index) => `muster:${index}`).join(' ');
    expect(parseJobWish(many).unknown).toHaveLength(8);
  });
});

describe('any text', () => {
  const parts = fc.constantFrom(
    'muster:',
    'strategy=',
    'patience=',
    'rungs=',
    'types=',
    'zones=',
    'launch',
    'spot',
    'c5.large',
    'us-east-2a',
    '10m',
    ',',
    '=',
    ' ',
    '\n',
    '\u0000',
    '\uD800',
    '__proto__',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .array(fc.oneof(parts, fc.string({ maxLength: 3 })), { maxLength: 60 })
      .map((all) => all.join('')),
  );

  test('gives a wish within its bounds and never throws', () => {
    fc.assert(
      fc.property(text, (given) => {
        const { wish, unknown } = parseJobWish(given);
        expect(unknown.length).toBeLessThanOrEqual(8);
        for (const word of unknown) {
          expect(word.length).toBeLessThanOrEqual(60);
          expect(word).toMatch(/^muster:[\x21-\x7E]*$/);
        }
        for (const list of [wish.markets, wish.instanceTypes, wish.zones]) {
          if (list === undefined) continue;
          expect(list.length).toBeGreaterThan(0);
          expect(new Set(list).size).toBe(list.length);
        }
      }),
      { numRuns: 1000 },
    );
  });

  const wishes = fc.record({
    strategy: fc.constantFrom(...gangStrategies),
    patienceMs: fc.integer({ min: 1000, max: 86_400_000 }),
    markets: fc.shuffledSubarray([...markets], { minLength: 1 }),
    instanceTypes: fc.shuffledSubarray(['c5.large', 'hpc7a.96xlarge', 'u-6tb1.metal'], {
      minLength: 1,
    }),
    zones: fc.shuffledSubarray(['us-east-2a', 'us-west-2-lax-1a'], { minLength: 1 }),
  });
  test('that says a wish gives that wish, whatever the order of its words and what stands between', () => {
    fc.assert(
      fc.property(
        wishes,
        fc.nat(4),
        fc.constantFrom(' ', '\n', ' run 7 '),
        (wish, turn, between) => {
          const words = [
            `muster:strategy=${wish.strategy}`,
            `muster:patience=${formatDuration(wish.patienceMs)}`,
            `muster:rungs=${wish.markets.join(',')}`,
            `muster:types=${wish.instanceTypes.join(',')}`,
            `muster:zones=${wish.zones.join(',')}`,
          ];
          const turned = [...words.slice(turn), ...words.slice(0, turn)].join(between);
          expect(parseJobWish(turned)).toEqual({ wish, unknown: [] });
        },
      ),
    );
  });
});
