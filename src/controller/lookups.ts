/** What EC2 tells of the names in the configuration: the zones of subnets, the ARNs of placement groups. */
import type { DescribePlacementGroups, DescribeSubnets } from '../core/effects.ts';
import type { Event } from '../core/events.ts';
import type { CapacityCloud } from '../ports/cloud.ts';

type Lookup = DescribeSubnets | DescribePlacementGroups;
type Told = Extract<Event, { kind: 'SubnetsTold' | 'PlacementGroupsTold' }>;
type WithoutTime<T> = T extends unknown ? Omit<T, 'at'> : never;

/** Rejects with CloudError. */
export function lookUp(cloud: CapacityCloud, effect: Lookup): Promise<WithoutTime<Told>> {
  return effect.kind === 'DescribeSubnets' ? zonesOf(cloud, effect) : groupsOf(cloud, effect);
}

async function zonesOf(
  cloud: CapacityCloud,
  { id: effectId, subnetIds }: DescribeSubnets,
): Promise<WithoutTime<Told>> {
  const subnets = await cloud.describeSubnets(subnetIds);
  const zones = Object.fromEntries(
    subnets.map(({ subnetId, availabilityZone }) => [subnetId, availabilityZone]),
  );
  return { kind: 'SubnetsTold', effectId, zones };
}

async function groupsOf(
  cloud: CapacityCloud,
  { id: effectId, names, templates }: DescribePlacementGroups,
): Promise<WithoutTime<Told>> {
  const listed = await cloud.describeLaunchTemplates(templates);
  const named = listed.flatMap(({ placementGroup }) => placementGroup ?? []);
  const groups = await cloud.describePlacementGroups([...new Set([...names, ...named])]);
  return {
    kind: 'PlacementGroupsTold',
    effectId,
    templates: Object.fromEntries(listed.map(({ name, placementGroup }) => [name, placementGroup])),
    arns: Object.fromEntries(
      groups.map(({ name, arn, strategy }) => [name, strategy === 'cluster' ? arn : null]),
    ),
  };
}
