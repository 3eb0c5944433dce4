/** Requests and answers about capacity beyond RunInstances: reservations and placement groups. */
import type { Instant } from '../../core/units.ts';
import type { Filter, Paging, Tags, TagSpecification } from './basic-types.ts';

export type Tenancy = 'default' | 'dedicated';

/** `open`: any matching launch uses it; `targeted`: only launches that name it. */
export type MatchCriteria = 'open' | 'targeted';

export type ReservationState =
  | 'pending'
  | 'active'
  | 'cancelled'
  | 'expired'
  | 'failed'
  /** A capacity block before its start. */
  | 'scheduled';

/** What a launch says about reservations: one of the two, not both. */
export interface ReservationChoice {
  /** Absent: `open`. */
  readonly preference?: 'open' | 'none' | 'capacity-reservations-only';
  readonly reservationId?: string;
}

export interface CreateCapacityReservationRequest {
  readonly instanceType?: string;
  readonly platform?: string;
  readonly availabilityZone?: string;
  readonly instanceCount?: number;
  /** Absent: `open`. */
  readonly matchCriteria?: string;
  /** `limited` goes with an end date, `unlimited` (the default) with none. */
  readonly endDateType?: string;
  readonly endDate?: Instant;
  readonly tenancy?: string;
  readonly placementGroupArn?: string;
  readonly tagSpecifications?: readonly TagSpecification[];
  readonly clientToken?: string;
}

/** A capacity reservation as EC2 shows it at one moment. */
export interface ReservationView {
  readonly reservationId: string;
  readonly state: ReservationState;
  readonly kind: 'default' | 'capacity-block';
  readonly instanceType: string;
  readonly platform: string;
  readonly availabilityZone: string;
  readonly tenancy: Tenancy;
  /** Empty: in no placement group. */
  readonly placementGroupArn: string;
  readonly matchCriteria: MatchCriteria;
  readonly totalCount: number;
  /** Places that a launch can use; none when the reservation is over. */
  readonly availableCount: number;
  readonly createdAt: Instant;
  readonly startsAt: Instant;
  /** Null: until it is cancelled. */
  readonly endsAt: Instant | null;
  readonly tags: Tags;
}

export interface DescribeCapacityReservationsRequest extends Paging {
  readonly reservationIds?: readonly string[];
  readonly filters?: readonly Filter[];
}

export interface DescribeCapacityReservationsAnswer {
  /** In the order of their creation. */
  readonly reservations: readonly ReservationView[];
  readonly nextToken: string | null;
}

export interface ModifyCapacityReservationRequest {
  readonly reservationId: string;
  readonly instanceCount?: number;
  readonly endDateType?: string;
  readonly endDate?: Instant;
}

export interface CreatePlacementGroupRequest {
  readonly name: string;
  readonly strategy?: string;
  readonly tagSpecifications?: readonly TagSpecification[];
}

export interface PlacementGroupView {
  readonly name: string;
  readonly groupId: string;
  readonly arn: string;
  readonly strategy: string;
  readonly tags: Tags;
}

export interface DescribePlacementGroupsRequest {
  readonly names?: readonly string[];
  readonly filters?: readonly Filter[];
}
