/** What an assignment that runs may still do: Slurm takes its time, and the world goes on meanwhile. */
import type { AssignNodes } from './effects.ts';
import type { State } from './state.ts';

/**
 * The nodes of it whose instances may learn their names now: their gang still waits for it, and they hold these instances.
 * What a gang leaves may be another one's by then, which gives it when it is whole itself.
 */
export function stillGiven(
  state: Readonly<State>,
  { gangId, nodes, instanceIds }: AssignNodes,
): string[] {
  const gang = state.gangs.get(gangId);
  if (gang?.phase !== 'assigning') return [];
  const members = new Set(gang.nodes);
  return nodes.filter(
    (node, index) =>
      members.has(node) && state.leases.get(node)?.instance.instanceId === instanceIds[index],
  );
}
