/**
 * `muster capacity`: the capacity memory out of the ledger, read beside the daemon; and `--clear`, which asks the daemon
 * by way of the spool, since nobody else writes the ledger.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLedgerReader, type LedgerReader } from '../adapters/ledger/sqlite.ts';
import { openSpool } from '../adapters/spool/files.ts';
import {
  renderCapacity,
  renderCapacityJson,
  renderCleared,
  renderClearedJson,
} from '../cli/capacity.ts';
import { apply } from '../core/apply.ts';
import { emptyState, type State } from '../core/state.ts';
import type { Turn } from '../core/turn.ts';
import { badConfig, loadOrTell } from './load.ts';

export interface CapacityOptions {
  readonly config?: string;
  readonly json?: boolean;
  /** True: all pools; else one pool's name, word by word. */
  readonly clear?: true | readonly string[];
}

/** A daemon takes a request within a second. */
const waitMs = 5_000;
const followEveryMs = 100;

export async function runCapacity(options: CapacityOptions): Promise<number> {
  const config = loadOrTell(options.config);
  if (config === null) return badConfig;
  const reader = openLedgerReader(config.stateDir);
  if (reader === null) {
    process.stderr.write(
      `muster: there is no ledger in ${config.stateDir}: no daemon has run with this state_dir, so nothing is remembered\n`,
    );
    return 1;
  }
  try {
    const { state, sequence } = await replay(reader);
    if (options.clear !== undefined)
      return await clear(options, { stateDir: config.stateDir, reader, state, sequence });
    const render = options.json === true ? renderCapacityJson : renderCapacity;
    process.stdout.write(render(state, Date.now()));
    return 0;
  } finally {
    reader.close();
  }
}

async function replay(reader: LedgerReader): Promise<{ state: State; sequence: number }> {
  const state = emptyState();
  let last = 0;
  for await (const { sequence, turn } of reader.read(0)) {
    apply(state, turn);
    last = sequence;
  }
  return { state, sequence: last };
}

interface Known {
  readonly stateDir: string;
  readonly reader: LedgerReader;
  readonly state: State;
  readonly sequence: number;
}

async function clear(options: CapacityOptions, known: Known): Promise<number> {
  const { stateDir, reader, state, sequence } = known;
  const pool = Array.isArray(options.clear) ? options.clear.join(' ') : '';
  if (pool !== '' && !state.memory.has(pool)) {
    const others = [...state.memory.keys()].map((name) => `\n  ${name}`).join('');
    const has = others === '' ? 'nothing is remembered of any pool' : `remembered are:${others}`;
    process.stderr.write(
      `muster: nothing is remembered of a pool "${pool}"; nothing was cleared; ${has}\n`,
    );
    return 1;
  }
  const id = randomUUID();
  try {
    const spool = await openSpool({ stateDir, log: { write: () => undefined } });
    await spool.write({ id, verb: 'forget-capacity', hostlist: pool, resumeFile: null });
  } catch (error: unknown) {
    const message = `the request cannot be written (${String(error)}); nothing was cleared; Slurm's user and root may`;
    throw new Error(message, { cause: error });
  }
  const clearing = {
    pools: await follow(reader, sequence, id),
    waitedMs: waitMs,
    spool: join(stateDir, 'spool/new', id),
  };
  const render = options.json === true ? renderClearedJson : renderCleared;
  process.stdout.write(render(clearing));
  return 0;
}

/** The pools that were forgotten for the request; null: no daemon has taken it in time. */
async function follow(
  reader: LedgerReader,
  since: number,
  requestId: string,
): Promise<readonly string[] | null> {
  const until = performance.now() + waitMs;
  for (let last = since; ; await sleep(followEveryMs)) {
    for await (const { sequence, turn } of reader.read(last)) {
      last = sequence;
      const pools = forgottenBy(turn, requestId);
      if (pools !== null) return pools;
    }
    if (performance.now() >= until) return null;
  }
}

function forgottenBy({ event, decisions }: Turn, requestId: string): readonly string[] | null {
  if (event.kind !== 'HookCalled' || event.request.id !== requestId) return null;
  return decisions.flatMap((each) => (each.kind === 'CapacityForgotten' ? each.pools : []));
}
