/** Reservations are for the launch that they prepare: how long one may be held, and what it costs unused. */
import type { DurationMs, Instant } from '../../core/units.ts';
import type { Watched } from './checkers.ts';

export interface ReservationChecks {
  step(): void;
}

/** Describing them at every step would take longer than all else. */
const lookMs: DurationMs = 20_000;

export function createReservationChecks(watched: Watched): ReservationChecks {
  const { chronicle, clock, model } = watched;
  let lookedAt: Instant = clock.now();

  return {
    step() {
      if (clock.now() - lookedAt < lookMs) return;
      lookedAt = clock.now();
      for (const { reservationId, state, createdAt, tags } of model.reservations()) {
        if (state !== 'active' && state !== 'pending') continue;
        const heldMs = clock.now() - createdAt;
        if (heldMs <= heldMsMax(watched)) continue;
        chronicle.broke(
          'no stray money',
          `${reservationId} of ${tags['muster:gang'] ?? 'no gang'} is held for ${Math.round(heldMs / 1000)} s, ` +
            `more than ${Math.round(heldMsMax(watched) / 1000)} s`,
        );
      }
    },
  };
}

/**
 * From the answer of the first reservation of a gang to that of its last launch: within the time that ResumeTimeout, or
 * patience, leaves for launching. Then it is let go at once, if EC2 can be reached.
 */
function heldMsMax({ scenario, weather }: Watched): DurationMs {
  const { settings, laterSettings, faults } = scenario;
  const patience = [settings, ...laterSettings].map(
    ({ resumeTimeoutMs, launchPatienceMs }) => resumeTimeoutMs ?? 2 * launchPatienceMs,
  );
  const lostMs = faults.has('lost-answers') || faults.has('late-requests') ? sweepsMs : 0;
  return Math.max(...patience) + lostMs + retriesMs + weather.delayedMs();
}

/** One with a lost answer is looked for three times. */
const sweepsMs = 400_000;
/** Calls that fail are repeated, at the longest every minute; launches that run are waited for. */
const retriesMs = 180_000;
