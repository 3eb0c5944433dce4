/**
 * The queues in `muster config check`: what is launched for each compute resource, the ladder that its gangs climb,
 * and the policies that are not the usual ones. A ladder stands once, where several compute resources share it.
 */
import { defaultStaticSets } from '../core/settings.ts';
import type {
  ComputeResource,
  LaunchLimits,
  LaunchPolicy,
  LaunchSource,
  Pool,
  Queue,
} from '../core/settings.ts';
import { describePolicy } from './policy-words.ts';

export interface QueueLines {
  /** The market and the policies. */
  readonly summary: string;
  /** The compute resources and their ladders, indented. */
  readonly resources: readonly string[];
}

/** `above`: what holds for the cluster. */
export function describeQueue(queue: Queue, above: LaunchPolicy): QueueLines {
  const here = { ...above, ...queue };
  const shown: { name: string; rungs: readonly string[] }[] = [];
  const resources: string[] = [];
  for (const resource of queue.computeResources) {
    resources.push(
      `    ${[describeResource(resource), ...describePolicy(resource, here)].join('; ')}`,
    );
    const rungs = describeLadder(resource);
    if (rungs.length === 0) continue;
    const same = shown.find((earlier) => earlier.rungs.join('\n') === rungs.join('\n'));
    if (same === undefined) {
      shown.push({ name: resource.name, rungs });
      resources.push(...rungs.map((rung) => `      ${rung}`));
    } else {
      resources.push(`      the ladder of ${same.name}`);
    }
  }
  const limits = queue.limits === undefined ? '' : describeLimits(queue.limits);
  const summary = [
    queue.capacityType,
    ...describePolicy(queue, above),
    ...(limits === '' ? [] : [`at most ${limits}`]),
  ];
  return { summary: summary.join('; '), resources };
}

/** Empty: there are none. */
export function describeLimits(limits: LaunchLimits): string {
  const { instances, launchesPerHour, dollarsPerHour } = limits;
  return [
    ...(instances === null ? [] : [`${instances} instances`]),
    ...(launchesPerHour === null ? [] : [`${launchesPerHour} launches an hour`]),
    ...(dollarsPerHour === null ? [] : [`$${dollarsPerHour} an hour`]),
  ].join(', ');
}

function describeResource(resource: ComputeResource): string {
  const dynamic = resource.maxCount - resource.minCount;
  const counts = `${resource.minCount} static and ${dynamic} dynamic nodes`;
  const types = resource.instanceTypes.join(' or ');
  const sets = describeStaticSets(resource);
  return `${resource.name}: ${counts} of ${types}, by ${describeLaunch(resource.launch)}${sets}`;
}

/** Where they are kept otherwise than usual. */
function describeStaticSets({ minCount, staticSets }: ComputeResource): string {
  if (minCount === 0 || staticSets === undefined) return '';
  const { launch, replace } = staticSets;
  const words = [
    ...(launch === defaultStaticSets.launch ? [] : ['each static node for itself (best-effort)']),
    ...(replace === defaultStaticSets.replace ? [] : ['static nodes replaced as a whole set']),
  ];
  return words.map((each) => `; ${each}`).join('');
}

function describeLaunch(launch: LaunchSource): string {
  switch (launch.kind) {
    case 'launch-template':
      return `launch template ${launch.name} ${launch.version}`;
    case 'instance-type':
      return `instance type ${launch.instanceType} in ${launch.subnetId}`;
    default:
      return launch satisfies never;
  }
}

/** One line a rung, in columns; none where the launch source is all there is. */
function describeLadder({ pools, launch }: ComputeResource): readonly string[] {
  const rows = (pools ?? []).map((pool, index) => [String(index + 1), ...rungCells(pool, launch)]);
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padStart(widths[0] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

function rungCells(pool: Pool, launch: LaunchSource): readonly string[] {
  const own =
    launch.kind === 'instance-type'
      ? { instanceType: launch.instanceType, subnetId: launch.subnetId }
      : { instanceType: "the template's type", subnetId: "the template's subnet" };
  return [
    pool.instanceType ?? own.instanceType,
    pool.subnetId ?? own.subnetId,
    pool.market,
    pool.reservationId === null ? '' : `into ${pool.reservationId}`,
  ];
}
