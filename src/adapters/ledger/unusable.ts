/**
 * Why a file of the ledger cannot be opened. SQLite says "unable to open database file", or "disk I/O error", of one that may
 * not be read, of a folder in its place and of one in a folder that is none: the system is asked once more, and its own
 * error, which has a code and the path, is what is thrown. Nothing is opened for that: closing a file of SQLite's would
 * give up the locks that this process has on it.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { damageOf } from './integrity.ts';

const readonlyCode = 8;
const busyCode = 5;
const { R_OK, W_OK, X_OK } = constants;

/** What is to be thrown for what SQLite has thrown: damage, or the system's error; else what it was, with the path. */
export function troubleWith(path: string, error: unknown, use: 'read' | 'write'): unknown {
  const damage = damageOf(path, error);
  if (damage !== error) return damage;
  const code = sqliteCode(error);
  if (code === null || code === busyCode) return error;
  // Beside a file that is to be written, and beside one in WAL mode whose log is gone, SQLite makes others.
  const makesFiles = use === 'write' || code === readonlyCode;
  const refused = refusalOf(path, use === 'write' ? R_OK | W_OK : R_OK, makesFiles);
  return (
    refused ?? new Error(`${path} cannot be opened: ${(error as Error).message}`, { cause: error })
  );
}

/** True where nothing of that name is there; false also for what may not be looked at. */
export function isAbsent(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error: unknown) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT';
  }
}

/** The system's error, by the path of what is in the way; null: nothing is. */
export function refusalOf(path: string, mode: number, makesFiles: boolean): Error | null {
  try {
    if (!isAbsent(path)) {
      if (statSync(path).isDirectory()) return isFolder(path);
      accessSync(path, mode);
    }
    if (makesFiles) accessSync(dirname(path), W_OK | X_OK);
    return null;
  } catch (error: unknown) {
    return error as Error;
  }
}

function isFolder(path: string): Error {
  const error = new Error(`EISDIR: illegal operation on a directory, open '${path}'`);
  return Object.assign(error, { code: 'EISDIR', syscall: 'open', path });
}

function sqliteCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : null;
}
