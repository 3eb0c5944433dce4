/** A new ledger in the place of one that is damaged or lost: the damaged one is kept. */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Instant } from '../../core/units.ts';
import { DamagedLedgerError } from './integrity.ts';
import { lockLedger } from './lock.ts';
import { ledgerPath, lookThrough, openLedgerReader, openLocked } from './sqlite.ts';

export type Renewal =
  /** `damage`: what was wrong, and the folder that has it now; null: there was no ledger. */
  | {
      readonly kind: 'renewed';
      readonly damage: { readonly what: string; readonly folder: string } | null;
    }
  /** Nothing is wrong with it, and it was left alone. */
  | { readonly kind: 'whole'; readonly turns: number }
  | { readonly kind: 'locked'; readonly message: string };

/** Looks through the whole of it, beside a writer too. Null: there is none. Throws DamagedLedgerError. */
export async function checkLedger(
  stateDir: string,
): Promise<{ readonly turns: number; readonly from: Instant; readonly to: Instant } | null> {
  lookThrough(ledgerPath(stateDir));
  const reader = openLedgerReader(stateDir);
  if (reader === null) return null;
  try {
    let [turns, from, to] = [0, 0, 0];
    for await (const { sequence, turn } of reader.read(0)) {
      if (turns === 0) from = turn.event.at;
      turns = sequence;
      to = turn.event.at;
    }
    return turns === 0 ? null : { turns, from, to };
  } finally {
    reader.close();
  }
}

/**
 * Begins a ledger whose muster takes over the instances of before. Crash-safe: what is in the middle of it is as a
 * ledger that was lost, and may be done again. Throws LedgerError for one of a newer muster.
 */
export async function renewLedger(stateDir: string, at: Instant): Promise<Renewal> {
  const held = lockLedger(stateDir);
  if (held.kind === 'locked') return held;
  try {
    const what = await damageIn(stateDir);
    if (typeof what === 'number') return { kind: 'whole', turns: what };
    const damage = what === null ? null : { what, folder: setAside(stateDir, at) };
    const ledger = openLocked(stateDir, held.lock);
    await ledger.append([
      { event: { kind: 'LedgerBegun', at, since: 0 }, decisions: [], effects: [] },
    ]);
    ledger.close();
    return { kind: 'renewed', damage };
  } finally {
    if (held.lock.isOpen) held.lock.close();
  }
}

/** What is wrong; null: there is no ledger; a number: it has so many turns and is whole. */
async function damageIn(stateDir: string): Promise<string | number | null> {
  try {
    return (await checkLedger(stateDir))?.turns ?? null;
  } catch (error: unknown) {
    if (error instanceof DamagedLedgerError) return error.what;
    throw error;
  }
}

/** All files of it together, so that SQLite's tools find them as they were. */
function setAside(stateDir: string, at: Instant): string {
  const folder = join(
    stateDir,
    `ledger-damaged-${new Date(at).toISOString().replaceAll(':', '-')}`,
  );
  mkdirSync(folder, { mode: 0o750 });
  // The database last: its log beside another database would be taken for that one's.
  for (const end of ['-wal', '-shm', '']) {
    const path = `${ledgerPath(stateDir)}${end}`;
    if (existsSync(path)) renameSync(path, join(folder, `ledger.db${end}`));
  }
  return folder;
}
