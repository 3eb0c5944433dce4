/** What happened. Only events bring time and facts into the core; they are written to the ledger as they came. */
import type { Instance } from './instances.ts';
import type { Told } from './job-facts.ts';
import type { Verdict } from './judge.ts';
import type { Ec2Differences } from './observe.ts';
import type { HookRequest } from './requests.ts';
import type { Settings } from './settings.ts';
import type { SetNeed } from './static-sets.ts';
import type { PastJobs } from './past-jobs.ts';
import type { StruckJob, SurvivorsSettled } from './survivors.ts';
import type { Instant } from './units.ts';

export interface Failure {
  /** EC2's error code, or the adapter's (`Timeout`, `ConnectionError`). */
  readonly code: string;
  readonly message: string;
  /** EC2's request id, where it answered. */
  readonly requestId: string | null;
}

/** Nodes with the same verdict, as the table had it when they were judged. */
export interface NodesJudged {
  readonly rule: string;
  readonly verdict: Verdict;
  readonly code: string;
  /** What is the matter with them. */
  readonly message: string;
  readonly nodes: readonly string[];
}

export type Event = { readonly at: Instant } & (
  | { readonly kind: 'ConfigLoaded'; readonly settings: Settings }
  /**
   * A ledger takes the place of one that was lost or damaged: instances launched since `since` are this one's to take over
   * or to end. The first event there is.
   */
  | { readonly kind: 'LedgerBegun'; readonly since: Instant }
  /** Muster started: what was outstanding before is carried on. */
  | { readonly kind: 'Started' }
  | { readonly kind: 'HookCalled'; readonly request: HookRequest }
  | {
      readonly kind: 'LaunchAnswered';
      readonly effectId: string;
      readonly requestId: string;
      readonly instances: readonly Instance[];
    }
  | { readonly kind: 'LaunchFailed'; readonly effectId: string; readonly failure: Failure }
  | { readonly kind: 'NodesAssigned'; readonly effectId: string }
  /** The effect did not happen; `transient`: it may later. */
  | {
      readonly kind: 'EffectFailed';
      readonly effectId: string;
      readonly message: string;
      readonly transient: boolean;
    }
  | { readonly kind: 'InstancesTerminated'; readonly effectId: string }
  | {
      readonly kind: 'LaunchSwept';
      readonly effectId: string;
      readonly instanceIds: readonly string[];
    }
  | { readonly kind: 'NodesGivenBack'; readonly effectId: string }
  | { readonly kind: 'JobsTold'; readonly effectId: string; readonly told: Told }
  /** Nodes on which nobody was are being powered down; the others are kept for the jobs that are told. */
  | {
      readonly kind: 'NodesReleased';
      readonly effectId: string;
      readonly freed: readonly string[];
      readonly kept: Told;
    }
  | { readonly kind: 'ReservationMade'; readonly effectId: string; readonly reservationId: string }
  | { readonly kind: 'ReservationFailed'; readonly effectId: string; readonly failure: Failure }
  /** `found`: how many there were to be cancelled. */
  | { readonly kind: 'ReservationEnded'; readonly effectId: string; readonly found: number }
  | {
      readonly kind: 'SubnetsTold';
      readonly effectId: string;
      readonly zones: Readonly<Record<string, string>>;
    }
  /**
   * `templates`: the group that each launch template names; null: none. `arns`: of the groups that EC2 knows; null: of one whose
   * strategy is not `cluster`, in which nothing is reserved.
   */
  | {
      readonly kind: 'PlacementGroupsTold';
      readonly effectId: string;
      readonly templates: Readonly<Record<string, string | null>>;
      readonly arns: Readonly<Record<string, string | null>>;
    }
  | { readonly kind: 'JobsInformed'; readonly effectId: string }
  | { readonly kind: 'NodesRefreshed'; readonly effectId: string }
  | { readonly kind: 'PartitionsSet'; readonly effectId: string }
  /** The end of what an instance wrote; empty: EC2 has nothing (yet). All of it is kept elsewhere. */
  | { readonly kind: 'ConsoleFetched'; readonly effectId: string; readonly tail: string }
  /** What looking at Slurm has shown. */
  | {
      readonly kind: 'SlurmSeen';
      /** Awaited nodes that are up. */
      readonly registered: readonly string[];
      /** Awaited nodes that are still powering up although their deadline has passed, or that keep their gang waiting. */
      readonly late: readonly string[];
      /** Gangs that are to be let go, with those of their nodes that other jobs have. */
      readonly doomed: readonly { readonly gangId: string; readonly taken: readonly string[] }[];
      /** Jobs of gangs that have no nodes any more. */
      readonly gone: readonly number[];
      /** Jobs on nodes (`asked`) that power up for others; what else they need is in `told.absent`. */
      readonly silent: { readonly asked: readonly string[]; readonly told: Told } | null;
    }
  | { readonly kind: 'NodesPoweredUp'; readonly effectId: string }
  /** The fleet's partitions that start jobs. */
  | {
      readonly kind: 'PartitionsTold';
      readonly effectId: string;
      readonly up: readonly string[];
    }
  | { readonly kind: 'PartitionsSet'; readonly effectId: string }
  /** What looking at EC2 has shown. */
  | ({ readonly kind: 'Ec2Seen' } & Ec2Differences)
  /** What comparing Slurm's nodes, EC2's instances and the leases has shown: the nodes that are not to be left as they are. */
  | {
      readonly kind: 'FleetSeen';
      /** When Slurm was asked. */
      readonly askedAt: Instant;
      readonly judged: readonly NodesJudged[];
      /** What static sets lack. */
      readonly needs: readonly SetNeed[];
      /** Jobs that have lost a node. */
      readonly struck: readonly StruckJob[];
      /** What has become of such jobs since. */
      readonly settled: readonly SurvivorsSettled[];
      /** Refused jobs that wait no more. */
      readonly past?: PastJobs;
    }
  | { readonly kind: 'NodesDrained'; readonly effectId: string }
  | { readonly kind: 'Woke' }
);
