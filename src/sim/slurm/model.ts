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
 * port's, failing nodes and reboots, SuspendRate, `comp` after a job that ran, and that a job which ran starts again at
 * once when all its nodes are set down together.
 */
import type { Instant } from '../../core/units.ts';
import type { Scheduler } from '../../ports/scheduler.ts';
import type { JobStatus, NodeStatus, SlurmCommands } from '../../ports/slurm-commands.ts';
import { cancelJobs, forgetOldJobs, submitJob } from './jobs.ts';
import { startPowerSave } from './power.ts';
import { renderSinfo, renderSqueue } from './print.ts';
import { startScheduler } from './schedule.ts';
import { loseNode, registerNode } from './slurmd.ts';
import {
  tellAllocatedJobs,
  tellConfig,
  tellFleet,
  tellJobs,
  tellNodes,
  tellPartitions,
} from './tell.ts';
import type { JobRecord, NodeRecord, SlurmModelOptions } from './types.ts';
import { releaseJob, updateJob } from './update-job.ts';
import {
  downNodes,
  drainNodes,
  findNode,
  findNodes,
  powerDownNodes,
  powerUpNodes,
  resumeNodes,
  setPartition,
  undrainNodes,
  updateNodes,
} from './update-nodes.ts';
import { compactState, createWorld } from './world.ts';
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
    updateNodes: (names, state, reason = '') =>
      attempt(() => updateNodes(world, names, state, reason)),
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
    listFleet: () => attempt(() => tellFleet(world)),
    listPartitions: () => attempt(() => tellPartitions(world)),
    setPartitions: (names, isUp) =>
      attempt(() => {
        for (const name of names) setPartition(world, name, isUp);
      }),
    releaseJob: (jobId) => attempt(() => releaseJob(world, jobId)),
    updateJob: (jobId, change) => attempt(() => updateJob(world, jobId, change)),
    drainNodes: (names, reason) => attempt(() => drainNodes(world, names, reason)),
    resumeNodes: (names) => attempt(() => resumeNodes(world, names)),
    undrainNodes: (names) => attempt(() => undrainNodes(world, names)),
    downNodes: (names, reason) => attempt(() => downNodes(world, names, reason)),
    powerDownNodes: (names) => attempt(() => powerDownNodes(world, names)),
    powerUpNodes: (names) => attempt(() => powerUpNodes(world, names)),
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
