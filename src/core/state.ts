/**
 * All that muster knows, derived from the turns in the ledger by `apply` and by nothing else.
 * `decide` reads it and never changes it.
 */
import type { Boot } from './boot.ts';
import type { PoolMemory } from './capacity-memory.ts';
import type { Effect } from './effects.ts';
import type { Gang, Lease } from './gang.ts';
import type { LaunchBook } from './launch-books.ts';
import type { LaunchBucket } from './launch-bucket.ts';
import type { QueueProtection } from './protection.ts';
import type { HookRequest } from './requests.ts';
import { defaultSettings, type Settings } from './settings.ts';
import type { Spare } from './spares.ts';
import type { SetTries } from './static-sets.ts';
import type { Survivors } from './survivors.ts';
import type { Instant } from './units.ts';

export interface OutstandingEffect {
  effect: Effect;
  /** Times it was run and failed. */
  tries: number;
  /** Times a sweep was answered: looks that failed, or were cut short by a restart, saw nothing and do not count. */
  looks: number;
  /** When to run it (again); null while it runs. Launches also wait for a token. */
  deferredUntil: Instant | null;
  /** Of the last time that it failed, or was put off: a code, or what was said; null: it never was. */
  why: string | null;
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
  /** When EC2 was first asked for it, or it could not be; null: it only stood behind others, or a limit, so far. */
  readonly triedAt: Instant | null;
  readonly nextAt: Instant | null;
  readonly code: string;
  readonly message: string;
  /** Where EC2 had no room for it, and it is tried again. */
  readonly wants: JobWants | null;
}

/** The time until now is forgiven: nobody could have launched it. */
export function startedAnew(job: JobTries, now: Instant): JobTries {
  return { ...job, firstAt: now, triedAt: job.triedAt === null ? null : now };
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

/** Whether nodes are launched at all: a person stops the fleet, and starts it. */
export interface FleetStatus {
  readonly status: 'running' | 'stopped';
  readonly since: Instant;
  /** Partitions that muster has set inactive, or is about to: these go up again when the fleet is started. */
  readonly partitions: readonly string[];
}

export interface State {
  settings: Settings;
  /** When this ledger began. */
  begunAt: Instant;
  /** Instances from before are another ledger's, and none of muster's business: when this one began, or the one before it. */
  since: Instant;
  /** The latest event's time; never runs back. */
  now: Instant;
  gangs: Map<string, Gang>;
  /** By node: at most one live instance each. */
  leases: Map<string, Lease>;
  /** Instances that are no node's, by id: kept until their gang is up. */
  spares: Map<string, Spare>;
  /** Open gangs that want a node, oldest first. */
  claims: Map<string, readonly string[]>;
  outstanding: Map<string, OutstandingEffect>;
  /** Nodes that muster has made as good as new since they held an instance last: Slurm waits to hear from some of them. */
  refreshed: Set<string>;
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
  /** Queues whose boots have failed lately, or that are protected. */
  protection: Map<string, QueueProtection>;
  /** What is left up of jobs that have lost a node and wait to start again, by job. */
  survivors: Map<number, Survivors>;
  /** Instances launched in the last hour, by queue. */
  launches: Map<string, LaunchBook>;
  fleet: FleetStatus;
  /** Static sets that are not whole, by `queue/compute resource`. */
  sets: Map<string, SetTries>;
  /** What EC2 gave and refused lately, by pool. */
  memory: Map<string, PoolMemory>;
  /** Capacity reservations that are held, by id. */
  reservations: Map<string, OpenReservation>;
  /** Subnets and their zones. */
  zones: Map<string, string>;
  /** Launch templates and the placement groups that they name; null: none. */
  templateGroups: Map<string, string | null>;
  /** Placement groups and their ARNs; null: one in which nothing is reserved. */
  groupArns: Map<string, string | null>;
  /** Compute resources (`queue/name`) of which EC2 launched nothing into a reservation made for them, and when that was. */
  unfit: Map<string, Instant>;
  requests: Map<string, OpenRequest>;
  /** Requests whose jobs Slurm is being asked about. */
  asked: Map<string, HookRequest>;
  /** Requests taken in the last day, so that a repeated spool file changes nothing. */
  taken: Map<string, Instant>;
}

export function emptyState(): State {
  return {
    settings: defaultSettings,
    begunAt: 0,
    since: 0,
    now: 0,
    gangs: new Map(),
    leases: new Map(),
    spares: new Map(),
    claims: new Map(),
    outstanding: new Map(),
    refreshed: new Set(),
    launchBucket: { tokens: defaultSettings.launchRequests.burst, at: 0 },
    instanceBucket: { tokens: defaultSettings.launchInstances.burst, at: 0 },
    batchGangs: new Map(),
    boots: new Map(),
    jobs: new Map(),
    protection: new Map(),
    survivors: new Map(),
    launches: new Map(),
    fleet: { status: 'running', since: 0, partitions: [] },
    sets: new Map(),
    memory: new Map(),
    reservations: new Map(),
    zones: new Map(),
    templateGroups: new Map(),
    groupArns: new Map(),
    unfit: new Map(),
    requests: new Map(),
    asked: new Map(),
    taken: new Map(),
  };
}
