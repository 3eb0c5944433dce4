/**
 * What the model of Slurm is made of: its settings, the hooks it calls, and the records of nodes and jobs.
 * Records are mutable and belong to one model; nothing outside `src/sim/slurm/` changes them.
 */
import type { NodePower } from '../../core/node-state.ts';
import type { DurationMs, Instant } from '../../core/units.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobRequest, JobState } from '../../ports/slurm-commands.ts';

/** Which Slurm the resume file is written like. */
export type ResumeFileShape = '22.05' | '23.02' | '26.05';

/** slurm.conf's words where it has them, in milliseconds. */
export interface SlurmModelSettings {
  readonly suspendTimeMs: DurationMs;
  readonly suspendTimeoutMs: DurationMs;
  readonly resumeTimeoutMs: DurationMs;
  /** Nodes resumed a minute; 0 for no limit. */
  readonly resumeRate: number;
  /** `AuthInfo=cred_expire`: a requeued job waits this and one second more. */
  readonly credExpireMs: DurationMs;
  /** How long a node may be silent before it is down. */
  readonly slurmdTimeoutMs: DurationMs;
  /** How long an ended job is remembered. */
  readonly minJobAgeMs: DurationMs;
  /** slurmctld's main loop: the longest wait from a reason to schedule to the pass over the queue. */
  readonly mainLoopIntervalMs: DurationMs;
  /** The pass over the queue that needs no reason (`sched_interval`). */
  readonly scheduleIntervalMs: DurationMs;
  /** The backfill scheduler's pass (`bf_interval`), which needs no reason either. */
  readonly backfillIntervalMs: DurationMs;
  /** How often slurmctld looks whether the nodes of a CONFIGURING job are all there. */
  readonly jobStartIntervalMs: DurationMs;
  /** The power-save thread's wait when a node has changed since its last look. */
  readonly powerSaveMinIntervalMs: DurationMs;
  /** Its wait when none has (`power_save_interval`). */
  readonly powerSaveIntervalMs: DurationMs;
  /** How long nodes with a living slurmd are `comp` after their job was killed before it ran. */
  readonly completingMs: DurationMs;
  readonly resumeFileShape: ResumeFileShape;
}

/** Slurm's own defaults (22.05), but for SuspendTime, which Slurm leaves off. */
export const defaultSlurmModelSettings: SlurmModelSettings = {
  suspendTimeMs: 600_000,
  suspendTimeoutMs: 30_000,
  resumeTimeoutMs: 60_000,
  resumeRate: 300,
  credExpireMs: 120_000,
  slurmdTimeoutMs: 300_000,
  minJobAgeMs: 300_000,
  mainLoopIntervalMs: 1_000,
  scheduleIntervalMs: 60_000,
  backfillIntervalMs: 30_000,
  jobStartIntervalMs: 30_000,
  powerSaveMinIntervalMs: 1_000,
  powerSaveIntervalMs: 10_000,
  completingMs: 11_000,
  resumeFileShape: '22.05',
};

/** The programs that slurmctld calls. They are called synchronously and must not call the model back. */
export interface SlurmModelHooks {
  /** `resumeFile` is the text of SLURM_RESUME_FILE. */
  resume(hostlist: string, resumeFile: string): void;
  suspend(hostlist: string): void;
  resumeFail(hostlist: string): void;
}

export interface SlurmModelNode {
  readonly name: string;
  readonly partitions: readonly string[];
  /** CPUs; a job that is not exclusive takes one on each of its nodes. 4 where it is not given. */
  readonly cpus?: number;
  /** Named in SuspendExcNodes: it is never powered down for being idle. It starts powered down all the same. */
  readonly isKept?: boolean;
}

/** Who makes the pass over the queue. */
export type Pass = 'main' | 'backfill';

export interface SlurmModelOptions {
  readonly clock: Clock;
  /** In slurm.conf's order; all are cloud nodes and start powered down. */
  readonly nodes: readonly SlurmModelNode[];
  /** Partitions in slurm.conf's order; the first one is the default (`*` in sinfo). */
  readonly partitions: readonly string[];
  readonly settings?: Partial<SlurmModelSettings>;
  readonly hooks: SlurmModelHooks;
}

export interface NodeRecord {
  readonly index: number;
  readonly name: string;
  readonly partitions: readonly Partition[];
  readonly cpus: number;
  readonly isKept: boolean;
  power: NodePower;
  /** It is powered down, or powers up, somebody has asked for it by hand, and the power-save thread has not looked yet. */
  isUpWanted: boolean;
  isDown: boolean;
  /** Its slurmd does not answer, never registered within ResumeTimeout, or has yet to be heard of after an undrain. */
  isSilent: boolean;
  /** It was set down and has not registered since: the backfill scheduler passes it over, the main one does not. */
  isShunned: boolean;
  /** It takes no new job. */
  isDrained: boolean;
  /** Jobs that have it, in order of allocation. */
  readonly jobs: Set<JobRecord>;
  /** Jobs that were killed on it and that its slurmd is still clearing away. */
  completing: number;
  reason: string;
  /** When the power-save thread asked for its power-up. */
  bootRequestedAt: Instant;
  powerDownAt: Instant;
  lastBusyAt: Instant;
}

export interface Partition {
  readonly name: string;
  /** By index, ascending. */
  readonly nodes: NodeRecord[];
  /** False: inactive. */
  isUp: boolean;
  /** Nodes that a job may take whole now, by whether it must power them up. */
  freeUp: number;
  freeSaved: number;
  /** Nodes that a job which shares may take. */
  shareable: number;
  /** Nodes that are down, drained, silent or powering down. */
  down: number;
}

/** An array while tasks of it wait. */
export interface ArrayRecord {
  readonly id: number;
  waiting: number;
}

/** A heterogeneous job: jobs with numbers of their own that start, end and go back to the queue as one. */
export interface HetRecord {
  /** The leader first; its id is the whole job's. */
  readonly components: JobRecord[];
}

/** Who may let a held job go: `admin`, only an administrator; `user`, its owner too. */
export type Hold = 'admin' | 'user';

export interface JobRecord {
  /** Slurm's number; a task of an array that has not started yet has its array's. */
  id: number;
  readonly array: ArrayRecord | null;
  readonly task: number;
  readonly het: HetRecord | null;
  /** `12`, `12_3`, or `12+1` for the second component of a heterogeneous job. */
  readonly label: string;
  /** Its place in the queue: the order of submission, or of the last release. */
  order: number;
  readonly request: JobRequest;
  readonly partition: Partition;
  /** The nodes of `--nodelist`; null without it. */
  readonly required: readonly NodeRecord[] | null;
  state: JobState;
  reason: string;
  hold: Hold | null;
  /** How often it has gone back to the queue. */
  restarts: number;
  /** What an administrator, or muster, wrote on it. */
  adminComment: string;
  beginAt: Instant;
  nodes: NodeRecord[];
  /** Allocated nodes that have not registered since. */
  awaited: number;
  allocatedAt: Instant;
  endedAt: Instant;
  /** It was cancelled while it was cleared away to go back to the queue: it ends instead. */
  isCancelled: boolean;
  /** Cancels what is scheduled for it: its end, or the end of its clearing away. */
  cancelTimer: (() => void) | null;
}
