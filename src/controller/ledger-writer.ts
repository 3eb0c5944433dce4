/** Makes turns durable, again and again while the ledger refuses: a disk that is full, or a lock held too long, may pass. */
import type { Turn } from '../core/turn.ts';
import type { DurationMs } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Log } from '../ports/log.ts';

/** Until it can be written no effect runs. */
const appendRetryMs: DurationMs = 1_000;

/** What was decided longer ago is not right any more. As long as a give-back waits for its turn (slurm-talk.ts). */
export const heldMsMax: DurationMs = 10_000;

/** `stale`: it could not be written for so long that it is not to be done any more; `stopped`: muster was stopped before. */
export type Written = 'durable' | 'stale' | 'stopped';

export interface LedgerWriter {
  /** All of the turns, or none. */
  write(turns: readonly Turn[]): Promise<Written>;
  /** False while the ledger refuses. */
  readonly canWrite: boolean;
}

export interface LedgerWriterParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  /** Whoever stopped may have closed the ledger. */
  readonly isStopped: () => boolean;
}

export function createLedgerWriter({
  ledger,
  clock,
  log,
  isStopped,
}: LedgerWriterParts): LedgerWriter {
  let canWrite = true;

  /** Null, or why not. */
  async function tryToWrite(turns: readonly Turn[]): Promise<string | null> {
    try {
      await ledger.append(turns);
      return null;
    } catch (error: unknown) {
      return String(error);
    }
  }

  return {
    get canWrite() {
      return canWrite;
    },
    async write(turns) {
      const since = clock.now();
      for (;;) {
        const refusal = await tryToWrite(turns);
        canWrite = refusal === null;
        if (canWrite) return 'durable';
        if (isStopped()) return 'stopped';
        log.write({
          level: 'ERROR',
          source: 'muster.ledger:append',
          message: `The ledger cannot be written (${refusal}); nothing is launched or terminated until it can`,
        });
        await new Promise<void>((resolve) => {
          clock.schedule(appendRetryMs, resolve);
        });
        if (clock.now() - since > heldMsMax) return 'stale';
      }
    },
  };
}
