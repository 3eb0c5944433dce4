/**
 * What the world is asked to do. An effect stands in the ledger before it runs; it stays outstanding until an event
 * answers it, and may be run again with the same id (a restart, a retry): each is idempotent.
 */
import type { LaunchOrder } from './instances.ts';

/** One RunInstances call for one batch. */
export interface RunInstances {
  readonly kind: 'RunInstances';
  readonly id: string;
  readonly batchId: string;
  readonly order: LaunchOrder;
}

export interface TerminateInstances {
  readonly kind: 'TerminateInstances';
  readonly id: string;
  readonly instanceIds: readonly string[];
}

/** Finds what a launch with an unknown outcome may have started, by its client token, and terminates it. */
export interface SweepLaunch {
  readonly kind: 'SweepLaunch';
  readonly id: string;
  readonly clientToken: string;
}

/** Tells Slurm the nodes' addresses, then the instances their node names. The three lists run in parallel. */
export interface AssignNodes {
  readonly kind: 'AssignNodes';
  readonly id: string;
  readonly gangId: string;
  /** False: Slurm keeps the addresses it has (`update_node_address = False`). */
  readonly updateAddress: boolean;
  readonly nodes: readonly string[];
  readonly instanceIds: readonly string[];
  readonly addresses: readonly string[];
  readonly hostnames: readonly string[];
}

/**
 * With a reason: down, which sends the nodes' jobs back. Without: power_down_force, after which they are usable again
 * when SuspendTimeout is over. The one follows the other's answer: a node that is taken down once more while it powers
 * down stays down for good, so neither may be part of the other's repetition.
 */
export interface GiveBackNodes {
  readonly kind: 'GiveBackNodes';
  readonly id: string;
  readonly nodes: readonly string[];
  readonly reason: string | null;
}

export type Effect = RunInstances | TerminateInstances | SweepLaunch | AssignNodes | GiveBackNodes;
