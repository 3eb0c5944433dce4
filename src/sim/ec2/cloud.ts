/**
 * The model as the cloud port, without HTTP between: for tests and for the simulated world.
 *
 * Answers come in a later turn, as real ones do. A delayed answer waits on the clock that is given; without one it
 * comes at once, and a silence is told as a time-out at once.
 */
import type { DurationMs } from '../../core/units.ts';
import {
  CloudError,
  type CapacityCloud,
  type Cloud,
  type InstanceStatus,
  type ListedInstance,
  type ListedLaunchTemplate,
  type Reservation,
} from '../../ports/cloud.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  filterValue,
  fleetFrom,
  fleetRequest,
  instanceFrom,
  launchRequest,
  listedFrom,
  reservationFrom,
  reservationRequest,
  statusFrom,
  subnetFilters,
  groupFilters,
  subnetFrom,
  tagFilters,
} from './cloud-orders.ts';
import type { Ec2Model } from './model.ts';
import type { ActionName, Actions, Filter } from './types.ts';

/** EC2's limit on the values of a call's filters. */
const filterValuesMax = 200;

export interface ModelCloudOptions {
  /** The clock of the world the model lives in. */
  readonly clock?: Clock;
  /** How long every call takes besides its faults; default 0. */
  readonly latencyMs?: DurationMs;
  /** When a launch without an answer counts as lost; default 30 s. Other calls: twice as long. */
  readonly launchTimeoutMs?: DurationMs;
}

interface Travel {
  readonly clock: Clock | undefined;
  readonly latencyMs: DurationMs;
  readonly timeoutMs: DurationMs;
}

/** Performs the action at once; the promise settles as the answer travels. */
function carry<A extends ActionName>(
  model: Ec2Model,
  action: A,
  request: Actions[A]['request'],
  by: Travel,
): Promise<{ answer: Actions[A]['answer']; requestId: string }> {
  const { requestId, result, delayMs, lost } = model.perform(action, request);
  const travelMs = lost === 'silence' ? Infinity : by.latencyMs + delayMs;
  const isLate = travelMs > by.timeoutMs;
  return new Promise((resolve, reject) => {
    function arrive(): void {
      if (isLate) {
        reject(new CloudError('Timeout', `EC2 did not answer ${action} in time`));
      } else if (lost === 'reset') {
        reject(new CloudError('ConnectionError', `no answer to ${action}: the connection broke`));
      } else if (result.kind === 'error') {
        const { code, message, httpStatus } = result.error;
        reject(new CloudError(code, message, { requestId, httpStatus, cause: result.error }));
      } else {
        resolve({ answer: result.answer, requestId });
      }
    }
    const waitMs = Math.min(travelMs, by.timeoutMs);
    if (by.clock === undefined || waitMs === 0) queueMicrotask(arrive);
    else by.clock.schedule(waitMs, arrive);
  });
}

async function describeAll(
  model: Ec2Model,
  filters: readonly Filter[],
  by: Travel,
): Promise<readonly ListedInstance[]> {
  const listed: ListedInstance[] = [];
  let nextToken: string | null = null;
  do {
    const request: Actions['DescribeInstances']['request'] = {
      filters,
      maxResults: 1000,
      ...(nextToken !== null && { nextToken }),
    };
    const { answer } = await carry(model, 'DescribeInstances', request, by);
    listed.push(...answer.instances.map(listedFrom));
    nextToken = answer.nextToken;
  } while (nextToken !== null);
  return listed;
}

function createCapacityCloud(model: Ec2Model, launchBy: Travel, otherBy: Travel): CapacityCloud {
  return {
    async createReservation(order) {
      const request = reservationRequest(order);
      const done = await carry(model, 'CreateCapacityReservation', request, launchBy);
      return { requestId: done.requestId, reservation: reservationFrom(done.answer) };
    },
    async cancelReservation(reservationId) {
      // What is over or unknown is left out here, where the real adapter asks EC2 for its state.
      const known = model.reservations().find((each) => each.reservationId === reservationId);
      if (known === undefined || ['cancelled', 'expired', 'failed'].includes(known.state)) return;
      await carry(model, 'CancelCapacityReservation', { reservationId }, otherBy);
    },
    async describeReservations(tags) {
      const found: Reservation[] = [];
      let nextToken: string | null = null;
      do {
        const request: Actions['DescribeCapacityReservations']['request'] = {
          filters: tagFilters(tags),
          ...(nextToken !== null && { nextToken }),
        };
        const { answer } = await carry(model, 'DescribeCapacityReservations', request, otherBy);
        found.push(...answer.reservations.map(reservationFrom));
        nextToken = answer.nextToken;
      } while (nextToken !== null);
      return found;
    },
    async runFleet(order) {
      const request = fleetRequest(order);
      const { answer, requestId } = await carry(model, 'CreateFleet', request, launchBy);
      return fleetFrom(answer, requestId);
    },
    describeByTags: (tags) => describeAll(model, tagFilters(tags), otherBy),
    async describeSubnets(subnetIds) {
      if (subnetIds.length === 0) return [];
      const request = { filters: subnetFilters(subnetIds) };
      const { answer } = await carry(model, 'DescribeSubnets', request, otherBy);
      return answer.subnets.map(subnetFrom);
    },
    async describePlacementGroups(names) {
      if (names.length === 0) return [];
      const request = { filters: groupFilters(names) };
      const { answer } = await carry(model, 'DescribePlacementGroups', request, otherBy);
      return answer.groups.map(({ name, arn, strategy }) => ({ name, arn, strategy }));
    },
    async describeLaunchTemplates(names) {
      const listed: ListedLaunchTemplate[] = [];
      for (const name of names) {
        const request = { template: { name }, versions: ['$Latest'] };
        try {
          const { answer } = await carry(model, 'DescribeLaunchTemplateVersions', request, otherBy);
          for (const { data } of answer.versions)
            listed.push({ name, placementGroup: data.placementGroup ?? null });
        } catch (error: unknown) {
          if (!(error instanceof CloudError) || !error.code.startsWith('InvalidLaunchTemplateName'))
            throw error;
        }
      }
      return listed;
    },
  };
}

function createHealthCloud(
  model: Ec2Model,
  by: Travel,
): Pick<Cloud, 'listStatus' | 'describeInstances' | 'consoleOutput'> {
  return {
    async listStatus() {
      const listed: InstanceStatus[] = [];
      let nextToken: string | null = null;
      do {
        const request: Actions['DescribeInstanceStatus']['request'] = {
          includeAllInstances: true,
          maxResults: 1000,
          ...(nextToken !== null && { nextToken }),
        };
        const { answer } = await carry(model, 'DescribeInstanceStatus', request, by);
        listed.push(...answer.statuses.map(statusFrom));
        nextToken = answer.nextToken;
      } while (nextToken !== null);
      return listed;
    },
    async describeInstances(instanceIds) {
      const listed: ListedInstance[] = [];
      for (let from = 0; from < instanceIds.length; from += filterValuesMax) {
        const values = instanceIds.slice(from, from + filterValuesMax).map(filterValue);
        listed.push(...(await describeAll(model, [{ name: 'instance-id', values }], by)));
      }
      return listed;
    },
    async consoleOutput(instanceId) {
      const { answer } = await carry(model, 'GetConsoleOutput', { instanceId }, by);
      return Buffer.from(answer.output ?? '', 'base64').toString('utf8');
    },
  };
}

export function createModelCloud(
  model: Ec2Model,
  options: ModelCloudOptions = {},
): Cloud & CapacityCloud {
  const launchTimeoutMs = options.launchTimeoutMs ?? 30_000;
  const launchBy = {
    clock: options.clock,
    latencyMs: options.latencyMs ?? 0,
    timeoutMs: launchTimeoutMs,
  };
  const otherBy = { ...launchBy, timeoutMs: 2 * launchTimeoutMs };
  return {
    ...createCapacityCloud(model, launchBy, otherBy),
    async runInstances(order) {
      const request = launchRequest(order);
      const { answer, requestId } = await carry(model, 'RunInstances', request, launchBy);
      const alive = answer.instances.filter(
        ({ state }) => state === 'pending' || state === 'running',
      );
      return { requestId, instances: alive.map(instanceFrom) };
    },
    async terminateInstances(instanceIds) {
      // What the model does not know is left out here, where the real adapter reads it from EC2's message.
      const known = instanceIds.filter((id) => model.instance(id) !== undefined);
      if (known.length === 0) return;
      await carry(model, 'TerminateInstances', { instanceIds: known }, otherBy);
    },
    ...createHealthCloud(model, otherBy),
    describeByClientToken: (clientToken) =>
      describeAll(model, [{ name: 'client-token', values: [clientToken] }], otherBy),
  };
}
