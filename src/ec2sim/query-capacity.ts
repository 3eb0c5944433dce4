/** The parameters of the actions about capacity: reservations and placement groups. */
import { invalidValue, type ActionName, type Actions } from '../sim/ec2/index.ts';
import {
  filters,
  paging,
  present,
  required,
  tagSpecifications,
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
  `${string}${'CapacityReservation' | 'PlacementGroup'}${string}`
>;

type Readers = { readonly [A in CapacityAction]: (branch: Branch) => Actions[A]['request'] };

export const capacityReaders: Readers = {
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
  DescribePlacementGroups: (branch) => ({ names: texts(branch, 'GroupName') }),
};
