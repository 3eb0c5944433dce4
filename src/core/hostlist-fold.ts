/**
 * Folding: from node names to the shortest hostlist that Slurm prints for them.
 *
 * A name is a stem and the number at its end, if it has one. Neighbours with the same stem share a bracket, and in it
 * numbers that count up by one, written alike, make a range. Expanding the result gives the same names in the same order.
 *
 * The text is that of `scontrol show hostlist`, except that it can always be read back: a range holds at most 65,536
 * numbers, because Slurm refuses more although it prints more; and numbers of more than 15 digits make no ranges.
 *
 * Only a number at the end is folded: Slurm refuses text behind the last bracket.
 */

interface SplitName {
  readonly stem: string;
  /** The number as it is written; empty where the name does not end in a digit. */
  readonly digits: string;
  /** The number's value; NaN where there is none, or where it has more than 15 digits. */
  readonly value: number;
}

/** What Slurm takes: MAX_RANGE in its hostlist code. */
const rangeSizeMax = 65_536;

const exactDigitsMax = 15;

/**
 * Folds names in their order: `parseHostlist(foldHostlist(nodes))` gives exactly `nodes`, duplicates and zero padding
 * included. The names are node names: not empty, without commas, brackets, white space and control characters.
 */
export function foldHostlist(nodes: readonly string[]): string {
  return foldSplit(nodes.map(splitName));
}

/**
 * Folds names for people to read: each once, by stem (its numbers by value: `queue2` before `queue10`), then by number.
 * No names give the empty text.
 */
export function foldSorted(nodes: readonly string[]): string {
  const stems = new Map<string, SplitName[]>();
  for (const node of nodes) {
    const name = splitName(node);
    const group = stems.get(name.stem);
    if (group === undefined) stems.set(name.stem, [name]);
    else group.push(name);
  }
  const sorted: SplitName[] = [];
  for (const stem of [...stems.keys()].sort(compareNaturally)) {
    const group = (stems.get(stem) ?? []).sort(compareNumbers);
    for (const [index, name] of group.entries()) {
      if (name.digits !== group[index - 1]?.digits) sorted.push(name);
    }
  }
  return foldSplit(sorted);
}

function foldSplit(names: readonly SplitName[]): string {
  const elements: string[] = [];
  let at = 0;
  while (at < names.length) {
    const { stem, digits } = names[at] as SplitName;
    if (digits === '') {
      elements.push(stem);
      at += 1;
      continue;
    }
    const from = at;
    const runs: string[] = [];
    while (at < names.length && sharesBracket(names[at] as SplitName, stem)) {
      const end = endOfRun(names, at);
      const first = names[at] as SplitName;
      runs.push(
        end - at === 1 ? first.digits : `${first.digits}-${(names[end - 1] as SplitName).digits}`,
      );
      at = end;
    }
    elements.push(at - from === 1 ? stem + digits : `${stem}[${runs.join(',')}]`);
  }
  return elements.join(',');
}

function sharesBracket(name: SplitName, stem: string): boolean {
  return name.stem === stem && name.digits !== '';
}

/** The index after the last name of the range that starts at `start`. */
function endOfRun(names: readonly SplitName[], start: number): number {
  const first = names[start] as SplitName;
  const width = first.digits.length;
  let end = start + 1;
  while (end < names.length && end - start < rangeSizeMax) {
    const next = names[end] as SplitName;
    if (next.value !== first.value + (end - start) || next.stem !== first.stem) break;
    if (!isWrittenTo(next, width)) break;
    end += 1;
  }
  return end;
}

/** Whether the number would be written as it is if it were padded with zeros to `width`. */
function isWrittenTo(name: SplitName, width: number): boolean {
  return (
    name.digits.length === width || (name.digits.length > width && !name.digits.startsWith('0'))
  );
}

function splitName(name: string): SplitName {
  let start = name.length;
  while (start > 0 && isDigit(name.charCodeAt(start - 1))) start -= 1;
  const digits = name.slice(start);
  const isExact = digits !== '' && digits.length <= exactDigitsMax;
  return { stem: name.slice(0, start), digits, value: isExact ? Number(digits) : NaN };
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** By value, then the shorter writing first; a name without a number comes first. */
function compareNumbers(a: SplitName, b: SplitName): number {
  const byValue = a.value - b.value;
  if (byValue !== 0 && !Number.isNaN(byValue)) return byValue;
  return Number.isNaN(byValue)
    ? compareDigits(a.digits, b.digits)
    : a.digits.length - b.digits.length;
}

/** Text as people sort it: numbers in it by value, all else by UTF-16 code unit. */
function compareNaturally(a: string, b: string): number {
  const [as, bs] = [a.split(/(\d+)/), b.split(/(\d+)/)];
  for (let index = 0; index < Math.min(as.length, bs.length); index += 1) {
    const [left = '', right = ''] = [as[index], bs[index]];
    if (left === right) continue;
    // Splitting at numbers puts text at even indexes and numbers at odd ones.
    if (index % 2 === 1) return compareDigits(left, right);
    return left < right ? -1 : 1;
  }
  return as.length - bs.length;
}

/** Digits of any length by value, then the shorter writing first. */
function compareDigits(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (left.length !== right.length) return left.length - right.length;
  if (left !== right) return left < right ? -1 : 1;
  return a.length - b.length;
}
