/** What muster decided: together with the event, all that `apply` needs to change the state, and all that `explain` tells. */
import type { Doom } from './boot.ts';
import type { Effect, RunInstances } from './effects.ts';
import type { GangKind, Refusal } from './gang.ts';
import type { JobWish } from './job-wish.ts';
import type { Instance } from './instances.ts';
import type { JobWants } from './state.ts';
import type { Instant } from './units.ts';

export interface PlacedInstance {
  readonly node: string;
  readonly instance: Instance;
}

export interface BatchStarted {
  readonly effectId: string;
  readonly queue: string;
  readonly computeResource: string;
  readonly nodes: readonly string[];
  readonly clientToken: string;
  /** The pool that it is launched in, and its zone where that is known. */
  readonly pool: string;
  readonly zone: string | null;
}

export interface ReservingPart {
  readonly effectId: string;
  readonly launch: RunInstances;
  readonly batch: BatchStarted;
}

export type Decision =
  | { readonly kind: 'RequestTaken'; readonly requestId: string; readonly verb: string }
  /** Something in the request could not be used; the rest of it goes on. */
  | { readonly kind: 'InputFaulty'; readonly requestId: string; readonly message: string }
  | { readonly kind: 'NodesRejected'; readonly requestId: string; readonly refusal: Refusal }
  | {
      readonly kind: 'GangFormed';
      readonly gangId: string;
      readonly requestId: string;
      readonly requestedAt: Instant;
      readonly gangKind: GangKind;
      readonly firm: boolean;
      readonly jobIds: readonly number[];
      readonly priority?: number;
      /** Whose each node is, where every job has one of its own. */
      readonly jobNodes?: readonly (readonly [number, string])[];
      readonly nodes: readonly string[];
      readonly missing: readonly string[];
      readonly assembleBy: Instant;
      readonly waitsFor: readonly string[];
      /** What its job asks for itself. */
      readonly wish?: JobWish;
      /** It may be launched on this rung alone. */
      readonly onlyRung?: string;
      /** The gang, given before, for which it launches another instance. */
      readonly replaces?: string;
    }
  /** A job's nodes were refused: it is tried again at `nextAt`, or held. */
  | {
      readonly kind: 'JobRefused';
      readonly jobId: number;
      readonly code: string;
      readonly message: string;
      readonly tries: number;
      readonly nextAt: Instant | null;
      readonly hold: 'admin' | 'user' | null;
      readonly wants?: JobWants;
    }
  /** All its nodes are up: its tries are forgotten. */
  | { readonly kind: 'JobStarted'; readonly jobId: number }
  /** Their slurmd has joined. */
  | { readonly kind: 'NodesRegistered'; readonly nodes: readonly string[] }
  /** Nodes of a gang that was given get another instance. */
  | {
      readonly kind: 'NodesReplaced';
      readonly bootId: string;
      readonly replacementId: string;
      readonly nodes: readonly string[];
      readonly why: { readonly code: string; readonly message: string };
    }
  /** A gang that was given will not be whole: it is let go when Slurm has said whom else its nodes serve. */
  | { readonly kind: 'BootDoomed'; readonly gangId: string; readonly doom: Doom }
  /** A gang that was given is let go before its job ran. */
  | {
      readonly kind: 'BootFailed';
      readonly gangId: string;
      readonly jobIds: readonly number[];
      readonly refusal: Refusal;
    }
  /** Nodes that stand for themselves will not come. */
  | { readonly kind: 'BootNodesLost'; readonly gangId: string; readonly refusal: Refusal }
  /** Instances of nodes that were up have ended. */
  | { readonly kind: 'NodesLost'; readonly refusal: Refusal }
  /** Slurm has powered nodes of it down. */
  | {
      readonly kind: 'BootNodesDropped';
      readonly gangId: string;
      readonly nodes: readonly string[];
    }
  /** The job of a gang that was given is gone before it ran. */
  | { readonly kind: 'BootCancelled'; readonly gangId: string }
  /** The job of an open gang is gone. */
  | { readonly kind: 'GangCancelled'; readonly gangId: string }
  /** Another call has asked for more nodes of an open gang. */
  | {
      readonly kind: 'GangGrew';
      readonly gangId: string;
      readonly requestId: string;
      readonly jobIds: readonly number[];
      /** The new ones. */
      readonly nodes: readonly string[];
      readonly missing: readonly string[];
      readonly assembleBy: Instant;
      readonly waitsFor: readonly string[];
    }
  /** The gangs of its request, formed in this turn, are in its place. */
  | { readonly kind: 'GangDissolved'; readonly gangId: string; readonly requestId: string }
  /** A launch is to be made when EC2's limit allows; in the ledger before that. */
  | { readonly kind: 'LaunchQueued'; readonly effect: RunInstances }
  /** EC2 throttles: no launch before `readyAt`. */
  | { readonly kind: 'LaunchesThrottled'; readonly readyAt: Instant }
  | {
      readonly kind: 'GangReserving';
      readonly gangId: string;
      readonly rung: string;
      readonly parts: readonly ReservingPart[];
    }
  | {
      readonly kind: 'ReservationHeld';
      readonly gangId: string;
      readonly effectId: string;
      readonly reservationId: string;
      readonly instanceType: string;
      readonly zone: string;
      readonly count: number;
    }
  /** It was paid for from when it was held, as far as no instance used it. */
  | {
      readonly kind: 'ReservationOver';
      readonly reservationId: string;
      readonly instanceType: string;
      readonly zone: string;
      readonly count: number;
      readonly heldMs: number;
    }
  /** A gang that should be reserved is launched without, on this rung: all of it, or one of its reservations. */
  | {
      readonly kind: 'ReserveForgone';
      readonly gangId: string;
      readonly why: string;
      readonly effectId?: string;
    }
  /** Another gang of several calls is served first in the same pools. */
  | { readonly kind: 'GangWaits'; readonly gangId: string; readonly turnAfter: string }
  /** An instance that a gang lets go of goes to one that waited for its turn. */
  | {
      readonly kind: 'LeaseHandedOver';
      readonly fromGangId: string;
      readonly gangId: string;
      readonly fromNode: string;
      readonly node: string;
    }
  /** The rung refused the gang; it tries another one. */
  | {
      readonly kind: 'RungLeft';
      readonly gangId: string;
      readonly rung: string;
      readonly refusal: { readonly code: string; readonly message: string };
      readonly zonesNamed: readonly string[];
    }
  /** EC2 gave (`refusal` null) or refused so many instances of a pool. */
  | {
      readonly kind: 'CapacitySeen';
      readonly pool: string;
      readonly count: number;
      readonly refusal: { readonly code: string; readonly message: string } | null;
    }
  /** The operator had what is remembered of these pools cleared. */
  | { readonly kind: 'CapacityForgotten'; readonly pools: readonly string[] }
  | {
      readonly kind: 'GangStarted';
      readonly gangId: string;
      readonly rung: string;
      readonly batches: readonly BatchStarted[];
    }
  | {
      readonly kind: 'BatchHeld';
      readonly gangId: string;
      readonly effectId: string;
      readonly placed: readonly PlacedInstance[];
      /** Instances that nobody needs: terminated. */
      readonly surplus: readonly string[];
      /** Nodes of a soft batch that got none. */
      readonly refusal: Refusal | null;
    }
  | {
      readonly kind: 'BatchRefused';
      readonly gangId: string;
      readonly effectId: string;
      readonly refusal: Refusal;
    }
  /** An answer for a gang that is closed: what it brought is terminated. */
  | {
      readonly kind: 'AnswerLate';
      readonly effectId: string;
      readonly instanceIds: readonly string[];
    }
  | {
      readonly kind: 'EffectDeferred';
      readonly effectId: string;
      readonly until: Instant;
      readonly why: string;
      readonly unknownOutcome: boolean;
    }
  /** An effect that runs later for the first time; in the ledger from now on. */
  | { readonly kind: 'EffectPutOff'; readonly effect: Effect; readonly until: Instant }
  | { readonly kind: 'EffectRepeated'; readonly effectId: string }
  /** A give-back, or a release, is for these nodes alone from now on. */
  | {
      readonly kind: 'EffectNarrowed';
      readonly effectId: string;
      readonly nodes: readonly string[];
    }
  | { readonly kind: 'EffectAbandoned'; readonly effectId: string; readonly why: string }
  | { readonly kind: 'GangWhole'; readonly gangId: string; readonly effectIds: readonly string[] }
  /** Slurm has been told of these nodes. */
  | {
      readonly kind: 'NodesGiven';
      readonly gangId: string;
      readonly effectId: string;
      readonly nodes: readonly string[];
    }
  /** Slurm does not take these nodes of a soft gang. */
  | {
      readonly kind: 'NodesRefused';
      readonly gangId: string;
      readonly effectId: string;
      readonly refusal: Refusal;
    }
  | {
      readonly kind: 'GangClosed';
      readonly gangId: string;
      readonly requestIds: readonly string[];
      readonly jobIds: readonly number[];
      readonly given: readonly string[];
      readonly refusals: readonly Refusal[];
    }
  /** Nodes of a gang that a suspend took out, or (`refusal`) whose instances have ended. */
  | {
      readonly kind: 'NodesDropped';
      readonly gangId: string;
      readonly nodes: readonly string[];
      readonly refusal?: Refusal;
    }
  | {
      readonly kind: 'LeasesEnded';
      readonly nodes: readonly string[];
      readonly instanceIds: readonly string[];
      readonly why: string;
    }
  | {
      readonly kind: 'RequestSettled';
      readonly requestId: string;
      readonly given: readonly string[];
      readonly failed: readonly string[];
    };
