/** The tags that a request's specifications put on one kind of resource. */
import type { Tags, TagSpecification } from './types.ts';

export function tagsFor(
  resourceType: string,
  specifications: readonly TagSpecification[] | undefined,
): Tags {
  return specifications?.find((each) => each.resourceType === resourceType)?.tags ?? {};
}
