/**
 * Protection of a queue whose boots keep failing: after so many in a row nothing more is launched for it, until a person
 * says so. What is counted is nodes that were given an instance and did not come up, by compute resource, since one image or
 * one instance type is what usually fails; one node that comes up ends the row. EC2's refusals are no boots.
 */
import type { Refusal } from './gang.ts';
import type { State } from './state.ts';
import type { Instant } from './units.ts';

export interface QueueProtection {
  /** Boots that failed in a row, by compute resource; those without any are not there. */
  readonly failures: Readonly<Record<string, number>>;
  /** Null: it is not protected. */
  readonly since: Instant | null;
  /** Why it is, or was the last time. */
  readonly why: Pick<Refusal, 'code' | 'message'> | null;
  /** What one of the instances that failed has written. */
  readonly console: Console | null;
}

export interface Console {
  readonly node: string;
  readonly instanceId: string;
  /** Its last lines, plain. */
  readonly tail: string;
}

/** Nothing is launched for it until a person starts it again. */
export function isProtected({ protection }: Pick<State, 'protection'>, queue: string): boolean {
  return (protection.get(queue)?.since ?? null) !== null;
}

export const unprotected: QueueProtection = {
  failures: {},
  since: null,
  why: null,
  console: null,
};

/** Codes of boots that failed, as they stand in the reasons of nodes. */
export const bootFailureCodes: ReadonlySet<string> = new Set([
  'BootTimeout',
  'InstanceEnded',
  'InstanceImpaired',
]);

const tailLines = 40;
const lineMax = 200;

/** The last lines of a console's output, without what steers a terminal. */
export function consoleTail(output: string): string {
  const lines = output.split(/\r\n|\n|\r/).map(plain);
  while (lines.at(-1) === '') lines.pop();
  return lines.slice(-tailLines).join('\n');
}

function plain(line: string): string {
  const text = line
    // Escape sequences: colours, and where the cursor goes.
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/\u001B(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])/g, '')
    .replaceAll('\t', ' ')
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]/g, '')
    .trimEnd();
  return text.length <= lineMax ? text : `${text.slice(0, lineMax - 3)}...`;
}
