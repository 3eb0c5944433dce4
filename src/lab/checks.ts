/** Small questions that scenarios ask about a view of the world. Pure. */
import type { JobStatus } from '../ports/slurm-commands.ts';
import { equals, holds } from './phase.ts';
import type { Check, View } from './phase.ts';

/** Up and in nobody's hands: booted, registered, and no job on it. */
export function isIdle(state: string): boolean {
  return state === 'idle';
}

/** Registered with Slurm, whether a job has it or not. */
export function isUp(state: string): boolean {
  return /^(idle|alloc|mix|comp)$/.test(state);
}

/** Asked for and not registered yet. */
export function isPoweringUp(state: string): boolean {
  return state.endsWith('#');
}

/** Given back: asked to power down, powering down, or powered down. */
export function isGivenBack(state: string): boolean {
  return /[!%~]$/.test(state);
}

/** How many nodes are in a state of that kind. */
export function nodeCountOf(view: View, kind: (state: string) => boolean): number {
  return view.nodes.filter((node) => kind(node.state)).length;
}

export function nodesAre(view: View, want: number, kind: (state: string) => boolean): Check {
  const saw = view.nodes.filter((node) => kind(node.state)).length;
  return holds(
    saw === want,
    String(want),
    saw === want ? String(saw) : `${saw} (${stateSummary(view)})`,
  );
}

/** Such as `106 idle, 94 down%`. */
export function stateSummary(view: View): string {
  const counts = new Map<string, number>();
  for (const node of view.nodes) counts.set(node.state, (counts.get(node.state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

/** A job by its id; throws when Slurm does not know it any more. */
export function jobOf(view: View, id: string): JobStatus {
  const job = view.jobs.find((one) => one.id === id);
  if (job === undefined) throw new Error(`Slurm does not know job ${id}`);
  return job;
}

export function jobIs(view: View, id: string, ...states: readonly JobStatus['state'][]): Check {
  const job = view.jobs.find((one) => one.id === id);
  const saw = job === undefined ? 'unknown to Slurm' : describeJob(job);
  return holds(job !== undefined && states.includes(job.state), states.join(' or '), saw);
}

/** Such as `PENDING (BeginTime)` or `RUNNING on 4 nodes`. */
export function describeJob(job: JobStatus): string {
  if (job.state === 'PENDING') return `PENDING (${job.reason})`;
  const where = job.nodes.length === 0 ? '' : ` on ${job.nodes.length} nodes`;
  return `${job.state}${where}`;
}

export function launchedAre(view: View, want: number): Check {
  return equals(want, view.launched.length);
}

export function aliveAre(view: View, want: number): Check {
  return equals(want, view.alive.length);
}

/** At least one picture of sinfo has a line that matches, such as `200 idle!`. */
export function sinfoShowed(view: View, want: string, line: RegExp): Check {
  const found = view.sinfo.some((picture) => picture.split('\n').some((one) => line.test(one)));
  const last = view.sinfo.at(-1) ?? '';
  return holds(
    found,
    want,
    found ? 'shown' : `not in ${view.sinfo.length} pictures; the last one:\n${last}`,
  );
}

export function logHas(view: View, want: string, line: RegExp): Check {
  const found = view.log.find((one) => line.test(one));
  return holds(
    found !== undefined,
    want,
    found ?? `no such line in ${view.log.length} lines of muster's log`,
  );
}
