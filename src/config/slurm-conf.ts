/**
 * The part of slurm.conf that follows from the configuration: power saving, nodes and partitions, in the form that
 * ParallelCluster writes them. The rest of slurm.conf (hosts, authentication, logs) is the administrator's.
 */
import type { Settings } from '../core/settings.ts';
import type { Config, Fleet, FleetComputeResource, FleetQueue } from './config.ts';
import { slurmCpus } from './instance-types.ts';

export interface SlurmConfOptions {
  /** Absolute paths of muster's hooks. */
  readonly programs: {
    readonly resume: string;
    readonly suspend: string;
    readonly resumeFail: string;
  };
  /** Lines about them, as comments before them. */
  readonly remarks?: readonly string[];
  /** CPUs of a node whose instance type is not known here; 1 when left out. */
  readonly cpus?: number;
  /** Gives every node a port of its own, counted up from here: several slurmd on one machine need that. */
  readonly firstPort?: number;
}

/** The text, with a newline at its end; null when no cluster file describes the fleet. */
export function renderSlurmNodes(config: Config, options: SlurmConfOptions): string | null {
  const { fleet } = config;
  if (fleet === null) return null;
  const lines = [
    `# Written by muster from ${config.sources.clusterConfig ?? 'the cluster file'}. Include it in slurm.conf.`,
    '',
    ...powerSaving(config.settings, fleet, options),
    '',
    ...nodeLines(config.settings, fleet, options),
  ];
  return `${lines.join('\n')}\n`;
}

function powerSaving(settings: Settings, fleet: Fleet, options: SlurmConfOptions): string[] {
  const { programs, remarks = [] } = options;
  const staticNodes = fleet.queues.flatMap((queue) =>
    queue.computeResources
      .filter((resource) => resource.minCount > 0)
      .map((resource) => nodeRange(queue, resource, 'st', resource.minCount)),
  );
  const minutes = fleet.scaledownIdleMinutes;
  const lines = [
    '# Who starts and ends instances.',
    ...remarks.map((line) => `# ${line}`),
    `ResumeProgram=${programs.resume}`,
    `SuspendProgram=${programs.suspend}`,
    '# Nodes that did not come up in time: their instances are terminated.',
    `ResumeFailProgram=${programs.resumeFail}`,
    '# No limit a minute: a limit would hand a job over in pieces.',
    'ResumeRate=0',
    'SuspendRate=0',
    '# Seconds from the request until a node counts as failed: launching, waiting for EC2 and booting must fit.',
    `ResumeTimeout=${resumeTimeout(settings)}`,
    '# Seconds that a node given back is held before it may be used again.',
    'SuspendTimeout=120',
    minutes === -1
      ? '# Idle nodes stay up (ScaledownIdletime: -1).'
      : '# Seconds that a dynamic node may be idle (ScaledownIdletime).',
    `SuspendTime=${minutes === -1 ? -1 : minutes * 60}`,
    '# Nodes that are powered down stay visible in sinfo.',
    'PrivateData=cloud',
    '# A node that is powered down becomes idle, not down.',
    'SlurmctldParameters=idle_on_node_suspend',
    '# A node that was down because it did not respond is used again once it registers.',
    'ReturnToService=1',
  ];
  if (staticNodes.length > 0) {
    lines.push('# Static nodes stay up when idle.', `SuspendExcNodes=${staticNodes.join(',')}`);
  }
  return lines;
}

/** Boots that must fit: the first, its replacement, and some room. */
const bootsInTime = 2.5;

/** Seconds. Where the settings do not say: enough for their own times, and half an hour at least. */
function resumeTimeout(settings: Settings): number {
  const { resumeTimeoutMs, bootTimeMs, deadlineMarginMs, launchPatienceMs } = settings;
  if (resumeTimeoutMs !== null) return Math.ceil(resumeTimeoutMs / 1000);
  const neededMs = launchPatienceMs + bootsInTime * bootTimeMs + deadlineMarginMs;
  return Math.max(1800, Math.ceil(neededMs / 1000));
}

function nodeLines(settings: Settings, fleet: Fleet, options: SlurmConfOptions): string[] {
  const lines: string[] = [];
  let port = options.firstPort ?? null;
  for (const [index, queue] of fleet.queues.entries()) {
    const ranges: string[] = [];
    for (const resource of queue.computeResources) {
      const types = typesOf(settings, queue, resource);
      for (const type of ['st', 'dy'] as const) {
        const count =
          type === 'st' ? resource.minCount : Math.max(0, resource.maxCount - resource.minCount);
        if (count === 0) continue;
        const range = nodeRange(queue, resource, type, count);
        ranges.push(range);
        lines.push(
          nodeLine({
            range,
            resource,
            types,
            type,
            cpusOtherwise: options.cpus ?? 1,
            ports: portRange(port, count),
          }),
        );
        if (port !== null) port += count;
      }
    }
    lines.push(`NodeSet=${queue.name}_nodes Nodes=${ranges.join(',')}`);
    const byDefault = index === 0 ? ' Default=YES' : '';
    const exclusive = queue.jobExclusive ? ' OverSubscribe=EXCLUSIVE' : '';
    lines.push(
      `PartitionName=${queue.name} Nodes=${queue.name}_nodes MaxTime=INFINITE State=UP${byDefault}${exclusive}`,
    );
    lines.push('');
  }
  return lines.slice(0, -1);
}

function nodeRange(
  queue: FleetQueue,
  resource: FleetComputeResource,
  type: 'st' | 'dy',
  count: number,
): string {
  return `${queue.name}-${type}-${resource.name}-[1-${count}]`;
}

function portRange(first: number | null, count: number): string | null {
  if (first === null) return null;
  return count === 1 ? String(first) : `[${first}-${first + count - 1}]`;
}

/** The instance types that a node may turn out to be: the ladder's. */
function typesOf(
  settings: Settings,
  queue: FleetQueue,
  resource: FleetComputeResource,
): readonly string[] {
  const { instanceTypes } = resource;
  const pools = settings.queues
    ?.find(({ name }) => name === queue.name)
    ?.computeResources.find(({ name }) => name === resource.name)?.pools;
  if (pools === undefined) return instanceTypes;
  return [...new Set(pools.map((pool) => pool.instanceType ?? instanceTypes[0] ?? ''))];
}

function nodeLine(node: {
  readonly range: string;
  readonly resource: FleetComputeResource;
  readonly types: readonly string[];
  readonly type: 'st' | 'dy';
  readonly cpusOtherwise: number;
  readonly ports: string | null;
}): string {
  const { range, resource, type, cpusOtherwise, ports } = node;
  const features = [type === 'st' ? 'static' : 'dynamic'];
  const [instanceType, ...others] = node.types;
  // Nodes of a compute resource with several types may be any of them, as in ParallelCluster.
  if (instanceType !== undefined && others.length === 0) features.push(instanceType);
  features.push(resource.name);
  if (resource.efa) features.push('efa');
  const known = node.types.map((name) => slurmCpus(name, resource.multithreading));
  const cpus = known.reduce<number | null>(
    (least, count) => (least === null || count === null ? null : Math.min(least, count)),
    Number.POSITIVE_INFINITY,
  );
  const weight = type === 'st' ? resource.staticNodePriority : resource.dynamicNodePriority;
  return [
    `NodeName=${range}`,
    `CPUs=${cpus ?? cpusOtherwise}`,
    'State=CLOUD',
    `Feature=${features.join(',')}`,
    `Weight=${weight}`,
    ...(ports === null ? [] : [`Port=${ports}`]),
  ].join(' ');
}
