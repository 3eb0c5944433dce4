/**
 * A model of Slurm's power saving, for scenarios where no real Slurm can be had and for simulated time.
 *
 * slurmctld is three loops over one state: the scheduler (schedule.ts) gives nodes to jobs, the power-save thread
 * (power.ts) turns that into hook calls, and the job-start loop lets a job run once all its nodes have registered. All
 * of them run on the Clock that is given; nothing else happens by itself, so the same calls at the same moments give the
 * same history. Behind the ports the commands act at once, as scontrol does.
 *
 * It is held to recordings of slurmctld 22.05.8 (test/recordings). It leaves out: fair shares, weights, features and
 * limits, reservations, time limits, backfilling around a job that waits, scontrol commands other than the Scheduler
 * port's, SuspendRate, and `comp` after a job that ran.
 */
import type { Instant } from '../../core/units.ts';
import type { Scheduler } from '../../ports/scheduler.ts';
import { SchedulerError } from '../../ports/scheduler.ts';
import type { JobStatus, NodeStatus, SlurmCommands } from '../../ports/slurm-commands.ts';
import { cancelJobs, forgetOldJobs, killJobsOn, nodeArrived, submitJob } from './jobs.ts';
import { resumeTimeoutReason, startPowerSave } from './power.ts';
import { renderSinfo, renderSqueue } from './print.ts';
import { startScheduler } from './schedule.ts';
import { tellAllocatedJobs, tellConfig, tellJobs, tellNodes } from './tell.ts';
import type { JobRecord, NodeRecord, SlurmModelOptions } from './types.ts';
import { updateJob } from './update-job.ts';
import { changeNode, compactState, createWorld, noteQueueChange, wantSchedule } from './world.ts';
import type { World } from './world.ts';

export interface SlurmModel extends SlurmCommands, Scheduler {
  readonly kind: 'model';
  /**
   * The node's slurmd registers. It is passed over when the node is being powered down, or when its machine booted
   * (`bootTime`) before the power-up that is under way. Throws for a name that is no node.
   */
  registerNode(name: string, bootTime?: Instant): void;
  /** The node's slurmd is gone without a word: the node is down after SlurmdTimeout. Throws for a name that is no node. */
  loseNode(name: string): void;
  /** The address that Slurm has for a node: its name until `assignNodes`; as in 22.05 it outlives a power-down. */
  addressOf(name: string): string;
  /** The records themselves, for those who watch a simulated world: no copies, and not to be changed. */
  readonly records: SlurmRecords;
}

export interface SlurmRecords {
  /** In slurm.conf's order. */
  readonly nodes: readonly Readonly<NodeRecord>[];
  readonly nodesByName: ReadonlyMap<string, Readonly<NodeRecord>>;
  /** Jobs that Slurm remembers, in order of submission. */
  readonly jobs: ReadonlySet<Readonly<JobRecord>>;
}

/** A Slurm with all its nodes powered down and no job. */
export function createSlurmModel(options: SlurmModelOptions): SlurmModel {
  const world = createWorld(options);
  const addresses = new Map<string, string>();
  startScheduler(world);
  startPowerSave(world);
  return {
    kind: 'model',
    version: `${world.settings.resumeFileShape} (model)`,
    submit: (job) => attempt(() => submitJob(world, job)),
    cancel: (jobId) => attempt(() => cancelJobs(world, jobId)),
    jobs: () => attempt(() => jobStatuses(world)),
    nodes: () => attempt(() => world.nodes.map((node) => nodeStatus(world, node))),
    sinfo: () => attempt(() => renderSinfo(world)),
    squeue: () => attempt(() => renderSqueue(world)),
    assignNodes: (list) =>
      attempt(() => {
        findNodes(
          world,
          list.map((entry) => entry.node),
        );
        for (const { node, address } of list) addresses.set(node, address);
      }),
    readConfig: () => attempt(() => tellConfig(world)),
    listJobs: (jobIds) => attempt(() => tellJobs(world, jobIds)),
    listAllocatedJobs: () => attempt(() => tellAllocatedJobs(world)),
    listNodes: (names) => attempt(() => tellNodes(world, names)),
    updateJob: (jobId, change) => attempt(() => updateJob(world, jobId, change)),
    drainNodes: (names, reason) => attempt(() => drainNodes(world, names, reason)),
    resumeNodes: (names) => attempt(() => resumeNodes(world, names)),
    undrainNodes: (names) => attempt(() => undrainNodes(world, names)),
    downNodes: (names, reason) => attempt(() => downNodes(world, names, reason)),
    powerDownNodes: (names) => attempt(() => powerDownNodes(world, names)),
    registerNode: (name, bootTime) => registerNode(world, findNode(world, name), bootTime),
    loseNode: (name) => loseNode(world, findNode(world, name)),
    addressOf: (name) => addresses.get(findNode(world, name).name) ?? name,
    records: world,
  };
}

/** What throws becomes a rejection, as behind a real command. */
function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

function findNode(world: World, name: string): NodeRecord {
  const node = world.nodesByName.get(name);
  if (node === undefined) {
    throw new SchedulerError(`slurm_update error: Invalid node name specified (${name})`, {
      transient: false,
    });
  }
  return node;
}

/** As scontrol does, one unknown name refuses the whole call. */
function findNodes(world: World, names: readonly string[]): NodeRecord[] {
  return names.map((name) => findNode(world, name));
}

function jobStatuses(world: World): JobStatus[] {
  forgetOldJobs(world);
  return [...world.jobs].map(({ label, state, reason, nodes, adminComment }) => ({
    id: label,
    state,
    reason,
    nodes: nodes.map((node) => node.name),
    adminComment,
  }));
}

function nodeStatus(world: World, node: NodeRecord): NodeStatus {
  return { name: node.name, state: compactState(world, node), reason: node.reason };
}

function checkReason(reason: string): void {
  if (reason !== '') return;
  throw new SchedulerError(
    'You must specify a reason when DOWNING or DRAINING a node. Request denied',
    { transient: false },
  );
}

/** Jobs that run stay; a job that waits for the node to power up goes back to the queue, as if the node were lost. */
function drainNodes(world: World, names: readonly string[], reason: string): void {
  checkReason(reason);
  for (const node of findNodes(world, names)) {
    if (node.power === 'powering-up') killJobsOn(world, node);
    changeNode(world, node, () => {
      node.isDrained = true;
      node.reason = reason;
    });
  }
  wantSchedule(world);
}

/**
 * slurmctld wants to hear of the node again before it gives it to a job: of one that is up it does in a moment, of one
 * that powers up when it registers. One that is powered down is free at once, for the backfill scheduler too.
 */
function undrainNodes(world: World, names: readonly string[]): void {
  for (const node of findNodes(world, names)) {
    if (node.isDown && !node.isDrained) continue;
    const isIdling = world.idling.delete(node);
    changeNode(world, node, () => {
      node.isDrained = false;
      node.reason = '';
      node.isSilent = true;
      node.isShunned = node.isDown;
      node.lastBusyAt = world.clock.now();
    });
    if (isIdling) world.idling.add(node);
    if (node.power === 'up') hearSoon(world, node);
  }
  wantSchedule(world);
}

/** A node that is down is free at once: one that powers down too, as if it had. Any other is refused. */
function resumeNodes(world: World, names: readonly string[]): void {
  const nodes = findNodes(world, names);
  if (nodes.some((node) => !node.isDown && !node.isDrained)) {
    throw new SchedulerError('slurm_update error: Invalid node state specified', {
      transient: false,
    });
  }
  for (const node of nodes) {
    changeNode(world, node, () => {
      node.isDown = false;
      node.isDrained = false;
      node.isShunned = false;
      node.isSilent = false;
      node.reason = '';
      if (node.power === 'powering-down') node.power = 'saved';
    });
  }
  wantSchedule(world);
}

function hearSoon(world: World, node: NodeRecord): void {
  const { mainLoopIntervalMs } = world.settings;
  world.clock.schedule(mainLoopIntervalMs, () => {
    if (node.power !== 'up' || world.silent.has(node)) return;
    changeNode(world, node, () => (node.isSilent = false));
    wantSchedule(world);
  });
}

function downNodes(world: World, names: readonly string[], reason: string): void {
  checkReason(reason);
  for (const node of findNodes(world, names)) {
    killJobsOn(world, node);
    changeNode(world, node, () => {
      node.isDown = true;
      node.isShunned = true;
      node.reason = reason;
    });
  }
  wantSchedule(world);
}

function powerDownNodes(world: World, names: readonly string[]): void {
  for (const node of findNodes(world, names)) {
    killJobsOn(world, node);
    if (node.power === 'powering-down') continue;
    changeNode(world, node, () => (node.power = 'down-wanted'));
  }
  wantSchedule(world);
}

function registerNode(world: World, node: NodeRecord, bootTime: Instant | undefined): void {
  world.silent.get(node)?.();
  world.silent.delete(node);
  if (node.power === 'powering-up' || node.power === 'saved') {
    const isOld = bootTime !== undefined && bootTime < node.bootRequestedAt;
    if (!(node.power === 'powering-up' && isOld)) join(world, node);
  } else if (node.power === 'up' && node.isSilent) {
    comeBack(world, node);
  }
}

/**
 * A node that is powered down joins all the same when a slurmd comes for it. One that is down stays down; where that was
 * for ResumeTimeout, Slurm forgets the reason.
 */
function join(world: World, node: NodeRecord): void {
  if (node.isSilent) noteQueueChange(world);
  changeNode(world, node, () => {
    node.power = 'up';
    node.isSilent = false;
    node.isShunned = node.isDown;
    if (node.reason === resumeTimeoutReason) node.reason = '';
  });
  for (const job of node.jobs) nodeArrived(world, job);
}

function comeBack(world: World, node: NodeRecord): void {
  changeNode(world, node, () => {
    node.isSilent = false;
    // ReturnToService=1: a node that was down for its silence alone is taken back.
    if (node.isDown && node.reason === silentReason) {
      node.isDown = false;
      node.isShunned = false;
      node.reason = '';
    }
  });
  wantSchedule(world);
}

const silentReason = 'Not responding';

/** Slurm pings every third of SlurmdTimeout and gives each ping ten seconds. */
const pingTimeoutMs = 10_000;

function loseNode(world: World, node: NodeRecord): void {
  if (node.power !== 'up' || node.isSilent || world.silent.has(node)) return;
  const { slurmdTimeoutMs } = world.settings;
  const cycleMs = slurmdTimeoutMs / 3 + pingTimeoutMs;
  const cyclesToDown = Math.max(2, Math.ceil(slurmdTimeoutMs / cycleMs));
  const isLost = () => world.silent.has(node) && node.power === 'up';
  const cancelSilent = world.clock.schedule(cycleMs, () => {
    if (isLost()) changeNode(world, node, () => (node.isSilent = true));
  });
  const cancelDown = world.clock.schedule(cyclesToDown * cycleMs, () => {
    if (isLost()) downSilentNode(world, node);
    world.silent.delete(node);
  });
  world.silent.set(node, () => {
    cancelSilent();
    cancelDown();
  });
}

function downSilentNode(world: World, node: NodeRecord): void {
  changeNode(world, node, () => {
    node.isDown = true;
    node.isShunned = true;
    if (node.reason === '') node.reason = silentReason;
  });
  killJobsOn(world, node);
  wantSchedule(world);
}
