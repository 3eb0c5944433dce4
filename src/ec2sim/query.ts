/**
 * The Query API's parameters, read into the model's requests.
 *
 * What the model does not act on is kept as it came, because a repeat with the same client token must bring it again.
 */
import {
  Ec2ApiError,
  invalidValue,
  missingParameter,
  type ActionName,
  type Actions,
  type LaunchParameters,
  type LaunchTemplateReference,
  type NetworkInterfaceSpec,
  type ReservationChoice,
  type RunInstancesRequest,
} from '../sim/ec2/index.ts';
import { capacityReaders } from './query-capacity.ts';
import {
  filters,
  list,
  newBranch,
  paging,
  present,
  readTree,
  required,
  tags,
  tagSpecifications,
  templateReference,
  text,
  texts,
  wholeNumber,
  type Branch,
} from './query-tree.ts';

function networkInterfaces(branch: Branch): readonly NetworkInterfaceSpec[] | undefined {
  const found = list(branch, 'NetworkInterface').map((each) => {
    const subnetId = text(each, 'SubnetId');
    const interfaceType = text(each, 'InterfaceType');
    return {
      deviceIndex: wholeNumber('DeviceIndex', text(each, 'DeviceIndex') ?? '0'),
      ...(subnetId !== undefined && { subnetId }),
      ...(interfaceType !== undefined && { interfaceType }),
    };
  });
  return found.length === 0 ? undefined : found;
}

function marketOf(branch: Branch): LaunchParameters['market'] {
  const market = branch.below.get('InstanceMarketOptions');
  const type = market === undefined ? undefined : text(market, 'MarketType');
  if (type === undefined || type === 'spot' || type === 'capacity-block') return type;
  throw invalidValue(`Invalid value '${type}' for InstanceMarketOptions.MarketType.`);
}

function shutdownBehavior(branch: Branch): LaunchParameters['shutdownBehavior'] {
  const value = text(branch, 'InstanceInitiatedShutdownBehavior');
  if (value === undefined || value === 'stop' || value === 'terminate') return value;
  throw invalidValue(`Invalid value '${value}' for InstanceInitiatedShutdownBehavior.`);
}

function reservationChoice(branch: Branch): ReservationChoice | undefined {
  const specification = branch.below.get('CapacityReservationSpecification');
  if (specification === undefined) return undefined;
  const target = specification.below.get('CapacityReservationTarget');
  const preference = text(specification, 'CapacityReservationPreference');
  if (preference !== undefined && !isPreference(preference)) {
    throw invalidValue(`Invalid value '${preference}' for CapacityReservationPreference.`);
  }
  const reservationId = target === undefined ? undefined : text(target, 'CapacityReservationId');
  return present({ preference, reservationId });
}

function isPreference(value: string): value is NonNullable<ReservationChoice['preference']> {
  return ['open', 'none', 'capacity-reservations-only'].includes(value);
}

function launchParameters(branch: Branch): LaunchParameters {
  const placement = branch.below.get('Placement') ?? newBranch();
  return present({
    instanceType: text(branch, 'InstanceType'),
    imageId: text(branch, 'ImageId'),
    subnetId: text(branch, 'SubnetId'),
    availabilityZone: text(placement, 'AvailabilityZone'),
    placementGroup: text(placement, 'GroupName'),
    tenancy: text(placement, 'Tenancy'),
    capacityReservation: reservationChoice(branch),
    market: marketOf(branch),
    shutdownBehavior: shutdownBehavior(branch),
    tagSpecifications: tagSpecifications(branch),
    networkInterfaces: networkInterfaces(branch),
  }) as LaunchParameters;
}

/** Acted upon elsewhere, or (the last four) part of how a request is signed: different on every repeat. */
const notCompared =
  /^(?:Action|Version|MinCount|MaxCount|ClientToken|InstanceType|ImageId|SubnetId|TagSpecification\..*|LaunchTemplate\..*|InstanceInitiatedShutdownBehavior|X-Amz-.*|AWSAccessKeyId|Signature.*|Timestamp)$/;

function otherParameters(parameters: URLSearchParams): Readonly<Record<string, string>> {
  return Object.fromEntries([...parameters].filter(([name]) => !notCompared.test(name)));
}

function runInstances(branch: Branch, parameters: URLSearchParams): RunInstancesRequest {
  const template = branch.below.get('LaunchTemplate');
  const clientToken = text(branch, 'ClientToken');
  return {
    ...launchParameters(branch),
    minCount: wholeNumber('MinCount', required(branch, 'MinCount')),
    maxCount: wholeNumber('MaxCount', required(branch, 'MaxCount')),
    ...(clientToken !== undefined && { clientToken }),
    ...(template !== undefined && { launchTemplate: templateReference(template) }),
    otherParameters: otherParameters(parameters),
  };
}

function launchTemplateData(branch: Branch): LaunchParameters {
  const data = branch.below.get('LaunchTemplateData');
  if (data === undefined) throw missingParameter('LaunchTemplateData');
  return launchParameters(data);
}

type Readers = {
  readonly [A in ActionName]: (
    branch: Branch,
    parameters: URLSearchParams,
  ) => Actions[A]['request'];
};

const readers: Readers = {
  RunInstances: runInstances,
  DescribeInstances: (branch) => ({
    ...paging(branch),
    instanceIds: texts(branch, 'InstanceId'),
    filters: filters(branch),
  }),
  DescribeInstanceStatus: (branch) => ({
    ...paging(branch),
    instanceIds: texts(branch, 'InstanceId'),
    filters: filters(branch),
    ...(text(branch, 'IncludeAllInstances') === 'true' && { includeAllInstances: true }),
  }),
  GetConsoleOutput: (branch) => ({
    instanceId: required(branch, 'InstanceId'),
    ...(text(branch, 'Latest') === 'true' && { latest: true }),
  }),
  TerminateInstances(branch) {
    const instanceIds = texts(branch, 'InstanceId');
    if (instanceIds.length === 0) throw missingParameter('InstanceId');
    return { instanceIds };
  },
  CreateTags: (branch) => ({ resourceIds: texts(branch, 'ResourceId'), tags: tags(branch) }),
  CreateLaunchTemplate: (branch) => ({
    name: required(branch, 'LaunchTemplateName'),
    data: launchTemplateData(branch),
  }),
  CreateLaunchTemplateVersion: (branch) => ({
    template: templateReference(branch),
    data: launchTemplateData(branch),
  }),
  DescribeLaunchTemplates: (branch) => ({
    ids: texts(branch, 'LaunchTemplateId'),
    names: texts(branch, 'LaunchTemplateName'),
  }),
  DescribeLaunchTemplateVersions: (branch) => ({
    template: present({
      id: text(branch, 'LaunchTemplateId'),
      name: text(branch, 'LaunchTemplateName'),
    }) as LaunchTemplateReference,
    versions: texts(branch, 'LaunchTemplateVersion'),
  }),
  DescribeSubnets: (branch) => ({
    subnetIds: texts(branch, 'SubnetId'),
    filters: filters(branch),
  }),
  DescribeInstanceTypes: (branch) => ({ instanceTypes: texts(branch, 'InstanceType') }),
  DescribeAvailabilityZones: (branch) => ({ zones: texts(branch, 'ZoneName') }),
  ...capacityReaders,
};

export type Call = {
  readonly [A in ActionName]: { readonly action: A; readonly request: Actions[A]['request'] };
}[ActionName];

/** Throws Ec2ApiError for an action that the model does not have and for parameters it cannot read. */
export function readCall(parameters: URLSearchParams): Call {
  const action = parameters.get('Action') ?? '';
  if (!Object.hasOwn(readers, action)) {
    throw new Ec2ApiError(
      'InvalidAction',
      `The action ${action} is not valid for this web service.`,
    );
  }
  const known = action as ActionName;
  return { action: known, request: readers[known](readTree(parameters), parameters) } as Call;
}
