/** The answers of the actions about capacity in EC2's XML: reservations and placement groups. */
import type { ActionName, Actions, PlacementGroupView, ReservationView } from '../sim/ec2/index.ts';
import { items, leaf, tagSet, time } from './xml-parts.ts';

function capacityReservation(view: ReservationView, account: string): string {
  return (
    leaf('capacityReservationId', view.reservationId) +
    leaf('ownerId', account) +
    leaf('instanceType', view.instanceType) +
    leaf('instancePlatform', view.platform) +
    leaf('availabilityZone', view.availabilityZone) +
    leaf('tenancy', view.tenancy) +
    leaf('totalInstanceCount', view.totalCount) +
    leaf('availableInstanceCount', view.availableCount) +
    leaf('state', view.state) +
    leaf('startDate', time(view.startsAt)) +
    (view.endsAt === null ? '' : leaf('endDate', time(view.endsAt))) +
    leaf('endDateType', view.endsAt === null ? 'unlimited' : 'limited') +
    leaf('instanceMatchCriteria', view.matchCriteria) +
    leaf('createDate', time(view.createdAt)) +
    leaf('placementGroupArn', view.placementGroupArn) +
    leaf('reservationType', view.kind) +
    tagSet(view.tags)
  );
}

function placementGroup(view: PlacementGroupView): string {
  return (
    leaf('groupName', view.name) +
    leaf('groupId', view.groupId) +
    leaf('groupArn', view.arn) +
    leaf('strategy', view.strategy) +
    leaf('state', 'available') +
    tagSet(view.tags)
  );
}

type CapacityAction = Extract<
  ActionName,
  `${string}${'CapacityReservation' | 'PlacementGroup'}${string}`
>;

type Writers = {
  readonly [A in CapacityAction]: (answer: Actions[A]['answer'], account: string) => string;
};

export const capacityWriters: Writers = {
  CreateCapacityReservation: (view, account) =>
    `<capacityReservation>${capacityReservation(view, account)}</capacityReservation>`,
  DescribeCapacityReservations: ({ reservations, nextToken }, account) =>
    items('capacityReservationSet', reservations, (view) => capacityReservation(view, account)) +
    leaf('nextToken', nextToken),
  ModifyCapacityReservation: () => leaf('return', true),
  CancelCapacityReservation: () => leaf('return', true),
  CreatePlacementGroup: (view) => `<placementGroup>${placementGroup(view)}</placementGroup>`,
  DescribePlacementGroups: ({ groups }) => items('placementGroupSet', groups, placementGroup),
};
