/** How long to wait before an effect is run again. Pure: the jitter is a hash of the effect's id, not a random number. */
import type { DurationMs } from './units.ts';

/** Doubles from `baseMs` to `maxMs`; the jitter spreads it over its upper half, so that gangs do not ask in step. */
export function backoffMs(
  id: string,
  tries: number,
  baseMs: DurationMs,
  maxMs: DurationMs,
): DurationMs {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(tries, 30));
  return Math.round(full * (0.5 + 0.5 * fraction(`${id}#${tries}`)));
}

/** FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), as a number in [0, 1). */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) / 2 ** 32;
}
