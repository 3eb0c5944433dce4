/**
 * Looks at Slurm and at EC2 while there is something to be seen: who has registered, whose job is gone, which instances
 * have ended or are nobody's. What is new becomes an event; the listings themselves go no further.
 */
import type { Event } from '../core/events.ts';
import type { State } from '../core/state.ts';
import type { DurationMs, Instant } from '../core/units.ts';
import type { Log } from '../ports/log.ts';
import { createEc2Look } from './ec2-look.ts';
import type { World } from './effects.ts';
import { createFleetWatch } from './fleet-watch.ts';
import { createSlurmLook } from './slurm-look.ts';

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
  const slurm = createRound(parts, { what: 'Slurm', ...createSlurmLook(world, state) });
  const ec2Look = createEc2Look(world, state);
  const fleetWatch = createFleetWatch(world, state, ec2Look.health);
  const ec2 = createRound(parts, {
    what: 'EC2',
    interval: ec2Look.interval,
    async look() {
      const seen = await ec2Look.look();
      // What is decided of it sends their jobs back: Slurm tells now which those are.
      if (seen?.kind === 'Ec2Seen' && seen.ended.length > 0) await fleetWatch.noteWork();
      return seen;
    },
  });
  const fleet = createRound(parts, { what: "Slurm's fleet", ...fleetWatch });
  const rounds = [slurm, ec2, fleet];
  return {
    wake() {
      for (const round of rounds) round.wake();
    },
    stop() {
      for (const round of rounds) round.stop();
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
