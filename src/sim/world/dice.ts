/**
 * The only chance in a simulated world: numbers that follow from a seed and a name. A stream of its own for each use
 * keeps the others as they were when one draws more.
 */

export interface Dice {
  /** From 0 up to, not including, 1. */
  fraction(): number;
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  /** From `min` to `max`, where small ones are as likely as large ones in each order of magnitude. */
  spread(min: number, max: number): number;
  chance(probability: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** Eight hexadecimal digits. */
  hex8(): string;
}

/** Dice for one use. The generator is sfc32 (https://pracrand.sourceforge.net). */
export function createDice(seed: number, use: string): Dice {
  let a = 0x9e3779b9;
  let b = seed | 0;
  let c = 0x243f6a88;
  let counter = 1;
  function next(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  }
  for (let index = 0; index < use.length; index += 1) {
    a ^= use.charCodeAt(index);
    next();
  }
  for (let round = 0; round < 12; round += 1) next();
  const fraction = (): number => next() / 2 ** 32;
  return {
    fraction,
    int: (min, max) => min + Math.floor(fraction() * (max - min + 1)),
    spread: (min, max) => Math.round(min * (max / min) ** fraction()),
    chance: (probability) => fraction() < probability,
    pick<T>(list: readonly T[]): T {
      const index = Math.floor(fraction() * list.length);
      if (index >= list.length) throw new Error('nothing to pick from');
      return list[index] as T;
    },
    hex8: () => next().toString(16).padStart(8, '0'),
  };
}
