/**
 * Phases of a scenario: what each had to show, and the numbers that it leaves behind.
 *
 * `expect` notes whether something holds; `require` notes it too and, when it does not hold, ends the scenario, because
 * what would follow has lost its ground. Conditions are waited for with a limit, never slept for.
 */
import type { DurationMs, Instant } from '../core/units.ts';
import type { JobStatus, NodeStatus } from '../ports/slurm-commands.ts';
import { busySeconds, countJobs, hasEnded, paidSeconds } from './accounting.ts';
import { restAfterLook, startWatch } from './watch.ts';
import type { Watch } from './watch.ts';
import type {
  CloudStats,
  Expectation,
  JobCounts,
  LabInstance,
  PhaseResult,
  ReservationCounts,
  ScenarioWorld,
} from './world.ts';

export interface Phase {
  /** Notes one thing that the phase had to show. */
  expect(what: string, check: Check): void;
  /**
   * Waits until `check` holds, and notes it; when the time is over, ends the scenario. Resolves to the view in which it
   * held: what else must hold at that moment is asked of that view, because the next look may come seconds later.
   */
  require(what: string, limitMs: DurationMs, check: (view: View) => Check): Promise<View>;
  /** Waits like `require`, but goes on when the time is over. */
  settle(what: string, limitMs: DurationMs, check: (view: View) => Check): Promise<View>;
  /** The job counts of the phase are those of this view, not of its end. */
  countJobs(view: View): void;
  /** Shows what sinfo and squeue print now. */
  show(): Promise<void>;
  view(): Promise<View>;
}

export interface Check {
  readonly ok: boolean;
  readonly want: string;
  readonly saw: string;
}

/** Everything a condition may look at, taken in one moment; jobs, instances and log are those of the phase. */
export interface View {
  readonly jobs: readonly JobStatus[];
  readonly nodes: readonly NodeStatus[];
  readonly cloud: CloudStats;
  readonly launched: readonly LabInstance[];
  readonly terminated: readonly LabInstance[];
  readonly alive: readonly LabInstance[];
  readonly runInstancesCalls: number;
  readonly reservations: ReservationCounts;
  readonly log: readonly string[];
  /** Pictures of sinfo in this phase. */
  readonly sinfo: readonly string[];
}

/** Ends a scenario whose phase could not show what the next one stands on. */
export class ScenarioStopped extends Error {}

/** Limits are those of a machine that has time; another may need so many times as long. Only what fails waits for it. */
const PATIENCE = 2;

/** Equality as a check. */
export function equals(want: number | string, saw: number | string): Check {
  return { ok: want === saw, want: String(want), saw: String(saw) };
}

export function holds(ok: boolean, want: string, saw: string): Check {
  return { ok, want, saw };
}

export interface PhasePlan {
  readonly name: string;
  readonly text: string;
  /** What instances of earlier phases cost is left out of this one's account. */
  readonly ownInstancesOnly?: boolean;
  /** Jobs that ended in earlier phases count in this one, too. */
  readonly allJobs?: boolean;
  run(phase: Phase): Promise<void>;
}

/** Runs the phases of a scenario in order; those after one that stopped the scenario are left out. */
export async function runPhases(
  world: ScenarioWorld,
  phases: readonly PhasePlan[],
): Promise<readonly PhaseResult[]> {
  const results: PhaseResult[] = [];
  const watch = startWatch(world);
  try {
    for (const plan of phases) {
      world.progress({ kind: 'phase', name: plan.name, text: plan.text });
      const recorder = await startRecorder(world, watch, plan);
      let stopped = false;
      try {
        await plan.run(recorder.phase);
      } catch (error: unknown) {
        if (!(error instanceof ScenarioStopped)) throw error;
        stopped = true;
      }
      results.push(await recorder.end());
      if (stopped) break;
    }
  } finally {
    await watch.stop();
  }
  return results;
}

interface Recorder {
  readonly phase: Phase;
  end(): Promise<PhaseResult>;
}

interface Start {
  readonly at: Instant;
  readonly cloud: CloudStats;
  readonly logLines: number;
  /** Jobs that are not the phase's: they had ended before it. */
  readonly endedJobs: ReadonlySet<string>;
  readonly sinfo: number;
  readonly squeue: number;
}

async function startRecorder(
  world: ScenarioWorld,
  watch: Watch,
  plan: PhasePlan,
): Promise<Recorder> {
  const [cloud, log, jobs] = await Promise.all([
    world.cloud.stats(),
    world.muster.logLines(),
    world.slurm.jobs(),
  ]);
  const start: Start = {
    at: world.clock.now(),
    cloud,
    logLines: log.length,
    endedJobs: new Set(plan.allJobs === true ? [] : jobs.filter(hasEnded).map((job) => job.id)),
    // The picture that the phase begins with is part of it.
    sinfo: Math.max(0, watch.sinfo.length - 1),
    squeue: Math.max(0, watch.squeue.length - 1),
  };
  const expected: Expectation[] = [];
  let counts: JobCounts | null = null;
  const note = (what: string, check: Check): void => {
    expected.push({ what, ...check });
  };
  const phase: Phase = {
    expect: note,
    async require(what, limitMs, check) {
      const last = await waitFor(world, limitMs, () => viewOf(world, watch, start), check);
      note(what, last.check);
      if (!last.check.ok) throw new ScenarioStopped(what);
      return last.view;
    },
    async settle(what, limitMs, check) {
      const last = await waitFor(world, limitMs, () => viewOf(world, watch, start), check);
      note(what, last.check);
      return last.view;
    },
    countJobs(view) {
      counts = countJobs(view.jobs);
    },
    async show() {
      await watch.look();
      world.progress({
        kind: 'moment',
        sinfo: watch.sinfo.at(-1) ?? '',
        squeue: (await world.slurm.squeue()).trimEnd(),
      });
    },
    view: () => viewOf(world, watch, start),
  };
  return {
    phase,
    async end() {
      const view = await viewOf(world, watch, start);
      const end = world.clock.now();
      world.progress({ kind: 'log', lines: view.log });
      const counted = plan.ownInstancesOnly === true ? view.launched : view.cloud.instances;
      const paid = paidSeconds(counted, start.at, end);
      const busy = busySeconds(watch.samples, start.at, end);
      return {
        name: plan.name,
        jobs: counts ?? countJobs(view.jobs),
        instances: { launched: view.launched.length, terminated: view.terminated.length },
        runInstancesCalls: view.runInstancesCalls,
        reservations: view.reservations,
        instanceSecondsWithoutJob: Math.max(0, Math.round((paid - busy) * 10) / 10),
        sinfo: view.sinfo,
        squeue: watch.squeue.slice(start.squeue),
        log: view.log,
        expected,
      };
    },
  };
}

async function viewOf(world: ScenarioWorld, watch: Watch, start: Start): Promise<View> {
  const [{ jobs, nodes }, cloud, log] = await Promise.all([
    watch.look(),
    world.cloud.stats(),
    world.muster.logLines(),
  ]);
  const before = new Set(start.cloud.instances.map((instance) => instance.instanceId));
  const wasOver = new Set(
    start.cloud.instances.filter((one) => one.terminatedAt !== null).map((one) => one.instanceId),
  );
  const launched = cloud.instances.filter((one) => !before.has(one.instanceId));
  return {
    jobs: jobs.filter((job) => !start.endedJobs.has(job.id)),
    nodes,
    cloud,
    launched,
    terminated: cloud.instances.filter(
      (one) => one.terminatedAt !== null && !wasOver.has(one.instanceId),
    ),
    alive: launched.filter((one) => one.terminatedAt === null),
    runInstancesCalls: cloud.runInstancesCalls - start.cloud.runInstancesCalls,
    reservations: {
      made: cloud.reservations.made - start.cloud.reservations.made,
      cancelled: cloud.reservations.cancelled - start.cloud.reservations.cancelled,
    },
    log: log.slice(start.logLines),
    sinfo: watch.sinfo.slice(start.sinfo),
  };
}

/** Looks until the check holds or the time is over; resolves to the last look and what it gave. */
async function waitFor(
  world: ScenarioWorld,
  limitMs: DurationMs,
  look: () => Promise<View>,
  ask: (view: View) => Check,
): Promise<{ readonly view: View; readonly check: Check }> {
  const deadline = world.clock.now() + limitMs * PATIENCE;
  for (;;) {
    const since = world.clock.now();
    const view = await look();
    const check = ask(view);
    if (check.ok || world.clock.now() >= deadline) return { view, check };
    await restAfterLook(world.clock, since);
  }
}
