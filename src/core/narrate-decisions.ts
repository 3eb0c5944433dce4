/**
 * Decisions in words: the part of the log that tells what muster decided, grouped by what a decision is about. Decisions
 * that only move muster's own bookkeeping say nothing. What happened, and what is asked of the world, is told elsewhere.
 */
import type { BatchStarted, Decision } from './decisions.ts';
import type { Verdict } from './judge.ts';
import { bounded, countedList, line, nextTry, type Line } from './narrate-line.ts';
import { narrateBeyondGangs } from './narrate-protection.ts';
import { narrateInstances } from './narrate-instances.ts';
import { nodeReason } from './reasons.ts';

type DecisionOf<Kind extends Decision['kind']> = Extract<Decision, { kind: Kind }>;

/** The log lines of one decision, by what it is about. */
export function narrateDecision(decision: Decision): Line[] {
  switch (decision.kind) {
    case 'InputFaulty':
    case 'NodesRejected':
    case 'RequestSettled':
    case 'CapacityForgotten':
      return narrateRequest(decision);
    case 'GangFormed':
    case 'GangGrew':
    case 'GangWaits':
    case 'GangCancelled':
    case 'BootCancelled':
      return narrateAssembly(decision);
    case 'GangReserving':
    case 'ReserveForgone':
    case 'ReservationOver':
      return narrateReserving(decision);
    case 'GangStarted':
    case 'EffectDeferred':
    case 'LaunchesThrottled':
    case 'RungLeft':
      return narrateLaunch(decision);
    case 'NodesGiven':
    case 'GangClosed':
    case 'LeasesEnded':
    case 'AnswerLate':
      return narrateOutcome(decision);
    case 'NodesRegistered':
    case 'NodesReplaced':
    case 'LeasesFound':
    case 'SparesTaken':
    case 'SparesEnded':
    case 'BootFailed':
    case 'NodesLost':
    case 'BootNodesLost':
    case 'NodesMended':
      return narrateBoot(decision);
    case 'JobRefused':
    case 'JobStarted':
    case 'JobForgotten':
    case 'JobStruck':
    case 'JobSettled':
      return narrateJob(decision);
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
    default:
      return narrateBeyondGangs(decision);
  }
}

/** What hook calls, and the operator, asked for. */
function narrateRequest(
  decision: DecisionOf<'InputFaulty' | 'NodesRejected' | 'RequestSettled' | 'CapacityForgotten'>,
): Line[] {
  switch (decision.kind) {
    case 'InputFaulty':
      return [line('ERROR', 'muster.request:read', decision.message)];
    case 'NodesRejected':
      return [failedNodes(decision.refusal.nodes, nodeReason(decision.refusal))];
    case 'RequestSettled':
      return settled(decision);
    case 'CapacityForgotten':
      return [
        line(
          'INFO',
          'muster.capacity:forget',
          `Forgot what EC2 gave and refused in ${decision.pools.length === 1 ? 'one pool' : `${decision.pools.length} pools`}: ${bounded(decision.pools.join(', '))}`,
        ),
      ];
  }
}

/** Gangs before their first call; a gang, open or given, whose job is gone. */
function narrateAssembly(
  decision: DecisionOf<'GangFormed' | 'GangGrew' | 'GangWaits' | 'GangCancelled' | 'BootCancelled'>,
): Line[] {
  switch (decision.kind) {
    case 'GangFormed':
      return assembling(decision.gangId, decision.jobIds, decision);
    case 'GangGrew':
      return assembling(decision.gangId, decision.jobIds, decision);
    case 'GangWaits':
      return [
        line(
          'INFO',
          'muster.launch:turn',
          `Gang ${decision.gangId} waits until gang ${decision.turnAfter} has its instances or has let them go`,
        ),
      ];
    case 'GangCancelled':
    case 'BootCancelled':
      return [
        line(
          'INFO',
          'muster.watch:jobs',
          `Gang ${decision.gangId}: its job is gone, its launch stops`,
        ),
      ];
  }
}

/** Capacity reserved before a launch. */
function narrateReserving(
  decision: DecisionOf<'GangReserving' | 'ReserveForgone' | 'ReservationOver'>,
): Line[] {
  switch (decision.kind) {
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
  }
}

/** Calls to EC2: made, put off, and the next rung of the ladder. */
function narrateLaunch(
  decision: DecisionOf<'GangStarted' | 'EffectDeferred' | 'LaunchesThrottled' | 'RungLeft'>,
): Line[] {
  switch (decision.kind) {
    case 'GangStarted':
      return decision.batches.map((batch) =>
        line(
          'INFO',
          'muster.launch:start',
          `Launching instances for nodes ${countedList(batch.nodes)}${sparesIn(batch)} (gang ${decision.gangId}, token ${batch.clientToken})`,
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
    case 'LaunchesThrottled':
      return [
        line(
          'WARNING',
          'muster.launch:throttle',
          `EC2 throttles RunInstances: no launch before ${new Date(decision.readyAt).toISOString()}`,
        ),
      ];
    case 'RungLeft':
      return [
        line(
          'WARNING',
          'muster.launch:ladder',
          `Gang ${decision.gangId} finds no room on ${decision.rung} (${decision.refusal.code}: ${decision.refusal.message}); ${decision.unfit === undefined ? 'the next rung is tried' : 'it is tried again without reservations'}`,
        ),
      ];
  }
}

function sparesIn({ spares = 0 }: BatchStarted): string {
  return spares === 0 ? '' : ` and ${spares === 1 ? '1 spare' : `${spares} spares`}`;
}

/** What nodes got in the end, and instances that are let go. */
function narrateOutcome(
  decision: DecisionOf<'NodesGiven' | 'GangClosed' | 'LeasesEnded' | 'AnswerLate'>,
): Line[] {
  switch (decision.kind) {
    case 'NodesGiven':
      return [
        line(
          'INFO',
          'muster.assign:update_node_addresses',
          `Nodes are now configured with instances ${countedList(decision.nodes)}`,
        ),
      ];
    case 'GangClosed':
      return decision.refusals.map((refusal) =>
        failedNodes(refusal.nodes, nodeReason(refusal), decision.jobIds),
      );
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
  }
}

/** Nodes that have instances: up, replaced, or lost. */
function narrateBoot(
  decision: DecisionOf<
    | 'NodesRegistered'
    | 'NodesReplaced'
    | 'LeasesFound'
    | 'SparesTaken'
    | 'SparesEnded'
    | 'BootFailed'
    | 'NodesLost'
    | 'BootNodesLost'
    | 'NodesMended'
  >,
): Line[] {
  switch (decision.kind) {
    case 'NodesRegistered':
      return [
        line('INFO', 'muster.watch:nodes', `Nodes have joined ${countedList(decision.nodes)}`),
      ];
    case 'NodesReplaced':
      return [
        line(
          'WARNING',
          'muster.boot:replace',
          `Replacing the instances of nodes ${countedList(decision.nodes)} of gang ${decision.bootId}: (Code:${decision.why.code}) ${decision.why.message}`,
        ),
      ];
    case 'LeasesFound':
    case 'SparesTaken':
    case 'SparesEnded':
      return narrateInstances(decision);
    case 'BootFailed':
      return [failedNodes(decision.refusal.nodes, nodeReason(decision.refusal), decision.jobIds)];
    case 'NodesLost':
    case 'BootNodesLost':
      return [failedNodes(decision.refusal.nodes, nodeReason(decision.refusal))];
    case 'NodesMended':
      return [
        line(
          'WARNING',
          'muster.fleet:mend',
          `Nodes ${countedList(decision.nodes)}: ${decision.message} (${decision.rule}); ${mends[decision.verdict]}`,
        ),
      ];
  }
}

const mends: Readonly<Record<Verdict, string>> = {
  leave: 'left as it is',
  'lose-instance': 'powering down',
  'fail-boot': 'another instance is launched, or its gang is let go',
  drain: 'draining: no further job is put there',
  release: 'powering down, unless somebody is there',
  'end-boot': 'it is awaited no more; terminating its instance',
  'end-instance': 'terminating its instance',
  'give-back': 'setting down and powering down, so that its job goes back to the queue',
  'bring-back': 'taking it back into service',
};

/** Jobs that are tried again, held, or up, or that have lost a node. */
function narrateJob(
  decision: DecisionOf<'JobRefused' | 'JobStarted' | 'JobForgotten' | 'JobStruck' | 'JobSettled'>,
): Line[] {
  switch (decision.kind) {
    case 'JobRefused':
      return [
        line(
          'INFO',
          'muster.jobs:refuse',
          `JobID ${decision.jobId} - ${decision.tries === 0 ? '' : `try ${decision.tries} `}refused (${decision.code}); ${nextTry(decision)}`,
        ),
      ];
    case 'JobStarted':
      return [line('INFO', 'muster.jobs:start', `JobID ${decision.jobId} - all its nodes are up`)];
    case 'JobForgotten':
      return [
        line(
          'INFO',
          'muster.jobs:forget',
          `JobID ${decision.jobId} - Slurm has it in its queue no more: what it was refused is forgotten`,
        ),
      ];
    case 'JobStruck':
      return [
        line(
          'WARNING',
          'muster.jobs:strike',
          `JobID ${decision.jobId} - has lost nodes ${countedList(decision.lost)}; ${keptOf(decision.left)}`,
        ),
      ];
    case 'JobSettled':
      return [
        line(
          'INFO',
          'muster.jobs:settle',
          `JobID ${decision.jobId} - ${settledAs[decision.outcome]}; powering down ${countedList(decision.nodes)} of its nodes`,
        ),
      ];
  }
}

function keptOf(left: Extract<Decision, { kind: 'JobStruck' }>['left']): string {
  if (left.length === 0) return 'it is tried again';
  return `keeping ${countedList(left.map(({ node }) => node))} for its next try`;
}

const settledAs: Readonly<Record<DecisionOf<'JobSettled'>['outcome'], string>> = {
  started: 'runs again after the loss of a node',
  gone: 'is gone after the loss of a node',
  late: 'still waits after the loss of a node',
};

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

function settled(decision: DecisionOf<'RequestSettled'>): Line[] {
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
