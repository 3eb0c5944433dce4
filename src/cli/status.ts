/**
 * What `muster status` knows: what runs, what is under way and for whom, what was refused and when it is tried again. All of it
 * comes from the ledger; whether muster works at all, from its heartbeat. Rendered in render-status.ts.
 */
import { createDraft } from '../core/draft.ts';
import type { Boot } from '../core/boot.ts';
import type { Gang } from '../core/gang.ts';
import { launchedInHour } from '../core/launch-books.ts';
import { openLimitBooks } from '../core/launch-limits.ts';
import { parseNodeName } from '../core/node-name.ts';
import type { LaunchLimits, Settings } from '../core/settings.ts';
import type { Console } from '../core/protection.ts';
import type { FleetStatus, JobTries, State } from '../core/state.ts';
import { staticSetsOf } from '../core/static-sets.ts';
import type { DurationMs, Instant } from '../core/units.ts';
import { timeOfDay } from './times.ts';

export interface Status {
  readonly at: Instant;
  readonly cluster: string;
  readonly region: string;
  readonly mode: Settings['mode'];
  readonly daemon: DaemonStatus;
  readonly fleet: FleetStatus;
  readonly resources: readonly ResourceStatus[];
  readonly sets: readonly SetStatus[];
  readonly queues: readonly QueueStatus[];
  readonly gangs: readonly GangStatus[];
  readonly jobs: readonly (JobTries & { readonly jobId: number })[];
  readonly reservations: readonly ReservationStatus[];
  readonly limits: readonly LimitStatus[];
}

/** `stopped` too when it hangs or cannot write its ledger: it does nothing then. */
export interface DaemonStatus {
  readonly state: 'works' | 'stopped' | 'unknown';
  /** Null: no heartbeat was ever written here. */
  readonly heartbeatAt: Instant | null;
}

export interface ResourceStatus {
  readonly queue: string;
  readonly computeResource: string;
  /** Null: no cluster file says how many there are. */
  readonly nodes: number | null;
  /** Nodes of open gangs that have no instance yet. */
  readonly wanted: number;
  /** Nodes with an instance. */
  readonly held: number;
  /** Of those: given to Slurm, and not registered. */
  readonly booting: number;
  /** Of those: registered. */
  readonly up: number;
  readonly spares: number;
}

export interface SetStatus {
  /** `queue/compute resource`. */
  readonly set: string;
  readonly nodes: number;
  readonly up: number;
  readonly state: 'whole' | 'coming up' | 'refused' | 'lacking' | 'not kept';
  /** Refusals since it was whole. */
  readonly tries: number;
  readonly nextAt: Instant | null;
  /** Of the last refusal; empty: there was none. */
  readonly code: string;
  readonly message: string;
}

/** A queue whose boots have failed. */
export interface QueueStatus {
  readonly queue: string;
  /** In a row, by compute resource. */
  readonly failures: Readonly<Record<string, number>>;
  /** Null: it is not protected, they are only counted. */
  readonly protectedSince: Instant | null;
  readonly code: string;
  readonly message: string;
  readonly console: Console | null;
}

export interface GangStatus {
  readonly id: string;
  readonly jobIds: readonly number[];
  readonly nodes: readonly string[];
  readonly phase: Gang['phase'] | 'booting';
  readonly rung: string | null;
  readonly since: Instant;
  /** What it waits for. */
  readonly waitsFor: string;
}

export interface ReservationStatus {
  readonly reservationId: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly count: number;
  readonly gangId: string;
  readonly since: Instant;
}

export interface LimitStatus {
  /** Null: the cluster's. */
  readonly queue: string | null;
  readonly limit: keyof LaunchLimits;
  readonly used: number;
  readonly most: number;
}

/** So many heartbeats may be missing before it counts as stopped: a machine under load is late. */
const beatsMissing = 3;

export function daemonStatus(
  heartbeat: { readonly at: Instant; readonly everyMs: DurationMs } | null,
  at: Instant,
): DaemonStatus {
  if (heartbeat === null) return { state: 'unknown', heartbeatAt: null };
  const isLate = at - heartbeat.at > heartbeat.everyMs * beatsMissing;
  return { state: isLate ? 'stopped' : 'works', heartbeatAt: heartbeat.at };
}

export function statusOf(state: State, daemon: DaemonStatus, at: Instant): Status {
  const { clusterName, region, mode } = state.settings;
  return {
    at,
    cluster: clusterName,
    region,
    mode,
    daemon,
    fleet: state.fleet,
    resources: resourcesOf(state),
    sets: setsOf(state, at),
    queues: queuesOf(state),
    gangs: gangsOf(state),
    jobs: [...state.jobs]
      .map(([jobId, tries]) => ({ jobId, ...tries }))
      .toSorted((a, b) => (a.nextAt ?? Infinity) - (b.nextAt ?? Infinity) || a.jobId - b.jobId),
    reservations: [...state.reservations.values()].toSorted((a, b) => a.since - b.since),
    limits: limitsOf(state, at),
  };
}

type Counts = { -readonly [Key in 'wanted' | 'held' | 'booting' | 'up' | 'spares']: number };

/** Those of the fleet in its order, and others that have instances: they were in it before. */
function resourcesOf(state: State): ResourceStatus[] {
  const rows = new Map<string, ResourceStatus & Counts>();
  const rowOf = (queue: string, computeResource: string, nodes: number | null): Counts => {
    const key = `${queue}/${computeResource}`;
    const found = rows.get(key);
    if (found !== undefined) return found;
    const row = { queue, computeResource, nodes, wanted: 0, held: 0, booting: 0, up: 0, spares: 0 };
    rows.set(key, row);
    return row;
  };
  const rowOfNode = (node: string): Counts => {
    const name = parseNodeName(node);
    return name.kind === 'error'
      ? rowOf('?', '?', null)
      : rowOf(name.queue, name.computeResource, null);
  };
  for (const queue of state.settings.queues ?? [])
    for (const { name, maxCount } of queue.computeResources) rowOf(queue.name, name, maxCount);
  for (const { node, given, isRegistered } of state.leases.values()) {
    const row = rowOfNode(node);
    row.held += 1;
    if (isRegistered) row.up += 1;
    else if (given) row.booting += 1;
  }
  for (const node of wantedNodes(state)) rowOfNode(node).wanted += 1;
  for (const { queue, computeResource } of state.spares.values())
    rowOf(queue, computeResource, null).spares += 1;
  return [...rows.values()];
}

function wantedNodes({ gangs, leases }: State): Set<string> {
  const wanted = new Set<string>();
  for (const gang of gangs.values()) {
    if (gang.phase === 'releasing') continue;
    for (const node of gang.nodes) if (!leases.has(node)) wanted.add(node);
  }
  return wanted;
}

function setsOf(state: State, at: Instant): SetStatus[] {
  return staticSetsOf(state.settings).map(({ key, nodes }) => {
    const held = nodes.filter((node) => state.leases.has(node)).length;
    const up = nodes.filter((node) => state.leases.get(node)?.isRegistered === true).length;
    const tried = state.sets.get(key);
    const { tries = 0, nextAt = null, code = '', message = '' } = tried ?? {};
    const isUnderWay = held > up || nodes.some((node) => state.claims.has(node));
    const isWaiting = tries > 0 && nextAt !== null && nextAt > at;
    const word =
      state.fleet.status === 'stopped'
        ? 'not kept'
        : up === nodes.length
          ? 'whole'
          : isUnderWay
            ? 'coming up'
            : isWaiting
              ? 'refused'
              : 'lacking';
    return { set: key, nodes: nodes.length, up, state: word, tries, nextAt, code, message };
  });
}

function queuesOf({ protection }: State): QueueStatus[] {
  return [...protection].map(([queue, { failures, since, why, console }]) => ({
    queue,
    failures,
    protectedSince: since,
    code: why?.code ?? '',
    message: why?.message ?? '',
    console,
  }));
}

function gangsOf(state: State): GangStatus[] {
  const open = [...state.gangs.values()].map((gang) => ({
    id: gang.id,
    jobIds: gang.jobIds,
    nodes: gang.nodes,
    phase: gang.phase,
    rung: gang.rung,
    since: gang.requestedAt,
    waitsFor: waitOf(state, gang),
  }));
  const booting = [...state.boots.values()].map((boot) => ({
    id: boot.gangId,
    jobIds: boot.jobIds,
    nodes: boot.nodes,
    phase: 'booting' as const,
    rung: null,
    since: boot.requestedAt,
    waitsFor: waitOfBoot(boot),
  }));
  return [...open, ...booting].toSorted((a, b) => a.since - b.since || (a.id < b.id ? -1 : 1));
}

/** What an open gang waits for. */
export function waitOf(state: State, gang: Gang): string {
  const { phase, missing, lastRefusal } = gang;
  switch (phase) {
    case 'asking':
      return 'Slurm, which is asked about its jobs';
    case 'assembling':
      return `${missing.length} more of its nodes, until ${timeOfDay(gang.assembleBy)}`;
    case 'waiting': {
      const before = gang.waitsFor.length === 1 ? 'gang' : 'gangs';
      if (gang.waitsFor.length > 0) return `${before} ${gang.waitsFor.join(', ')}`;
      const refused = lastRefusal === null ? '' : `, after ${lastRefusal.code}`;
      return `its next rung${refused}`;
    }
    case 'reserving': {
      const all = [...gang.reserving.values()];
      const held = all.filter((one) => one.reservationId !== null || one.isForgone).length;
      return `reservations: ${held} of ${all.length} are held`;
    }
    case 'launching':
      return waitOfLaunches(state, gang);
    case 'assigning':
      return 'Slurm, which is told the addresses';
    case 'releasing':
      return 'Slurm, which is asked who has its nodes now: its job is gone';
  }
}

function waitOfLaunches({ outstanding, leases }: State, gang: Gang): string {
  const batches = [...gang.batches.values()];
  const queued = batches.filter(({ effectId, sentAt }) => {
    const deferred = outstanding.get(effectId)?.deferredUntil;
    return sentAt === null || (deferred !== null && deferred !== undefined);
  });
  const held = gang.nodes.filter((node) => leases.get(node)?.gangId === gang.id).length;
  const sent = batches.length - queued.length;
  const parts = [`EC2: ${held} of ${gang.nodes.length} instances are there`];
  if (sent > 0) parts.push(counted(sent, 'call under way', 'calls under way'));
  if (queued.length > 0)
    parts.push(counted(queued.length, 'waits for its turn', 'wait for their turn'));
  return parts.join(', ');
}

function waitOfBoot({ nodes, awaiting, replacing, doom, registerBy }: Boot): string {
  if (doom !== null) return `being let go: ${doom.code}`;
  const up = nodes.length - awaiting.size;
  const again = replacing.size === 0 ? '' : `, ${replacing.size} replaced`;
  return `slurmd: ${up} of ${nodes.length} have registered${again}, until ${timeOfDay(registerBy)}`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** What is limited, and how much of it is used: as a gang that starts now would be held against it. */
function limitsOf(state: State, at: Instant): LimitStatus[] {
  const books = openLimitBooks(createDraft(state, at));
  if (books === null) return [];
  const { settings, launches } = state;
  const hour = (names: Iterable<string>): number =>
    [...names].reduce((sum, name) => sum + launchedInHour(launches.get(name), at), 0);
  const rows = (queue: string | null, limits: LaunchLimits | undefined): LimitStatus[] => {
    const usage = queue === null ? books.cluster : books.queues.get(queue);
    const launched = hour(queue === null ? launches.keys() : [queue]) + (usage?.asked ?? 0);
    const used: Record<keyof LaunchLimits, number> = {
      instances: usage?.instances ?? 0,
      launchesPerHour: launched,
      dollarsPerHour: usage?.dollars ?? 0,
    };
    return (Object.keys(used) as (keyof LaunchLimits)[]).flatMap((limit) => {
      const most = limits?.[limit] ?? null;
      return most === null ? [] : [{ queue, limit, used: used[limit], most }];
    });
  };
  const ofQueues = (settings.queues ?? []).flatMap((queue) => rows(queue.name, queue.limits));
  return [...rows(null, settings.limits), ...ofQueues];
}
