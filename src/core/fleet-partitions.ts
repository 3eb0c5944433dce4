/** Which of Slurm's partitions are the fleet's. */
import { parseNodeName } from './node-name.ts';

/** A partition as a listing shows it. */
export interface SeenPartition {
  readonly name: string;
  readonly isUp: boolean;
  readonly nodes: readonly string[];
}

/**
 * The names of those that start jobs on nodes of the fleet: partitions called after its queues, and others that share their
 * nodes. `queues` null: every name of the fleet's form is a node of it.
 */
export function partitionsUp(
  partitions: readonly SeenPartition[],
  queues: readonly string[] | null,
): string[] {
  const isOfFleet = (node: string): boolean => {
    const parsed = parseNodeName(node);
    return parsed.kind === 'ok' && (queues === null || queues.includes(parsed.queue));
  };
  return partitions
    .filter(({ isUp, name, nodes }) => isUp && (queues?.includes(name) || nodes.some(isOfFleet)))
    .map(({ name }) => name);
}
