/**
 * Placement groups that were made by name. A launch may name any group, made or not; what a group has room for is the
 * pools' business.
 */
import type { Instant } from '../../core/units.ts';
import { invalidValue, placementGroupTaken, unknownPlacementGroup } from './errors.ts';
import { predicateFor, type Property } from './filters.ts';
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

const properties: ReadonlyMap<string, Property<PlacementGroupView>> = new Map<
  string,
  Property<PlacementGroupView>
>([
  ['group-name', (view) => view.name],
  ['group-arn', (view) => view.arn],
  ['strategy', (view) => view.strategy],
]);

/** Throws Ec2ApiError for a name that was never made, and for a filter that EC2 does not have. */
export function describePlacementGroups(
  world: World,
  { names = [], filters = [] }: DescribePlacementGroupsRequest,
  now: Instant,
): Actions['DescribePlacementGroups']['answer'] {
  const asked = names.length === 0 ? [...world.placementGroups.keys()] : names;
  const groups = asked.map((name) => {
    const group = world.placementGroups.get(name);
    if (group === undefined) throw unknownPlacementGroup(name);
    return group;
  });
  const tests = filters.map((filter) => predicateFor(filter, properties, null));
  return { groups: groups.filter((group) => tests.every((test) => test(group, now))) };
}
