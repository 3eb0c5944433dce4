/** What happened. Only events bring time and facts into the core; they are written to the ledger as they came. */
import type { Instance } from './instances.ts';
import type { Told } from './job-facts.ts';
import type { Ec2Differences } from './observe.ts';
import type { HookRequest } from './requests.ts';
import type { Settings } from './settings.ts';
import type { Instant } from './units.ts';

export interface Failure {
  /** EC2's error code, or the adapter's (`Timeout`, `ConnectionError`). */
  readonly code: string;
  readonly message: string;
  /** EC2's request id, where it answered. */
  readonly requestId: string | null;
}

export type Event = { readonly at: Instant } & (
  | { readonly kind: 'ConfigLoaded'; readonly settings: Settings }
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
  | { readonly kind: 'JobsInformed'; readonly effectId: string }
  | { readonly kind: 'NodesRefreshed'; readonly effectId: string }
  /** What looking at Slurm has shown. */
  | {
      readonly kind: 'SlurmSeen';
      /** Awaited nodes that are up. */
      readonly registered: readonly string[];
      /** Awaited nodes that are still powering up although their deadline has passed. */
      readonly late: readonly string[];
      /** Gangs that are to be let go, with those of their nodes that other jobs have. */
      readonly doomed: readonly { readonly gangId: string; readonly taken: readonly string[] }[];
      /** Jobs of gangs that have no nodes any more. */
      readonly gone: readonly number[];
      /** Jobs on nodes (`asked`) that power up for others; what else they need is in `told.absent`. */
      readonly silent: { readonly asked: readonly string[]; readonly told: Told } | null;
    }
  /** What looking at EC2 has shown. */
  | ({ readonly kind: 'Ec2Seen' } & Ec2Differences)
  | { readonly kind: 'Woke' }
);
