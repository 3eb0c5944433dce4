/** The machine's own time. */
import type { Clock } from '../../ports/clock.ts';

export function createSystemClock(): Clock {
  return {
    now: () => Date.now(),
    schedule(after, wake) {
      const timer = setTimeout(wake, Math.max(0, after));
      return () => clearTimeout(timer);
    },
  };
}
