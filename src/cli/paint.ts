/** Colour for a terminal, and none for anything else. */

export type Paint = Readonly<
  Record<'good' | 'bad' | 'warn' | 'dim' | 'strong', (text: string) => string>
>;

const wrap =
  (code: number) =>
  (text: string): string =>
    `\u001B[${code}m${text}\u001B[0m`;

const same = (text: string): string => text;

export const plain: Paint = { good: same, bad: same, warn: same, dim: same, strong: same };

export const coloured: Paint = {
  good: wrap(32),
  bad: wrap(31),
  warn: wrap(33),
  dim: wrap(2),
  strong: wrap(1),
};

/** NO_COLOR (https://no-color.org) and a terminal that knows none are respected. */
export function paintFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const isPlain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return stream.isTTY === true && !isPlain ? coloured : plain;
}
