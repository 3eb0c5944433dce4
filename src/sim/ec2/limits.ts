/** The token buckets of an account: which bucket a call draws from, switched on and off while the model runs. */
import type { Instant } from '../../core/units.ts';
import {
  createTokenBucket,
  ec2ThrottleLimits,
  unboundedReadLimits,
  type BucketLimits,
  type ThrottleLimits,
  type TokenBucket,
} from './throttle.ts';
import type { ActionName, Actions } from './types.ts';

export interface Throttle {
  isOn(): boolean;
  /** Switching on fills every bucket. */
  switch(on: boolean): void;
  /** Takes a request token for the call; false when there is none. */
  admits<A extends ActionName>(action: A, request: Actions[A]['request'], now: Instant): boolean;
  /** The bucket that counts instances; null when nothing limits them. */
  resources(action: ActionName, now: Instant): TokenBucket | null;
}

function isUnboundedRead(action: ActionName, request: Record<string, unknown>): boolean {
  if (!action.startsWith('Describe')) return false;
  return Object.values(request).every(
    (value) => value === undefined || (Array.isArray(value) && value.length === 0),
  );
}

export function createThrottle(choice: ThrottleLimits | false): Throttle {
  const limits = choice === false ? ec2ThrottleLimits : choice;
  let on = choice !== false;
  const buckets = new Map<string, TokenBucket>();
  function bucket(key: string, size: BucketLimits | undefined, now: Instant): TokenBucket | null {
    if (!on || size === undefined) return null;
    const found = buckets.get(key) ?? createTokenBucket(size, now);
    buckets.set(key, found);
    return found;
  }
  return {
    isOn: () => on,
    switch(wanted) {
      if (wanted !== on) buckets.clear();
      on = wanted;
    },
    admits(action, request, now) {
      const size = limits.requests[action];
      const drawnFrom = isUnboundedRead(action, { ...request })
        ? bucket(`${action} unbounded`, size && unboundedReadLimits, now)
        : bucket(`${action} requests`, size, now);
      return drawnFrom === null || drawnFrom.take(1, now);
    },
    resources: (action, now) => bucket(`${action} resources`, limits.resources[action], now),
  };
}
