/**
 * Slurm as the effect runner needs it. One implementation runs `scontrol` and `squeue` (`adapters/slurm`), one is the
 * model (`sim/`).
 */
import type { NodeState } from '../core/node-state.ts';
import type { DurationMs, Instant } from '../core/units.ts';
import type { JobState } from './slurm-commands.ts';

/** Which instance answers for a node from now on. */
export interface NodeAddress {
  readonly node: string;
  readonly address: string;
  readonly hostname: string;
}

/** A job as Slurm tells it. */
export interface SchedulerJob {
  readonly jobId: number;
  /** The leader's id, for the leader too; null for a job that is not heterogeneous. */
  readonly hetJobId: number | null;
  readonly state: JobState;
  /** Slurm's own word for why it waits, such as `BeginTime`. */
  readonly reason: string;
  readonly partition: string;
  /** Nodes allocated, expanded; empty while none are. */
  readonly nodes: readonly string[];
  readonly priority: number | null;
  /** How often Slurm has requeued it. */
  readonly restarts: number;
  /** `sbatch --comment`, and what stands in AdminComment; empty where there is none. */
  readonly comment: string;
  readonly adminComment: string;
  /** `sbatch --extra` (23.02 and later); empty where there is none. */
  readonly extra: string;
}

/** A node as Slurm tells it. */
export interface SchedulerNode extends NodeState {
  readonly node: string;
  /** What an administrator, muster or Slurm gave as the reason why it is down, drained or failing; empty without one. */
  readonly reason: string;
}

/** A partition as Slurm tells it. */
export interface SchedulerPartition {
  readonly name: string;
  /** It takes jobs and starts them; false for one that is inactive, down or drained. */
  readonly isUp: boolean;
  /** Expanded; those that Slurm shows. */
  readonly nodes: readonly string[];
}

/** What `scontrol update jobid=` is asked to change; what is absent stays. */
export interface JobChange {
  /** Not before this moment. */
  readonly startAt?: Instant;
  /** `admin`: only an administrator can release it; `user`: its owner can. */
  readonly hold?: 'admin' | 'user';
  /** The whole AdminComment. */
  readonly adminComment?: string;
}

/** What slurm.conf says that muster must know. */
export interface SchedulerConfig {
  readonly version: string;
  readonly resumeTimeoutMs: DurationMs;
  readonly suspendTimeoutMs: DurationMs;
  /** Nodes a minute; 0 for no limit. */
  readonly resumeRate: number;
}

/**
 * What changes Slurm runs one call after the other. `waitsMs`: how long a call may wait for its turn; one that waited longer
 * is not made and rejects, transient: whom the nodes serve may have changed since it was decided.
 */
export interface Scheduler {
  /** `scontrol show config`. Rejects with SchedulerError. */
  readConfig(): Promise<SchedulerConfig>;
  /** Those of these jobs that Slurm still knows, whatever their state. Rejects with SchedulerError. */
  listJobs(jobIds: readonly number[]): Promise<readonly SchedulerJob[]>;
  /** Every job that has nodes: configuring, running, suspended, completing. Rejects with SchedulerError. */
  listAllocatedJobs(): Promise<readonly SchedulerJob[]>;
  /** Those of these nodes that Slurm knows. Rejects with SchedulerError. */
  listNodes(nodes: readonly string[]): Promise<readonly SchedulerNode[]>;
  /**
   * Every cloud node of the cluster that is in a partition, once; one process whatever their number. Rejects with
   * SchedulerError.
   */
  listFleet(): Promise<readonly SchedulerNode[]>;
  /** Every partition, hidden ones too. Rejects with SchedulerError. */
  listPartitions(): Promise<readonly SchedulerPartition[]>;
  /**
   * `state=up`, or `state=inactive`: no job may be submitted to it and none of it starts; those that run go on. A process a
   * partition: Slurm takes no list. Rejects with SchedulerError.
   */
  setPartitions(names: readonly string[], isUp: boolean): Promise<void>;
  /** Changes a job that is pending. Rejects with SchedulerError: not transient for a job that is gone. */
  updateJob(jobId: number, change: JobChange): Promise<void>;
  /** `scontrol release`: a held job may start; it stands last in its queue then, held or not. Rejects with SchedulerError. */
  releaseJob(jobId: number): Promise<void>;
  /** `state=drain reason=...`: no new job lands on the nodes. Rejects with SchedulerError. */
  drainNodes(nodes: readonly string[], reason: string, waitsMs?: DurationMs): Promise<void>;
  /** `state=resume`: nodes that are down and powered down may be used at once. Rejects with SchedulerError. */
  resumeNodes(nodes: readonly string[]): Promise<void>;
  /** `state=undrain`. Rejects with SchedulerError. */
  undrainNodes(nodes: readonly string[]): Promise<void>;
  /** `scontrol update nodename=... nodeaddr=... nodehostname=...`. Rejects with SchedulerError. */
  assignNodes(addresses: readonly NodeAddress[]): Promise<void>;
  /** `state=down reason=...`: the nodes' jobs go back to the queue (or end, when they may not). Rejects with SchedulerError. */
  downNodes(nodes: readonly string[], reason: string, waitsMs?: DurationMs): Promise<void>;
  /** `state=power_down_force`: the nodes become usable again after SuspendTimeout. Rejects with SchedulerError. */
  powerDownNodes(nodes: readonly string[], waitsMs?: DurationMs): Promise<void>;
  /**
   * `state=power_up`: Slurm calls ResumeProgram for those that are powered down, with no job in its file, and their reasons
   * are gone. A node that is down or drained stays so. One that is powering down is passed over without a word (22.05.8):
   * it is powered down in the end, and nothing powers it up. Rejects with SchedulerError.
   */
  powerUpNodes(nodes: readonly string[]): Promise<void>;
}

/** What scontrol said instead of doing it. `transient`: it may do it later (slurmctld away, time-out). */
export class SchedulerError extends Error {
  readonly transient: boolean;
  constructor(message: string, from: { transient: boolean; cause?: unknown }) {
    super(message, { cause: from.cause });
    this.name = 'SchedulerError';
    this.transient = from.transient;
  }
}
