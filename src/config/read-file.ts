/**
 * Reads one configuration file, or says in words why not. Only regular files of at most 1 MiB in UTF-8: a pipe
 * would block, and anything larger or binary is a wrong path, not a configuration.
 */
import { readFileSync, statSync } from 'node:fs';

import { problemWith, sourceText } from './problem.ts';
import type { Problem, SourceText } from './problem.ts';

export type ReadResult =
  | { readonly kind: 'read'; readonly source: SourceText }
  | { readonly kind: 'unreadable'; readonly problem: Problem };

const bytesMax = 1024 * 1024;

/** `purpose` completes "the file should be ...", such as `muster's settings (YAML)`. */
export function readConfigFile(path: string, purpose: string): ReadResult {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) {
      const what = stat.isDirectory() ? 'is a directory' : 'is not a regular file';
      return refuse(path, `cannot be read: it ${what}`, `give the path of a file with ${purpose}`);
    }
    if (stat.size > bytesMax) return tooLarge(path, stat.size, purpose);
    const bytes = readFileSync(path);
    if (bytes.length > bytesMax) return tooLarge(path, bytes.length, purpose);
    return decode(path, bytes, purpose);
  } catch (error: unknown) {
    return refuse(path, `cannot be read: ${errnoInWords(error)}`, errnoHint(error, purpose));
  }
}

/** True unless nothing is there; an entry that cannot be examined counts as there, so that reading it says why. */
export function mayExist(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error: unknown) {
    return !['ENOENT', 'ENOTDIR'].includes(errnoOf(error));
  }
}

function decode(path: string, bytes: Buffer, purpose: string): ReadResult {
  if (bytes.includes(0)) {
    return refuse(path, 'is a binary file (it has NUL bytes)', `give a text file with ${purpose}`);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { kind: 'read', source: sourceText(path, text) };
  } catch {
    return refuse(path, 'is not UTF-8 text', `save it as UTF-8; it should hold ${purpose}`);
  }
}

function tooLarge(path: string, size: number, purpose: string): ReadResult {
  const message = `is too large: ${size} bytes, and at most ${bytesMax} are read`;
  return refuse(path, message, `give the path of a file with ${purpose}`);
}

function refuse(path: string, message: string, hint: string): ReadResult {
  return { kind: 'unreadable', problem: problemWith(path, { message, hint }) };
}

function errnoOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return '';
}

const errnoWords: Readonly<Record<string, string>> = {
  ENOENT: 'no such file (ENOENT)',
  ENOTDIR: 'a part of the path is not a directory (ENOTDIR)',
  EACCES: 'permission denied (EACCES)',
  EPERM: 'operation not permitted (EPERM)',
  EISDIR: 'it is a directory (EISDIR)',
  ELOOP: 'too many symbolic links (ELOOP)',
  EMFILE: 'too many open files (EMFILE)',
  ENAMETOOLONG: 'the path is too long (ENAMETOOLONG)',
  EIO: 'input/output error (EIO)',
};

function errnoInWords(error: unknown): string {
  const words = errnoWords[errnoOf(error)];
  if (words !== undefined) return words;
  return error instanceof Error ? error.message : String(error);
}

function errnoHint(error: unknown, purpose: string): string {
  switch (errnoOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `check the path; there should be a file with ${purpose}`;
    case 'EACCES':
    case 'EPERM':
      return 'let the user that runs muster read it (chmod, chown), or run as another user';
    default:
      return `give the path of a readable file with ${purpose}`;
  }
}
