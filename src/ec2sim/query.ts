/**
 * The Query API's parameters, read into the model's requests.
 *
 * EC2 flattens everything: `TagSpecification.1.Tag.2.Key=...`. The parameters become a tree by their dots; a list is a
 * branch whose keys are numbers. What the model does not act on is kept as it came, because a repeat with the same
 * client token must bring it again.
 */
import {
  Ec2ApiError,
  invalidValue,
  missingParameter,
  type ActionName,
  type Actions,
  type Filter,
  type LaunchParameters,
  type LaunchTemplateReference,
  type NetworkInterfaceSpec,
  type Paging,
  type RunInstancesRequest,
  type Tags,
  type TagSpecification,
} from '../sim/ec2/index.ts';

/** A value, or the parameters below it. */
interface Branch {
  value: string | null;
  readonly below: Map<string, Branch>;
}

function newBranch(): Branch {
  return { value: null, below: new Map() };
}

function readTree(parameters: URLSearchParams): Branch {
  const root = newBranch();
  for (const [name, value] of parameters) {
    let branch = root;
    for (const step of name.split('.')) {
      let next = branch.below.get(step);
      if (next === undefined) {
        next = newBranch();
        branch.below.set(step, next);
      }
      branch = next;
    }
    branch.value = value;
  }
  return root;
}

function text(branch: Branch, name: string): string | undefined {
  return branch.below.get(name)?.value ?? undefined;
}

function required(branch: Branch, name: string): string {
  const value = text(branch, name);
  if (value === undefined || value === '') throw missingParameter(name);
  return value;
}

function wholeNumber(name: string, value: string): number {
  if (!/^-?\d{1,15}$/.test(value)) {
    throw invalidValue(`Value (${value}) for parameter ${name} is invalid. It must be an integer.`);
  }
  return Number(value);
}

function list(branch: Branch, name: string): readonly Branch[] {
  const items = branch.below.get(name)?.below;
  if (items === undefined) return [];
  return [...items].sort(([left], [right]) => Number(left) - Number(right)).map(([, item]) => item);
}

function texts(branch: Branch, name: string): readonly string[] {
  return list(branch, name).map((item) => item.value ?? '');
}

/** Leaves out what is undefined, so that an absent parameter is an absent property. */
function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function tags(branch: Branch): Tags {
  return Object.fromEntries(
    list(branch, 'Tag').map((tag) => [required(tag, 'Key'), text(tag, 'Value') ?? '']),
  );
}

function tagSpecifications(branch: Branch): readonly TagSpecification[] | undefined {
  const found = list(branch, 'TagSpecification').map((each) => ({
    resourceType: text(each, 'ResourceType') ?? '',
    tags: tags(each),
  }));
  return found.length === 0 ? undefined : found;
}

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

function launchParameters(branch: Branch): LaunchParameters {
  const placement = branch.below.get('Placement') ?? newBranch();
  return present({
    instanceType: text(branch, 'InstanceType'),
    imageId: text(branch, 'ImageId'),
    subnetId: text(branch, 'SubnetId'),
    availabilityZone: text(placement, 'AvailabilityZone'),
    placementGroup: text(placement, 'GroupName'),
    market: marketOf(branch),
    shutdownBehavior: shutdownBehavior(branch),
    tagSpecifications: tagSpecifications(branch),
    networkInterfaces: networkInterfaces(branch),
  }) as LaunchParameters;
}

function templateReference(branch: Branch): LaunchTemplateReference {
  return present({
    id: text(branch, 'LaunchTemplateId'),
    name: text(branch, 'LaunchTemplateName'),
    version: text(branch, 'Version'),
  }) as LaunchTemplateReference;
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

function filters(branch: Branch): readonly Filter[] {
  return list(branch, 'Filter').map((each) => ({
    name: required(each, 'Name'),
    values: texts(each, 'Value'),
  }));
}

function paging(branch: Branch): Paging {
  const maxResults = text(branch, 'MaxResults');
  const nextToken = text(branch, 'NextToken');
  return {
    ...(maxResults !== undefined && { maxResults: wholeNumber('MaxResults', maxResults) }),
    ...(nextToken !== undefined && { nextToken }),
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
