/**
 * Hostlists: Slurm's compact way to write node names, such as `queue1-dy-c5xlarge-[1-5],queue1-dy-t2micro-2`.
 *
 * A list is cut into elements at the commas, spaces and tabs that stand outside brackets; every element is read and
 * counted first, and names are made only when the whole fits the limit. Order and duplicates are kept.
 *
 * The names are those of `scontrol show hostnames` (22.05), with these differences:
 * - refused here, taken there: `n[1-3` (there: the node `n]`), `n1-3]`, `n[1-]` (n1), `n[+1]` and `n[ 1]` (n01),
 *   control characters, names longer than 1,023 characters;
 * - taken here, refused there: text after the last bracket (`n[1-2]x`), a range of more than 65,536 numbers (Slurm
 *   itself prints such ranges);
 * - a number beyond 64 bits is kept as written (there it becomes 18446744073709551615); a range needs numbers of at
 *   most 15 digits.
 *
 * What it does not do: decide that an empty list is a mistake, or that a name is a node's.
 */
import { closeCode, expandElement, openCode, parseElement } from './hostlist-element.ts';
import type { Element, HostlistError } from './hostlist-element.ts';

export type { HostlistError } from './hostlist-element.ts';
export { foldHostlist, foldSorted } from './hostlist-fold.ts';

export type HostlistResult =
  | { readonly kind: 'ok'; readonly nodes: string[] }
  | { readonly kind: 'error'; readonly error: HostlistError };

export interface HostlistOptions {
  /** Most names in the whole list; `hostlistLimit` where it is not given. */
  readonly limit?: number;
}

export interface HostlistElements {
  /** The nodes of the good elements, in order. */
  readonly nodes: string[];
  /** The bad elements, in order. Columns count from the start of the whole text. */
  readonly errors: { readonly element: string; readonly error: HostlistError }[];
}

/**
 * Four times the 65,536 numbers that Slurm takes in one range: far more than one request ever names, and little
 * enough (some 20 MB of names) that no argument can exhaust the memory.
 */
export const hostlistLimit = 262_144;

/**
 * Expands a hostlist, or says what is wrong with it and where: nothing is expanded unless all of it is right and
 * within the limit. The empty list, and one of separators only, gives no nodes.
 */
export function parseHostlist(text: string, options: HostlistOptions = {}): HostlistResult {
  const limit = options.limit ?? hostlistLimit;
  const elements: Element[] = [];
  let count = 0;
  for (let span = nextSpan(text, 0); span !== null; span = nextSpan(text, span.end)) {
    const parsed = parseElement(text, span.start, span.end);
    if (parsed.kind === 'error') return parsed;
    count += parsed.value.count;
    if (count > limit) return { kind: 'error', error: tooMany(span.start, count, limit) };
    elements.push(parsed.value);
  }
  return { kind: 'ok', nodes: expand(elements) };
}

/**
 * Expands the good elements of a hostlist and reports the bad ones, so that one bad element does not fail the others.
 * Where a bracket is never closed the list cannot be cut after it: all the rest is one bad element. An element that
 * would exceed the limit, together with the good ones before it, is a bad one.
 */
export function parseHostlistElements(
  text: string,
  options: HostlistOptions = {},
): HostlistElements {
  const limit = options.limit ?? hostlistLimit;
  const elements: Element[] = [];
  const errors: HostlistElements['errors'] = [];
  let count = 0;
  for (let span = nextSpan(text, 0); span !== null; span = nextSpan(text, span.end)) {
    const parsed = parseElement(text, span.start, span.end);
    if (parsed.kind === 'error') {
      errors.push({ element: text.slice(span.start, span.end), error: parsed.error });
    } else if (count + parsed.value.count > limit) {
      errors.push({
        element: text.slice(span.start, span.end),
        error: tooMany(span.start, count + parsed.value.count, limit),
      });
    } else {
      count += parsed.value.count;
      elements.push(parsed.value);
    }
  }
  return { nodes: expand(elements), errors };
}

function expand(elements: readonly Element[]): string[] {
  const nodes: string[] = [];
  for (const element of elements) expandElement(element, nodes);
  return nodes;
}

/** Where the next element from `from` on lies; null where only separators are left. */
function nextSpan(text: string, from: number): { start: number; end: number } | null {
  let start = from;
  while (start < text.length && isSeparator(text.charCodeAt(start))) start += 1;
  if (start === text.length) return null;
  let depth = 0;
  let end = start;
  for (; end < text.length; end += 1) {
    const code = text.charCodeAt(end);
    if (code === openCode) depth += 1;
    else if (code === closeCode) depth = Math.max(0, depth - 1);
    else if (depth === 0 && isSeparator(code)) break;
  }
  return { start, end };
}

/** A comma, a space or a tab. */
function isSeparator(code: number): boolean {
  return code === 0x2c || code === 0x20 || code === 0x09;
}

function tooMany(start: number, count: number, limit: number): HostlistError {
  const names = Number.isSafeInteger(count) ? String(count) : 'more than 2^53';
  return {
    message: `the list comes to ${names} nodes here: at most ${String(limit)} are expanded`,
    column: start + 1,
    hint: 'check the ends of the ranges, or ask for fewer nodes at a time',
  };
}
