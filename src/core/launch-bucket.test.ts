import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketAt, emptyUntil, takeTokens, tokensAt, type LaunchBucket } from './launch-bucket.ts';

const rate = { burst: 5, perSecond: 2 };
const full: LaunchBucket = { tokens: 5, at: 10_000 };

function taken(count: number): LaunchBucket {
  let bucket = full;
  for (let each = 0; each < count; each += 1) bucket = takeTokens(bucket, rate, 10_000, 1);
  return bucket;
}

describe('the bucket of launches', () => {
  test('has its burst at once, then two a second', () => {
    expect(tokensAt(taken(4), rate, 1)).toBe(10_000);
    expect(tokensAt(taken(5), rate, 1)).toBe(10_500);
    expect(tokensAt(taken(6), rate, 1)).toBe(11_000);
    expect(bucketAt(taken(5), rate, 11_250).tokens).toBe(2.5);
  });

  test('never holds more than its burst', () => {
    expect(bucketAt(full, rate, 1_000_000).tokens).toBe(5);
  });

  test('does not empty when time stands still or runs back', () => {
    expect(bucketAt(taken(2), rate, 9_000)).toEqual({ tokens: 3, at: 10_000 });
  });

  test('that EC2 throttled has its next call when it was told', () => {
    const empty = emptyUntil(rate, 10_000, 13_000);
    expect(tokensAt(empty, rate, 1)).toBe(13_000);
    expect(bucketAt(empty, rate, 12_999).tokens).toBeLessThan(1);
    expect(bucketAt(empty, rate, 13_000).tokens).toBe(1);
  });

  test('has the token that it promised, at the moment it promised', () => {
    fc.assert(
      fc.property(
        fc.record({
          burst: fc.integer({ min: 1, max: 100 }),
          perSecond: fc.double({ min: 0.01, max: 1000, noNaN: true }),
        }),
        fc.array(fc.nat({ max: 3_000 }), { maxLength: 50 }),
        (each, pauses) => {
          let bucket: LaunchBucket = { tokens: each.burst, at: 1_655_854_675_845 };
          for (const pause of pauses) bucket = takeTokens(bucket, each, bucket.at + pause, 1);
          const promised = tokensAt(bucket, each, 1);
          expect(bucketAt(bucket, each, promised).tokens).toBeGreaterThanOrEqual(1);
          // Not before it, but for a millisecond of rounding.
          if (promised > bucket.at + 1) {
            expect(bucketAt(bucket, each, promised - 2).tokens).toBeLessThan(1);
          }
        },
      ),
      { numRuns: Number(process.env['MUSTER_PROPERTY_RUNS'] ?? 2_000) },
    );
  });
});
