/** Where Slurm's programs are: Slurm's own environment for hooks has almost no PATH. */
import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

const usualPlaces = [
  '/usr/bin',
  '/usr/local/bin',
  '/opt/slurm/bin',
  '/usr/sbin',
  '/usr/local/sbin',
  '/bin',
];

/** The absolute path of a Slurm program, from PATH and the usual places; null when it is nowhere. */
export function findSlurmProgram(name: string, path: string | undefined): string | null {
  const folders = [
    ...(path ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...usualPlaces,
  ];
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

/**
 * Another program of the same Slurm: beside its scontrol, where that has a path and the program is there; else by
 * name, for the search through PATH.
 */
export function programBeside(scontrol: string, name: string): string {
  if (!isAbsolute(scontrol)) return name;
  const beside = join(dirname(scontrol), name);
  return isExecutable(beside) ? beside : (findSlurmProgram(name, process.env['PATH']) ?? name);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
