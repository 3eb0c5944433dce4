/**
 * The cloud as the effect runner needs it. One implementation speaks to EC2 through the AWS SDK (`adapters/ec2`),
 * one is the model itself (`sim/`).
 */
import type { Instance, LaunchOrder } from '../core/instances.ts';
import type { Instant } from '../core/units.ts';
import type { FleetOrder, ReservationOrder } from '../core/orders.ts';

export interface LaunchAnswer {
  readonly requestId: string;
  readonly instances: readonly Instance[];
}

/** An instance as a listing shows it. */
export interface ListedInstance extends Instance {
  readonly state: 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped';
  readonly clientToken: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly launchedAt: number;
}

/** An instance as the cheapest listing of all shows it. */
export interface InstanceStatus {
  readonly instanceId: string;
  readonly state: ListedInstance['state'];
  /**
   * Since when a status check of the instance or of the system under it has failed; null while none has. 0 where EC2 does
   * not tell since when.
   */
  readonly impairedSince: Instant | null;
  /** Of what EC2 has scheduled for it, what comes first. */
  readonly event: {
    /** `instance-reboot`, `system-reboot`, `system-maintenance`, `instance-retirement`, `instance-stop`. */
    readonly code: string;
    readonly description: string;
    readonly notBefore: Instant | null;
  } | null;
}

export interface Cloud {
  /**
   * One RunInstances call, one attempt. Rejects with CloudError; a lost answer is a CloudError too
   * (code `Timeout` or `ConnectionError`), and the same order may then be repeated: its token makes it idempotent.
   */
  runInstances(order: LaunchOrder): Promise<LaunchAnswer>;
  /** Terminates; ids that EC2 does not know are passed over. Rejects with CloudError. */
  terminateInstances(instanceIds: readonly string[]): Promise<void>;
  /** The instances launched with a client token, in every state EC2 still shows. Rejects with CloudError. */
  describeByClientToken(clientToken: string): Promise<readonly ListedInstance[]>;
  /**
   * Every instance of the region, anybody's, in every state EC2 still shows: DescribeInstanceStatus costs a fraction of
   * what the describes do, and knows no tags. Rejects with CloudError.
   */
  listStatus(): Promise<readonly InstanceStatus[]>;
  /** Those of these instances that EC2 knows, in every state. Rejects with CloudError. */
  describeInstances(instanceIds: readonly string[]): Promise<readonly ListedInstance[]>;
  /**
   * The end (64 KB) of what an instance has written to its console; empty where there is nothing. EC2 keeps it for an
   * hour after the instance's end. Rejects with CloudError, also for an instance that EC2 does not know.
   */
  consoleOutput(instanceId: string): Promise<string>;
}

/** A subnet as EC2 shows it. */
export interface ListedSubnet {
  readonly subnetId: string;
  readonly availabilityZone: string;
}

/** A placement group as EC2 shows it. */
export interface ListedPlacementGroup {
  readonly name: string;
  readonly arn: string;
  /** `cluster`, `spread` or `partition`. */
  readonly strategy: string;
}

/** The latest version of a launch template as EC2 shows it. */
export interface ListedLaunchTemplate {
  readonly name: string;
  /** The placement group that it names; null: none. */
  readonly placementGroup: string | null;
}

/** A capacity reservation as EC2 shows it. */
export interface Reservation {
  readonly reservationId: string;
  /**
   * EC2 may call one `pending` for minutes that can be used. `failed` is shown for an hour and holds nothing. `other`:
   * a state that the reservations of `createReservation` do not come to.
   */
  readonly state: 'pending' | 'active' | 'cancelled' | 'expired' | 'failed' | 'other';
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly count: number;
  /** Places that no instance uses. */
  readonly available: number;
  readonly endsAt: number | null;
  readonly tags: Readonly<Record<string, string>>;
}

export interface ReservationAnswer {
  readonly requestId: string;
  readonly reservation: Reservation;
}

/** What one pool of a fleet gave. */
export interface FleetLaunch {
  readonly instanceIds: readonly string[];
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly subnetId: string;
}

/** Why one pool of a fleet did not give all that was wanted of it. */
export interface FleetRefusal {
  readonly code: string;
  readonly message: string;
  readonly instanceType: string;
  readonly subnetId: string;
}

export interface FleetAnswer {
  readonly requestId: string;
  readonly fleetId: string;
  readonly launches: readonly FleetLaunch[];
  readonly refusals: readonly FleetRefusal[];
}

/**
 * Capacity beyond RunInstances: reserved before anything is launched, or from several pools in one call. Both
 * implementations of `Cloud` are one of these too; apart from it, so that who only launches needs no more than that.
 */
export interface CapacityCloud {
  /**
   * One CreateCapacityReservation call, one attempt. Rejects with CloudError; after a lost answer the same order may be
   * repeated: its token makes it idempotent.
   */
  createReservation(order: ReservationOrder): Promise<ReservationAnswer>;
  /**
   * Lets go of what is unused; instances in it run on. One that is over, or that EC2 does not know, is passed over; but
   * one that was made moments ago and that EC2 does not know yet is a CloudError: it is paid for all the same.
   */
  cancelReservation(reservationId: string): Promise<void>;
  /** The reservations that have all of these tags, in every state EC2 still shows. Rejects with CloudError. */
  describeReservations(tags: Readonly<Record<string, string>>): Promise<readonly Reservation[]>;
  /**
   * One CreateFleet call, one attempt. An answer may have launched less than was asked, or nothing, and says why; its
   * token is used up then: trying again takes another. Rejects with CloudError as `runInstances` does. The answer has no
   * addresses, and the instances do not bear the order's token: `describeByTags` has them.
   */
  runFleet(order: FleetOrder): Promise<FleetAnswer>;
  /** The instances that have all of these tags, in every state EC2 still shows. Rejects with CloudError. */
  describeByTags(tags: Readonly<Record<string, string>>): Promise<readonly ListedInstance[]>;
  /** Those of these subnets that EC2 knows. Rejects with CloudError. */
  describeSubnets(subnetIds: readonly string[]): Promise<readonly ListedSubnet[]>;
  /** Those of these placement groups that EC2 knows. Rejects with CloudError. */
  describePlacementGroups(names: readonly string[]): Promise<readonly ListedPlacementGroup[]>;
  /** Those of these launch templates that EC2 knows; a call for each. Rejects with CloudError. */
  describeLaunchTemplates(names: readonly string[]): Promise<readonly ListedLaunchTemplate[]>;
}

/** What EC2, or the way to it, said instead of an answer. The verdict on it is the core's (`core/verdict.ts`). */
export class CloudError extends Error {
  readonly code: string;
  readonly requestId: string | null;
  readonly httpStatus: number | null;
  constructor(
    code: string,
    message: string,
    from: { requestId?: string | null; httpStatus?: number | null; cause?: unknown } = {},
  ) {
    super(message, { cause: from.cause });
    this.name = 'CloudError';
    this.code = code;
    this.requestId = from.requestId ?? null;
    this.httpStatus = from.httpStatus ?? null;
  }
}
