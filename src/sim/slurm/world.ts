/**
 * The model's state, and the one way to change a node: through `changeNode`, which keeps the partitions' counts
 * and the queues of the power-save thread right, so that nobody has to look through all nodes.
 */
import type { Instant } from '../../core/units.ts';
import type { Clock } from '../../ports/clock.ts';
import type {
  JobRecord,
  NodeRecord,
  Partition,
  Pass,
  SlurmModelHooks,
  SlurmModelOptions,
  SlurmModelSettings,
} from './types.ts';
import { defaultSlurmModelSettings } from './types.ts';

export interface World {
  readonly clock: Clock;
  readonly settings: SlurmModelSettings;
  readonly hooks: SlurmModelHooks;
  readonly startedAt: Instant;
  readonly nodes: readonly NodeRecord[];
  readonly nodesByName: ReadonlyMap<string, NodeRecord>;
  readonly partitions: ReadonlyMap<string, Partition>;
  /** Jobs that Slurm remembers, in order of submission. */
  readonly jobs: Set<JobRecord>;
  /** Jobs that wait, in order of submission. */
  pending: JobRecord[];
  /** Ended jobs, oldest first. */
  readonly ended: JobRecord[];
  /** CONFIGURING jobs whose nodes have all registered. */
  readonly ready: Set<JobRecord>;
  /** CONFIGURING jobs that have nodes for which ResumeProgram was not called yet. */
  readonly toResume: Set<JobRecord>;
  /** Each in order of time: nodes powering up, nodes powering down, and idle nodes that are up. */
  readonly booting: Set<NodeRecord>;
  readonly sinking: Set<NodeRecord>;
  readonly idling: Set<NodeRecord>;
  readonly sinkWanted: Set<NodeRecord>;
  /** Asked for by hand. */
  readonly upWanted: Set<NodeRecord>;
  /** Nodes whose slurmd is gone, and what cancels their time-outs. */
  readonly silent: Map<NodeRecord, () => void>;
  /** Idle nodes among them show as `plnd`: those that the last backfill pass found for heterogeneous jobs. */
  planned: ReadonlySet<NodeRecord>;
  nextJobId: number;
  nextOrder: number;
  /** A node has changed since the power-save thread last looked. */
  nodesChanged: boolean;
  /** Something has changed since the last pass of each kind that may let a job start. */
  readonly queueChanged: Record<Pass, boolean>;
  /** Set by the model: asks for the loops to look at what they must do next. */
  wakePower: () => void;
  wakeScheduler: () => void;
  wakePeriodic: () => void;
  wakeJobStart: () => void;
}

export function createWorld(options: SlurmModelOptions): World {
  const partitions = new Map<string, Partition>();
  for (const name of options.partitions) {
    partitions.set(name, {
      name,
      nodes: [],
      isUp: true,
      freeUp: 0,
      freeSaved: 0,
      shareable: 0,
      down: 0,
    });
  }
  const nodes = options.nodes.map((node, index): NodeRecord => {
    const record: NodeRecord = {
      index,
      name: node.name,
      partitions: node.partitions.map((name) => partitionOf(partitions, name, node.name)),
      cpus: node.cpus ?? 4,
      isKept: node.isKept ?? false,
      power: 'saved',
      isUpWanted: false,
      isDown: false,
      isSilent: false,
      isShunned: false,
      isDrained: false,
      jobs: new Set(),
      completing: 0,
      reason: '',
      bootRequestedAt: 0,
      powerDownAt: 0,
      lastBusyAt: 0,
    };
    for (const partition of record.partitions) partition.nodes.push(record);
    count(record, 1);
    return record;
  });
  return {
    clock: options.clock,
    settings: { ...defaultSlurmModelSettings, ...options.settings },
    hooks: options.hooks,
    startedAt: options.clock.now(),
    nodes,
    nodesByName: new Map(nodes.map((node) => [node.name, node])),
    partitions,
    jobs: new Set(),
    pending: [],
    ended: [],
    ready: new Set(),
    toResume: new Set(),
    booting: new Set(),
    sinking: new Set(),
    idling: new Set(),
    sinkWanted: new Set(),
    upWanted: new Set(),
    silent: new Map(),
    planned: new Set(),
    nextJobId: 1,
    nextOrder: 1,
    nodesChanged: false,
    queueChanged: { main: false, backfill: false },
    wakePower: () => undefined,
    wakeScheduler: () => undefined,
    wakePeriodic: () => undefined,
    wakeJobStart: () => undefined,
  };
}

function partitionOf(partitions: ReadonlyMap<string, Partition>, name: string, node: string) {
  const partition = partitions.get(name);
  if (partition === undefined)
    throw new Error(`Node ${node} is in "${name}", which is no partition.`);
  return partition;
}

/** Changes a node and all that is counted about it. */
export function changeNode(world: World, node: NodeRecord, change: () => void): void {
  count(node, -1);
  const wasIdling = isIdling(node);
  change();
  if (node.power !== 'saved' && node.power !== 'powering-up') node.isUpWanted = false;
  count(node, 1);
  place(world.booting, node, node.power === 'powering-up');
  place(world.sinking, node, node.power === 'powering-down');
  place(world.sinkWanted, node, node.power === 'down-wanted');
  place(world.upWanted, node, node.isUpWanted);
  if (isIdling(node) !== wasIdling) {
    if (!wasIdling) node.lastBusyAt = world.clock.now();
    place(world.idling, node, !wasIdling);
  }
  world.nodesChanged = true;
  world.wakePower();
}

/** Now, as Slurm's time stamps have it: in whole seconds of the clock. */
export function wholeSecond(world: World): Instant {
  return Math.floor(world.clock.now() / 1000) * 1000;
}

/** Something has changed that may let a job start, and Slurm passes over the queue because of it. */
export function wantSchedule(world: World): void {
  noteQueueChange(world);
  world.wakeScheduler();
}

/** Something has changed that may let a job start, but Slurm sees it only when it passes over the queue anyway. */
export function noteQueueChange(world: World): void {
  world.queueChanged.main = true;
  world.queueChanged.backfill = true;
  world.wakePeriodic();
}

function place(set: Set<NodeRecord>, node: NodeRecord, isMember: boolean) {
  if (isMember) set.add(node);
  else set.delete(node);
}

/** SuspendTime runs for a node that is up, or down by hand, and that no job has. */
function isIdling(node: NodeRecord) {
  return !node.isKept && node.power === 'up' && node.jobs.size === 0 && node.completing === 0;
}

function count(node: NodeRecord, by: 1 | -1) {
  const isFree = isUsable(node) && node.jobs.size === 0;
  const isShareable = isUsable(node) && freeCpus(node) > 0;
  for (const partition of node.partitions) {
    if (isFree && node.power === 'saved') partition.freeSaved += by;
    if (isFree && node.power !== 'saved') partition.freeUp += by;
    if (isShareable) partition.shareable += by;
    if (isUnavailable(node)) partition.down += by;
  }
}

/** Whether no job's end can make room on the node. */
export function isUnavailable({ isDown, isDrained, isSilent, power }: NodeRecord): boolean {
  const isSinking = power === 'down-wanted' || power === 'powering-down';
  return isDown || isDrained || isSinking || (isSilent && power !== 'saved');
}

/** Whether Slurm gives the node to jobs at all, as far as it has room. */
export function isUsable(node: NodeRecord): boolean {
  return !isUnavailable(node) && node.completing === 0;
}

/** CPUs that no job has. */
export function freeCpus(node: NodeRecord): number {
  for (const job of node.jobs) if (job.request.exclusive === true) return 0;
  return Math.max(0, node.cpus - node.jobs.size);
}

/** Whether the node has registered and not been lost. */
export function isRegistered(node: NodeRecord): boolean {
  return node.power === 'up' && !node.isSilent;
}

/** sinfo's compact state with its suffix, such as `alloc#`. */
export function compactState(world: World, node: NodeRecord): string {
  if (node.isDrained) {
    const isBusy = node.jobs.size > 0 || node.completing > 0;
    return `${isBusy && !node.isDown ? 'drng' : 'drain'}${suffix(node)}`;
  }
  if (node.completing > 0 && !node.isDown && node.jobs.size === 0 && node.power === 'up')
    return 'comp';
  if (node.power === 'up' && baseState(node) === 'idle' && world.planned.has(node)) return 'plnd';
  return `${baseState(node)}${suffix(node)}`;
}

/** The compact state without its flags. */
export function baseState(node: NodeRecord): 'down' | 'idle' | 'mix' | 'alloc' {
  if (node.isDown) return 'down';
  if (node.jobs.size === 0) return 'idle';
  return freeCpus(node) > 0 ? 'mix' : 'alloc';
}

function suffix(node: NodeRecord) {
  switch (node.power) {
    case 'saved':
      return '~';
    case 'powering-up':
      return '#';
    case 'down-wanted':
      return '!';
    case 'powering-down':
      return '%';
    case 'up':
      return node.isSilent ? '*' : '';
  }
}
