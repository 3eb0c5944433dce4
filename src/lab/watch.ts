/**
 * `watch sinfo` and `watch squeue` of a scenario: looks several times a second and keeps each picture that differs from
 * the one before, so that states that last a moment (`idle!`, `down#`) can be shown afterwards. The same looks feed the
 * accounting and report how far nodes have booted.
 */
import type { Clock } from '../ports/clock.ts';
import type { DurationMs } from '../core/units.ts';
import { busyNodeCount } from './accounting.ts';
import type { BusySample } from './accounting.ts';
import type { ScenarioWorld } from './world.ts';

export const WATCH_INTERVAL_MS = 250;

export interface Watch {
  /** Pictures since `from`, a length read earlier (0 for all). */
  readonly sinfo: readonly string[];
  readonly squeue: readonly string[];
  readonly samples: readonly BusySample[];
  /** Looks once more, at once, and ends. */
  stop(): Promise<void>;
  /** Looks at once, so that what follows sees the present. */
  look(): Promise<void>;
}

/** Resolves `ms` later by the world's clock. */
export function sleep(clock: Clock, ms: DurationMs): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(ms, resolve);
  });
}

export function startWatch(world: ScenarioWorld): Watch {
  const sinfo: string[] = [];
  const squeue: string[] = [];
  const samples: BusySample[] = [];
  let running = true;
  let last: Promise<void> = Promise.resolve();

  async function lookNow(): Promise<void> {
    const [sinfoNow, squeueNow, jobs] = await Promise.all([
      world.slurm.sinfo(),
      world.slurm.squeue(),
      world.slurm.jobs(),
    ]);
    const nodes = sinfoNow.trimEnd();
    const queue = squeueNow.trimEnd();
    if (sinfo.at(-1) !== nodes) {
      sinfo.push(nodes);
      world.progress({ kind: 'picture', sinfo: nodes });
    }
    if (withoutTimes(squeue.at(-1) ?? '') !== withoutTimes(queue)) squeue.push(queue);
    samples.push({ at: world.clock.now(), busyNodes: busyNodeCount(jobs) });
  }

  /** One look at a time, in order: a look that is asked for waits for the one under way. */
  function look(): Promise<void> {
    last = last.then(lookNow, lookNow);
    return last;
  }

  async function keepLooking(): Promise<void> {
    while (running) {
      try {
        await look();
      } catch {
        // A command that failed once (slurmctld busy) is asked again; the scenario's own questions report a Slurm that is gone.
      }
      await sleep(world.clock, WATCH_INTERVAL_MS);
    }
  }
  const loop = keepLooking();

  return {
    sinfo,
    squeue,
    samples,
    look,
    async stop() {
      running = false;
      await loop;
    },
  };
}

/** The queue without its TIME column, which changes every second and says nothing new. */
export function withoutTimes(squeue: string): string {
  return squeue.replaceAll(/\s+(?:[0-9]+-)?(?:[0-9]+:)?[0-9]+:[0-9]{2}\b/g, ' t');
}
