/** CreateFleet of type `instant`: what is asked, and the two lists of its answer. */
import type { LaunchTemplateReference, TagSpecification } from './basic-types.ts';

/** What replaces the launch template's own parameters: one place that the fleet may launch in. */
export interface FleetOverride {
  readonly instanceType?: string;
  readonly subnetId?: string;
  readonly availabilityZone?: string;
  readonly placementGroup?: string;
  /** The smaller, the earlier; absent: last. */
  readonly priority?: number;
  /** USD an hour for one spot instance. */
  readonly maxPrice?: number;
}

export interface FleetConfig {
  /** Its version must be given. */
  readonly launchTemplate: LaunchTemplateReference;
  /** Empty: the template as it is. */
  readonly overrides: readonly FleetOverride[];
}

/** How one market's share of the target is filled. */
export interface FleetOptions {
  /** Absent: `lowest-price`. */
  readonly strategy?: string;
  readonly singleInstanceType?: boolean;
  readonly singleAvailabilityZone?: boolean;
  /** Fewer than these, then none. Only together with one of the two above. */
  readonly minTargetCapacity?: number;
}

export interface CreateFleetRequest {
  readonly type?: string;
  readonly clientToken?: string;
  readonly configs: readonly FleetConfig[];
  readonly totalTargetCapacity: number;
  readonly onDemandTargetCapacity?: number;
  readonly spotTargetCapacity?: number;
  /** The market of what the two above leave of the total. Absent: `on-demand`. */
  readonly defaultMarket?: string;
  readonly onDemand?: FleetOptions;
  readonly spot?: FleetOptions;
  readonly tagSpecifications?: readonly TagSpecification[];
}

export type FleetMarket = 'on-demand' | 'spot';

/** Which template and override an entry of the answer is about. */
export interface FleetOrigin {
  readonly market: FleetMarket;
  readonly template: { readonly id: string; readonly name: string; readonly version: string };
  readonly override: FleetOverride;
}

/** The instances that one override gave. */
export interface FleetInstances extends FleetOrigin {
  readonly instanceIds: readonly string[];
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly subnetId: string;
}

/** Why one override did not give all that was wanted of it. */
export interface FleetError extends FleetOrigin {
  readonly code: string;
  readonly message: string;
}

/** Answered with 200 even when nothing was launched. */
export interface CreateFleetAnswer {
  readonly fleetId: string;
  readonly instances: readonly FleetInstances[];
  readonly errors: readonly FleetError[];
}
