/** Queues for tests of the core, in few words. A subnet's id names its zone: `subnet-us-east-1a`, `subnet-us-east-1a+2`. */
import type { ComputeResource, Pool, Queue } from '../settings.ts';

export function zoneIn(subnetId: string): string {
  return subnetId.slice('subnet-'.length).split('+')[0] ?? '';
}

/**
 * The queue `q`, with its compute resources and their pools: `{ a: ['c5.large us-east-1a', 'c5.large us-east-1b spot'] }`.
 * The first one is also what the launch source has; one that ends in `+2` is a second subnet of the zone.
 */
export function queueOf(
  resources: Readonly<Record<string, readonly string[]>>,
  more: Partial<Queue> = {},
): Queue {
  const computeResources = Object.entries(resources).map(([name, words]): ComputeResource => {
    const pools = words.map(poolOf);
    const [first] = pools;
    const instanceType = first?.instanceType ?? '';
    return {
      name,
      minCount: 0,
      maxCount: 10_000,
      instanceTypes: [instanceType],
      launch: {
        kind: 'instance-type',
        instanceType,
        imageId: null,
        subnetId: first?.subnetId ?? '',
        placementGroup: null,
        efa: false,
      },
      pools,
    };
  });
  return { name: 'q', capacityType: 'on-demand', computeResources, ...more };
}

function poolOf(words: string): Pool {
  const [instanceType = '', zone = '', how = ''] = words.split(' ');
  return {
    instanceType,
    subnetId: `subnet-${zone}`,
    market: how === 'spot' ? 'spot' : 'on-demand',
    reservationId: how.startsWith('cr-') ? how : null,
  };
}
