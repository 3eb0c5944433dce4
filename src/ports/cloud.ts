/**
 * The cloud as the effect runner needs it. One implementation speaks to EC2 through the AWS SDK (`adapters/ec2`),
 * one is the model itself (`sim/`).
 */
import type { Instance, LaunchOrder } from '../core/instances.ts';

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
