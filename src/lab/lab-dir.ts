/**
 * The lab's one directory: where everything of a lab lives, who owns it, and how it is cleaned.
 *
 * `lab.json` is written before anything is started and names the lab's random id; `down`, from any process and after
 * any crash, needs nothing else. A directory is removed only when this file says that a lab made it.
 * The directory itself knows nothing of Slurm.
 */
import { randomUUID } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { z } from 'zod';
import { BadUsage } from './bad-usage.ts';
import { endProcesses, isAlive, markOf, processesOfLab } from './processes.ts';
import type { ProcessMark } from './processes.ts';

export const DEFAULT_LAB_DIR = '/var/tmp/muster-lab';

const markSchema = z.object({ pid: z.number().int().positive(), startTime: z.string() });
const stateSchema = z.object({
  format: z.literal('muster-lab-1'),
  labId: z.string().min(1),
  /** The process that holds the lab; null once `lab up` has left it running on its own. */
  holder: markSchema.nullable(),
  processes: z.array(markSchema.extend({ role: z.string() })),
});

export type LabState = z.infer<typeof stateSchema>;

export interface LabPaths {
  readonly root: string;
  readonly state: string;
  readonly scripts: string;
  /** Copies of muster's hooks: SlurmUser may not be allowed to enter the checkout. */
  readonly hooks: string;
  /** What an instance has: muster-node, its PATH's first folder, and what each writes. */
  readonly instance: string;
  readonly munge: string;
  readonly slurm: string;
  readonly slurmConf: string;
  readonly nodes: string;
  readonly config: string;
  /** MUSTER_STATE_DIR, MUSTER_RUN_DIR and MUSTER_LOG_DIR of the lab's muster. */
  readonly musterState: string;
  readonly musterRun: string;
  readonly musterLog: string;
  /** What each process printed, by role. */
  readonly output: string;
  /** With a Slurm in a mount namespace (slurm-root.ts): its programs, under their own names, to be run from here. */
  readonly programs: string;
  /** Its /etc/hosts. */
  readonly hosts: string;
  /** Where the system of another folder stands for the lab's processes; empty for all others. */
  readonly slurmRoot: string;
  readonly slurmRootTop: string;
}

export function labPaths(labDir: string): LabPaths {
  const root = normalize(labDir).replace(/\/+$/, '');
  return {
    root,
    state: join(root, 'lab.json'),
    scripts: join(root, 'bin'),
    hooks: join(root, 'hooks'),
    instance: join(root, 'instance'),
    munge: join(root, 'munge'),
    slurm: join(root, 'slurm'),
    slurmConf: join(root, 'slurm', 'slurm.conf'),
    // Short: it is part of the path of a socket, which the kernel bounds (real-slurm.ts).
    nodes: join(root, 'n'),
    config: join(root, 'config'),
    musterState: join(root, 'muster', 'state'),
    musterRun: join(root, 'muster', 'run'),
    musterLog: join(root, 'muster', 'log'),
    output: join(root, 'output'),
    programs: join(root, 'programs'),
    hosts: join(root, 'hosts'),
    slurmRoot: join(root, 'root'),
    slurmRootTop: join(root, 'root', 'top'),
  };
}

/** The directory to use: the option, else MUSTER_LAB_DIR, else the customary one. */
export function chooseLabDir(option: string | undefined, env: NodeJS.ProcessEnv): string {
  const chosen = option ?? env['MUSTER_LAB_DIR'] ?? DEFAULT_LAB_DIR;
  if (!isPlainPath(chosen) || normalize(chosen) === '/') {
    throw new BadUsage(
      `the lab directory must be an absolute path of letters, digits, ".", "_" and "-", not "${chosen}"; nothing was touched`,
    );
  }
  return chosen;
}

/** An absolute path that may stand in a script and in mount's options as it is. */
export function isPlainPath(path: string): boolean {
  return isAbsolute(path) && /^[A-Za-z0-9/._-]+$/.test(path);
}

/**
 * Takes the directory for a new lab; leftovers of a crashed one are cleaned first.
 * Rejects when another lab lives in it, or when it holds something that no lab made. `muster` is how the person calls it.
 */
export async function claimLabDir(paths: LabPaths, muster = 'muster'): Promise<LabState> {
  const before = readLabState(paths);
  if (before !== null) {
    const alive = livingMarks(before);
    // Processes without the lab that held them are what a crash left behind.
    const isCrashed = before.holder !== null && !isAlive(before.holder);
    if (alive.length > 0 && !isCrashed) {
      throw new Error(
        `a lab is already up in ${paths.root} (processes ${alive.map((mark) => mark.pid).join(' ')}). ` +
          `Take it down with "${muster} lab down --lab-dir ${paths.root}", or give this one a directory of its own with --lab-dir.`,
      );
    }
    await removeLab(paths);
  }
  try {
    mkdirSync(paths.root, { recursive: true, mode: 0o755 });
  } catch (error: unknown) {
    throw new Error(`cannot make the lab directory ${paths.root}: ${String(error)}`, {
      cause: error,
    });
  }
  assertOurs(paths.root);
  const strangers = readdirSync(paths.root);
  if (strangers.length > 0) {
    throw new Error(
      `${paths.root} is not empty and no lab made it (it has no lab.json; first entry: "${strangers[0]}"). ` +
        'Nothing in it was touched. Name an empty or new directory with --lab-dir.',
    );
  }
  const state: LabState = {
    format: 'muster-lab-1',
    labId: randomUUID(),
    holder: markOf(process.pid),
    processes: [],
  };
  // Exclusive: of two labs that start in one moment the second one fails here.
  writeFileSync(paths.state, JSON.stringify(state), { flag: 'wx', mode: 0o644 });
  return state;
}

/** Reads lab.json; null where there is none. Throws when the file is there but is not a lab's, or not ours. */
export function readLabState(paths: LabPaths): LabState | null {
  let text: string;
  try {
    text = readFileSync(paths.state, 'utf8');
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`cannot read ${paths.state}: ${String(error)}`, { cause: error });
  }
  assertOurs(paths.root);
  const parsed = stateSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new Error(
      `${paths.state} is not a lab's state file. Nothing was touched; look at the directory and remove it by hand.`,
    );
  }
  return parsed.data;
}

export function writeLabState(paths: LabPaths, state: LabState): void {
  const next = `${paths.state}.next`;
  writeFileSync(next, JSON.stringify(state), { mode: 0o644 });
  renameSync(next, paths.state);
}

/** Remembers a process of the lab. */
export function rememberProcess(paths: LabPaths, role: string, mark: ProcessMark): void {
  const state = readLabState(paths);
  if (state === null)
    throw new Error(`the lab in ${paths.root} was taken down while it was starting`);
  writeLabState(paths, { ...state, processes: [...state.processes, { role, ...mark }] });
}

/** The lab runs on without the process that made it. */
export function releaseHold(paths: LabPaths): void {
  const state = readLabState(paths);
  if (state !== null) writeLabState(paths, { ...state, holder: null });
}

/** From SIGTERM to SIGKILL: slurmctld saves its state, the simulator ends its instances; neither is needed any more. */
const MAKERS_GRACE_MS = 3_000;
const OTHERS_GRACE_MS = 2_000;

/** Each look finds what was started during the one before; a lab whose makers are gone is empty after one or two. */
const ROUNDS_MAX = 20;

/** Ends every process of the lab in `paths` and removes its directory. Resolves to whether there was one. */
export async function removeLab(paths: LabPaths): Promise<boolean> {
  if (!(await endLab(paths))) return false;
  rmSync(paths.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  return true;
}

/**
 * Ends every process of the lab and leaves its files; the next lab in the directory, or `removeLab`, removes them.
 * The makers of new processes end first (slurmctld, the simulator), then what is left, until a look finds nothing.
 */
export async function endLab(paths: LabPaths): Promise<boolean> {
  const state = readLabState(paths);
  if (state === null) return false;
  // Found before anything ends: the processes of a job are known by their parents.
  let left = processesOfLab(state.labId, paths.root);
  const makers = livingMarks(state).filter((mark) => mark.pid !== process.pid);
  await endProcesses(makers, MAKERS_GRACE_MS);
  for (let round = 0; round < ROUNDS_MAX && left.length > 0; round += 1) {
    await endProcesses(left, round === 0 ? OTHERS_GRACE_MS : 0);
    left = processesOfLab(state.labId, paths.root);
  }
  return true;
}

function livingMarks(state: LabState): readonly ProcessMark[] {
  const holder = state.holder === null ? [] : [state.holder];
  return [...holder, ...state.processes].filter(isAlive);
}

/** The default directory's parent is open to everyone: what another user put there is not followed. */
function assertOurs(root: string): void {
  const stat = lstatSync(root);
  if (!stat.isDirectory()) throw new Error(`${root} is not a directory (links are not followed)`);
  if (stat.uid !== process.getuid?.()) {
    throw new Error(
      `${root} belongs to user ${stat.uid}, not to you. Nothing in it was touched; name another directory with --lab-dir.`,
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
