/**
 * Instances of this cluster that the ledger does not know, after it was lost, or has lost its last turns: those that
 * serve a node are taken over, the others end. What Slurm uses is never ended: where it cannot be told which instance is
 * behind a node that is on, none from before the ledger is ended until that node is off.
 */
import type { Instance } from './instances.ts';
import type { NodePower } from './node-state.ts';
import type { State } from './state.ts';
import type { Instant } from './units.ts';

/** An instance of this cluster that runs, or is about to, and that no lease had when EC2 was asked. */
export interface UnleasedInstance extends Instance {
  readonly clientToken: string | null;
  readonly launchedAt: Instant;
}

/** What else is known of who uses them. */
export interface UseListing {
  /** The registry: instance id to node. */
  readonly names: ReadonlyMap<string, string>;
  /** Slurm's nodes of the cluster; null: it has not answered. */
  readonly nodes: readonly { readonly node: string; readonly power: NodePower }[] | null;
}

/** An instance that serves a node, and that no lease has. */
export interface FoundInstance {
  readonly node: string;
  readonly instance: Instance;
  readonly launchedAt: Instant;
  /** Its slurmd has joined. */
  readonly isUp: boolean;
}

export interface Unclaimed {
  readonly found: readonly FoundInstance[];
  /** Of no use to anybody, as far as can be told. */
  readonly useless: readonly UnleasedInstance[];
}

/** Sorts instances that nothing in the state accounts for. */
export function sortUnclaimed(
  state: State,
  unclaimed: readonly UnleasedInstance[],
  use: UseListing,
): Unclaimed {
  const powers = new Map((use.nodes ?? []).map(({ node, power }) => [node, power]));
  const found = new Map<string, FoundInstance>();
  // Of two that bear a node's name the newer one serves it.
  for (const each of unclaimed.toSorted((one, other) => one.launchedAt - other.launchedAt)) {
    const node = use.names.get(each.instanceId);
    const power = node === undefined ? undefined : powers.get(node);
    if (node === undefined || (power !== 'up' && power !== 'powering-up')) continue;
    if (!isFree(state, node)) continue;
    const { instanceId, privateIp, hostname, launchedAt } = each;
    const instance = { instanceId, privateIp, hostname };
    found.set(node, { node, instance, launchedAt, isUp: power === 'up' });
  }
  const taken = new Set([...found.values()].map(({ instance }) => instance.instanceId));
  const mayBeUsed = [...powers].some(
    ([node, power]) => power !== 'saved' && isFree(state, node) && !found.has(node),
  );
  const useless = unclaimed.filter(({ instanceId, launchedAt }) => {
    if (taken.has(instanceId)) return false;
    const isOlder = launchedAt < state.begunAt;
    if (use.names.has(instanceId)) return use.nodes !== null;
    return !isOlder || (use.nodes !== null && !mayBeUsed);
  });
  return { found: [...found.values()], useless };
}

/** Nothing that muster knows of is at the node. */
function isFree({ leases, claims }: State, node: string): boolean {
  return !leases.has(node) && !claims.has(node);
}
