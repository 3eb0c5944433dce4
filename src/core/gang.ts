/** Gangs, batches and leases: what muster is doing for whom. */
import type { Instance } from './instances.ts';
import type { Instant } from './units.ts';

/**
 * - `job`: the nodes of one job, whole or nothing (or, best-effort, what EC2 gives).
 * - `single-node-jobs`: jobs of one node each; every node stands for itself, so one soft call serves them all.
 * - `launch-batch`: ParallelCluster's: nodes in Slurm's order, cut at max_batch_size.
 * - `request`: a request's nodes until Slurm has said which of its jobs belong together; then it makes way for others.
 */
export type GangKind = 'job' | 'single-node-jobs' | 'launch-batch' | 'request';

/**
 * A gang's modes:
 * - `asking`: Slurm is being asked about the jobs (kind `request` alone).
 * - `assembling`: members are missing that Slurm has yet to ask for in another call (ResumeRate).
 * - `waiting`: another open gang holds some of its nodes; it starts when those have their verdict.
 * - `launching`: batches are out. A refusal of any ends a firm gang.
 * - `assigning`: whole (or as whole as a soft gang gets); Slurm is being told.
 * A gang with its verdict, given or given back, is closed and leaves the state; its leases remain.
 */
export type GangPhase = 'asking' | 'assembling' | 'waiting' | 'launching' | 'assigning';

export interface Gang {
  readonly id: string;
  /** The calls that asked for its nodes; the first one gave it its id. */
  requestIds: readonly string[];
  readonly requestedAt: Instant;
  readonly kind: GangKind;
  /** Firm: every node or none. Soft: what EC2 gives, to the first nodes. */
  readonly firm: boolean;
  jobIds: readonly number[];
  /** Members that Slurm has yet to ask for, and until when they are waited for. */
  missing: readonly string[];
  assembleBy: Instant;
  /** Members that are still wanted, in Slurm's order. A suspend, or a refusal of some, takes nodes out of it. */
  nodes: readonly string[];
  phase: GangPhase;
  /** Open gangs that hold some of its nodes. */
  waitsFor: readonly string[];
  /** Launches out, by effect id. */
  batches: Map<string, Batch>;
  /** Nodes that are certain to get nothing, with why: soft gangs only. */
  refused: readonly Refusal[];
  /** Assignments out, by effect id. */
  assigning: Set<string>;
  /** Muster ended while an assignment ran: its nodes may have been given, and at work since. */
  mayBeGiven: boolean;
  /** Nodes that Slurm has been told of. */
  given: readonly string[];
}

export interface Batch {
  readonly effectId: string;
  readonly queue: string;
  readonly computeResource: string;
  readonly nodes: readonly string[];
  readonly clientToken: string;
  /** Attempts that have failed so far. */
  tries: number;
  /** When it first went out to EC2; null: it waits for that. */
  sentAt: Instant | null;
  /** An attempt ended without an answer: instances may exist. */
  unknownOutcome: boolean;
}

/** Nodes that do not get an instance, and why. */
export interface Refusal {
  readonly nodes: readonly string[];
  readonly code: string;
  readonly message: string;
}

/** One node bound to one instance, from launch to termination. */
export interface Lease {
  readonly node: string;
  readonly instance: Instance;
  readonly gangId: string;
  /** When Slurm asked for the node, last: a suspend older than this is about its life before. */
  requestedAt: Instant;
  readonly leasedAt: Instant;
  /** Slurm has been told its address. */
  given: boolean;
}
