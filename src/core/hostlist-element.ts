/**
 * One element of a hostlist, such as `rack[1-2]-n[001-010,020]`: its grammar, its size and its expansion.
 *
 * An element is text with any number of brackets in it. A bracket holds numbers and ranges between commas. The size
 * of an element is arithmetic on its ranges, so it is known before a single name is made.
 *
 * What it does not do: cut a list into elements (`hostlist.ts`), or know what a node is called (`node-name.ts`).
 */

/** What is wrong with a hostlist, and where. */
export interface HostlistError {
  readonly message: string;
  /** The place in the text that was given, from 1, in UTF-16 code units. */
  readonly column: number;
  /** What would be right. */
  readonly hint: string;
}

/** A number as it is written, zeros included, or a range whose numbers are padded with zeros to `width`. */
type Run =
  | { readonly kind: 'number'; readonly digits: string }
  | {
      readonly kind: 'range';
      readonly first: number;
      readonly last: number;
      readonly width: number;
    };

interface Bracket {
  readonly runs: readonly Run[];
  /** How many numbers the runs hold. */
  readonly count: number;
  /** The text between this bracket and the next, or the element's end. */
  readonly after: string;
}

export interface Element {
  /** The text before the first bracket; the whole name where there is none. */
  readonly head: string;
  readonly brackets: readonly Bracket[];
  /** How many names it expands to: exact up to 2^53, and never less than the limit where it is more. */
  readonly count: number;
}

type Parsed<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'error'; readonly error: HostlistError };

/** Slurm copies a name into a buffer of 1,024 bytes. It also keeps wide padding from multiplying into gigabytes. */
const nameLengthMax = 1_023;

/** `[` and `]`. */
export const openCode = 0x5b;
export const closeCode = 0x5d;

/** Every integer of 15 digits is exact as a JavaScript number. */
const exactDigitsMax = 15;

/**
 * Reads the element at `text[start, end)`, which holds no separator outside brackets. Expands nothing.
 * Columns of errors count from the start of `text`.
 */
export function parseElement(text: string, start: number, end: number): Parsed<Element> {
  const unprintable = findControlCharacter(text, start, end);
  if (unprintable !== -1) {
    return failed(
      unprintable,
      `the character U+${text.charCodeAt(unprintable).toString(16).toUpperCase().padStart(4, '0')} cannot stand in a node name`,
      'separate names by commas; spaces and tabs separate too',
    );
  }
  const brackets: Bracket[] = [];
  let count = 1;
  let length = 0;
  const head = readText(text, start, end);
  if (head.kind === 'error') return head;
  length += head.value.length;
  let at = start + head.value.length;
  while (at < end) {
    const close = findClose(text, at, end);
    if (close.kind === 'error') return close;
    const runs = parseRuns(text, at, close.value);
    if (runs.kind === 'error') return runs;
    const after = readText(text, close.value + 1, end);
    if (after.kind === 'error') return after;
    const size = runs.value.reduce(
      (sum, run) => sum + (run.kind === 'range' ? run.last - run.first + 1 : 1),
      0,
    );
    brackets.push({ runs: runs.value, count: size, after: after.value });
    count *= size;
    length +=
      after.value.length + runs.value.reduce((longest, run) => Math.max(longest, widthOf(run)), 0);
    at = close.value + 1 + after.value.length;
  }
  if (length > nameLengthMax) {
    return failed(
      start,
      `a name of ${String(length)} characters: Slurm holds at most ${String(nameLengthMax)}`,
      'check that a comma or a bracket is not missing',
    );
  }
  return { kind: 'ok', value: { head: head.value, brackets, count } };
}

/**
 * Appends the element's names to `nodes` in the order of `scontrol show hostnames`: the last bracket runs fastest;
 * of those before it the first runs fastest (`a[1-2]b[1-2]c[1-2]` gives a1b1c1, a1b1c2, a2b1c1, a2b1c2, a1b2c1, ...).
 */
export function expandElement(element: Element, nodes: string[]): void {
  const last = element.brackets.at(-1);
  if (last === undefined) {
    nodes.push(element.head);
    return;
  }
  let prefixes = [element.head];
  for (const bracket of element.brackets.slice(0, -1)) {
    const longer: string[] = [];
    for (const digits of numbersOf(bracket)) {
      for (const prefix of prefixes) longer.push(prefix + digits + bracket.after);
    }
    prefixes = longer;
  }
  const numbers = numbersOf(last);
  for (const prefix of prefixes) {
    for (const digits of numbers) nodes.push(prefix + digits + last.after);
  }
}

function numbersOf(bracket: Bracket): string[] {
  const numbers: string[] = [];
  for (const run of bracket.runs) {
    if (run.kind === 'number') {
      numbers.push(run.digits);
      continue;
    }
    for (let number = run.first; number <= run.last; number += 1) {
      numbers.push(String(number).padStart(run.width, '0'));
    }
  }
  return numbers;
}

function widthOf(run: Run): number {
  return run.kind === 'number' ? run.digits.length : Math.max(run.width, String(run.last).length);
}

/** The text from `start` to the next `[` or to `end`. */
function readText(text: string, start: number, end: number): Parsed<string> {
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === openCode) return { kind: 'ok', value: text.slice(start, at) };
    if (code === closeCode) {
      return failed(
        at,
        'a "]" that closes no "["',
        'write the numbers as name[1-3], or take the "]" away',
      );
    }
  }
  return { kind: 'ok', value: text.slice(start, end) };
}

/** Where the bracket that opens at `open` closes. */
function findClose(text: string, open: number, end: number): Parsed<number> {
  for (let at = open + 1; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === closeCode) return { kind: 'ok', value: at };
    if (code === openCode) {
      return failed(
        at,
        'a "[" inside brackets',
        'close the bracket before it; brackets cannot be nested',
      );
    }
  }
  return failed(open, 'a "[" that is never closed', 'close it with "]", as in name[1-3]');
}

/** Reads what stands between `[` at `open` and `]` at `close`. */
function parseRuns(text: string, open: number, close: number): Parsed<Run[]> {
  const runs: Run[] = [];
  let start = open + 1;
  while (start <= close) {
    let end = start;
    while (end < close && text[end] !== ',') end += 1;
    const run = parseRun(text.slice(start, end), start);
    if (run.kind === 'error') return run;
    runs.push(run.value);
    start = end + 1;
  }
  return { kind: 'ok', value: runs };
}

function parseRun(written: string, at: number): Parsed<Run> {
  if (written === '') {
    return failed(
      at,
      'a number is missing in the brackets',
      'write numbers or ranges between commas, as in [1,3-5]',
    );
  }
  const match = /^(\d+)(?:-(\d+))?$/.exec(written);
  if (match === null) {
    return failed(at, `"${clip(written)}" is neither a number nor a range`, hintForRun(written));
  }
  const [, from = '', to] = match;
  if (to === undefined) return { kind: 'ok', value: { kind: 'number', digits: from } };
  if (significantDigits(to) > exactDigitsMax) {
    return failed(
      at,
      `the range ${clip(written)} ends in a number of more than ${String(exactDigitsMax)} digits`,
      'shorter numbers, or the numbers one by one between commas',
    );
  }
  const [first, last] = [Number(from), Number(to)];
  if (first > last) {
    return failed(
      at,
      `the range ${clip(written)} runs backwards`,
      `write ${clip(`${to}-${from}`)}`,
    );
  }
  return { kind: 'ok', value: { kind: 'range', first, last, width: from.length } };
}

function hintForRun(written: string): string {
  if (/\s/.test(written)) return 'take the white space out of the brackets';
  if (/^\d+-$/.test(written))
    return `give the range its end, or write ${clip(written.slice(0, -1))} alone`;
  if (/^-\d+$/.test(written))
    return `give the range its start, or write ${clip(written.slice(1))} alone`;
  return 'write numbers such as 7 or ranges such as 1-5 between commas';
}

/** Digits without leading zeros. */
function significantDigits(digits: string): number {
  let zeros = 0;
  while (digits[zeros] === '0') zeros += 1;
  return digits.length - zeros;
}

/** Tabs inside brackets are left to the brackets' own error. */
function findControlCharacter(text: string, start: number, end: number): number {
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if ((code < 0x20 && code !== 0x09) || (code >= 0x7f && code <= 0x9f)) return at;
  }
  return -1;
}

/** Shortens what a message quotes: the text may be a hundred kilobytes. */
function clip(written: string): string {
  return written.length <= 40 ? written : `${written.slice(0, 40)}...`;
}

function failed(
  index: number,
  message: string,
  hint: string,
): { kind: 'error'; error: HostlistError } {
  return { kind: 'error', error: { message, column: index + 1, hint } };
}
