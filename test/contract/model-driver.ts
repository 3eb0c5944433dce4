/** The contract's driver for the model in process. */
import { createModelCloud } from '../../src/sim/ec2/cloud.ts';
import {
  createEc2Model,
  type ActionName,
  type Actions,
  type Ec2ModelOptions,
  type InstanceView,
} from '../../src/sim/ec2/index.ts';
import {
  createTestTime,
  launchTimeoutMs,
  SeenError,
  type Ec2Driver,
  type SeenInstance,
} from './driver.ts';

function seen(view: InstanceView): SeenInstance {
  return {
    instanceId: view.instanceId,
    state: view.state,
    privateIp: view.privateIp,
    privateDnsName: view.privateDnsName,
    instanceType: view.instanceType,
    availabilityZone: view.availabilityZone,
    subnetId: view.state === 'terminated' ? '' : view.subnetId,
    placementGroup: view.placementGroup,
    tenancy: view.tenancy,
    capacityReservationId: view.capacityReservationId,
    stateReason: view.stateReason?.code ?? '',
    clientToken: view.clientToken,
    launchedAt: view.launchedAt,
    tags: view.tags,
  };
}

export async function makeModelDriver(options: Omit<Ec2ModelOptions, 'now'>): Promise<Ec2Driver> {
  const time = createTestTime();
  const model = createEc2Model({ ...options, now: time.now });
  async function call<A extends ActionName>(
    action: A,
    request: Actions[A]['request'],
  ): Promise<Actions[A]['answer']> {
    const { result, lost, requestId } = model.perform(action, request);
    if (lost !== null) {
      const code = lost === 'reset' ? 'ConnectionError' : 'Timeout';
      throw new SeenError(code, 'no answer', null, null);
    }
    if (result.kind === 'answer') return result.answer;
    const { code, message, httpStatus } = result.error;
    throw new SeenError(code, message, httpStatus, requestId);
  }
  return {
    model,
    advance: time.advance,
    run: async (request) => (await call('RunInstances', request)).instances.map(seen),
    async describe(request) {
      const { instances, nextToken } = await call('DescribeInstances', request);
      return { instances: instances.map(seen), nextToken };
    },
    async status(request) {
      const { statuses } = await call('DescribeInstanceStatus', request);
      return statuses.map(({ instanceId, state, instanceStatus }) => ({
        instanceId,
        state,
        instanceStatus,
      }));
    },
    statusPage: (request) => call('DescribeInstanceStatus', request),
    console: (request) => call('GetConsoleOutput', request),
    async terminate(instanceIds) {
      const { changes } = await call('TerminateInstances', { instanceIds });
      return changes.map((change) => ({
        id: change.instanceId,
        from: change.previousState,
        to: change.currentState,
      }));
    },
    async createTags(request) {
      await call('CreateTags', request);
    },
    createLaunchTemplate: async (request) => (await call('CreateLaunchTemplate', request)).id,
    createLaunchTemplateVersion: async (request) =>
      (await call('CreateLaunchTemplateVersion', request)).version,
    async templates(request) {
      const { templates } = await call('DescribeLaunchTemplates', request);
      return templates.map((each) => ({ name: each.name, latest: each.latestVersion }));
    },
    async templateVersions(request) {
      const { versions } = await call('DescribeLaunchTemplateVersions', request);
      return versions.map(({ version, data }) => ({ version, instanceType: data.instanceType }));
    },
    async subnets(subnetIds) {
      const { subnets } = await call('DescribeSubnets', { subnetIds });
      return subnets.map(({ subnetId, freeAddresses }) => ({ subnetId, freeAddresses }));
    },
    async types(instanceTypes) {
      const { types } = await call('DescribeInstanceTypes', { instanceTypes });
      return types.map((type) => ({ name: type.instanceType, vcpus: type.vcpus }));
    },
    zones: async () => (await call('DescribeAvailabilityZones', {})).zones.map((each) => each.zone),
    fleet: (request) => call('CreateFleet', request),
    reserve: (request) => call('CreateCapacityReservation', request),
    reservations: (request) => call('DescribeCapacityReservations', request),
    async modifyReservation(request) {
      await call('ModifyCapacityReservation', request);
    },
    async cancelReservation(reservationId) {
      await call('CancelCapacityReservation', { reservationId });
    },
    createPlacementGroup: (request) => call('CreatePlacementGroup', request),
    placementGroups: async (names) => (await call('DescribePlacementGroups', { names })).groups,
    cloud: createModelCloud(model, { launchTimeoutMs }),
    close: async () => undefined,
  };
}
