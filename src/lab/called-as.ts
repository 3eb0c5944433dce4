/**
 * How muster is called in the shell that called it. Who types `bin/muster` in a checkout does not have it on the PATH, and a
 * line that is printed to be typed must work as it stands, from any folder.
 */
import { realpathSync } from 'node:fs';
import { findOnPath } from './programs.ts';

/** `muster` where the PATH leads to this launcher, else the launcher's own path, as the shell reads it. */
export function calledAs(launcher: string, path: string | undefined): string {
  const found = findOnPath('muster', path);
  if (found !== null && realpathSync(found) === realpathSync(launcher)) return 'muster';
  return /^[A-Za-z0-9/._+-]+$/.test(launcher) ? launcher : `'${launcher.replaceAll("'", `'\\''`)}'`;
}
