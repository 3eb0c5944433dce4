/**
 * The end of an instance: asked, over (its room and address are free), forgotten (no longer described); and the end
 * of its client token a day later.
 */
import type { Instant } from '../../core/units.ts';
import { malformedId, unknownInstances } from './errors.ts';
import { stateAt, type Instance } from './instances.ts';
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
  world.pools.release(instance);
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

/** Does nothing to one whose end was asked already. Says whether it did something. */
export function endInstance(world: World, instance: Instance, now: Instant): boolean {
  if (instance.endAskedAt !== null) return false;
  instance.endAskedAt = now;
  instance.endedAt = now + world.times.shutdownMs;
  world.totals.terminated += 1;
  world.totals.paying -= 1;
  world.totals.payingSince -= instance.launchedAt;
  world.totals.paidMs += now - instance.launchedAt;
  world.agenda.add(instance.endedAt, () => isOver(world, instance));
  return true;
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
): { changes: readonly InstanceStateChange[]; ended: readonly Instance[] } {
  const instances = instancesById(world, [...new Set(request.instanceIds)], () => true);
  const ended: Instance[] = [];
  const changes = instances.map((instance) => {
    const previousState = stateAt(instance, now);
    if (endInstance(world, instance, now)) ended.push(instance);
    // With no shutdown time the instance is terminated at once, and the answer still says shutting-down, as EC2's does.
    const currentState = previousState === 'terminated' ? previousState : 'shutting-down';
    return { instanceId: instance.id, previousState, currentState } as const;
  });
  return { changes, ended };
}
