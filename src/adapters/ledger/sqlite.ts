/**
 * The ledger in SQLite: one row a turn, as JSON, in WAL mode with synchronous=FULL, so that a turn is on the disk before
 * append resolves and others may read while the daemon writes. One writer: whoever holds the lock (lock.ts).
 */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Ledger, RecordedTurn } from '../../ports/ledger.ts';
import {
  checkPages,
  checkRecord,
  DamagedLedgerError,
  LedgerError,
  sealed,
  unsealed,
} from './integrity.ts';
import { lockLedger } from './lock.ts';
import { isAbsent, troubleWith } from './unusable.ts';

export { DamagedLedgerError, LedgerError } from './integrity.ts';

const schemaVersion = 1;

const schema = `
  CREATE TABLE IF NOT EXISTS turn (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
`;

export interface WritableLedger extends Ledger {
  /** Gives the lock back. */
  close(): void;
}

export type WriterResult =
  | { readonly kind: 'writer'; readonly ledger: WritableLedger }
  | { readonly kind: 'locked'; readonly message: string };

/**
 * Opens the ledger for writing, or tells that another process holds it. Throws LedgerError on a newer schema, and
 * DamagedLedgerError where a page of it is not as it should be; every page is read for that.
 */
export function openLedgerWriter(stateDir: string): WriterResult {
  const held = lockLedger(stateDir);
  if (held.kind === 'locked') return held;
  try {
    lookThrough(ledgerPath(stateDir));
    return { kind: 'writer', ledger: openLocked(stateDir, held.lock) };
  } catch (error: unknown) {
    held.lock.close();
    throw error;
  }
}

/** Opens the ledger, or makes one, for who holds the lock, which is closed with it. */
export function openLocked(stateDir: string, lock: DatabaseSync): WritableLedger {
  const path = ledgerPath(stateDir);
  const database = openToWrite(path);
  try {
    chmodSync(path, 0o640);
    database.exec('PRAGMA busy_timeout = 5000');
    prepareSchema(database, path);
  } catch (error: unknown) {
    database.close();
    throw troubleWith(path, error, 'write');
  }
  const insert = database.prepare('INSERT INTO turn (sequence, at, record) VALUES (?, ?, ?)');
  let last = lastSequence(database);
  return {
    async append(turns) {
      let sequence = last;
      database.exec('BEGIN IMMEDIATE');
      try {
        for (const turn of turns) {
          sequence += 1;
          insert.run(sequence, turn.event.at, sealed(turn));
        }
        database.exec('COMMIT');
      } catch (error: unknown) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
      last = sequence;
      return last;
    },
    read: (sequence) => readTurns(database, path, sequence),
    close() {
      database.close();
      lock.close();
    },
  };
}

export interface LedgerReader extends Pick<Ledger, 'read'> {
  /** The newest turn's sequence number; 0 for an empty ledger. */
  last(): number;
  close(): void;
}

export function ledgerPath(stateDir: string): string {
  return join(stateDir, 'ledger.db');
}

/**
 * Opens the ledger to read beside a writer; null where there is none yet. Throws LedgerError on a newer schema,
 * DamagedLedgerError where it is seen to be damaged (its pages are not looked through for that), and the system's error
 * where it may not be read.
 */
export function openLedgerReader(stateDir: string): LedgerReader | null {
  const path = ledgerPath(stateDir);
  const database = openToRead(path);
  if (database === null) return null;
  try {
    database.exec('PRAGMA busy_timeout = 5000');
    const version = schemaVersionOf(database);
    refuseNewer(version, path);
    // The first writer has made the file and not yet what is in it.
    if (version === 0) {
      database.close();
      return null;
    }
  } catch (error: unknown) {
    database.close();
    throw troubleWith(path, error, 'read');
  }
  return {
    read: (sequence) => readTurns(database, path, sequence),
    last: () => lastSequence(database),
    close: () => database.close(),
  };
}

/** By a connection that cannot write: closing another one would fold the log back into what may be damaged. */
export function lookThrough(path: string): void {
  const database = openToRead(path);
  if (database === null) return;
  try {
    const version = schemaVersionOf(database);
    refuseNewer(version, path);
    checkPages(database, path);
    if (version === 0) return;
    for (const { sequence, record } of records(database, path, 0))
      checkRecord(path, sequence, record);
  } catch (error: unknown) {
    throw troubleWith(path, error, 'read');
  } finally {
    database.close();
  }
}

function openToWrite(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch (error: unknown) {
    throw troubleWith(path, error, 'write');
  }
}

/** Null: there is none. */
function openToRead(path: string): DatabaseSync | null {
  try {
    return new DatabaseSync(path, { readOnly: true });
  } catch (error: unknown) {
    if (isAbsent(path)) return null;
    throw troubleWith(path, error, 'read');
  }
}

function lastSequence(database: DatabaseSync): number {
  const row = database.prepare('SELECT coalesce(max(sequence), 0) AS last FROM turn').get();
  return Number(row?.['last'] ?? 0);
}

function schemaVersionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
}

function refuseNewer(version: number, path: string): void {
  if (version <= schemaVersion) return;
  throw new LedgerError(
    `${path} was written by a newer muster (schema ${version}, this one reads up to ${schemaVersion}); nothing was changed. Install that version again.`,
  );
}

function prepareSchema(database: DatabaseSync, path: string): void {
  refuseNewer(schemaVersionOf(database), path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec(`${schema} PRAGMA user_version = ${schemaVersion}`);
}

/** Pages, so that no long transaction keeps the writer's log from being folded back. */
const pageSize = 200;

async function* readTurns(
  database: DatabaseSync,
  path: string,
  after: number,
): AsyncIterable<RecordedTurn> {
  for (const { sequence, record } of records(database, path, after))
    yield { sequence, turn: unsealed(path, sequence, record) };
}

function* records(database: DatabaseSync, path: string, after: number) {
  const page = database.prepare(
    'SELECT sequence, record FROM turn WHERE sequence > ? ORDER BY sequence LIMIT ?',
  );
  for (let last = after; ;) {
    const rows = readRows(page, path, last);
    for (const row of rows) {
      const sequence = Number(row['sequence']);
      if (sequence !== last + 1) throw new DamagedLedgerError(path, `turn ${last + 1} is missing`);
      last = sequence;
      yield { sequence, record: String(row['record']) };
    }
    if (rows.length < pageSize) return;
  }
}

function readRows(page: StatementSync, path: string, after: number) {
  try {
    return page.all(after, pageSize);
  } catch (error: unknown) {
    throw troubleWith(path, error, 'read');
  }
}
