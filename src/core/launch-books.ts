/**
 * How many instances were launched lately, by queue and minute: as little as a limit on launches an hour needs. The hour is
 * the sixty minutes of the clock that end with the current one, so that the books stay as small as that, whatever happens.
 */
import type { DurationMs, Instant } from './units.ts';

const minuteMs: DurationMs = 60_000;
const minutesKept = 60;

export interface MinuteOfLaunches {
  /** Minutes since the Unix epoch. */
  readonly minute: number;
  readonly count: number;
}

/** Oldest first, none older than an hour. */
export type LaunchBook = readonly MinuteOfLaunches[];

/** EC2 has launched so many. */
export function bookLaunches(book: LaunchBook | undefined, count: number, at: Instant): LaunchBook {
  const minute = minuteOf(at);
  const kept = inWindow(book ?? [], minute);
  const last = kept.at(-1);
  if (last?.minute !== minute) return [...kept, { minute, count }];
  return [...kept.slice(0, -1), { minute, count: last.count + count }];
}

export function launchedInHour(book: LaunchBook | undefined, at: Instant): number {
  return inWindow(book ?? [], minuteOf(at)).reduce((sum, { count }) => sum + count, 0);
}

/** When so many of the launches of the last hour are older than that; null: there were not so many. */
export function forgottenAt(
  books: readonly (LaunchBook | undefined)[],
  count: number,
  at: Instant,
): Instant | null {
  const all = books.flatMap((book) => inWindow(book ?? [], minuteOf(at)));
  let left = count;
  for (const { minute, count: launched } of all.toSorted((a, b) => a.minute - b.minute)) {
    left -= launched;
    if (left <= 0) return (minute + minutesKept) * minuteMs;
  }
  return null;
}

function minuteOf(at: Instant): number {
  return Math.floor(at / minuteMs);
}

function inWindow(book: LaunchBook, minute: number): LaunchBook {
  return book.filter((each) => minute - each.minute < minutesKept);
}
