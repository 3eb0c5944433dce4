/**
 * The part of `apply` that keeps what EC2 gave and refused: leases that end, reservations that are held, and the memory
 * of each pool. A lease begins with its batch, in `apply-nodes.ts`. Only `apply` calls it.
 */
import { rememberRefusal, rememberRelease, rememberSuccess } from './capacity-memory.ts';
import type { Decision } from './decisions.ts';
import type { Event } from './events.ts';
import { bookLaunches } from './launch-books.ts';
import { keptFor } from './launch-policy.ts';
import type { State } from './state.ts';
import type { FoundInstance } from './takeover.ts';

export type CapacityDecision = Extract<
  Decision,
  {
    kind:
      | 'LeasesFound'
      | 'LeasesEnded'
      | 'SparesEnded'
      | 'CapacitySeen'
      | 'CapacityForgotten'
      | 'ReservationHeld'
      | 'ReservationOver';
  }
>;

export function applyToCapacity(state: State, decision: CapacityDecision): void {
  switch (decision.kind) {
    case 'LeasesFound':
      for (const each of decision.found) takeOver(state, each);
      return;
    case 'LeasesEnded':
      for (const node of decision.nodes) endLease(state, node);
      return;
    case 'SparesEnded':
      for (const instanceId of decision.instanceIds) state.spares.delete(instanceId);
      return rememberReleased(state, decision.pool, decision.instanceIds.length);
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

/** Which gang it was launched for, and in which pool, was in the ledger that is lost. */
function takeOver(state: State, { node, instance, launchedAt, isUp }: FoundInstance): void {
  state.leases.set(node, {
    node,
    instance,
    gangId: '',
    pool: '',
    zone: null,
    // Slurm's wish for it is not younger: a suspend that waits to be read is about this life of it.
    requestedAt: launchedAt,
    leasedAt: state.now,
    given: true,
    isRegistered: isUp,
  });
}

/** What ran in the pool, and ends, is room for others. */
function endLease(state: State, node: string): void {
  const lease = state.leases.get(node);
  state.leases.delete(node);
  state.refreshed.delete(node);
  if (lease?.given === true) rememberReleased(state, lease.pool, 1);
}

function rememberReleased(state: State, pool: string, count: number): void {
  const memory = state.memory.get(pool);
  if (memory !== undefined) state.memory.set(pool, rememberRelease(memory, count));
}

/** Launched is launched, whoever waits for it. */
export function bookAnswer(
  state: State,
  { effectId, instances }: Extract<Event, { kind: 'LaunchAnswered' }>,
): void {
  const effect = state.outstanding.get(effectId)?.effect;
  if (effect?.kind !== 'RunInstances') return;
  const queue = effect.order.tags['muster:queue'] ?? '';
  state.launches.set(queue, bookLaunches(state.launches.get(queue), instances.length, state.now));
}

function seeCapacity(state: State, seen: Extract<Decision, { kind: 'CapacitySeen' }>): void {
  const { pool, count, refusal } = seen;
  const ages = keptFor(state.settings).capacityMemory;
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
