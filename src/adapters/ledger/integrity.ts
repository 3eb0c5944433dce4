/**
 * Whether a ledger is as it was written. SQLite tells a damaged structure from a whole one, and what is in its log by
 * checksums of its own, but not whether the bytes of a row in the database are the ones that were written: each record
 * carries its checksum, and the sequence has no holes.
 */
import { crc32 } from 'node:zlib';
import type { DatabaseSync } from 'node:sqlite';
import type { Turn } from '../../core/turn.ts';

/** A ledger that today's code cannot read. */
export class LedgerError extends Error {
  /** Starting again cures none of them, so that a service manager need not try. */
  readonly exitCode = 3;
}

/** One that is not as it was written. Nothing may be done by it: what it says of instances may be untrue. */
export class DamagedLedgerError extends LedgerError {
  readonly what: string;

  constructor(path: string, what: string, cause?: unknown) {
    super(
      `the ledger ${path} is damaged: ${what}. Nothing was done by it and nothing was changed: instances and jobs go on, requests wait in the spool. ` +
        '"muster ledger renew" keeps it aside and begins a new one, which takes over the instances that Slurm uses and ends the others ' +
        '(docs/operating.md, "A damaged ledger")',
      { cause },
    );
    this.what = what;
  }
}

const corrupt = 11;
const notADatabase = 26;

/** What SQLite throws at a damaged file becomes a DamagedLedgerError; whatever else it throws stays as it is. */
export function damageOf(path: string, error: unknown): unknown {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : null;
  if (code !== corrupt && code !== notADatabase) return error;
  return new DamagedLedgerError(path, (error as Error).message, error);
}

/** Reads every page. Throws DamagedLedgerError on the first thing that is wrong. */
export function checkPages(database: DatabaseSync, path: string): void {
  const said = database.prepare('PRAGMA integrity_check(1)').all();
  // Above it may stand which database is meant: there is one.
  const first = String(said[0]?.['integrity_check'] ?? 'no answer').split('\n');
  if (first[0] !== 'ok') throw new DamagedLedgerError(path, first.at(-1) ?? '');
}

/** Older musters wrote none, and pass over it. */
const seal = /,"sum":(\d{1,10})\}$/;

export function sealed(turn: Turn): string {
  const text = JSON.stringify(turn);
  return `${text.slice(0, -1)},"sum":${crc32(text)}}`;
}

/** Throws DamagedLedgerError where the record is not as it was written, as far as that can be told. */
export function checkRecord(path: string, sequence: number, record: string): void {
  // One without a checksum is an older muster's, or has lost its end.
  if (textOf(path, sequence, record) === record) unsealed(path, sequence, record);
}

export function unsealed(path: string, sequence: number, record: string): Turn {
  const text = textOf(path, sequence, record);
  try {
    return JSON.parse(text) as Turn;
  } catch (error: unknown) {
    throw new DamagedLedgerError(path, `turn ${sequence} is not whole`, error);
  }
}

/** What was sealed; all of a record that was not. */
function textOf(path: string, sequence: number, record: string): string {
  const found = seal.exec(record);
  if (found === null) return record;
  const text = `${record.slice(0, found.index)}}`;
  if (crc32(text) === Number(found[1])) return text;
  throw new DamagedLedgerError(path, `turn ${sequence} is not what was written`);
}
