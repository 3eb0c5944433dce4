/**
 * Simulated time: a Clock that moves only when it is told to, and calls what is due in order of time, then of asking.
 * It knows nothing of promises: no microtask runs between two wakes of one call.
 */
import type { DurationMs, Instant } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';

export interface VirtualClock extends Clock {
  /** Moves time to `to`, calling everything due on the way at its own moment. Throws when `to` is in the past. */
  advanceTo(to: Instant): void;
  /**
   * Calls what is scheduled until nothing is, or until time would pass `limit` (then time stands at `limit`).
   * Returns whether nothing is left.
   */
  runUntilIdle(limit: Instant): boolean;
  /**
   * Moves time to the next wake, at most to `limit`, and calls that one alone; false when there is none. For
   * asynchronous code: await between the steps, and whatever one wake resolves runs before the next.
   */
  step(limit: Instant): boolean;
  /** When the next wake is due; null when nothing is scheduled. */
  nextWake(): Instant | null;
}

interface Timer {
  readonly at: Instant;
  readonly order: number;
  wake: (() => void) | null;
}

/** A clock that stands at `start`, in milliseconds since the Unix epoch. */
export function createVirtualClock(start: Instant): VirtualClock {
  let now = start;
  let order = 0;
  const heap: Timer[] = [];

  function schedule(after: DurationMs, wake: () => void): () => void {
    const timer: Timer = { at: now + Math.max(0, after), order, wake };
    order += 1;
    push(heap, timer);
    return () => {
      timer.wake = null;
    };
  }

  function nextWake(): Instant | null {
    while (heap[0] !== undefined && heap[0].wake === null) pop(heap);
    return heap[0]?.at ?? null;
  }

  function step(limit: Instant): boolean {
    const at = nextWake();
    if (at === null || at > limit) return false;
    const timer = pop(heap);
    now = at;
    timer?.wake?.();
    return true;
  }

  function runUntil(limit: Instant): void {
    if (limit < now) throw new Error(`Time does not run back: it is ${now}, not ${limit}.`);
    while (step(limit));
  }

  return {
    now: () => now,
    schedule,
    nextWake,
    step,
    advanceTo(to) {
      runUntil(to);
      now = to;
    },
    runUntilIdle(limit) {
      runUntil(limit);
      const isIdle = nextWake() === null;
      if (!isIdle) now = limit;
      return isIdle;
    },
  };
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}

function push(heap: Timer[], timer: Timer): void {
  let index = heap.length;
  heap.push(timer);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent] as Timer;
    if (!isBefore(timer, above)) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = timer;
}

function pop(heap: Timer[]): Timer | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  let index = 0;
  for (;;) {
    const left = 2 * index + 1;
    const right = left + 1;
    if (left >= heap.length) break;
    const child =
      right < heap.length && isBefore(heap[right] as Timer, heap[left] as Timer) ? right : left;
    if (!isBefore(heap[child] as Timer, last)) break;
    heap[index] = heap[child] as Timer;
    index = child;
  }
  heap[index] = last;
  return top;
}
