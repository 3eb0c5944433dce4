/** How long to wait before an effect is run again. Pure: the jitter is a hash of the effect's id, not a random number. */
import { hash32 } from './hash.ts';
import type { DurationMs } from './units.ts';

/** Doubles from `baseMs` to `maxMs`; the jitter spreads it over its upper half, so that gangs do not ask in step. */
export function backoffMs(
  id: string,
  tries: number,
  baseMs: DurationMs,
  maxMs: DurationMs,
): DurationMs {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(tries, 30));
  return Math.round(full * (0.5 + 0.5 * (hash32(`${id}#${tries}`) / 2 ** 32)));
}
