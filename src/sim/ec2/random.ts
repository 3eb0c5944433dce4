/**
 * Everything in the model that looks random and is not: ids and jitter, each a function of the seed and a counter.
 * The mixing function (splitmix64) maps 64 bits one to one, so ids of one stream never repeat.
 */
const mask = (1n << 64n) - 1n;

function mix(value: bigint): bigint {
  let z = (value * 0x9e3779b97f4a7c15n + 0x9e3779b97f4a7c15n) & mask;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
  return z ^ (z >> 31n);
}

export interface RandomStream {
  /** 16 hexadecimal digits, never the same twice from one stream. */
  hex16(): string;
  /** As `hex16`, in the form of a UUID. */
  uuid(): string;
  /** A number from 0 up to, not including, 1. */
  fraction(): number;
}

/** `stream` keeps the users of one seed apart: drawing from one leaves the others as they were. */
export function createRandomStream(seed: number, stream: string): RandomStream {
  let key = BigInt(Math.trunc(seed));
  for (const character of stream) {
    key = mix(key ^ BigInt(character.charCodeAt(0)));
  }
  let counter = 0n;
  function next(): bigint {
    counter += 1n;
    return mix((key + counter) & mask);
  }
  function hex16(): string {
    return next().toString(16).padStart(16, '0');
  }
  return {
    hex16,
    uuid() {
      const high = hex16();
      const low = hex16();
      return `${high.slice(0, 8)}-${high.slice(8, 12)}-${high.slice(12)}-${low.slice(0, 4)}-${low.slice(4)}`;
    },
    fraction: () => Number(next() >> 11n) / 2 ** 53,
  };
}
