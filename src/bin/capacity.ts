/**
 * `muster capacity`: the capacity memory out of the ledger, read beside the daemon; and `--clear`, which asks the daemon
 * by way of the spool, since nobody else writes the ledger.
 */
import {
  renderCapacity,
  renderCapacityJson,
  renderCleared,
  renderClearedJson,
} from '../cli/capacity.ts';
import type { Turn } from '../core/turn.ts';
import { followLedger, readLedgerOrTell, stateWith, type LedgerState } from './ledger-state.ts';
import { badConfig, findOrTell } from './load.ts';
import { spoolRequest } from './spool-request.ts';

export interface CapacityOptions {
  readonly config?: string;
  readonly json?: boolean;
  /** True: all pools; else one pool's name, word by word. */
  readonly clear?: true | readonly string[];
}

/** A daemon takes a request within a second. */
const waitMs = 5_000;

export async function runCapacity(options: CapacityOptions): Promise<number> {
  const config = findOrTell(options.config);
  if (config === null) return badConfig;
  const ledger = await readLedgerOrTell(config.stateDir, 'nothing is remembered');
  if (ledger === null) return 1;
  try {
    if (options.clear !== undefined) return await clear(options, config.stateDir, ledger);
    const render = options.json === true ? renderCapacityJson : renderCapacity;
    process.stdout.write(render(stateWith(ledger, config.settings), Date.now()));
    return 0;
  } finally {
    ledger.close();
  }
}

async function clear(
  options: CapacityOptions,
  stateDir: string,
  ledger: LedgerState,
): Promise<number> {
  const { state } = ledger;
  const pool = Array.isArray(options.clear) ? options.clear.join(' ') : '';
  if (pool !== '' && !state.memory.has(pool)) {
    const others = [...state.memory.keys()].map((name) => `\n  ${name}`).join('');
    const has = others === '' ? 'nothing is remembered of any pool' : `remembered are:${others}`;
    process.stderr.write(
      `muster: nothing is remembered of a pool "${pool}"; nothing was cleared; ${has}\n`,
    );
    return 1;
  }
  const { id, path } = await spoolRequest(stateDir, 'forget-capacity', pool, 'nothing was cleared');
  const clearing = {
    pools: await followLedger(ledger, waitMs, (turn) => forgottenBy(turn, id)),
    waitedMs: waitMs,
    spool: path,
  };
  const render = options.json === true ? renderClearedJson : renderCleared;
  process.stdout.write(render(clearing));
  return clearing.pools === null ? 1 : 0;
}

/** The pools that were forgotten for the request; null: this turn is not its. */
function forgottenBy({ event, decisions }: Turn, requestId: string): readonly string[] | null {
  if (event.kind !== 'HookCalled' || event.request.id !== requestId) return null;
  return decisions.flatMap((each) => (each.kind === 'CapacityForgotten' ? each.pools : []));
}
