/** Tells what a command waits for, on a terminal; anywhere else nothing, so that a script's errors stay its own. */
import type { DurationMs } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';

/** A wait that is over before that needs no words. */
const lookEveryMs: DurationMs = 1_000;

export interface Progress {
  /** False: nobody looks, and nothing need be found out for it. */
  readonly isShown: boolean;
  /** At once. */
  says(words: string): void;
  /** From now on, in place of what was watched before: whenever the words have changed since the last look. */
  watch(words: () => string): void;
  stop(): void;
}

export interface ProgressParts {
  readonly clock: Clock;
  readonly stream: { readonly isTTY?: boolean; write(text: string): unknown };
}

export function startProgress({ clock, stream }: ProgressParts): Progress {
  const isShown = stream.isTTY === true;
  let last = '';
  let cancel = (): void => undefined;

  const says = (words: string): void => {
    if (isShown && words !== last) stream.write(`muster: ${words}\n`);
    last = words;
  };

  return {
    isShown,
    says,
    watch(words) {
      if (!isShown) return;
      const look = (): void => {
        says(words());
        cancel = clock.schedule(lookEveryMs, look);
      };
      cancel();
      cancel = clock.schedule(lookEveryMs, look);
    },
    stop: () => cancel(),
  };
}
