/**
 * What the system refuses (state_dir, log_dir and what is in them), in words: which file, why, whose it is, what would be
 * right. Node's own words name neither the owner nor a cure.
 */
import { readFileSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

const words: Readonly<Record<string, string>> = {
  EACCES: 'permission denied (EACCES)',
  EPERM: 'operation not permitted (EPERM)',
  EROFS: 'the file system is read-only (EROFS)',
  EEXIST: 'it is no folder (EEXIST)',
  ENOTDIR: 'a part of the path is no folder (ENOTDIR)',
  EISDIR: 'it is a folder, and should be a file (EISDIR)',
};

/** Null for an error that is not the system's, or that may pass, as a full disk does: what it says is left as it is. */
export function explainSystemError(error: unknown): string | null {
  if (!(error instanceof Error && 'code' in error && 'path' in error)) return null;
  const { code, path } = error;
  if (typeof code !== 'string' || typeof path !== 'string') return null;
  const why = words[code];
  if (why === undefined) return null;
  return `${path} cannot be used: ${why}. ${whose(path)}It was left as it is; ${cureOf(code, path)}`;
}

function cureOf(code: string, path: string): string {
  if (code !== 'EACCES' && code !== 'EPERM')
    return 'state_dir and log_dir (muster.yaml) should be folders that muster can write to';
  const owner = ownerOf(path)?.name ?? 'root';
  const isOwner = ownerOf(path)?.uid === process.getuid?.();
  if (isOwner) return 'let its owner read and write it (chmod)';
  return owner === 'root' ? 'run this as root, or chown it' : `run this as ${owner} or root`;
}

/** Of the path, or of the first folder above it that can be looked at. */
function whose(path: string): string {
  const owner = ownerOf(path);
  if (owner === null) return '';
  return owner.path === path
    ? `It belongs to ${owner.name}. `
    : `${owner.path} belongs to ${owner.name}. `;
}

interface Owner {
  readonly path: string;
  readonly uid: number;
  readonly name: string;
}

function ownerOf(path: string): Owner | null {
  for (let at = path; ; at = dirname(at)) {
    const stats = statOrNull(at);
    if (stats !== null) return { path: at, uid: stats.uid, name: userName(stats.uid) };
    if (dirname(at) === at) return null;
  }
}

function statOrNull(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/** Node knows no names but its own user's. One from elsewhere (LDAP) is told by its number. */
function userName(uid: number): string {
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((each) => each.split(':')[2] === String(uid));
    return line?.split(':')[0] ?? `user ${uid}`;
  } catch {
    return `user ${uid}`;
  }
}
