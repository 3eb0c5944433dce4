/**
 * A turn in words: the log. The lines that users of ParallelCluster know and grep for keep their wording
 * (`Failed RunInstances request: <id>`, `Successfully launched nodes (x0) []`); the rest follows it. What an event and a decision say stands in the
 * files beside it.
 */
import type { Effect } from './effects.ts';
import { narrateDecision } from './narrate-decisions.ts';
import { narrateEvent } from './narrate-events.ts';
import { line, type Line } from './narrate-line.ts';
import type { State } from './state.ts';
import type { Turn } from './turn.ts';

export { countedList, type Level, type Line } from './narrate-line.ts';

/** The log lines of a turn. `before`: the state that the turn was decided on, from which names are taken. */
export function narrate(before: State, turn: Turn): Line[] {
  return [
    ...narrateEvent(before, turn.event),
    ...turn.decisions.flatMap((decision) => narrateDecision(decision)),
    ...turn.effects.flatMap((effect) => narrateEffect(effect)),
  ];
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
