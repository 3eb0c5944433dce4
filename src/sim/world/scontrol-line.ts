/**
 * The way from muster to slurmctld: scontrol, one process at a time in the order of the calls, as the adapter runs it,
 * and what reads, beside it. A process that runs ends its work even if muster has died since; calls that wait for their
 * turn die with muster.
 */
import type { DurationMs, Instant } from '../../core/units.ts';
import { SchedulerError, type JobChange, type Scheduler } from '../../ports/scheduler.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Chronicle } from './chronicle.ts';
import type { Dice } from './dice.ts';
import type { Weather } from './weather.ts';

export interface ScontrolLineParts {
  readonly slurm: Scheduler;
  readonly clock: VirtualClock;
  readonly chronicle: Chronicle;
  readonly weather: Weather;
  readonly dice: Dice;
  /** Whether the muster that calls still lives. */
  readonly isAlive: () => boolean;
}

interface Call {
  readonly what:
    | 'assign'
    | 'resume'
    | 'down'
    | 'power-down'
    | 'power-up'
    | 'drain'
    | 'undrain'
    | 'set-partitions'
    | 'update-job'
    | 'release-job';
  readonly act: () => Promise<void>;
  /** When it is not made any more. */
  readonly until: Instant;
  readonly resolve: () => void;
  readonly reject: (error: SchedulerError) => void;
}

export function createScontrolLine(parts: ScontrolLineParts): Scheduler {
  const { slurm, clock, dice, weather } = parts;
  const waiting: Call[] = [];
  let running = false;

  function next(): void {
    if (running || !parts.isAlive()) return;
    const call = waiting.shift();
    if (call === undefined) return;
    if (clock.now() > call.until) {
      call.reject(away('it has waited for its turn too long'));
      return next();
    }
    running = true;
    clock.schedule(dice.int(8, 60), () => {
      void finish(parts, call).then(() => {
        running = false;
        next();
      });
    });
  }

  function enqueue(
    what: Call['what'],
    act: () => Promise<void>,
    waitsMs: DurationMs = Infinity,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      waiting.push({ what, act, until: clock.now() + waitsMs, resolve, reject });
      next();
    });
  }

  /** Reads take no turn. What they tell may be old when it comes. */
  function read<T>(what: string, act: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!parts.isAlive()) return;
      clock.schedule(
        dice.int(8, 60),
        () => void finishRead(parts, what, act).then(resolve, reject),
      );
    });
  }

  /** slurmctld reads the head node's clock, as muster does; the model of Slurm goes by the virtual one, which never jumps. */
  function onSlurmsClock(change: JobChange): JobChange {
    if (change.startAt === undefined) return change;
    return { ...change, startAt: change.startAt - (weather.wall() - clock.now()) };
  }

  return {
    readConfig: () => read('show-config', () => slurm.readConfig()),
    listJobs: (jobIds) => read('list-jobs', () => slurm.listJobs(jobIds)),
    listAllocatedJobs: () => read('list-allocated-jobs', () => slurm.listAllocatedJobs()),
    listNodes: (nodes) => read('list-nodes', () => slurm.listNodes(nodes)),
    listFleet: () => read('list-fleet', () => slurm.listFleet()),
    listPartitions: () => read('list-partitions', () => slurm.listPartitions()),
    setPartitions: (names, isUp) =>
      enqueue('set-partitions', () => slurm.setPartitions(names, isUp)),
    releaseJob: (jobId) => enqueue('release-job', () => slurm.releaseJob(jobId)),
    updateJob: (jobId, change) =>
      enqueue('update-job', () => slurm.updateJob(jobId, onSlurmsClock(change))),
    drainNodes: (nodes, reason, waitsMs) =>
      enqueue('drain', () => slurm.drainNodes(nodes, reason), waitsMs),
    resumeNodes: (nodes) => enqueue('resume', () => slurm.resumeNodes(nodes)),
    undrainNodes: (nodes) => enqueue('undrain', () => slurm.undrainNodes(nodes)),
    assignNodes: (addresses) => enqueue('assign', () => slurm.assignNodes(addresses)),
    downNodes: (nodes, reason, waitsMs) =>
      enqueue('down', () => slurm.downNodes(nodes, reason), waitsMs),
    powerDownNodes: (nodes, waitsMs) =>
      enqueue('power-down', () => slurm.powerDownNodes(nodes), waitsMs),
    powerUpNodes: (nodes) => enqueue('power-up', () => slurm.powerUpNodes(nodes)),
  };
}

async function finish(parts: ScontrolLineParts, call: Call): Promise<void> {
  const { weather, chronicle, dice } = parts;
  if (weather.isOut('slurmctld') || weather.isOut('scontrol')) {
    await pause(parts, dice.int(100, 10_000));
    return call.reject(away('Unable to contact slurm controller'));
  }
  if (weather.strikes('scontrol', 0.06)) {
    const refuses = call.what === 'assign' && dice.chance(0.4);
    const done = !refuses && dice.chance(0.5);
    const word = refuses ? 'refused' : done ? 'done, and failed' : 'failed';
    chronicle.fault('scontrol', () => `${call.what} ${word}`);
    if (refuses) {
      return call.reject(
        new SchedulerError('slurm_update error: Invalid node state specified', {
          transient: false,
        }),
      );
    }
    // What scontrol says when it does something wrong is another matter than that it fails.
    if (done) await call.act().catch(() => undefined);
    await pause(parts, dice.pick([10, 2_000, 60_000]));
    return call.reject(away('no answer within 60 s'));
  }
  try {
    await call.act();
    call.resolve();
  } catch (error: unknown) {
    call.reject(error instanceof SchedulerError ? error : away(String(error)));
  }
}

/** Rejects with SchedulerError where slurmctld is away or the command fails, at once or late; it may be slow and answer. */
async function finishRead<T>(
  parts: ScontrolLineParts,
  what: string,
  act: () => Promise<T>,
): Promise<T> {
  const { weather, chronicle, dice } = parts;
  if (weather.isOut('slurmctld') || weather.isOut('scontrol')) {
    await pause(parts, dice.int(100, 10_000));
    throw away('Unable to contact slurm controller');
  }
  const told = await act();
  if (!weather.strikes('scontrol', 0.06)) return told;
  const fails = dice.chance(0.5);
  const ms = dice.pick([10, 2_000, 60_000]);
  chronicle.fault('scontrol', () => `${what} ${fails ? 'failed' : 'answers'} after ${ms / 1000} s`);
  await pause(parts, ms);
  if (fails) throw away('no answer within 60 s');
  return told;
}

function away(said: string): SchedulerError {
  return new SchedulerError(`slurm_update error: ${said}`, { transient: true });
}

function pause({ clock }: ScontrolLineParts, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(ms, resolve);
  });
}
