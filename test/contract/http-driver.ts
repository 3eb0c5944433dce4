/** The contract's driver for ec2sim over HTTP, through the real AWS SDK. One attempt a call: what EC2 says is shown. */
import {
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  CreateTagsCommand,
  DescribeAvailabilityZonesCommand,
  DescribeInstancesCommand,
  DescribeInstanceStatusCommand,
  DescribeInstanceTypesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSubnetsCommand,
  EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
  type Instance,
  type RequestLaunchTemplateData,
  type _InstanceType,
} from '@aws-sdk/client-ec2';
import { createEc2Cloud } from '../../src/adapters/ec2/cloud.ts';
import { startEc2Sim } from '../../src/ec2sim/server.ts';
import type {
  Ec2ModelOptions,
  LaunchParameters,
  RunInstancesRequest,
  StatusCheck,
} from '../../src/sim/ec2/index.ts';
import { createTestTime, launchTimeoutMs, type Ec2Driver, type SeenInstance } from './driver.ts';
import { call, sdkFilters, sdkTags, seenTags } from './http-call.ts';
import { capacityCalls } from './http-capacity.ts';
import { fleetCall } from './http-fleet.ts';
import { healthCalls } from './http-health.ts';

function seen(instance: Instance): SeenInstance {
  return {
    instanceId: instance.InstanceId ?? '',
    state: (instance.State?.Name ?? '') as SeenInstance['state'],
    privateIp: instance.PrivateIpAddress ?? '',
    privateDnsName: instance.PrivateDnsName ?? '',
    instanceType: instance.InstanceType ?? '',
    availabilityZone: instance.Placement?.AvailabilityZone ?? '',
    subnetId: instance.SubnetId ?? '',
    placementGroup: instance.Placement?.GroupName ?? '',
    tenancy: instance.Placement?.Tenancy ?? '',
    capacityReservationId: instance.CapacityReservationId ?? '',
    stateReason: instance.StateReason?.Code ?? '',
    clientToken: instance.ClientToken ?? '',
    launchedAt: instance.LaunchTime?.getTime() ?? 0,
    tags: seenTags(instance.Tags),
  };
}

function launchData(parameters: LaunchParameters): RequestLaunchTemplateData {
  const { availabilityZone, placementGroup, tenancy } = parameters;
  const { preference, reservationId } = parameters.capacityReservation ?? {};
  return {
    ...(parameters.instanceType !== undefined && {
      InstanceType: parameters.instanceType as _InstanceType,
    }),
    ...(parameters.imageId !== undefined && { ImageId: parameters.imageId }),
    ...([availabilityZone, placementGroup, tenancy].some((each) => each !== undefined) && {
      Placement: {
        ...(tenancy !== undefined && { Tenancy: tenancy as 'default' }),
        ...(availabilityZone !== undefined && { AvailabilityZone: availabilityZone }),
        ...(placementGroup !== undefined && { GroupName: placementGroup }),
      },
    }),
    ...(parameters.capacityReservation !== undefined && {
      CapacityReservationSpecification: {
        ...(preference !== undefined && { CapacityReservationPreference: preference }),
        ...(reservationId !== undefined && {
          CapacityReservationTarget: { CapacityReservationId: reservationId },
        }),
      },
    }),
    ...(parameters.market !== undefined &&
      parameters.market !== 'on-demand' && {
        InstanceMarketOptions: { MarketType: parameters.market },
      }),
    ...(parameters.shutdownBehavior !== undefined && {
      InstanceInitiatedShutdownBehavior: parameters.shutdownBehavior,
    }),
    ...(parameters.tagSpecifications !== undefined && {
      TagSpecifications: parameters.tagSpecifications.map(({ resourceType, tags }) => ({
        ResourceType: resourceType as 'instance',
        Tags: sdkTags(tags),
      })),
    }),
    ...(parameters.networkInterfaces !== undefined && {
      NetworkInterfaces: parameters.networkInterfaces.map((each) => ({
        DeviceIndex: each.deviceIndex,
        ...(each.subnetId !== undefined && { SubnetId: each.subnetId }),
        ...(each.interfaceType !== undefined && { InterfaceType: each.interfaceType }),
      })),
    }),
  };
}

function runCommand(request: RunInstancesRequest): RunInstancesCommand {
  const { launchTemplate } = request;
  return new RunInstancesCommand({
    ...launchData(request),
    ...(request.subnetId !== undefined && { SubnetId: request.subnetId }),
    ...(request.clientToken !== undefined && { ClientToken: request.clientToken }),
    ...(launchTemplate !== undefined && {
      LaunchTemplate: {
        ...(launchTemplate.id !== undefined && { LaunchTemplateId: launchTemplate.id }),
        ...(launchTemplate.name !== undefined && { LaunchTemplateName: launchTemplate.name }),
        ...(launchTemplate.version !== undefined && { Version: launchTemplate.version }),
      },
    }),
    MinCount: request.minCount,
    MaxCount: request.maxCount,
  } as ConstructorParameters<typeof RunInstancesCommand>[0]);
}

/** The variables under which the SDK finds ec2sim, as muster's users set them. */
function pointSdkAt(url: string): void {
  process.env['AWS_ENDPOINT_URL'] = url;
  process.env['AWS_ACCESS_KEY_ID'] = 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
}

function instanceCalls(
  client: EC2Client,
): Pick<Ec2Driver, 'run' | 'describe' | 'status' | 'terminate'> {
  return {
    async run(request) {
      const answer = await call((o) => client.send(runCommand(request), o));
      return (answer.Instances ?? []).map(seen);
    },
    async describe(request) {
      const command = new DescribeInstancesCommand({
        ...sdkFilters(request.filters),
        ...(request.instanceIds !== undefined && { InstanceIds: [...request.instanceIds] }),
        ...(request.maxResults !== undefined && { MaxResults: request.maxResults }),
        ...(request.nextToken !== undefined && { NextToken: request.nextToken }),
      });
      const answer = await call((o) => client.send(command, o));
      return {
        instances: (answer.Reservations ?? []).flatMap((each) => (each.Instances ?? []).map(seen)),
        nextToken: answer.NextToken ?? null,
      };
    },
    async status(request) {
      const command = new DescribeInstanceStatusCommand({
        ...sdkFilters(request.filters),
        ...(request.instanceIds !== undefined && { InstanceIds: [...request.instanceIds] }),
        ...(request.includeAllInstances !== undefined && {
          IncludeAllInstances: request.includeAllInstances,
        }),
      });
      const answer = await call((o) => client.send(command, o));
      return (answer.InstanceStatuses ?? []).map((each) => ({
        instanceId: each.InstanceId ?? '',
        state: (each.InstanceState?.Name ?? '') as SeenInstance['state'],
        instanceStatus: (each.InstanceStatus?.Status ?? '') as StatusCheck,
      }));
    },
    async terminate(instanceIds) {
      const command = new TerminateInstancesCommand({ InstanceIds: [...instanceIds] });
      const answer = await call((o) => client.send(command, o));
      return (answer.TerminatingInstances ?? []).map((change) => ({
        id: change.InstanceId ?? '',
        from: (change.PreviousState?.Name ?? '') as SeenInstance['state'],
        to: (change.CurrentState?.Name ?? '') as SeenInstance['state'],
      }));
    },
  };
}

function tagAndTemplateCalls(
  client: EC2Client,
): Pick<
  Ec2Driver,
  | 'createTags'
  | 'createLaunchTemplate'
  | 'createLaunchTemplateVersion'
  | 'templates'
  | 'templateVersions'
> {
  return {
    async createTags({ resourceIds, tags }) {
      const Tags = sdkTags(tags);
      const command = new CreateTagsCommand({ Resources: [...resourceIds], Tags });
      await call((o) => client.send(command, o));
    },
    async createLaunchTemplate({ name, data }) {
      const command = new CreateLaunchTemplateCommand({
        LaunchTemplateName: name,
        LaunchTemplateData: launchData(data),
      });
      const answer = await call((o) => client.send(command, o));
      return answer.LaunchTemplate?.LaunchTemplateId ?? '';
    },
    async createLaunchTemplateVersion({ template, data }) {
      const command = new CreateLaunchTemplateVersionCommand({
        ...(template.name !== undefined && { LaunchTemplateName: template.name }),
        LaunchTemplateData: launchData(data),
      });
      const answer = await call((o) => client.send(command, o));
      return answer.LaunchTemplateVersion?.VersionNumber ?? 0;
    },
    async templates({ names = [] }) {
      const command = new DescribeLaunchTemplatesCommand({ LaunchTemplateNames: [...names] });
      const answer = await call((o) => client.send(command, o));
      return (answer.LaunchTemplates ?? []).map((each) => ({
        name: each.LaunchTemplateName ?? '',
        latest: each.LatestVersionNumber ?? 0,
      }));
    },
    async templateVersions({ template, versions = [] }) {
      const command = new DescribeLaunchTemplateVersionsCommand({
        ...(template.name !== undefined && { LaunchTemplateName: template.name }),
        Versions: [...versions],
      });
      const answer = await call((o) => client.send(command, o));
      return (answer.LaunchTemplateVersions ?? []).map((each) => ({
        version: each.VersionNumber ?? 0,
        instanceType: each.LaunchTemplateData?.InstanceType,
      }));
    },
  };
}

function surroundingCalls(client: EC2Client): Pick<Ec2Driver, 'subnets' | 'types' | 'zones'> {
  return {
    async subnets(subnetIds) {
      const command = new DescribeSubnetsCommand({ SubnetIds: [...subnetIds] });
      const answer = await call((o) => client.send(command, o));
      return (answer.Subnets ?? []).map((subnet) => ({
        subnetId: subnet.SubnetId ?? '',
        freeAddresses: subnet.AvailableIpAddressCount ?? -1,
      }));
    },
    async types(names) {
      const command = new DescribeInstanceTypesCommand({
        InstanceTypes: names as _InstanceType[],
      });
      const answer = await call((o) => client.send(command, o));
      return (answer.InstanceTypes ?? []).map((type) => ({
        name: type.InstanceType ?? '',
        vcpus: type.VCpuInfo?.DefaultVCpus ?? 0,
      }));
    },
    async zones() {
      const answer = await call((o) => client.send(new DescribeAvailabilityZonesCommand({}), o));
      return (answer.AvailabilityZones ?? []).map((zone) => zone.ZoneName ?? '');
    },
  };
}

export async function makeHttpDriver(options: Omit<Ec2ModelOptions, 'now'>): Promise<Ec2Driver> {
  const time = createTestTime();
  const sim = await startEc2Sim({ ...options, now: time.now });
  pointSdkAt(sim.url);
  const client = new EC2Client({ region: sim.model.region, maxAttempts: 1 });
  return {
    model: sim.model,
    advance: time.advance,
    ...instanceCalls(client),
    ...tagAndTemplateCalls(client),
    ...surroundingCalls(client),
    ...capacityCalls(client),
    ...fleetCall(client),
    ...healthCalls(client),
    cloud: createEc2Cloud({ region: sim.model.region, launchTimeoutMs }),
    async close() {
      client.destroy();
      await sim.close();
    },
  };
}
