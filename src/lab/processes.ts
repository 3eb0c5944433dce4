/**
 * Processes of the lab: started in a session of their own, remembered by pid and start time, and ended only after
 * both have been checked, because the kernel gives a pid to another process as soon as it is free.
 *
 * A second mark covers what is started by others (the nodes' slurmd, jobs, hooks) and what was started in the moment before
 * a crash: every process of a lab inherits MUSTER_LAB_ID with that lab's own random id, readable in /proc/PID/environ.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that cannot be mistaken for another: `startTime` is field 22 of /proc/PID/stat, in clock ticks since boot. */
export interface ProcessMark {
  readonly pid: number;
  readonly startTime: string;
}

export const LAB_ID_VARIABLE = 'MUSTER_LAB_ID';

interface Stat {
  readonly parent: number;
  readonly startTime: string;
}

/** Null when there is no such process; one that is a zombie has ended, too. */
function readStat(pid: number): Stat | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The command name is in parentheses and may hold spaces and parentheses itself: fields count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent] = fields;
  const startTime = fields[19];
  if (state === 'Z' || state === 'X' || startTime === undefined) return null;
  return { parent: Number(parent), startTime };
}

/** The start time of a living process; null when there is none. */
export function startTimeOf(pid: number): string | null {
  return readStat(pid)?.startTime ?? null;
}

export function markOf(pid: number): ProcessMark | null {
  const startTime = startTimeOf(pid);
  return startTime === null ? null : { pid, startTime };
}

export function isAlive(mark: ProcessMark): boolean {
  return startTimeOf(mark.pid) === mark.startTime;
}

/** Sends a signal to exactly this process; false when it has ended. */
export function signal(mark: ProcessMark, name: NodeJS.Signals): boolean {
  if (!isAlive(mark)) return false;
  try {
    process.kill(mark.pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Asks the processes to end and, after `graceMs`, ends them. Resolves when none is left; rejects with the pids that survive. */
export async function endProcesses(marks: readonly ProcessMark[], graceMs: number): Promise<void> {
  for (const mark of marks) signal(mark, 'SIGTERM');
  if (await allEnded(marks, graceMs)) return;
  for (const mark of marks) signal(mark, 'SIGKILL');
  if (await allEnded(marks, 5_000)) return;
  const left = marks.filter(isAlive).map((mark) => mark.pid);
  throw new Error(`these processes of the lab could not be ended: ${left.join(' ')}`);
}

/** Ends a process as `kill -9` does. Resolves when it is gone. */
export async function killProcess(mark: ProcessMark): Promise<void> {
  signal(mark, 'SIGKILL');
  while (isAlive(mark)) await sleep(10);
}

async function allEnded(marks: readonly ProcessMark[], withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (marks.some(isAlive)) {
    if (performance.now() >= deadline) return false;
    await sleep(25);
  }
  return true;
}

/**
 * The living processes of a lab, except this one: those that carry its id in their environment, slurmstepd processes
 * (which overwrite their environment with a title) that hold a file of the lab's directory open, and the descendants of
 * both: a job's processes have the environment of whoever submitted it.
 */
export function processesOfLab(labId: string, labDir: string): readonly ProcessMark[] {
  const marks = new Map<number, ProcessMark>();
  const children = new Map<number, number[]>();
  const found = new Set<number>();
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name) || name === String(process.pid)) continue;
    const pid = Number(name);
    // Taken before the look: if the pid changes hands in between, the mark no longer fits and nothing is ended.
    const stat = readStat(pid);
    if (stat === null) continue;
    marks.set(pid, { pid, startTime: stat.startTime });
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid]);
    if (carriesId(pid, labId) || isStepOf(pid, labDir)) found.add(pid);
  }
  // A set is walked with what is added on the way.
  for (const pid of found) for (const child of children.get(pid) ?? []) found.add(child);
  return [...found].flatMap((pid) => marks.get(pid) ?? []);
}

function carriesId(pid: number, labId: string): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
    return environment.split('\0').includes(`${LAB_ID_VARIABLE}=${labId}`);
  } catch {
    return false;
  }
}

function isStepOf(pid: number, labDir: string): boolean {
  try {
    // Debian's program has its name behind a link: slurmstepd-wlm.
    if (!/\/slurmstepd(-[a-z]+)?$/.test(readlinkSync(`/proc/${pid}/exe`))) return false;
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(`${labDir}/`);
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
