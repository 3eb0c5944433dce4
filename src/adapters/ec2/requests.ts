/** The core's order as a RunInstances call, and EC2's instances as the core's. Pure. */
import type {
  Instance as Ec2Instance,
  InstanceMarketOptionsRequest,
  RunInstancesCommandInput,
  Tag,
} from '@aws-sdk/client-ec2';
import type { Instance, LaunchOrder } from '../../core/instances.ts';
import type { ListedInstance } from '../../ports/cloud.ts';

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
