/**
 * Slurm as the person at the terminal uses it: sbatch, scancel, squeue, sinfo, scontrol. The lab's scenarios are written
 * against this; one implementation runs the real commands (`lab/`), one is the model (`sim/slurm/`).
 */

/** One sbatch call. */
export interface JobRequest {
  readonly name?: string;
  readonly partition: string;
  readonly nodes: number;
  /** How long each task of the job runs, in seconds (`--wrap "sleep N"`). */
  readonly seconds: number;
  /** `--array`, such as `1-20`. */
  readonly array?: string;
  readonly exclusive?: boolean;
  readonly contiguous?: boolean;
  /** False: `--no-requeue`. */
  readonly requeue?: boolean;
  /** `--nodelist`: exactly these nodes. */
  readonly nodelist?: string;
  /** `--oversubscribe`: jobs may share nodes. */
  readonly oversubscribe?: boolean;
  /** `--begin`, so many seconds from now; what is less than a second falls away from the moment, not from this. */
  readonly beginAfterSeconds?: number;
  /** `--comment`. */
  readonly comment?: string;
  /** `--extra` (23.02 and later). */
  readonly extra?: string;
  /** `--hold`: it waits until it is released. */
  readonly hold?: boolean;
  /** The further components of a heterogeneous job, with the other words of this one: `sbatch ... : -p P -N n`. */
  readonly het?: readonly { readonly partition: string; readonly nodes: number }[];
}

export type JobState =
  | 'PENDING'
  | 'CONFIGURING'
  | 'RUNNING'
  | 'COMPLETING'
  | 'COMPLETED'
  | 'FAILED'
  | 'NODE_FAIL'
  | 'CANCELLED'
  | 'TIMEOUT';

/** A job or one task of an array, as squeue and scontrol tell it. */
export interface JobStatus {
  /** `12`, `12_3` for a task of an array, or `12+1` for the second component of a heterogeneous job. */
  readonly id: string;
  readonly state: JobState;
  /** Slurm's own word for why it waits, such as `BeginTime` or `Resources`. */
  readonly reason: string;
  /** Nodes allocated, expanded; empty while none are. */
  readonly nodes: readonly string[];
  /** `AdminComment` of `scontrol show job`; empty where there is none. */
  readonly adminComment: string;
}

export interface NodeStatus {
  readonly name: string;
  /** sinfo's compact state with its suffix, such as `idle~`, `alloc#`, `down!`. */
  readonly state: string;
  /** The node's reason, empty when it has none. */
  readonly reason: string;
}

/** What an administrator sets nodes to by hand. */
export type NodeUpdate = 'down' | 'drain' | 'resume' | 'power_up' | 'power_down_force';

export interface SlurmCommands {
  /** `real`, or `model` where no Slurm can be had. */
  readonly kind: 'real' | 'model';
  /** Such as `22.05.8`; the model names the version it imitates. */
  readonly version: string;
  /** Submits; resolves to the job id (of the array, for an array). */
  submit(job: JobRequest): Promise<string>;
  cancel(jobId: string): Promise<void>;
  /** `scontrol update nodename=... state=... [reason=...]`; down and drain need a reason. */
  updateNodes(nodes: readonly string[], state: NodeUpdate, reason?: string): Promise<void>;
  /** Every job Slurm still knows, ended ones (within MinJobAge) too. */
  jobs(): Promise<readonly JobStatus[]>;
  nodes(): Promise<readonly NodeStatus[]>;
  /** What `sinfo` prints. */
  sinfo(): Promise<string>;
  /** What `squeue` prints. */
  squeue(): Promise<string>;
}
