/**
 * Placement groups that were made by name. A launch may name any group, made or not; what a group has room for is the
 * pools' business.
 */
import { invalidValue, placementGroupTaken, unknownPlacementGroup } from './errors.ts';
import { tagsFor } from './tags.ts';
import type {
  Actions,
  CreatePlacementGroupRequest,
  DescribePlacementGroupsRequest,
  PlacementGroupView,
} from './types.ts';
import type { World } from './world.ts';

const strategies = ['cluster', 'spread', 'partition'];

/** Throws Ec2ApiError for a name that is taken and for a strategy that is none. */
export function createPlacementGroup(
  world: World,
  { name, strategy = 'cluster', tagSpecifications }: CreatePlacementGroupRequest,
): PlacementGroupView {
  if (world.placementGroups.has(name)) throw placementGroupTaken(name);
  if (!strategies.includes(strategy)) {
    throw invalidValue(`Invalid value '${strategy}' for Strategy.`);
  }
  const group: PlacementGroupView = {
    name,
    groupId: `pg-0${world.otherIds.hex16()}`,
    arn: `arn:aws:ec2:${world.region}:${world.account}:placement-group/${name}`,
    strategy,
    tags: tagsFor('placement-group', tagSpecifications),
  };
  world.placementGroups.set(name, group);
  return group;
}

/** Throws Ec2ApiError for a name that was never made. */
export function describePlacementGroups(
  world: World,
  { names = [] }: DescribePlacementGroupsRequest,
): Actions['DescribePlacementGroups']['answer'] {
  if (names.length === 0) return { groups: [...world.placementGroups.values()] };
  const groups = names.map((name) => {
    const group = world.placementGroups.get(name);
    if (group === undefined) throw unknownPlacementGroup(name);
    return group;
  });
  return { groups };
}
