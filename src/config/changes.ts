/** What another reading of the configuration has changed, in few words; and what of it a daemon can take up as it runs. */
import type { Loaded } from './config.ts';
import { effectiveSettings } from './effective.ts';
import type { EffectiveSetting } from './effective.ts';

/** What a daemon has opened, or has told EC2 of, when it started. */
const fixed: readonly string[] = [
  'cluster_name',
  'region',
  'state_dir',
  'log_dir',
  'slurm.scontrol',
  'slurm.slurm_conf',
];

export interface Changes {
  /** Each as `spares 0 -> 2`, or `queue q1`. */
  readonly all: readonly string[];
  /** Those of them that need a restart. */
  readonly needRestart: readonly string[];
}

export function changesBetween(before: Loaded, after: Loaded): Changes {
  const [old, now] = [before, after].map((loaded) => effectiveSettings(loaded, null));
  const changed = (now ?? []).flatMap(({ name, value }) => {
    const was = old?.find((setting) => setting.name === name)?.value ?? null;
    return was === value ? [] : [{ name, words: `${name} ${shown(was)} -> ${shown(value)}` }];
  });
  return {
    all: [...changed.map(({ words }) => words), ...changedQueues(before, after)],
    needRestart: changed.filter(({ name }) => fixed.includes(name)).map(({ words }) => words),
  };
}

function shown(value: EffectiveSetting['value']): string {
  return value === null ? 'none' : String(value);
}

function changedQueues(before: Loaded, after: Loaded): string[] {
  const [old, now] = [before, after].map(({ config: { settings } }) => {
    const queues = settings.queues ?? [];
    return new Map(queues.map((queue) => [queue.name, JSON.stringify(queue)]));
  });
  const names = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])];
  return names.flatMap((name) => {
    const [was, is] = [old?.get(name), now?.get(name)];
    if (was === is) return [];
    const how = was === undefined ? ' (new)' : is === undefined ? ' (gone)' : '';
    return [`queue ${name}${how}`];
  });
}
