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
  const { settings, zones, groupArns } = draft.state;
  const { subnetIds, groups } = namesIn(settings);
  const subnets = subnetIds.filter((id) => !zones.has(id));
  const names = groups.filter((name) => !groupArns.has(name));
  if (subnets.length > 0 && !isOut(draft, 'DescribeSubnets'))
    draft.effects.push({
      kind: 'DescribeSubnets',
      id: `subnets-${draft.at}`,
      subnetIds: subnets,
    });
  if (names.length > 0 && !isOut(draft, 'DescribePlacementGroups'))
    draft.effects.push({ kind: 'DescribePlacementGroups', id: `groups-${draft.at}`, names });
}

function isOut({ state }: Draft, kind: Effect['kind']): boolean {
  return [...state.outstanding.values()].some(({ effect }) => effect.kind === kind);
}

function namesIn(settings: Settings): { subnetIds: string[]; groups: string[] } {
  const subnetIds = new Set<string>();
  const groups = new Set<string>();
  for (const queue of settings.queues ?? []) {
    for (const id of queue.subnetIds ?? []) subnetIds.add(id);
    for (const resource of queue.computeResources) {
      const { launch, pools } = resource;
      if (launch.kind === 'instance-type') subnetIds.add(launch.subnetId);
      for (const pool of pools ?? []) if (pool.subnetId !== null) subnetIds.add(pool.subnetId);
      const name = groupOf(launch, resource)?.name ?? null;
      if (name !== null) groups.add(name);
    }
  }
  subnetIds.delete('');
  return { subnetIds: [...subnetIds], groups: [...groups] };
}
