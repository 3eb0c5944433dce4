/**
 * What `muster config show` prints: each setting, its value and where that comes from. Pure: the files have been read by
 * `config/`. Exit code 0: shown; 2: not usable, or no such queue.
 */
import type { LoadResult } from '../config/config.ts';
import { effectiveSettings, parseEffectiveOf } from '../config/effective.ts';
import type { EffectiveOf, EffectiveSetting, Origin } from '../config/effective.ts';
import { renderConfigCheck, type Rendered } from './config-check.ts';
import { renderTable } from './table.ts';

export interface ConfigShowOptions {
  /** `QUEUE` or `QUEUE/COMPUTE-RESOURCE`; absent: the cluster. */
  readonly effective?: string;
  readonly json?: boolean;
}

/** JSON: `{ queue, computeResource, settings: [{ name, value, from }] }`; `from` is null where the default holds. */
export function renderConfigShow(result: LoadResult, options: ConfigShowOptions): Rendered {
  if (result.kind === 'refused') return renderConfigCheck(result, { json: options.json === true });
  const { settings } = result.config;
  let of: EffectiveOf = null;
  if (options.effective !== undefined) {
    const parsed = parseEffectiveOf(settings, options.effective);
    if ('message' in parsed)
      return { text: `muster: ${parsed.message}\n    ${parsed.hint}\n`, exitCode: 2 };
    of = parsed.of;
  }
  const shown = effectiveSettings(result, of);
  return { text: options.json === true ? json(of, shown) : table(of, shown), exitCode: 0 };
}

function json(of: EffectiveOf, settings: readonly EffectiveSetting[]): string {
  const { queue, computeResource } = of ?? { queue: null, computeResource: null };
  return `${JSON.stringify({ queue, computeResource, settings }, null, 2)}\n`;
}

const columns = [{ title: 'SETTING' }, { title: 'VALUE' }, { title: 'FROM' }] as const;

function table(of: EffectiveOf, settings: readonly EffectiveSetting[]): string {
  const rows = settings.map(({ name, value, from }) => [
    name,
    value === null ? '-' : String(value),
    from === null ? 'default' : origin(from),
  ]);
  return `${headline(of)}\n\n${renderTable(columns, rows)}`;
}

function headline(of: EffectiveOf): string {
  if (of === null)
    return 'The cluster; a queue may have its own: --effective QUEUE[/COMPUTE-RESOURCE]';
  const { queue, computeResource } = of;
  if (computeResource !== null) return `Compute resource ${queue}/${computeResource}`;
  return `Queue ${queue}; a compute resource may have its own: --effective ${queue}/COMPUTE-RESOURCE`;
}

function origin({ file, line, column, key }: Origin): string {
  const place = [file, line, column].filter((part) => part !== null).join(':');
  return key === null ? place : `${place} (${key})`;
}
