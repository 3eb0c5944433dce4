/**
 * The model as the cloud port, without HTTP between: for tests and for the simulated world.
 *
 * Answers come in a later turn, as real ones do. A delayed answer waits on the clock that is given; without one it
 * comes at once, and a silence is told as a time-out at once.
 */
import type { Instance, LaunchOrder } from '../../core/instances.ts';
import type { DurationMs } from '../../core/units.ts';
import { CloudError, type Cloud, type ListedInstance } from '../../ports/cloud.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ec2Model } from './model.ts';
import type { ActionName, Actions, InstanceView, RunInstancesRequest } from './types.ts';

export interface ModelCloudOptions {
  /** The clock of the world the model lives in. */
  readonly clock?: Clock;
  /** How long every call takes besides its faults; default 0. */
  readonly latencyMs?: DurationMs;
  /** When a launch without an answer counts as lost; default 30 s. Other calls: twice as long. */
  readonly launchTimeoutMs?: DurationMs;
}

function requestFrom(order: LaunchOrder): RunInstancesRequest {
  const { launch, tags } = order;
  const common: RunInstancesRequest = {
    minCount: order.minCount,
    maxCount: order.maxCount,
    clientToken: order.clientToken,
    shutdownBehavior: 'terminate',
    ...(order.market !== 'on-demand' && { market: order.market }),
    ...(Object.keys(tags).length > 0 && {
      tagSpecifications: [
        { resourceType: 'instance', tags },
        { resourceType: 'volume', tags },
      ],
    }),
  };
  switch (launch.kind) {
    case 'launch-template':
      return { ...common, launchTemplate: { name: launch.name, version: launch.version } };
    case 'instance-type':
      return {
        ...common,
        instanceType: launch.instanceType,
        ...(launch.imageId !== null && { imageId: launch.imageId }),
        ...(launch.placementGroup !== null && { placementGroup: launch.placementGroup }),
        ...(launch.efa
          ? {
              networkInterfaces: [
                { deviceIndex: 0, subnetId: launch.subnetId, interfaceType: 'efa' },
              ],
            }
          : { subnetId: launch.subnetId }),
      };
  }
}

function instanceFrom(view: InstanceView): Instance {
  return {
    instanceId: view.instanceId,
    privateIp: view.privateIp,
    hostname: view.privateDnsName.split('.')[0] ?? '',
  };
}

function listedFrom(view: InstanceView): ListedInstance {
  return {
    ...instanceFrom(view),
    state: view.state,
    clientToken: view.clientToken === '' ? null : view.clientToken,
    tags: view.tags,
    launchedAt: view.launchedAt,
  };
}

/** Performs the action at once; the promise settles as the answer travels. */
function carry<A extends ActionName>(
  model: Ec2Model,
  action: A,
  request: Actions[A]['request'],
  by: { clock: Clock | undefined; latencyMs: DurationMs; timeoutMs: DurationMs },
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

export function createModelCloud(model: Ec2Model, options: ModelCloudOptions = {}): Cloud {
  const launchTimeoutMs = options.launchTimeoutMs ?? 30_000;
  const launchBy = {
    clock: options.clock,
    latencyMs: options.latencyMs ?? 0,
    timeoutMs: launchTimeoutMs,
  };
  const otherBy = { ...launchBy, timeoutMs: 2 * launchTimeoutMs };
  return {
    async runInstances(order) {
      const request = requestFrom(order);
      const { answer, requestId } = await carry(model, 'RunInstances', request, launchBy);
      return { requestId, instances: answer.instances.map(instanceFrom) };
    },
    async terminateInstances(instanceIds) {
      // What the model does not know is left out here, where the real adapter reads it from EC2's message.
      const known = instanceIds.filter((id) => model.instance(id) !== undefined);
      if (known.length === 0) return;
      await carry(model, 'TerminateInstances', { instanceIds: known }, otherBy);
    },
    async describeByClientToken(clientToken) {
      const listed: ListedInstance[] = [];
      let nextToken: string | null = null;
      do {
        const request: Actions['DescribeInstances']['request'] = {
          filters: [{ name: 'client-token', values: [clientToken] }],
          maxResults: 1000,
          ...(nextToken !== null && { nextToken }),
        };
        const { answer } = await carry(model, 'DescribeInstances', request, otherBy);
        listed.push(...answer.instances.map(listedFrom));
        nextToken = answer.nextToken;
      } while (nextToken !== null);
      return listed;
    },
  };
}
