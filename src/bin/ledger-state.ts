/** The ledger as commands read it, beside the daemon: the state that it gives, and the turns that come after. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openLedgerReader, type LedgerReader } from '../adapters/ledger/sqlite.ts';
import { apply } from '../core/apply.ts';
import type { Settings } from '../core/settings.ts';
import { emptyState, type State } from '../core/state.ts';
import type { Turn } from '../core/turn.ts';
import type { DurationMs } from '../core/units.ts';

const followEveryMs: DurationMs = 100;

export interface LedgerState {
  readonly reader: LedgerReader;
  readonly state: State;
  /** False: no daemon has run since it was begun, and its settings are nobody's. */
  readonly hasRun: boolean;
  /** Of the last turn in it. */
  readonly sequence: number;
  close(): void;
}

/** Null, and why on standard error: no daemon has run with this state folder. `lacks` ends the sentence. */
export async function readLedgerOrTell(
  stateDir: string,
  lacks: string,
): Promise<LedgerState | null> {
  const reader = openLedgerReader(stateDir);
  if (reader === null) {
    process.stderr.write(
      `muster: there is no ledger in ${stateDir}: no daemon has run with this state_dir, so ${lacks}\n`,
    );
    return null;
  }
  const state = emptyState();
  let last = 0;
  let hasRun = false;
  try {
    for await (const { sequence, turn } of reader.read(0)) {
      apply(state, turn);
      hasRun ||= turn.event.kind === 'ConfigLoaded';
      last = sequence;
    }
  } catch (error: unknown) {
    reader.close();
    throw error;
  }
  return { reader, state, hasRun, sequence: last, close: () => reader.close() };
}

/** The state with the settings that hold: the configuration's, where it can be used, while no daemon has written its own. */
export function stateWith(
  { state, hasRun }: LedgerState,
  settings: Settings = state.settings,
): State {
  return hasRun ? state : { ...state, settings };
}

/** Calls for each turn that is written from now on, until it returns something; null: not within `withinMs`. */
export async function followLedger<T>(
  { reader, sequence: since }: Pick<LedgerState, 'reader' | 'sequence'>,
  withinMs: DurationMs,
  onTurn: (turn: Turn, sequence: number) => T | null,
): Promise<T | null> {
  const until = performance.now() + withinMs;
  for (let last = since; ; await sleep(followEveryMs)) {
    for await (const { sequence, turn } of reader.read(last)) {
      last = sequence;
      const found = onTurn(turn, sequence);
      if (found !== null) return found;
    }
    if (performance.now() >= until) return null;
  }
}
