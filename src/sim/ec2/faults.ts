/**
 * Faults on demand: what may go wrong with a call or with an instance, how often, and for which launches.
 *
 * A fault waits until something matches it. It fires on every `every`-th match and is spent after `count` firings.
 * The first fault that fires decides; the others of its kind do not count that match.
 */
import type { DurationMs } from '../../core/units.ts';
import type { ActionName } from './types.ts';

export interface FaultMatch {
  readonly instanceType?: string;
  readonly availabilityZone?: string;
  /** Matches launches that put this tag on their instances, and reservations that have it. */
  readonly tag?: { readonly key: string; readonly value: string };
}

export type FaultKind =
  /** The call is refused and does nothing. `message` and `httpStatus` have defaults that suit the code. */
  | {
      readonly kind: 'refuse';
      readonly action: ActionName;
      readonly code: string;
      readonly message?: string;
      readonly httpStatus?: number;
    }
  /** The call is done, the caller never learns it: the connection breaks, or stays open without an answer. */
  | {
      readonly kind: 'lose-answer';
      readonly action: ActionName;
      readonly how: 'reset' | 'silence';
    }
  /** The call is done at once, the answer comes later. */
  | {
      readonly kind: 'delay-answer';
      readonly action: ActionName;
      readonly delayMs: DurationMs;
    }
  /** The instance runs and is paid for, and never boots. */
  | { readonly kind: 'never-boots' }
  /** The instance boots and its status check fails `afterMs` after its launch. */
  | { readonly kind: 'impaired'; readonly afterMs: DurationMs }
  /** EC2 takes the instance back `afterMs` after its launch; spot instances only. */
  | { readonly kind: 'interrupted'; readonly afterMs: DurationMs }
  /** A new capacity reservation refuses launches for `forMs` from its creation. */
  | { readonly kind: 'reservation-not-usable'; readonly forMs: DurationMs }
  /** An override of a fleet gives nothing, and is listed with this code. */
  | { readonly kind: 'fail-override'; readonly code: string; readonly message?: string };

export type FaultSpec = FaultKind & {
  readonly match?: FaultMatch;
  /** How often it fires; null: always. Absent: once. */
  readonly count?: number | null;
  /** Fires on every `every`-th match. Absent: on each. */
  readonly every?: number;
};

/** What a fault can be matched with: a launch, or a capacity reservation. Other calls have no facts. */
export interface LaunchFacts {
  readonly instanceType?: string;
  readonly availabilityZone?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A fault and how far it is spent. */
export interface FaultStatus {
  readonly fault: FaultSpec;
  readonly seen: number;
  readonly fired: number;
}

export interface Faults {
  add(fault: FaultSpec): void;
  clear(): void;
  list(): readonly FaultStatus[];
  /** The refusal, loss or delay that is due for this call; null for none. */
  forCall<K extends 'refuse' | 'lose-answer' | 'delay-answer'>(
    kind: K,
    action: ActionName,
    facts: LaunchFacts,
  ): Extract<FaultKind, { kind: K }> | null;
  /** The failure that is due for the next instance of this launch, this reservation or override; null for none. */
  forSubject<K extends Exclude<FaultKind, { readonly action: ActionName }>['kind']>(
    kind: K,
    facts: LaunchFacts,
  ): Extract<FaultKind, { kind: K }> | null;
}

interface Waiting {
  readonly fault: FaultSpec;
  seen: number;
  fired: number;
}

function isSpent(waiting: Waiting): boolean {
  const count = waiting.fault.count === undefined ? 1 : waiting.fault.count;
  return count !== null && waiting.fired >= count;
}

function matches(match: FaultMatch | undefined, facts: LaunchFacts): boolean {
  if (match === undefined) return true;
  return (
    (match.instanceType === undefined || match.instanceType === facts.instanceType) &&
    (match.availabilityZone === undefined || match.availabilityZone === facts.availabilityZone) &&
    (match.tag === undefined || facts.tags?.[match.tag.key] === match.tag.value)
  );
}

export function createFaults(): Faults {
  let all: Waiting[] = [];
  function fire(applies: (fault: FaultSpec) => boolean, facts: LaunchFacts): FaultSpec | null {
    for (const waiting of all) {
      if (isSpent(waiting) || !applies(waiting.fault)) continue;
      if (!matches(waiting.fault.match, facts)) continue;
      waiting.seen += 1;
      if (waiting.seen % (waiting.fault.every ?? 1) === 0) {
        waiting.fired += 1;
        return waiting.fault;
      }
    }
    return null;
  }
  return {
    add(fault) {
      all.push({ fault, seen: 0, fired: 0 });
    },
    clear() {
      all = [];
    },
    list: () => all.map(({ fault, seen, fired }) => ({ fault, seen, fired })),
    forCall<K extends FaultKind['kind']>(kind: K, action: ActionName, facts: LaunchFacts) {
      const fault = fire(
        (candidate) =>
          candidate.kind === kind && 'action' in candidate && candidate.action === action,
        facts,
      );
      return fault as Extract<FaultKind, { kind: K }> | null;
    },
    forSubject<K extends FaultKind['kind']>(kind: K, facts: LaunchFacts) {
      const fault = fire((candidate) => candidate.kind === kind, facts);
      return fault as Extract<FaultKind, { kind: K }> | null;
    },
  };
}

const serverErrors: ReadonlyMap<string, number> = new Map([
  ['InsufficientInstanceCapacity', 500],
  ['InternalError', 500],
  ['InternalFailure', 500],
  ['InsufficientHostCapacity', 500],
  ['InsufficientReservedInstanceCapacity', 500],
  ['RequestLimitExceeded', 503],
  ['ServiceUnavailable', 503],
  ['Unavailable', 503],
  ['UnauthorizedOperation', 403],
]);

/** The status EC2 sends with a code. */
export function httpStatusOf(code: string): number {
  return serverErrors.get(code) ?? 400;
}
