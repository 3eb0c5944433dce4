/**
 * The model's answers in EC2's XML.
 *
 * Strings are put together by hand: an answer of 500 instances is a few hundred kilobytes and is made in milliseconds.
 * Element names and nesting are EC2's, as its SDKs read them; fields that the model has nothing to say about are left
 * out unless readers expect them.
 */
import {
  reachabilityOf,
  type ActionName,
  type Actions,
  type Ec2ApiError,
  type InstanceState,
  type InstanceStateChange,
  type InstanceStatusView,
  type InstanceView,
  type LaunchParameters,
  type LaunchTemplateVersionView,
  type LaunchTemplateView,
  type Market,
  type ScheduledEvent,
  type StatusCheck,
  type SubnetView,
} from '../sim/ec2/index.ts';
import { capacityWriters } from './xml-capacity.ts';
import { escapeXml, items, leaf, tagSet, time } from './xml-parts.ts';

const namespace = 'http://ec2.amazonaws.com/doc/2016-11-15/';

const stateCodes: Readonly<Record<InstanceState, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
};

function state(name: string, value: InstanceState): string {
  return `<${name}><code>${stateCodes[value]}</code><name>${value}</name></${name}>`;
}

function lifecycle(market: Market): string {
  return market === 'on-demand' ? '' : leaf('instanceLifecycle', market);
}

function networkInterface(view: InstanceView): string {
  if (view.privateIp === '') return '';
  return (
    '<networkInterfaceSet><item>' +
    leaf('networkInterfaceId', `eni-${view.instanceId.slice(2)}`) +
    leaf('subnetId', view.subnetId) +
    leaf('vpcId', view.vpcId) +
    leaf('status', 'in-use') +
    leaf('privateIpAddress', view.privateIp) +
    leaf('privateDnsName', view.privateDnsName) +
    '<attachment><deviceIndex>0</deviceIndex><status>attached</status></attachment>' +
    leaf('interfaceType', view.efa ? 'efa' : 'interface') +
    '</item></networkInterfaceSet>'
  );
}

function instance(view: InstanceView): string {
  return (
    leaf('instanceId', view.instanceId) +
    leaf('imageId', view.imageId) +
    state('instanceState', view.state) +
    leaf('privateDnsName', view.privateDnsName) +
    leaf('amiLaunchIndex', view.launchIndex) +
    leaf('instanceType', view.instanceType) +
    leaf('launchTime', time(view.launchedAt)) +
    '<placement>' +
    leaf('availabilityZone', view.availabilityZone) +
    leaf('groupName', view.placementGroup) +
    leaf('tenancy', view.tenancy) +
    '</placement>' +
    '<monitoring><state>disabled</state></monitoring>' +
    (view.state === 'terminated'
      ? ''
      : leaf('subnetId', view.subnetId) + leaf('vpcId', view.vpcId)) +
    leaf('privateIpAddress', view.privateIp) +
    (view.stateReason === null
      ? ''
      : `<stateReason>${leaf('code', view.stateReason.code)}${leaf('message', view.stateReason.message)}</stateReason>`) +
    '<architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType>' +
    '<virtualizationType>hvm</virtualizationType><hypervisor>xen</hypervisor>' +
    leaf('clientToken', view.clientToken) +
    lifecycle(view.market) +
    leaf('capacityReservationId', view.capacityReservationId) +
    tagSet(view.tags) +
    networkInterface(view)
  );
}

/** Instances of one RunInstances call stand together in a reservation. */
function reservations(instances: readonly InstanceView[], account: string): string {
  const groups: InstanceView[][] = [];
  for (const view of instances) {
    const last = groups.at(-1);
    if (last?.[0]?.reservationId === view.reservationId) last.push(view);
    else groups.push([view]);
  }
  return items('reservationSet', groups, (group) => reservation(group, account));
}

function reservation(group: readonly InstanceView[], account: string): string {
  return (
    leaf('reservationId', group[0]?.reservationId) +
    leaf('ownerId', account) +
    '<groupSet/>' +
    items('instancesSet', group, instance)
  );
}

function stateChange(change: InstanceStateChange): string {
  return (
    leaf('instanceId', change.instanceId) +
    state('currentState', change.currentState) +
    state('previousState', change.previousState)
  );
}

function statusSummary(name: string, status: StatusCheck, impairedSince: number | null): string {
  const detail =
    leaf('name', 'reachability') +
    leaf('status', reachabilityOf(status)) +
    (impairedSince === null ? '' : leaf('impairedSince', time(impairedSince)));
  return `<${name}>${leaf('status', status)}<details><item>${detail}</item></details></${name}>`;
}

function scheduledEvent(event: ScheduledEvent): string {
  const { notBefore, notAfter } = event;
  return (
    leaf('instanceEventId', event.id) +
    leaf('code', event.code) +
    leaf('description', event.description) +
    leaf('notBefore', time(notBefore)) +
    (notAfter === null ? '' : leaf('notAfter', time(notAfter)))
  );
}

function instanceStatus(view: InstanceStatusView): string {
  return (
    leaf('instanceId', view.instanceId) +
    leaf('availabilityZone', view.availabilityZone) +
    state('instanceState', view.state) +
    statusSummary('systemStatus', view.systemStatus, view.systemImpairedSince) +
    statusSummary('instanceStatus', view.instanceStatus, view.impairedSince) +
    (view.events.length === 0 ? '' : items('eventsSet', view.events, scheduledEvent))
  );
}

function launchTemplate(view: LaunchTemplateView): string {
  return (
    leaf('launchTemplateId', view.id) +
    leaf('launchTemplateName', view.name) +
    leaf('createTime', time(view.createdAt)) +
    leaf('defaultVersionNumber', view.defaultVersion) +
    leaf('latestVersionNumber', view.latestVersion)
  );
}

function reservationChoice(choice: LaunchParameters['capacityReservation']): string {
  if (choice === undefined) return '';
  const { preference, reservationId } = choice;
  const target =
    reservationId === undefined
      ? ''
      : `<capacityReservationTarget>${leaf('capacityReservationId', reservationId)}</capacityReservationTarget>`;
  return (
    '<capacityReservationSpecification>' +
    leaf('capacityReservationPreference', preference) +
    target +
    '</capacityReservationSpecification>'
  );
}

function launchTemplateData(data: LaunchParameters): string {
  const placement =
    leaf('availabilityZone', data.availabilityZone) +
    leaf('groupName', data.placementGroup) +
    leaf('tenancy', data.tenancy);
  return (
    leaf('instanceType', data.instanceType) +
    leaf('imageId', data.imageId) +
    (placement === '' ? '' : `<placement>${placement}</placement>`) +
    leaf('instanceInitiatedShutdownBehavior', data.shutdownBehavior) +
    (data.market === undefined || data.market === 'on-demand'
      ? ''
      : `<instanceMarketOptions>${leaf('marketType', data.market)}</instanceMarketOptions>`) +
    reservationChoice(data.capacityReservation) +
    items('networkInterfaceSet', data.networkInterfaces ?? [], (each) => {
      return (
        leaf('deviceIndex', each.deviceIndex) +
        leaf('subnetId', each.subnetId) +
        leaf('interfaceType', each.interfaceType)
      );
    }) +
    items('tagSpecificationSet', data.tagSpecifications ?? [], (each) => {
      return leaf('resourceType', each.resourceType) + tagSet(each.tags);
    })
  );
}

function launchTemplateVersion(view: LaunchTemplateVersionView): string {
  return (
    leaf('launchTemplateId', view.id) +
    leaf('launchTemplateName', view.name) +
    leaf('versionNumber', view.version) +
    leaf('defaultVersion', view.isDefault) +
    leaf('createTime', time(view.createdAt)) +
    `<launchTemplateData>${launchTemplateData(view.data)}</launchTemplateData>`
  );
}

function subnet(view: SubnetView): string {
  return (
    leaf('subnetId', view.subnetId) +
    leaf('vpcId', view.vpcId) +
    leaf('state', 'available') +
    leaf('cidrBlock', view.cidr) +
    leaf('availabilityZone', view.availabilityZone) +
    leaf('availableIpAddressCount', view.freeAddresses)
  );
}

type Writers = {
  readonly [A in ActionName]: (answer: Actions[A]['answer'], account: string) => string;
};

const writers: Writers = {
  RunInstances: ({ instances }, account) => reservation(instances, account),
  DescribeInstances: ({ instances, nextToken }, account) =>
    reservations(instances, account) + leaf('nextToken', nextToken),
  DescribeInstanceStatus: ({ statuses, nextToken }) =>
    items('instanceStatusSet', statuses, instanceStatus) + leaf('nextToken', nextToken),
  GetConsoleOutput: ({ instanceId, timestamp, output }) =>
    leaf('instanceId', instanceId) +
    (timestamp === null ? '' : leaf('timestamp', time(timestamp))) +
    leaf('output', output),
  TerminateInstances: ({ changes }) => items('instancesSet', changes, stateChange),
  CreateTags: () => leaf('return', true),
  CreateLaunchTemplate: (view) => `<launchTemplate>${launchTemplate(view)}</launchTemplate>`,
  CreateLaunchTemplateVersion: (view) =>
    `<launchTemplateVersion>${launchTemplateVersion(view)}</launchTemplateVersion>`,
  DescribeLaunchTemplates: ({ templates }) => items('launchTemplates', templates, launchTemplate),
  DescribeLaunchTemplateVersions: ({ versions }) =>
    items('launchTemplateVersionSet', versions, launchTemplateVersion),
  DescribeSubnets: ({ subnets }) => items('subnetSet', subnets, subnet),
  DescribeInstanceTypes: ({ types }) =>
    items('instanceTypeSet', types, (type) => {
      return (
        leaf('instanceType', type.instanceType) +
        `<vCpuInfo>${leaf('defaultVCpus', type.vcpus)}</vCpuInfo>` +
        `<memoryInfo>${leaf('sizeInMiB', type.memoryMiB)}</memoryInfo>` +
        `<networkInfo>${leaf('efaSupported', type.efaSupported)}</networkInfo>`
      );
    }),
  DescribeAvailabilityZones: ({ zones }) =>
    items('availabilityZoneInfo', zones, ({ zone, region }) => {
      return (
        leaf('zoneName', zone) +
        leaf('zoneState', 'available') +
        leaf('regionName', region) +
        leaf('zoneType', 'availability-zone')
      );
    }),
  ...capacityWriters,
};

export function writeAnswer<A extends ActionName>(
  action: A,
  answer: Actions[A]['answer'],
  of: { readonly requestId: string; readonly account: string },
): string {
  const body = writers[action](answer, of.account);
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<${action}Response xmlns="${namespace}">` +
    `<requestId>${of.requestId}</requestId>${body}</${action}Response>`
  );
}

export function writeError(error: Ec2ApiError, requestId: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>' +
    `<Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message>` +
    `</Error></Errors><RequestID>${requestId}</RequestID></Response>`
  );
}
