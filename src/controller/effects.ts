/**
 * Runs effects against the world and turns what comes of them into events. It decides nothing: every outcome, a
 * failure too, is an event. Launches and terminations have lanes of their own, so that neither waits for the other.
 */
import type {
  AssignNodes,
  Effect,
  EndReservation,
  FetchConsole,
  ListPartitions,
  PowerUpNodes,
  RunInstances,
  SetPartitions,
  SweepLaunch,
} from '../core/effects.ts';
import type { Event } from '../core/events.ts';
import { partitionsUp } from '../core/fleet-partitions.ts';
import type { Instance } from '../core/instances.ts';
import { consoleTail } from '../core/protection.ts';
import { verdictOf } from '../core/verdict.ts';
import { CloudError, type CapacityCloud, type Cloud, type ListedInstance } from '../ports/cloud.ts';
import type { Clock } from '../ports/clock.ts';
import type { ConsoleLog } from '../ports/console-log.ts';
import type { Registry } from '../ports/registry.ts';
import { SchedulerError, type Scheduler } from '../ports/scheduler.ts';
import { lookUp } from './lookups.ts';
import { createLane, createTurns, inLane, type Lane } from './lane.ts';
import {
  askJobs,
  drainNodes,
  giveBack,
  refreshNodes,
  releaseNodes,
  tellJobs,
} from './slurm-talk.ts';

export interface World {
  readonly cloud: Cloud & CapacityCloud;
  readonly scheduler: Scheduler;
  readonly registry: Registry;
  readonly consoles: ConsoleLog;
  readonly clock: Clock;
}

/** EC2 takes far more; beyond this the answers' parsing would keep the loop busy. */
const launchesAtOnce = 16;
const terminationsAtOnce = 8;

/** How long a launched instance may lack its private address before the launch counts as unanswered. */
const addressWaitMs = 60_000;
const addressPollMs = 1_000;

export type EffectRunner = (effect: Effect, done: (event: Event) => void) => void;

/** Those nodes of an assignment that runs whose instances may learn their names now. */
export type StillGiven = (effect: AssignNodes) => readonly string[];

export function createEffectRunner(world: World, stillGiven: StillGiven): EffectRunner {
  const lines: Lines = {
    launches: createLane(launchesAtOnce),
    terminations: createLane(terminationsAtOnce),
    stillGiven,
  };
  /** What was decided of a job last must be what stays, however slow Slurm is with what came before. */
  const tellings = createTurns<number>();
  return (effect, done) => {
    // Their names before they wait for the lane, however long EC2 keeps that busy: an instance on its way out must not
    // start slurmd any more, and its node may have its next life long before EC2 has answered.
    const unnamed =
      effect.kind === 'TerminateInstances'
        ? Promise.allSettled([world.registry.remove(effect.instanceIds)])
        : null;
    const run = async (): Promise<void> => done(await runEffect(world, effect, lines, unnamed));
    if (effect.kind === 'TerminateInstances' || effect.kind === 'SweepLaunch')
      lines.terminations(run);
    else if (effect.kind === 'TellJobs') tellings(effect.jobIds, run);
    else void run();
  };
}

interface Lines {
  readonly launches: Lane;
  readonly terminations: Lane;
  readonly stillGiven: StillGiven;
}

async function runEffect(
  world: World,
  effect: Effect,
  lines: Lines,
  unnamed: Promise<PromiseSettledResult<void>[]> | null,
): Promise<Event> {
  const at = (): number => world.clock.now();
  try {
    switch (effect.kind) {
      case 'RunInstances':
        return await launch(world, effect, lines.launches);
      case 'TerminateInstances':
        await terminate(world, effect.instanceIds, unnamed);
        return { kind: 'InstancesTerminated', at: at(), effectId: effect.id };
      case 'SweepLaunch': {
        const instanceIds = await sweep(world, effect);
        return { kind: 'LaunchSwept', at: at(), effectId: effect.id, instanceIds };
      }
      case 'CreateReservation': {
        const { reservation } = await world.cloud.createReservation(effect.order);
        const { reservationId } = reservation;
        return { kind: 'ReservationMade', at: at(), effectId: effect.id, reservationId };
      }
      case 'EndReservation': {
        const found = await endReservation(world.cloud, effect);
        return { kind: 'ReservationEnded', at: at(), effectId: effect.id, found };
      }
      case 'DescribeSubnets':
      case 'DescribePlacementGroups':
        return { ...(await lookUp(world.cloud, effect)), at: at() };
      case 'RefreshNodes':
        await refreshNodes(world.scheduler, effect.nodes, world.clock, effect.evenDrained);
        return { kind: 'NodesRefreshed', at: at(), effectId: effect.id };
      case 'TellJobs':
        await tellJobs(world.scheduler, effect);
        return { kind: 'JobsInformed', at: at(), effectId: effect.id };
      case 'AskJobs': {
        const told = await inTime(world, askJobs(world.scheduler, effect.jobIds, effect.nodes));
        return { kind: 'JobsTold', at: at(), effectId: effect.id, told };
      }
      case 'ReleaseNodes': {
        const { freed, kept } = await releaseNodes(world.scheduler, effect, world.clock);
        return { kind: 'NodesReleased', at: at(), effectId: effect.id, freed, kept };
      }
      case 'PowerUpNodes':
      case 'ListPartitions':
      case 'SetPartitions':
      case 'FetchConsole':
        return await runFleetEffect(world, effect);
      case 'DrainNodes':
        await drainNodes(world.scheduler, effect, world.clock);
        return { kind: 'NodesDrained', at: at(), effectId: effect.id };
      case 'AssignNodes':
        await assign(world, effect, lines.stillGiven);
        return { kind: 'NodesAssigned', at: at(), effectId: effect.id };
      case 'GiveBackNodes':
        await giveBack(world.scheduler, effect, world.clock);
        return { kind: 'NodesGivenBack', at: at(), effectId: effect.id };
    }
  } catch (error: unknown) {
    return failureOf(effect, error, at());
  }
}

/** All of it is kept elsewhere; the ledger gets its end. */
async function fetchConsole(
  { cloud, consoles, clock }: World,
  { id: effectId, node, instanceId }: FetchConsole,
): Promise<Event> {
  const output = await cloud.consoleOutput(instanceId);
  const tail = consoleTail(output);
  if (tail !== '') consoles.append({ node, instanceId, output });
  return { kind: 'ConsoleFetched', at: clock.now(), effectId, tail };
}

/** What is asked for the whole fleet, a queue or a static set. */
async function runFleetEffect(
  world: World,
  effect: PowerUpNodes | ListPartitions | SetPartitions | FetchConsole,
): Promise<Event> {
  const { scheduler, clock } = world;
  const { id: effectId } = effect;
  switch (effect.kind) {
    case 'PowerUpNodes':
      await scheduler.powerUpNodes(effect.nodes);
      return { kind: 'NodesPoweredUp', at: clock.now(), effectId };
    case 'ListPartitions': {
      const up = partitionsUp(await scheduler.listPartitions(), effect.queues);
      return { kind: 'PartitionsTold', at: clock.now(), effectId, up };
    }
    case 'SetPartitions':
      await scheduler.setPartitions(effect.partitions, effect.isUp);
      return { kind: 'PartitionsSet', at: clock.now(), effectId };
    case 'FetchConsole':
      return fetchConsole(world, effect);
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
  const transient =
    error instanceof SchedulerError
      ? error.transient
      : effect.kind !== 'TerminateInstances' || !isRefusal(error);
  return { kind: 'EffectFailed', at, effectId: effect.id, message, transient };
}

/** EC2 answered, and means it. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof CloudError)) return false;
  const verdict = verdictOf(error.code);
  return verdict !== 'throttle' && verdict !== 'transient';
}

/** Only the call itself takes a place in the lane: instances that lack their addresses keep no other launch waiting. */
async function launch(world: World, effect: RunInstances, launches: Lane): Promise<Event> {
  const answer = await inLane(launches, () => world.cloud.runInstances(effect.order));
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
 * Slurm first, then the instances: none may start slurmd for a node that Slurm cannot reach. One that has lost its gang, or
 * whose end was decided, while Slurm was told must not learn its name any more. Rejects where that is all of them.
 */
async function assign(world: World, effect: AssignNodes, stillGiven: StillGiven): Promise<void> {
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
  const left = new Set(stillGiven(effect));
  if (left.size === 0) throw new Error('nobody waits for it any more');
  const entries = each((node, index) => ({ node, instanceId: effect.instanceIds[index] ?? '' }));
  await world.registry.publish(entries.filter(({ node }) => left.has(node)));
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
