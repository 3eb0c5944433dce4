import type { DurationMs, Instant } from '../core/units.ts';

/** Time as muster sees it; the simulated world brings its own. */
export interface Clock {
  now(): Instant;
  /** Calls `wake` once, no earlier than `after` milliseconds from now. Returns a function that cancels it. */
  schedule(after: DurationMs, wake: () => void): () => void;
}
