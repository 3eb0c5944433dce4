/**
 * EC2's throttling: token buckets for each action, one that counts requests and, for some actions, one that counts
 * resources (instances). A bucket refills continuously at its rate, up to its size.
 *
 * The numbers are those of EC2's developer guide ("Request throttling for the Amazon EC2 API"). Two points the guide
 * leaves open are decided here: a request that is refused for want of tokens takes none, and a launch takes as many
 * instance tokens as it launches, so one that is refused for capacity takes none.
 */
import type { Instant } from '../../core/units.ts';
import type { ActionName } from './types.ts';

export interface BucketLimits {
  readonly size: number;
  /** Tokens a second. */
  readonly refill: number;
}

export interface ThrottleLimits {
  readonly requests: Readonly<Partial<Record<ActionName, BucketLimits>>>;
  readonly resources: Readonly<Partial<Record<ActionName, BucketLimits>>>;
}

const nonMutating: BucketLimits = { size: 100, refill: 20 };
const mutating: BucketLimits = { size: 50, refill: 5 };

/** EC2's own numbers. */
export const ec2ThrottleLimits: ThrottleLimits = {
  requests: {
    RunInstances: { size: 5, refill: 2 },
    TerminateInstances: { size: 100, refill: 5 },
    CreateTags: { size: 100, refill: 10 },
    CreateLaunchTemplate: mutating,
    CreateLaunchTemplateVersion: mutating,
    // These are taken for ordinary actions that change something.
    CreateFleet: mutating,
    CreateCapacityReservation: mutating,
    ModifyCapacityReservation: mutating,
    CancelCapacityReservation: mutating,
    CreatePlacementGroup: mutating,
    DescribeInstances: nonMutating,
    DescribeInstanceStatus: nonMutating,
    GetConsoleOutput: nonMutating,
    DescribeCapacityReservations: nonMutating,
    DescribePlacementGroups: nonMutating,
    DescribeLaunchTemplates: nonMutating,
    DescribeLaunchTemplateVersions: nonMutating,
    DescribeSubnets: nonMutating,
    DescribeInstanceTypes: nonMutating,
    DescribeAvailabilityZones: nonMutating,
  },
  resources: {
    RunInstances: { size: 1000, refill: 2 },
    TerminateInstances: { size: 1000, refill: 20 },
  },
};

/** Calls that read everything, with neither a filter nor a page size, have a smaller bucket of their own. */
export const unboundedReadLimits: BucketLimits = { size: 50, refill: 10 };

export interface TokenBucket {
  /** Takes `count` tokens if there are as many; else takes none and says false. */
  take(count: number, now: Instant): boolean;
  level(now: Instant): number;
}

/** A full bucket. Time that runs backwards refills nothing. */
export function createTokenBucket(limits: BucketLimits, now: Instant): TokenBucket {
  let tokens = limits.size;
  let filledAt = now;
  function refill(at: Instant): void {
    if (at > filledAt) {
      tokens = Math.min(limits.size, tokens + ((at - filledAt) / 1000) * limits.refill);
      filledAt = at;
    }
  }
  return {
    take(count, at) {
      refill(at);
      // A thousandth of a token of tolerance: refills are sums of binary fractions.
      if (tokens + 0.001 < count) return false;
      tokens = Math.max(0, tokens - count);
      return true;
    },
    level(at) {
      refill(at);
      return tokens;
    },
  };
}
