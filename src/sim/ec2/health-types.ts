/** What EC2 tells of an instance's health: its status checks, what is scheduled for it, its console. */
import type { Instant } from '../../core/units.ts';
import type { Filter, InstanceState, Paging } from './types.ts';

export type EventCode =
  | 'instance-reboot'
  | 'system-reboot'
  | 'system-maintenance'
  | 'instance-retirement'
  | 'instance-stop';

/** Something that EC2 has scheduled for an instance. */
export interface ScheduledEvent {
  readonly id: string;
  readonly code: EventCode;
  /** Of one that is over it begins with `[Completed]` or `[Canceled]`. */
  readonly description: string;
  readonly notBefore: Instant;
  readonly notAfter: Instant | null;
}

export interface DescribeInstanceStatusRequest extends Paging {
  /** At most 100. */
  readonly instanceIds?: readonly string[];
  readonly filters?: readonly Filter[];
  readonly includeAllInstances?: boolean;
}

export type StatusCheck = 'ok' | 'initializing' | 'impaired' | 'not-applicable';

export interface InstanceStatusView {
  readonly instanceId: string;
  readonly availabilityZone: string;
  readonly state: InstanceState;
  readonly instanceStatus: StatusCheck;
  readonly systemStatus: StatusCheck;
  /** When the instance's check began to fail; null unless it is impaired. */
  readonly impairedSince: Instant | null;
  /** The same of the system that it runs on. */
  readonly systemImpairedSince: Instant | null;
  readonly events: readonly ScheduledEvent[];
}

export interface DescribeInstanceStatusAnswer {
  readonly statuses: readonly InstanceStatusView[];
  readonly nextToken: string | null;
}

export interface GetConsoleOutputRequest {
  readonly instanceId: string;
  /** What the console shows now, and not what was posted after the last start, reboot or end: on Nitro types alone. */
  readonly latest?: boolean;
}

export interface GetConsoleOutputAnswer {
  readonly instanceId: string;
  /** When it was last updated; null while there is no output. */
  readonly timestamp: Instant | null;
  /** In base64; null while there is none. */
  readonly output: string | null;
}
