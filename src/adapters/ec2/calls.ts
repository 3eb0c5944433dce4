/** What every call to EC2 has: a time-out, failures told as CloudError, and pages read to the end. */
import { DescribeInstancesCommand, type EC2Client, type Filter } from '@aws-sdk/client-ec2';
import type { DurationMs, Instant } from '../../core/units.ts';
import type { ListedInstance } from '../../ports/cloud.ts';
import { cloudErrorFrom } from './errors.ts';
import { listedInstanceFrom } from './requests.ts';

/** Repetitions by the SDK included; launches have their own. */
export const otherTimeoutMs = 60_000;
export const pageSize = 1000;
/** Until then EC2 may not know what it has just made. */
const youngMs = 5 * 60_000;

export async function calling<T>(
  name: string,
  timeoutMs: DurationMs,
  call: (options: { abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const abortSignal = AbortSignal.timeout(timeoutMs);
  try {
    return await call({ abortSignal });
  } catch (error: unknown) {
    throw cloudErrorFrom(error, name, abortSignal);
  }
}

/** Remembers what was made a moment ago: when EC2 says it does not know such a thing, it exists all the same. */
export interface Young {
  add(ids: readonly string[]): void;
  has(id: string): boolean;
}

export function createYoung(): Young {
  const madeAt = new Map<string, Instant>();
  return {
    add(ids) {
      const now = Date.now();
      for (const [id, at] of madeAt) {
        if (at > now - youngMs) break;
        madeAt.delete(id);
      }
      for (const id of ids) madeAt.set(id, now);
    },
    has: (id) => (madeAt.get(id) ?? 0) > Date.now() - youngMs,
  };
}

/** EC2 reads `*`, `?` and `\` in a filter's value as wildcards; here they are meant as they stand. */
export function tagFilters(tags: Readonly<Record<string, string>>): Filter[] {
  return Object.entries(tags).map(([key, value]) => ({
    Name: `tag:${key}`,
    Values: [value.replaceAll(/[*?\\]/g, '\\$&')],
  }));
}

/** Every instance that the filters admit. Rejects with CloudError. */
export function describeAll(
  client: EC2Client,
  filters: Filter[],
): Promise<readonly ListedInstance[]> {
  return calling('DescribeInstances', otherTimeoutMs, async ({ abortSignal }) => {
    const listed: ListedInstance[] = [];
    let nextToken: string | undefined;
    do {
      const page = await client.send(
        new DescribeInstancesCommand({
          Filters: filters,
          MaxResults: pageSize,
          ...(nextToken !== undefined && { NextToken: nextToken }),
        }),
        { abortSignal },
      );
      for (const reservation of page.Reservations ?? []) {
        listed.push(...(reservation.Instances ?? []).map(listedInstanceFrom));
      }
      nextToken = page.NextToken;
    } while (nextToken !== undefined && nextToken !== '');
    return listed;
  });
}
