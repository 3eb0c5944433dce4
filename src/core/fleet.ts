/** Where a node belongs: its queue and compute resource, and how that is launched. */
import { parseNodeName } from './node-name.ts';
import type { Refusal } from './gang.ts';
import { settingsAt } from './launch-policy.ts';
import {
  type ComputeResource,
  launchTemplateName,
  type LaunchPolicy,
  type LaunchSource,
  type PlacementGroup,
  type Pool,
  type Queue,
  type Settings,
} from './settings.ts';

/** A compute resource of a queue, resolved for launching. */
export interface Place {
  readonly queue: string;
  readonly computeResource: string;
  readonly launch: LaunchSource;
  /** The ladder; never empty. */
  readonly pools: readonly Pool[];
  /** What the launch source itself launches, and where; null where nobody says. */
  readonly instanceType: string | null;
  readonly subnetId: string | null;
  /** The group that instances are launched into; null: none, as far as the configuration tells. */
  readonly placementGroup: PlacementGroup | null;
  /** As the cluster, the queue and the compute resource have it. */
  readonly policy: LaunchPolicy;
}

export type Located =
  | { readonly kind: 'place'; readonly place: Place }
  | {
      readonly kind: 'nowhere';
      readonly code: Refusal['code'];
      readonly message: string;
      /** The same for nodes that are nowhere for the same reason: they are refused together. */
      readonly about: string;
    };

/**
 * Looks nodes up in the fleet. Places are shared: two nodes of a compute resource get the same object, so callers
 * may group by identity.
 */
export function createLocator(settings: Settings): (node: string) => Located {
  const places = new Map<string, Place>();
  return (node) => {
    const parsed = parseNodeName(node);
    if (parsed.kind === 'error') {
      return {
        kind: 'nowhere',
        code: 'InvalidNodenameError',
        message: `${parsed.message}; ${parsed.hint}`,
        about: '',
      };
    }
    const { queue, computeResource } = parsed;
    const key = `${queue}/${computeResource}`;
    const counts = countsOf(settings.queues, queue, computeResource);
    if (typeof counts !== 'number' && 'code' in counts)
      return { kind: 'nowhere', ...counts, about: key };
    const limit = parsed.nodeType === 'static' ? counts.staticCount : counts.dynamicCount;
    if (parsed.index < 1 || parsed.index > limit) {
      return {
        kind: 'nowhere',
        code: 'NodeOutsideFleet',
        message: `${node}: ${key} has ${limit} ${parsed.nodeType} nodes (MinCount and MaxCount in the cluster file)`,
        about: `${key} ${parsed.nodeType}`,
      };
    }
    let place = places.get(key);
    if (place === undefined) {
      place = resolve(settings, queue, computeResource);
      places.set(key, place);
    }
    return { kind: 'place', place };
  };
}

type Counts =
  | { readonly staticCount: number; readonly dynamicCount: number }
  | { readonly code: string; readonly message: string };

function countsOf(queues: readonly Queue[] | null, queue: string, computeResource: string): Counts {
  if (queues === null) return { staticCount: Infinity, dynamicCount: Infinity };
  const found = queues.find((candidate) => candidate.name === queue);
  if (found === undefined) {
    const names = queues.map((candidate) => candidate.name).join(', ');
    return {
      code: 'UnknownQueue',
      message: `the fleet has no queue "${queue}" (it has: ${names})`,
    };
  }
  const resource = found.computeResources.find((candidate) => candidate.name === computeResource);
  if (resource === undefined) {
    const names = found.computeResources.map((candidate) => candidate.name).join(', ');
    return {
      code: 'UnknownComputeResource',
      message: `queue "${queue}" has no compute resource "${computeResource}" (it has: ${names})`,
    };
  }
  return { staticCount: resource.minCount, dynamicCount: resource.maxCount - resource.minCount };
}

function resolve(settings: Settings, queue: string, computeResource: string): Place {
  const found = settings.queues?.find((candidate) => candidate.name === queue);
  const resource = found?.computeResources.find((candidate) => candidate.name === computeResource);
  const launch = resource?.launch ?? {
    kind: 'launch-template',
    name: launchTemplateName(settings.clusterName, queue, computeResource),
    version: '$Latest',
  };
  const own = {
    instanceType: null,
    subnetId: null,
    market: found?.capacityType ?? 'on-demand',
    reservationId: null,
  };
  const isTyped = launch.kind === 'instance-type';
  return {
    queue,
    computeResource,
    launch,
    pools: resource?.pools ?? [own],
    instanceType: isTyped ? launch.instanceType : (resource?.instanceTypes[0] ?? null),
    subnetId: isTyped ? launch.subnetId : (found?.subnetIds?.[0] ?? null),
    placementGroup: groupOf(launch, resource),
    policy: settingsAt(settings, { queue, computeResource }),
  };
}

/** The group that instances are launched into; null: none, as far as the configuration tells. */
export function groupOf(
  launch: LaunchSource,
  resource: ComputeResource | undefined,
): PlacementGroup | null {
  if (launch.kind === 'launch-template') return resource?.placementGroup ?? null;
  return launch.placementGroup === null ? null : { name: launch.placementGroup };
}
