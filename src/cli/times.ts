/** Moments and ages as commands print them. */
import type { DurationMs, Instant } from '../core/units.ts';

export function iso(at: Instant): string {
  return new Date(at).toISOString();
}

export function isoOrNull(at: Instant | null): string | null {
  return at === null ? null : iso(at);
}

/** To the second, in UTC: `18:05:09Z`. */
export function timeOfDay(at: Instant): string {
  return `${iso(at).slice(11, 19)}Z`;
}

/** In the unit in which it is at least two: `95s`, `12m`, `3h`. A clock that is behind the daemon's shows 0s. */
export function roughly(ms: DurationMs): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes}m` : `${Math.floor(minutes / 60)}h`;
}
