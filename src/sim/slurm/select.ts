/**
 * Which nodes a job gets, as Slurm's consumable-resource selection chooses them when all nodes weigh the same:
 * nodes that are up (or powering up) before powered-down ones, and among equals the shortest run of neighbouring
 * nodes that holds the rest of the job, or the longest run where none does. Nodes of a run are taken from its start.
 */
import type { JobRecord, NodeRecord, Partition, Pass } from './types.ts';
import { freeCpus, isUnavailable, isUsable } from './world.ts';

/** `never`: the partition is too small; `down`: it would do if nodes were not down; `busy`: later. */
export type Verdict = 'now' | 'busy' | 'down' | 'never';

export type Selection =
  | { readonly kind: 'nodes'; readonly nodes: NodeRecord[] }
  | { readonly kind: 'busy' | 'down' | 'never' };

/** What can be said of a job's start by counting alone. `now` still has to find nodes. */
export function mayStart(job: JobRecord): Verdict {
  const { partition, required } = job;
  const size = wantedCount(job);
  if (size > partition.nodes.length) return 'never';
  if (size > partition.nodes.length - partition.down) return 'down';
  if (required?.some(isUnavailable)) return 'down';
  return hasRoom(job, partition, size) ? 'now' : 'busy';
}

function wantedCount(job: JobRecord): number {
  return Math.max(job.request.nodes, job.required?.length ?? 0);
}

function hasRoom(job: JobRecord, partition: Partition, size: number): boolean {
  if (job.request.exclusive === true) return partition.freeUp + partition.freeSaved >= size;
  return job.request.oversubscribe === true || partition.shareable >= size;
}

/** Chooses nodes for a job; `reserved` ones are kept for jobs before it. */
export function selectNodes(
  job: JobRecord,
  pass: Pass,
  reserved: ReadonlySet<NodeRecord>,
): Selection {
  const verdict = mayStart(job);
  if (verdict !== 'now') return { kind: verdict };
  const required = job.required ?? [];
  const size = wantedCount(job);
  const tiers: NodeRecord[][] = [[], [], []];
  for (const node of job.partition.nodes) {
    if (reserved.has(node) || (pass === 'backfill' && node.isShunned)) continue;
    const tier = tierOf(job, node);
    if (tier !== null) tiers[tier]?.push(node);
  }
  if (!required.every((node) => tiers.some((tier) => tier.includes(node)))) return { kind: 'busy' };
  const nodes =
    job.request.contiguous === true
      ? contiguous(tiers, size, required)
      : spread(tiers, size, required);
  if (nodes === null) return { kind: 'busy' };
  return { kind: 'nodes', nodes: nodes.toSorted((a, b) => a.index - b.index) };
}

/** 0: up or powering up; 1: powered down; 2: full of jobs that share their CPUs; null: not for this job. */
function tierOf(job: JobRecord, node: NodeRecord): 0 | 1 | 2 | null {
  if (!isUsable(node)) return null;
  if (job.request.exclusive === true ? node.jobs.size === 0 : freeCpus(node) > 0) {
    return node.power === 'saved' && node.jobs.size === 0 ? 1 : 0;
  }
  if (job.request.exclusive === true || job.request.oversubscribe !== true) return null;
  for (const other of node.jobs) {
    if (other.request.exclusive === true || other.request.oversubscribe !== true) return null;
  }
  return 2;
}

function spread(tiers: readonly NodeRecord[][], size: number, required: readonly NodeRecord[]) {
  const chosen = new Set(required);
  for (const tier of tiers) {
    const runs = runsOf(tier.filter((node) => !chosen.has(node)));
    while (chosen.size < size && runs.length > 0) {
      const [run = []] = runs.splice(bestFit(runs, size - chosen.size), 1);
      for (const node of run.slice(0, size - chosen.size)) chosen.add(node);
    }
  }
  return chosen.size < size ? null : [...chosen];
}

/** The index of the shortest run that is long enough, else of the longest. */
function bestFit(runs: readonly NodeRecord[][], size: number): number {
  let best = 0;
  for (const [index, { length }] of runs.entries()) {
    const { length: bestLength } = runs[best] ?? [];
    if (bestLength === undefined) continue;
    const isEnough = length >= size;
    if (bestLength >= size ? isEnough && length < bestLength : length > bestLength) best = index;
  }
  return best;
}

function runsOf(nodes: readonly NodeRecord[]): NodeRecord[][] {
  const runs: NodeRecord[][] = [];
  let last: NodeRecord | null = null;
  for (const node of nodes) {
    if (last !== null && node.index === last.index + 1) runs.at(-1)?.push(node);
    else runs.push([node]);
    last = node;
  }
  return runs;
}

function contiguous(tiers: readonly NodeRecord[][], size: number, required: readonly NodeRecord[]) {
  for (let tier = 0; tier < tiers.length; tier += 1) {
    const pool = tiers
      .slice(0, tier + 1)
      .flat()
      .toSorted((a, b) => a.index - b.index);
    const runs = runsOf(pool).filter((run) => run.length >= size);
    const fitting = runs.filter((run) => required.every((node) => run.includes(node)));
    const run = fitting[bestFit(fitting, size)];
    if (run === undefined) continue;
    const last = required.reduce((most, node) => Math.max(most, run.indexOf(node)), 0);
    const from = Math.max(0, last - size + 1);
    const nodes = run.slice(from, from + size);
    if (required.every((node) => nodes.includes(node))) return nodes;
  }
  return null;
}
