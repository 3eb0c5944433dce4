/**
 * EC2's token buckets for launches, kept on this side: one counts RunInstances calls, one the instances that they launch
 * (facts: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html). A call that EC2 would throttle is not
 * made. A throttle answer (others share the account's buckets) empties the one of the calls.
 */
import type { Settings } from './settings.ts';
import type { DurationMs, Instant } from './units.ts';

export interface LaunchBucket {
  /** Calls, or instances, that may be had at `at`; below zero after a throttle answer. */
  readonly tokens: number;
  readonly at: Instant;
}

type Rate = Settings['launchRequests'];

export function bucketAt(bucket: LaunchBucket, rate: Rate, at: Instant): LaunchBucket {
  if (at <= bucket.at) return bucket;
  const refill = ((at - bucket.at) / 1000) * rate.perSecond;
  return { tokens: Math.min(rate.burst, exact(bucket.tokens + refill)), at };
}

export function takeTokens(
  bucket: LaunchBucket,
  rate: Rate,
  at: Instant,
  count: number,
): LaunchBucket {
  const now = bucketAt(bucket, rate, at);
  return { tokens: now.tokens - count, at: now.at };
}

/** A bucket that has its next token at `readyAt`. */
export function emptyUntil(rate: Rate, at: Instant, readyAt: Instant): LaunchBucket {
  return { tokens: 1 - ((readyAt - at) / 1000) * rate.perSecond, at };
}

/** When `count` tokens are there; `bucket.at` or earlier: now. */
export function tokensAt(bucket: LaunchBucket, rate: Rate, count: number): Instant {
  if (bucket.tokens >= count) return bucket.at;
  return bucket.at + refillMs(rate, count - bucket.tokens);
}

/** How long so many tokens take to come. */
export function refillMs(rate: Rate, tokens: number): DurationMs {
  return Math.max(0, Math.ceil(exact((tokens / rate.perSecond) * 1000)));
}

/** How many come in so long. */
export function tokensIn(rate: Rate, ms: DurationMs): number {
  return exact((ms / 1000) * rate.perSecond);
}

/** Without the last digits of binary fractions, which would move the moment of a token by a millisecond. */
function exact(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
