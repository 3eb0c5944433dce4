/** A turn in one line, for those who replay a seed: what happened, what was decided, what was asked of the world. */
import type { PastJobs } from '../../core/past-jobs.ts';
import type { Decision } from '../../core/decisions.ts';
import type { Effect } from '../../core/effects.ts';
import type { Event } from '../../core/events.ts';
import type { Refusal } from '../../core/gang.ts';
import { foldHostlist } from '../../core/hostlist.ts';
import type { Turn } from '../../core/turn.ts';
import { fleetInShort, protectionInShort } from './fleet-in-short.ts';

type DecisionOf<Kind extends Decision['kind']> = Extract<Decision, { kind: Kind }>;

export function turnInShort({ event, decisions, effects }: Turn): string {
  const parts = [eventInShort(event)];
  if (decisions.length > 0) parts.push(decisions.map(decisionInShort).join('; '));
  if (effects.length > 0) parts.push(effects.map(effectInShort).join('; '));
  return parts.join(' => ');
}

function fold(nodes: readonly string[]): string {
  return nodes.length === 0 ? '(no node)' : foldHostlist(nodes);
}

function eventInShort(event: Event): string {
  switch (event.kind) {
    case 'HookCalled':
      return `HookCalled ${event.request.verb} ${event.request.id}`;
    case 'LaunchAnswered':
      return `LaunchAnswered ${event.effectId} ${event.instances.map((each) => each.instanceId).join(' ')}`;
    case 'ReservationMade':
      return `ReservationMade ${event.effectId} ${event.reservationId}`;
    case 'ReservationEnded':
      return `ReservationEnded ${event.effectId} (${event.found})`;
    case 'PlacementGroupsTold':
      return `PlacementGroupsTold ${JSON.stringify({ ...event.templates, ...event.arns })}`;
    case 'SubnetsTold':
      return `SubnetsTold ${JSON.stringify(event.zones)}`;
    case 'SlurmSeen': {
      const silent = event.silent?.told.jobs.map((job) => job.jobId).join(' ') ?? '';
      return `SlurmSeen registered ${fold(event.registered)}, late ${fold(event.late)}, doomed ${event.doomed.map((each) => each.gangId).join(' ')}, gone ${event.gone.join(' ')}, silent ${silent}`;
    }
    case 'Ec2Seen':
      return `Ec2Seen ended ${event.ended.join(' ')}, strays ${event.strays.join(' ')} ${event.strayReservations.map(({ reservationId }) => reservationId).join(' ')}`;
    case 'FleetSeen':
      return `FleetSeen ${event.judged.map(({ rule, nodes }) => `${rule} ${fold(nodes)}`).join(', ')} struck ${event.struck.map(({ jobId }) => jobId).join(' ')} settled ${event.settled.map(({ jobId, outcome }) => `${jobId} ${outcome}`).join(' ')}${pastInShort(event.past)}`;
    case 'ReservationFailed':
    case 'LaunchFailed':
      return `${event.kind} ${event.effectId} ${event.failure.code}`;
    case 'EffectFailed':
      return `EffectFailed ${event.effectId} ${event.transient ? 'for now' : 'for good'}: ${event.message}`;
    case 'ConsoleFetched':
      return `ConsoleFetched ${event.effectId} ${event.tail.length} characters`;
    case 'PartitionsTold':
      return `PartitionsTold ${event.effectId} ${event.up.join(' ')}`;
    case 'PartitionsSet':
    case 'NodesPoweredUp':
    case 'JobsInformed':
    case 'NodesRefreshed':
    case 'NodesDrained':
    case 'NodesAssigned':
    case 'InstancesTerminated':
    case 'NodesGivenBack':
      return `${event.kind} ${event.effectId}`;
    case 'LaunchSwept':
      return `LaunchSwept ${event.effectId} ${event.instanceIds.join(' ')}`;
    case 'JobsTold':
      return `JobsTold ${event.effectId} ${event.told.jobs.map((job) => `${job.jobId}${job.isAllocated ? '' : ' (gone)'}=${job.nodes}`).join(' ')}, absent ${event.told.absent}`;
    case 'NodesReleased':
      return `NodesReleased ${event.effectId} ${fold(event.freed)}`;
    case 'LedgerBegun':
    case 'ConfigLoaded':
    case 'Started':
    case 'Woke':
      return event.kind;
  }
}

function refused(refusal: Refusal | null): string {
  return refusal === null ? '' : `, refused ${fold(refusal.nodes)}: ${refusal.code}`;
}

function decisionInShort(decision: Decision): string {
  switch (decision.kind) {
    case 'RequestTaken':
    case 'InputFaulty':
    case 'NodesRejected':
    case 'RequestSettled':
    case 'CapacityForgotten':
      return requestInShort(decision);
    case 'GangFormed':
    case 'GangGrew':
    case 'GangWaits':
    case 'GangDissolved':
    case 'GangStarted':
    case 'RungLeft':
    case 'LeaseHandedOver':
    case 'GangWhole':
    case 'NodesGiven':
    case 'NodesDropped':
    case 'GangClosed':
    case 'BootCancelled':
    case 'GangCancelled':
      return gangInShort(decision);
    case 'GangReserving':
    case 'ReservationHeld':
    case 'ReservationOver':
    case 'ReserveForgone':
    case 'CapacitySeen':
      return capacityInShort(decision);
    case 'BatchHeld':
    case 'BatchRefused':
    case 'NodesRefused':
    case 'LeasesEnded':
    case 'LaunchQueued':
    case 'LaunchesThrottled':
    case 'EffectPutOff':
    case 'EffectDeferred':
    case 'EffectAbandoned':
    case 'EffectNarrowed':
    case 'EffectRepeated':
    case 'AnswerLate':
      return callInShort(decision);
    case 'FleetStopped':
    case 'FleetStarted':
    case 'PartitionsTaken':
    case 'PartitionsRestored':
    case 'SetPoweredUp':
    case 'SetRefused':
    case 'SetWhole':
    case 'SetHastened':
    case 'NodesTakenByHand':
      return fleetInShort(decision);
    case 'BootsFailed':
    case 'QueueProtected':
    case 'QueueStarted':
    case 'ConsoleKept':
      return protectionInShort(decision);
    default:
      return bootInShort(decision);
  }
}

/** What hook calls, and the operator, asked for. */
function requestInShort(
  decision: DecisionOf<
    'RequestTaken' | 'InputFaulty' | 'NodesRejected' | 'RequestSettled' | 'CapacityForgotten'
  >,
): string {
  switch (decision.kind) {
    case 'RequestTaken':
    case 'InputFaulty':
      return `${decision.kind} ${decision.requestId}`;
    case 'NodesRejected':
      return `NodesRejected ${decision.requestId}${refused(decision.refusal)}`;
    case 'RequestSettled':
      return `RequestSettled ${decision.requestId}, given ${fold(decision.given)}, failed ${fold(decision.failed)}`;
    case 'CapacityForgotten':
      return `CapacityForgotten ${decision.pools.join(', ')}`;
  }
}

/** Gangs from forming to their end. */
function gangInShort(
  decision: DecisionOf<
    | 'GangFormed'
    | 'GangGrew'
    | 'GangWaits'
    | 'GangDissolved'
    | 'GangStarted'
    | 'RungLeft'
    | 'LeaseHandedOver'
    | 'GangWhole'
    | 'NodesGiven'
    | 'NodesDropped'
    | 'GangClosed'
    | 'BootCancelled'
    | 'GangCancelled'
  >,
): string {
  switch (decision.kind) {
    case 'GangFormed': {
      const { gangId, gangKind, firm, nodes, jobIds, waitsFor } = decision;
      const waits = waitsFor.length === 0 ? '' : `, waits for ${waitsFor.join(' ')}`;
      return `GangFormed ${gangId} ${firm ? 'firm' : 'soft'} ${gangKind} of jobs ${jobIds.join(' ')}: ${fold(nodes)}${waits}`;
    }
    case 'GangGrew':
      return `GangGrew ${decision.gangId} by ${fold(decision.nodes)}, misses ${fold(decision.missing)}`;
    case 'GangWaits':
      return `GangWaits ${decision.gangId} for ${decision.turnAfter}`;
    case 'GangDissolved':
      return `GangDissolved ${decision.gangId}`;
    case 'GangStarted':
      return `GangStarted ${decision.gangId} in ${decision.batches.length} calls`;
    case 'RungLeft':
      return `RungLeft ${decision.gangId} ${decision.rung}: ${decision.refusal.code}`;
    case 'LeaseHandedOver':
      return `LeaseHandedOver ${decision.fromNode} to ${decision.node}`;
    case 'GangWhole':
      return `GangWhole ${decision.gangId}`;
    case 'NodesGiven':
    case 'NodesDropped':
      return `${decision.kind} ${decision.gangId} ${fold(decision.nodes)}`;
    case 'GangClosed':
      return `GangClosed ${decision.gangId}, given ${fold(decision.given)}${decision.refusals.map(refused).join('')}`;
    case 'BootCancelled':
    case 'GangCancelled':
      return `${decision.kind} ${decision.gangId}`;
  }
}

/** Reservations, and what EC2 gave or refused. */
function capacityInShort(
  decision: DecisionOf<
    'GangReserving' | 'ReservationHeld' | 'ReservationOver' | 'ReserveForgone' | 'CapacitySeen'
  >,
): string {
  switch (decision.kind) {
    case 'GangReserving':
      return `GangReserving ${decision.gangId} on ${decision.rung} in ${decision.parts.length} reservations`;
    case 'ReservationHeld':
      return `ReservationHeld ${decision.effectId} ${decision.reservationId}`;
    case 'ReservationOver':
      return `ReservationOver ${decision.reservationId}`;
    case 'ReserveForgone':
      return `ReserveForgone ${decision.gangId}: ${decision.why}`;
    case 'CapacitySeen':
      return `CapacitySeen ${decision.pool} ${decision.refusal === null ? 'gave' : 'refused'} ${decision.count}`;
  }
}

/** Answers to calls, and calls that wait or are given up. */
function callInShort(
  decision: DecisionOf<
    | 'BatchHeld'
    | 'BatchRefused'
    | 'NodesRefused'
    | 'LeasesEnded'
    | 'LaunchQueued'
    | 'LaunchesThrottled'
    | 'EffectPutOff'
    | 'EffectDeferred'
    | 'EffectAbandoned'
    | 'EffectNarrowed'
    | 'EffectRepeated'
    | 'AnswerLate'
  >,
): string {
  switch (decision.kind) {
    case 'BatchHeld':
      return `BatchHeld ${decision.effectId} ${decision.placed.map(({ node, instance }) => `${node}=${instance.instanceId}`).join(' ')}, spares ${(decision.spares ?? []).map(({ instanceId }) => instanceId).join(' ')}${refused(decision.refusal)}`;
    case 'BatchRefused':
      return `BatchRefused ${decision.effectId}${refused(decision.refusal)}`;
    case 'NodesRefused':
      return `NodesRefused ${decision.effectId}${refused(decision.refusal)}`;
    case 'LeasesEnded':
      return `LeasesEnded ${fold(decision.nodes)}: ${decision.why}`;
    case 'LaunchQueued':
      return `LaunchQueued ${decision.effect.id}`;
    case 'LaunchesThrottled':
      return `LaunchesThrottled until ${new Date(decision.readyAt).toISOString()}`;
    case 'EffectPutOff':
      return `EffectPutOff ${decision.effect.id}`;
    case 'EffectDeferred':
      return `EffectDeferred ${decision.effectId} until ${new Date(decision.until).toISOString()}: ${decision.why}`;
    case 'EffectAbandoned':
      return `EffectAbandoned ${decision.effectId}: ${decision.why}`;
    case 'EffectNarrowed':
      return `EffectNarrowed ${decision.effectId} to ${fold(decision.nodes)}`;
    case 'EffectRepeated':
    case 'AnswerLate':
      return `${decision.kind} ${decision.effectId}`;
  }
}

/** Gangs that were given, until they are up or lost, and their jobs. */
function bootInShort(
  decision: DecisionOf<
    | 'NodesRegistered'
    | 'NodesReplaced'
    | 'LeasesFound'
    | 'SparesTaken'
    | 'SparesEnded'
    | 'NodesLost'
    | 'NodesMended'
    | 'BootDoomed'
    | 'BootFailed'
    | 'BootNodesLost'
    | 'BootNodesDropped'
    | 'JobRefused'
    | 'JobStarted'
    | 'JobForgotten'
    | 'JobStruck'
    | 'JobSettled'
  >,
): string {
  switch (decision.kind) {
    case 'NodesRegistered':
      return `NodesRegistered ${fold(decision.nodes)}`;
    case 'NodesReplaced':
      return `NodesReplaced ${decision.bootId} by ${decision.replacementId}: ${fold(decision.nodes)}`;
    case 'LeasesFound':
      return `LeasesFound ${decision.found.map(({ node, instance }) => `${node}=${instance.instanceId}`).join(' ')}`;
    case 'SparesTaken':
      return `SparesTaken by ${decision.gangId} ${decision.placed.map(({ node, instance }) => `${node}=${instance.instanceId}`).join(' ')}`;
    case 'SparesEnded':
      return `SparesEnded of ${decision.gangId} ${decision.instanceIds.join(' ')}: ${decision.why}`;
    case 'NodesLost':
      return `NodesLost${refused(decision.refusal)}`;
    case 'NodesMended':
      return `NodesMended ${fold(decision.nodes)}: ${decision.rule}, ${decision.verdict}`;
    case 'BootDoomed':
      return `BootDoomed ${decision.gangId}: ${decision.doom.code} ${fold(decision.doom.nodes)}`;
    case 'BootFailed':
    case 'BootNodesLost':
      return `${decision.kind} ${decision.gangId}${refused(decision.refusal)}`;
    case 'BootNodesDropped':
      return `BootNodesDropped ${decision.gangId} ${fold(decision.nodes)}`;
    case 'JobRefused':
      return `JobRefused ${decision.jobId} try ${decision.tries}: ${decision.code}, ${decision.hold ?? new Date(decision.nextAt ?? 0).toISOString()}`;
    case 'JobStarted':
    case 'JobForgotten':
      return `${decision.kind} ${decision.jobId}`;
    case 'JobStruck':
      return `JobStruck ${decision.jobId}, lost ${fold(decision.lost)}, left ${fold(decision.left.map(({ node }) => node))}`;
    case 'JobSettled':
      return `JobSettled ${decision.jobId} ${decision.outcome}, let go ${fold(decision.nodes)}`;
  }
}

function effectInShort(effect: Effect): string {
  switch (effect.kind) {
    case 'RunInstances':
      return `RunInstances ${effect.id} ${effect.order.minCount}..${effect.order.maxCount}`;
    case 'FetchConsole':
      return `FetchConsole ${effect.id} ${effect.instanceId}`;
    case 'TerminateInstances':
      return `TerminateInstances ${effect.id} ${effect.instanceIds.join(' ')}`;
    case 'RefreshNodes':
      return `RefreshNodes ${effect.id} ${fold(effect.nodes)}`;
    case 'TellJobs':
      return `TellJobs ${effect.id} ${effect.jobIds.join(' ')}: ${effect.note ?? 'nothing any more'}`;
    case 'CreateReservation':
      return `CreateReservation ${effect.id} x${effect.order.count}`;
    case 'EndReservation':
      return `EndReservation ${effect.id} ${effect.reservationId ?? 'by its tag'}`;
    case 'DescribePlacementGroups':
      return `DescribePlacementGroups ${[...effect.names, ...effect.templates].join(' ')}`;
    case 'DescribeSubnets':
      return `DescribeSubnets ${effect.subnetIds.join(' ')}`;
    case 'AskJobs':
      return `AskJobs ${effect.id} ${effect.jobIds.join(' ')}`;
    case 'DrainNodes':
      return `DrainNodes ${effect.id} ${fold(effect.nodes)}`;
    case 'ReleaseNodes':
      return `ReleaseNodes ${effect.id} ${fold(effect.nodes)}`;
    case 'PowerUpNodes':
      return `PowerUpNodes ${effect.id} ${fold(effect.nodes)}`;
    case 'ListPartitions':
      return `ListPartitions ${effect.id}`;
    case 'SetPartitions':
      return `SetPartitions ${effect.id} ${effect.partitions.join(' ')} ${effect.isUp ? 'up' : 'inactive'}`;
    case 'SweepLaunch':
      return `SweepLaunch ${effect.id}`;
    case 'AssignNodes':
      return `AssignNodes ${effect.id} ${fold(effect.nodes)}`;
    case 'GiveBackNodes':
      return `GiveBackNodes ${effect.id} ${fold(effect.nodes)} ${effect.reason ?? ''}`;
  }
}

function pastInShort(past: PastJobs | undefined): string {
  return past === undefined ? '' : ` started ${past.started.join(' ')} gone ${past.gone.join(' ')}`;
}
