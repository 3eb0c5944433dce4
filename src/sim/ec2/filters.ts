/**
 * The describes' filters and pages, whatever is described: alternatives and wildcards in a filter's values, page tokens
 * that name the last thing shown.
 */
import type { Instant } from '../../core/units.ts';
import { invalidValue } from './errors.ts';
import type { Filter, Tags } from './types.ts';

const pageMax = 1000;

/** What a filter's values are compared with: one text, or any of several. */
export type Property<T> = (thing: T, now: Instant) => string | readonly string[];

type Test = (text: string) => boolean;

export function hasWildcard(value: string): boolean {
  return /[*?\\]/.test(value);
}

/** `*`: any text, `?`: one character, `\`: the next character as it stands. */
function testFor(value: string): Test {
  if (!hasWildcard(value)) return (text) => text === value;
  const pattern = value.replaceAll(/\\[\s\S]|[\s\S]/g, (piece) => {
    if (piece === '*') return '[\\s\\S]*';
    if (piece === '?') return '[\\s\\S]';
    const character = piece.length === 2 ? piece.slice(1) : piece;
    return character.replace(/[.*+?^${}()|[\]\\/-]/, '\\$&');
  });
  const regex = new RegExp(`^${pattern}$`);
  return (text) => regex.test(text);
}

/** `tagsOf` null: the describe has no `tag:` filters. Throws Ec2ApiError for a filter that the describe does not have. */
export function predicateFor<T>(
  filter: Filter,
  properties: ReadonlyMap<string, Property<T>>,
  tagsOf: ((thing: T) => Tags) | null,
): (thing: T, now: Instant) => boolean {
  const tests = filter.values.map(testFor);
  const matches: Test = (text) => tests.some((test) => test(text));
  if (filter.name.startsWith('tag:') && tagsOf !== null) {
    const key = filter.name.slice('tag:'.length);
    return (thing) => {
      const tags = tagsOf(thing);
      return Object.hasOwn(tags, key) && matches(tags[key] ?? '');
    };
  }
  const property = properties.get(filter.name);
  if (property === undefined) throw invalidValue(`The filter '${filter.name}' is invalid`);
  return (thing, now) => {
    const value = property(thing, now);
    return typeof value === 'string' ? matches(value) : value.some(matches);
  };
}

/** Throws Ec2ApiError for a size that EC2 does not allow; the largest when none is asked for. */
export function pageSize(maxResults: number | undefined, pageMin: number): number {
  if (maxResults === undefined) return pageMax;
  if (!Number.isInteger(maxResults) || maxResults < pageMin || maxResults > pageMax) {
    throw invalidValue(
      `Value ( ${maxResults} ) for parameter maxResults is invalid. Expecting a value between ${pageMin} and ${pageMax}.`,
    );
  }
  return maxResults;
}

/** The token of the page that begins after the thing with this sequence. */
export function tokenAfter(sequence: number): string {
  return `after-${sequence}`;
}

/** 0 for the first page. Throws Ec2ApiError for a token that is none. */
export function sequenceFrom(nextToken: string | undefined): number {
  if (nextToken === undefined || nextToken === '') return 0;
  const match = /^after-(\d{1,15})$/.exec(nextToken);
  if (match === null) throw invalidValue(`The token '${nextToken}' is invalid`);
  return Number(match[1]);
}
