/** Decisions about the whole fleet in words: it is stopped or started, its static sets, nodes that a person takes away. */
import type { Decision } from './decisions.ts';
import { bounded, countedList, line, type Line } from './narrate-line.ts';

type FleetDecision = Extract<
  Decision,
  {
    kind:
      | 'FleetStopped'
      | 'FleetStarted'
      | 'PartitionsTaken'
      | 'PartitionsRestored'
      | 'SetPoweredUp'
      | 'SetRefused'
      | 'SetWhole'
      | 'SetHastened'
      | 'NodesTakenByHand';
  }
>;

const fleet = 'muster.fleet:status';
const sets = 'muster.sets:keep';
const hand = 'muster.nodes:hand';

export function narrateFleet(decision: FleetDecision): Line[] {
  switch (decision.kind) {
    case 'FleetStopped': {
      const said = decision.wasRunning ? 'The fleet is stopped' : 'The fleet is stopped already';
      return [line('WARNING', fleet, `${said}: nothing is launched, and every instance ends`)];
    }
    case 'FleetStarted': {
      const said = decision.wasRunning ? 'The fleet runs already' : 'The fleet is started';
      return [line('INFO', fleet, `${said}${partitions('; up again', decision.partitions)}`)];
    }
    case 'PartitionsTaken':
      return [line('INFO', fleet, `Set inactive${partitions('', decision.partitions)}`)];
    case 'SetPoweredUp':
      return [
        line(
          'INFO',
          sets,
          `Static set ${decision.set}: powering up ${countedList(decision.nodes)}`,
        ),
      ];
    case 'SetRefused': {
      const { set, tries, nextAt, code, message } = decision;
      const next = new Date(nextAt).toISOString();
      const said = `Static set ${set} - try ${tries} refused (Code:${code}) ${bounded(message)}`;
      return [line('WARNING', sets, `${said}; next try at ${next}`)];
    }
    case 'SetWhole':
      return [line('INFO', sets, `Static set ${decision.set} is up`)];
    case 'NodesTakenByHand':
      return takenByHand(decision);
    case 'PartitionsRestored':
    case 'SetHastened':
      return [];
  }
}

function partitions(what: string, names: readonly string[]): string {
  return names.length === 0 ? '' : `${what}: partitions ${bounded(names.join(', '))}`;
}

function takenByHand(decision: Extract<FleetDecision, { kind: 'NodesTakenByHand' }>): Line[] {
  const { released, replaced, passedOver } = decision;
  const lines = passedOver.map(({ nodes, why }) =>
    line('WARNING', hand, `Left as they are ${countedList(nodes)}: ${why}`),
  );
  if (released.length > 0)
    lines.push(line('INFO', hand, `Released by an administrator ${countedList(released)}`));
  if (replaced.length > 0)
    lines.push(line('INFO', hand, `Replaced by an administrator ${countedList(replaced)}`));
  return lines;
}
