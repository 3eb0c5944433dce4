/**
 * CreateCapacityReservation, its describe, modify and cancel.
 *
 * A reservation is made for the whole count or not at all. Where EC2's documentation leaves a point open it is decided
 * here: one that capacity or quota refuses is shown as `failed` for an hour and does not use its client token up; an end
 * date is kept to the moment; one that is over can be neither modified nor cancelled.
 */
import type { Instant } from '../../core/units.ts';
import { lookUpInstanceType } from './catalogue.ts';
import {
  type Ec2ApiError,
  idempotentMismatch,
  instanceLimitExceeded,
  insufficientCapacity,
  invalidCombination,
  invalidValue,
  malformedId,
  missingParameter,
  notPermitted,
  reservationOver,
  typeNotOffered,
  unknownReservations,
} from './errors.ts';
import { pageSize, predicateFor, sequenceFrom, tokenAfter, type Property } from './filters.ts';
import { fingerprintOf } from './fingerprint.ts';
import {
  accrue,
  addReservation,
  endReservation,
  reservationStateAt,
  scheduleEnd,
  viewReservation,
  type NewReservation,
  type Reservation,
} from './reservations.ts';
import { tagsFor } from './tags.ts';
import type {
  CreateCapacityReservationRequest,
  DescribeCapacityReservationsAnswer,
  DescribeCapacityReservationsRequest,
  ModifyCapacityReservationRequest,
  ReservationView,
} from './types.ts';
import { zonesOf, type World } from './world.ts';

/** EC2's limit on one reservation, and on one change of its count. */
const countMax = 1000;

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw invalidValue(`Invalid value '${value}' for ${name}.`);
  return found;
}

function checkCount(count: number): number {
  if (!Number.isInteger(count) || count < 1 || count > countMax) {
    throw invalidValue(
      `Value (${count}) for parameter InstanceCount is invalid. It must be between 1 and ${countMax}.`,
    );
  }
  return count;
}

/** Null: unlimited. */
function checkEnd(
  { endDateType, endDate }: Pick<CreateCapacityReservationRequest, 'endDateType' | 'endDate'>,
  now: Instant,
): Instant | null {
  const type = oneOf('EndDateType', endDateType ?? 'unlimited', ['unlimited', 'limited']);
  if (type === 'unlimited') {
    if (endDate === undefined) return null;
    throw invalidCombination('An EndDate can be specified with the EndDateType limited only.');
  }
  if (endDate === undefined) throw missingParameter('EndDate');
  if (!(endDate > now)) throw invalidValue('The EndDate must be in the future.');
  return endDate;
}

/** The name in `arn:aws:ec2:REGION:ACCOUNT:placement-group/NAME`; the empty name for the empty text. */
function groupNameIn(arn: string): string {
  const match = /^(?:arn:[^:]*:ec2:[^:]*:[^:]*:placement-group\/(.+))?$/.exec(arn);
  if (match === null) throw invalidValue(`Invalid value '${arn}' for PlacementGroupArn.`);
  return match[1] ?? '';
}

function checked(
  world: World,
  request: CreateCapacityReservationRequest,
  now: Instant,
): NewReservation {
  const { instanceType, platform, availabilityZone, instanceCount } = request;
  if (instanceType === undefined) throw missingParameter('InstanceType');
  if (platform === undefined) throw missingParameter('InstancePlatform');
  if (instanceCount === undefined) throw missingParameter('InstanceCount');
  if (availabilityZone === undefined) throw missingParameter('AvailabilityZone');
  const type = lookUpInstanceType(instanceType);
  if (type === null) throw invalidValue(`Invalid value '${instanceType}' for InstanceType.`);
  const zones = zonesOf(world);
  if (!zones.includes(availabilityZone)) {
    throw invalidValue(`Invalid availability zone: [${availabilityZone}]`);
  }
  const placementGroupArn = request.placementGroupArn ?? '';
  return {
    market: 'on-demand',
    instanceType,
    vcpus: type.vcpus,
    platform,
    availabilityZone,
    tenancy: oneOf('Tenancy', request.tenancy ?? 'default', ['default', 'dedicated']),
    placementGroup: groupNameIn(placementGroupArn),
    placementGroupArn,
    matchCriteria: oneOf('InstanceMatchCriteria', request.matchCriteria ?? 'open', [
      'open',
      'targeted',
    ]),
    tags: tagsFor('capacity-reservation', request.tagSpecifications),
    clientToken: request.clientToken ?? '',
    startsAt: now,
    endsAt: checkEnd(request, now),
    total: checkCount(instanceCount),
  };
}

/** Why so many more places cannot be had; null when they can. */
function refusalOf(world: World, of: NewReservation, count: number): Ec2ApiError | null {
  const { pools } = world;
  if (pools.vcpusLeft(of.market) < count * of.vcpus) return instanceLimitExceeded();
  const roomIn = (availabilityZone: string) =>
    pools.isOffered(of.instanceType, availabilityZone)
      ? pools.room({ ...of, availabilityZone })
      : 0;
  if (Math.min(roomIn(of.availabilityZone), pools.groupRoom(of.placementGroup)) >= count) {
    return null;
  }
  const elsewhere = zonesOf(world).filter(
    (zone) => zone !== of.availabilityZone && roomIn(zone) >= count,
  );
  return insufficientCapacity(of.instanceType, of.availabilityZone, elsewhere);
}

/** Throws Ec2ApiError. */
export function createCapacityReservation(
  world: World,
  request: CreateCapacityReservationRequest,
  now: Instant,
): ReservationView {
  const { reservations: book, pools } = world;
  const clientToken = request.clientToken ?? '';
  const fingerprint = clientToken === '' ? '' : fingerprintOf(request);
  const used = book.byToken.get(clientToken);
  if (used !== undefined) {
    if (used.fingerprint !== fingerprint) throw idempotentMismatch();
    return viewReservation(used.reservation, now);
  }
  const of = checked(world, request, now);
  if (!pools.isOffered(of.instanceType, of.availabilityZone)) {
    const offering = zonesOf(world).filter((zone) => pools.isOffered(of.instanceType, zone));
    throw typeNotOffered(of.instanceType, of.availabilityZone, offering);
  }
  const refusal = refusalOf(world, of, of.total);
  if (refusal !== null) {
    addReservation(world, of, now, 'failed');
    throw refusal;
  }
  const reservation = addReservation(world, of, now, null);
  if (clientToken !== '') {
    book.byToken.set(clientToken, { fingerprint, reservation });
  }
  return viewReservation(reservation, now);
}

const properties: ReadonlyMap<string, Property<Reservation>> = new Map<
  string,
  Property<Reservation>
>([
  ['availability-zone', (each) => each.availabilityZone],
  ['end-date-type', (each) => (each.endsAt === null ? 'unlimited' : 'limited')],
  ['instance-match-criteria', (each) => each.matchCriteria],
  ['instance-platform', (each) => each.platform],
  ['instance-type', (each) => each.instanceType],
  ['placement-group-arn', (each) => each.placementGroupArn],
  ['state', (each, now) => reservationStateAt(each, now)],
  ['tag-key', (each) => Object.keys(each.tags)],
  ['tenancy', (each) => each.tenancy],
]);

/** Throws Ec2ApiError for an id that is none, and for those that `isKnown` does not admit. */
function reservationsById(
  world: World,
  ids: readonly string[],
  isKnown: (reservation: Reservation) => boolean,
): readonly Reservation[] {
  const unknown: string[] = [];
  const found = ids.flatMap((id) => {
    if (!/^cr-[0-9a-f]{17}$/.test(id)) {
      throw malformedId('InvalidCapacityReservationId.Malformed', id, 'cr-');
    }
    const reservation = world.reservations.byId.get(id);
    if (reservation !== undefined && isKnown(reservation)) return [reservation];
    unknown.push(id);
    return [];
  });
  if (unknown.length > 0) throw unknownReservations(unknown);
  return found;
}

/** Whatever its state, and though describes may not show it yet. Throws Ec2ApiError when there is none. */
export function reservationById(world: World, id: string): Reservation {
  const [reservation] = reservationsById(world, [id], () => true);
  if (reservation === undefined) throw unknownReservations([id]);
  return reservation;
}

/** Throws Ec2ApiError for unknown ids, filters or tokens. */
export function describeCapacityReservations(
  world: World,
  request: DescribeCapacityReservationsRequest,
  now: Instant,
): DescribeCapacityReservationsAnswer {
  const isShown = (each: Reservation) => now >= each.visibleAt;
  const tests = (request.filters ?? []).map((filter) =>
    predicateFor(filter, properties, (each) => each.tags),
  );
  const size = pageSize(request.maxResults, 1);
  const after = sequenceFrom(request.nextToken);
  const ids = request.reservationIds ?? [];
  const from =
    ids.length > 0
      ? reservationsById(world, [...new Set(ids)], isShown)
      : [...world.reservations.byId.values()].filter(isShown);
  const all = from.filter(
    (each) => each.sequence > after && tests.every((test) => test(each, now)),
  );
  const page = all.slice(0, size);
  return {
    reservations: page.map((each) => viewReservation(each, now)),
    nextToken: all.length > size ? tokenAfter(page.at(-1)?.sequence ?? 0) : null,
  };
}

function changeable(world: World, id: string): Reservation {
  const reservation = reservationById(world, id);
  if (reservation.market === 'capacity-block') {
    throw notPermitted(`The Capacity Block ${id} can be neither modified nor cancelled.`);
  }
  if (reservation.over !== null) throw reservationOver(id, reservation.over);
  return reservation;
}

function changeCount(world: World, reservation: Reservation, count: number, now: Instant): void {
  const more = count - reservation.total;
  if (!Number.isInteger(count) || count < 1 || Math.abs(more) > countMax) {
    throw invalidValue(
      `Value (${count}) for parameter InstanceCount is invalid. It can change by ${countMax} at most.`,
    );
  }
  if (count < reservation.occupied) {
    throw invalidValue(
      `Value (${count}) for parameter InstanceCount is invalid. ${reservation.occupied} instances run in ${reservation.id}.`,
    );
  }
  const refusal = more > 0 ? refusalOf(world, reservation, more) : null;
  if (refusal !== null) throw refusal;
  accrue(world.reservations, reservation, now);
  reservation.total = count;
  if (more > 0) world.pools.hold(reservation, more);
  else world.pools.letGo(reservation, -more);
}

/** Throws Ec2ApiError; then nothing is changed. */
export function modifyCapacityReservation(
  world: World,
  request: ModifyCapacityReservationRequest,
  now: Instant,
): Record<string, never> {
  const reservation = changeable(world, request.reservationId);
  const { endDateType, endDate, instanceCount } = request;
  const changesEnd = endDateType !== undefined || endDate !== undefined;
  const endsAt = changesEnd ? checkEnd(request, now) : reservation.endsAt;
  if (instanceCount !== undefined) changeCount(world, reservation, instanceCount, now);
  if (endsAt !== reservation.endsAt) {
    reservation.endsAt = endsAt;
    scheduleEnd(world, reservation);
  }
  return {};
}

/** Throws Ec2ApiError. */
export function cancelCapacityReservation(
  world: World,
  { reservationId }: { readonly reservationId: string },
  now: Instant,
): Record<string, never> {
  endReservation(world, changeable(world, reservationId), 'cancelled', now);
  return {};
}
