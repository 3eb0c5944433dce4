/** What every call to EC2 has: a time-out, failures told as CloudError, and pages read to the end. */
import { DescribeInstancesCommand, type EC2Client, type Filter } from '@aws-sdk/client-ec2';
import type { DurationMs, Instant } from '../../core/units.ts';
import type { ListedInstance } from '../../ports/cloud.ts';
import { cloudErrorFrom } from './errors.ts';
import { listedInstanceFrom } from './requests.ts';

/** Repetitions by the SDK included; launches have their own. */
export const otherTimeoutMs = 60_000;
const pageSize = 1000;
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
export function filterValue(text: string): string {
  return text.replaceAll(/[*?\\]/g, '\\$&');
}

export function tagFilters(tags: Readonly<Record<string, string>>): Filter[] {
  return Object.entries(tags).map(([key, value]) => ({
    Name: `tag:${key}`,
    Values: [filterValue(value)],
  }));
}

/** Where a page begins, and how much is on it. */
export interface PageRequest {
  readonly MaxResults: number;
  readonly NextToken?: string;
}

/** What is on all pages of a describe; `otherTimeoutMs` is for all of them together. Rejects with CloudError. */
export function readPages<P extends { NextToken?: string | undefined }, T>(
  name: string,
  ask: (page: PageRequest, options: { abortSignal: AbortSignal }) => Promise<P>,
  listOf: (page: P) => readonly T[],
): Promise<readonly T[]> {
  return calling(name, otherTimeoutMs, async (options) => {
    const listed: T[] = [];
    let nextToken: string | undefined;
    do {
      const page = await ask(
        { MaxResults: pageSize, ...(nextToken !== undefined && { NextToken: nextToken }) },
        options,
      );
      listed.push(...listOf(page));
      nextToken = page.NextToken;
    } while (nextToken !== undefined && nextToken !== '');
    return listed;
  });
}

/** Every instance that the filters admit. Rejects with CloudError. */
export function describeAll(
  client: EC2Client,
  filters: Filter[],
): Promise<readonly ListedInstance[]> {
  return readPages(
    'DescribeInstances',
    (page, options) =>
      client.send(new DescribeInstancesCommand({ Filters: filters, ...page }), options),
    ({ Reservations = [] }) =>
      Reservations.flatMap(({ Instances = [] }) => Instances.map(listedInstanceFrom)),
  );
}
