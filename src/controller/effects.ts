/**
 * Runs effects against the world and turns what comes of them into events. It decides nothing: every outcome, a
 * failure too, is an event. Launches and terminations have lanes of their own, so that neither waits for the other.
 */
import type {
  AssignNodes,
  Effect,
  EndReservation,
  RunInstances,
  SweepLaunch,
} from '../core/effects.ts';
import type { Event } from '../core/events.ts';
import type { Instance } from '../core/instances.ts';
import { CloudError, type CapacityCloud, type Cloud, type ListedInstance } from '../ports/cloud.ts';
import type { Clock } from '../ports/clock.ts';
import type { Registry } from '../ports/registry.ts';
import { SchedulerError, type Scheduler } from '../ports/scheduler.ts';
import { createLane, type Lane } from './lane.ts';
import { askJobs, refreshNodes, releaseNodes, tellJobs } from './slurm-talk.ts';

export interface World {
  readonly cloud: Cloud & CapacityCloud;
  readonly scheduler: Scheduler;
  readonly registry: Registry;
  readonly clock: Clock;
}

/** EC2 takes far more; beyond this the answers' parsing would keep the loop busy. */
const launchesAtOnce = 16;
const terminationsAtOnce = 8;

/** How long a launched instance may lack its private address before the launch counts as unanswered. */
const addressWaitMs = 60_000;
const addressPollMs = 1_000;

export type EffectRunner = (effect: Effect, done: (event: Event) => void) => void;

export function createEffectRunner(world: World): EffectRunner {
  const launches = createLane(launchesAtOnce);
  const terminations = createLane(terminationsAtOnce);
  const laneOf = (effect: Effect): Lane | null => {
    if (effect.kind === 'RunInstances') return launches;
    return effect.kind === 'TerminateInstances' || effect.kind === 'SweepLaunch'
      ? terminations
      : null;
  };
  /** For each assignment that runs, the instances whose end was decided meanwhile. */
  const assignments = new Set<Set<string>>();
  return (effect, done) => {
    const ended = new Set<string>();
    if (effect.kind === 'AssignNodes') assignments.add(ended);
    if (effect.kind === 'TerminateInstances') {
      for (const each of assignments) for (const id of effect.instanceIds) each.add(id);
    }
    // Their names before they wait for the lane, however long EC2 keeps that busy: an instance on its way out must not
    // start slurmd any more, and its node may have its next life long before EC2 has answered.
    const unnamed =
      effect.kind === 'TerminateInstances'
        ? Promise.allSettled([world.registry.remove(effect.instanceIds)])
        : null;
    const run = async (): Promise<void> => {
      const event = await runEffect(world, effect, ended, unnamed);
      assignments.delete(ended);
      done(event);
    };
    const lane = laneOf(effect);
    if (lane === null) void run();
    else lane(run);
  };
}

async function runEffect(
  world: World,
  effect: Effect,
  ended: ReadonlySet<string>,
  unnamed: Promise<PromiseSettledResult<void>[]> | null,
): Promise<Event> {
  const at = (): number => world.clock.now();
  try {
    switch (effect.kind) {
      case 'RunInstances':
        return await launch(world, effect);
      case 'TerminateInstances':
        await terminate(world, effect.instanceIds, unnamed);
        return { kind: 'InstancesTerminated', at: at(), effectId: effect.id };
      case 'SweepLaunch':
        return {
          kind: 'LaunchSwept',
          at: at(),
          effectId: effect.id,
          instanceIds: await sweep(world, effect),
        };
      case 'CreateReservation': {
        const { reservation } = await world.cloud.createReservation(effect.order);
        const { reservationId } = reservation;
        return { kind: 'ReservationMade', at: at(), effectId: effect.id, reservationId };
      }
      case 'EndReservation': {
        const found = await endReservation(world.cloud, effect);
        return { kind: 'ReservationEnded', at: at(), effectId: effect.id, found };
      }
      case 'DescribeSubnets': {
        const subnets = await world.cloud.describeSubnets(effect.subnetIds);
        const zones = Object.fromEntries(
          subnets.map(({ subnetId, availabilityZone }) => [subnetId, availabilityZone]),
        );
        return { kind: 'SubnetsTold', at: at(), effectId: effect.id, zones };
      }
      case 'RefreshNodes':
        await refreshNodes(world.scheduler, effect.nodes);
        return { kind: 'NodesRefreshed', at: at(), effectId: effect.id };
      case 'TellJobs':
        await tellJobs(world.scheduler, effect);
        return { kind: 'JobsInformed', at: at(), effectId: effect.id };
      case 'AskJobs': {
        const told = await inTime(world, askJobs(world.scheduler, effect.jobIds, effect.nodes));
        return { kind: 'JobsTold', at: at(), effectId: effect.id, told };
      }
      case 'ReleaseNodes': {
        const { freed, kept } = await releaseNodes(world.scheduler, effect);
        return { kind: 'NodesReleased', at: at(), effectId: effect.id, freed, kept };
      }
      case 'AssignNodes':
        await assign(world, effect, ended);
        return { kind: 'NodesAssigned', at: at(), effectId: effect.id };
      case 'GiveBackNodes':
        if (effect.reason === null) await world.scheduler.powerDownNodes(effect.nodes);
        else await world.scheduler.downNodes(effect.nodes, effect.reason);
        return { kind: 'NodesGivenBack', at: at(), effectId: effect.id };
    }
  } catch (error: unknown) {
    return failureOf(effect, error, at());
  }
}

function failureOf(effect: Effect, error: unknown, at: number): Event {
  const message = error instanceof Error ? error.message : String(error);
  if (effect.kind === 'RunInstances' || effect.kind === 'CreateReservation') {
    const cloud = error instanceof CloudError ? error : null;
    return {
      kind: effect.kind === 'RunInstances' ? 'LaunchFailed' : 'ReservationFailed',
      at,
      effectId: effect.id,
      // A fault of ours on the way to EC2 leaves the outcome open, as a lost answer does.
      failure: {
        code: cloud?.code ?? 'ConnectionError',
        message,
        requestId: cloud?.requestId ?? null,
      },
    };
  }
  const transient = error instanceof SchedulerError ? error.transient : true;
  return { kind: 'EffectFailed', at, effectId: effect.id, message, transient };
}

async function launch(world: World, effect: RunInstances): Promise<Event> {
  const answer = await world.cloud.runInstances(effect.order);
  const instances = await withAddresses(world, effect, answer.instances);
  return {
    kind: 'LaunchAnswered',
    at: world.clock.now(),
    effectId: effect.id,
    requestId: answer.requestId,
    instances,
  };
}

/**
 * EC2's answer may lack the private address, which Slurm needs; a describe has it seconds later. The instances run by
 * now: whatever goes wrong here is a launch whose outcome is open, never the refusal that the describe's own error says.
 */
async function withAddresses(
  world: World,
  effect: RunInstances,
  answered: readonly Instance[],
): Promise<readonly Instance[]> {
  const deadline = world.clock.now() + addressWaitMs;
  let instances = answered;
  let cause: unknown;
  while (instances.some((instance) => instance.privateIp === '')) {
    if (world.clock.now() > deadline) {
      const why = cause instanceof Error ? `: ${cause.message}` : '';
      throw new CloudError(
        'Timeout',
        `EC2 shows no private address for some instances after ${addressWaitMs / 1000} s${why}`,
        { cause },
      );
    }
    await sleep(world.clock, addressPollMs);
    const listed = await world.cloud
      .describeByClientToken(effect.order.clientToken)
      .catch((error: unknown) => {
        cause = error;
        return [];
      });
    const byId = new Map(listed.map((instance) => [instance.instanceId, instance]));
    instances = instances.map(
      (instance) => withoutListing(byId.get(instance.instanceId)) ?? instance,
    );
  }
  return instances;
}

function withoutListing(listed: ListedInstance | undefined): Instance | null {
  if (listed === undefined) return null;
  return { instanceId: listed.instanceId, privateIp: listed.privateIp, hostname: listed.hostname };
}

/** By its id; where that never came, whatever carries its tag. Resolves to how many there were. */
async function endReservation(cloud: CapacityCloud, effect: EndReservation): Promise<number> {
  if (effect.reservationId !== null) {
    await cloud.cancelReservation(effect.reservationId);
    return 1;
  }
  const found = await cloud.describeReservations({ 'muster:reservation': effect.tag });
  const live = found.filter(({ state }) => state === 'pending' || state === 'active');
  for (const { reservationId } of live) await cloud.cancelReservation(reservationId);
  return live.length;
}

async function sweep(world: World, effect: SweepLaunch): Promise<string[]> {
  const listed = await world.cloud.describeByClientToken(effect.clientToken);
  const alive = listed.filter(({ state }) => state !== 'terminated' && state !== 'shutting-down');
  const instanceIds = alive.map((instance) => instance.instanceId);
  if (instanceIds.length > 0) await world.cloud.terminateInstances(instanceIds);
  return instanceIds;
}

/** A registry that cannot be written keeps no instance running; the whole is repeated later. */
async function terminate(
  { cloud }: World,
  instanceIds: readonly string[],
  unnamed: Promise<PromiseSettledResult<void>[]> | null,
): Promise<void> {
  const [names] = (await unnamed) ?? [];
  await cloud.terminateInstances(instanceIds);
  if (names?.status === 'rejected') throw new Error(`registry: ${String(names.reason)}`);
}

/**
 * Slurm first, then the instances: none may start slurmd for a node that Slurm cannot reach. One whose end was decided
 * while Slurm was told (`ended`) must not learn its name any more.
 */
async function assign(
  world: World,
  effect: AssignNodes,
  ended: ReadonlySet<string>,
): Promise<void> {
  const each = <T>(map: (node: string, index: number) => T): T[] => effect.nodes.map(map);
  if (effect.updateAddress) {
    await world.scheduler.assignNodes(
      each((node, index) => ({
        node,
        address: effect.addresses[index] ?? '',
        hostname: effect.hostnames[index] ?? '',
      })),
    );
  }
  const entries = each((node, index) => ({ node, instanceId: effect.instanceIds[index] ?? '' }));
  await world.registry.publish(entries.filter(({ instanceId }) => !ended.has(instanceId)));
}

/** Launches wait for this answer, so it may not take as long as a command may. */
const askMs = 5_000;

function inTime<T>({ clock }: World, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(askMs, () =>
      reject(new SchedulerError(`Slurm did not answer in ${askMs / 1000} s`, { transient: true })),
    );
    answer.then(resolve, reject).finally(cancel);
  });
}

function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(ms, resolve);
  });
}
