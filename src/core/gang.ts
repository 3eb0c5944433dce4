/** Gangs, batches and leases: what muster is doing for whom. */
import type { BatchStarted } from './decisions.ts';
import type { RunInstances } from './effects.ts';
import type { JobWish } from './job-wish.ts';
import type { Instance } from './instances.ts';
import type { PlaceName } from './launch-policy.ts';
import type { Instant } from './units.ts';

/**
 * - `job`: the nodes of one job, whole or nothing (or, best-effort, what EC2 gives).
 * - `single-node-jobs`: jobs of one node each; every node stands for itself, so one soft call serves them all.
 * - `static-set`: static nodes of one compute resource that no job has asked for, powered up by muster.
 * - `launch-batch`: ParallelCluster's: nodes in Slurm's order, cut at max_batch_size.
 * - `request`: a request's nodes until Slurm has said which of its jobs belong together; then it makes way for others.
 */
export type GangKind = 'job' | 'single-node-jobs' | 'static-set' | 'launch-batch' | 'request';

/**
 * A gang's modes:
 * - `asking`: Slurm is being asked about the jobs (kind `request` alone).
 * - `assembling`: members are missing that Slurm has yet to ask for in another call (ResumeRate).
 * - `waiting`: another open gang holds some of its nodes; it starts when those have their verdict.
 * - `reserving`: reservations for all its calls are being made; nothing is launched before the last one is held.
 * - `launching`: batches are out. A refusal of any ends a firm gang.
 * - `releasing`: its job is gone; Slurm is being asked whether somebody else has its nodes now.
 * - `assigning`: whole (or as whole as a soft gang gets); Slurm is being told.
 * A gang with its verdict, given or given back, is closed and leaves the state; its leases remain.
 */
export type GangPhase =
  'asking' | 'assembling' | 'waiting' | 'reserving' | 'launching' | 'assigning' | 'releasing';

export interface Gang {
  readonly id: string;
  /** The calls that asked for its nodes; the first one gave it its id. */
  requestIds: readonly string[];
  readonly requestedAt: Instant;
  readonly formedAt: Instant;
  /** The gang, given before, for which it launches another instance; null: it is none's replacement. */
  readonly replaces: string | null;
  readonly kind: GangKind;
  /** Firm: every node or none. Soft: what EC2 gives, to the first nodes. */
  readonly firm: boolean;
  jobIds: readonly number[];
  /** The static set that it is of; null: of none. */
  readonly set: string | null;
  /** Slurm's, the highest of its jobs; null: not known. */
  readonly priority: number | null;
  /** Whose each node is, where every job has one of its own; else null. */
  readonly jobNodes: readonly (readonly [number, string])[] | null;
  /** Members that Slurm has yet to ask for, and until when they are waited for. */
  missing: readonly string[];
  assembleBy: Instant;
  /** Members that are still wanted, in Slurm's order. A suspend, or a refusal of some, takes nodes out of it. */
  nodes: readonly string[];
  /** The compute resources of its nodes, the missing ones too. */
  places: readonly PlaceName[];
  phase: GangPhase;
  /** The rung that it is on; null before its first. */
  rung: string | null;
  /** Rungs that refused it. */
  tried: readonly string[];
  /** What the last of them said. */
  lastRefusal: Pick<Refusal, 'code' | 'message'> | null;
  /** Zones that EC2 named as having room. */
  zonesNamed: readonly string[];
  /** What its job asks for itself. */
  readonly wish: JobWish;
  /** It may be launched on this rung alone: a replacement stays where its gang is. */
  readonly onlyRung: string | null;
  /** Calls prepared so far: their numbers are never used again. */
  launches: number;
  /** Reservations that are asked for or held, by effect id. */
  reserving: Map<string, Reserving>;
  /** The gang of several calls that is served before it, in the same pools. */
  turnAfter: string | null;
  /** Open gangs that hold some of its nodes, or whose turn it is. */
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

/** One of a gang's reservations, and the launch that goes into it. */
export interface Reserving {
  readonly launch: RunInstances;
  readonly batch: BatchStarted;
  readonly askedAt: Instant;
  /** Null until EC2 has made it. */
  reservationId: string | null;
  /** AWS does not let it be made: its launch goes without. */
  isForgone: boolean;
}

export interface Batch {
  readonly effectId: string;
  readonly queue: string;
  readonly computeResource: string;
  readonly nodes: readonly string[];
  readonly clientToken: string;
  readonly pool: string;
  readonly zone: string | null;
  /** Instances that it asks for beyond its nodes. Absent: none. */
  readonly spares?: number;
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
  /** When its jobs are tried again; absent: by the back-off. */
  readonly retryAt?: Instant;
}

/** One node bound to one instance, from launch to termination. */
export interface Lease {
  readonly node: string;
  readonly instance: Instance;
  /** Its gang; a gang that takes over what another leaves becomes the owner. */
  gangId: string;
  /** The pool that it came from. */
  readonly pool: string;
  readonly zone: string | null;
  /** When Slurm asked for the node, last: a suspend older than this is about its life before. */
  requestedAt: Instant;
  readonly leasedAt: Instant;
  /** Slurm has been told its address. */
  given: boolean;
  /** Its slurmd has joined Slurm. */
  isRegistered: boolean;
}
