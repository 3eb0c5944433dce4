/**
 * Jobs over nodes: when a node of a running job is lost, Slurm sends the job back to the queue and leaves its other nodes up.
 * They are kept for its next try, which then needs only what is missing, or let go with it: nothing idles until SuspendTime
 * for a job that will not come. Pure: what the looks at Slurm say of such jobs.
 */
import type { SeenNode } from './fleet-facts.ts';
import type { State } from './state.ts';
import { parseNodeName } from './node-name.ts';
import type { DurationMs, Instant } from './units.ts';

/** What is left of a job's nodes. */
export interface Survivors {
  /** The leader's id for a heterogeneous job. */
  readonly jobId: number;
  readonly nodes: readonly SurvivingNode[];
  /** While its job waits they are kept until then. */
  keptUntil: Instant;
}

export interface SurvivingNode {
  readonly node: string;
  /** What it held then: the node's next instance is somebody else's. */
  readonly instanceId: string;
}

/** How long they are kept for a job that waits: longer than Slurm's own wait (`cred_expire`), should that not be cut short. */
export const keptForMs: DurationMs = 180_000;

/** A job as the looks see it. */
export interface WorkingJob {
  readonly jobId: number;
  readonly hetJobId: number | null;
  readonly state: string;
  readonly nodes: readonly string[];
}

export interface StruckJob {
  readonly jobId: number;
  readonly lost: readonly string[];
  /** Of the others, which were up when it was seen, those that muster may let go. */
  readonly left: readonly string[];
  readonly isHeterogeneous: boolean;
}

/**
 * Of the jobs that ran at the last look, those that have lost a node since and either have others left that muster may let
 * go, or are heterogeneous: these nobody else wakes.
 */
export function struckJobs(
  state: State,
  before: readonly WorkingJob[],
  nodes: readonly SeenNode[],
): StruckJob[] {
  if (state.settings.mode !== 'job' || before.length === 0) return [];
  const byName = new Map(nodes.map((each) => [each.node, each]));
  const isLost = (name: string): boolean => {
    const seen = byName.get(name);
    return seen !== undefined && (seen.isDown || seen.power !== 'up');
  };
  const struck = new Map<number, { lost: string[]; left: string[]; isHeterogeneous: boolean }>();
  for (const { jobId, hetJobId, nodes: own } of before) {
    const id = hetJobId ?? jobId;
    const job = struck.get(id) ?? { lost: [], left: [], isHeterogeneous: hetJobId !== null };
    for (const name of own) (isLost(name) ? job.lost : job.left).push(name);
    struck.set(id, job);
  }
  return [...struck].flatMap(([jobId, { lost, left, isHeterogeneous }]) => {
    const kept = left.filter((node) => state.leases.has(node) && isDynamic(node));
    // Slurm's backfill pass, which alone starts heterogeneous jobs, does not see that the wait of one is over.
    if (lost.length === 0 || (kept.length === 0 && !isHeterogeneous)) return [];
    return [{ jobId, lost, left: kept, isHeterogeneous }];
  });
}

/** What a job is by then that Slurm sent back to the queue, or ended, because it lost a node; where it may run again already. */
const struckStates: ReadonlySet<string> = new Set([
  'PENDING',
  'CONFIGURING',
  'RUNNING',
  'COMPLETING',
  'NODE_FAIL',
]);

/**
 * Those that Slurm, asked since (`jobs`), does not show otherwise: one that had ended by itself had left its nodes, perhaps to
 * another job, and one that runs there still was not sent back.
 */
export function confirmedStruck(
  struck: readonly StruckJob[],
  jobs: readonly WorkingJob[],
): StruckJob[] {
  return struck.filter(({ jobId, lost }) => {
    const own = jobs.filter((job) => (job.hetJobId ?? job.jobId) === jobId);
    const runsOn = own.some(
      ({ state, nodes }) => state === 'RUNNING' && nodes.some((node) => lost.includes(node)),
    );
    return !runsOn && own.some(({ state }) => struckStates.has(state));
  });
}

/** Those of a static set stay up whatever becomes of a job. */
function isDynamic(node: string): boolean {
  const parsed = parseNodeName(node);
  return parsed.kind === 'ok' && parsed.nodeType === 'dynamic';
}

export interface SurvivorsSettled {
  readonly jobId: number;
  /** `started`: it runs again. `gone`: it will not. `late`: it waits for something else than them. */
  readonly outcome: 'started' | 'gone' | 'late';
  /** On which it runs. */
  readonly taken: readonly string[];
}

/** What has become of the jobs that have survivors; those of which nothing is known yet are left out. */
export function settledSurvivors(
  state: State,
  jobs: readonly WorkingJob[],
  at: Instant,
): SurvivorsSettled[] {
  return [...state.survivors.values()].flatMap(({ jobId, keptUntil }): SurvivorsSettled[] => {
    const own = jobs.filter((job) => (job.hetJobId ?? job.jobId) === jobId);
    const has = (...states: string[]): boolean => own.some((job) => states.includes(job.state));
    // It has nodes again and boots, or is being cleared away: its gang, or Slurm, has a deadline for that.
    if (has('CONFIGURING', 'COMPLETING')) return [];
    if (has('RUNNING'))
      return [{ jobId, outcome: 'started', taken: own.flatMap((job) => job.nodes) }];
    if (!has('PENDING')) return [{ jobId, outcome: 'gone', taken: [] }];
    return at < keptUntil ? [] : [{ jobId, outcome: 'late', taken: [] }];
  });
}
