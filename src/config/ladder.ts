/**
 * The ladder of a compute resource: the pools that its gangs are tried in, in order.
 *
 * Muster's settings may write it out, for a compute resource or for its whole queue. Otherwise it follows from the
 * cluster file: every instance type in every subnet, type by type. A pool holds what differs from the launch source
 * and nothing else, so that a launch template remains the authority on what it names.
 */
import type { ComputeResource, LaunchSource, Pool } from '../core/settings.ts';
import type { FleetComputeResource, FleetQueue } from './cluster-file.ts';
import type { RungYaml } from './muster-yaml-queues.ts';

export interface LadderOf {
  readonly queue: FleetQueue;
  readonly resource: FleetComputeResource;
  readonly launch: LaunchSource;
  /** As muster's settings write them; null: the ladder follows from the cluster file. */
  readonly rungs: readonly RungYaml[] | null;
}

/** Never empty; undefined where there is but one pool and the launch source says all of it. */
export function poolsOf(of: LadderOf): ComputeResource['pools'] {
  return of.rungs === null ? defaultPools(of) : of.rungs.map((rung) => rungPool(of, rung));
}

/** Several pools are more than one reservation, which is of one instance type in one zone, can serve. */
export function hasSeveralPools({
  queue,
  resource,
}: Pick<LadderOf, 'queue' | 'resource'>): boolean {
  return queue.subnetIds.length > 1 || resource.instanceTypes.length > 1;
}

function defaultPools(of: LadderOf): ComputeResource['pools'] {
  const { queue, resource } = of;
  const market = queue.capacityType;
  // EC2 launches no spot instance into a reservation.
  const reservationId = market === 'spot' ? null : resource.reservationId;
  if (!hasSeveralPools(of)) {
    const own = ownPlace(of);
    if (own.instanceType === null && reservationId === null) return undefined;
    return [{ ...own, market, reservationId }];
  }
  return resource.instanceTypes.flatMap((instanceType) =>
    queue.subnetIds.map((subnetId) => ({ instanceType, subnetId, market, reservationId })),
  );
}

function rungPool(of: LadderOf, rung: RungYaml): Pool {
  const own = ownPlace(of);
  return {
    instanceType: rung.instance_type ?? own.instanceType,
    subnetId: rung.subnet ?? own.subnetId,
    market: rung.market ?? of.queue.capacityType,
    reservationId: rung.reservation ?? null,
  };
}

/**
 * What stands for a type and a subnet that nobody names: null, the launch source's own. The launch template of a
 * flexible compute resource has neither, so they are named.
 */
function ownPlace({ queue, resource, launch }: LadderOf): Pick<Pool, 'instanceType' | 'subnetId'> {
  if (launch.kind === 'instance-type' || !resource.flexible) {
    return { instanceType: null, subnetId: null };
  }
  return {
    instanceType: resource.instanceTypes[0] ?? null,
    subnetId: queue.subnetIds[0] ?? null,
  };
}
