/** The core's order as a RunInstances call, and EC2's instances as the core's. Pure. */
import type {
  Instance as Ec2Instance,
  InstanceMarketOptionsRequest,
  InstanceStatus as Ec2InstanceStatus,
  InstanceStatusEvent,
  InstanceStatusSummary,
  RunInstancesCommandInput,
  Tag,
} from '@aws-sdk/client-ec2';
import type { Instance, LaunchOrder } from '../../core/instances.ts';
import type { InstanceStatus, ListedInstance } from '../../ports/cloud.ts';

function marketOptions(market: LaunchOrder['market']): InstanceMarketOptionsRequest | null {
  switch (market) {
    case 'on-demand':
      return null;
    case 'spot':
      return { MarketType: 'spot', SpotOptions: { SpotInstanceType: 'one-time' } };
    case 'capacity-block':
      return { MarketType: 'capacity-block' };
  }
}

type InstanceType = NonNullable<RunInstancesCommandInput['InstanceType']>;

/**
 * Where the order names a type or a subnet of its own, it takes the place of the source's. Beside a template it is a
 * parameter of the call, which EC2 prefers to the template's; but EC2 refuses a subnet beside a template that has
 * network interfaces (`InvalidParameterCombination`), which only a fleet moves to another subnet.
 */
function source({
  launch,
  instanceType,
  subnetId,
}: LaunchOrder): Partial<RunInstancesCommandInput> {
  switch (launch.kind) {
    case 'launch-template':
      return {
        LaunchTemplate: { LaunchTemplateName: launch.name, Version: launch.version },
        ...(instanceType !== undefined && { InstanceType: instanceType as InstanceType }),
        ...(subnetId !== undefined && { SubnetId: subnetId }),
      };
    case 'instance-type': {
      const { imageId, placementGroup, efa } = launch;
      const SubnetId = subnetId ?? launch.subnetId;
      return {
        InstanceType: (instanceType ?? launch.instanceType) as InstanceType,
        ...(imageId !== null && { ImageId: imageId }),
        ...(placementGroup !== null && { Placement: { GroupName: placementGroup } }),
        // EC2 refuses a subnet beside a network interface: with EFA the interface names it.
        ...(efa
          ? {
              NetworkInterfaces: [
                {
                  DeviceIndex: 0,
                  NetworkCardIndex: 0,
                  InterfaceType: 'efa',
                  SubnetId,
                  DeleteOnTermination: true,
                },
              ],
            }
          : { SubnetId }),
      };
    }
  }
}

export function runInstancesInput(order: LaunchOrder): RunInstancesCommandInput {
  const tags: Tag[] = Object.entries(order.tags).map(([Key, Value]) => ({ Key, Value }));
  const market = marketOptions(order.market);
  return {
    ...source(order),
    MinCount: order.minCount,
    MaxCount: order.maxCount,
    ClientToken: order.clientToken,
    InstanceInitiatedShutdownBehavior: 'terminate',
    ...(market !== null && { InstanceMarketOptions: market }),
    ...(order.reservationId !== undefined && {
      CapacityReservationSpecification: {
        CapacityReservationTarget: { CapacityReservationId: order.reservationId },
      },
    }),
    ...(tags.length > 0 && {
      TagSpecifications: [
        { ResourceType: 'instance', Tags: tags },
        { ResourceType: 'volume', Tags: tags },
      ],
    }),
  };
}

/** False for an instance on its way out or gone. */
export function isAlive(instance: Ec2Instance): boolean {
  const state = instance.State?.Name ?? 'pending';
  return state === 'pending' || state === 'running';
}

/** The primary interface's address where the instance itself names none; empty strings while EC2 shows neither. */
export function instanceFrom(instance: Ec2Instance): Instance {
  const primary = instance.NetworkInterfaces?.find(
    (each) => each.Attachment?.DeviceIndex === 0 && (each.Attachment.NetworkCardIndex ?? 0) === 0,
  );
  const dnsName = instance.PrivateDnsName || primary?.PrivateDnsName || '';
  return {
    instanceId: instance.InstanceId ?? '',
    privateIp: instance.PrivateIpAddress || primary?.PrivateIpAddress || '',
    hostname: dnsName.split('.')[0] ?? '',
  };
}

export function listedInstanceFrom(instance: Ec2Instance): ListedInstance {
  return {
    ...instanceFrom(instance),
    state: instance.State?.Name ?? 'pending',
    clientToken: instance.ClientToken ?? null,
    tags: Object.fromEntries((instance.Tags ?? []).map((tag) => [tag.Key ?? '', tag.Value ?? ''])),
    launchedAt: instance.LaunchTime?.getTime() ?? 0,
  };
}

/** Since when the check has failed, 0 where EC2 does not tell; Infinity when it has not. */
function failedSince(summary: InstanceStatusSummary | undefined): number {
  if (summary?.Status !== 'impaired') return Infinity;
  const since = summary.Details?.map((detail) => detail.ImpairedSince?.getTime() ?? Infinity) ?? [];
  const first = Math.min(...since);
  return first === Infinity ? 0 : first;
}

/** The earliest of what lies ahead; EC2 goes on describing for a week what is completed. */
function nextEvent(events: readonly InstanceStatusEvent[]): InstanceStatus['event'] {
  const startOf = ({ NotBefore }: InstanceStatusEvent): number => NotBefore?.getTime() ?? 0;
  const [first] = events
    .filter(({ Description = '' }) => !/^\[(?:Completed|Canceled)\]/.test(Description))
    .sort((left, right) => startOf(left) - startOf(right));
  if (first === undefined) return null;
  const { Code = '', Description = '', NotBefore } = first;
  return { code: Code, description: Description, notBefore: NotBefore?.getTime() ?? null };
}

export function instanceStatusFrom(listed: Ec2InstanceStatus): InstanceStatus {
  const { Events } = listed;
  const since = Math.min(failedSince(listed.InstanceStatus), failedSince(listed.SystemStatus));
  return {
    instanceId: listed.InstanceId ?? '',
    state: listed.InstanceState?.Name ?? 'pending',
    impairedSince: since === Infinity ? null : since,
    event: Events === undefined || Events.length === 0 ? null : nextEvent(Events),
  };
}
