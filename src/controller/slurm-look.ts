/**
 * The look at Slurm: who has registered, who should have by now, whose job is gone, whom the nodes of a gang that is let go
 * serve, and jobs for which Slurm calls nobody.
 *
 * While slurmctld is away no slurmd can register, and deadlines pass all the same: when it is back, they get the time to do
 * so before anybody is late.
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
  silentJobs,
  watchesSlurm,
  type SeenJob,
} from '../core/observe.ts';
import type { State } from '../core/state.ts';
import type { DurationMs, Instant } from '../core/units.ts';
import type { SchedulerJob } from '../ports/scheduler.ts';
import type { World } from './effects.ts';
import { factsOf } from './slurm-talk.ts';

/** A job that waits for its nodes is looked at so often: Slurm itself looks every thirty seconds whether it may start. */
const slurmLookMs: DurationMs = 5_000;
/** A gang that is let go waits for nothing but this look. */
const soonMs: DurationMs = 100;

/** An answer that took longer says too little of whom a node serves now. */
const freshMs: DurationMs = 3_000;

/** Slurm has answered no look for so long: it was away, and not only slow. */
const awayMs: DurationMs = 15_000;
/** A slurmd that could not register tries again after a second, or ten where its connection hung. */
const settleMs: DurationMs = 30_000;

export interface SlurmLook {
  /** How long until the next look; null: there is nothing to be seen. */
  interval(): DurationMs | null;
  /** What is new; null: nothing. Rejects where Slurm does not answer. */
  look(): Promise<Event | null>;
}

export function createSlurmLook(
  world: Pick<World, 'scheduler' | 'clock'>,
  state: Readonly<State>,
): SlurmLook {
  const { clock } = world;
  /** When the last look began that Slurm answered, or since when there is something to be seen; null while there is nothing. */
  let answeredAt: Instant | null = null;
  /** Since when Slurm answers. A start may be the head node's own: slurmctld was away with it. */
  let backAt = clock.now();

  return {
    interval() {
      if (!watchesSlurm(state)) {
        answeredAt = null;
        return null;
      }
      answeredAt ??= clock.now();
      return hasDoomedBoot(state) ? soonMs : slurmLookMs;
    },
    async look() {
      const askedAt = clock.now();
      const seen = await lookAtSlurm(world, state, askedAt);
      // What was asked while it was away may be answered when it is back.
      if (answeredAt !== null && askedAt - answeredAt > awayMs) backAt = clock.now();
      answeredAt = askedAt;
      const isSettled = clock.now() - backAt >= settleMs;
      return eventOf(clock.now(), isSettled ? seen : { ...seen, late: [] });
    },
  };
}

type Seen = Omit<Extract<Event, { kind: 'SlurmSeen' }>, 'kind' | 'at'>;

function eventOf(at: Instant, seen: Seen): Event | null {
  const { registered, gone, late, doomed, silent } = seen;
  const news = registered.length + gone.length + late.length + doomed.length;
  return news === 0 && silent === null ? null : { kind: 'SlurmSeen', at, ...seen };
}

async function lookAtSlurm(
  { scheduler, clock }: Pick<World, 'scheduler' | 'clock'>,
  state: State,
  askedAt: Instant,
): Promise<Seen> {
  const awaited = awaitedNodes(state);
  const jobs = (await scheduler.listAllocatedJobs()).map(seenJob);
  const shownAt = clock.now();
  const listed = awaited.length === 0 ? [] : await scheduler.listNodes(awaited);
  const up = listed.filter(({ power, isDown }) => power === 'up' && !isDown);
  const listing = { askedAt, jobs, up: up.map(({ node }) => node) };
  const silent = await askSilent(scheduler, state, askedAt, silentJobs(state, listing));
  const registered = listing.up.filter((node) => state.leases.get(node)?.isRegistered === false);
  const gone = goneJobs(state, listing);
  const booting = listed.filter(({ power, isDown }) => power === 'powering-up' || isDown);
  const isFresh = (since: Instant): boolean => clock.now() - since <= freshMs;
  // Whose instances are ended next: one that powered up a minute ago may be at work by now.
  const late = isFresh(shownAt)
    ? lateAwaited(
        state,
        askedAt,
        booting.map(({ node }) => node),
      )
    : [];
  // Whom nodes serve changes: what was asked long ago is asked again before any of them is taken down.
  const doomed = isFresh(askedAt) ? doomedBoots(state, listing) : [];
  return { registered, late, doomed, gone, silent };
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
