/**
 * What EC2 is, remembered by pool and by size: the largest launch that it gave lately and the smallest that it refused.
 * A refused 200 says nothing against 2; asked for 200 again a minute later, EC2 would most likely say the same.
 */
import type { Settings } from './settings.ts';
import type { DurationMs, Instant } from './units.ts';

export interface Remembered {
  /** Instances in one launch, or held together in the pool by one gang. */
  readonly count: number;
  readonly at: Instant;
}

export interface RememberedRefusal extends Remembered {
  readonly code: string;
  readonly message: string;
}

export interface PoolMemory {
  readonly success: Remembered | null;
  readonly refusal: RememberedRefusal | null;
}

export type CapacityMemory = ReadonlyMap<string, PoolMemory>;

const nothing: PoolMemory = { success: null, refusal: null };

type Ages = Settings['capacityMemory'];

/** EC2 gave so many. A refusal of no more than that is out of date. */
export function rememberSuccess(
  memory: PoolMemory | undefined,
  seen: Remembered,
  ages: Ages,
): PoolMemory {
  const { success, refusal } = memory ?? nothing;
  const isLarger =
    success === null || isOld(success, seen.at, ages.successMs) || seen.count >= success.count;
  return {
    success: isLarger ? seen : success,
    refusal: refusal !== null && refusal.count <= seen.count ? null : refusal,
  };
}

/** EC2 refused so many. A success of as many or more is out of date. */
export function rememberRefusal(
  memory: PoolMemory | undefined,
  seen: RememberedRefusal,
  ages: Ages,
): PoolMemory {
  const { success, refusal } = memory ?? nothing;
  const isSmaller =
    refusal === null || isOld(refusal, seen.at, ages.refusalMs) || seen.count <= refusal.count;
  return {
    success: success !== null && success.count >= seen.count ? null : success,
    refusal: isSmaller ? seen : refusal,
  };
}

/** So many instances of the pool were let go: a refusal holds for that many more. */
export function rememberRelease(memory: PoolMemory, count: number): PoolMemory {
  if (memory.refusal === null) return memory;
  return { ...memory, refusal: { ...memory.refusal, count: memory.refusal.count + count } };
}

/** The refusal because of which so many need not be asked for now; null: EC2 may have them. */
export function knownRefusal(
  memory: PoolMemory | undefined,
  count: number,
  at: Instant,
  ages: Ages,
): RememberedRefusal | null {
  const refusal = memory?.refusal ?? null;
  if (refusal === null || count < refusal.count) return null;
  return isOld(refusal, at, ages.refusalMs) ? null : refusal;
}

function isOld(remembered: Remembered, at: Instant, ageMs: DurationMs): boolean {
  return at - remembered.at >= ageMs;
}
