/**
 * The words in which people name a pool and what is done with it: in muster's settings, in ParallelCluster's files and
 * in a job's comment. Only their form is known here; whether EC2 has such a thing is EC2's to say.
 */
import type { CapacityType, GangStrategy } from './settings.ts';

export const markets: readonly CapacityType[] = ['on-demand', 'spot', 'capacity-block'];

export const gangStrategies: readonly GangStrategy[] = ['reserve', 'launch'];

/** `c6i.32xlarge`. */
export function isInstanceType(text: string): boolean {
  return /^[a-z0-9-]{1,32}\.[a-z0-9-]{1,32}$/.test(text);
}

/** `us-east-2a`, or a local zone such as `us-west-2-lax-1a`. */
export function isZoneName(text: string): boolean {
  return text.length <= 40 && /^[a-z]{2,}(?:-[a-z]+)+-\d+(?:-[a-z]+-\d+)?[a-z]$/.test(text);
}

export function isSubnetId(text: string): boolean {
  return /^subnet-[0-9a-z]{1,32}$/.test(text);
}

/** A capacity reservation's or a capacity block's id. */
export function isReservationId(text: string): boolean {
  return /^cr-[0-9a-z]{1,32}$/.test(text);
}
