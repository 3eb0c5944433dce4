/**
 * A turn in words: the log. The lines that users of ParallelCluster know and grep for keep their wording
 * (`Failed RunInstances request: <id>`, `Successfully launched nodes (x0) []`); the rest follows it.
 */
import type { Decision } from './decisions.ts';
import type { Effect } from './effects.ts';
import type { Event } from './events.ts';
import { foldHostlist } from './hostlist.ts';
import { nodeReason } from './reasons.ts';
import type { HookRequest } from './requests.ts';
import type { State } from './state.ts';
import type { Turn } from './turn.ts';

export type Level = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

export interface Line {
  readonly level: Level;
  /** `module:function`, as ParallelCluster's log has it. */
  readonly source: string;
  readonly message: string;
}

/** The log lines of a turn. `before`: the state that the turn was decided on, from which names are taken. */
export function narrate(before: State, turn: Turn): Line[] {
  return [
    ...narrateEvent(before, turn.event),
    ...turn.decisions.flatMap((decision) => narrateDecision(decision)),
    ...turn.effects.flatMap((effect) => narrateEffect(effect)),
  ];
}

/** `(x3) ['q-dy-c-[1-3]']`: ParallelCluster's list of nodes, folded. */
export function countedList(nodes: readonly string[]): string {
  return nodes.length === 0 ? '(x0) []' : `(x${nodes.length}) ['${foldHostlist(nodes)}']`;
}

function line(level: Level, source: string, message: string): Line {
  return { level, source, message };
}

function narrateEvent(before: State, event: Event): Line[] {
  switch (event.kind) {
    case 'HookCalled':
      return [
        line(
          'INFO',
          'muster.hooks:receive',
          `${event.request.verb} request ${event.request.id} for ${aboutWhat(event.request)}`,
        ),
      ];
    case 'LaunchAnswered': {
      const ids = event.instances.map((instance) => instance.instanceId);
      return [
        line(
          'INFO',
          'muster.launch:run_instances',
          `${jobPrefix(before, event.effectId)}Launched the following instances (x${ids.length}) [${bounded(ids.join(', '))}] (request ${event.requestId})`,
        ),
      ];
    }
    case 'LaunchFailed': {
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
    case 'EffectFailed':
      return [
        line(
          event.transient ? 'WARNING' : 'ERROR',
          'muster.effects:run',
          `${event.effectId}: ${event.message}`,
        ),
      ];
    case 'LaunchSwept':
      return event.instanceIds.length === 0
        ? []
        : [
            line(
              'WARNING',
              'muster.launch:sweep',
              `Terminated instances of a launch whose answer was lost (x${event.instanceIds.length}) [${event.instanceIds.join(', ')}]`,
            ),
          ];
    case 'NodesReleased':
      return event.freed.length === 0
        ? []
        : [
            line(
              'INFO',
              'muster.slurm:release',
              `Powered down nodes that no job wants ${countedList(event.freed)}`,
            ),
          ];
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
    case 'Ec2Seen':
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
    case 'JobsInformed':
    case 'NodesRefreshed':
    case 'SlurmSeen':
    case 'ReservationMade':
    case 'SubnetsTold':
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

function narrateDecision(decision: Decision): Line[] {
  switch (decision.kind) {
    case 'InputFaulty':
      return [line('ERROR', 'muster.request:read', decision.message)];
    case 'NodesRejected':
      return [failedNodes(decision.refusal.nodes, nodeReason(decision.refusal))];
    case 'GangStarted':
      return decision.batches.map((batch) =>
        line(
          'INFO',
          'muster.launch:start',
          `Launching instances for nodes ${countedList(batch.nodes)} (gang ${decision.gangId}, token ${batch.clientToken})`,
        ),
      );
    case 'EffectDeferred':
      return [
        line(
          'INFO',
          'muster.effects:defer',
          `${decision.effectId}: ${decision.why}; next try at ${new Date(decision.until).toISOString()}`,
        ),
      ];
    case 'NodesGiven':
      return [
        line(
          'INFO',
          'muster.assign:update_node_addresses',
          `Nodes are now configured with instances ${countedList(decision.nodes)}`,
        ),
      ];
    case 'LeasesEnded':
      return [
        line(
          'INFO',
          'muster.launch:terminate',
          `Terminating instances (x${decision.instanceIds.length}) of nodes ${countedList(decision.nodes)}: ${decision.why}`,
        ),
      ];
    case 'AnswerLate':
      return decision.instanceIds.length === 0
        ? []
        : [
            line(
              'INFO',
              'muster.launch:terminate',
              `Terminating instances (x${decision.instanceIds.length}) that nobody waits for any more`,
            ),
          ];
    case 'GangClosed':
      return decision.refusals.map((refusal) =>
        failedNodes(refusal.nodes, nodeReason(refusal), decision.jobIds),
      );
    case 'RequestSettled':
      return settled(decision);
    case 'LaunchesThrottled':
      return [
        line(
          'WARNING',
          'muster.launch:throttle',
          `EC2 throttles RunInstances: no launch before ${new Date(decision.readyAt).toISOString()}`,
        ),
      ];
    case 'GangFormed':
      return assembling(decision.gangId, decision.jobIds, decision);
    case 'GangGrew':
      return assembling(decision.gangId, decision.jobIds, decision);
    case 'GangReserving': {
      const { gangId, rung, parts } = decision;
      const count = parts.reduce((sum, { batch }) => sum + batch.nodes.length, 0);
      return [
        line(
          'INFO',
          'muster.reserve:create',
          `Reserving capacity for all ${count} nodes of gang ${gangId} in ${parts.length} reservations before any is launched (${rung})`,
        ),
      ];
    }
    case 'ReserveForgone':
      return [
        line(
          'WARNING',
          'muster.reserve:forgo',
          `Gang ${decision.gangId} is launched without reservations: ${decision.why}`,
        ),
      ];
    case 'ReservationOver': {
      const { reservationId, count, instanceType, zone, heldMs } = decision;
      return [
        line(
          'INFO',
          'muster.reserve:end',
          `Reservation ${reservationId} (x${count} ${instanceType} in ${zone}) was held for ${Math.round(heldMs / 1000)} s`,
        ),
      ];
    }
    case 'RungLeft':
      return [
        line(
          'WARNING',
          'muster.launch:ladder',
          `Gang ${decision.gangId} finds no room on ${decision.rung} (${decision.refusal.code}: ${decision.refusal.message}); the next rung is tried`,
        ),
      ];
    case 'CapacityForgotten':
      return [
        line(
          'INFO',
          'muster.capacity:forget',
          `Forgot what EC2 gave and refused in ${decision.pools.length === 1 ? 'one pool' : `${decision.pools.length} pools`}: ${bounded(decision.pools.join(', '))}`,
        ),
      ];
    case 'JobRefused':
      return [
        line(
          'INFO',
          'muster.jobs:refuse',
          `JobID ${decision.jobId} - ${decision.tries === 0 ? '' : `try ${decision.tries} `}refused (${decision.code}); ${decision.nextAt === null ? `held (${decision.hold})` : `next try at ${new Date(decision.nextAt).toISOString()}`}`,
        ),
      ];
    case 'JobStarted':
      return [line('INFO', 'muster.jobs:start', `JobID ${decision.jobId} - all its nodes are up`)];
    case 'NodesReplaced':
      return [
        line(
          'WARNING',
          'muster.boot:replace',
          `Launching other instances for nodes ${countedList(decision.nodes)} of gang ${decision.bootId}: (Code:${decision.why.code}) ${decision.why.message}`,
        ),
      ];
    case 'BootFailed':
      return [failedNodes(decision.refusal.nodes, nodeReason(decision.refusal), decision.jobIds)];
    case 'NodesLost':
    case 'BootNodesLost':
      return [failedNodes(decision.refusal.nodes, nodeReason(decision.refusal))];
    case 'GangCancelled':
    case 'BootCancelled':
      return [
        line(
          'INFO',
          'muster.watch:jobs',
          `Gang ${decision.gangId}: its job is gone, its launch stops`,
        ),
      ];
    case 'NodesRegistered':
      return [
        line('INFO', 'muster.watch:nodes', `Nodes have joined ${countedList(decision.nodes)}`),
      ];
    case 'GangWaits':
      return [
        line(
          'INFO',
          'muster.launch:turn',
          `Gang ${decision.gangId} waits until gang ${decision.turnAfter} has its instances or has let them go`,
        ),
      ];
    case 'LeaseHandedOver':
    case 'EffectPutOff':
    case 'BootDoomed':
    case 'BootNodesDropped':
    case 'CapacitySeen':
    case 'ReservationHeld':
    case 'GangDissolved':
    case 'RequestTaken':
    case 'LaunchQueued':
    case 'BatchHeld':
    case 'BatchRefused':
    case 'EffectRepeated':
    case 'EffectNarrowed':
    case 'EffectAbandoned':
    case 'GangWhole':
    case 'NodesRefused': // told when the gang closes
    case 'NodesDropped':
      return [];
  }
}

function aboutWhat({ verb, hostlist }: HookRequest): string {
  if (verb !== 'forget-capacity') return `nodes: ${bounded(hostlist)}`;
  return hostlist === '' ? 'all pools' : `pool: ${bounded(hostlist)}`;
}

function assembling(
  gangId: string,
  jobIds: readonly number[],
  { nodes, missing }: { readonly nodes: readonly string[]; readonly missing: readonly string[] },
): Line[] {
  if (missing.length === 0) return [];
  return [
    line(
      'INFO',
      'muster.request:assemble',
      `JobID ${bounded(jobIds.join(','))} - Gang ${gangId} has ${countedList(nodes)} so far and waits for Slurm to ask for ${countedList(missing)}`,
    ),
  ];
}

function settled(decision: Extract<Decision, { kind: 'RequestSettled' }>): Line[] {
  const source = 'muster.resume:resume';
  const launched = `Successfully launched nodes ${countedList(decision.given)}`;
  const lines = [line('INFO', source, launched)];
  if (decision.failed.length > 0) {
    const failed = `Failed to launch following nodes, setting nodes to DOWN: ${countedList(decision.failed)}`;
    lines.unshift(line('ERROR', source, failed));
  }
  return lines;
}

function failedNodes(
  nodes: readonly string[],
  reason: string,
  jobIds: readonly number[] = [],
): Line {
  const jobs = jobIds.length === 0 ? '' : `JobID ${bounded(jobIds.join(','))} - `;
  return line(
    'INFO',
    'muster.resume:handle_failed_nodes',
    `${jobs}Setting following failed nodes into DOWN state ${countedList(nodes)} with reason: ${reason}`,
  );
}

function narrateEffect(effect: Effect): Line[] {
  if (effect.kind !== 'RunInstances') return [];
  const { order } = effect;
  const what =
    order.launch.kind === 'launch-template'
      ? `LaunchTemplate ${order.launch.name} ${order.launch.version}`
      : `${order.launch.instanceType} in ${order.launch.subnetId}`;
  return [
    line(
      'INFO',
      'muster.launch:run_instances',
      `Launching instances with run_instances API. Parameters: MinCount ${order.minCount}, MaxCount ${order.maxCount}, ${what}, ClientToken ${order.clientToken}`,
    ),
  ];
}

function nodesOfLaunch(before: State, effectId: string): readonly string[] {
  const gang = before.gangs.get(before.batchGangs.get(effectId) ?? '');
  return gang?.batches.get(effectId)?.nodes ?? [];
}

function jobPrefix(before: State, effectId: string): string {
  const jobIds = before.gangs.get(before.batchGangs.get(effectId) ?? '')?.jobIds ?? [];
  return jobIds.length === 0 ? '' : `JobID ${bounded(jobIds.join(','))} - `;
}

/** A log line that nobody reads to its end helps nobody. */
function bounded(text: string): string {
  return text.length <= 2000 ? text : `${text.slice(0, 1000)} ... ${text.slice(-200)}`;
}
