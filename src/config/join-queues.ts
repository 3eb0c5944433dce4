/**
 * The fleet of the cluster file and what muster's settings say of its queues, joined into the core's queues: how each
 * compute resource is launched, its ladder, and the queue's policies.
 */
import { defaultStaticSets, launchTemplateName } from '../core/settings.ts';
import type {
  ComputeResource,
  LaunchSource,
  Queue,
  Settings,
  StaticSets,
} from '../core/settings.ts';
import type { ClusterFile, FleetComputeResource, FleetQueue } from './cluster-file.ts';
import type { FilesRead } from './join.ts';
import { launchSaid } from './launch-keys.ts';
import { joinLimits } from './limits.ts';
import { hasSeveralPools, poolsOf } from './ladder.ts';
import type { QueueSettingsYaml, RungYaml } from './muster-yaml-queues.ts';
import type { MusterYaml } from './muster-yaml.ts';
import { hintFor } from './nearest.ts';
import type { Findings } from './problem.ts';
import { isRecord, pathText, yamlProblem } from './yaml-file.ts';
import type { YamlFile, YamlPath } from './yaml-file.ts';

/** Null when no cluster file describes the fleet. */
export function joinQueues(files: FilesRead, cluster: Settings): readonly Queue[] | null {
  const says = files.muster?.says;
  const saysBatches =
    says?.all_or_nothing_batch !== undefined || (files.conf?.allOrNothingBatch ?? null) !== null;
  const queues = files.cluster?.fleet.queues.map((queue) =>
    joinQueue(queue, { cluster, launch: says?.launch, saysBatches }, says?.queues?.[queue.name]),
  );
  return queues ?? null;
}

/** What holds for all queues. */
interface Above {
  readonly cluster: Settings;
  readonly launch: MusterYaml['launch'];
  /** Whether launch-batches are said to be firm or soft. */
  readonly saysBatches: boolean;
}

function joinQueue(
  queue: FleetQueue,
  { cluster, launch, saysBatches }: Above,
  says: QueueSettingsYaml | undefined,
): Queue {
  const ofQueue = launchSaid(says, cluster, saysBatches);
  const here = { ...cluster, ...ofQueue };
  const saysBatchesHere = saysBatches || says?.all_or_nothing_batch !== undefined;
  return {
    name: queue.name,
    capacityType: queue.capacityType,
    subnetIds: queue.subnetIds,
    computeResources: queue.computeResources.map((resource) => ({
      ...joinComputeResource(
        queue,
        resource,
        launchSource(queue, resource, cluster.clusterName, launch),
        rungsOf(says, resource.name),
        staticSetsOf(says, resource.name),
      ),
      ...launchSaid(says?.compute_resources?.[resource.name], here, saysBatchesHere),
    })),
    ...ofQueue,
    ...(says?.limits !== undefined && { limits: joinLimits(says.limits) }),
  };
}

function joinComputeResource(
  queue: FleetQueue,
  resource: FleetComputeResource,
  launch: LaunchSource,
  rungs: readonly RungYaml[] | null,
  staticSets: StaticSets | null,
): ComputeResource {
  const pools = poolsOf({ queue, resource, launch, rungs });
  return {
    name: resource.name,
    minCount: resource.minCount,
    maxCount: resource.maxCount,
    instanceTypes: resource.instanceTypes,
    launch,
    ...templateGroup(resource, launch),
    ...(pools !== undefined && { pools }),
    ...(staticSets !== null && { staticSets }),
  };
}

function templateGroup(
  { placementGroup, managedPlacementGroup }: FleetComputeResource,
  launch: LaunchSource,
): Pick<ComputeResource, 'placementGroup'> {
  if (launch.kind !== 'launch-template') return {};
  if (managedPlacementGroup) return { placementGroup: { name: null } };
  return placementGroup === null ? {} : { placementGroup: { name: placementGroup } };
}

/** A compute resource's own ladder takes the place of its queue's. */
function rungsOf(
  says: QueueSettingsYaml | undefined,
  computeResource: string,
): readonly RungYaml[] | null {
  return says?.compute_resources?.[computeResource]?.ladder ?? says?.ladder ?? null;
}

/** What the compute resource says goes before what its queue says; null: neither says anything. */
function staticSetsOf(
  says: QueueSettingsYaml | undefined,
  computeResource: string,
): StaticSets | null {
  const all = says?.static_sets;
  const own = says?.compute_resources?.[computeResource]?.static_sets;
  if (all === undefined && own === undefined) return null;
  return {
    launch: own?.launch ?? all?.launch ?? defaultStaticSets.launch,
    replace: own?.replace ?? all?.replace ?? defaultStaticSets.replace,
  };
}

function launchSource(
  queue: FleetQueue,
  resource: FleetComputeResource,
  cluster: string,
  launch: MusterYaml['launch'],
): LaunchSource {
  if (launch?.from !== 'instance-type') {
    const name = launchTemplateName(cluster, queue.name, resource.name);
    return { kind: 'launch-template', name, version: '$Latest' };
  }
  return {
    kind: 'instance-type',
    instanceType: resource.instanceTypes[0] ?? '',
    imageId: launch.image_id ?? null,
    subnetId: queue.subnetIds[0] ?? '',
    placementGroup: resource.placementGroup,
    efa: resource.efa,
  };
}

/** What the fleet that the cluster file describes cannot mean, and what `queues` cannot of it. */
export function checkQueues(files: FilesRead, findings: Findings): void {
  const { muster, cluster } = files;
  if (muster?.says.queues !== undefined) {
    checkLadders(muster.yaml, muster.says, cluster?.fleet.queues ?? [], findings);
  }
  if (cluster === null) return;
  noteReservations(files, cluster.file, findings);
}

function checkLadders(
  yaml: YamlFile,
  says: MusterYaml,
  fleet: readonly FleetQueue[],
  findings: Findings,
): void {
  if (says.cluster_config === undefined) {
    findings.errors.push(
      yamlProblem(yaml, ['queues'], {
        message: '`queues` needs the cluster file that describes them',
        hint: "add `cluster_config: FILE`, ParallelCluster's cluster file, or remove `queues`",
        at: 'key',
      }),
    );
  }
  for (const [name, queueSays] of Object.entries(says.queues ?? {})) {
    const path = ['queues', name];
    const queue = fleet.find((candidate) => candidate.name === name);
    if (queue === undefined) continue;
    checkLadder(yaml, [...path, 'ladder'], queueSays.ladder, queue, findings);
    for (const [resource, resourceSays] of Object.entries(queueSays.compute_resources ?? {})) {
      const resourcePath = [...path, 'compute_resources', resource];
      checkLadder(yaml, [...resourcePath, 'ladder'], resourceSays.ladder, queue, findings);
    }
  }
}

/**
 * Whether the cluster file has the queues and compute resources that `queues` names. Works on the file as it is, not on the
 * schema's output, so that a name that is wrong is told together with everything else.
 */
export function checkQueueNames(yaml: YamlFile, { fleet }: ClusterFile, findings: Findings): void {
  for (const [name, says] of entriesOf(yaml.value['queues'])) {
    const path = ['queues', name];
    const queue = known(yaml, path, fleet.queues, 'queue', findings);
    if (queue === null || !isRecord(says)) continue;
    for (const [resource] of entriesOf(says['compute_resources'])) {
      const resourcePath = [...path, 'compute_resources', resource];
      known(yaml, resourcePath, queue.computeResources, 'compute resource', findings);
    }
  }
}

function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}

/** The one of the fleet that the last step of the path names. */
function known<T extends { readonly name: string }>(
  yaml: YamlFile,
  path: YamlPath,
  fleet: readonly T[],
  what: string,
  findings: Findings,
): T | null {
  const name = String(path.at(-1));
  const found = fleet.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  const names = fleet.map((candidate) => candidate.name);
  findings.errors.push(
    yamlProblem(yaml, path, {
      message: `unknown ${what} \`${name}\` in ${pathText(path.slice(0, -1))}: the cluster file has none of that name`,
      hint: hintFor(name, names),
      at: 'key',
    }),
  );
  return null;
}

/** What a rung leaves out is the queue's: it may not go together with what the rung names. */
function checkLadder(
  yaml: YamlFile,
  path: YamlPath,
  ladder: readonly RungYaml[] | undefined,
  queue: FleetQueue,
  findings: Findings,
): void {
  for (const [index, rung] of (ladder ?? []).entries()) {
    const rungPath = [...path, index];
    const market = rung.market ?? queue.capacityType;
    if (rung.market === undefined && market === 'spot' && rung.reservation !== undefined) {
      findings.errors.push(
        yamlProblem(yaml, [...rungPath, 'reservation'], {
          message: `${pathText(rungPath)} has a reservation, and queue \`${queue.name}\` buys spot instances, which EC2 launches into none`,
          hint: 'add `market: on-demand` or `market: capacity-block` to this rung, or remove the reservation',
          at: 'key',
        }),
      );
    }
    if (rung.market === 'capacity-block' && rung.reservation === undefined) {
      findings.errors.push(
        yamlProblem(yaml, [...rungPath, 'market'], {
          message: `${pathText(rungPath)} does not say which capacity block`,
          hint: 'add `reservation: cr-...`, the id of the capacity block',
        }),
      );
    }
  }
}

/** Reservations of the cluster file that cannot do for every pool of the default ladder. */
function noteReservations(files: FilesRead, file: string, findings: Findings): void {
  const says = files.muster?.says.queues;
  const unused: string[] = [];
  const beyond: string[] = [];
  for (const queue of files.cluster?.fleet.queues ?? []) {
    for (const resource of queue.computeResources) {
      if (resource.reservationId === null) continue;
      if (rungsOf(says?.[queue.name], resource.name) !== null) continue;
      const name = `${queue.name}/${resource.name}`;
      if (queue.capacityType === 'spot') unused.push(name);
      else if (hasSeveralPools({ queue, resource })) beyond.push(name);
    }
  }
  const warn = (message: string): void => {
    findings.notices.push({ severity: 'warning', file, line: null, column: null, message });
  };
  if (unused.length > 0) {
    warn(
      `EC2 launches no spot instance into a capacity reservation, so \`CapacityReservationId\` is passed over in: ${unused.join(', ')}`,
    );
  }
  if (beyond.length > 0) {
    warn(
      `a capacity reservation is of one instance type in one zone, and EC2 launches nothing else into it; \`CapacityReservationId\` stands beside several types or subnets in: ${beyond.join(', ')}; write their \`ladder\` in muster.yaml`,
    );
  }
}
