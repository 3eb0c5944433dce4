/**
 * Events in words: the part of the log that tells what happened outside of muster. Events whose decisions tell all there
 * is to tell say nothing here.
 */
import type { Event } from './events.ts';
import { bounded, countedList, line, type Line } from './narrate-line.ts';
import type { HookRequest } from './requests.ts';
import type { State } from './state.ts';

type EventOf<Kind extends Event['kind']> = Extract<Event, { kind: Kind }>;

const ledgerBegun =
  'This ledger takes the place of one that was lost or damaged: instances of the cluster that Slurm uses are taken over, the others end';

/** The log lines of one event. `before`: the state that it met, from which names are taken. */
export function narrateEvent(before: State, event: Event): Line[] {
  switch (event.kind) {
    case 'HookCalled':
      return [
        line(
          'INFO',
          'muster.hooks:receive',
          `${event.request.verb} request ${event.request.id} for ${aboutWhat(event.request)}`,
        ),
      ];
    case 'LaunchAnswered':
      return launchAnswered(before, event);
    case 'LaunchFailed':
      return launchFailed(before, event);
    case 'EffectFailed':
      return [
        line(
          event.transient ? 'WARNING' : 'ERROR',
          'muster.effects:run',
          `${event.effectId}: ${event.message}`,
        ),
      ];
    case 'LaunchSwept':
      return launchSwept(event);
    case 'NodesReleased':
      return released(event);
    case 'ReservationFailed':
      return [
        line(
          'ERROR',
          'muster.reserve:create',
          `Failed CreateCapacityReservation request ${event.failure.requestId ?? 'no answer'} (${event.effectId}): ${event.failure.code}: ${event.failure.message}`,
        ),
      ];
    case 'ReservationEnded':
      return event.found === 0
        ? []
        : [line('INFO', 'muster.reserve:end', `Reservation of ${event.effectId} is let go`)];
    case 'LedgerBegun':
      return [line('WARNING', 'muster.ledger:begin', ledgerBegun)];
    case 'Ec2Seen':
      return strays(event);
    case 'JobsInformed':
    case 'NodesRefreshed':
    case 'SlurmSeen':
    case 'NodesPoweredUp':
    case 'PartitionsTold':
    case 'PartitionsSet':
    case 'FleetSeen':
    case 'NodesDrained':
    case 'ReservationMade':
    case 'SubnetsTold':
    case 'PlacementGroupsTold':
    case 'ConsoleFetched':
    case 'JobsTold':
    case 'ConfigLoaded':
    case 'Started':
    case 'NodesAssigned':
    case 'InstancesTerminated':
    case 'NodesGivenBack':
    case 'Woke':
      return [];
  }
}

function launchAnswered(before: State, event: EventOf<'LaunchAnswered'>): Line[] {
  const ids = event.instances.map((instance) => instance.instanceId);
  return [
    line(
      'INFO',
      'muster.launch:run_instances',
      `${jobPrefix(before, event.effectId)}Launched the following instances (x${ids.length}) [${bounded(ids.join(', '))}] (request ${event.requestId})`,
    ),
  ];
}

function launchFailed(before: State, event: EventOf<'LaunchFailed'>): Line[] {
  const { failure, effectId } = event;
  const prefix = jobPrefix(before, effectId);
  const nodes = nodesOfLaunch(before, effectId);
  return [
    line(
      'ERROR',
      'muster.launch:run_instances',
      `${prefix}Failed RunInstances request: ${failure.requestId ?? 'no answer'}`,
    ),
    line(
      'ERROR',
      'muster.launch:add_instances_for_nodes',
      `${prefix}Encountered exception when launching instances for nodes ${countedList(nodes)}: An error occurred (${failure.code}) when calling the RunInstances operation: ${failure.message}`,
    ),
  ];
}

function launchSwept(event: EventOf<'LaunchSwept'>): Line[] {
  return event.instanceIds.length === 0
    ? []
    : [
        line(
          'WARNING',
          'muster.launch:sweep',
          `Terminated instances of a launch whose answer was lost (x${event.instanceIds.length}) [${event.instanceIds.join(', ')}]`,
        ),
      ];
}

function strays(event: EventOf<'Ec2Seen'>): Line[] {
  return [
    ...(event.strays.length === 0
      ? []
      : [
          line(
            'WARNING',
            'muster.watch:strays',
            `Terminating instances of this cluster that no node has (x${event.strays.length}) [${bounded(event.strays.join(', '))}]`,
          ),
        ]),
    ...event.strayReservations.map(({ reservationId }) =>
      line(
        'WARNING',
        'muster.watch:strays',
        `Cancelling reservation ${reservationId}, which no gang has`,
      ),
    ),
  ];
}

function aboutWhat({ verb, hostlist }: HookRequest): string {
  switch (verb) {
    case 'forget-capacity':
      return hostlist === '' ? 'all pools' : `pool: ${bounded(hostlist)}`;
    case 'fleet-stop':
    case 'fleet-start':
      return 'the whole fleet';
    case 'queue-start':
      return `queue: ${bounded(hostlist)}`;
    case 'resume':
    case 'suspend':
    case 'resume-fail':
    case 'release-node':
    case 'replace-node':
      return `nodes: ${bounded(hostlist)}`;
  }
}

function nodesOfLaunch(before: State, effectId: string): readonly string[] {
  const gang = before.gangs.get(before.batchGangs.get(effectId) ?? '');
  return gang?.batches.get(effectId)?.nodes ?? [];
}

function jobPrefix(before: State, effectId: string): string {
  const jobIds = before.gangs.get(before.batchGangs.get(effectId) ?? '')?.jobIds ?? [];
  return jobIds.length === 0 ? '' : `JobID ${bounded(jobIds.join(','))} - `;
}

function released({ freed }: EventOf<'NodesReleased'>): Line[] {
  if (freed.length === 0) return [];
  const text = `Powered down nodes that no job wants ${countedList(freed)}`;
  return [line('INFO', 'muster.slurm:release', text)];
}
