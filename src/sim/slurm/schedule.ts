/**
 * The pass over the queue, first in, first out: a job that finds no room holds back the later ones of its partition,
 * unless it waits for named nodes (those are kept for it) or for nodes that are down. The backfill pass holds nobody
 * back: without time limits the start of a job that waits is beyond its window, and Slurm keeps nothing for it.
 *
 * A pass is made within a second of a reason to (a submission, an end, nodes given back). And in two rhythms of their own, the main and the backfill pass come by without one, and those alone see
 * that a BeginTime has come or that a powered-down node is usable again.
 */
import type { DurationMs, Instant } from '../../core/units.ts';
import { allocate, forgetOldJobs, heldReason, run } from './jobs.ts';
import { mayStart, selectNodes } from './select.ts';
import type { ArrayRecord, HetRecord, JobRecord, NodeRecord, Partition, Pass } from './types.ts';
import { isUnavailable } from './world.ts';
import type { World } from './world.ts';

export const downReason =
  'Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions';

const inactiveReason = 'PartitionInactive';

/** One pass over the queue. */
export function schedulePass(world: World, kind: Pass): void {
  world.queueChanged[kind] = false;
  const blocked = new Set<Partition>();
  const reserved = new Set<NodeRecord>();
  const waitingArrays = new Set<ArrayRecord>();
  const started = new Set<JobRecord>();
  const now = world.clock.now();
  for (const job of world.pending) {
    if (job.hold !== null) {
      job.reason = heldReason[job.hold];
    } else if (job.beginAt > now) {
      job.reason = 'BeginTime';
    } else if (!job.partition.isUp) {
      job.reason = inactiveReason;
    } else if (job.het !== null) {
      if (kind === 'backfill') startTogether(world, job.het, reserved, started);
      else if (mayStart(job) === 'never') job.reason = waitReason.never;
      else waitForBackfill(job, blocked);
    } else if (blocked.has(job.partition)) {
      job.reason = job.array !== null && waitingArrays.has(job.array) ? 'Resources' : 'Priority';
    } else {
      const selection = selectNodes(job, kind, reserved);
      switch (selection.kind) {
        case 'nodes':
          allocate(world, job, selection.nodes);
          started.add(job);
          break;
        case 'busy':
          if (kind === 'backfill') {
            if (job.reason === 'BeginTime') job.reason = 'None';
            break;
          }
          job.reason = 'Resources';
          if (job.array !== null) waitingArrays.add(job.array);
          if (job.required === null) blocked.add(job.partition);
          else for (const node of job.required) reserved.add(node);
          break;
        case 'down':
          job.reason = downReason;
          break;
        case 'never':
          job.reason = 'PartitionNodeLimit';
          break;
      }
    }
  }
  if (kind === 'backfill') showPlanned(world, reserved, started);
  if (started.size > 0) world.pending = world.pending.filter((job) => !started.has(job));
  forgetOldJobs(world);
}

/** The main pass cannot start it, and lets nobody pass it. */
function waitForBackfill(job: JobRecord, blocked: Set<Partition>): void {
  if (job.reason === 'BeginTime') job.reason = 'None';
  blocked.add(job.partition);
}

/**
 * The components of a heterogeneous job that wait start in one moment, on nodes of their own, or go on waiting. The
 * backfill pass alone starts them.
 */
function startTogether(
  world: World,
  het: HetRecord,
  reserved: Set<NodeRecord>,
  started: Set<JobRecord>,
): void {
  const now = world.clock.now();
  const components = het.components.filter(({ state }) => state === 'PENDING');
  const mustWait = ({ hold, beginAt, partition }: JobRecord) =>
    hold !== null || beginAt > now || !partition.isUp;
  if (components.some(mustWait)) return;
  const taken = new Set(reserved);
  const chosen = new Map<JobRecord, NodeRecord[]>();
  for (const job of components) {
    const selection = selectNodes(job, 'backfill', taken);
    if (selection.kind === 'nodes') {
      chosen.set(job, selection.nodes);
      for (const node of selection.nodes) taken.add(node);
    } else if (selection.kind === 'never') {
      job.reason = waitReason.never;
    }
  }
  if (chosen.size < components.length && components.every(isReachable)) {
    for (const job of components) if (job.reason !== waitReason.never) job.reason = waitReason.busy;
  }
  // What is found for a part of it is kept for it.
  for (const node of taken) reserved.add(node);
  if (chosen.size < components.length) return;
  for (const [job, nodes] of chosen) {
    allocate(world, job, nodes);
    started.add(job);
  }
}

/** Whether there are nodes enough that the backfill pass takes, free or not; it says nothing of a job without. */
function isReachable({ partition, request, reason }: JobRecord): boolean {
  const nodes = partition.nodes.filter((node) => !node.isShunned && !isUnavailable(node));
  return nodes.length >= request.nodes || reason === waitReason.never;
}

const waitReason = { busy: 'Resources', never: 'PartitionNodeLimit' } as const;

/** What a backfill pass has planned shows until the next one, those that are left out here too. */
function showPlanned(
  world: World,
  planned: ReadonlySet<NodeRecord>,
  started: ReadonlySet<JobRecord>,
) {
  world.planned = planned;
  const isOver = new Set(
    [...started].filter(({ het }) => het !== null).flatMap(({ nodes }) => nodes),
  );
  if (isOver.size === 0) return;
  world.clock.schedule(world.settings.backfillIntervalMs, () => {
    if (world.planned !== planned) return;
    world.planned = new Set([...planned].filter((node) => !isOver.has(node)));
  });
}

/** Sets up the scheduler's loops and the one that starts jobs whose nodes are all there. */
export function startScheduler(world: World): void {
  const { settings } = world;
  const loops = [
    periodic(world, 'main', settings.scheduleIntervalMs),
    periodic(world, 'backfill', settings.backfillIntervalMs),
  ];
  world.wakePeriodic = () => {
    for (const plan of loops) plan();
  };
  world.wakeScheduler = onGrid(world, settings.mainLoopIntervalMs, () => {
    schedulePass(world, 'main');
    world.wakePeriodic();
  });
  world.wakeJobStart = onGrid(world, settings.jobStartIntervalMs, () => {
    for (const job of [...world.ready]) run(world, job);
  });
}

/**
 * A pass in a rhythm of its own. Passes that could find nothing new are left out: something has changed since the last
 * one, or a BeginTime comes. Returns the function that plans the next one anew.
 */
function periodic(world: World, kind: Pass, periodMs: DurationMs): () => void {
  let plannedAt: Instant | null = null;
  let cancel: () => void = () => undefined;

  function plan(): void {
    const now = world.clock.now();
    let wanted = world.queueChanged[kind] && world.pending.length > 0 ? now : Infinity;
    // The backfill pass looks when something has changed; that a BeginTime has come does not count.
    for (const job of kind === 'main' ? world.pending : []) {
      // A pass at the very moment of a BeginTime sees it.
      if (job.hold === null && job.beginAt > now) wanted = Math.min(wanted, job.beginAt - 1);
    }
    const at = wanted === Infinity ? null : gridAfter(world, periodMs, Math.max(now, wanted));
    // What is planned still comes: the other loop's pass, or a BeginTime that has come since, has not made it needless.
    if (at === null || (plannedAt !== null && plannedAt <= at)) return;
    cancel();
    plannedAt = at;
    cancel = world.clock.schedule(at - now, pass);
  }

  function pass(): void {
    plannedAt = null;
    schedulePass(world, kind);
    world.wakePeriodic();
  }

  return plan;
}

/** A function that makes `work` run once, at the next whole number of periods since the model started. */
export function onGrid(world: World, periodMs: DurationMs, work: () => void): () => void {
  let isPlanned = false;
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    const now = world.clock.now();
    world.clock.schedule(gridAfter(world, periodMs, now) - now, () => {
      isPlanned = false;
      work();
    });
  };
}

/** The first whole number of periods since the model started that is later than `moment`. */
function gridAfter(world: World, periodMs: DurationMs, moment: Instant): Instant {
  const periods = Math.floor((moment - world.startedAt) / periodMs) + 1;
  return world.startedAt + periods * periodMs;
}
