/**
 * Time that never runs back, made from a clock that may. When the clock is set back, this one goes on from where it was;
 * the timers of either do not care. So that a wait lasts as long as it was meant to, and what came first stays first.
 */
import type { Instant } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';

export interface SteadyClock extends Clock {
  /** Goes on from `instant`, if that is later: the last that an earlier life of muster has seen. */
  notBefore(instant: Instant): void;
  /**
   * A moment that the other clock told, in this one's time: never later than now. And never earlier than what the
   * earlier life has seen: what that had not read yet is newer, whatever the other clock did in the meantime.
   */
  translate(instant: Instant): Instant;
  /** A moment of this one's time, as the other clock will tell it: for those who wait by that one. */
  asTold(instant: Instant): Instant;
}

export function createSteadyClock(clock: Clock): SteadyClock {
  let offset = 0;
  let latest = -Infinity;
  let floor = -Infinity;
  function now(): Instant {
    const told = clock.now() + offset;
    if (told < latest) offset += latest - told;
    else latest = told;
    return latest;
  }
  return {
    now,
    schedule: (after, wake) => clock.schedule(after, wake),
    notBefore(instant) {
      floor = instant;
      latest = Math.max(latest, instant);
    },
    translate(instant) {
      const at = now();
      return Math.max(floor, Math.min(at, instant + offset));
    },
    asTold: (instant) => instant - (now() - clock.now()),
  };
}
