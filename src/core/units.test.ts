import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { formatDuration, parseDuration } from './units.ts';

describe('a length of time', () => {
  const lengths: Record<string, number> = {
    '0s': 0,
    '500ms': 500,
    '30s': 30_000,
    '90s': 90_000,
    '5m': 300_000,
    '1h': 3_600_000,
    '36h': 129_600_000,
  };
  test.each(Object.entries(lengths))('%s is read and written', (text, want) => {
    expect(parseDuration(text)).toBe(want);
    expect(formatDuration(want)).toBe(text);
  });

  test('is read in any unit and written in the largest that fits', () => {
    expect(parseDuration('120s')).toBe(120_000);
    expect(formatDuration(120_000)).toBe('2m');
    expect(formatDuration(61_001)).toBe('61001ms');
  });

  const none = [
    '',
    '5',
    'm',
    '5 m',
    '-5m',
    '5.5m',
    '5M',
    '5min',
    '1d',
    '1h30m',
    '9999999999s',
    ' 5m',
  ];
  test.each(none)('is not %j', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  test('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), (duration) => {
        expect(parseDuration(formatDuration(duration))).toBe(duration);
      }),
    );
  });
});
