/** The core's orders for reservations and fleets as EC2's calls, and what EC2 answers as the port says it. Pure. */
import type {
  CapacityReservation,
  CapacityReservationInstancePlatform,
  CreateCapacityReservationCommandInput,
  CreateFleetCommandInput,
  CreateFleetCommandOutput,
  FleetLaunchTemplateOverridesRequest,
  LaunchTemplateAndOverridesResponse,
  LaunchTemplateVersion,
  PlacementGroup,
  ResourceType,
  Subnet,
  TagSpecification,
} from '@aws-sdk/client-ec2';
import type { FleetOrder, ReservationOrder } from '../../core/orders.ts';
import type {
  FleetAnswer,
  ListedLaunchTemplate,
  ListedPlacementGroup,
  ListedSubnet,
  Reservation,
} from '../../ports/cloud.ts';

function tagged(
  tags: Readonly<Record<string, string>>,
  resources: readonly ResourceType[],
): { TagSpecifications: TagSpecification[] } | Record<string, never> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  if (Tags.length === 0) return {};
  return { TagSpecifications: resources.map((ResourceType) => ({ ResourceType, Tags })) };
}

export function createReservationInput(
  order: ReservationOrder,
): CreateCapacityReservationCommandInput {
  const { endsAt, placementGroupArn } = order;
  return {
    ClientToken: order.clientToken,
    InstanceType: order.instanceType,
    InstancePlatform: order.platform as CapacityReservationInstancePlatform,
    AvailabilityZone: order.availabilityZone,
    InstanceCount: order.count,
    InstanceMatchCriteria: 'targeted',
    ...(endsAt === null
      ? { EndDateType: 'unlimited' }
      : { EndDateType: 'limited', EndDate: new Date(endsAt) }),
    ...(placementGroupArn !== null && { PlacementGroupArn: placementGroupArn }),
    ...tagged(order.tags, ['capacity-reservation']),
  };
}

const states = ['pending', 'active', 'cancelled', 'expired', 'failed'] as const;

export function reservationFrom(reservation: CapacityReservation): Reservation {
  return {
    reservationId: reservation.CapacityReservationId ?? '',
    state: states.find((state) => state === reservation.State) ?? 'other',
    instanceType: reservation.InstanceType ?? '',
    availabilityZone: reservation.AvailabilityZone ?? '',
    count: reservation.TotalInstanceCount ?? 0,
    available: reservation.AvailableInstanceCount ?? 0,
    endsAt: reservation.EndDate?.getTime() ?? null,
    tags: Object.fromEntries(
      (reservation.Tags ?? []).map((tag) => [tag.Key ?? '', tag.Value ?? '']),
    ),
  };
}

export function subnetFrom(subnet: Subnet): ListedSubnet {
  return {
    subnetId: subnet.SubnetId ?? '',
    availabilityZone: subnet.AvailabilityZone ?? '',
  };
}

export function placementGroupFrom(group: PlacementGroup): ListedPlacementGroup {
  return {
    name: group.GroupName ?? '',
    arn: group.GroupArn ?? '',
    strategy: group.Strategy ?? '',
  };
}

export function launchTemplateFrom(
  name: string,
  version: LaunchTemplateVersion,
): ListedLaunchTemplate {
  const group = version.LaunchTemplateData?.Placement?.GroupName ?? '';
  return { name, placementGroup: group === '' ? null : group };
}

/** The pools' order is their priority, in both markets. */
export function createFleetInput(order: FleetOrder): CreateFleetCommandInput {
  const { launchTemplate, pools, market, count, minCount } = order;
  const options = {
    ...(minCount !== null && { MinTargetCapacity: minCount }),
    SingleAvailabilityZone: order.singleZone,
    SingleInstanceType: order.singleType,
  };
  return {
    Type: 'instant',
    ClientToken: order.clientToken,
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: {
          LaunchTemplateName: launchTemplate.name,
          Version: launchTemplate.version,
        },
        Overrides: pools.map(({ instanceType, subnetId }, priority) => ({
          InstanceType: instanceType as NonNullable<
            FleetLaunchTemplateOverridesRequest['InstanceType']
          >,
          SubnetId: subnetId,
          Priority: priority,
        })),
      },
    ],
    TargetCapacitySpecification: {
      TotalTargetCapacity: count,
      DefaultTargetCapacityType: market,
    },
    ...(market === 'spot'
      ? { SpotOptions: { ...options, AllocationStrategy: 'capacity-optimized-prioritized' } }
      : { OnDemandOptions: { ...options, AllocationStrategy: 'prioritized' } }),
    ...tagged(order.tags, ['instance', 'volume']),
  };
}

function poolOf(from: LaunchTemplateAndOverridesResponse | undefined): {
  readonly instanceType: string;
  readonly subnetId: string;
} {
  return {
    instanceType: from?.Overrides?.InstanceType ?? '',
    subnetId: from?.Overrides?.SubnetId ?? '',
  };
}

export function fleetAnswerFrom(answer: CreateFleetCommandOutput, requestId: string): FleetAnswer {
  return {
    requestId,
    fleetId: answer.FleetId ?? '',
    launches: (answer.Instances ?? []).map((each) => ({
      ...poolOf(each.LaunchTemplateAndOverrides),
      ...(each.InstanceType !== undefined && { instanceType: each.InstanceType }),
      ...(each.SubnetId !== undefined && { subnetId: each.SubnetId }),
      availabilityZone: each.AvailabilityZone ?? '',
      instanceIds: each.InstanceIds ?? [],
    })),
    refusals: (answer.Errors ?? []).map((each) => ({
      ...poolOf(each.LaunchTemplateAndOverrides),
      code: each.ErrorCode ?? '',
      message: each.ErrorMessage ?? '',
    })),
  };
}
