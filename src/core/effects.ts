/**
 * What the world is asked to do. An effect stands in the ledger before it runs; it stays outstanding until an event
 * answers it, and may be run again with the same id (a restart, a retry): each is idempotent.
 */
import type { LaunchOrder } from './instances.ts';
import type { Instant } from './units.ts';
import type { ReservationOrder } from './orders.ts';

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
  /** They are wanted again soon, by the backfill scheduler. */
  readonly soon?: boolean;
  /** Down only those that Slurm has up: it may be powering others down by itself, and those would stay down for good. */
  readonly onlyUp?: boolean;
  /**
   * Nodes that Slurm powers down by itself since: a call that is under way may hit them all the same, and an earlier one
   * has. They are made as good as new when it has been answered.
   */
  readonly overtaken?: readonly string[];
}

/** Asks Slurm about the jobs of a request: which are heterogeneous, where their other nodes are. */
export interface AskJobs {
  readonly kind: 'AskJobs';
  readonly id: string;
  readonly requestId: string;
  readonly jobIds: readonly number[];
  /** The nodes that the request asks for: whether those are up need not be asked. */
  readonly nodes: readonly string[];
}

/**
 * Makes nodes that were given back as good as new, once they are powered down: Slurm's backfill scheduler, the only one that
 * starts heterogeneous jobs, passes over nodes that were taken down until they are undrained; and one that was taken down
 * while it powered down stays down.
 */
export interface RefreshNodes {
  readonly kind: 'RefreshNodes';
  readonly id: string;
  readonly nodes: readonly string[];
  /** With no look at whose their reasons are: nobody but muster, or Slurm itself, has put them out of service. */
  readonly evenDrained?: boolean;
}

/**
 * Lets go of nodes that are powering up and that nobody may want any more: drains them, looks who is there, powers the
 * empty ones down and gives the others back to service. Slurm may have put another job on them, and calls nobody then.
 */
export interface ReleaseNodes {
  readonly kind: 'ReleaseNodes';
  readonly id: string;
  readonly nodes: readonly string[];
  /** Nodes that an earlier try may have drained and that somebody wants since: they are only undrained. */
  readonly keep?: readonly string[];
  readonly reason: string;
  /**
   * They are let go as nodes of the fleet, with this reason code, not as a job's nodes that power up: those that are up and
   * on which nobody is are powered down, and jobs that are found there have their nodes already.
   */
  readonly code?: string;
}

/** Takes nodes that are up out of service: no further job is put there, what runs there runs on. */
export interface DrainNodes {
  readonly kind: 'DrainNodes';
  readonly id: string;
  readonly nodes: readonly string[];
  /** What each of them holds: the node's next instance is another matter. */
  readonly instanceIds: readonly string[];
  readonly reason: string;
}

/** Has Slurm power nodes up (`state=power_up`); the hook call that follows launches them. */
export interface PowerUpNodes {
  readonly kind: 'PowerUpNodes';
  readonly id: string;
  /** The static set that they are of. */
  readonly set: string;
  readonly nodes: readonly string[];
}

/** Asks Slurm which of the fleet's partitions start jobs: those that are named after its queues, or have nodes of them. */
export interface ListPartitions {
  readonly kind: 'ListPartitions';
  readonly id: string;
  /** Null: no cluster file says which there are; then every partition with a node of the fleet's form counts. */
  readonly queues: readonly string[] | null;
}

/** Lets partitions start jobs (`isUp`), or no more. */
export interface SetPartitions {
  readonly kind: 'SetPartitions';
  readonly id: string;
  /** Who wants it: the fleet is stopped or started, or a queue is protected. */
  readonly by: 'fleet' | 'protection';
  readonly partitions: readonly string[];
  readonly isUp: boolean;
}

/** Fetches what an instance that did not boot has written on its console, which EC2 keeps for about an hour, and keeps it. */
export interface FetchConsole {
  readonly kind: 'FetchConsole';
  readonly id: string;
  readonly queue: string;
  readonly node: string;
  readonly instanceId: string;
}

/** One CreateCapacityReservation call. */
export interface CreateReservation {
  readonly kind: 'CreateReservation';
  readonly id: string;
  readonly gangId: string;
  readonly order: ReservationOrder;
}

/** Cancels a reservation: by its id, or whatever carries the tag `muster:reservation` where the id never came. */
export interface EndReservation {
  readonly kind: 'EndReservation';
  readonly id: string;
  readonly tag: string;
  readonly reservationId: string | null;
}

/** Tells the owners of jobs that wait: in the AdminComment, by the time of the next try, or by a hold. */
export interface TellJobs {
  readonly kind: 'TellJobs';
  readonly id: string;
  readonly jobIds: readonly number[];
  /** Muster's part of the AdminComment; null: it is taken out. */
  readonly note: string | null;
  readonly startAt: Instant | null;
  readonly hold: 'admin' | 'user' | null;
  /** Also while it is being started or runs: there is nothing to wait for. */
  readonly anyState?: boolean;
  /**
   * `startAt` ends the wait that Slurm gives a requeued job. One that does not wait so (Slurm's expedited requeue), or that
   * has been requeued again and again, keeps its time.
   */
  readonly endsWait?: boolean;
  /** Only where muster's hold is on it: that is taken back, as the job has started again since it was decided. */
  readonly release?: boolean;
}

/** Asks EC2 for the zones of the subnets that the configuration names. */
export interface DescribeSubnets {
  readonly kind: 'DescribeSubnets';
  readonly id: string;
  readonly subnetIds: readonly string[];
}

/**
 * Asks EC2 for the placement groups that the configuration names, and for those that these launch templates alone name: a
 * reservation is made in one by its ARN.
 */
export interface DescribePlacementGroups {
  readonly kind: 'DescribePlacementGroups';
  readonly id: string;
  readonly names: readonly string[];
  readonly templates: readonly string[];
}

export type Effect =
  | FetchConsole
  | TellJobs
  | RefreshNodes
  | CreateReservation
  | EndReservation
  | DescribeSubnets
  | DescribePlacementGroups
  | AskJobs
  | ReleaseNodes
  | PowerUpNodes
  | ListPartitions
  | SetPartitions
  | DrainNodes
  | RunInstances
  | TerminateInstances
  | SweepLaunch
  | AssignNodes
  | GiveBackNodes;
