/** How the EC2 model is set up, and what of it can be changed while it runs. */
import type { DurationMs, Instant } from '../../core/units.ts';
import type { FaultSpec } from './faults.ts';
import type { SubnetSpec } from './subnets.ts';
import type { ThrottleLimits } from './throttle.ts';
import type { Market } from './types.ts';

/** How long things take. A change holds for instances launched (or ended) from then on. */
export interface Times {
  /** From the launch until the state is `running`; not later than the boot. */
  readonly pendingMs: DurationMs;
  /** From the launch until the instance has booted. */
  readonly bootMs: DurationMs;
  /** Added to `bootMs`: evenly spread from 0 to this, from the seed. */
  readonly bootJitterMs: DurationMs;
  /** From the call that terminates until the state is `terminated` and the room is free again. */
  readonly shutdownMs: DurationMs;
  /** How long a new instance is absent from every describe. Launches with a token and terminations see it. */
  readonly consistencyMs: DurationMs;
  /** How long a new instance shows no private address, in the launch's own answer too. */
  readonly addressDelayMs: DurationMs;
  /** How long describes call a new capacity reservation pending, though launches into it succeed. */
  readonly reservationPendingMs: DurationMs;
  /** From the notice of a spot interruption until EC2 ends the instance. */
  readonly spotNoticeMs: DurationMs;
}

/** The region of the post that muster starts from. */
export const defaultRegion = 'us-east-2';

export const defaultSeed = 1;

export const defaultTimes: Times = {
  pendingMs: 1000,
  bootMs: 1000,
  bootJitterMs: 0,
  shutdownMs: 1000,
  consistencyMs: 0,
  addressDelayMs: 0,
  reservationPendingMs: 0,
  spotNoticeMs: 120_000,
};

export interface CapacitySpec {
  readonly instanceType: string;
  readonly availabilityZone: string;
  /** Each market has room of its own. Absent: `on-demand`. */
  readonly market?: Market;
  /** Null: unlimited. */
  readonly capacity: number | null;
}

export interface Ec2ModelOptions {
  /** The model's only clock. It may stand still; when it runs backwards, nothing happens until it has caught up. */
  readonly now: () => Instant;
  /** Ids and jitter follow from it. Default: `defaultSeed`. */
  readonly seed?: number;
  /** Default: `defaultRegion`. */
  readonly region?: string;
  /** Twelve digits. */
  readonly account?: string;
  /** Default: one subnet in each of the zones a, b and c. */
  readonly subnets?: readonly SubnetSpec[];
  readonly capacity?: readonly CapacitySpec[];
  readonly notOffered?: readonly {
    readonly instanceType: string;
    readonly availabilityZone: string;
  }[];
  /** vCPUs by market. */
  readonly quotas?: Readonly<Partial<Record<Market, number>>>;
  /** Image ids that exist; absent: every well-formed one does. */
  readonly images?: readonly string[];
  readonly times?: Partial<Times>;
  /** Default: EC2's limits, switched on. `false`: off; it can be switched on later. */
  readonly throttle?: ThrottleLimits | false;
  readonly faults?: readonly FaultSpec[];
}
