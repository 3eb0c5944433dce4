/**
 * EC2's token bucket for RunInstances calls, kept on this side: a call that EC2 would throttle is not made, and launches
 * go out in the order in which they were asked for. A throttle answer (others share the account's bucket) empties it.
 */
import type { Settings } from './settings.ts';
import type { Instant } from './units.ts';

export interface LaunchBucket {
  /** Calls that may be made at `at`; below zero after a throttle answer. */
  readonly tokens: number;
  readonly at: Instant;
}

type Rate = Settings['launchRequests'];

export function bucketAt(bucket: LaunchBucket, rate: Rate, at: Instant): LaunchBucket {
  if (at <= bucket.at) return bucket;
  const refill = ((at - bucket.at) / 1000) * rate.perSecond;
  return { tokens: Math.min(rate.burst, exact(bucket.tokens + refill)), at };
}

export function takeToken(bucket: LaunchBucket, rate: Rate, at: Instant): LaunchBucket {
  const now = bucketAt(bucket, rate, at);
  return { tokens: now.tokens - 1, at: now.at };
}

/** A bucket that has its next token at `readyAt`. */
export function emptyUntil(rate: Rate, at: Instant, readyAt: Instant): LaunchBucket {
  return { tokens: 1 - ((readyAt - at) / 1000) * rate.perSecond, at };
}

/** When the next call may be made; `at` or earlier: now. */
export function nextTokenAt(bucket: LaunchBucket, rate: Rate): Instant {
  if (bucket.tokens >= 1) return bucket.at;
  return bucket.at + Math.ceil(exact(((1 - bucket.tokens) / rate.perSecond) * 1000));
}

/** Without the last digits of binary fractions, which would move the moment of a token by a millisecond. */
function exact(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
