/** The machine's time, for scenarios on real processes. */
import type { Clock } from '../ports/clock.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(after, wake) {
    const timer = setTimeout(wake, after);
    return () => clearTimeout(timer);
  },
};
