/** Looks a program up in PATH. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first one found in these folders; null when there is none. */
export function findProgram(
  name: string,
  folders: readonly string[] = (process.env['PATH'] ?? '').split(delimiter),
): string | null {
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}
