/**
 * Whether muster works: by the lock on its ledger, which a muster holds for as long as it runs, and by its heartbeat, which
 * stands still in one that hangs or cannot write the ledger.
 */
import type { DurationMs, Instant } from '../core/units.ts';
import type { Paint } from './paint.ts';
import { roughly } from './times.ts';

/** `stopped` too when it hangs or cannot write its ledger: it does nothing then. */
export interface DaemonStatus {
  readonly state: 'works' | 'stopped' | 'unknown';
  /** Null: no heartbeat was ever written here. */
  readonly heartbeatAt: Instant | null;
  /** Whether a process holds the ledger; null: that may not be looked at. */
  readonly holdsLedger: boolean | null;
  /** False: no daemon has run since the ledger was begun. */
  readonly hasRun: boolean;
}

export interface DaemonSigns {
  readonly heartbeat: { readonly at: Instant; readonly everyMs: DurationMs } | null;
  readonly holdsLedger: boolean | null;
  readonly hasRun: boolean;
}

/** So many heartbeats may be missing before it counts as stopped: a machine under load is late. */
const beatsMissing = 3;

export function daemonStatus(
  { heartbeat, holdsLedger, hasRun }: DaemonSigns,
  at: Instant,
): DaemonStatus {
  const signs = { heartbeatAt: heartbeat?.at ?? null, holdsLedger, hasRun };
  if (heartbeat === null) return { state: 'unknown', ...signs };
  const isLate = at - heartbeat.at > heartbeat.everyMs * beatsMissing;
  return { state: isLate || holdsLedger === false || !hasRun ? 'stopped' : 'works', ...signs };
}

/** What follows "muster". */
export function daemonWords(daemon: DaemonStatus, at: Instant, paint: Paint): string {
  const { state, heartbeatAt, holdsLedger, hasRun } = daemon;
  if (state === 'works') return paint.good('works');
  const not = paint.bad('does not work');
  if (!hasRun) {
    const begun = 'no daemon has run since the ledger was begun';
    return holdsLedger === true ? `${not} yet: ${begun}, and one starts` : `${not}: ${begun}`;
  }
  const left = 'what follows is as it left it';
  if (heartbeatAt === null) {
    const none = paint.warn('has left no heartbeat');
    const runs = holdsLedger === false ? ': no daemon runs' : '';
    return holdsLedger === true ? `${none} yet: one starts; ${left}` : `${none}${runs}; ${left}`;
  }
  const beat = `its last heartbeat is ${roughly(at - heartbeatAt)} old`;
  switch (holdsLedger) {
    case true:
      return `${not}: ${beat}, and it runs: it starts, hangs or cannot write its ledger; ${left}`;
    case false:
      return `${not}: no daemon runs, ${beat}; ${left}`;
    case null:
      return `${not}: ${beat}; ${left}`;
  }
  return holdsLedger satisfies never;
}
