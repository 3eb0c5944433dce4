/**
 * What holds, setting by setting, and where it comes from: for the cluster, a queue or a compute resource. It asks the
 * joined settings for the value and the files for the place, nearest first, and decides nothing itself.
 */
import { settingsAt } from '../core/launch-policy.ts';
import { defaultSettings } from '../core/settings.ts';
import type { Settings } from '../core/settings.ts';
import type { Loaded } from './config.ts';
import { rows } from './effective-rows.ts';
import type { At, Row, Value } from './effective-rows.ts';
import type { FilesRead } from './join.ts';
import { hintFor } from './nearest.ts';
import { folders } from './places.ts';
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
  readonly value: Value;
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

/** For a queue or a compute resource that settings of the cluster alone are left out of, and for the cluster those of queues. */
export function effectiveSettings(loaded: Loaded, of: EffectiveOf): readonly EffectiveSetting[] {
  const at = atPlace(loaded, of);
  return rows
    .filter(({ level }) => (of === null ? level !== 'below the cluster' : level !== 'cluster'))
    .map((row) => ({
      name: row.path.join('.'),
      value: row.value(at),
      from: originOf(at, row, of),
    }));
}

function atPlace({ config, files }: Loaded, of: EffectiveOf): At {
  const queue = config.settings.queues?.find(({ name }) => name === of?.queue) ?? null;
  return {
    settings: of === null ? config.settings : settingsAt(config.settings, of),
    config,
    files,
    queue,
    resource: queue?.computeResources.find(({ name }) => name === of?.computeResource) ?? null,
  };
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
    ...(level === 'below the cluster' ? [] : [[]]),
  ];
}

function originOf(at: At, row: Row, of: EffectiveOf): Origin | null {
  const name = row.path.join('.');
  const value = row.value(at);
  if (isOverridden(at, name, value)) return wholeFile('environment');
  const said = saidAt(at.files, row.path, levelsOf(of, row.level));
  if (said !== null) return said;
  const [located] = (row.others?.(at.files) ?? []).flatMap((each) => each ?? []);
  if (located !== undefined) {
    const { file, position, key } = located;
    return { file, ...position, key: key === name ? null : key };
  }
  const elsewhere = unplaced(at, name, value);
  if (elsewhere !== null) return wholeFile(elsewhere);
  // Whether launch-batches are firm follows from the strategy where nobody says it.
  if (name !== 'all_or_nothing_batch') return null;
  const strategy = rows.find(({ path }) => path[0] === 'scaling_strategy');
  const from = strategy === undefined ? null : originOf(at, strategy, of);
  return from === null ? null : { ...from, key: from.key ?? 'scaling_strategy' };
}

function wholeFile(file: string): Origin {
  return { file, line: null, column: null, key: null };
}

/** A folder that a variable of the environment names, whatever the file says. */
function isOverridden({ files }: At, name: string, value: Value): boolean {
  const usual = Object.entries(folders).find(([key]) => key === name)?.[1].usual;
  return usual !== undefined && value !== (valueAt(files.muster?.yaml.value, [name]) ?? usual);
}

/** What a file says by its name or somewhere in it, and what the environment says. */
function unplaced({ files, config }: At, name: string, value: Value): string | null {
  switch (name) {
    case 'resume_config':
    case 'cluster_config':
      return value === null ? null : String(value);
    case 'ladder':
      return value === null ? null : config.sources.clusterConfig;
    case 'cluster_name':
      return config.sources.clusterConfig;
    case 'region':
      if (files.cluster?.region != null) return files.cluster.file;
      return value === defaultSettings.region ? null : 'environment';
    default:
      return null;
  }
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
