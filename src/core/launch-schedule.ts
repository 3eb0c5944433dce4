/**
 * Which of the launches that wait may go now. EC2's two limits, calls and instances, are kept; beyond that launches go in
 * the order in which they were asked for, except that a small one may pass a large one that waits for instance tokens
 * as long as that one still makes its deadline: nobody's size delays another's job without need. One that cannot make
 * its deadline any more delays nobody: it is late before its time.
 */
import { launchBy } from './deadlines.ts';
import type { RunInstances } from './effects.ts';
import { bucketAt, refillMs, tokensAt, tokensIn } from './launch-bucket.ts';
import type { State } from './state.ts';
import type { DurationMs, Instant } from './units.ts';

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
  /** Their instance tokens come after their gangs' last moment. */
  readonly late: readonly RunInstances[];
  /** When to look again; null: nothing waits. */
  readonly next: Instant | null;
}

/** Launches in the order in which they were asked for: those that wait in the state. Read as far as they are looked at. */
export function* waitingLaunches(state: State): Generator<WaitingLaunch> {
  // A Map keeps the order of first insertion, which a retry does not change.
  for (const { effect, deferredUntil, tries } of state.outstanding.values()) {
    if (effect.kind !== 'RunInstances' || deferredUntil === null) continue;
    yield { effect, dueAt: deferredUntil, isRepeat: tries > 0 };
  }
}

/** No launch may ask for more tokens than the bucket can hold: one that wants more goes when it is full. */
export function instanceTokens(state: State, launch: Pick<WaitingLaunch, 'effect'>): number {
  return Math.min(launch.effect.order.maxCount, state.settings.launchInstances.burst);
}

export function scheduleLaunches(
  state: State,
  at: Instant,
  waiting: Iterable<WaitingLaunch>,
): LaunchSchedule {
  const { launchRequests, launchInstances } = state.settings;
  let calls = bucketAt(state.launchBucket, launchRequests, at).tokens;
  let left = bucketAt(state.instanceBucket, launchInstances, at).tokens;
  const now: RunInstances[] = [];
  const late: RunInstances[] = [];
  let next: Instant | null = null;
  const wakeAt = (moment: Instant): void => {
    next = next === null ? moment : Math.min(next, moment);
  };
  /** Wanted by those that wait for instance tokens, in order. */
  let wanted = 0;
  /** Must be left by whoever passes them: else one of them would be late. */
  let keep = -Infinity;
  for (const launch of waiting) {
    if (launch.dueAt > at) {
      wakeAt(launch.dueAt);
      continue;
    }
    if (calls < 1) {
      wakeAt(tokensAt({ tokens: calls, at }, launchRequests, 1));
      break;
    }
    const count = launch.isRepeat ? 0 : instanceTokens(state, launch);
    if (count <= left && left - count >= keep) {
      now.push(launch.effect);
      calls -= 1;
      left -= count;
      continue;
    }
    const leftMs = deadlineOf(state, launch.effect.id) - at;
    if (refillMs(launchInstances, wanted + count - left) > leftMs) {
      late.push(launch.effect);
      continue;
    }
    // One that may not pass needs no wake of its own: what it waits for has one.
    if (count > left) wakeAt(tokensAt({ tokens: left, at }, launchInstances, count));
    wanted += count;
    keep = Math.max(keep, wanted - tokensIn(launchInstances, leftMs));
  }
  return { now, late, next };
}

/** When there is something to be decided about a launch; the present of the state: now. Null: none waits. */
export function nextLaunchAt(state: State): Instant | null {
  let at = state.now;
  // At a moment at which one is due another one's limit may still bar it: the next such moment is looked at then.
  for (let looks = 0; looks < looksMax; looks += 1) {
    const { now, late, next } = scheduleLaunches(state, at, waitingLaunches(state));
    if (now.length > 0 || late.length > 0) return at;
    if (next === null) return null;
    at = Math.max(next, at + 1);
  }
  return at;
}

function deadlineOf(state: State, effectId: string): Instant {
  const gang = state.gangs.get(state.batchGangs.get(effectId) ?? '');
  return gang === undefined ? 0 : launchBy(state.settings, gang);
}

/** Instances that gangs are going to ask for, and that took no tokens yet: those of calls that wait or that are reserved first. */
export function instancesAhead(state: State): number {
  let ahead = 0;
  for (const launch of waitingLaunches(state))
    if (!launch.isRepeat) ahead += instanceTokens(state, launch);
  for (const { phase, reserving } of state.gangs.values()) {
    if (phase !== 'reserving') continue;
    for (const { launch } of reserving.values()) ahead += instanceTokens(state, { effect: launch });
  }
  return ahead;
}

/** How long so many instances wait for their tokens, the last of them; those ahead of them included. */
export function tokenWaitMs(state: State, at: Instant, count: number): DurationMs {
  const { launchInstances } = state.settings;
  const { tokens } = bucketAt(state.instanceBucket, launchInstances, at);
  return refillMs(launchInstances, count - tokens);
}
