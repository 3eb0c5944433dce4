/** What is said of a request that no daemon has taken: every command that asks one by way of the spool may have to. */
import { formatDuration, type DurationMs } from '../core/units.ts';

export interface Untaken {
  /** How long it was waited for. */
  readonly waitedMs: DurationMs;
  /** Where it lies until a daemon takes it. */
  readonly spool: string;
}

export function renderUntaken({ waitedMs, spool }: Untaken): string {
  return `No daemon took the request within ${formatDuration(waitedMs)}: it waits in ${spool}, and is done when a daemon runs. Remove the file to take it back.\n`;
}
