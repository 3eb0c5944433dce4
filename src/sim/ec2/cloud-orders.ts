/** The port's orders as the model's requests, and the model's answers as the port's. Pure. */
import type { Instance, LaunchOrder } from '../../core/instances.ts';
import type { FleetOrder, ReservationOrder } from '../../core/orders.ts';
import type {
  FleetAnswer,
  InstanceStatus,
  ListedInstance,
  ListedSubnet,
  Reservation,
} from '../../ports/cloud.ts';
import type {
  CreateCapacityReservationRequest,
  CreateFleetAnswer,
  CreateFleetRequest,
  Filter,
  InstanceStatusView,
  InstanceView,
  ReservationView,
  RunInstancesRequest,
  ScheduledEvent,
  SubnetView,
  Tags,
  TagSpecification,
} from './types.ts';

function tagged(
  tags: Tags,
  resourceTypes: readonly string[],
): { readonly tagSpecifications: readonly TagSpecification[] } | Record<string, never> {
  if (Object.keys(tags).length === 0) return {};
  return { tagSpecifications: resourceTypes.map((resourceType) => ({ resourceType, tags })) };
}

export function launchRequest(order: LaunchOrder): RunInstancesRequest {
  const { launch, instanceType, subnetId, reservationId } = order;
  const common: RunInstancesRequest = {
    minCount: order.minCount,
    maxCount: order.maxCount,
    clientToken: order.clientToken,
    shutdownBehavior: 'terminate',
    ...(order.market !== 'on-demand' && { market: order.market }),
    ...(reservationId !== undefined && { capacityReservation: { reservationId } }),
    ...tagged(order.tags, ['instance', 'volume']),
  };
  switch (launch.kind) {
    case 'launch-template':
      return {
        ...common,
        launchTemplate: { name: launch.name, version: launch.version },
        ...(instanceType !== undefined && { instanceType }),
        ...(subnetId !== undefined && { subnetId }),
      };
    case 'instance-type': {
      const subnet = { subnetId: subnetId ?? launch.subnetId };
      return {
        ...common,
        instanceType: instanceType ?? launch.instanceType,
        ...(launch.imageId !== null && { imageId: launch.imageId }),
        ...(launch.placementGroup !== null && { placementGroup: launch.placementGroup }),
        ...(launch.efa
          ? { networkInterfaces: [{ deviceIndex: 0, interfaceType: 'efa', ...subnet }] }
          : subnet),
      };
    }
  }
}

export function instanceFrom(view: InstanceView): Instance {
  return {
    instanceId: view.instanceId,
    privateIp: view.privateIp,
    hostname: view.privateDnsName.split('.')[0] ?? '',
  };
}

export function listedFrom(view: InstanceView): ListedInstance {
  return {
    ...instanceFrom(view),
    state: view.state,
    clientToken: view.clientToken === '' ? null : view.clientToken,
    tags: view.tags,
    launchedAt: view.launchedAt,
  };
}

/** What is over is described for a week more. */
function isAhead({ description }: ScheduledEvent): boolean {
  return !/^\[(?:Completed|Canceled)\]/.test(description);
}

export function statusFrom(view: InstanceStatusView): InstanceStatus {
  const { instanceId, state, impairedSince, systemImpairedSince } = view;
  const [first] = view.events.filter(isAhead).sort((a, b) => a.notBefore - b.notBefore);
  const since = Math.min(impairedSince ?? Infinity, systemImpairedSince ?? Infinity);
  return {
    instanceId,
    state,
    impairedSince: since === Infinity ? null : since,
    event:
      first === undefined
        ? null
        : { code: first.code, description: first.description, notBefore: first.notBefore },
  };
}

/** Filters' wildcards are meant as they stand. */
export function filterValue(text: string): string {
  return text.replaceAll(/[*?\\]/g, '\\$&');
}

export function tagFilters(tags: Tags): readonly Filter[] {
  return Object.entries(tags).map(([key, value]) => ({
    name: `tag:${key}`,
    values: [filterValue(value)],
  }));
}

export function subnetFilters(subnetIds: readonly string[]): readonly Filter[] {
  return [{ name: 'subnet-id', values: subnetIds.map(filterValue) }];
}

export function groupFilters(names: readonly string[]): readonly Filter[] {
  return [{ name: 'group-name', values: names.map(filterValue) }];
}

export function subnetFrom({ subnetId, availabilityZone }: SubnetView): ListedSubnet {
  return { subnetId, availabilityZone };
}

export function reservationRequest(order: ReservationOrder): CreateCapacityReservationRequest {
  const { endsAt, placementGroupArn } = order;
  return {
    clientToken: order.clientToken,
    instanceType: order.instanceType,
    platform: order.platform,
    availabilityZone: order.availabilityZone,
    instanceCount: order.count,
    matchCriteria: 'targeted',
    ...(endsAt === null
      ? { endDateType: 'unlimited' }
      : { endDateType: 'limited', endDate: endsAt }),
    ...(placementGroupArn !== null && { placementGroupArn }),
    ...tagged(order.tags, ['capacity-reservation']),
  };
}

export function reservationFrom(view: ReservationView): Reservation {
  const { reservationId, state, instanceType, availabilityZone, endsAt, tags } = view;
  return {
    reservationId,
    state: state === 'scheduled' ? 'other' : state,
    instanceType,
    availabilityZone,
    count: view.totalCount,
    available: view.availableCount,
    endsAt,
    tags,
  };
}

export function fleetRequest(order: FleetOrder): CreateFleetRequest {
  const { market, minCount } = order;
  const options = {
    ...(minCount !== null && { minTargetCapacity: minCount }),
    singleAvailabilityZone: order.singleZone,
    singleInstanceType: order.singleType,
  };
  return {
    type: 'instant',
    clientToken: order.clientToken,
    configs: [
      {
        launchTemplate: order.launchTemplate,
        overrides: order.pools.map((pool, priority) => ({ ...pool, priority })),
      },
    ],
    totalTargetCapacity: order.count,
    defaultMarket: market,
    ...(market === 'spot'
      ? { spot: { ...options, strategy: 'capacity-optimized-prioritized' } }
      : { onDemand: { ...options, strategy: 'prioritized' } }),
    ...tagged(order.tags, ['instance', 'volume']),
  };
}

export function fleetFrom(answer: CreateFleetAnswer, requestId: string): FleetAnswer {
  return {
    requestId,
    fleetId: answer.fleetId,
    launches: answer.instances.map(({ instanceIds, instanceType, availabilityZone, subnetId }) => ({
      instanceIds,
      instanceType,
      availabilityZone,
      subnetId,
    })),
    refusals: answer.errors.map(({ code, message, override }) => ({
      code,
      message,
      instanceType: override.instanceType ?? '',
      subnetId: override.subnetId ?? '',
    })),
  };
}
