/**
 * What a job asks for itself, read from the text that its owner gave to `sbatch --comment` or `--extra`.
 *
 * The text is the owner's: most of it is not for muster, and none of it can be trusted. Words that begin with `muster:`
 * are read, each as `muster:KEY=VALUE`; all others are passed over. What cannot be understood is told back, so that a
 * note on the job can say so; it never stands in the way of the job. What a wish comes to is decided elsewhere: it may
 * choose among what the configuration allows, no more.
 *
 * Bounded on purpose: so many characters are looked at, so many names in a list, so many complaints. A key that is
 * given twice takes its last valid value, so that a later text can be put behind an earlier one.
 */
import { gangStrategies, isInstanceType, isZoneName, markets } from './pool-words.ts';
import type { CapacityType, GangStrategy, ScalingStrategy } from './settings.ts';
import { parseDuration } from './units.ts';
import type { DurationMs } from './units.ts';

/** Absent: the job says nothing, and the configuration holds. Lists are in the job's order, none twice, never empty. */
export interface JobWish {
  readonly strategy?: GangStrategy;
  /** All of its nodes or none, or what EC2 gives. */
  readonly scalingStrategy?: ScalingStrategy;
  /** Whether its nodes may be in different zones. */
  readonly spread?: boolean;
  /** How long one rung is tried: at least a second, at most a day. */
  readonly patienceMs?: DurationMs;
  /** The markets whose rungs may be tried. */
  readonly markets?: readonly CapacityType[];
  readonly instanceTypes?: readonly string[];
  /** Zones by name, such as `us-east-2a`. */
  readonly zones?: readonly string[];
}

/** Characters of the text that are looked at; a word that goes beyond them is not read. */
const textMax = 4096;
const namesMax = 16;
const unknownMax = 8;
/** Characters of a word that is told back. */
const shownMax = 60;
const patienceMinMs: DurationMs = 1000;
const patienceMaxMs: DurationMs = 24 * 3_600_000;

/** Null: not a value of this key. */
type ReadValue = (value: string) => JobWish | null;

const keys: ReadonlyMap<string, ReadValue> = new Map<string, ReadValue>([
  ['strategy', readStrategy],
  ['scaling', readScaling],
  ['spread', readSpread],
  ['patience', readPatience],
  ['rungs', readMarkets],
  ['types', (value) => named(value, isInstanceType, (instanceTypes) => ({ instanceTypes }))],
  ['zones', (value) => named(value, isZoneName, (zones) => ({ zones }))],
]);

/**
 * `unknown`: the `muster:` words that say nothing, as they stand in the text (cut at 60 characters, all but
 * printable ASCII as `?`), the first eight of them, none twice.
 */
export function parseJobWish(text: string): { wish: JobWish; unknown: readonly string[] } {
  let wish: JobWish = {};
  const unknown = new Set<string>();
  for (const word of wordsOf(text)) {
    if (!word.startsWith('muster:')) continue;
    const said = readWord(word);
    if (said !== null) wish = { ...wish, ...said };
    else if (unknown.size < unknownMax) unknown.add(shown(word));
  }
  return { wish, unknown: [...unknown] };
}

function wordsOf(text: string): readonly string[] {
  const words = text.slice(0, textMax).split(/\s+/);
  // Half a word could read as a shorter one that nobody wrote: `zones=us-east-2a,us-east-2`.
  const isCut = text.length > textMax && /\S/.test(text.charAt(textMax));
  return isCut ? words.slice(0, -1) : words;
}

function readWord(word: string): JobWish | null {
  const parts = /^muster:([a-z]+)=(.+)$/.exec(word);
  const read = keys.get(parts?.[1] ?? '');
  return read?.(parts?.[2] ?? '') ?? null;
}

function readStrategy(value: string): JobWish | null {
  const strategy = gangStrategies.find((known) => known === value);
  return strategy === undefined ? null : { strategy };
}

/** The third of ParallelCluster's words does nothing that `all-or-nothing` does not. */
function readScaling(value: string): JobWish | null {
  if (value !== 'all-or-nothing' && value !== 'best-effort') return null;
  return { scalingStrategy: value };
}

function readSpread(value: string): JobWish | null {
  return value === 'yes' || value === 'no' ? { spread: value === 'yes' } : null;
}

function readPatience(value: string): JobWish | null {
  const patienceMs = parseDuration(value);
  if (patienceMs === null || patienceMs < patienceMinMs || patienceMs > patienceMaxMs) return null;
  return { patienceMs };
}

function readMarkets(value: string): JobWish | null {
  return named(value, isMarket, (chosen) => ({ markets: chosen.filter(isMarket) }));
}

function isMarket(name: string): name is CapacityType {
  return markets.some((market) => market === name);
}

/** A list between commas: all of its names are right, or none is taken. */
function named(
  value: string,
  isRight: (name: string) => boolean,
  wish: (names: readonly string[]) => JobWish,
): JobWish | null {
  const names = [...new Set(value.split(','))];
  return names.length <= namesMax && names.every(isRight) ? wish(names) : null;
}

/** It ends in a job's comment and in logs: printable ASCII, which is all that a right word is made of. */
function shown(word: string): string {
  const printable = word.replaceAll(/[^\x20-\x7E]/gu, '?');
  return printable.length > shownMax ? `${printable.slice(0, shownMax - 3)}...` : printable;
}
