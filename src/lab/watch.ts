/**
 * `watch sinfo` and `watch squeue` of a scenario: looks about once a second and takes a picture of both whenever jobs or nodes
 * have changed, so that states that last a moment (`idle!`, `down#`) can be shown afterwards. The conditions of the phases ask the
 * same looks, and the accounting is fed by them: processes are the dearest part of a lab.
 */
import type { DurationMs, Instant } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { JobStatus, NodeStatus } from '../ports/slurm-commands.ts';
import { busyNodeCount } from './accounting.ts';
import type { BusySample } from './accounting.ts';
import type { ScenarioWorld } from './world.ts';

/** A look costs two processes or four: of labs side by side, looks would soon be most of the work. */
const REST_MS = 1_000;

/**
 * Waits until it is time for another look at Slurm after one that took from `since` till now. A look costs processes: on a
 * busy machine, where it takes longer, there are fewer of them.
 */
export function restAfterLook(clock: Clock, since: Instant): Promise<void> {
  return sleep(clock, Math.max(REST_MS, clock.now() - since));
}

export interface Watch {
  /** Pictures since `from`, a length read earlier (0 for all). */
  readonly sinfo: readonly string[];
  readonly squeue: readonly string[];
  readonly samples: readonly BusySample[];
  stop(): Promise<void>;
  /** Looks at once, so that what follows sees the present. Rejects where Slurm does not answer. */
  look(): Promise<Look>;
}

/** What Slurm told. */
export interface Look {
  readonly jobs: readonly JobStatus[];
  readonly nodes: readonly NodeStatus[];
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
  let last: Promise<unknown> = Promise.resolve();
  let lookedAt: Instant = -Infinity;
  let pictured = '';

  async function lookNow(): Promise<Look> {
    lookedAt = world.clock.now();
    const [jobs, nodes] = await Promise.all([world.slurm.jobs(), world.slurm.nodes()]);
    samples.push({ at: world.clock.now(), busyNodes: busyNodeCount(jobs) });
    const seen = JSON.stringify([jobs, nodes]);
    if (seen !== pictured) await takePictures();
    pictured = seen;
    return { jobs, nodes };
  }

  async function takePictures(): Promise<void> {
    const [sinfoNow, squeueNow] = await Promise.all([world.slurm.sinfo(), world.slurm.squeue()]);
    const nodes = sinfoNow.trimEnd();
    const queue = squeueNow.trimEnd();
    if (sinfo.at(-1) !== nodes) {
      sinfo.push(nodes);
      world.progress({ kind: 'picture', sinfo: nodes });
    }
    if (withoutTimes(squeue.at(-1) ?? '') !== withoutTimes(queue)) squeue.push(queue);
  }

  /** One look at a time, in order: a look that is asked for waits for the one under way. */
  function look(): Promise<Look> {
    const next = last.then(lookNow, lookNow);
    last = next;
    return next;
  }

  async function keepLooking(): Promise<void> {
    while (running) {
      const since = world.clock.now();
      try {
        // Not while a condition looks more often.
        if (since - lookedAt >= REST_MS) await look();
      } catch {
        // A command that failed once (slurmctld busy) is asked again; the scenario's own questions report a Slurm that is gone.
      }
      await restAfterLook(world.clock, since);
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
