/**
 * Who may write the ledger: a lock on a file of its own, held for life, which the kernel frees however the process ends. So
 * whether it is held tells at once whether a muster runs, where its heartbeat is believed for a while.
 */
import { constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isAbsent, refusalOf, troubleWith } from './unusable.ts';

export type LockResult =
  | { readonly kind: 'held'; readonly lock: DatabaseSync }
  | { readonly kind: 'locked'; readonly message: string };

/** Who only asks whether it is held has it for well below a millisecond, and must not keep a muster from its start. */
const askersMs = 200;

/** The right to write the ledger, until the lock is closed or the process ends. Throws the system's error where it may not be had. */
export function lockLedger(stateDir: string): LockResult {
  mkdirSync(stateDir, { recursive: true, mode: 0o750 });
  const path = lockPath(stateDir);
  const lock = openLock(path);
  try {
    lock.exec(`PRAGMA busy_timeout = ${askersMs}; BEGIN EXCLUSIVE`);
    // Of a file that it may only read SQLite takes a lock that keeps nobody out, and does not say so.
    const refused = refusalOf(path, constants.W_OK, false);
    if (refused !== null) throw refused;
  } catch (error: unknown) {
    lock.close();
    if (!isBusy(error)) throw troubleWith(path, error, 'write');
    return { kind: 'locked', message: `another muster works on ${stateDir}` };
  }
  return { kind: 'held', lock };
}

/** Whether a process holds it; null: that may not be looked at. Makes no file, and leaves no lock. */
export function isLedgerHeld(stateDir: string): boolean | null {
  const path = lockPath(stateDir);
  if (isAbsent(path)) return false;
  let lock: DatabaseSync;
  try {
    lock = new DatabaseSync(path, { readOnly: true });
  } catch {
    return null;
  }
  try {
    // One statement is one transaction: the lock is shared, and over with it.
    lock.exec('PRAGMA busy_timeout = 0; SELECT count(*) FROM sqlite_master');
    return false;
  } catch (error: unknown) {
    return isBusy(error) ? true : null;
  } finally {
    lock.close();
  }
}

function lockPath(stateDir: string): string {
  return join(stateDir, 'ledger.lock');
}

function openLock(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch (error: unknown) {
    throw troubleWith(path, error, 'write');
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
