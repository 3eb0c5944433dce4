/** The settings that `muster config show` shows, in its order: how each is called, what it is, and whose it may be. */
import { defaultStaticSets } from '../core/settings.ts';
import type {
  ComputeResource,
  LaunchLimits,
  Queue,
  Settings,
  StaticSets,
} from '../core/settings.ts';
import { formatDuration } from '../core/units.ts';
import type { Config } from './config.ts';
import type { FilesRead } from './join.ts';
import type { QueueSettingsYaml } from './muster-yaml-queues.ts';
import type { Located } from './problem.ts';
import type { YamlPath } from './yaml-file.ts';

export type Value = string | number | boolean | null;

/** For whom it is asked: for the cluster, a queue, or a compute resource of it. */
export interface At {
  /** As they hold there. */
  readonly settings: Settings;
  readonly config: Config;
  readonly files: FilesRead;
  readonly queue: Queue | null;
  readonly resource: ComputeResource | null;
}

export interface Row {
  readonly path: YamlPath;
  /**
   * The nearest to a job that may say it. `queue`: it has its own, which stands beside the cluster's. `below the cluster`: a
   * compute resource or its queue, and not the cluster.
   */
  readonly level: 'cluster' | 'queue' | 'compute resource' | 'below the cluster';
  readonly value: (at: At) => Value;
  /** ParallelCluster's files' word, by falling weight; and settings that it follows from. */
  readonly others?: (files: FilesRead) => readonly (Located<unknown> | null | undefined)[];
}

export const rows: readonly Row[] = [
  clusterRow('resume_config', (_, { config }) => config.sources.resumeConfig),
  clusterRow('cluster_config', (_, { config }) => config.sources.clusterConfig),
  clusterRow(
    'cluster_name',
    (all) => all.clusterName,
    ({ conf }) => [conf?.clusterName],
  ),
  clusterRow(
    'region',
    (all) => all.region,
    ({ conf }) => [conf?.region],
  ),
  clusterRow(
    'mode',
    (all) => all.mode,
    ({ conf }) => [
      conf?.jobLevelScaling,
      conf?.scalingStrategy,
      conf?.allOrNothingBatch,
      pageSize(conf),
    ],
  ),
  {
    ...launchRow('scaling_strategy', (all) => all.scalingStrategy),
    others: ({ conf, cluster }) => [conf?.scalingStrategy, cluster?.scalingStrategy],
  },
  {
    ...launchRow('all_or_nothing_batch', (all) => all.allOrNothingBatch),
    others: ({ conf }) => [conf?.allOrNothingBatch],
  },
  {
    ...launchRow('max_batch_size', (all) => all.maxBatchSize),
    others: ({ conf }) => [conf?.maxBatchSize],
  },
  launchRow('strategy', (all) => all.strategy),
  launchRow('spread', (all) => all.spread),
  launchRow('greedy', (all) => all.greedy),
  launchRow('spares', (all) => all.spares),
  launchRow('launch_patience', (all) => formatDuration(all.launchPatienceMs)),
  launchRow('boot_time', (all) => formatDuration(all.bootTimeMs)),
  launchRow('assembly_patience', (all) => formatDuration(all.assemblyPatienceMs)),
  launchRow('rung_patience', (all) => formatDuration(all.rungPatienceMs)),
  launchRow('retry.first', (all) => formatDuration(all.retry.firstMs)),
  launchRow('retry.max', (all) => formatDuration(all.retry.maxMs)),
  launchRow('retry.tries', (all) => all.retry.tries),
  launchRow('retry.for', (all) => formatDuration(all.retry.forMs)),
  launchRow('capacity_memory.refusal', (all) => formatDuration(all.capacityMemory.refusalMs)),
  launchRow('capacity_memory.success', (all) => formatDuration(all.capacityMemory.successMs)),
  launchRow('protection.failures', (all) => all.protection.failures),
  launchRow('platform', (all) => all.platform),
  limitRow('limits.instances', (limits) => limits.instances),
  limitRow('limits.launches_per_hour', (limits) => limits.launchesPerHour),
  limitRow('limits.dollars_per_hour', (limits) => limits.dollarsPerHour),
  clusterRow('resume_timeout', ({ resumeTimeoutMs }) =>
    resumeTimeoutMs === null ? null : formatDuration(resumeTimeoutMs),
  ),
  clusterRow('deadline_margin', (all) => formatDuration(all.deadlineMarginMs)),
  clusterRow('launch_requests.burst', (all) => all.launchRequests.burst),
  clusterRow('launch_requests.per_second', (all) => all.launchRequests.perSecond),
  clusterRow('launch_instances.burst', (all) => all.launchInstances.burst),
  clusterRow('launch_instances.per_second', (all) => all.launchInstances.perSecond),
  clusterRow(
    'terminate_max_batch_size',
    (all) => all.terminateMaxBatchSize,
    ({ conf }) => [conf?.terminateMaxBatchSize],
  ),
  clusterRow(
    'update_node_address',
    (all) => all.updateNodeAddress,
    ({ conf }) => [conf?.updateNodeAddress],
  ),
  clusterRow('launch.from', (_, { files }) => files.muster?.says.launch?.from ?? 'launch-template'),
  clusterRow('launch.image_id', (_, { files }) => files.muster?.says.launch?.image_id ?? null),
  clusterRow('prices', ({ prices }) => listed(prices)),
  clusterRow('slurm.scontrol', (_, { config }) => config.scontrolPath),
  clusterRow('slurm.slurm_conf', (_, { config }) => config.slurmConf),
  clusterRow('state_dir', (_, { config }) => config.stateDir),
  clusterRow('run_dir', (_, { config }) => config.runDir),
  clusterRow('log_dir', (_, { config }) => config.logDir),
  { path: ['ladder'], level: 'below the cluster', value: ladderAt },
  staticSetsRow('launch'),
  staticSetsRow('replace'),
];

function launchRow(name: string, value: (settings: Settings) => Value): Row {
  return {
    path: name.split('.'),
    level: 'compute resource',
    value: ({ settings }) => value(settings),
  };
}

/** A queue's limits stand beside the cluster's: those hold for all queues together. */
function limitRow(name: string, value: (limits: LaunchLimits) => number | null): Row {
  return {
    path: name.split('.'),
    level: 'queue',
    value: ({ settings: { limits }, queue }) =>
      queue === null ? value(limits) : queue.limits === undefined ? null : value(queue.limits),
  };
}

function clusterRow(
  name: string,
  value: (settings: Settings, at: At) => Value,
  others?: Row['others'],
): Row {
  return {
    path: name.split('.'),
    level: 'cluster',
    value: (at) => value(at.settings, at),
    ...(others !== undefined && { others }),
  };
}

function staticSetsRow(key: keyof StaticSets): Row {
  return {
    path: ['static_sets', key],
    level: 'below the cluster',
    value: (at) =>
      (at.resource === null ? saysOf(at)?.static_sets?.[key] : at.resource.staticSets?.[key]) ??
      defaultStaticSets[key],
  };
}

/** The rungs in order; null: of a compute resource, the one place that its launch template names; of a queue, it says none. */
function ladderAt(at: At): string | null {
  const rungs =
    at.resource === null
      ? saysOf(at)?.ladder?.map((rung) => [
          rung.instance_type,
          rung.subnet,
          rung.market,
          rung.reservation,
        ])
      : at.resource.pools?.map((pool) => [
          pool.instanceType,
          pool.subnetId,
          pool.market,
          pool.reservationId,
        ]);
  if (rungs === undefined) return null;
  return rungs.map((words) => words.filter((word) => word != null).join(' ')).join('; ');
}

function saysOf({ files, queue }: At): QueueSettingsYaml | undefined {
  return files.muster?.says.queues?.[queue?.name ?? ''];
}

function listed(prices: Settings['prices']): string | null {
  const each = Object.entries(prices).map(([type, dollars]) => `${type} ${dollars}`);
  return each.length === 0 ? null : each.join(', ');
}

/** The page's own spelling is one of those that choose the mode. */
function pageSize(conf: FilesRead['conf']): Located<number> | null {
  return conf?.maxBatchSize?.key === 'max_batch_size' ? conf.maxBatchSize : null;
}
