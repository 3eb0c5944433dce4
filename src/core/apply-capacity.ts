/**
 * The part of `apply` that keeps what EC2 gave and refused: leases that end, reservations that are held, and the memory
 * of each pool. A lease begins with its batch, in `apply-nodes.ts`. Only `apply` calls it.
 */
import { rememberRefusal, rememberRelease, rememberSuccess } from './capacity-memory.ts';
import type { Decision } from './decisions.ts';
import type { State } from './state.ts';

export type CapacityDecision = Extract<
  Decision,
  {
    kind:
      'LeasesEnded' | 'CapacitySeen' | 'CapacityForgotten' | 'ReservationHeld' | 'ReservationOver';
  }
>;

export function applyToCapacity(state: State, decision: CapacityDecision): void {
  switch (decision.kind) {
    case 'LeasesEnded':
      for (const node of decision.nodes) endLease(state, node);
      return;
    case 'CapacitySeen':
      return seeCapacity(state, decision);
    case 'CapacityForgotten':
      for (const pool of decision.pools) state.memory.delete(pool);
      return;
    case 'ReservationHeld':
      return holdReservation(state, decision);
    case 'ReservationOver':
      state.reservations.delete(decision.reservationId);
      return;
  }
  return decision satisfies never;
}

/** What ran in the pool, and ends, is room for others. */
function endLease(state: State, node: string): void {
  const lease = state.leases.get(node);
  state.leases.delete(node);
  const memory = state.memory.get(lease?.pool ?? '');
  if (lease?.given === true && memory !== undefined)
    state.memory.set(lease.pool, rememberRelease(memory, 1));
}

function seeCapacity(state: State, seen: Extract<Decision, { kind: 'CapacitySeen' }>): void {
  const { pool, count, refusal } = seen;
  const ages = state.settings.capacityMemory;
  const before = state.memory.get(pool);
  const at = state.now;
  state.memory.set(
    pool,
    refusal === null
      ? rememberSuccess(before, { count, at }, ages)
      : rememberRefusal(before, { ...refusal, count, at }, ages),
  );
}

function holdReservation(state: State, held: Extract<Decision, { kind: 'ReservationHeld' }>): void {
  const { reservationId, effectId, gangId, instanceType, zone, count } = held;
  const since = state.now;
  state.reservations.set(reservationId, {
    reservationId,
    effectId,
    gangId,
    instanceType,
    zone,
    count,
    since,
  });
  const part = state.gangs.get(gangId)?.reserving.get(effectId);
  if (part !== undefined) part.reservationId = reservationId;
}
