/** Slurm's programs, munge's with them: where this machine has them, and which it lacks. */
import { findProgram } from './programs.ts';

export const SLURM_PROGRAMS = [
  'slurmctld',
  'slurmd',
  'munged',
  'scontrol',
  'sbatch',
  'scancel',
  'squeue',
  'sinfo',
] as const;

export type SlurmProgram = (typeof SLURM_PROGRAMS)[number];

/** The absolute path of each. */
export type SlurmPrograms = Readonly<Record<SlurmProgram, string>>;

/** The packages of Debian and Ubuntu that bring them. */
export const SLURM_PACKAGES = ['slurmctld', 'slurmd', 'slurm-client', 'munge'] as const;

/** Those that this machine does not have. */
export function missingPrograms(): readonly SlurmProgram[] {
  return SLURM_PROGRAMS.filter((name) => findProgram(name, process.env['PATH']) === null);
}

/** Throws, with what to install, when one is missing. */
export function findSlurmPrograms(): SlurmPrograms {
  const missing = missingPrograms();
  if (missing.length > 0) {
    throw new Error(
      `Slurm is not whole on this machine: ${missing.join(', ')} not found. On Debian or Ubuntu: ` +
        `apt-get install --no-install-recommends ${SLURM_PACKAGES.join(' ')}`,
    );
  }
  return programsBy((name) => findProgram(name, process.env['PATH']) ?? name);
}

export function programsBy(pathOf: (name: SlurmProgram) => string): SlurmPrograms {
  return Object.fromEntries(
    SLURM_PROGRAMS.map((name) => [name, pathOf(name)]),
  ) as unknown as SlurmPrograms;
}
