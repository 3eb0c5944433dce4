/**
 * Kinds of values that muster's settings are made of, as zod schemas. Every refusal says what would be right: the
 * message goes on from the key's name, the hint stands on its own.
 */
import { z } from 'zod';

import { parseDuration } from '../core/units.ts';
import type { DurationMs } from '../core/units.ts';

/** For `refine`: `message` completes "`key` ...", `hint` says what to write. */
export function refused(
  message: string,
  hint: string,
): { message: string; params: { hint: string } } {
  return { message, params: { hint } };
}

/** Whole numbers that count something of which there is at least one. */
export const size = z
  .number()
  .refine(
    (value) => Number.isSafeInteger(value) && value >= 1,
    refused('is not a whole number from 1 on', 'write a whole number, such as `500`'),
  );

export function wholeUpTo(max: number): z.ZodType<number> {
  const range = `a whole number from 0 to ${max}`;
  return z
    .number()
    .refine(
      (value) => Number.isInteger(value) && value >= 0 && value <= max,
      refused(`is not ${range}`, `write ${range}`),
    );
}

/** `what` happens so often a second: `calls`, `instances`. */
export function rateOf(what: string): z.ZodType<number> {
  return z
    .number()
    .refine(
      (perSecond) => perSecond > 0 && perSecond <= 1000,
      refused('is not a number above 0 and up to 1000', `write ${what} a second, such as \`2\``),
    );
}

/** A number of nothing in particular is refused in the same words as any other text that has no unit. */
function length(least: DurationMs): z.ZodType<DurationMs> {
  return z.preprocess(
    (value) => (typeof value === 'number' ? String(value) : value),
    z.string().transform((text, context): DurationMs => {
      const parsed = parseDuration(text);
      if (parsed !== null && parsed >= least) return parsed;
      const said =
        parsed === null
          ? refused('is not a length of time', 'write a number and its unit: 30s, 5m or 1h')
          : refused('is no time at all', 'write a length above zero, such as `30s`');
      context.addIssue({ code: 'custom', ...said });
      return z.NEVER;
    }),
  );
}

/** `30s`, `5m`, `1h`, `500ms`. */
export const duration = length(0);

/** As `duration`, where zero would stop the world. */
export const positiveDuration = length(1);
