/** Instances as the core knows them, and the order that launches them. */
import type { LaunchSource } from './settings.ts';

export interface Instance {
  readonly instanceId: string;
  /** Empty while EC2 does not show it yet. */
  readonly privateIp: string;
  /** The first label of the private DNS name, such as `ip-10-0-0-12`; empty while EC2 does not show it yet. */
  readonly hostname: string;
}

/** One RunInstances call, complete: written to the ledger before it is made. */
export interface LaunchOrder {
  readonly clientToken: string;
  readonly minCount: number;
  readonly maxCount: number;
  readonly launch: LaunchSource;
  /** In place of the launch source's own. */
  readonly instanceType?: string;
  readonly subnetId?: string;
  /** `spot` asks for a one-time spot request; `capacity-block` for a launch into a capacity block. */
  readonly market: 'on-demand' | 'spot' | 'capacity-block';
  /** The capacity reservation that it launches into; absent: none is named. Not for spot. */
  readonly reservationId?: string;
  readonly tags: Readonly<Record<string, string>>;
}
