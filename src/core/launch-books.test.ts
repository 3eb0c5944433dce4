import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bookLaunches, forgottenAt, launchedInHour, type LaunchBook } from './launch-books.ts';

const minute = 60_000;
/** On a minute, as good as any. */
const start = 27_000_000 * minute;

function bookOf(...launches: readonly (readonly [minute: number, count: number])[]): LaunchBook {
  return launches.reduce<LaunchBook>(
    (book, [at, count]) => bookLaunches(book, count, start + at * minute),
    [],
  );
}

describe('the launches of the last hour', () => {
  test('are counted by the minute, and an hour later not at all', () => {
    const book = bookOf([0, 5], [0.5, 2], [10, 3]);
    expect(book).toHaveLength(2);
    expect(launchedInHour(book, start + 10 * minute)).toBe(10);
    expect(launchedInHour(book, start + 59.9 * minute)).toBe(10);
    expect(launchedInHour(book, start + 60 * minute)).toBe(3);
    expect(launchedInHour(book, start + 70 * minute)).toBe(0);
    expect(launchedInHour(undefined, start)).toBe(0);
  });

  test('tell when so many of them will be forgotten, the oldest first, over several books', () => {
    const books = [bookOf([0, 5], [20, 5]), bookOf([10, 1]), undefined];
    const at = start + 30 * minute;
    expect(forgottenAt(books, 5, at)).toBe(start + 60 * minute);
    expect(forgottenAt(books, 6, at)).toBe(start + 70 * minute);
    expect(forgottenAt(books, 7, at)).toBe(start + 80 * minute);
    expect(forgottenAt(books, 12, at)).toBe(null);
  });

  test('take no more room than an hour has minutes, and forget what they said they would', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 50 })), {
          minLength: 1,
        }),
        fc.integer({ min: 1, max: 400 }),
        (steps, count) => {
          let book: LaunchBook = [];
          let at = start;
          for (const [minutes, launched] of steps) {
            at += minutes * minute;
            book = bookLaunches(book, launched, at);
          }
          expect(book.length).toBeLessThanOrEqual(60);
          const now = launchedInHour(book, at);
          const until = forgottenAt([book], count, at);
          expect(until === null).toBe(count > now);
          if (until === null) return;
          expect(launchedInHour(book, until)).toBeLessThanOrEqual(now - count);
          expect(launchedInHour(book, until - 1)).toBeGreaterThan(now - count);
        },
      ),
    );
  });
});
