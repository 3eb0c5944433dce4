/** What muster decided: together with the event, all that `apply` needs to change the state, and all that `explain` tells. */
import type { Doom } from './boot.ts';
import type { Effect, RunInstances } from './effects.ts';
import type { GangKind, Refusal } from './gang.ts';
import type { Verdict } from './judge.ts';
import type { JobWish } from './job-wish.ts';
import type { Instance } from './instances.ts';
import type { Console } from './protection.ts';
import type { JobWants } from './state.ts';
import type { SurvivingNode, SurvivorsSettled } from './survivors.ts';
import type { FoundInstance } from './takeover.ts';
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
  /** Instances that it asks for beyond its nodes. Absent: none. */
  readonly spares?: number;
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
      /** The static set that it is of. */
      readonly set?: string;
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
  /** A job's nodes were refused: it is tried again at `nextAt`, or held, or (neither) waits for the fleet to be started. */
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
  /** Slurm is told to power nodes of a static set up. */
  | { readonly kind: 'SetPoweredUp'; readonly set: string; readonly nodes: readonly string[] }
  /** A static set, or some of it, could not be launched or did not boot: it is tried again at `nextAt`. */
  | {
      readonly kind: 'SetRefused';
      readonly set: string;
      readonly tries: number;
      readonly nextAt: Instant;
      readonly code: string;
      readonly message: string;
    }
  /** All of it is up: its tries are forgotten. */
  | { readonly kind: 'SetWhole'; readonly set: string }
  /** A person has asked for one of its nodes: it is tried again at once. */
  | { readonly kind: 'SetHastened'; readonly set: string }
  /** Nothing is launched any more, and all that runs ends. */
  | {
      readonly kind: 'FleetStopped';
      readonly requestId: string;
      /** False: it was stopped already, and what has come up since ends. */
      readonly wasRunning: boolean;
    }
  /** Partitions that are set inactive, and go up again with the fleet. */
  | { readonly kind: 'PartitionsTaken'; readonly partitions: readonly string[] }
  /** `partitions` are to go up again. */
  | {
      readonly kind: 'FleetStarted';
      readonly requestId: string;
      readonly wasRunning: boolean;
      readonly partitions: readonly string[];
    }
  /** They are up, or Slurm does not have them any more. */
  | { readonly kind: 'PartitionsRestored'; readonly partitions: readonly string[] }
  /** What was done with the nodes that a person named. */
  | {
      readonly kind: 'NodesTakenByHand';
      readonly requestId: string;
      /** Their instances end, and Slurm powers them down. */
      readonly released: readonly string[];
      /** They get another instance, in place of the one that their gang waits for. */
      readonly replaced: readonly string[];
      /** Left as they are, with why. */
      readonly passedOver: readonly { readonly nodes: readonly string[]; readonly why: string }[];
    }
  /** All its nodes are up: its tries are forgotten. */
  | { readonly kind: 'JobStarted'; readonly jobId: number }
  /** A refused job is gone from Slurm's queue. */
  | { readonly kind: 'JobForgotten'; readonly jobId: number }
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
  /** Instances that serve nodes, and that the ledger did not know: they are their nodes' from now on. */
  | { readonly kind: 'LeasesFound'; readonly found: readonly FoundInstance[] }
  /** Spares of a gang become its nodes' instances; the gang that replaces them gives them to Slurm. */
  | {
      readonly kind: 'SparesTaken';
      readonly gangId: string;
      readonly placed: readonly PlacedInstance[];
    }
  /** Spares that nobody needs any more, or that have ended. They were paid for, together, for so long. */
  | {
      readonly kind: 'SparesEnded';
      readonly gangId: string;
      readonly pool: string;
      readonly instanceIds: readonly string[];
      readonly why: string;
      readonly heldMs: number;
    }
  /** A gang that was given will not be whole: it is let go when Slurm has said whom else its nodes serve. */
  | { readonly kind: 'BootDoomed'; readonly gangId: string; readonly doom: Doom }
  /** Nodes of a compute resource were given instances that did not come up. */
  | {
      readonly kind: 'BootsFailed';
      readonly queue: string;
      readonly computeResource: string;
      readonly nodes: readonly string[];
      readonly why: { readonly code: string; readonly message: string };
    }
  /** Too many in a row: nothing more is launched for the queue. */
  | {
      readonly kind: 'QueueProtected';
      readonly queue: string;
      readonly why: { readonly code: string; readonly message: string };
    }
  | { readonly kind: 'ConsoleKept'; readonly queue: string; readonly console: Console }
  /** A person starts the queue again. */
  | {
      readonly kind: 'QueueStarted';
      readonly requestId: string;
      readonly queue: string;
      readonly wasProtected: boolean;
    }
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
      /** Its launches do not fit into reservations (`queue/compute resource`): the same rung is tried without. */
      readonly unfit?: string;
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
      /** Instances beyond the batch's nodes, kept for those of which the boot fails. Absent: none. */
      readonly spares?: readonly Instance[];
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
  /** A running job has lost nodes: the others are kept for its next try. */
  | {
      readonly kind: 'JobStruck';
      readonly jobId: number;
      readonly lost: readonly string[];
      readonly left: readonly SurvivingNode[];
      readonly keptUntil: Instant;
    }
  /** It runs again, is gone, or waits for something else: what is left and unused (`nodes`) is let go. */
  | {
      readonly kind: 'JobSettled';
      readonly jobId: number;
      readonly outcome: SurvivorsSettled['outcome'];
      readonly nodes: readonly string[];
    }
  /** Something is done about nodes of the fleet that are not as they should be. */
  | {
      readonly kind: 'NodesMended';
      readonly rule: string;
      readonly verdict: Verdict;
      readonly message: string;
      readonly nodes: readonly string[];
    }
  | {
      readonly kind: 'RequestSettled';
      readonly requestId: string;
      readonly given: readonly string[];
      readonly failed: readonly string[];
    };
