/**
 * The describes of instances: ids, filters, pages.
 *
 * The narrowest index is chosen first (ids, token, address, a tag without wildcard), the other filters are tried on
 * what it yields. A page's token is the sequence of the last instance shown, so pages stay right while instances come
 * and go.
 */
import type { Instant } from '../../core/units.ts';
import { filterLimitExceeded, invalidCombination, invalidValue } from './errors.ts';
import {
  hasWildcard,
  pageSize,
  predicateFor,
  sequenceFrom,
  tokenAfter,
  type Property as PropertyOf,
} from './filters.ts';
import { reachabilityOf, statusAt, systemStatusAt } from './health.ts';
import {
  reservationIdOf,
  stateAt,
  viewInstance,
  type Instance,
  type InstanceStore,
} from './instances.ts';
import { instancesById } from './lifecycle.ts';
import type {
  DescribeInstancesAnswer,
  DescribeInstancesRequest,
  DescribeInstanceStatusAnswer,
  DescribeInstanceStatusRequest,
  Filter,
  InstanceStatusView,
} from './types.ts';
import type { World } from './world.ts';

const pageMin = 5;
/** Of all filters of a call together. */
const filterValuesMax = 200;
/** DescribeInstanceStatus takes no more; DescribeInstances has no such limit. */
const statusIdsMax = 100;

type Property = PropertyOf<Instance>;

const instanceStateCodes = {
  pending: '0',
  running: '16',
  'shutting-down': '32',
  terminated: '48',
} as const;

const instanceProperties: ReadonlyMap<string, Property> = new Map<string, Property>([
  ['availability-zone', (instance) => instance.availabilityZone],
  ['capacity-reservation-id', (instance) => reservationIdOf(instance)],
  ['client-token', (instance) => instance.clientToken],
  ['image-id', (instance) => instance.imageId],
  ['instance-id', (instance) => instance.id],
  ['instance-lifecycle', (instance) => (instance.market === 'on-demand' ? '' : instance.market)],
  ['instance-state-code', (instance, now) => instanceStateCodes[stateAt(instance, now)]],
  ['instance-state-name', (instance, now) => stateAt(instance, now)],
  ['instance-type', (instance) => instance.instanceType],
  ['placement-group-name', (instance) => instance.placementGroup],
  ['private-dns-name', (instance, now) => viewInstance(instance, now).privateDnsName],
  ['private-ip-address', (instance, now) => viewInstance(instance, now).privateIp],
  ['reservation-id', (instance) => instance.reservationId],
  ['subnet-id', (instance) => instance.subnetId],
  ['tenancy', (instance) => instance.tenancy],
  ['tag-key', (instance) => Object.keys(instance.tags)],
  ['vpc-id', (instance) => instance.vpcId],
]);

const statusProperties: ReadonlyMap<string, Property> = new Map<string, Property>([
  ['availability-zone', (instance) => instance.availabilityZone],
  ['instance-state-code', (instance, now) => instanceStateCodes[stateAt(instance, now)]],
  ['instance-state-name', (instance, now) => stateAt(instance, now)],
  ['instance-status.status', (instance, now) => statusAt(instance, now)],
  ['instance-status.reachability', (instance, now) => reachabilityOf(statusAt(instance, now))],
  ['system-status.status', (instance, now) => systemStatusAt(instance, now)],
  ['system-status.reachability', (instance, now) => reachabilityOf(systemStatusAt(instance, now))],
  ['event.code', ({ events }) => events.map((event) => event.code)],
  ['event.description', ({ events }) => events.map((event) => event.description)],
  ['event.instance-event-id', ({ events }) => events.map((event) => event.id)],
  ['event.not-before', ({ events }) => events.map(({ notBefore }) => isoTime(notBefore))],
  ['event.not-after', ({ events }) => events.map(({ notAfter }) => isoTime(notAfter))],
]);

/** As EC2's filters have it; empty for a time that is not set. */
function isoTime(at: Instant | null): string {
  return at === null ? '' : new Date(at).toISOString();
}

type Predicate = (instance: Instance, now: Instant) => boolean;

/** What an index yields for the filter, in launch order; null where no index can answer it. */
function fromIndex(store: InstanceStore, { name, values }: Filter): readonly Instance[] | null {
  if (values.some(hasWildcard)) return null;
  let lookUp: (value: string) => Iterable<Instance>;
  if (name === 'client-token') {
    lookUp = store.withToken;
  } else if (name === 'private-ip-address') {
    lookUp = store.withAddress;
  } else if (name.startsWith('tag:')) {
    const key = name.slice('tag:'.length);
    lookUp = (value) => store.withTag(key, value);
  } else {
    return null;
  }
  const found = new Set(values.flatMap((value) => [...lookUp(value)]));
  return [...found].sort((left, right) => left.sequence - right.sequence);
}

/** A superset of what the filters admit, in launch order and after `after`. */
function candidates(world: World, filters: readonly Filter[], after: number): Iterable<Instance> {
  const { store } = world;
  let narrowest: readonly Instance[] | null = null;
  for (const filter of filters) {
    const found = fromIndex(store, filter);
    if (found !== null && (narrowest === null || found.length < narrowest.length)) {
      narrowest = found;
    }
  }
  if (narrowest === null) return store.inOrder(after);
  return after === 0 ? narrowest : narrowest.filter((each) => each.sequence > after);
}

function pageSizeOf({ maxResults, instanceIds }: DescribeInstancesRequest): number {
  if (maxResults !== undefined && instanceIds !== undefined && instanceIds.length > 0) {
    throw invalidCombination(
      'The parameter instancesSet cannot be used with the parameter maxResults',
    );
  }
  return pageSize(maxResults, pageMin);
}

function select(
  world: World,
  request: DescribeInstancesRequest,
  properties: ReadonlyMap<string, Property>,
  admits: Predicate,
  now: Instant,
): { readonly found: readonly Instance[]; readonly nextToken: string | null } {
  const filters = request.filters ?? [];
  if (filters.reduce((sum, { values }) => sum + values.length, 0) > filterValuesMax) {
    throw filterLimitExceeded();
  }
  const tagsOf = properties === instanceProperties ? (each: Instance) => each.tags : null;
  const predicates = filters.map((filter) => predicateFor(filter, properties, tagsOf));
  const ids = request.instanceIds ?? [];
  // Ids are never cut into pages: a request may name as many as it likes.
  const size = ids.length > 0 ? (pageSizeOf(request), Infinity) : pageSizeOf(request);
  const from =
    ids.length > 0
      ? instancesById(world, [...new Set(ids)], (instance) => now >= instance.visibleAt)
      : candidates(world, filters, sequenceFrom(request.nextToken));
  const found: Instance[] = [];
  for (const instance of from) {
    if (now < instance.visibleAt || !admits(instance, now)) continue;
    if (!predicates.every((predicate) => predicate(instance, now))) continue;
    if (found.length === size) {
      return { found, nextToken: tokenAfter(found.at(-1)?.sequence ?? 0) };
    }
    found.push(instance);
  }
  return { found, nextToken: null };
}

/** Throws Ec2ApiError for unknown ids, filters or tokens. */
export function describeInstances(
  world: World,
  request: DescribeInstancesRequest,
  now: Instant,
): DescribeInstancesAnswer {
  const { found, nextToken } = select(world, request, instanceProperties, () => true, now);
  return { instances: found.map((instance) => viewInstance(instance, now)), nextToken };
}

function viewStatus(instance: Instance, now: Instant): InstanceStatusView {
  const state = stateAt(instance, now);
  const instanceStatus = statusAt(instance, now);
  const systemStatus = systemStatusAt(instance, now);
  return {
    instanceId: instance.id,
    availabilityZone: instance.availabilityZone,
    state,
    instanceStatus,
    systemStatus,
    impairedSince: instanceStatus === 'impaired' ? instance.impairedAt : null,
    systemImpairedSince: systemStatus === 'impaired' ? instance.systemImpairedAt : null,
    events: instance.events,
  };
}

/** Running instances, or all of them when the request says so. Throws Ec2ApiError as describeInstances does. */
export function describeInstanceStatus(
  world: World,
  request: DescribeInstanceStatusRequest,
  now: Instant,
): DescribeInstanceStatusAnswer {
  if ((request.instanceIds ?? []).length > statusIdsMax) {
    throw invalidValue(`At most ${statusIdsMax} instance IDs can be specified.`);
  }
  const admits: Predicate = (instance) =>
    request.includeAllInstances === true || stateAt(instance, now) === 'running';
  const { found, nextToken } = select(world, request, statusProperties, admits, now);
  return { statuses: found.map((instance) => viewStatus(instance, now)), nextToken };
}
