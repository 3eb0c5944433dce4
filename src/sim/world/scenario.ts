/**
 * A world from a seed: its fleet, muster's settings, Slurm's settings, who submits what when, and which faults may
 * happen. A plain value: the same seed gives the same one, and nothing in it changes while the world runs.
 */
import { defaultSettings, type Queue, type Settings } from '../../core/settings.ts';
import { nodeName } from '../../core/node-name.ts';
import type { DurationMs, Instant } from '../../core/units.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { SlurmModelNode, SlurmModelSettings } from '../slurm/types.ts';
import { createDice, type Dice } from './dice.ts';
import { allFaultKinds, peopleFaultKinds, type FaultKind } from './faults.ts';
import { createQueues, sizeOf, withGroups, withStaticSets } from './scenario-fleet.ts';

export interface Submission {
  /** Since the world began. */
  readonly afterMs: DurationMs;
  readonly request: JobRequest;
  /** When it is cancelled, since its submission; null: never. */
  readonly cancelAfterMs: DurationMs | null;
}

export interface Scenario {
  readonly seed: number;
  readonly startAt: Instant;
  readonly settings: Settings;
  /** What muster starts with when it starts again, one after the other; empty: with the same. */
  readonly laterSettings: readonly Settings[];
  readonly slurm: Partial<SlurmModelSettings> &
    Pick<
      SlurmModelSettings,
      'suspendTimeMs' | 'resumeTimeoutMs' | 'suspendTimeoutMs' | 'slurmdTimeoutMs'
    >;
  readonly queues: readonly Queue[];
  readonly bootMs: DurationMs;
  readonly submissions: readonly Submission[];
  readonly faults: ReadonlySet<FaultKind>;
  /** How often what is enabled happens: 0.3 seldom, 2 often. */
  readonly intensity: number;
  /** How long faults happen. */
  readonly faultPhaseMs: DurationMs;
}

export function createScenario(seed: number): Scenario {
  const dice = createDice(seed, 'scenario');
  const fitDice = createDice(seed, 'reservations that do not fit');
  const queues = withGroups(fitDice, createPolicies(seed, createQueues(dice)));
  const faultPhaseMs = dice.int(5, 25) * 60_000;
  const resumeTimeoutMs = dice.pick([400_000, 600_000, 1_200_000]);
  // Dice of its own, so that the worlds without these stay as they were.
  const oddDice = createDice(seed, 'heterogeneous jobs');
  const isOdd = oddDice.chance(0.2);
  const launching = createSettings(dice, queues, resumeTimeoutMs);
  const upkeep = createUpkeep(seed, launching);
  const { settings } = upkeep;
  return {
    seed,
    startAt: Date.UTC(2030, 0, 1),
    settings,
    laterSettings: dice.chance(0.3) ? [changeSettings(dice, settings), settings] : [],
    slurm: {
      suspendTimeMs: dice.pick([60_000, 180_000]),
      suspendTimeoutMs: 30_000,
      resumeTimeoutMs,
      resumeRate: fitForSets(settings, createResumeRate(dice, isOdd ? oddDice : null)),
      credExpireMs: dice.pick([5_000, 30_000, 120_000]),
      slurmdTimeoutMs: 60_000,
      scheduleIntervalMs: 10_000,
      backfillIntervalMs: 10_000,
      jobStartIntervalMs: dice.pick([1_000, 10_000]),
      resumeFileShape: dice.pick(['22.05', '23.02', '26.05']),
    },
    queues: settings.queues ?? [],
    bootMs: dice.int(20, 90) * 1000,
    submissions: [
      ...createSubmissions(dice, queues, faultPhaseMs),
      ...(isOdd ? createHetSubmissions(oddDice, queues, faultPhaseMs) : []),
    ],
    faults: new Set([...createFaults(dice, seed), ...upkeep.faults]),
    intensity: dice.pick([0.3, 1, 1, 2]),
    faultPhaseMs,
  };
}

/**
 * In half of the worlds the fleet is not only launched: it has static sets, protection and limits, and what befalls it.
 * Drawn apart, so that the other worlds stay as they were.
 */
function createUpkeep(
  seed: number,
  settings: Settings,
): { settings: Settings; faults: readonly FaultKind[] } {
  const dice = createDice(seed, 'upkeep');
  if (!dice.chance(0.5)) return { settings, faults: [] };
  const hasSets = settings.mode === 'job' && dice.chance(0.5);
  const { queues } = settings;
  const isFirm = settings.mode === 'job' && settings.scalingStrategy === 'all-or-nothing';
  return {
    settings: {
      ...settings,
      queues: hasSets && queues !== null ? withStaticSets(dice, queues) : queues,
      protection: { failures: dice.pick([0, 3, 10]) },
      limits: {
        ...settings.limits,
        // Best effort launches what the limit leaves of a job, again and again.
        launchesPerHour: isFirm && dice.chance(0.2) ? dice.int(100, 400) : null,
      },
    },
    faults: [...peopleFaultKinds].filter(() => dice.chance(0.4)),
  };
}

/** Those of the machines are drawn apart, so that the other faults of known seeds stay as they were. */
function createFaults(dice: Dice, seed: number): ReadonlySet<FaultKind> {
  const fleetDice = createDice(seed, 'kinds of fleet faults');
  return new Set(
    allFaultKinds.filter((kind) =>
      kind === 'illness' || kind === 'strangers'
        ? fleetDice.chance(0.25)
        : !peopleFaultKinds.has(kind) && dice.chance(0.4),
    ),
  );
}

/** Nodes a minute; in odd worlds now and then so few that most jobs come in parts. */
function createResumeRate(dice: Dice, oddDice: Dice | null): number {
  const usual = dice.chance(0.15) ? dice.int(5, 40) : 0;
  return oddDice?.chance(0.4) === true ? oddDice.int(2, 6) : usual;
}

/** A static set that Slurm asks for more slowly than its launch may wait never comes up: that is the site's to mend. */
function fitForSets({ queues }: Settings, rate: number): number {
  const resources = (queues ?? []).flatMap(({ computeResources }) => computeResources);
  return rate > 0 && resources.some(({ minCount }) => minCount > 0) ? Math.max(rate, 20) : rate;
}

/** Drawn apart, so that the fleets of known seeds stay as they were. */
function createPolicies(seed: number, queues: readonly Queue[]): Queue[] {
  const dice = createDice(seed, 'policies');
  const spareDice = createDice(seed, 'spares');
  const hasSpares = spareDice.chance(0.25);
  return queues.map((queue) => ({
    ...queue,
    greedy: dice.chance(0.5),
    ...(hasSpares && { spares: spareDice.int(0, 3) }),
  }));
}

function createSettings(
  dice: Dice,
  queues: readonly Queue[],
  resumeTimeoutMs: DurationMs,
): Settings {
  return {
    ...defaultSettings,
    clusterName: 'sim',
    region: 'us-east-2',
    mode: dice.chance(0.7) ? 'job' : 'node-list',
    scalingStrategy: dice.chance(0.8) ? 'all-or-nothing' : 'best-effort',
    allOrNothingBatch: dice.chance(0.7),
    maxBatchSize: dice.pick([2, 3, 5, 10, 25]),
    terminateMaxBatchSize: dice.pick([3, 20, 1000]),
    launchRequests: dice.pick([
      { burst: 5, perSecond: 2 },
      { burst: 2, perSecond: 1 },
      { burst: 100, perSecond: 20 },
    ]),
    launchPatienceMs: dice.pick([60_000, 180_000, 300_000]),
    launchInstances: dice.pick([
      { burst: 1000, perSecond: 2 },
      { burst: 20, perSecond: 1 },
    ]),
    // Slurm did not always say.
    resumeTimeoutMs: dice.chance(0.85) ? resumeTimeoutMs : null,
    bootTimeMs: 200_000,
    // Nobody is there to start a queue again.
    protection: { failures: 0 },
    retry: {
      firstMs: dice.pick([5_000, 60_000]),
      maxMs: 300_000,
      tries: dice.pick([5, 50]),
      forMs: 24 * 3_600_000,
    },
    capacityMemory: { refusalMs: dice.pick([0, 30_000, 120_000]), successMs: 3_600_000 },
    queues,
  };
}

/** What an administrator may change while jobs wait: everything but the fleet's nodes and how jobs become gangs. */
function changeSettings(dice: Dice, settings: Settings): Settings {
  return {
    ...settings,
    maxBatchSize: dice.pick([2, 4, 50]),
    terminateMaxBatchSize: dice.pick([1, 1000]),
    launchPatienceMs: dice.pick([60_000, 300_000]),
    rungPatienceMs: dice.pick([20_000, 120_000]),
    capacityMemory: { refusalMs: dice.pick([0, 60_000]), successMs: 600_000 },
    queues: (settings.queues ?? []).map((queue) => ({
      ...queue,
      strategy: dice.pick(['reserve', 'launch']),
      computeResources: queue.computeResources.map(({ pools, ...resource }) => ({
        ...resource,
        ...(pools !== undefined && { pools: [...pools].reverse() }),
      })),
    })),
  };
}

function createSubmissions(
  dice: Dice,
  queues: readonly Queue[],
  faultPhaseMs: DurationMs,
): Submission[] {
  const submissions: Submission[] = [];
  const bursts = dice.int(2, 8);
  for (let burst = 0; burst < bursts; burst += 1) {
    const afterMs = dice.int(0, Math.floor(faultPhaseMs * 0.9));
    const count = dice.pick([1, 1, 2, 3, 6]);
    for (let job = 0; job < count; job += 1) {
      submissions.push({
        afterMs: afterMs + (dice.chance(0.7) ? 0 : dice.int(1, 3_000)),
        request: createJob(dice, dice.pick(queues)),
        cancelAfterMs: dice.chance(0.12) ? dice.spread(500, 300_000) : null,
      });
    }
  }
  return submissions;
}

function createJob(dice: Dice, queue: Queue): JobRequest {
  const size = sizeOf(queue);
  const array = dice.chance(0.15);
  const exclusive = dice.chance(0.7);
  return {
    partition: queue.name,
    nodes: array ? Math.min(size, dice.int(1, 3)) : dice.spread(1, size),
    seconds: dice.spread(5, 400),
    ...(array && { array: `1-${dice.int(2, 8)}` }),
    exclusive,
    ...(!exclusive && { oversubscribe: dice.chance(0.5) }),
    contiguous: dice.chance(0.1),
    requeue: !dice.chance(0.2),
    ...(dice.chance(0.08) && { beginAfterSeconds: dice.int(1, 120) }),
  };
}

/** Heterogeneous jobs of two or three components over the queues, with other components in the same queue too. */
function createHetSubmissions(
  dice: Dice,
  queues: readonly Queue[],
  faultPhaseMs: DurationMs,
): Submission[] {
  return Array.from({ length: dice.int(1, 4) }, () => {
    const [first, ...others] = Array.from({ length: dice.int(2, 3) }, () => {
      const queue = dice.pick(queues);
      // Together they may not want more than there is.
      return {
        partition: queue.name,
        nodes: dice.spread(1, Math.max(1, Math.floor(sizeOf(queue) / 3))),
      };
    });
    return {
      afterMs: dice.int(0, Math.floor(faultPhaseMs * 0.9)),
      request: {
        partition: 'q1',
        nodes: 1,
        ...first,
        seconds: dice.spread(5, 400),
        exclusive: true,
        requeue: !dice.chance(0.2),
        het: others,
      },
      cancelAfterMs: dice.chance(0.12) ? dice.spread(500, 300_000) : null,
    };
  });
}

/** The fleet as slurm.conf has it. */
export function nodesOf(scenario: Scenario): SlurmModelNode[] {
  return scenario.queues.flatMap((queue) =>
    queue.computeResources.flatMap(({ name, minCount, maxCount }) =>
      Array.from({ length: maxCount }, (_, index) => {
        const isStatic = index < minCount;
        return {
          name: nodeName({
            queue: queue.name,
            computeResource: name,
            nodeType: isStatic ? 'static' : 'dynamic',
            index: (isStatic ? index : index - minCount) + 1,
          }),
          partitions: [queue.name],
          isKept: isStatic,
        };
      }),
    ),
  );
}
