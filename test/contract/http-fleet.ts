/** The HTTP driver's CreateFleet. */
import {
  CreateFleetCommand,
  type CreateFleetCommandInput,
  type EC2Client,
  type FleetLaunchTemplateOverrides,
  type LaunchTemplateAndOverridesResponse,
} from '@aws-sdk/client-ec2';
import type {
  FleetConfig,
  FleetMarket,
  FleetOptions,
  FleetOrigin,
  FleetOverride,
} from '../../src/sim/ec2/index.ts';
import type { Ec2Driver } from './driver.ts';
import { call, sdkTagSpecifications } from './http-call.ts';

function sdkOverride(override: FleetOverride): object {
  const { maxPrice, placementGroup } = override;
  return {
    InstanceType: override.instanceType,
    SubnetId: override.subnetId,
    AvailabilityZone: override.availabilityZone,
    Priority: override.priority,
    ...(maxPrice !== undefined && { MaxPrice: String(maxPrice) }),
    ...(placementGroup !== undefined && { Placement: { GroupName: placementGroup } }),
  };
}

function sdkConfig({ launchTemplate, overrides }: FleetConfig): object {
  return {
    LaunchTemplateSpecification: {
      LaunchTemplateId: launchTemplate.id,
      LaunchTemplateName: launchTemplate.name,
      Version: launchTemplate.version,
    },
    Overrides: overrides.map(sdkOverride),
  };
}

function sdkOptions(options: FleetOptions): object {
  return {
    AllocationStrategy: options.strategy,
    SingleInstanceType: options.singleInstanceType,
    SingleAvailabilityZone: options.singleAvailabilityZone,
    MinTargetCapacity: options.minTargetCapacity,
  };
}

function seenOverride(override: FleetLaunchTemplateOverrides | undefined): FleetOverride {
  const { InstanceType, SubnetId, AvailabilityZone, Priority, MaxPrice, Placement } =
    override ?? {};
  return {
    ...(InstanceType !== undefined && { instanceType: InstanceType }),
    ...(SubnetId !== undefined && { subnetId: SubnetId }),
    ...(AvailabilityZone !== undefined && { availabilityZone: AvailabilityZone }),
    ...(Priority !== undefined && { priority: Priority }),
    ...(MaxPrice !== undefined && { maxPrice: Number(MaxPrice) }),
    ...(Placement?.GroupName !== undefined && { placementGroup: Placement.GroupName }),
  };
}

function seenOrigin(entry: {
  readonly Lifecycle?: string | undefined;
  readonly LaunchTemplateAndOverrides?: LaunchTemplateAndOverridesResponse | undefined;
}): FleetOrigin {
  const { LaunchTemplateSpecification: template, Overrides } =
    entry.LaunchTemplateAndOverrides ?? {};
  return {
    market: entry.Lifecycle as FleetMarket,
    template: {
      id: template?.LaunchTemplateId ?? '',
      name: template?.LaunchTemplateName ?? '',
      version: template?.Version ?? '',
    },
    override: seenOverride(Overrides),
  };
}

export function fleetCall(client: EC2Client): Pick<Ec2Driver, 'fleet'> {
  return {
    async fleet(request) {
      const command = new CreateFleetCommand({
        Type: request.type,
        ClientToken: request.clientToken,
        LaunchTemplateConfigs: request.configs.map(sdkConfig),
        TargetCapacitySpecification: {
          TotalTargetCapacity: request.totalTargetCapacity,
          OnDemandTargetCapacity: request.onDemandTargetCapacity,
          SpotTargetCapacity: request.spotTargetCapacity,
          DefaultTargetCapacityType: request.defaultMarket,
        },
        ...(request.onDemand !== undefined && { OnDemandOptions: sdkOptions(request.onDemand) }),
        ...(request.spot !== undefined && { SpotOptions: sdkOptions(request.spot) }),
        ...sdkTagSpecifications(request.tagSpecifications),
      } as CreateFleetCommandInput);
      const answer = await call((o) => client.send(command, o));
      return {
        fleetId: answer.FleetId ?? '',
        instances: (answer.Instances ?? []).map((entry) => ({
          ...seenOrigin(entry),
          instanceIds: entry.InstanceIds ?? [],
          instanceType: entry.InstanceType ?? '',
          availabilityZone: entry.AvailabilityZone ?? '',
          subnetId: entry.SubnetId ?? '',
        })),
        errors: (answer.Errors ?? []).map((entry) => ({
          ...seenOrigin(entry),
          code: entry.ErrorCode ?? '',
          message: entry.ErrorMessage ?? '',
        })),
      };
    },
  };
}
