/**
 * Slurm in a mount namespace of the lab: that of another Debian in a folder, as debootstrap makes one, or this machine's own
 * (the folder `/`) where it needs an /etc/hosts of its own.
 *
 * One process of the lab holds the system there: an overlay of the folder (which is only read) with this machine's /proc and
 * /dev in it, and the lab's directory at the path that it has outside, so that slurm.conf, the hooks and the spool have one name
 * on both sides. Slurm's programs enter by scripts under their own names (nsenter, in place of the script: pids stay),
 * which muster and people call as they call any program.
 *
 * No process outside sees these mounts, and the kernel undoes them with the last process inside: none is left behind, after a
 * crash neither, and removing the folder can never reach this machine's own /dev. It does not make the folder.
 */
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BadUsage } from './bad-usage.ts';
import { waitUntilReady } from './daemons.ts';
import { isPlainPath } from './lab-dir.ts';
import type { LabPaths } from './lab-dir.ts';
import type { ProcessMark } from './processes.ts';
import { findProgram, findProgramIn } from './programs.ts';
import { enterScript, holdScript } from './scripts.ts';
import { SLURM_PACKAGES, SLURM_PROGRAMS, programsBy } from './slurm-programs.ts';
import type { SlurmPrograms } from './slurm-programs.ts';

/**
 * Throws, with what would be right, when the lab cannot run the Slurm of this folder. To be asked before anything is made.
 * `uid` is the caller's user id.
 */
export function checkSlurmRoot(dir: string, uid: number | undefined = process.getuid?.()): void {
  const untouched = 'Nothing was started or changed.';
  if (!isPlainPath(dir)) {
    throw new BadUsage(
      `--slurm-root must be an absolute path of letters, digits, ".", "_", "-" and "/", not "${dir}". ${untouched}`,
    );
  }
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new BadUsage(`--slurm-root: there is no folder ${dir}. ${untouched}`);
  }
  const missing = SLURM_PROGRAMS.filter((name) => findProgramIn(dir, name) === null);
  if (missing.length > 0) {
    throw new BadUsage(
      `--slurm-root: the system in ${dir} has no ${missing.join(', ')}. Install them in it: ` +
        `chroot ${dir} apt-get install --no-install-recommends ${SLURM_PACKAGES.join(' ')}. ${untouched}`,
    );
  }
  if (uid !== 0) {
    throw new Error(
      `--slurm-root needs root, to mount ${dir} for the lab's processes; you are user ${uid ?? 'unknown'}. ${untouched}`,
    );
  }
}

/** Slurm's programs in the system of a folder, by their paths inside. The folder has passed `checkSlurmRoot`. */
export function programsIn(dir: string): SlurmPrograms {
  return programsBy((name) => findProgramIn(dir, name) ?? name);
}

export interface EnterOptions {
  readonly paths: LabPaths;
  readonly dir: string;
  /** Its programs, by their paths inside. */
  readonly inside: SlurmPrograms;
  /** Names that must resolve inside, to this machine. */
  readonly nodeNames: readonly string[];
  startProcess(role: string, program: string, args: readonly string[]): ProcessMark;
}

/** Resolves, when the system stands, to its Slurm's programs as they are run from outside. */
export async function enterSlurmRoot(options: EnterOptions): Promise<SlurmPrograms> {
  const { paths, dir } = options;
  const nsenter = utilLinux('nsenter');
  for (const folder of [paths.programs, paths.slurmRoot]) mkdirSync(folder, { mode: 0o755 });
  writeFileSync(paths.hosts, hostsFile(readHosts(), options.nodeNames), { mode: 0o644 });
  const hold = join(paths.scripts, 'hold-root');
  writeScript(hold, holdScript(paths, dir));
  const holder = options.startProcess('slurm-root', utilLinux('unshare'), [
    '--mount',
    '--propagation=private',
    hold,
  ]);
  await waitUntilReady({
    what: `the process that holds the system of ${dir}`,
    mark: holder,
    limitMs: 10_000,
    ready: () => Promise.resolve(holds(holder)),
    logs: [join(paths.output, 'slurm-root.log')],
  });
  const programs = programsBy((name) => join(paths.programs, name));
  for (const name of SLURM_PROGRAMS) {
    writeScript(programs[name], enterScript(nsenter, holder.pid, options.inside[name]));
  }
  return programs;
}

/** Every node at this machine: slurmctld asks for the address of nodes that are not up. */
export function hostsFile(machine: string, nodeNames: readonly string[]): string {
  const lines = nodeNames.map((name) => `127.0.0.1 ${name}`);
  return `${[machine.trimEnd(), ...lines].join('\n')}\n`;
}

function readHosts(): string {
  try {
    return readFileSync('/etc/hosts', 'utf8');
  } catch {
    return '127.0.0.1 localhost';
  }
}

/** The last thing that the script does, after every mount, is to become this program. */
function holds(mark: ProcessMark): boolean {
  try {
    return readFileSync(`/proc/${mark.pid}/comm`, 'utf8') === 'sleep\n';
  } catch {
    return false;
  }
}

function utilLinux(name: string): string {
  const found = findProgram(name, process.env['PATH']);
  if (found === null) {
    throw new Error(`--slurm-root needs the program ${name} of the package util-linux; not found`);
  }
  return found;
}

function writeScript(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}
