/**
 * Slurm as the effect runner needs it. One implementation runs `scontrol` and `squeue` (`adapters/slurm`), one is the
 * model (`sim/`).
 */
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
export interface SchedulerNode {
  readonly node: string;
  /** `saved` ~, `powering-up` #, `up`, `down-wanted` !, `powering-down` %. */
  readonly power: 'saved' | 'powering-up' | 'up' | 'down-wanted' | 'powering-down';
  readonly isDown: boolean;
  /** No job is put there any more, by muster's hand or an administrator's. */
  readonly isDrained: boolean;
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

export interface Scheduler {
  /** `scontrol show config`. Rejects with SchedulerError. */
  readConfig(): Promise<SchedulerConfig>;
  /** Those of these jobs that Slurm still knows, whatever their state. Rejects with SchedulerError. */
  listJobs(jobIds: readonly number[]): Promise<readonly SchedulerJob[]>;
  /** Every job that has nodes: configuring, running, suspended, completing. Rejects with SchedulerError. */
  listAllocatedJobs(): Promise<readonly SchedulerJob[]>;
  /** Those of these nodes that Slurm knows. Rejects with SchedulerError. */
  listNodes(nodes: readonly string[]): Promise<readonly SchedulerNode[]>;
  /** Changes a job that is pending. Rejects with SchedulerError: not transient for a job that is gone. */
  updateJob(jobId: number, change: JobChange): Promise<void>;
  /** `state=drain reason=...`: no new job lands on the nodes. Rejects with SchedulerError. */
  drainNodes(nodes: readonly string[], reason: string): Promise<void>;
  /** `state=resume`: nodes that are down and powered down may be used at once. Rejects with SchedulerError. */
  resumeNodes(nodes: readonly string[]): Promise<void>;
  /** `state=undrain`. Rejects with SchedulerError. */
  undrainNodes(nodes: readonly string[]): Promise<void>;
  /** `scontrol update nodename=... nodeaddr=... nodehostname=...`. Rejects with SchedulerError. */
  assignNodes(addresses: readonly NodeAddress[]): Promise<void>;
  /** `state=down reason=...`: the nodes' jobs go back to the queue (or end, when they may not). Rejects with SchedulerError. */
  downNodes(nodes: readonly string[], reason: string): Promise<void>;
  /** `state=power_down_force`: the nodes become usable again after SuspendTimeout. Rejects with SchedulerError. */
  powerDownNodes(nodes: readonly string[]): Promise<void>;
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
