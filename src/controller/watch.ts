/**
 * Looks at Slurm and at EC2 while there is something to be seen: who has registered, whose job is gone, which instances
 * have ended or are nobody's. What is new becomes an event; the listings themselves go no further.
 */
import type { Event } from '../core/events.ts';
import { foldHostlist } from '../core/hostlist.ts';
import type { JobFacts } from '../core/job-facts.ts';
import {
  awaitedNodes,
  doomedBoots,
  goneJobs,
  hasDoomedBoot,
  isOnItsWay,
  lateAwaited,
  observeEc2,
  silentJobs,
  watchesSlurm,
  type SeenJob,
} from '../core/observe.ts';
import type { State } from '../core/state.ts';
import type { DurationMs, Instant } from '../core/units.ts';
import { factsOf } from './slurm-talk.ts';
import type { World } from './effects.ts';
import { verdictOf } from '../core/verdict.ts';
import { CloudError } from '../ports/cloud.ts';
import type { Log } from '../ports/log.ts';
import type { SchedulerJob } from '../ports/scheduler.ts';

/** A job that waits for its nodes is looked at so often: Slurm itself looks every thirty seconds whether it may start. */
const slurmLookMs: DurationMs = 5_000;
/** A gang that is let go waits for nothing but this look. */
const soonMs: DurationMs = 100;

/** An answer that took longer says too little of whom a node serves now. */
const freshMs: DurationMs = 3_000;

/** Reading one instance of a long listing takes EC2's SDK a quarter of a millisecond. */
const ec2LookMs: DurationMs = 30_000;
const ec2RestingMs: DurationMs = 120_000;
const ec2LookMsEach = 10;

export interface Watch {
  /** The state has changed: there may be something to look at now. */
  wake(): void;
  stop(): void;
}

export interface WatchParts {
  readonly world: World;
  readonly log: Log;
  readonly state: Readonly<State>;
  readonly enqueue: (event: Event) => void;
}

export function createWatch(parts: WatchParts): Watch {
  const { world, state } = parts;
  /** After a start EC2 is looked at once in any case: a crash may have left something there. */
  let ec2Looks = 0;
  const slurm = createRound(parts, {
    what: 'Slurm',
    interval: () => (hasDoomedBoot(state) ? soonMs : watchesSlurm(state) ? slurmLookMs : null),
    look: () => lookAtSlurm(world, state),
  });
  const ec2 = createRound(parts, {
    what: 'EC2',
    interval: () => ec2Interval(state, ec2Looks),
    look: async () => {
      const event = await lookAtEc2(world, state);
      ec2Looks += 1;
      return event;
    },
  });
  return {
    wake() {
      slurm.wake();
      ec2.wake();
    },
    stop() {
      slurm.stop();
      ec2.stop();
    },
  };
}

interface Looking {
  readonly what: string;
  /** How long until the next look; null: there is nothing to be seen. */
  readonly interval: () => DurationMs | null;
  readonly look: () => Promise<Event | null>;
}

/** Looks again and again while there is something to be seen, one look at a time; sooner when that becomes more urgent. */
function createRound(
  { world: { clock }, log, enqueue }: WatchParts,
  { what, interval, look }: Looking,
): Watch {
  let next: { readonly at: Instant; readonly cancel: () => void } | null = null;
  let isLooking = false;
  let isStopped = false;
  let hasFailed = false;

  function cancel(): void {
    next?.cancel();
    next = null;
  }

  function wake(): void {
    if (isLooking || isStopped) return;
    const ms = interval();
    if (ms === null) return cancel();
    const at = clock.now() + ms;
    if (next !== null && next.at <= at) return;
    cancel();
    next = { at, cancel: clock.schedule(ms, () => void lookOnce()) };
  }

  async function lookOnce(): Promise<void> {
    next = null;
    isLooking = true;
    try {
      const event = await look();
      hasFailed = false;
      if (event !== null && !isStopped) enqueue(event);
    } catch (error: unknown) {
      // Said once: it will be looked again, and that it is away shows elsewhere too.
      const message = `${what} cannot be looked at: ${String(error)}; it is tried again`;
      if (!hasFailed) log.write({ level: 'WARNING', source: 'muster.watch:look', message });
      hasFailed = true;
    } finally {
      isLooking = false;
    }
    wake();
  }

  return {
    wake,
    stop() {
      isStopped = true;
      cancel();
    },
  };
}

function ec2Interval(
  { leases, gangs, boots, reservations }: State,
  looks: number,
): DurationMs | null {
  const isBusy = gangs.size > 0 || boots.size > 0 || reservations.size > 0;
  if (!isBusy && leases.size === 0 && looks > 0) return null;
  return (isBusy ? ec2LookMs : ec2RestingMs) + leases.size * ec2LookMsEach;
}

async function lookAtSlurm({ scheduler, clock }: World, state: State): Promise<Event | null> {
  const askedAt = clock.now();
  const awaited = awaitedNodes(state);
  const jobs = (await scheduler.listAllocatedJobs()).map(seenJob);
  const listed = awaited.length === 0 ? [] : await scheduler.listNodes(awaited);
  const up = listed.filter(({ power, isDown }) => power === 'up' && !isDown);
  const listing = { askedAt, jobs, up: up.map(({ node }) => node) };
  const silent = await askSilent(scheduler, state, askedAt, silentJobs(state, listing));
  const registered = listing.up.filter((node) => state.leases.get(node)?.isRegistered === false);
  const gone = goneJobs(state, listing);
  const booting = listed.filter(({ power, isDown }) => power === 'powering-up' || isDown);
  const late = lateAwaited(
    state,
    askedAt,
    booting.map(({ node }) => node),
  );
  // Whom nodes serve changes: what was asked long ago is asked again before any of them is taken down.
  const isFresh = clock.now() - askedAt <= freshMs;
  const doomed = isFresh ? doomedBoots(state, listing) : [];
  const news = registered.length + gone.length + late.length + doomed.length;
  if (news === 0 && silent === null) return null;
  return { kind: 'SlurmSeen', at: clock.now(), registered, late, doomed, gone, silent };
}

/** Which of the jobs' nodes are on their way for others, and which of the rest are not up. */
async function askSilent(
  scheduler: World['scheduler'],
  state: State,
  askedAt: Instant,
  jobs: readonly SeenJob[],
): Promise<Extract<Event, { kind: 'SlurmSeen' }>['silent']> {
  if (jobs.length === 0) return null;
  const nodes = [...new Set(jobs.flatMap((job) => job.nodeList))];
  const listed = await scheduler.listNodes(nodes);
  const absent = listed.filter(({ power }) => power !== 'up').map(({ node }) => node);
  const asked = absent.filter((node) => isOnItsWay(state, node, askedAt));
  if (asked.length === 0) return null;
  const others = absent.filter((node) => !asked.includes(node));
  return { asked, told: { jobs: jobs.map(withoutList), absent: foldHostlist(others) } };
}

function withoutList({ nodeList: _list, isConfiguring: _is, ...facts }: SeenJob): JobFacts {
  return facts;
}

function seenJob(job: SchedulerJob): SeenJob {
  return { ...factsOf(job), nodeList: job.nodes, isConfiguring: job.state === 'CONFIGURING' };
}

async function lookAtEc2({ cloud, clock }: World, state: State): Promise<Event | null> {
  const askedAt = clock.now();
  const tags = { 'muster:cluster': state.settings.clusterName };
  const instances = await cloud.describeByTags(tags);
  const reservations = await cloud.describeReservations(tags).catch((error: unknown) => {
    // Who may not reserve has none: the look at the instances goes on.
    if (error instanceof CloudError && verdictOf(error.code) === 'configuration') return [];
    throw error;
  });
  const differences = observeEc2(state, {
    askedAt,
    instances: instances.map(({ instanceId, state: phase, clientToken, launchedAt }) => ({
      instanceId,
      isAlive: phase === 'pending' || phase === 'running',
      clientToken,
      launchedAt,
    })),
    reservations: reservations
      .filter((each) => each.state === 'pending' || each.state === 'active')
      .map((each) => ({
        reservationId: each.reservationId,
        tag: each.tags['muster:reservation'] ?? '',
      })),
  });
  const { ended, strays, strayReservations } = differences;
  if (ended.length + strays.length + strayReservations.length === 0) return null;
  return { kind: 'Ec2Seen', at: clock.now(), ...differences };
}
