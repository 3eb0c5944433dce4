/**
 * What goes into the EC2 model and what comes out: one plain request and one plain answer for each API action, in
 * EC2's words and without its spelling. The Query API's parameter names and XML are `ec2sim/`'s business.
 */
import type { Instant } from '../../core/units.ts';
import type {
  Filter,
  LaunchTemplateReference,
  Market,
  Paging,
  Tags,
  TagSpecification,
} from './basic-types.ts';
import type {
  CreateCapacityReservationRequest,
  CreatePlacementGroupRequest,
  DescribeCapacityReservationsAnswer,
  DescribeCapacityReservationsRequest,
  DescribePlacementGroupsRequest,
  ModifyCapacityReservationRequest,
  PlacementGroupView,
  ReservationChoice,
  ReservationView,
} from './capacity-types.ts';
import type { CreateFleetAnswer, CreateFleetRequest } from './fleet-types.ts';
import type {
  DescribeInstanceStatusAnswer,
  DescribeInstanceStatusRequest,
  GetConsoleOutputAnswer,
  GetConsoleOutputRequest,
} from './health-types.ts';

export type * from './basic-types.ts';
export type * from './capacity-types.ts';
export type * from './fleet-types.ts';
export type * from './health-types.ts';

export type InstanceState = 'pending' | 'running' | 'shutting-down' | 'terminated';

export interface NetworkInterfaceSpec {
  readonly deviceIndex: number;
  readonly subnetId?: string;
  /** `efa`, or the ordinary `interface`. */
  readonly interfaceType?: string;
}

/** What RunInstances and a launch template have in common. */
export interface LaunchParameters {
  readonly instanceType?: string;
  readonly imageId?: string;
  readonly subnetId?: string;
  readonly availabilityZone?: string;
  readonly placementGroup?: string;
  /** Absent: `default`. */
  readonly tenancy?: string;
  readonly market?: Market;
  readonly capacityReservation?: ReservationChoice;
  readonly shutdownBehavior?: 'stop' | 'terminate';
  readonly tagSpecifications?: readonly TagSpecification[];
  readonly networkInterfaces?: readonly NetworkInterfaceSpec[];
}

export interface RunInstancesRequest extends LaunchParameters {
  readonly minCount: number;
  readonly maxCount: number;
  readonly clientToken?: string;
  readonly launchTemplate?: LaunchTemplateReference;
  /** Parameters that the model does not act on (UserData, KeyName, ...), compared when a token is used again. */
  readonly otherParameters?: Readonly<Record<string, string>>;
}

/** An instance as EC2 shows it at one moment. */
export interface InstanceView {
  readonly instanceId: string;
  readonly reservationId: string;
  readonly launchIndex: number;
  readonly state: InstanceState;
  /** Empty while EC2 does not show it yet, and when the instance is terminated. */
  readonly privateIp: string;
  readonly privateDnsName: string;
  readonly instanceType: string;
  readonly imageId: string;
  readonly subnetId: string;
  readonly vpcId: string;
  readonly availabilityZone: string;
  readonly placementGroup: string;
  readonly tenancy: string;
  readonly market: Market;
  /** The capacity reservation whose place it uses; empty for none. */
  readonly capacityReservationId: string;
  readonly efa: boolean;
  readonly clientToken: string;
  readonly launchedAt: Instant;
  readonly tags: Tags;
  /** EC2's stateReason code and sentence; null while nothing ended the instance. */
  readonly stateReason: { readonly code: string; readonly message: string } | null;
}

export interface RunInstancesAnswer {
  readonly reservationId: string;
  readonly instances: readonly InstanceView[];
}

export interface DescribeInstancesRequest extends Paging {
  readonly instanceIds?: readonly string[];
  readonly filters?: readonly Filter[];
}

export interface DescribeInstancesAnswer {
  /** In launch order; those of one RunInstances call stand together. */
  readonly instances: readonly InstanceView[];
  readonly nextToken: string | null;
}

export interface TerminateInstancesRequest {
  readonly instanceIds: readonly string[];
}

export interface InstanceStateChange {
  readonly instanceId: string;
  readonly previousState: InstanceState;
  readonly currentState: InstanceState;
}

export interface TerminateInstancesAnswer {
  readonly changes: readonly InstanceStateChange[];
}

export interface CreateTagsRequest {
  readonly resourceIds: readonly string[];
  readonly tags: Tags;
}

export interface CreateLaunchTemplateRequest {
  readonly name: string;
  readonly data: LaunchParameters;
}

export interface CreateLaunchTemplateVersionRequest {
  readonly template: LaunchTemplateReference;
  readonly data: LaunchParameters;
}

export interface LaunchTemplateView {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Instant;
  readonly defaultVersion: number;
  readonly latestVersion: number;
}

export interface LaunchTemplateVersionView {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly isDefault: boolean;
  readonly createdAt: Instant;
  readonly data: LaunchParameters;
}

export interface DescribeLaunchTemplatesRequest {
  readonly ids?: readonly string[];
  readonly names?: readonly string[];
}

export interface DescribeLaunchTemplateVersionsRequest {
  readonly template: LaunchTemplateReference;
  /** Numbers, `$Latest`, `$Default`; absent or empty: every version. */
  readonly versions?: readonly string[];
}

export interface DescribeSubnetsRequest {
  readonly subnetIds?: readonly string[];
  readonly filters?: readonly Filter[];
}

export interface SubnetView {
  readonly subnetId: string;
  readonly vpcId: string;
  readonly availabilityZone: string;
  readonly cidr: string;
  readonly freeAddresses: number;
}

export interface InstanceTypeView {
  readonly instanceType: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly efaSupported: boolean;
}

export interface AvailabilityZoneView {
  readonly zone: string;
  readonly region: string;
}

/** Every action of the model: its request and its answer. */
export interface Actions {
  RunInstances: { request: RunInstancesRequest; answer: RunInstancesAnswer };
  CreateFleet: { request: CreateFleetRequest; answer: CreateFleetAnswer };
  DescribeInstances: { request: DescribeInstancesRequest; answer: DescribeInstancesAnswer };
  DescribeInstanceStatus: {
    request: DescribeInstanceStatusRequest;
    answer: DescribeInstanceStatusAnswer;
  };
  GetConsoleOutput: { request: GetConsoleOutputRequest; answer: GetConsoleOutputAnswer };
  TerminateInstances: { request: TerminateInstancesRequest; answer: TerminateInstancesAnswer };
  CreateTags: { request: CreateTagsRequest; answer: Record<string, never> };
  CreateLaunchTemplate: { request: CreateLaunchTemplateRequest; answer: LaunchTemplateView };
  CreateLaunchTemplateVersion: {
    request: CreateLaunchTemplateVersionRequest;
    answer: LaunchTemplateVersionView;
  };
  DescribeLaunchTemplates: {
    request: DescribeLaunchTemplatesRequest;
    answer: { readonly templates: readonly LaunchTemplateView[] };
  };
  DescribeLaunchTemplateVersions: {
    request: DescribeLaunchTemplateVersionsRequest;
    answer: { readonly versions: readonly LaunchTemplateVersionView[] };
  };
  DescribeSubnets: {
    request: DescribeSubnetsRequest;
    answer: { readonly subnets: readonly SubnetView[] };
  };
  DescribeInstanceTypes: {
    request: { readonly instanceTypes?: readonly string[] };
    answer: { readonly types: readonly InstanceTypeView[] };
  };
  DescribeAvailabilityZones: {
    request: { readonly zones?: readonly string[] };
    answer: { readonly zones: readonly AvailabilityZoneView[] };
  };
  CreateCapacityReservation: { request: CreateCapacityReservationRequest; answer: ReservationView };
  DescribeCapacityReservations: {
    request: DescribeCapacityReservationsRequest;
    answer: DescribeCapacityReservationsAnswer;
  };
  ModifyCapacityReservation: {
    request: ModifyCapacityReservationRequest;
    answer: Record<string, never>;
  };
  CancelCapacityReservation: {
    request: { readonly reservationId: string };
    answer: Record<string, never>;
  };
  CreatePlacementGroup: { request: CreatePlacementGroupRequest; answer: PlacementGroupView };
  DescribePlacementGroups: {
    request: DescribePlacementGroupsRequest;
    answer: { readonly groups: readonly PlacementGroupView[] };
  };
}

export type ActionName = keyof Actions;
