import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';

describe('a back-off', () => {
  test('is within the upper half of base times two to the tries, never beyond the most', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.nat({ max: 2000 }),
        fc.integer({ min: 1, max: 5_000 }),
        fc.integer({ min: 5_000, max: 100_000 }),
        (id, tries, baseMs, maxMs) => {
          const full = Math.min(maxMs, baseMs * 2 ** tries);
          const pause = backoffMs(id, tries, baseMs, maxMs);
          expect(pause).toBeGreaterThanOrEqual(Math.floor(full / 2));
          expect(pause).toBeLessThanOrEqual(full);
          expect(Number.isInteger(pause)).toBe(true);
        },
      ),
    );
  });

  test('is the same whenever it is asked', () => {
    expect(backoffMs('r/0/launch0', 3, 1_000, 20_000)).toBe(
      backoffMs('r/0/launch0', 3, 1_000, 20_000),
    );
  });

  test('spreads a hundred effects that failed in one moment over the half', () => {
    const pauses = Array.from({ length: 100 }, (_, index) =>
      backoffMs(`r/${index}/launch0`, 0, 1_000, 20_000),
    );
    const quarters = new Set(pauses.map((pause) => Math.floor((pause - 500) / 125)));
    expect(quarters.size).toBeGreaterThanOrEqual(4);
    expect(new Set(pauses).size).toBeGreaterThan(50);
  });
});
