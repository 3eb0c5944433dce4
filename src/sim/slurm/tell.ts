/** What the model's Slurm tells of itself, its jobs and its nodes, as the Scheduler port has it. */
import type {
  SchedulerConfig,
  SchedulerJob,
  SchedulerNode,
  SchedulerPartition,
} from '../../ports/scheduler.ts';
import { forgetOldJobs, priorityOf } from './jobs.ts';
import type { JobRecord, NodeRecord } from './types.ts';
import type { World } from './world.ts';

export function tellConfig({ settings }: World): SchedulerConfig {
  return {
    version: settings.resumeFileShape,
    resumeTimeoutMs: settings.resumeTimeoutMs,
    suspendTimeoutMs: settings.suspendTimeoutMs,
    resumeRate: settings.resumeRate,
  };
}

/** The jobs with these ids; a leader's stands for all components of its heterogeneous job. */
export function tellJobs(world: World, jobIds: readonly number[]): SchedulerJob[] {
  forgetOldJobs(world);
  const wanted = new Set(jobIds);
  return tell(world, (job) => wanted.has(job.id) || wanted.has(leaderOf(job) ?? 0));
}

export function tellAllocatedJobs(world: World): SchedulerJob[] {
  return tell(world, (job) => hasNodes.has(job.state));
}

const hasNodes: ReadonlySet<string> = new Set(['CONFIGURING', 'RUNNING', 'COMPLETING']);

/** Slurm keeps the tasks of an array that have not started as one record. */
function tell(world: World, isWanted: (job: JobRecord) => boolean): SchedulerJob[] {
  const jobs = new Map<number, SchedulerJob>();
  for (const job of world.jobs) {
    if (isWanted(job) && !jobs.has(job.id)) jobs.set(job.id, schedulerJob(world, job));
  }
  return [...jobs.values()];
}

function schedulerJob({ settings }: World, job: JobRecord): SchedulerJob {
  const { request, state, reason, restarts, adminComment } = job;
  return {
    jobId: job.id,
    hetJobId: leaderOf(job),
    state,
    reason,
    partition: job.partition.name,
    nodes: hasNodes.has(state) ? job.nodes.map((node) => node.name) : [],
    priority: priorityOf(job),
    restarts,
    comment: request.comment ?? '',
    adminComment,
    extra: settings.resumeFileShape === '22.05' ? '' : (request.extra ?? ''),
  };
}

function leaderOf(job: JobRecord): number | null {
  return job.het?.components[0]?.id ?? null;
}

/** Names that are no node are passed over. */
export function tellNodes(world: World, names: readonly string[]): SchedulerNode[] {
  return [...new Set(names)].flatMap((name) => {
    const node = world.nodesByName.get(name);
    return node === undefined ? [] : [schedulerNode(node)];
  });
}

export function tellFleet(world: World): SchedulerNode[] {
  return world.nodes.map(schedulerNode);
}

export function tellPartitions(world: World): SchedulerPartition[] {
  return [...world.partitions.values()].map(({ name, isUp, nodes }) => ({
    name,
    isUp,
    nodes: nodes.map((node) => node.name),
  }));
}

function schedulerNode(node: NodeRecord): SchedulerNode {
  return {
    node: node.name,
    // Its flags are those of both; sinfo's short state still has the one suffix of a node that is powered down.
    power: node.isUpWanted ? 'powering-up' : node.power,
    isDown: node.isDown,
    isDrained: node.isDrained,
    isFailing: false,
    isResponding: !node.isSilent && node.power !== 'powering-up',
    isRebooting: false,
    isReserved: false,
    isBusy: node.jobs.size > 0 || node.completing > 0,
    reason: node.reason,
  };
}
