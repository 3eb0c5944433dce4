/**
 * ParallelCluster's cluster file (YAML) as the description of the fleet.
 *
 * `readClusterFile` checks it and gives the fleet in plain words of the domain; how its compute resources are
 * launched is decided in `join-queues.ts`, because the cluster's name is not in this file.
 */
import type { CapacityType, ScalingStrategy } from '../core/settings.ts';
import { clusterSchema, clusterTopLevelKeys, keysWithoutEffect } from './cluster-schema.ts';
import type { ClusterYaml, ComputeResourceYaml, QueueYaml } from './cluster-schema.ts';
import { nearest } from './nearest.ts';
import type { Findings, Located, SourceText } from './problem.ts';
import { checkSchema, isRecord, pathText, placeOf, yamlProblem } from './yaml-file.ts';
import type { YamlFile, YamlPath } from './yaml-file.ts';

export interface FleetComputeResource {
  readonly name: string;
  readonly minCount: number;
  readonly maxCount: number;
  readonly instanceTypes: readonly string[];
  /** Given as a list (`Instances`): then ParallelCluster's launch template names neither an instance type nor a subnet. */
  readonly flexible: boolean;
  /** Of `CapacityReservationTarget`, the queue's where it has none of its own; null: none, or a group of them. */
  readonly reservationId: string | null;
  readonly efa: boolean;
  /** Null: none, or one that ParallelCluster makes and names itself (then `managedPlacementGroup`). */
  readonly placementGroup: string | null;
  readonly managedPlacementGroup: boolean;
  /** Slurm's Weight of static and of dynamic nodes. */
  readonly staticNodePriority: number;
  readonly dynamicNodePriority: number;
  readonly multithreading: boolean;
}

export interface FleetQueue {
  readonly name: string;
  readonly capacityType: CapacityType;
  readonly subnetIds: readonly string[];
  readonly jobExclusive: boolean;
  readonly computeResources: readonly FleetComputeResource[];
}

export interface Fleet {
  readonly queues: readonly FleetQueue[];
  /** Minutes that a dynamic node may stay idle; -1: for ever. */
  readonly scaledownIdleMinutes: number;
}

export interface ClusterFile {
  readonly file: string;
  readonly fleet: Fleet;
  readonly region: string | null;
  readonly scalingStrategy: Located<ScalingStrategy> | null;
}

/** ParallelCluster's own defaults. */
const defaults = {
  minCount: 0,
  maxCount: 10,
  staticNodePriority: 1,
  dynamicNodePriority: 1000,
  scaledownIdleMinutes: 10,
};

/** True when the mapping has a key of ParallelCluster's top level: then it is a cluster file, not muster's settings. */
export function isClusterFile(value: Readonly<Record<string, unknown>>): boolean {
  return clusterTopLevelKeys.some((key) => Object.hasOwn(value, key));
}

/** By its lines, also where it is no YAML yet: for who expected another file. */
export function looksLikeClusterFile({ lines }: SourceText): boolean {
  return lines.some((line) => clusterTopLevelKeys.some((key) => line.startsWith(`${key}:`)));
}

/** The fleet, or null with every error in `findings`. */
export function readClusterFile(yaml: YamlFile, findings: Findings): ClusterFile | null {
  const errorsBefore = findings.errors.length;
  checkTopLevel(yaml, findings);
  const cluster = Object.hasOwn(yaml.value, 'Scheduling')
    ? checkSchema(yaml, clusterSchema, findings)
    : null;
  checkAcross(yaml, findings);
  if (cluster === null || findings.errors.length > errorsBefore) return null;
  noteWithoutEffect(yaml, findings);

  const { Region: region, Scheduling: scheduling } = cluster;
  const strategyPath = ['Scheduling', 'ScalingStrategy'];
  const scalingStrategy =
    scheduling.ScalingStrategy === undefined
      ? null
      : {
          value: scheduling.ScalingStrategy,
          key: 'ScalingStrategy',
          file: yaml.source.file,
          position: placeOf(yaml, strategyPath, 'key'),
        };
  return {
    file: yaml.source.file,
    fleet: {
      queues: scheduling.SlurmQueues.map(fleetQueue),
      scaledownIdleMinutes:
        scheduling.SlurmSettings?.ScaledownIdletime ?? defaults.scaledownIdleMinutes,
    },
    region: region ?? null,
    scalingStrategy,
  };
}

const capacityTypes: Readonly<Record<NonNullable<QueueYaml['CapacityType']>, CapacityType>> = {
  ONDEMAND: 'on-demand',
  SPOT: 'spot',
  CAPACITY_BLOCK: 'capacity-block',
};

function fleetQueue(queue: ClusterYaml['Scheduling']['SlurmQueues'][number]): FleetQueue {
  return {
    name: queue.Name,
    capacityType: capacityTypes[queue.CapacityType ?? 'ONDEMAND'],
    subnetIds: queue.Networking.SubnetIds,
    jobExclusive: queue.JobExclusiveAllocation ?? false,
    computeResources: queue.ComputeResources.map((resource) =>
      fleetComputeResource(queue, resource),
    ),
  };
}

function fleetComputeResource(
  queue: QueueYaml,
  resource: ComputeResourceYaml,
): FleetComputeResource {
  const group = resource.Networking?.PlacementGroup ?? queue.Networking.PlacementGroup ?? {};
  const groupName = group.Enabled === false ? null : (group.Name ?? group.Id ?? null);
  return {
    name: resource.Name,
    minCount: resource.MinCount ?? defaults.minCount,
    maxCount: resource.MaxCount ?? defaults.maxCount,
    instanceTypes:
      resource.Instances?.map((instance) => instance.InstanceType) ??
      (resource.InstanceType === undefined ? [] : [resource.InstanceType]),
    flexible: resource.Instances !== undefined,
    reservationId:
      (resource.CapacityReservationTarget ?? queue.CapacityReservationTarget)
        ?.CapacityReservationId ?? null,
    efa: resource.Efa?.Enabled ?? false,
    placementGroup: groupName,
    managedPlacementGroup: group.Enabled === true && groupName === null,
    staticNodePriority: resource.StaticNodePriority ?? defaults.staticNodePriority,
    dynamicNodePriority: resource.DynamicNodePriority ?? defaults.dynamicNodePriority,
    multithreading: !(resource.DisableSimultaneousMultithreading ?? false),
  };
}

/** Other top-level keys are ParallelCluster's business; a misspelt one of the two that are read is not. */
function checkTopLevel(yaml: YamlFile, findings: Findings): void {
  const keys = Object.keys(yaml.value);
  for (const key of keys) {
    if (clusterTopLevelKeys.includes(key)) continue;
    const meant = nearest(key, ['Region', 'Scheduling']);
    if (meant === null || keys.includes(meant)) continue;
    const said = { message: `unknown key \`${key}\``, hint: `did you mean \`${meant}\`?` };
    findings.errors.push(yamlProblem(yaml, [key], { ...said, at: 'key' }));
    if (meant === 'Scheduling') return;
  }
  if (keys.includes('Scheduling')) return;
  const said = {
    message: '`Scheduling` is missing: it describes the queues',
    hint: 'add `Scheduling:` with `Scheduler: slurm` and `SlurmQueues:`, as in the cluster file given to pcluster',
  };
  findings.errors.push(yamlProblem(yaml, [], said));
}

/**
 * What no single value shows. Works on the file as it is, not on the schema's output, so that these errors are
 * reported together with the schema's.
 */
function checkAcross(yaml: YamlFile, findings: Findings): void {
  const scheduling = yaml.value['Scheduling'];
  if (!isRecord(scheduling)) return;
  const queues = mappings(scheduling['SlurmQueues']);
  const queuesPath = ['Scheduling', 'SlurmQueues'];
  checkUnique(yaml, queuesPath, queues, 'queue', findings);
  for (const queue of queues) {
    const queuePath = [...queuesPath, queue.index];
    checkPlacementGroup(yaml, queuePath, queue.value, findings);
    checkReservationTarget(yaml, queuePath, queue.value, findings);
    const resourcesPath = [...queuePath, 'ComputeResources'];
    const resources = mappings(queue.value['ComputeResources']);
    checkUnique(yaml, resourcesPath, resources, 'compute resource of this queue', findings);
    for (const resource of resources) {
      const path = [...resourcesPath, resource.index];
      checkPlacementGroup(yaml, path, resource.value, findings);
      checkReservationTarget(yaml, path, resource.value, findings);
      checkInstanceTypes(yaml, path, resource.value, findings);
      checkCounts(yaml, path, resource.value, findings);
    }
  }
}

interface Entry {
  readonly index: number;
  readonly value: Record<string, unknown>;
}

function mappings(list: unknown): Entry[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((value: unknown, index) => (isRecord(value) ? [{ index, value }] : []));
}

function checkUnique(
  yaml: YamlFile,
  path: YamlPath,
  entries: readonly Entry[],
  what: string,
  findings: Findings,
): void {
  const seen = new Map<string, number>();
  for (const { index, value } of entries) {
    const name = value['Name'];
    if (typeof name !== 'string') continue;
    const earlier = seen.get(name);
    if (earlier === undefined) {
      seen.set(name, index);
      continue;
    }
    const { line } = placeOf(yaml, [...path, earlier, 'Name']);
    findings.errors.push(
      yamlProblem(yaml, [...path, index, 'Name'], {
        message: `\`${name}\` is already the name of a ${what} (line ${line})`,
        hint: 'give each its own name',
      }),
    );
  }
}

function checkPlacementGroup(
  yaml: YamlFile,
  path: YamlPath,
  holder: Record<string, unknown>,
  findings: Findings,
): void {
  const networking = holder['Networking'];
  const group = isRecord(networking) ? networking['PlacementGroup'] : undefined;
  if (!isRecord(group)) return;
  const groupPath = [...path, 'Networking', 'PlacementGroup'];
  if (group['Id'] !== undefined && group['Name'] !== undefined) {
    const message = `${pathText(groupPath)} has both \`Id\` and \`Name\``;
    const hint = 'keep `Name`; `Id` is its old spelling';
    findings.errors.push(yamlProblem(yaml, [...groupPath, 'Id'], { message, hint, at: 'key' }));
  }
}

function checkReservationTarget(
  yaml: YamlFile,
  path: YamlPath,
  holder: Record<string, unknown>,
  findings: Findings,
): void {
  const target = holder['CapacityReservationTarget'];
  const [id, group] = ['CapacityReservationId', 'CapacityReservationResourceGroupArn'] as const;
  if (!isRecord(target) || target[id] === undefined || target[group] === undefined) return;
  const targetPath = [...path, 'CapacityReservationTarget'];
  const message = `${pathText(targetPath)} has both \`${id}\` and \`${group}\``;
  const hint = 'keep one: a reservation, or a group of them';
  findings.errors.push(yamlProblem(yaml, [...targetPath, group], { message, hint, at: 'key' }));
}

function checkInstanceTypes(
  yaml: YamlFile,
  path: YamlPath,
  resource: Record<string, unknown>,
  findings: Findings,
): void {
  const single = resource['InstanceType'] !== undefined;
  const several = resource['Instances'] !== undefined;
  if (single && several) {
    findings.errors.push(
      yamlProblem(yaml, [...path, 'InstanceType'], {
        message: `${pathText(path)} has both \`InstanceType\` and \`Instances\``,
        hint: 'keep one: `InstanceType` for one type, `Instances` for several',
        at: 'key',
      }),
    );
    return;
  }
  // A misspelt key is reported as one.
  const misspelt = nearest('InstanceType', Object.keys(resource)) !== null;
  if (!single && !several && !misspelt) {
    findings.errors.push(
      yamlProblem(yaml, path, {
        message: `${pathText(path)} has no instance type`,
        hint: 'add `InstanceType: c6i.32xlarge`, or `Instances:` with a list of them',
      }),
    );
  }
}

function checkCounts(
  yaml: YamlFile,
  path: YamlPath,
  resource: Record<string, unknown>,
  findings: Findings,
): void {
  const min = Number(resource['MinCount'] ?? defaults.minCount);
  const max = Number(resource['MaxCount'] ?? defaults.maxCount);
  // A number that cannot be either of them has an error of its own.
  if (!(min > max) || max < 1) return;
  const implied = resource['MaxCount'] === undefined ? ' (its default)' : '';
  findings.errors.push(
    yamlProblem(yaml, [...path, 'MinCount'], {
      message: `\`MinCount\` ${min} is more than \`MaxCount\` ${max}${implied}`,
      hint: `set \`MaxCount\` to ${min} or more, or \`MinCount\` to ${max} or less`,
    }),
  );
}

function noteWithoutEffect(yaml: YamlFile, findings: Findings): void {
  const found: YamlPath[] = [];
  function visit(value: unknown, path: YamlPath, depth: number): void {
    if (depth === 0) return;
    if (Array.isArray(value)) {
      for (const [index, entry] of value.entries()) visit(entry, [...path, index], depth - 1);
    } else if (isRecord(value)) {
      for (const [key, entry] of Object.entries(value)) {
        if (keysWithoutEffect.includes(key)) found.push([...path, key]);
        else visit(entry, [...path, key], depth - 1);
      }
    }
  }
  // Scheduling.SlurmQueues[].ComputeResources[].CapacityReservationTarget.KEY is the deepest.
  visit(yaml.value['Scheduling'], ['Scheduling'], 6);
  const first = found[0];
  if (first === undefined) return;
  const names = [...new Set(found.map((path) => String(path.at(-1))))].join(', ');
  findings.notices.push({
    severity: 'note',
    file: yaml.source.file,
    ...placeOf(yaml, first, 'key'),
    message: `read, but without effect in muster so far: ${names}`,
  });
}
