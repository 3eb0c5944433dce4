/**
 * What `muster config check` and `muster config slurm` print. Pure: the files have been read by `config/`.
 *
 * The check shows what muster would do with the configuration, in its own words, so that a setting that was read but
 * not meant is seen. Exit code 0: usable, with or without warnings; 2: not usable.
 */
import { formatProblem } from '../config/config.ts';
import type { Config, LoadResult } from '../config/config.ts';
import { renderSlurmNodes } from '../config/slurm-conf.ts';
import type { SlurmConfOptions } from '../config/slurm-conf.ts';
import { hooksNeedScripts } from '../config/surroundings.ts';
import { defaultSettings } from '../core/settings.ts';
import type { Settings } from '../core/settings.ts';
import { formatDuration } from '../core/units.ts';
import { describeLimits, describeQueue } from './config-check-queues.ts';
import { describePolicy } from './policy-words.ts';

export interface Rendered {
  /** With a newline at its end. */
  readonly text: string;
  readonly exitCode: number;
}

const usable = 0;
const badConfiguration = 2;

/** JSON: `{ valid, config, errors, notices }`; `config` is null when it is not usable. */
export function renderConfigCheck(result: LoadResult, options: { json: boolean }): Rendered {
  const exitCode = result.kind === 'loaded' ? usable : badConfiguration;
  if (options.json) {
    const report = {
      valid: result.kind === 'loaded',
      config: result.kind === 'loaded' ? result.config : null,
      errors: result.kind === 'refused' ? result.errors : [],
      notices: result.notices,
    };
    return { text: `${JSON.stringify(report, null, 2)}\n`, exitCode };
  }
  switch (result.kind) {
    case 'loaded': {
      const lines = [...result.notices.map(formatProblem), ...describe(result.config)];
      return { text: `${lines.join('\n')}\n`, exitCode };
    }
    case 'refused': {
      const warnings = result.notices.filter((notice) => notice.severity === 'warning');
      return { text: refusal(result.errors, warnings), exitCode };
    }
    default:
      return result satisfies never;
  }
}

/** The slurm.conf part of the fleet, or why there is none. */
export function renderSlurmConf(result: LoadResult, options: SlurmConfOptions): Rendered {
  if (result.kind === 'refused') {
    return { text: refusal(result.errors, []), exitCode: badConfiguration };
  }
  const { config } = result;
  const text = renderSlurmNodes(config, {
    ...options,
    ...(hooksNeedScripts(config) && { remarks: scriptsFor(config, options) }),
  });
  if (text !== null) return { text, exitCode: usable };
  const missing =
    'The slurm.conf part is made from the fleet, and no cluster file describes it.\n' +
    "    Give ParallelCluster's cluster file itself, or name it with `cluster_config` in muster.yaml.\n";
  return { text: missing, exitCode: badConfiguration };
}

/** What stands beside the hooks where they would not find the state folder. */
function scriptsFor({ stateDir }: Config, { programs }: SlurmConfOptions): readonly string[] {
  return [
    `WARNING: as they stand here they put their requests into the usual state folder, and state_dir is ${stateDir}.`,
    'Name a script of your own for each of the three instead, such as:',
    '  #!/bin/sh',
    `  MUSTER_STATE_DIR='${stateDir}' exec ${programs.resume} "$@"`,
  ];
}

function refusal(
  errors: Extract<LoadResult, { kind: 'refused' }>['errors'],
  warnings: LoadResult['notices'],
): string {
  const count = errors.length === 1 ? '1 error' : `${errors.length} errors`;
  const lines = [
    ...[...errors, ...warnings].map(formatProblem),
    `${count}: this configuration cannot be used. Nothing was changed.`,
  ];
  return `${lines.join('\n')}\n`;
}

function describe(config: Config): string[] {
  const { settings, sources } = config;
  const files = [sources.musterConfig, sources.resumeConfig, sources.clusterConfig];
  const rows: [string, string][] = [
    ['read', files.filter((file) => file !== null).join(', ')],
    ['cluster', `${settings.clusterName} in ${settings.region}`],
    ['mode', describeMode(settings)],
    ['batches', describeBatches(settings)],
    ...describeUnusual(settings),
    ['node address', settings.updateNodeAddress ? 'set when launched' : 'left as Slurm has it'],
    ...describeGangSettings(settings),
    ...describeGuards(settings),
    ['state', config.stateDir],
    ['socket', config.runDir],
    ['log', config.logDir],
  ];
  if (config.scontrolPath !== null) rows.push(['scontrol', config.scontrolPath]);
  if (config.slurmConf !== null) rows.push(['slurm.conf', config.slurmConf]);
  const lines = ['The configuration is usable.', ...rows.map(([name, text]) => row(name, text))];
  if (settings.queues === null) {
    lines.push(row('fleet', 'not described by a cluster file: node names are taken at their word'));
  } else {
    lines.push(
      ...settings.queues.flatMap((queue) => {
        const { summary, resources } = describeQueue(queue, settings);
        return [row(`queue ${queue.name}`, summary), ...resources];
      }),
    );
  }
  return lines;
}

/** How gangs are made whole, where it is not as usual; the rest has rows of its own. */
function describeUnusual({ strategy, spread, greedy, spares }: Settings): [string, string][] {
  const unusual = describePolicy({ strategy, spread, greedy, spares }, defaultSettings);
  return unusual.length === 0 ? [] : [['launches', unusual.join('; ')]];
}

/** What keeps muster from spending without end. */
function describeGuards({ limits, protection: { failures } }: Settings): [string, string][] {
  const set = describeLimits(limits);
  const after = `after ${failures} failed boots in a row`;
  return [
    ['limits', set === '' ? 'none' : set],
    ['protection', failures === 0 ? 'off' : `a queue is set inactive ${after}`],
  ];
}

/** EC2's limits and the clocks of a gang. */
function describeGangSettings(settings: Settings): [string, string][] {
  const { launchRequests, launchInstances, retry, capacityMemory } = settings;
  const timeout =
    settings.resumeTimeoutMs === null
      ? "Slurm's ResumeTimeout"
      : `a ResumeTimeout of ${formatDuration(settings.resumeTimeoutMs)}`;
  const patience = formatDuration(settings.launchPatienceMs);
  return [
    ['launch calls', pace(launchRequests)],
    ['instances', pace(launchInstances)],
    ['patience', `${patience} when EC2 throttles or does not answer`],
    [
      'gangs',
      `wait ${formatDuration(settings.assemblyPatienceMs)} for their next nodes, and try a rung for ${formatDuration(settings.rungPatienceMs)}`,
    ],
    [
      'deadline',
      `${formatDuration(settings.deadlineMarginMs)} before ${timeout}; a boot takes up to ${formatDuration(settings.bootTimeMs)}`,
    ],
    [
      'retries',
      `${formatDuration(retry.firstMs)} to ${formatDuration(retry.maxMs)} apart; a job is held after ${retry.tries} tries or ${formatDuration(retry.forMs)}`,
    ],
    [
      'memory',
      `a refusal counts for ${formatDuration(capacityMemory.refusalMs)}, a success for ${formatDuration(capacityMemory.successMs)}`,
    ],
    ['reservations', `are made for ${settings.platform}`],
  ];
}

function pace(limit: { readonly burst: number; readonly perSecond: number }): string {
  return `${limit.burst} at once, then ${limit.perSecond} a second (EC2's limit)`;
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(13)} ${text}`;
}

function describeMode(settings: Settings): string {
  switch (settings.mode) {
    case 'job':
      return settings.scalingStrategy === 'best-effort'
        ? 'job: each job gets what EC2 gives (best-effort)'
        : `job: each job gets all of its nodes or none (${settings.scalingStrategy})`;
    case 'node-list':
      return 'node-list: nodes are launched in batches, whatever jobs they are for';
    default:
      return settings.mode satisfies never;
  }
}

function describeBatches(settings: Settings): string {
  const launch = `at most ${settings.maxBatchSize} instances a launch`;
  const end = `${settings.terminateMaxBatchSize} a termination`;
  if (settings.mode === 'job') return `${launch}; ${end}`;
  const how = settings.allOrNothingBatch
    ? 'each whole or not at all'
    : 'each as far as EC2 has room';
  return `${launch}, ${how}; ${end}`;
}
