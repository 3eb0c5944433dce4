/** Orders for capacity beyond RunInstances: written to the ledger before the call is made, plain JSON. */
import type { Instant } from './units.ts';

/** One CreateCapacityReservation call: targeted, shared tenancy, the whole count or nothing. */
export interface ReservationOrder {
  readonly clientToken: string;
  readonly instanceType: string;
  /** Must be the image's: `Linux/UNIX`, `Red Hat Enterprise Linux`, ... */
  readonly platform: string;
  readonly availabilityZone: string;
  /** At most 1,000. */
  readonly count: number;
  /** The group that its launches will name, by its ARN; null: they name none. */
  readonly placementGroupArn: string | null;
  /** When EC2 lets go of it even if nobody asks; null: never. */
  readonly endsAt: Instant | null;
  readonly tags: Readonly<Record<string, string>>;
}

/** One place that a fleet may launch in: what replaces the launch template's own parameters. */
export interface FleetPool {
  readonly instanceType: string;
  readonly subnetId: string;
}

/** One CreateFleet call of type `instant`. */
export interface FleetOrder {
  readonly clientToken: string;
  readonly launchTemplate: { readonly name: string; readonly version: string };
  /** In order of preference. No type twice in one zone. */
  readonly pools: readonly FleetPool[];
  readonly market: 'on-demand' | 'spot';
  readonly count: number;
  /** Fewer than these, then none: 1 to 1,000, and only with one of the two below. Null: whatever there is. */
  readonly minCount: number | null;
  readonly singleZone: boolean;
  readonly singleType: boolean;
  readonly tags: Readonly<Record<string, string>>;
}
