/**
 * The ledger in SQLite: one row a turn, as JSON, in WAL mode with synchronous=FULL, so that a turn is on the disk before
 * append resolves and others may read while the daemon writes. One writer: it holds an exclusive lock on a file of its
 * own for life, which the kernel frees however the process ends.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Turn } from '../../core/turn.ts';
import type { Ledger, RecordedTurn } from '../../ports/ledger.ts';

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

/** A ledger that today's code cannot read. */
export class LedgerError extends Error {}

/** Opens the ledger for writing, or tells that another process holds it. Throws LedgerError on a newer schema. */
export function openLedgerWriter(stateDir: string): WriterResult {
  mkdirSync(stateDir, { recursive: true, mode: 0o750 });
  const lock = new DatabaseSync(join(stateDir, 'ledger.lock'));
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error: unknown) {
    lock.close();
    if (!isBusy(error)) throw error;
    return { kind: 'locked', message: `another muster works on ${stateDir}` };
  }
  const path = join(stateDir, 'ledger.db');
  const database = new DatabaseSync(path);
  try {
    chmodSync(path, 0o640);
    database.exec('PRAGMA busy_timeout = 5000');
    prepareSchema(database, path);
  } catch (error: unknown) {
    database.close();
    lock.close();
    throw error;
  }
  const insert = database.prepare('INSERT INTO turn (sequence, at, record) VALUES (?, ?, ?)');
  let last = lastSequence(database);
  return {
    kind: 'writer',
    ledger: {
      async append(turns) {
        let sequence = last;
        database.exec('BEGIN IMMEDIATE');
        try {
          for (const turn of turns) {
            sequence += 1;
            insert.run(sequence, turn.event.at, JSON.stringify(turn));
          }
          database.exec('COMMIT');
        } catch (error: unknown) {
          if (database.isTransaction) database.exec('ROLLBACK');
          throw error;
        }
        last = sequence;
        return last;
      },
      read: (sequence) => readTurns(database, sequence),
      close() {
        database.close();
        lock.close();
      },
    },
  };
}

export interface LedgerReader extends Pick<Ledger, 'read'> {
  /** The newest turn's sequence number; 0 for an empty ledger. */
  last(): number;
  close(): void;
}

/** Opens the ledger to read beside a writer; null where there is none yet. Throws LedgerError on a newer schema. */
export function openLedgerReader(stateDir: string): LedgerReader | null {
  const path = join(stateDir, 'ledger.db');
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
    throw error;
  }
  return {
    read: (sequence) => readTurns(database, sequence),
    last: () => lastSequence(database),
    close: () => database.close(),
  };
}

function openToRead(path: string): DatabaseSync | null {
  try {
    return new DatabaseSync(path, { readOnly: true });
  } catch (error: unknown) {
    if (error instanceof Error && /unable to open/.test(error.message)) return null;
    throw error;
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

async function* readTurns(database: DatabaseSync, after: number): AsyncIterable<RecordedTurn> {
  const page = database.prepare(
    'SELECT sequence, record FROM turn WHERE sequence > ? ORDER BY sequence LIMIT ?',
  );
  for (let sequence = after; ;) {
    const rows = page.all(sequence, pageSize);
    for (const row of rows) {
      sequence = Number(row['sequence']);
      yield { sequence, turn: parseTurn(sequence, String(row['record'])) };
    }
    if (rows.length < pageSize) return;
  }
}

/** The record is ours, written by append and guarded by the schema version. */
function parseTurn(sequence: number, record: string): Turn {
  try {
    return JSON.parse(record) as Turn;
  } catch (error: unknown) {
    throw new LedgerError(`turn ${sequence} of the ledger is not whole; nothing was changed`, {
      cause: error,
    });
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
