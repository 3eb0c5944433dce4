/**
 * Looks at Slurm and at EC2 while there is something to be seen: who has registered, whose job is gone, which instances
 * have ended or are nobody's. What is new becomes an event; the listings themselves go no further. Looks that fail are
 * counted as an outage, which status tells.
 */
import type { Event } from '../core/events.ts';
import type { State } from '../core/state.ts';
import type { DurationMs, Instant } from '../core/units.ts';
import { CloudError } from '../ports/cloud.ts';
import type { Log } from '../ports/log.ts';
import type { Outage, Outages } from '../ports/outages.ts';
import { createEc2Look } from './ec2-look.ts';
import type { World } from './effects.ts';
import { createFleetWatch } from './fleet-watch.ts';
import { createSlurmLook } from './slurm-look.ts';

/** Slurm answers a look within a second or two; where slurmctld hangs, its commands try for a minute. */
const unansweredMs: DurationMs = 15_000;

/** What fails is looked at so often at least: EC2 at rest is looked at every ten minutes, and may be back long before. */
const failedLookMs: DurationMs = 30_000;

export interface Watch {
  /** The state has changed: there may be something to look at now. */
  wake(): void;
  stop(): void;
  outages(): Outages;
}

export interface WatchParts {
  readonly world: World;
  readonly log: Log;
  readonly state: Readonly<State>;
  readonly enqueue: (event: Event) => void;
}

export function createWatch(parts: WatchParts): Watch {
  const { world, state } = parts;
  const slurm = createRound(parts, {
    what: 'Slurm',
    unansweredMs,
    ...createSlurmLook(world, state),
  });
  const ec2Look = createEc2Look(world, state);
  const fleetWatch = createFleetWatch(world, state, ec2Look.health);
  const ec2 = createRound(parts, {
    what: 'EC2',
    // It takes as long as there are instances; a call of it that gets no answer fails by itself.
    unansweredMs: Infinity,
    interval: ec2Look.interval,
    async look() {
      const seen = await ec2Look.look();
      // What is decided of it sends their jobs back: Slurm tells now which those are.
      if (seen?.kind === 'Ec2Seen' && seen.ended.length > 0) await fleetWatch.noteWork();
      return seen;
    },
  });
  const fleet = createRound(parts, { what: "Slurm's fleet", unansweredMs, ...fleetWatch });
  const rounds = [slurm, ec2, fleet];
  return {
    wake() {
      for (const round of rounds) round.wake();
    },
    stop() {
      for (const round of rounds) round.stop();
    },
    outages: () => ({ slurm: earlier(slurm.outage(), fleet.outage()), ec2: ec2.outage() }),
  };
}

function earlier(one: Outage | null, other: Outage | null): Outage | null {
  if (one === null || other === null) return one ?? other;
  return one.since <= other.since ? one : other;
}

interface Looking {
  readonly what: string;
  /** A look that has taken longer counts as failed, until it is answered. */
  readonly unansweredMs: DurationMs;
  /** How long until the next look; null: there is nothing to be seen. */
  readonly interval: () => DurationMs | null;
  readonly look: () => Promise<Event | null>;
}

interface Round extends Pick<Watch, 'wake' | 'stop'> {
  outage(): Outage | null;
}

/** Looks again and again while there is something to be seen, one look at a time; sooner when that becomes more urgent. */
function createRound(
  { world: { clock }, log, enqueue }: WatchParts,
  { what, unansweredMs: mostMs, interval, look }: Looking,
): Round {
  let next: { readonly at: Instant; readonly cancel: () => void } | null = null;
  let lookingSince: Instant | null = null;
  let isStopped = false;
  let failing: Outage | null = null;

  function cancel(): void {
    next?.cancel();
    next = null;
  }

  function wake(): void {
    if (lookingSince !== null || isStopped) return;
    const due = interval();
    if (due === null) {
      failing = null;
      return cancel();
    }
    const ms = failing === null ? due : Math.min(due, failedLookMs);
    const at = clock.now() + ms;
    if (next !== null && next.at <= at) return;
    cancel();
    next = { at, cancel: clock.schedule(ms, () => void lookOnce()) };
  }

  async function lookOnce(): Promise<void> {
    next = null;
    const askedAt = clock.now();
    lookingSince = askedAt;
    try {
      const event = await look();
      failing = null;
      if (event !== null && !isStopped) enqueue(event);
    } catch (error: unknown) {
      // Said once: it will be looked again, and that it is away shows elsewhere too.
      const message = `${what} cannot be looked at: ${String(error)}; it is tried again`;
      if (failing === null) log.write({ level: 'WARNING', source: 'muster.watch:look', message });
      failing = { since: failing?.since ?? askedAt, error: errorText(error) };
    } finally {
      lookingSince = null;
    }
    wake();
  }

  return {
    wake,
    stop() {
      isStopped = true;
      cancel();
    },
    outage() {
      if (failing !== null || lookingSince === null) return failing;
      const isLate = clock.now() - lookingSince > mostMs;
      return isLate ? { since: lookingSince, error: 'no answer yet' } : null;
    },
  };
}

/** EC2's code says more than its sentence, which may be long. */
function errorText(error: unknown): string {
  const code = error instanceof CloudError ? `${error.code}: ` : '';
  const said = error instanceof Error ? error.message : String(error);
  return `${code}${said}`.replaceAll(/\s+/g, ' ').slice(0, 500);
}
