/** The parameters of the actions about capacity: reservations, placement groups and fleets. */
import {
  invalidValue,
  type ActionName,
  type Actions,
  type CreateFleetRequest,
  type FleetConfig,
  type FleetOptions,
  type FleetOverride,
} from '../sim/ec2/index.ts';
import {
  filters,
  list,
  newBranch,
  paging,
  present,
  required,
  tagSpecifications,
  templateReference,
  text,
  texts,
  wholeNumber,
  type Branch,
} from './query-tree.ts';

function optionalNumber(branch: Branch, name: string): number | undefined {
  const value = text(branch, name);
  return value === undefined ? undefined : wholeNumber(name, value);
}

function optionalInstant(branch: Branch, name: string): number | undefined {
  const value = text(branch, name);
  if (value === undefined) return undefined;
  const instant = Date.parse(value);
  if (Number.isNaN(instant)) throw invalidValue(`Invalid value '${value}' for ${name}.`);
  return instant;
}

type CapacityAction = Extract<
  ActionName,
  'CreateFleet' | `${string}${'CapacityReservation' | 'PlacementGroup'}${string}`
>;

type Readers = { readonly [A in CapacityAction]: (branch: Branch) => Actions[A]['request'] };

function optionalDecimal(branch: Branch, name: string): number | undefined {
  const value = text(branch, name);
  if (value === undefined) return undefined;
  if (!/^\d{1,9}(?:\.\d{1,9})?$/.test(value)) {
    throw invalidValue(`Value (${value}) for parameter ${name} is invalid. It must be a number.`);
  }
  return Number(value);
}

function flag(branch: Branch, name: string): boolean | undefined {
  const value = text(branch, name);
  return value === undefined ? undefined : value === 'true';
}

function fleetOverride(branch: Branch): FleetOverride {
  const weight = optionalDecimal(branch, 'WeightedCapacity');
  if (weight !== undefined && weight !== 1) {
    throw invalidValue('This model knows no WeightedCapacity but 1.');
  }
  return present({
    instanceType: text(branch, 'InstanceType'),
    subnetId: text(branch, 'SubnetId'),
    availabilityZone: text(branch, 'AvailabilityZone'),
    placementGroup: text(branch.below.get('Placement') ?? newBranch(), 'GroupName'),
    priority: optionalDecimal(branch, 'Priority'),
    maxPrice: optionalDecimal(branch, 'MaxPrice'),
  });
}

function fleetConfig(branch: Branch): FleetConfig {
  return {
    launchTemplate: templateReference(
      branch.below.get('LaunchTemplateSpecification') ?? newBranch(),
    ),
    overrides: list(branch, 'Overrides').map(fleetOverride),
  };
}

function fleetOptions(branch: Branch | undefined): FleetOptions | undefined {
  if (branch === undefined) return undefined;
  return present({
    strategy: text(branch, 'AllocationStrategy'),
    singleInstanceType: flag(branch, 'SingleInstanceType'),
    singleAvailabilityZone: flag(branch, 'SingleAvailabilityZone'),
    minTargetCapacity: optionalNumber(branch, 'MinTargetCapacity'),
  });
}

function createFleet(branch: Branch): CreateFleetRequest {
  const target = branch.below.get('TargetCapacitySpecification') ?? newBranch();
  return {
    configs: list(branch, 'LaunchTemplateConfigs').map(fleetConfig),
    totalTargetCapacity: wholeNumber(
      'TotalTargetCapacity',
      required(target, 'TotalTargetCapacity'),
    ),
    ...present({
      type: text(branch, 'Type'),
      clientToken: text(branch, 'ClientToken'),
      onDemandTargetCapacity: optionalNumber(target, 'OnDemandTargetCapacity'),
      spotTargetCapacity: optionalNumber(target, 'SpotTargetCapacity'),
      defaultMarket: text(target, 'DefaultTargetCapacityType'),
      onDemand: fleetOptions(branch.below.get('OnDemandOptions')),
      spot: fleetOptions(branch.below.get('SpotOptions')),
      tagSpecifications: tagSpecifications(branch),
    }),
  };
}

export const capacityReaders: Readers = {
  CreateFleet: createFleet,
  CreateCapacityReservation: (branch) =>
    present({
      instanceType: text(branch, 'InstanceType'),
      platform: text(branch, 'InstancePlatform'),
      availabilityZone: text(branch, 'AvailabilityZone'),
      instanceCount: optionalNumber(branch, 'InstanceCount'),
      matchCriteria: text(branch, 'InstanceMatchCriteria'),
      endDateType: text(branch, 'EndDateType'),
      endDate: optionalInstant(branch, 'EndDate'),
      tenancy: text(branch, 'Tenancy'),
      placementGroupArn: text(branch, 'PlacementGroupArn'),
      tagSpecifications: tagSpecifications(branch, 'TagSpecifications'),
      clientToken: text(branch, 'ClientToken'),
    }),
  DescribeCapacityReservations: (branch) => ({
    ...paging(branch),
    reservationIds: texts(branch, 'CapacityReservationId'),
    filters: filters(branch),
  }),
  ModifyCapacityReservation: (branch) =>
    present({
      reservationId: required(branch, 'CapacityReservationId'),
      instanceCount: optionalNumber(branch, 'InstanceCount'),
      endDateType: text(branch, 'EndDateType'),
      endDate: optionalInstant(branch, 'EndDate'),
    }),
  CancelCapacityReservation: (branch) => ({
    reservationId: required(branch, 'CapacityReservationId'),
  }),
  CreatePlacementGroup: (branch) =>
    present({
      name: required(branch, 'GroupName'),
      strategy: text(branch, 'Strategy'),
      tagSpecifications: tagSpecifications(branch),
    }),
  DescribePlacementGroups: (branch) => ({
    names: texts(branch, 'GroupName'),
    filters: filters(branch),
  }),
};
