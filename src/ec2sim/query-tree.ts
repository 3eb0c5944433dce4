/**
 * The Query API's flat parameters as a tree: `TagSpecification.1.Tag.2.Key` is a branch for each step, and a list is a
 * branch whose keys are numbers.
 */
import {
  invalidValue,
  missingParameter,
  type Filter,
  type LaunchTemplateReference,
  type Paging,
  type Tags,
  type TagSpecification,
} from '../sim/ec2/index.ts';

/** A value, or the parameters below it. */
export interface Branch {
  value: string | null;
  readonly below: Map<string, Branch>;
}

export function newBranch(): Branch {
  return { value: null, below: new Map() };
}

export function readTree(parameters: URLSearchParams): Branch {
  const root = newBranch();
  for (const [name, value] of parameters) {
    let branch = root;
    for (const step of name.split('.')) {
      let next = branch.below.get(step);
      if (next === undefined) {
        next = newBranch();
        branch.below.set(step, next);
      }
      branch = next;
    }
    branch.value = value;
  }
  return root;
}

export function text(branch: Branch, name: string): string | undefined {
  return branch.below.get(name)?.value ?? undefined;
}

export function required(branch: Branch, name: string): string {
  const value = text(branch, name);
  if (value === undefined || value === '') throw missingParameter(name);
  return value;
}

export function wholeNumber(name: string, value: string): number {
  if (!/^-?\d{1,15}$/.test(value)) {
    throw invalidValue(`Value (${value}) for parameter ${name} is invalid. It must be an integer.`);
  }
  return Number(value);
}

export function list(branch: Branch, name: string): readonly Branch[] {
  const items = branch.below.get(name)?.below;
  if (items === undefined) return [];
  return [...items].sort(([left], [right]) => Number(left) - Number(right)).map(([, item]) => item);
}

export function texts(branch: Branch, name: string): readonly string[] {
  return list(branch, name).map((item) => item.value ?? '');
}

/** Leaves out what is undefined, so that an absent parameter is an absent property. */
export function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

export function tags(branch: Branch): Tags {
  return Object.fromEntries(
    list(branch, 'Tag').map((tag) => [required(tag, 'Key'), text(tag, 'Value') ?? '']),
  );
}

/** `name`: CreateCapacityReservation alone calls them `TagSpecifications`. */
export function tagSpecifications(
  branch: Branch,
  name = 'TagSpecification',
): readonly TagSpecification[] | undefined {
  const found = list(branch, name).map((each) => ({
    resourceType: text(each, 'ResourceType') ?? '',
    tags: tags(each),
  }));
  return found.length === 0 ? undefined : found;
}

export function filters(branch: Branch): readonly Filter[] {
  return list(branch, 'Filter').map((each) => ({
    name: required(each, 'Name'),
    values: texts(each, 'Value'),
  }));
}

export function paging(branch: Branch): Paging {
  const maxResults = text(branch, 'MaxResults');
  const nextToken = text(branch, 'NextToken');
  return {
    ...(maxResults !== undefined && { maxResults: wholeNumber('MaxResults', maxResults) }),
    ...(nextToken !== undefined && { nextToken }),
  };
}

export function templateReference(branch: Branch): LaunchTemplateReference {
  return present({
    id: text(branch, 'LaunchTemplateId'),
    name: text(branch, 'LaunchTemplateName'),
    version: text(branch, 'Version'),
  }) as LaunchTemplateReference;
}
