/**
 * Which of the launches that wait may go now. EC2's two limits, calls and instances, are kept; beyond that launches go in
 * the order in which they were asked for, except that a small one may pass a large one that waits for instance tokens
 * as long as that one still makes its deadline: nobody's size delays another's job without need.
 */
import { launchBy } from './deadlines.ts';
import type { RunInstances } from './effects.ts';
import { bucketAt, refillMs, tokensAt } from './launch-bucket.ts';
import type { State } from './state.ts';
import type { Instant } from './units.ts';

const looksMax = 50;

export interface WaitingLaunch {
  readonly effect: RunInstances;
  /** Not before; a retry waits. */
  readonly dueAt: Instant;
  /** Its instance tokens were taken when it first went out. */
  readonly isRepeat: boolean;
}

export interface LaunchSchedule {
  readonly now: readonly RunInstances[];
  /** When to look again; null: nothing waits. */
  readonly next: Instant | null;
}

/** Launches in the order in which they were asked for: those that wait in the state, then those of this turn. */
export function waitingLaunches(state: State): WaitingLaunch[] {
  const waiting: WaitingLaunch[] = [];
  // A Map keeps the order of first insertion, which a retry does not change.
  for (const { effect, deferredUntil, tries } of state.outstanding.values()) {
    if (effect.kind !== 'RunInstances' || deferredUntil === null) continue;
    waiting.push({ effect, dueAt: deferredUntil, isRepeat: tries > 0 });
  }
  return waiting;
}

/** No launch may ask for more tokens than the bucket can hold: one that wants more goes when it is full. */
export function instanceTokens(state: State, launch: Pick<WaitingLaunch, 'effect'>): number {
  return Math.min(launch.effect.order.maxCount, state.settings.launchInstances.burst);
}

export function scheduleLaunches(
  state: State,
  at: Instant,
  waiting: readonly WaitingLaunch[],
): LaunchSchedule {
  const { launchRequests, launchInstances } = state.settings;
  const calls = bucketAt(state.launchBucket, launchRequests, at);
  const instances = bucketAt(state.instanceBucket, launchInstances, at);
  let callsLeft = calls.tokens;
  let left = instances.tokens;
  const now: RunInstances[] = [];
  let next: Instant | null = null;
  const wakeAt = (moment: Instant): void => {
    next = next === null ? moment : Math.min(next, moment);
  };
  /** What those that wait for instance tokens want, and by when: in order, each with all before it. */
  const ahead: { readonly wanted: number; readonly by: Instant }[] = [];
  let wanted = 0;
  for (const launch of waiting) {
    if (launch.dueAt > at) {
      wakeAt(launch.dueAt);
      continue;
    }
    if (callsLeft < 1) {
      wakeAt(tokensAt({ tokens: callsLeft, at }, launchRequests, 1));
      break;
    }
    const count = launch.isRepeat ? 0 : instanceTokens(state, launch);
    const taken = left - count;
    const passes = ahead.every(
      (each) => at + refillMs(launchInstances, each.wanted - taken) <= each.by,
    );
    if (count <= left && (ahead.length === 0 || passes)) {
      now.push(launch.effect);
      callsLeft -= 1;
      left = taken;
      continue;
    }
    // One that may not pass needs no wake of its own: what it waits for has one.
    if (count > left) wakeAt(tokensAt({ tokens: left, at }, launchInstances, count));
    wanted += count;
    ahead.push({ wanted, by: deadlineOf(state, launch.effect.id) });
  }
  return { now, next };
}

/** When a launch may go; the present of the state: now. Null: none waits. */
export function nextLaunchAt(state: State): Instant | null {
  const waiting = waitingLaunches(state);
  let at = state.now;
  // At a moment at which one is due another one's limit may still bar it: the next such moment is looked at then.
  for (let looks = 0; looks < looksMax; looks += 1) {
    const { now, next } = scheduleLaunches(state, at, waiting);
    if (now.length > 0) return at;
    if (next === null) return null;
    at = Math.max(next, at + 1);
  }
  return at;
}

function deadlineOf(state: State, effectId: string): Instant {
  const gang = state.gangs.get(state.batchGangs.get(effectId) ?? '');
  return gang === undefined ? 0 : launchBy(state.settings, gang);
}

/** How long `count` instances more wait for their tokens, behind all that waits already. */
export function tokenWaitMs(state: State, at: Instant, queued: number, count: number): number {
  const { launchInstances } = state.settings;
  let wanted = queued + count;
  for (const launch of waitingLaunches(state)) {
    if (!launch.isRepeat) wanted += launch.effect.order.maxCount;
  }
  const { tokens } = bucketAt(state.instanceBucket, launchInstances, at);
  return refillMs(launchInstances, wanted - tokens);
}
