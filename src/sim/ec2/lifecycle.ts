/**
 * The end of an instance: asked, over (its room and address are free), forgotten (no longer described); and the end
 * of its client token a day later.
 */
import type { Instant } from '../../core/units.ts';
import { malformedId, unknownInstances } from './errors.ts';
import { stateAt, type EndReason, type Instance } from './instances.ts';
import { leavePlace, stopPaying } from './reservations.ts';
import type { InstanceStateChange, TerminateInstancesRequest } from './types.ts';
import type { TokenRecord, World } from './world.ts';

/** EC2 shows a terminated instance for about an hour. */
const describedAfterEndMs = 3_600_000;
/** A client token holds for a day after its last instance ended. */
const tokenAfterEndMs = 24 * 3_600_000;

/** Counts a token's instances down and forgets the token a day after the last ended. */
export function scheduleTokenExpiry(world: World, token: string, record: TokenRecord): void {
  if (record.live > 0) return;
  const ended = record.instances.map((each) => each.endedAt ?? 0);
  world.agenda.add(Math.max(...ended) + tokenAfterEndMs, () => {
    if (world.tokens.get(token) === record) world.tokens.delete(token);
  });
}

function isOver(world: World, instance: Instance): void {
  if (instance.capacityReservation === null) world.pools.release(instance, 1);
  else leavePlace(world, instance.capacityReservation);
  world.subnets.get(instance.subnetId)?.release(instance.privateIp);
  world.agenda.add((instance.endedAt ?? 0) + describedAfterEndMs, () =>
    world.store.forget(instance),
  );
  const record = world.tokens.get(instance.clientToken);
  if (record !== undefined) {
    record.live -= 1;
    scheduleTokenExpiry(world, instance.clientToken, record);
  }
}

/** Does nothing to one whose end was asked already. */
export function endInstance(
  world: World,
  instance: Instance,
  now: Instant,
  reason: EndReason,
): void {
  if (instance.endAskedAt !== null) return;
  instance.endReason = reason;
  instance.endAskedAt = now;
  instance.endedAt = now + world.times.shutdownMs;
  world.totals.terminated += 1;
  world.totals.paying -= 1;
  world.totals.payingSince -= instance.launchedAt;
  world.totals.paidMs += now - instance.launchedAt;
  if (instance.capacityReservation !== null) stopPaying(world, instance.capacityReservation, now);
  world.agenda.add(instance.endedAt, () => isOver(world, instance));
  for (const listener of world.listeners) listener.ending?.(instance);
}

/** Gives the notice: EC2 ends the instance when it has run out. Does nothing to one that has its notice or is ending. */
export function interruptInstance(world: World, instance: Instance, at: Instant): void {
  if (instance.endAskedAt !== null || instance.interruptedAt !== Infinity) return;
  instance.interruptedAt = at;
  world.agenda.add(at, (due) => endInstance(world, instance, due, 'spot-interruption'));
}

/**
 * The instances with these ids. Throws Ec2ApiError: `InvalidInstanceID.Malformed` for the first that is no id,
 * `InvalidInstanceID.NotFound` naming all that `isKnown` does not admit.
 */
export function instancesById(
  world: World,
  ids: readonly string[],
  isKnown: (instance: Instance) => boolean,
): readonly Instance[] {
  const found: Instance[] = [];
  const unknown: string[] = [];
  for (const id of ids) {
    if (!/^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(id)) {
      throw malformedId('InvalidInstanceID.Malformed', id, 'i-');
    }
    const instance = world.store.get(id);
    if (instance === undefined || !isKnown(instance)) unknown.push(id);
    else found.push(instance);
  }
  if (unknown.length > 0) throw unknownInstances(unknown);
  return found;
}

/** All or none: an id that is wrong fails the call before anything is ended. */
export function terminateInstances(
  world: World,
  request: TerminateInstancesRequest,
  now: Instant,
): { readonly changes: readonly InstanceStateChange[] } {
  const instances = instancesById(world, [...new Set(request.instanceIds)], () => true);
  const changes = instances.map((instance) => {
    const previousState = stateAt(instance, now);
    endInstance(world, instance, now, 'user');
    // With no shutdown time the instance is terminated at once, and the answer still says shutting-down, as EC2's does.
    const currentState = previousState === 'terminated' ? previousState : 'shutting-down';
    return { instanceId: instance.id, previousState, currentState } as const;
  });
  return { changes };
}
