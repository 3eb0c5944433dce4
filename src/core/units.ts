/** Moments and lengths of time, and how people write the latter: `90s`, `5m`. No clock is read here. */

/** A moment: milliseconds since the Unix epoch. The core never asks for it; it comes with every event. */
export type Instant = number;

/** A length of time in milliseconds. */
export type DurationMs = number;

/** From the largest on: the first that divides a length evenly is the one that it is written in. */
const durationUnits: ReadonlyMap<string, DurationMs> = new Map([
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]);

/** `500ms`, `30s`, `5m`, `1h`: whole numbers of at most nine digits; null for anything else. */
export function parseDuration(text: string): DurationMs | null {
  const parts = /^(\d{1,9})(ms|s|m|h)$/.exec(text);
  const unit = durationUnits.get(parts?.[2] ?? '');
  return parts === null || unit === undefined ? null : Number(parts[1]) * unit;
}

/** As `parseDuration` reads it back, in the largest unit that needs no fraction: `90s`, `5m`. Whole milliseconds. */
export function formatDuration(duration: DurationMs): string {
  if (duration === 0) return '0s';
  const unit = [...durationUnits].find(([, size]) => duration % size === 0) ?? ['ms', 1];
  return `${duration / unit[1]}${unit[0]}`;
}
