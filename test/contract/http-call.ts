/** What the HTTP driver's calls have in common: one attempt in five seconds, failures as SeenError. */
import {
  EC2ServiceException,
  type Filter as SdkFilter,
  type ResourceType,
  type Tag,
  type TagSpecification as SdkTagSpecification,
} from '@aws-sdk/client-ec2';
import type { Filter, Tags, TagSpecification } from '../../src/sim/ec2/index.ts';
import { SeenError } from './driver.ts';

export function seenTags(tags: readonly Tag[] | undefined): Tags {
  return Object.fromEntries((tags ?? []).map((tag) => [tag.Key ?? '', tag.Value ?? '']));
}

export function sdkTags(tags: Tags): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

export function sdkTagSpecifications(
  specifications: readonly TagSpecification[] | undefined,
): { TagSpecifications: SdkTagSpecification[] } | object {
  if (specifications === undefined) return {};
  return {
    TagSpecifications: specifications.map(({ resourceType, tags }) => ({
      ResourceType: resourceType as ResourceType,
      Tags: sdkTags(tags),
    })),
  };
}

function seenError(error: unknown): SeenError {
  if (error instanceof EC2ServiceException) {
    const { httpStatusCode, requestId } = error.$metadata;
    return new SeenError(error.name, error.message, httpStatusCode ?? null, requestId ?? null);
  }
  const isAbort = error instanceof Error && error.name === 'AbortError';
  return new SeenError(isAbort ? 'Timeout' : 'ConnectionError', String(error), null, null);
}

export function sdkFilters(
  filters: readonly Filter[] | undefined,
): { Filters: SdkFilter[] } | object {
  if (filters === undefined) return {};
  return { Filters: filters.map(({ name, values }) => ({ Name: name, Values: [...values] })) };
}

interface SendOptions {
  readonly abortSignal: AbortSignal;
}

export async function call<T>(send: (options: SendOptions) => Promise<T>): Promise<T> {
  try {
    return await send({ abortSignal: AbortSignal.timeout(5000) });
  } catch (error: unknown) {
    throw seenError(error);
  }
}
