/**
 * All that muster knows, derived from the turns in the ledger by `apply` and by nothing else.
 * `decide` reads it and never changes it.
 */
import type { Boot } from './boot.ts';
import type { PoolMemory } from './capacity-memory.ts';
import type { Effect } from './effects.ts';
import type { Gang, Lease } from './gang.ts';
import type { LaunchBucket } from './launch-bucket.ts';
import type { HookRequest } from './requests.ts';
import { defaultSettings, type Settings } from './settings.ts';
import type { Instant } from './units.ts';

export interface OutstandingEffect {
  effect: Effect;
  /** Times it was run and failed. */
  tries: number;
  /** Times a sweep was answered: looks that failed, or were cut short by a restart, saw nothing and do not count. */
  looks: number;
  /** When to run it (again); null while it runs. Launches also wait for a token. */
  deferredUntil: Instant | null;
  /** An attempt ended without an answer: it may have been done. */
  unknownOutcome: boolean;
}

export interface OpenReservation {
  readonly reservationId: string;
  /** The effect that made it, which is its tag. */
  readonly effectId: string;
  readonly gangId: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly count: number;
  readonly since: Instant;
}

export interface JobTries {
  readonly tries: number;
  readonly firstAt: Instant;
  readonly lastAt: Instant;
  readonly nextAt: Instant | null;
  readonly code: string;
  readonly message: string;
  /** Where EC2 had no room for it, and it is tried again. */
  readonly wants: JobWants | null;
}

/** What a job waits for that EC2 had no room for (queue-order.ts). */
export interface JobWants {
  /** Every pool of its ladder. */
  readonly pools: readonly string[];
  /** Instances. */
  readonly count: number;
  readonly priority: number | null;
  /** Since when others pass it: its first refusal, or the last time that it went first. */
  readonly passedSince: Instant;
  /** Until its next try no later job passes it, in greedy queues neither. */
  readonly isFirst: boolean;
}

export interface OpenRequest {
  readonly id: string;
  readonly openGangs: Set<string>;
  given: string[];
  failed: string[];
}

export interface State {
  settings: Settings;
  /** When this ledger began: instances from before are another ledger's, and none of muster's business. */
  since: Instant;
  /** The latest event's time; never runs back. */
  now: Instant;
  gangs: Map<string, Gang>;
  /** By node: at most one live instance each. */
  leases: Map<string, Lease>;
  /** Open gangs that want a node, oldest first. */
  claims: Map<string, readonly string[]>;
  outstanding: Map<string, OutstandingEffect>;
  /** RunInstances calls. */
  launchBucket: LaunchBucket;
  /** Instances that RunInstances launches. */
  instanceBucket: LaunchBucket;
  /** Launch effect id to gang id, while the batch is out. */
  batchGangs: Map<string, string>;
  /** Gangs that were given and that have not all registered, by gang id. */
  boots: Map<string, Boot>;
  /** Jobs that were refused and have not started since. */
  jobs: Map<number, JobTries>;
  /** What EC2 gave and refused lately, by pool. */
  memory: Map<string, PoolMemory>;
  /** Capacity reservations that are held, by id. */
  reservations: Map<string, OpenReservation>;
  /** Subnets and their zones. */
  zones: Map<string, string>;
  requests: Map<string, OpenRequest>;
  /** Requests whose jobs Slurm is being asked about. */
  asked: Map<string, HookRequest>;
  /** Requests taken in the last day, so that a repeated spool file changes nothing. */
  taken: Map<string, Instant>;
}

export function emptyState(): State {
  return {
    settings: defaultSettings,
    since: 0,
    now: 0,
    gangs: new Map(),
    leases: new Map(),
    claims: new Map(),
    outstanding: new Map(),
    launchBucket: { tokens: defaultSettings.launchRequests.burst, at: 0 },
    instanceBucket: { tokens: defaultSettings.launchInstances.burst, at: 0 },
    batchGangs: new Map(),
    boots: new Map(),
    jobs: new Map(),
    memory: new Map(),
    reservations: new Map(),
    zones: new Map(),
    requests: new Map(),
    asked: new Map(),
    taken: new Map(),
  };
}
