/** A look at the static nodes of the test world of the core, as Slurm would show them. */
import type { NodeState } from '../node-state.ts';
import type { SeenNode } from '../fleet-facts.ts';
import { observeSets, staticSetsOf, type SetNeed } from '../static-sets.ts';
import { nodeUp } from './node-state.ts';
import type { DrivenWorld } from './world.ts';

/**
 * What the sets need. Slurm shows a node up once its slurmd has registered, powering up while it is wanted or booting, and
 * powered down otherwise, with what the test has put down for it.
 */
export function needsOfSets(
  world: DrivenWorld,
  shown: Readonly<Record<string, Partial<NodeState>>> = {},
): SetNeed[] {
  const { state, now } = world;
  const nodes = staticSetsOf(state.settings).flatMap((set) => set.nodes);
  const seen = nodes.map((node): SeenNode => {
    const lease = state.leases.get(node);
    const isUp = lease?.isRegistered === true;
    const isComing = lease !== undefined || state.claims.has(node);
    const power = isUp ? 'up' : isComing ? 'powering-up' : 'saved';
    return { ...nodeUp, node, reason: '', power, ...shown[node] };
  });
  return observeSets(state, { askedAt: now, nodes: seen, partitions: [] });
}

/** What comes of such a look. */
export function act(world: DrivenWorld, needs: readonly SetNeed[]): void {
  world.send({ kind: 'FleetSeen', askedAt: world.now, judged: [], struck: [], settled: [], needs });
}

/** Looks, and acts on it. */
export function lookAtSets(
  world: DrivenWorld,
  shown: Readonly<Record<string, Partial<NodeState>>> = {},
): void {
  const needs = needsOfSets(world, shown);
  if (needs.length > 0) act(world, needs);
}
