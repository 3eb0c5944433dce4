/** What EC2 is asked of the names in the configuration: the zones of subnets, the ARNs of placement groups. */
import type { Draft } from './draft.ts';
import type { Effect } from './effects.ts';
import { groupOf } from './fleet.ts';
import type { Settings } from './settings.ts';
import type { State } from './state.ts';

/** A first start learns them before it launches: a try is waited for, a second one is not. */
export function isLookingUp(state: State): boolean {
  for (const { effect, tries } of state.outstanding.values())
    if (isLookup(effect) && tries === 0) return true;
  return false;
}

function isLookup({ kind }: Effect): boolean {
  return kind === 'DescribeSubnets' || kind === 'DescribePlacementGroups';
}

/** Asks for those that are not known yet. */
export function lookUp(draft: Draft): void {
  const { settings, zones, groupArns, templateGroups } = draft.state;
  const { subnetIds, groups, templates } = namesIn(settings);
  const subnets = subnetIds.filter((id) => !zones.has(id));
  const names = groups.filter((name) => !groupArns.has(name));
  if (subnets.length > 0 && !isOut(draft, 'DescribeSubnets'))
    draft.effects.push({
      kind: 'DescribeSubnets',
      id: `subnets-${draft.at}`,
      subnetIds: subnets,
    });
  const unread = templates.filter((name) => !templateGroups.has(name));
  if (names.length + unread.length > 0 && !isOut(draft, 'DescribePlacementGroups'))
    draft.effects.push({
      kind: 'DescribePlacementGroups',
      id: `groups-${draft.at}`,
      names,
      templates: unread,
    });
}

function isOut({ state }: Draft, kind: Effect['kind']): boolean {
  return [...state.outstanding.values()].some(({ effect }) => effect.kind === kind);
}

function namesIn(settings: Settings): {
  readonly subnetIds: readonly string[];
  readonly groups: readonly string[];
  /** Launch templates that alone name their placement group. */
  readonly templates: readonly string[];
} {
  const subnetIds = new Set<string>();
  const groups = new Set<string>();
  const templates = new Set<string>();
  for (const queue of settings.queues ?? []) {
    for (const id of queue.subnetIds ?? []) subnetIds.add(id);
    for (const resource of queue.computeResources) {
      const { launch, pools } = resource;
      if (launch.kind === 'instance-type') subnetIds.add(launch.subnetId);
      for (const pool of pools ?? []) if (pool.subnetId !== null) subnetIds.add(pool.subnetId);
      const group = groupOf(launch, resource);
      if (group !== null && group.name !== null) groups.add(group.name);
      else if (group !== null && launch.kind === 'launch-template') templates.add(launch.name);
    }
  }
  subnetIds.delete('');
  return { subnetIds: [...subnetIds], groups: [...groups], templates: [...templates] };
}
