/**
 * Slurm's programs for the lab, which runs them as root: there already, installed from Debian's packages where that may be done, or not to be had.
 * Installing is announced, needs root on Debian or Ubuntu, and MUSTER_NO_INSTALL=1 forbids it. The packages' services are
 * left alone; should one have started with the installation, that is said.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { findProgram, run } from './programs.ts';
import { missingPrograms, SLURM_PACKAGES } from './slurm-programs.ts';

export interface EnsureOptions {
  readonly allowInstall: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** The caller's user id; absent: this process's. */
  readonly uid?: number | undefined;
  announce(line: string): void;
}

export type SlurmAvailability =
  | { readonly kind: 'real' }
  /** The built-in model is to be used. `why` is a whole sentence. */
  | { readonly kind: 'model'; readonly why: string };

const INSTALL_LIMIT_MS = 5 * 60_000;

/** Never rejects: what stands in the way is the answer. */
export async function ensureSlurm(options: EnsureOptions): Promise<SlurmAvailability> {
  const missing = missingPrograms();
  const uid = options.uid ?? process.getuid?.();
  if (missing.length === 0)
    return uid === 0 ? { kind: 'real' } : { kind: 'model', why: needsRoot(uid) };
  const obstacle = installObstacle(options, uid);
  const lacking = `Slurm is not installed here (no ${missing.join(', ')})`;
  if (obstacle !== null) return { kind: 'model', why: `${lacking}, and ${obstacle}.` };
  try {
    await install(options);
  } catch (error: unknown) {
    const said = error instanceof Error ? error.message : String(error);
    return { kind: 'model', why: `${lacking}, and installing it failed: ${said}` };
  }
  const still = missingPrograms();
  if (still.length === 0) return { kind: 'real' };
  return {
    kind: 'model',
    why: `Slurm's packages were installed, but ${still.join(', ')} is still missing.`,
  };
}

/** Its daemons change to the user slurm, and a lab that one user left behind another one could not take down. */
function needsRoot(uid: number | undefined): string {
  return `Slurm is installed here, and the lab needs root to run it: you are user ${uid ?? 'unknown'}.`;
}

/** Why packages may not be installed, as the end of a sentence; null when they may. */
function installObstacle(options: EnsureOptions, uid: number | undefined): string | null {
  const forbids = options.env['MUSTER_NO_INSTALL'] ?? '';
  if (forbids !== '' && forbids !== '0') return 'MUSTER_NO_INSTALL forbids installing it';
  if (!options.allowInstall) return 'installing it was not allowed';
  if (uid !== 0) return 'only root can install it';
  if (!isDebianLike(readOsRelease()) || findProgram('apt-get', options.env['PATH']) === null) {
    return 'this is neither Debian nor Ubuntu, the systems it could be installed on';
  }
  return null;
}

/** Debian, Ubuntu and what descends from them, by the text of /etc/os-release. */
export function isDebianLike(osRelease: string): boolean {
  return /^ID(_LIKE)?="?([a-z]+ )*(debian|ubuntu)\b/m.test(osRelease);
}

function readOsRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}

async function install(options: EnsureOptions): Promise<void> {
  const apt = findProgram('apt-get', options.env['PATH']) ?? 'apt-get';
  const env = { ...options.env, DEBIAN_FRONTEND: 'noninteractive' };
  const args = ['install', '-y', '--no-install-recommends', ...SLURM_PACKAGES];
  options.announce(`Slurm is missing here; installing it: apt-get ${args.join(' ')}`);
  options.announce('(set MUSTER_NO_INSTALL=1 to use the built-in model of Slurm instead)');
  const before = daemons();
  if (!hasPackageLists()) await run(apt, ['update'], { env, timeoutMs: INSTALL_LIMIT_MS });
  try {
    await run(apt, args, { env, timeoutMs: INSTALL_LIMIT_MS });
  } catch {
    // Package lists grow old: files they name are gone from the mirror. With new ones the second try stands.
    await run(apt, ['update'], { env, timeoutMs: INSTALL_LIMIT_MS });
    await run(apt, args, { env, timeoutMs: INSTALL_LIMIT_MS });
  }
  const started = daemons().filter((name) => !before.includes(name));
  if (started.length > 0) {
    options.announce(
      `The packages started ${started.join(' and ')} as services. The lab leaves them alone and runs its own.`,
    );
  }
}

function hasPackageLists(): boolean {
  try {
    return readdirSync('/var/lib/apt/lists').some((name) => /_Packages/.test(name));
  } catch {
    return false;
  }
}

/** Which of the packages' daemons run on this machine. */
function daemons(): readonly string[] {
  const names = new Set<string>();
  for (const pid of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(pid)) continue;
    try {
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      if (['slurmctld', 'slurmd', 'munged'].includes(name)) names.add(name);
    } catch {
      // It has ended meanwhile.
    }
  }
  return [...names];
}
