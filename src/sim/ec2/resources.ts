/** The actions about what surrounds instances: tags, subnets, zones, instance types. */
import type { Instant } from '../../core/units.ts';
import { listedInstanceTypes, lookUpInstanceType } from './catalogue.ts';
import { Ec2ApiError, invalidValue, missingParameter, unknownSubnet } from './errors.ts';
import { predicateFor, type Property } from './filters.ts';
import { instancesById } from './lifecycle.ts';
import { reservationById } from './reservation-actions.ts';
import { viewSubnet } from './subnets.ts';
import type { Actions, CreateTagsRequest, DescribeSubnetsRequest, SubnetView } from './types.ts';
import { zonesOf, type World } from './world.ts';

/**
 * Tags of instances and of capacity reservations are kept; other resources are accepted and nothing remembers their tags.
 * Throws Ec2ApiError.
 */
export function createTags(world: World, request: CreateTagsRequest): Record<string, never> {
  if (request.resourceIds.length === 0) throw missingParameter('resourceIdSet');
  if (Object.keys(request.tags).length === 0) throw missingParameter('tagSet');
  const ids = request.resourceIds.filter((id) => id.startsWith('i-'));
  const reservations = request.resourceIds
    .filter((id) => id.startsWith('cr-'))
    .map((id) => reservationById(world, id));
  for (const instance of instancesById(world, [...new Set(ids)], () => true)) {
    world.store.retag(instance, { ...instance.tags, ...request.tags });
  }
  for (const reservation of reservations) {
    reservation.tags = { ...reservation.tags, ...request.tags };
  }
  return {};
}

const subnetProperties: ReadonlyMap<string, Property<SubnetView>> = new Map<
  string,
  Property<SubnetView>
>([
  ['subnet-id', (view) => view.subnetId],
  ['availability-zone', (view) => view.availabilityZone],
  ['vpc-id', (view) => view.vpcId],
]);

export function describeSubnets(
  world: World,
  request: DescribeSubnetsRequest,
  now: Instant,
): Actions['DescribeSubnets']['answer'] {
  const ids = request.subnetIds?.length ? request.subnetIds : [...world.subnets.keys()];
  const views = ids.map((id) => {
    const subnet = world.subnets.get(id);
    if (subnet === undefined) throw unknownSubnet(id);
    return viewSubnet(subnet, world.vpcId);
  });
  const tests = (request.filters ?? []).map((filter) =>
    predicateFor(filter, subnetProperties, null),
  );
  return { subnets: views.filter((view) => tests.every((test) => test(view, now))) };
}

export function describeInstanceTypes(
  request: Actions['DescribeInstanceTypes']['request'],
): Actions['DescribeInstanceTypes']['answer'] {
  const names = request.instanceTypes?.length ? request.instanceTypes : listedInstanceTypes();
  const types = names.map((name) => {
    const type = lookUpInstanceType(name);
    if (type === null) {
      throw new Ec2ApiError(
        'InvalidInstanceType',
        `The following supplied instance types do not exist: [${name}]`,
      );
    }
    return type;
  });
  return { types };
}

export function describeAvailabilityZones(
  world: World,
  request: Actions['DescribeAvailabilityZones']['request'],
): Actions['DescribeAvailabilityZones']['answer'] {
  const known = zonesOf(world);
  const zones = request.zones?.length ? request.zones : known;
  const unknown = zones.find((zone) => !known.includes(zone));
  if (unknown !== undefined) throw invalidValue(`Invalid availability zone: [${unknown}]`);
  return { zones: zones.map((zone) => ({ zone, region: world.region })) };
}
