/**
 * Reservations, fleets and what surrounds them by way of the AWS SDK. What launches or reserves gets one attempt, because a refusal for lack
 * of capacity is a server error, which the SDK would repeat; cancels and describes may be repeated by the SDK.
 */
import {
  CancelCapacityReservationCommand,
  CreateCapacityReservationCommand,
  CreateFleetCommand,
  DescribeCapacityReservationsCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribePlacementGroupsCommand,
  DescribeSubnetsCommand,
  type DescribeCapacityReservationsCommandInput,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import type { DurationMs } from '../../core/units.ts';
import {
  CloudError,
  type CapacityCloud,
  type ListedLaunchTemplate,
  type ListedPlacementGroup,
  type ListedSubnet,
  type Reservation,
} from '../../ports/cloud.ts';
import {
  calling,
  createYoung,
  describeAll,
  filterValue,
  otherTimeoutMs,
  readPages,
  tagFilters,
} from './calls.ts';
import {
  createFleetInput,
  createReservationInput,
  fleetAnswerFrom,
  launchTemplateFrom,
  placementGroupFrom,
  reservationFrom,
  subnetFrom,
} from './capacity-requests.ts';

function describeReservations(
  client: EC2Client,
  input: DescribeCapacityReservationsCommandInput,
): Promise<readonly Reservation[]> {
  return readPages(
    'DescribeCapacityReservations',
    (page, options) =>
      client.send(new DescribeCapacityReservationsCommand({ ...input, ...page }), options),
    ({ CapacityReservations = [] }) => CapacityReservations.map(reservationFrom),
  );
}

/** By filter: for one id that it does not know EC2 would fail the whole call. */
async function describeSubnets(
  client: EC2Client,
  subnetIds: readonly string[],
): Promise<readonly ListedSubnet[]> {
  if (subnetIds.length === 0) return [];
  const filters = [{ Name: 'subnet-id', Values: subnetIds.map(filterValue) }];
  return readPages(
    'DescribeSubnets',
    (page, options) =>
      client.send(new DescribeSubnetsCommand({ Filters: filters, ...page }), options),
    ({ Subnets = [] }) => Subnets.map(subnetFrom),
  );
}

/** By filter, as with subnets; EC2 has no pages here. */
async function describePlacementGroups(
  client: EC2Client,
  names: readonly string[],
): Promise<readonly ListedPlacementGroup[]> {
  if (names.length === 0) return [];
  const filters = [{ Name: 'group-name', Values: names.map(filterValue) }];
  const command = new DescribePlacementGroupsCommand({ Filters: filters });
  const { PlacementGroups = [] } = await calling(
    'DescribePlacementGroups',
    otherTimeoutMs,
    (options) => client.send(command, options),
  );
  return PlacementGroups.map(placementGroupFrom);
}

async function describeLaunchTemplate(
  client: EC2Client,
  name: string,
): Promise<readonly ListedLaunchTemplate[]> {
  const command = new DescribeLaunchTemplateVersionsCommand({
    LaunchTemplateName: name,
    Versions: ['$Latest'],
  });
  try {
    const { LaunchTemplateVersions = [] } = await calling(
      'DescribeLaunchTemplateVersions',
      otherTimeoutMs,
      (options) => client.send(command, options),
    );
    return LaunchTemplateVersions.map((version) => launchTemplateFrom(name, version));
  } catch (error: unknown) {
    if (error instanceof CloudError && error.code.startsWith('InvalidLaunchTemplateName.NotFound'))
      return [];
    throw error;
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof CloudError && error.code === 'InvalidCapacityReservationId.NotFound';
}

/** EC2 documents no code for cancelling what is over, so the reservation itself is looked at. */
async function isOver(client: EC2Client, reservationId: string): Promise<boolean> {
  try {
    const found = await describeReservations(client, { CapacityReservationIds: [reservationId] });
    return found.every(({ state }) => ['cancelled', 'expired', 'failed'].includes(state));
  } catch (error: unknown) {
    if (isUnknown(error)) return true;
    throw error;
  }
}

export interface Clients {
  /** One attempt a call. */
  readonly launcher: EC2Client;
  readonly client: EC2Client;
  readonly launchTimeoutMs: DurationMs;
}

export function createCapacityCloud({ launcher, client, launchTimeoutMs }: Clients): CapacityCloud {
  const young = createYoung();
  return {
    async createReservation(order) {
      const command = new CreateCapacityReservationCommand(createReservationInput(order));
      const answer = await calling('CreateCapacityReservation', launchTimeoutMs, (options) =>
        launcher.send(command, options),
      );
      const reservation = reservationFrom(answer.CapacityReservation ?? {});
      young.add([reservation.reservationId]);
      return { requestId: answer.$metadata.requestId ?? '', reservation };
    },
    async cancelReservation(reservationId) {
      const command = new CancelCapacityReservationCommand({
        CapacityReservationId: reservationId,
      });
      try {
        await calling('CancelCapacityReservation', otherTimeoutMs, (options) =>
          client.send(command, options),
        );
      } catch (error: unknown) {
        if (isUnknown(error)) {
          if (!young.has(reservationId)) return;
          throw new CloudError(
            'InvalidCapacityReservationId.NotFound',
            `EC2 does not know ${reservationId} yet. It was made a moment ago, is paid for all the same and is not ` +
              'cancelled. The same call will do it later.',
            { cause: error },
          );
        }
        const answered = error instanceof CloudError && error.httpStatus === 400;
        if (!answered || !(await isOver(client, reservationId))) throw error;
      }
    },
    describeReservations: (tags) => describeReservations(client, { Filters: tagFilters(tags) }),
    async runFleet(order) {
      const command = new CreateFleetCommand(createFleetInput(order));
      const answer = await calling('CreateFleet', launchTimeoutMs, (options) =>
        launcher.send(command, options),
      );
      return fleetAnswerFrom(answer, answer.$metadata.requestId ?? '');
    },
    describeByTags: (tags) => describeAll(client, tagFilters(tags)),
    describeSubnets: (subnetIds) => describeSubnets(client, subnetIds),
    describePlacementGroups: (names) => describePlacementGroups(client, names),
    async describeLaunchTemplates(names) {
      const listed: ListedLaunchTemplate[] = [];
      // One after the other: EC2 takes one name a call, and nothing hurries.
      for (const name of names) listed.push(...(await describeLaunchTemplate(client, name)));
      return listed;
    },
  };
}
