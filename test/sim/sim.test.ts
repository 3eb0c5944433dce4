/**
 * The fault simulation within a test run: the seeds that once broke a promise, the first five hundred, and fresh ones for
 * twenty seconds, or as long as MUSTER_SIM_SECONDS says. A failure is replayed with `npm run sim -- --seed N`.
 */
import { describe, expect, test } from 'vitest';
import { faultKinds } from '../../src/sim/world/faults.ts';
import { simulate, type Outcome } from '../../src/sim/world/world.ts';
import { quiet } from './quiet.ts';
import { seeds } from './seeds.ts';

function verdict({ seed, broken }: Outcome): string {
  if (broken === null) return 'every promise held';
  return `seed ${seed} breaks "${broken.check}": ${broken.sentence} (npm run sim -- --seed ${seed})`;
}

describe('seeds that once broke a promise', () => {
  for (const [seed, story] of seeds) {
    test(`${seed}: ${story}`, async () => {
      expect(verdict(await simulate(seed, { quiet }))).toBe('every promise held');
    });
  }
});

describe('the same seed', () => {
  test('gives the same history, byte for byte, also after others', async () => {
    for (const seed of [7, 65, 825]) {
      const first = await simulate(seed, { quiet, trace: true });
      await simulate(seed + 1, { quiet });
      const second = await simulate(seed, { quiet, trace: true });
      expect(first.lines.length).toBeGreaterThan(50);
      expect(second.lines).toEqual(first.lines);
    }
  });

  test('gives the same numbers with and without its history', async () => {
    const { lines, ...told } = await simulate(61, { quiet, trace: true });
    const { lines: none, ...plain } = await simulate(61, { quiet });
    expect(none).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
    expect(plain).toEqual(told);
  });
});

test('a hundred worlds have seen every kind of fault', async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 100; seed += 1) {
    const { faults } = await simulate(seed, { quiet });
    for (const kind of faults.keys()) seen.add(kind);
  }
  expect(Object.keys(faultKinds).filter((kind) => !seen.has(kind))).toEqual([]);
});

test('the first 500 seeds hold every promise', { timeout: 300_000 }, async () => {
  for (let seed = 1; seed <= 500; seed += 1) {
    expect(verdict(await simulate(seed, { quiet }))).toBe('every promise held');
  }
});

const freshSeconds = Number(process.env['MUSTER_SIM_SECONDS'] ?? 20);

test.skipIf(freshSeconds === 0)(
  'fresh seeds hold every promise',
  { timeout: freshSeconds * 1000 + 60_000 },
  async () => {
    const first = Math.floor(Math.random() * 900_000_000);
    const until = performance.now() + freshSeconds * 1000;
    let seed = first;
    for (; performance.now() < until; seed += 1) {
      expect(verdict(await simulate(seed, { quiet }))).toBe('every promise held');
    }
    console.log(`simulation: seeds ${first} to ${seed - 1} hold every promise`);
  },
);
