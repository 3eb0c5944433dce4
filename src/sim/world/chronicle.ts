/**
 * What happened in a simulated world: lines for people, counts for the summary, and the first promise that was broken.
 * The lines are written only where somebody wants to read them; everything else is the same either way.
 */
import type { Instant } from '../../core/units.ts';
import type { FaultKind } from './faults.ts';

export interface Broken {
  /** The checker. */
  readonly check: string;
  /** What was broken, with the ids. */
  readonly sentence: string;
  /** Milliseconds since the world began. */
  readonly afterMs: number;
}

export interface Chronicle {
  /** One line; `what` is called only when lines are kept. */
  note(who: string, what: () => string): void;
  /** A fault that happened. */
  fault(kind: FaultKind, what: () => string): void;
  /** A promise was broken; the first one counts. */
  broke(check: string, sentence: string): void;
  readonly lines: readonly string[];
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly broken: Broken | null;
}

export function createChronicle(now: () => Instant, keepsLines: boolean): Chronicle {
  const begin = now();
  const lines: string[] = [];
  const faults = new Map<FaultKind, number>();
  let broken: Broken | null = null;

  function note(who: string, what: () => string): void {
    if (!keepsLines) return;
    const seconds = ((now() - begin) / 1000).toFixed(3).padStart(9);
    lines.push(`${seconds} ${who.padEnd(8)} ${what()}`);
  }

  return {
    note,
    fault(kind, what) {
      faults.set(kind, (faults.get(kind) ?? 0) + 1);
      note('fault', () => `${kind}: ${what()}`);
    },
    broke(check, sentence) {
      note('BROKEN', () => `${check}: ${sentence}`);
      broken ??= { check, sentence, afterMs: now() - begin };
    },
    lines,
    faults,
    get broken() {
      return broken;
    },
  };
}
