/** The answers of the actions about capacity in EC2's XML: reservations, placement groups and fleets. */
import type {
  ActionName,
  Actions,
  FleetError,
  FleetInstances,
  FleetOrigin,
  PlacementGroupView,
  ReservationView,
} from '../sim/ec2/index.ts';
import { escapeXml, items, leaf, tagSet, time } from './xml-parts.ts';

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

function fleetOrigin({ template, override, market }: FleetOrigin): string {
  const placement =
    override.placementGroup === undefined
      ? ''
      : `<placement>${leaf('groupName', override.placementGroup)}</placement>`;
  return (
    '<launchTemplateAndOverrides><launchTemplateSpecification>' +
    leaf('launchTemplateId', template.id) +
    leaf('launchTemplateName', template.name) +
    leaf('version', template.version) +
    '</launchTemplateSpecification><overrides>' +
    leaf('instanceType', override.instanceType) +
    leaf('maxPrice', override.maxPrice) +
    leaf('subnetId', override.subnetId) +
    leaf('availabilityZone', override.availabilityZone) +
    leaf('priority', override.priority) +
    placement +
    '</overrides></launchTemplateAndOverrides>' +
    leaf('lifecycle', market)
  );
}

function fleetInstances(entry: FleetInstances): string {
  return (
    fleetOrigin(entry) +
    items('instanceIds', entry.instanceIds, escapeXml) +
    leaf('instanceType', entry.instanceType) +
    leaf('availabilityZone', entry.availabilityZone) +
    leaf('subnetId', entry.subnetId)
  );
}

function fleetError(entry: FleetError): string {
  return fleetOrigin(entry) + leaf('errorCode', entry.code) + leaf('errorMessage', entry.message);
}

type CapacityAction = Extract<
  ActionName,
  'CreateFleet' | `${string}${'CapacityReservation' | 'PlacementGroup'}${string}`
>;

type Writers = {
  readonly [A in CapacityAction]: (answer: Actions[A]['answer'], account: string) => string;
};

export const capacityWriters: Writers = {
  CreateFleet: ({ fleetId, instances, errors }) =>
    leaf('fleetId', fleetId) +
    items('errorSet', errors, fleetError) +
    items('fleetInstanceSet', instances, fleetInstances),
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
