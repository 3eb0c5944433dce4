/**
 * The reconcile loop's looks: Slurm's nodes and partitions in one listing each, compared with the leases and with what EC2
 * last said of their instances. What has been wrong with a node for long enough becomes one event (core/judge.ts has the
 * table). A look that fails is no look: nothing is judged by it, and nothing that was noticed is forgotten.
 */
import type { Event } from '../core/events.ts';
import {
  judgedTogether,
  judgeFleet,
  type FleetListing,
  type HealthListing,
  type SeenPartition,
} from '../core/fleet-facts.ts';
import { pastJobs, refusedJobs, type PastJobs } from '../core/past-jobs.ts';
import type { State } from '../core/state.ts';
import { observeSets, watchesSets } from '../core/static-sets.ts';
import {
  confirmedStruck,
  settledSurvivors,
  struckJobs,
  type StruckJob,
  type SurvivorsSettled,
} from '../core/survivors.ts';
import { ripen, type Suspicions } from '../core/suspicion.ts';
import type { DurationMs, Instant } from '../core/units.ts';
import type { InstanceStatus } from '../ports/cloud.ts';
import type { SchedulerJob, SchedulerNode } from '../ports/scheduler.ts';
import type { World } from './effects.ts';

/** While something goes on, or a node is not as it should be. */
const busyLookMs: DurationMs = 10_000;
/** Of what goes wrong at rest nothing is lost within this. */
const restingLookMs: DurationMs = 30_000;

/** Static nodes are powered up soon after a start. */
const firstLookMs: DurationMs = 1_000;

/** Partitions are set by hand, rarely. */
const partitionsKeptMs: DurationMs = 30_000;

/** An answer that took longer may be about nodes that have jobs by now. */
const freshMs: DurationMs = 10_000;

/** On a full cluster one job takes another one's nodes within a look, and the same nodes are at work as before. */
const workKeptMs: DurationMs = 60_000;

/** The nodes that are at work, and the jobs that run there. */
interface Work {
  readonly at: Instant;
  readonly busy: readonly string[];
  readonly jobs: readonly SchedulerJob[];
}

export interface FleetWatch {
  /** How long until the next look; null: there is no fleet to look at. */
  interval(): DurationMs | null;
  look(): Promise<Event | null>;
  /**
   * Notes which jobs run where, before they are sent back: instances of theirs have ended. Never rejects: without that what is
   * left of a job that began since the last look idles for SuspendTime.
   */
  noteWork(): Promise<void>;
}

/** `health`: the last listing of EC2's that was answered. */
export function createFleetWatch(
  { scheduler, clock }: Pick<World, 'scheduler' | 'clock'>,
  state: Readonly<State>,
  health: () => HealthListing | null,
): FleetWatch {
  let looks = 0;
  let suspicions: Suspicions = new Map();
  let work: Work = { at: 0, busy: [], jobs: [] };
  let pastAskedAt: Instant = -Infinity;
  let partitions: { readonly at: Instant; readonly list: readonly SeenPartition[] } | null = null;

  async function listPartitions(now: Instant): Promise<readonly SeenPartition[]> {
    if (partitions === null || partitions.at + partitionsKeptMs <= now)
      partitions = { at: now, list: await scheduler.listPartitions() };
    return partitions.list;
  }

  /** Of jobs that run: asked for when other nodes are at work than the last time, and once a minute. */
  async function listWork(nodes: readonly SchedulerNode[], isStale: boolean): Promise<Work> {
    const at = clock.now();
    const busy = nodes.flatMap(({ node, power, isBusy }) =>
      isBusy && power === 'up' ? [node] : [],
    );
    const isSame =
      busy.length === work.busy.length && busy.every((node, index) => node === work.busy[index]);
    if (isSame && !isStale && at - work.at < workKeptMs) return work;
    const jobs = busy.length === 0 ? [] : await scheduler.listAllocatedJobs();
    return { at, busy, jobs: jobs.filter(isRunning) };
  }

  /** Another job may have had the nodes when one of them was lost: what became of these, Slurm tells now. */
  async function confirm(suspected: readonly StruckJob[]): Promise<readonly StruckJob[]> {
    const ids = suspected.map(({ jobId }) => jobId);
    return ids.length === 0 ? [] : confirmedStruck(suspected, await scheduler.listJobs(ids));
  }

  /** Once a minute, as long as there are refused jobs. */
  async function listPast(at: Instant): Promise<PastJobs | null> {
    if (pastAskedAt + workKeptMs > at) return null;
    const asked = refusedJobs(state, at);
    if (asked.length === 0) return null;
    const past = pastJobs(asked, await scheduler.listJobs(asked));
    pastAskedAt = at;
    return past;
  }

  async function listSettled(at: Instant): Promise<readonly SurvivorsSettled[]> {
    const ids = [...state.survivors.keys()];
    return ids.length === 0 ? [] : settledSurvivors(state, await scheduler.listJobs(ids), at);
  }

  return {
    async noteWork() {
      const jobs = await scheduler.listAllocatedJobs().catch(() => null);
      if (jobs !== null) work = { at: clock.now(), busy: [], jobs: jobs.filter(isRunning) };
    },
    interval() {
      const { leases, gangs, boots, survivors, outstanding, settings, sets } = state;
      if (leases.size === 0 && settings.queues === null && gangs.size === 0) return null;
      if (looks === 0 && watchesSets(state)) return firstLookMs;
      const underWay = gangs.size + boots.size + survivors.size + outstanding.size + sets.size;
      const isBusy = underWay + suspicions.size > 0;
      return isBusy ? busyLookMs : restingLookMs;
    },
    async look() {
      looks += 1;
      const askedAt = clock.now();
      const [nodes, shown] = await Promise.all([scheduler.listFleet(), listPartitions(askedAt)]);
      const suspected = struckJobs(state, work.jobs, nodes);
      const struck = await confirm(suspected);
      const settled = await listSettled(askedAt);
      const working = await listWork(nodes, suspected.length > 0);
      const past = await listPast(askedAt);
      if (clock.now() - askedAt > freshMs) return null;
      const listing: FleetListing = { askedAt, nodes, partitions: shown };
      const judged = judgeFleet(state, listing, health());
      const rules = new Map([...judged].map(([node, { rule }]) => [node, rule]));
      const after = ripen(suspicions, rules, askedAt);
      suspicions = after.suspicions;
      work = working;
      const needs = observeSets(state, listing);
      const news = after.ripe.length + struck.length + settled.length + needs.length;
      if (news === 0 && past === null) return null;
      const found = judgedTogether(after.ripe, judged);
      return {
        ...{ kind: 'FleetSeen', at: clock.now(), askedAt, judged: found, struck, settled, needs },
        ...(past !== null && { past }),
      };
    },
  };
}

function isRunning({ state }: SchedulerJob): boolean {
  return state === 'RUNNING';
}

/** What EC2's listing of states says of the instances, by their ids. */
export function healthOf(statuses: readonly InstanceStatus[], askedAt: Instant): HealthListing {
  const instances = new Map(
    statuses.map(({ instanceId, state, impairedSince, event }) => [
      instanceId,
      {
        isAlive: state === 'pending' || state === 'running',
        impairedSince,
        event: event === null ? null : eventText(event),
      },
    ]),
  );
  return { askedAt, instances };
}

function eventText({ code, description, notBefore }: NonNullable<InstanceStatus['event']>): string {
  const when = notBefore === null ? '' : ` not before ${new Date(notBefore).toISOString()}`;
  return `${code}${when}${description === '' ? '' : ` (${description})`}`;
}
