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
import type { LaunchSource, Queue, Settings } from '../core/settings.ts';

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
  const text = renderSlurmNodes(result.config, options);
  if (text !== null) return { text, exitCode: usable };
  const missing =
    'The slurm.conf part is made from the fleet, and no cluster file describes it.\n' +
    "    Give ParallelCluster's cluster file itself, or name it with `cluster_config` in muster.yaml.\n";
  return { text: missing, exitCode: badConfiguration };
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
    ['node address', settings.updateNodeAddress ? 'set when launched' : 'left as Slurm has it'],
    [
      'launch calls',
      `${settings.launchRequests.burst} at once, then ${settings.launchRequests.perSecond} a second (EC2's limit)`,
    ],
    ['patience', `${settings.launchPatienceMs / 1000} s when EC2 throttles or does not answer`],
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
    lines.push(...settings.queues.flatMap(describeQueue));
  }
  return lines;
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(14)}${text}`;
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

function describeQueue(queue: Queue): string[] {
  const lines = [row(`queue ${queue.name}`, queue.capacityType)];
  for (const resource of queue.computeResources) {
    const dynamic = resource.maxCount - resource.minCount;
    const counts = `${resource.minCount} static and ${dynamic} dynamic nodes`;
    const types = resource.instanceTypes.join(' or ');
    lines.push(
      `    ${resource.name}: ${counts} of ${types}, by ${describeLaunch(resource.launch)}`,
    );
  }
  return lines;
}

function describeLaunch(launch: LaunchSource): string {
  switch (launch.kind) {
    case 'launch-template':
      return `launch template ${launch.name} ${launch.version}`;
    case 'instance-type':
      return `instance type ${launch.instanceType} in ${launch.subnetId}`;
    default:
      return launch satisfies never;
  }
}
