/**
 * Where the places of a launch come from: a capacity reservation, or the pool.
 *
 * A launch that names a reservation gets its places there or nowhere. One that names none uses an open reservation that
 * matches and can hold all of MaxCount (the oldest such), else the pool. EC2's documentation names no error for a
 * launch that does not match the reservation it names; it is told here what EC2's one sentence about reservations says:
 * not enough capacity that is compatible and available.
 */
import type { Instant } from '../../core/units.ts';
import {
  blockNotActive,
  invalidCombination,
  reservationExceeded,
  reservationOver,
} from './errors.ts';
import { reservationById } from './reservation-actions.ts';
import { availablePlaces, type Reservation } from './reservations.ts';
import type { Market, ReservationChoice } from './types.ts';
import type { World } from './world.ts';

/** The images of the model are Linux. */
const imagePlatform = 'Linux/UNIX';

/** Null: the pool. */
export type Places = Reservation | null;

/** What of a launch must be the same as in the reservation. */
export interface PlaceUse {
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly tenancy: string;
  readonly placementGroup: string;
  readonly market: Market;
}

function isCompatible(reservation: Reservation, launch: PlaceUse): boolean {
  return (
    reservation.instanceType === launch.instanceType &&
    reservation.availabilityZone === launch.availabilityZone &&
    reservation.tenancy === launch.tenancy &&
    reservation.placementGroup === launch.placementGroup &&
    reservation.market === launch.market &&
    reservation.platform === imagePlatform
  );
}

function targeted(world: World, id: string, launch: PlaceUse, now: Instant): Reservation {
  if (launch.market === 'spot') {
    throw invalidCombination('A Spot Instance cannot be launched into a Capacity Reservation.');
  }
  const reservation = reservationById(world, id);
  if (reservation.over !== null) throw reservationOver(id, reservation.over);
  if (now < reservation.startsAt) throw blockNotActive(id);
  if (!isCompatible(reservation, launch) || now < reservation.usableAt) throw reservationExceeded();
  return reservation;
}

function openReservation(
  world: World,
  launch: PlaceUse,
  count: number,
  now: Instant,
): Reservation | null {
  for (const each of world.reservations.byId.values()) {
    if (each.matchCriteria !== 'open' || now < each.usableAt || now < each.startsAt) continue;
    if (isCompatible(each, launch) && availablePlaces(each) >= count) return each;
  }
  return null;
}

/** Throws Ec2ApiError for a choice that cannot be met. That the reservation has room is not looked at. */
export function choosePlaces(
  world: World,
  choice: ReservationChoice,
  launch: PlaceUse,
  of: { readonly maxCount: number; readonly now: Instant },
): Places {
  const { reservationId, preference } = choice;
  if (reservationId !== undefined) {
    if (preference !== undefined) {
      throw invalidCombination(
        'The request can include either a CapacityReservationId or a CapacityReservationPreference but not both.',
      );
    }
    return targeted(world, reservationId, launch, of.now);
  }
  if (launch.market === 'capacity-block') {
    throw invalidCombination('A launch into a Capacity Block must name its CapacityReservationId.');
  }
  if (launch.market === 'spot') {
    if (preference !== 'capacity-reservations-only') return null;
    throw invalidCombination('A Spot Instance cannot be launched into a Capacity Reservation.');
  }
  if (preference === 'none') return null;
  const open = openReservation(world, launch, of.maxCount, of.now);
  if (open === null && preference === 'capacity-reservations-only') throw reservationExceeded();
  return open;
}
