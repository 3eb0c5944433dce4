/**
 * Capacity reservations: places of one instance type in one zone that are held, and paid for, until they are let go.
 *
 *   created ── (scheduled, a block only) ── pending ── active ── cancelled or expired ── forgotten
 *
 * `pending` is only how describes show a new one: launches into it succeed, unless a fault keeps it unusable for a while.
 * A reservation that is over leaves its instances running, as ordinary on-demand ones. A refused one is kept as `failed`,
 * holding nothing, so that describes show it for an hour.
 *
 * The charge is kept here: milliseconds of places that nobody pays for as an instance.
 */
import type { Instant } from '../../core/units.ts';
import type { PoolUse } from './pools.ts';
import type { MatchCriteria, ReservationState, ReservationView, Tags, Tenancy } from './types.ts';
import type { World } from './world.ts';

/** How long describes show a reservation that is over, or was refused. */
const describedAfterEndMs = 3_600_000;
/** How long its client token holds after it is over. */
const tokenAfterEndMs = 24 * 3_600_000;

/** As a pool use: its market is the pool that its places are held in. */
export interface Reservation extends PoolUse {
  readonly sequence: number;
  readonly id: string;
  readonly market: 'on-demand' | 'capacity-block';
  readonly platform: string;
  readonly tenancy: Tenancy;
  readonly placementGroupArn: string;
  readonly matchCriteria: MatchCriteria;
  /** Empty: none. No describe shows it. */
  readonly clientToken: string;
  /** Replaced, never changed. */
  tags: Tags;
  readonly createdAt: Instant;
  readonly startsAt: Instant;
  readonly visibleAt: Instant;
  /** When describes begin to show it as active. */
  readonly activeAt: Instant;
  /** Until then launches into it are refused. */
  readonly usableAt: Instant;
  endsAt: Instant | null;
  total: number;
  /** Places of instances that have not ended. */
  occupied: number;
  /** Places of instances whose end was not asked: they are paid for as instances. */
  paying: number;
  over: 'cancelled' | 'expired' | 'failed' | null;
  /** Place-milliseconds paid for, up to `accruedAt`, that no instance paid for. */
  unusedMs: number;
  accruedAt: Instant;
}

export interface ReservationBook {
  readonly byId: Map<string, Reservation>;
  /** What a client token made, until a day after it was over. */
  readonly byToken: Map<
    string,
    { readonly fingerprint: string; readonly reservation: Reservation }
  >;
  nextSequence: number;
  /** `unusedMs` of all reservations ever, those that are forgotten included. */
  unusedMs: number;
}

export function createReservationBook(): ReservationBook {
  return { byId: new Map(), byToken: new Map(), nextSequence: 1, unusedMs: 0 };
}

/** Brings the charge up to `now`. Capacity blocks are paid in advance, used or not: nothing accrues. */
export function accrue(book: ReservationBook, reservation: Reservation, now: Instant): void {
  if (reservation.over === null && reservation.market === 'on-demand') {
    const ms = (reservation.total - reservation.paying) * (now - reservation.accruedAt);
    reservation.unusedMs += ms;
    book.unusedMs += ms;
  }
  reservation.accruedAt = now;
}

export function reservationStateAt(reservation: Reservation, now: Instant): ReservationState {
  if (reservation.over !== null) return reservation.over;
  if (now < reservation.startsAt) return 'scheduled';
  return now < reservation.activeAt ? 'pending' : 'active';
}

/** Places that a launch can use. */
export function availablePlaces({ over, total, occupied }: Reservation): number {
  return over === null ? Math.max(0, total - occupied) : 0;
}

export function viewReservation(reservation: Reservation, now: Instant): ReservationView {
  return {
    reservationId: reservation.id,
    state: reservationStateAt(reservation, now),
    kind: reservation.market === 'on-demand' ? 'default' : 'capacity-block',
    instanceType: reservation.instanceType,
    platform: reservation.platform,
    availabilityZone: reservation.availabilityZone,
    tenancy: reservation.tenancy,
    placementGroupArn: reservation.placementGroupArn,
    matchCriteria: reservation.matchCriteria,
    totalCount: reservation.total,
    availableCount: availablePlaces(reservation),
    createdAt: reservation.createdAt,
    startsAt: reservation.startsAt,
    endsAt: reservation.endsAt,
    tags: reservation.tags,
  };
}

/** What a new reservation is; the rest follows from the model. */
export type NewReservation = Pick<
  Reservation,
  | 'market'
  | 'instanceType'
  | 'vcpus'
  | 'availabilityZone'
  | 'placementGroup'
  | 'placementGroupArn'
  | 'platform'
  | 'tenancy'
  | 'matchCriteria'
  | 'tags'
  | 'clientToken'
  | 'startsAt'
  | 'endsAt'
  | 'total'
>;

/** Keeps it in the book. A failed one holds nothing; any other takes its places from the pool. */
export function addReservation(
  world: World,
  of: NewReservation,
  now: Instant,
  over: 'failed' | null,
): Reservation {
  const { reservations: book, times } = world;
  const fault = world.faults.forSubject('reservation-not-usable', of);
  const reservation: Reservation = {
    ...of,
    sequence: book.nextSequence,
    id: `cr-0${world.otherIds.hex16()}`,
    createdAt: now,
    visibleAt: now + times.consistencyMs,
    activeAt: now + times.reservationPendingMs,
    usableAt: now + (fault?.forMs ?? 0),
    occupied: 0,
    paying: 0,
    over,
    unusedMs: 0,
    accruedAt: now,
  };
  book.nextSequence += 1;
  book.byId.set(reservation.id, reservation);
  if (over === null) {
    world.pools.hold(reservation, reservation.total);
    scheduleEnd(world, reservation);
  } else {
    scheduleForgetting(world, reservation, now);
  }
  return reservation;
}

function scheduleForgetting(world: World, { id }: Reservation, overAt: Instant): void {
  world.agenda.add(overAt + describedAfterEndMs, () => world.reservations.byId.delete(id));
}

/** It expires at its end date, unless that has been moved by then. */
export function scheduleEnd(world: World, reservation: Reservation): void {
  const { endsAt } = reservation;
  if (endsAt === null) return;
  world.agenda.add(endsAt, (at) => {
    if (reservation.endsAt === endsAt) endReservation(world, reservation, 'expired', at);
  });
}

/** Lets go of what no instance uses, at once; the instances keep their places. Does nothing to one that is over. */
export function endReservation(
  world: World,
  reservation: Reservation,
  how: 'cancelled' | 'expired',
  at: Instant,
): void {
  if (reservation.over !== null) return;
  accrue(world.reservations, reservation, at);
  world.pools.letGo(reservation, reservation.total - reservation.occupied);
  reservation.over = how;
  scheduleForgetting(world, reservation, at);
  const { byToken } = world.reservations;
  const { clientToken } = reservation;
  world.agenda.add(at + tokenAfterEndMs, () => {
    if (byToken.get(clientToken)?.reservation === reservation) byToken.delete(clientToken);
  });
}

/** Instances take places of a reservation. */
export function occupyPlaces(
  world: World,
  reservation: Reservation,
  count: number,
  now: Instant,
): void {
  accrue(world.reservations, reservation, now);
  reservation.occupied += count;
  reservation.paying += count;
  world.pools.occupy(reservation, count);
}

/** The end of an instance in it was asked: its place is charged to the reservation again, and not yet free. */
export function stopPaying(world: World, reservation: Reservation, now: Instant): void {
  accrue(world.reservations, reservation, now);
  reservation.paying -= 1;
}

/** An instance in it is over: its place is free again, for the reservation or for the pool. */
export function leavePlace(world: World, reservation: Reservation): void {
  reservation.occupied -= 1;
  if (reservation.over === null) world.pools.vacate(reservation);
  else world.pools.release(reservation, 1);
}
