/** The HTTP driver's calls about capacity: reservations and placement groups. */
import {
  CancelCapacityReservationCommand,
  CreateCapacityReservationCommand,
  CreatePlacementGroupCommand,
  DescribeCapacityReservationsCommand,
  DescribePlacementGroupsCommand,
  ModifyCapacityReservationCommand,
  type CapacityReservation,
  type CreateCapacityReservationCommandInput,
  type EC2Client,
  type ModifyCapacityReservationCommandInput,
  type PlacementGroup,
  type PlacementStrategy,
} from '@aws-sdk/client-ec2';
import type { PlacementGroupView, ReservationView } from '../../src/sim/ec2/index.ts';
import type { Ec2Driver } from './driver.ts';
import { call, sdkFilters, sdkTagSpecifications, seenTags } from './http-call.ts';

function seenReservation(reservation: CapacityReservation): ReservationView {
  const { StartDate, EndDate, CreateDate } = reservation;
  // The suite compares it with what the model says: a word that EC2 does not have shows as a difference.
  return {
    reservationId: reservation.CapacityReservationId ?? '',
    state: reservation.State as ReservationView['state'],
    kind: reservation.ReservationType as ReservationView['kind'],
    instanceType: reservation.InstanceType ?? '',
    platform: reservation.InstancePlatform ?? '',
    availabilityZone: reservation.AvailabilityZone ?? '',
    tenancy: reservation.Tenancy as ReservationView['tenancy'],
    placementGroupArn: reservation.PlacementGroupArn ?? '',
    matchCriteria: reservation.InstanceMatchCriteria as ReservationView['matchCriteria'],
    totalCount: reservation.TotalInstanceCount ?? -1,
    availableCount: reservation.AvailableInstanceCount ?? -1,
    createdAt: CreateDate?.getTime() ?? 0,
    startsAt: StartDate?.getTime() ?? 0,
    endsAt: EndDate?.getTime() ?? null,
    tags: seenTags(reservation.Tags),
  };
}

type ReserveRequest = Parameters<Ec2Driver['reserve']>[0];

function reserveInput(request: ReserveRequest): CreateCapacityReservationCommandInput {
  const { endDate, ...of } = request;
  return {
    InstanceType: of.instanceType,
    InstancePlatform: of.platform,
    AvailabilityZone: of.availabilityZone,
    InstanceCount: of.instanceCount,
    InstanceMatchCriteria: of.matchCriteria,
    EndDateType: of.endDateType,
    ...(endDate !== undefined && { EndDate: new Date(endDate) }),
    Tenancy: of.tenancy,
    PlacementGroupArn: of.placementGroupArn,
    ClientToken: of.clientToken,
    ...sdkTagSpecifications(of.tagSpecifications),
  } as CreateCapacityReservationCommandInput;
}

function seenGroup(group: PlacementGroup | undefined): PlacementGroupView {
  return {
    name: group?.GroupName ?? '',
    groupId: group?.GroupId ?? '',
    arn: group?.GroupArn ?? '',
    strategy: group?.Strategy ?? '',
    tags: seenTags(group?.Tags),
  };
}

export function capacityCalls(
  client: EC2Client,
): Pick<
  Ec2Driver,
  | 'reserve'
  | 'reservations'
  | 'modifyReservation'
  | 'cancelReservation'
  | 'createPlacementGroup'
  | 'placementGroups'
> {
  return {
    async reserve(request) {
      const command = new CreateCapacityReservationCommand(reserveInput(request));
      const answer = await call((o) => client.send(command, o));
      return seenReservation(answer.CapacityReservation ?? {});
    },
    async reservations({ reservationIds, filters, maxResults, nextToken }) {
      const command = new DescribeCapacityReservationsCommand({
        ...sdkFilters(filters),
        ...(reservationIds !== undefined && { CapacityReservationIds: [...reservationIds] }),
        ...(maxResults !== undefined && { MaxResults: maxResults }),
        ...(nextToken !== undefined && { NextToken: nextToken }),
      });
      const answer = await call((o) => client.send(command, o));
      return {
        reservations: (answer.CapacityReservations ?? []).map(seenReservation),
        nextToken: answer.NextToken ?? null,
      };
    },
    async modifyReservation({ reservationId, instanceCount, endDateType, endDate }) {
      const command = new ModifyCapacityReservationCommand({
        CapacityReservationId: reservationId,
        InstanceCount: instanceCount,
        EndDateType: endDateType,
        ...(endDate !== undefined && { EndDate: new Date(endDate) }),
      } as ModifyCapacityReservationCommandInput);
      await call((o) => client.send(command, o));
    },
    async cancelReservation(reservationId) {
      const command = new CancelCapacityReservationCommand({
        CapacityReservationId: reservationId,
      });
      await call((o) => client.send(command, o));
    },
    async createPlacementGroup({ name, strategy, tagSpecifications }) {
      const command = new CreatePlacementGroupCommand({
        GroupName: name,
        ...(strategy !== undefined && { Strategy: strategy as PlacementStrategy }),
        ...sdkTagSpecifications(tagSpecifications),
      });
      const answer = await call((o) => client.send(command, o));
      return seenGroup(answer.PlacementGroup);
    },
    async placementGroups(names) {
      const command = new DescribePlacementGroupsCommand({ GroupNames: [...names] });
      const answer = await call((o) => client.send(command, o));
      return (answer.PlacementGroups ?? []).map(seenGroup);
    },
  };
}
