/**
 * The fleet of a simulated world: two queues of one or two compute resources, now and then with ladders over two zones,
 * two instance types and two markets. And the pools that all of them may draw from, which is where EC2 has room or not.
 */
import type { CapacityType, ComputeResource, Pool, Queue } from '../../core/settings.ts';
import type { Dice } from './dice.ts';

export const zone = 'us-east-2a';
const subnets = [
  { subnetId: 'subnet-0000000000000000a', availabilityZone: zone },
  { subnetId: 'subnet-0000000000000000b', availabilityZone: 'us-east-2b' },
] as const;
const instanceTypes = ['c5.xlarge', 'c5.2xlarge', 'm5.xlarge'];

/** One place that capacity comes from. */
export interface FleetPool {
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly market: CapacityType;
  /** Most instances that the fleet could want of it. */
  readonly size: number;
}

export function createQueues(dice: Dice): Queue[] {
  const isWide = dice.chance(0.3);
  const hasLadders = dice.chance(0.4);
  return ['q1', 'q2'].map((name) => {
    const capacityType = dice.chance(0.15) ? 'spot' : 'on-demand';
    return {
      name,
      capacityType,
      strategy: dice.pick(['reserve', 'reserve', 'launch']),
      ...(dice.chance(0.1) && { spread: true }),
      computeResources: ['a', 'b'].slice(0, dice.int(1, 2)).map((resource) => {
        const maxCount = isWide ? dice.int(20, 60) : dice.int(3, 14);
        const types = [...new Set([dice.pick(instanceTypes), dice.pick(instanceTypes)])];
        const pools = hasLadders ? createLadder(dice, types, capacityType) : [];
        return createResource(resource, maxCount, types, pools);
      }),
    };
  });
}

function createResource(
  name: string,
  maxCount: number,
  types: readonly string[],
  pools: readonly Pool[],
): ComputeResource {
  const [instanceType = ''] = types;
  return {
    name,
    minCount: 0,
    maxCount,
    instanceTypes: types,
    launch: {
      kind: 'instance-type',
      instanceType,
      imageId: 'ami-0123456789abcdef0',
      subnetId: subnets[0].subnetId,
      placementGroup: null,
      efa: false,
    },
    ...(pools.length > 0 && { pools }),
  };
}

/** Zone by zone or type by type; those who run on spot may have on-demand to fall back on. */
function createLadder(dice: Dice, types: readonly string[], market: CapacityType): Pool[] {
  const zones = dice.chance(0.5) ? subnets : [...subnets].reverse();
  const markets: CapacityType[] =
    market === 'spot' && dice.chance(0.5) ? ['spot', 'on-demand'] : [market];
  const byZone = dice.chance(0.5);
  const places = byZone
    ? zones.flatMap(({ subnetId }) => types.map((instanceType) => ({ subnetId, instanceType })))
    : types.flatMap((instanceType) => zones.map(({ subnetId }) => ({ subnetId, instanceType })));
  const pools = markets.flatMap((each) =>
    places.map((place) => ({ ...place, market: each, reservationId: null })),
  );
  return pools.slice(0, dice.int(2, pools.length));
}

/** Placement groups that EC2 knows: in the one reservations can be made, in the other not. */
const groups = [
  { name: 'near', strategy: 'cluster' },
  { name: 'apart', strategy: 'spread' },
] as const;

/**
 * In some worlds a queue launches into a placement group, or has a platform that its images are not of: what is reserved for
 * it does not fit. Of a dice of its own, so that the fleets of known seeds stay as they were.
 */
export function withGroups(dice: Dice, queues: readonly Queue[]): readonly Queue[] {
  if (!dice.chance(0.15)) return queues;
  return queues.map((queue) => {
    const kind = dice.pick(['group', 'group', 'platform', 'none']);
    if (kind === 'platform') return { ...queue, platform: 'Windows' };
    if (kind === 'none') return queue;
    const { name } = dice.pick([groups[0], groups[0], groups[1]]);
    return {
      ...queue,
      computeResources: queue.computeResources.map((resource) =>
        resource.launch.kind === 'instance-type'
          ? { ...resource, launch: { ...resource.launch, placementGroup: name } }
          : resource,
      ),
    };
  });
}

/** Those that the queues launch into. */
export function groupsOf(queues: readonly Queue[]): readonly (typeof groups)[number][] {
  const resources = queues.flatMap(({ computeResources }) => computeResources);
  return groups.filter(({ name }) =>
    resources.some(
      ({ launch }) => launch.kind === 'instance-type' && launch.placementGroup === name,
    ),
  );
}

/** Some of the nodes of some compute resources are static. */
export function withStaticSets(dice: Dice, queues: readonly Queue[]): Queue[] {
  return queues.map((queue) => ({
    ...queue,
    computeResources: queue.computeResources.map((resource) =>
      dice.chance(0.6)
        ? {
            ...resource,
            minCount: dice.int(1, Math.min(5, resource.maxCount - 1)),
            staticSets: {
              launch: dice.pick(['all-or-nothing', 'all-or-nothing', 'best-effort'] as const),
              replace: dice.pick(['node', 'node', 'set'] as const),
            },
          }
        : resource,
    ),
  }));
}

export function sizeOf(queue: Queue): number {
  return queue.computeResources.reduce((sum, { maxCount }) => sum + maxCount, 0);
}

/** All pools of the queues' ladders, each once. */
export function fleetPools(queues: readonly Queue[]): FleetPool[] {
  const found = new Map<string, FleetPool>();
  for (const { capacityType, computeResources } of queues) {
    for (const {
      maxCount,
      instanceTypes: [own = ''],
      pools,
    } of computeResources) {
      const first = { instanceType: own, subnetId: null, market: capacityType };
      for (const { instanceType, subnetId, market } of pools ?? [first]) {
        const place = subnets.find((each) => each.subnetId === subnetId) ?? subnets[0];
        const pool = {
          instanceType: instanceType ?? own,
          availabilityZone: place.availabilityZone,
          market,
        };
        const key = JSON.stringify(pool);
        found.set(key, { ...pool, size: (found.get(key)?.size ?? 0) + maxCount });
      }
    }
  }
  return [...found.values()];
}
