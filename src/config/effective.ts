/**
 * What holds, setting by setting, and where it comes from: for the cluster, a queue or a compute resource. It asks the
 * joined settings for the value and the files for the place, nearest first, and decides nothing itself.
 */
import { settingsAt } from '../core/launch-policy.ts';
import { defaultSettings } from '../core/settings.ts';
import type { LaunchLimits, Queue, Settings } from '../core/settings.ts';
import { formatDuration } from '../core/units.ts';
import type { FilesRead } from './join.ts';
import { hintFor } from './nearest.ts';
import type { Located } from './problem.ts';
import { placeOf, valueAt } from './yaml-file.ts';
import type { YamlPath } from './yaml-file.ts';

/** Whose settings are asked for; null: the cluster's. */
export type EffectiveOf = {
  readonly queue: string;
  /** Null: the queue's. */
  readonly computeResource: string | null;
} | null;

export interface EffectiveSetting {
  /** As muster.yaml spells it: `retry.first`. */
  readonly name: string;
  readonly value: string | number | boolean | null;
  /** Null: no file says it, and the default holds. */
  readonly from: Origin | null;
}

export interface Origin {
  /** Or `environment`. */
  readonly file: string;
  /** Null: it is no place in the file, such as its name. */
  readonly line: number | null;
  readonly column: number | null;
  /** The key that stands there, where it is another one, from which this follows. */
  readonly key: string | null;
}

interface Row {
  readonly path: YamlPath;
  /** The nearest to a job that may say it. `queue`: it has its own, which stands beside the cluster's. */
  readonly level: 'cluster' | 'queue' | 'compute resource';
  /** `settings`: as they hold there; `queue`: what it says itself. */
  readonly value: (settings: Settings, queue: Queue | null) => EffectiveSetting['value'];
  /** ParallelCluster's files' word, by falling weight; and settings that it follows from. */
  readonly others?: (files: FilesRead) => readonly (Located<unknown> | null | undefined)[];
}

const rows: readonly Row[] = [
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
];

function launchRow(name: string, value: Row['value']): Row {
  return { path: name.split('.'), level: 'compute resource', value };
}

/** A queue's limits stand beside the cluster's: those hold for all queues together. */
function limitRow(name: string, value: (limits: LaunchLimits) => number | null): Row {
  return {
    path: name.split('.'),
    level: 'queue',
    value: ({ limits }, queue) =>
      queue === null ? value(limits) : queue.limits === undefined ? null : value(queue.limits),
  };
}

function clusterRow(name: string, value: Row['value'], others?: Row['others']): Row {
  return {
    path: name.split('.'),
    level: 'cluster',
    value,
    ...(others !== undefined && { others }),
  };
}

/** The page's own spelling is one of those that choose the mode. */
function pageSize(conf: FilesRead['conf']): Located<number> | null {
  return conf?.maxBatchSize?.key === 'max_batch_size' ? conf.maxBatchSize : null;
}

/** For a queue or a compute resource that settings of the cluster alone are left out of. */
export function effectiveSettings(
  files: FilesRead,
  settings: Settings,
  of: EffectiveOf,
): readonly EffectiveSetting[] {
  const here = of === null ? settings : settingsAt(settings, of);
  const queue = settings.queues?.find(({ name }) => name === of?.queue) ?? null;
  return rows
    .filter(({ level }) => level !== 'cluster' || of === null)
    .map((row) => ({
      name: row.path.join('.'),
      value: row.value(here, queue),
      from: originOf(files, settings, row, of),
    }));
}

/** The levels of muster.yaml, the nearest first. */
function levelsOf(of: EffectiveOf, level: Row['level']): readonly YamlPath[] {
  if (of === null) return [[]];
  const queue = ['queues', of.queue];
  if (level === 'queue') return [queue];
  const { computeResource } = of;
  return [
    ...(computeResource === null ? [] : [[...queue, 'compute_resources', computeResource]]),
    queue,
    [],
  ];
}

function originOf(files: FilesRead, settings: Settings, row: Row, of: EffectiveOf): Origin | null {
  const said = saidAt(files, row.path, levelsOf(of, row.level));
  if (said !== null) return said;
  const [located] = (row.others?.(files) ?? []).flatMap((each) => each ?? []);
  const name = row.path.join('.');
  if (located !== undefined) {
    const { file, position, key } = located;
    return { file, ...position, key: key === name ? null : key };
  }
  const elsewhere = unplaced(files, name, row.value(settings, null));
  if (elsewhere !== null) return { file: elsewhere, line: null, column: null, key: null };
  // Whether launch-batches are firm follows from the strategy where nobody says it.
  if (name !== 'all_or_nothing_batch') return null;
  const strategy = rows.find(({ path }) => path[0] === 'scaling_strategy');
  const from = strategy === undefined ? null : originOf(files, settings, strategy, of);
  return from === null ? null : { ...from, key: from.key ?? 'scaling_strategy' };
}

/** What the cluster file says by its name or somewhere in it, and what the environment says. */
function unplaced(
  { cluster }: FilesRead,
  name: string,
  value: EffectiveSetting['value'],
): string | null {
  if (name === 'cluster_name') return cluster?.file ?? null;
  if (name !== 'region') return null;
  if (cluster?.region != null) return cluster.file;
  return value === defaultSettings.region ? null : 'environment';
}

function saidAt({ muster }: FilesRead, path: YamlPath, levels: readonly YamlPath[]): Origin | null {
  if (muster === null) return null;
  for (const level of levels) {
    const full = [...level, ...path];
    if (valueAt(muster.yaml.value, full) === undefined) continue;
    return { file: muster.file, ...placeOf(muster.yaml, full, 'key'), key: null };
  }
  return null;
}

/** `QUEUE` or `QUEUE/COMPUTE-RESOURCE`, if the fleet has it; else what is wrong. */
export function parseEffectiveOf(
  settings: Settings,
  text: string,
): { readonly of: EffectiveOf } | { readonly message: string; readonly hint: string } {
  const [queueName = '', resourceName, ...more] = text.split('/');
  if (settings.queues === null) {
    return {
      message: 'no cluster file describes the queues: what holds for the cluster holds for each',
      hint: 'leave `--effective` out, or name the cluster file with `cluster_config` in muster.yaml',
    };
  }
  const queues = settings.queues.map(({ name }) => name);
  const queue = settings.queues.find(({ name }) => name === queueName);
  if (queue === undefined) {
    return { message: `there is no queue \`${queueName}\``, hint: hintFor(queueName, queues) };
  }
  if (resourceName === undefined) return { of: { queue: queueName, computeResource: null } };
  const name = [resourceName, ...more].join('/');
  const resources = queue.computeResources.map((resource) => resource.name);
  if (resources.includes(name)) return { of: { queue: queueName, computeResource: name } };
  return {
    message: `queue \`${queueName}\` has no compute resource \`${name}\``,
    hint: hintFor(name, resources),
  };
}
