/**
 * ParallelCluster's `parallelcluster_slurm_resume.conf`, as the 2020 wiki page shows it and as today's versions
 * write it.
 *
 * Every key of either generation is valid. A key given twice takes its last value, as the seeds' `echo ... >>`
 * means it. Keys that muster reads and does not use (yet) are named in one note. Which mode the keys choose is not
 * decided here but in `config.ts`, where all files are known.
 */
import type { ScalingStrategy } from '../core/settings.ts';
import { parseIni } from './ini.ts';
import type { IniEntry, IniFile } from './ini.ts';
import { hintFor, nearest } from './nearest.ts';
import { problemAt } from './problem.ts';
import type { Findings, Located, Notice, Position, SourceText } from './problem.ts';
import {
  clusterNameHint,
  isClusterName,
  isRegion,
  isScalingStrategy,
  parseIniBoolean,
  regionHint,
  scalingStrategies,
} from './values.ts';

/** What the file says and muster uses; null where the file says nothing. */
export interface ResumeConf {
  readonly file: string;
  readonly clusterName: Located<string> | null;
  readonly region: Located<string> | null;
  readonly scalingStrategy: Located<ScalingStrategy> | null;
  readonly jobLevelScaling: Located<boolean> | null;
  readonly allOrNothingBatch: Located<boolean> | null;
  /** By either spelling; `key` tells which. */
  readonly maxBatchSize: Located<number> | null;
  readonly terminateMaxBatchSize: Located<number> | null;
  readonly updateNodeAddress: Located<boolean> | null;
}

const sectionName = 'slurm_resume';

type ValueKind = 'text' | 'boolean' | 'size' | 'count' | 'strategy' | 'region' | 'cluster-name';

interface KeyRule {
  readonly kind: ValueKind;
  /** False: read and checked, and without effect. */
  readonly used: boolean;
  /** The key that it is another spelling of. */
  readonly sameAs?: string;
}

const rules: ReadonlyMap<string, KeyRule> = new Map<string, KeyRule>([
  ['cluster_name', { kind: 'cluster-name', used: true }],
  ['region', { kind: 'region', used: true }],
  ['scaling_strategy', { kind: 'strategy', used: true }],
  ['job_level_scaling', { kind: 'boolean', used: true }],
  ['all_or_nothing_batch', { kind: 'boolean', used: true }],
  ['launch_max_batch_size', { kind: 'size', used: true }],
  ['max_batch_size', { kind: 'size', used: true, sameAs: 'launch_max_batch_size' }],
  ['terminate_max_batch_size', { kind: 'size', used: true }],
  ['update_node_address', { kind: 'boolean', used: true }],
  ['assign_node_max_batch_size', { kind: 'size', used: false }],
  ['dynamodb_table', { kind: 'text', used: false }],
  ['hosted_zone', { kind: 'text', used: false }],
  ['dns_domain', { kind: 'text', used: false }],
  ['use_private_hostname', { kind: 'boolean', used: false }],
  ['proxy', { kind: 'text', used: false }],
  ['head_node_private_ip', { kind: 'text', used: false }],
  ['master_private_ip', { kind: 'text', used: false, sameAs: 'head_node_private_ip' }],
  ['head_node_hostname', { kind: 'text', used: false }],
  ['master_hostname', { kind: 'text', used: false, sameAs: 'head_node_hostname' }],
  ['boto3_retry', { kind: 'count', used: false }],
  ['clustermgtd_heartbeat_file_path', { kind: 'text', used: false }],
  ['clustermgtd_timeout', { kind: 'count', used: false }],
  ['run_instances_overrides', { kind: 'text', used: false }],
  ['create_fleet_overrides', { kind: 'text', used: false }],
  ['fleet_config_file', { kind: 'text', used: false }],
  ['logging_config', { kind: 'text', used: false }],
  ['instance_id', { kind: 'text', used: false }],
]);

/** Keys that change how nodes are launched: in the wrong section they must not go unnoticed. */
const decisiveKeys: readonly string[] = [
  'all_or_nothing_batch',
  'max_batch_size',
  'scaling_strategy',
  'job_level_scaling',
];

/** Checks the whole file; whatever is wrong goes to `findings`, and the rest is returned all the same. */
export function readResumeConf(source: SourceText, findings: Findings): ResumeConf {
  const errorsBefore = findings.errors.length;
  const ini = parseIni(source, findings);
  checkSections(source, ini, errorsBefore, findings);

  const entries = new Map<string, IniEntry>();
  for (const entry of ini.entries) {
    if (entry.section !== sectionName) continue;
    const rule = rules.get(entry.key);
    if (rule === undefined) {
      findings.errors.push(
        problemAt(source, keyPlace(entry), {
          message: `unknown key \`${entry.key}\``,
          hint: hintFor(entry.key, [...rules.keys()]),
        }),
      );
      continue;
    }
    if (entry.backQuoted !== null) findings.notices.push(backQuoteWarning(source, entry));
    const name = rule.sameAs ?? entry.key;
    const earlier = entries.get(name);
    if (earlier !== undefined) findings.notices.push(twiceWarning(source, earlier, entry));
    entries.set(name, entry);
    checkValue(source, entry, rule, findings);
  }
  noteUnused(source, [...entries.values()], findings);
  return collect(source, entries);
}

function collect(source: SourceText, entries: ReadonlyMap<string, IniEntry>): ResumeConf {
  function located<T>(key: string, parse: (text: string) => T | null): Located<T> | null {
    const entry = entries.get(key);
    const value = entry === undefined ? null : parse(entry.value);
    if (entry === undefined || value === null) return null;
    return { value, key: entry.key, file: source.file, position: keyPlace(entry) };
  }
  return {
    file: source.file,
    clusterName: located('cluster_name', (text) => text),
    region: located('region', (text) => text),
    scalingStrategy: located('scaling_strategy', (text) => (isScalingStrategy(text) ? text : null)),
    jobLevelScaling: located('job_level_scaling', parseIniBoolean),
    allOrNothingBatch: located('all_or_nothing_batch', parseIniBoolean),
    maxBatchSize: located('launch_max_batch_size', parseWhole),
    terminateMaxBatchSize: located('terminate_max_batch_size', parseWhole),
    updateNodeAddress: located('update_node_address', parseIniBoolean),
  };
}

function checkSections(
  source: SourceText,
  ini: IniFile,
  errorsBefore: number,
  findings: Findings,
): void {
  const seen = new Map<string, number>();
  for (const section of ini.sections) {
    const earlier = seen.get(section.name);
    if (earlier !== undefined) {
      const message = `section [${section.name}] begins again (first on line ${earlier}); both are read as one, the later values win`;
      findings.notices.push(warning(source, section, message));
    }
    seen.set(section.name, earlier ?? section.line);
    if (section.name === sectionName) continue;
    if (nearest(section.name, [sectionName]) !== null) {
      findings.errors.push(
        problemAt(source, section, {
          message: `unknown section [${section.name}]`,
          hint: `did you mean \`[${sectionName}]\`?`,
        }),
      );
    } else {
      const message = `section [${section.name}] is not read; muster reads [${sectionName}]`;
      findings.notices.push({ ...warning(source, section, message), severity: 'note' });
    }
  }
  if (!seen.has(sectionName) && findings.errors.length === errorsBefore) {
    const place = ini.sections[0] ?? { line: 1, column: 1 };
    const message = `the file has no section [${sectionName}]`;
    const hint = `put a line \`[${sectionName}]\` and its keys below it, as ParallelCluster writes them`;
    findings.errors.push(problemAt(source, place, { message, hint }));
  }
  for (const entry of ini.entries) strayKey(source, entry, seen, findings);
}

/** A launch setting appended to a file that ends in another section does nothing there. */
function strayKey(
  source: SourceText,
  entry: IniEntry,
  sections: ReadonlyMap<string, number>,
  findings: Findings,
): void {
  if (entry.section === sectionName || !decisiveKeys.includes(entry.key)) return;
  const home = sections.get(sectionName);
  if (home === undefined) return;
  findings.errors.push(
    problemAt(source, keyPlace(entry), {
      message: `\`${entry.key}\` stands in section [${entry.section}], where it does nothing`,
      hint: `move it below [${sectionName}] (line ${home})`,
    }),
  );
}

function checkValue(source: SourceText, entry: IniEntry, rule: KeyRule, findings: Findings): void {
  const glued = gluedKey(entry.value);
  if (glued !== null) {
    findings.errors.push(
      problemAt(
        source,
        { line: entry.line, column: entry.valueColumn + glued.index },
        {
          message: `\`${glued.key}\` stands in the middle of \`${entry.key}\`'s value: it was appended to a file whose last line had no newline`,
          hint: `begin a new line before \`${glued.key}\``,
        },
      ),
    );
    return;
  }
  const hint = whatIsRight(rule.kind, entry.value);
  if (hint === null) return;
  const shown = entry.value === '' ? 'has no value' : `cannot be \`${entry.value}\``;
  findings.errors.push(
    problemAt(
      source,
      { line: entry.line, column: entry.valueColumn },
      { message: `\`${entry.key}\` ${shown}`, hint },
    ),
  );
}

/** `newlineall_or_nothing_batch = True`: a known key with its delimiter inside another's value. */
function gluedKey(value: string): { key: string; index: number } | null {
  for (const delimiter of value.matchAll(/\s*[=:]/g)) {
    const before = value.slice(0, delimiter.index).toLowerCase();
    // The longest key that fits: `launch_max_batch_size` ends in `max_batch_size`.
    const fitting = [...rules.keys()].filter((key) => before.endsWith(key));
    const key = fitting.toSorted((a, b) => b.length - a.length)[0];
    if (key !== undefined && key.includes('_')) return { key, index: before.length - key.length };
  }
  return null;
}

/** What a value should be, or null when it is right. */
function whatIsRight(kind: ValueKind, value: string): string | null {
  switch (kind) {
    case 'text':
      return null;
    case 'boolean':
      return parseIniBoolean(value) === null ? 'write `True` or `False`' : null;
    case 'size':
      return (parseWhole(value) ?? 0) < 1 ? 'write a whole number from 1 on, such as `500`' : null;
    case 'count':
      return parseWhole(value) === null ? 'write a whole number from 0 on' : null;
    case 'strategy':
      return isScalingStrategy(value) ? null : hintFor(value, scalingStrategies);
    case 'region':
      return isRegion(value) ? null : regionHint;
    case 'cluster-name':
      return isClusterName(value) ? null : clusterNameHint;
    default:
      return kind satisfies never;
  }
}

function parseWhole(text: string): number | null {
  if (!/^\+?\d+$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

function keyPlace(entry: IniEntry): Position {
  return { line: entry.line, column: entry.keyColumn };
}

function warning(source: SourceText, position: Position, message: string): Notice {
  const { line, column } = position;
  return { severity: 'warning', file: source.file, line, column, message };
}

function backQuoteWarning(source: SourceText, entry: IniEntry): Notice {
  const message = `back quotes stand around this setting, so ParallelCluster would not recognise it; read as \`${entry.key} = ${entry.value}\`, which is what was meant; remove them`;
  return warning(source, keyPlace(entry), message);
}

function twiceWarning(source: SourceText, earlier: IniEntry, later: IniEntry): Notice {
  const first = `\`${earlier.key} = ${earlier.value}\` (line ${earlier.line})`;
  const last = `\`${later.key} = ${later.value}\` (line ${later.line})`;
  return warning(
    source,
    keyPlace(later),
    `given twice: ${first} and ${last}; the last one is used`,
  );
}

function noteUnused(source: SourceText, entries: readonly IniEntry[], findings: Findings): void {
  const unused = entries.filter((entry) => {
    const without = entry.key === 'proxy' && entry.value.toUpperCase() === 'NONE';
    return rules.get(entry.key)?.used === false && !without;
  });
  const first = unused[0];
  if (first === undefined) return;
  const names = unused.map((entry) => entry.key).join(', ');
  const message = `read, but without effect in muster so far: ${names}`;
  findings.notices.push({ ...warning(source, keyPlace(first), message), severity: 'note' });
}
