/**
 * Spares: instances that a firm gang's job launches beyond its nodes. They boot beside the others and learn no name, so
 * that they join nothing; where a node's instance does not come, a spare becomes that node's. When the gang is up, or is
 * let go, they end.
 */
import type { Boot } from './boot.ts';
import type { Instance } from './instances.ts';
import { parseNodeName } from './node-name.ts';
import type { State } from './state.ts';
import type { DurationMs, Instant } from './units.ts';

export interface Spare {
  readonly instance: Instance;
  /** The gang that launched it, open or booting: it serves nobody else. */
  readonly gangId: string;
  readonly queue: string;
  readonly computeResource: string;
  readonly pool: string;
  readonly zone: string | null;
  readonly launchedAt: Instant;
}

/** So long after all others have registered, the last ones are not waited for where spares can take their places. */
export const straggleMs: DurationMs = 30_000;

/** Spares whose gang is up, on another rung, let go or gone: nobody needs them any more. */
export function idleSpares({ spares, gangs, boots }: State): Spare[] {
  if (spares.size === 0) return [];
  return [...spares.values()].filter(({ gangId }) => {
    const phase = gangs.get(gangId)?.phase;
    if (phase !== undefined) return phase !== 'launching' && phase !== 'assigning';
    const boot = boots.get(gangId);
    return boot === undefined || boot.doom !== null;
  });
}

/**
 * Which spare of the gang would take which node's place: of the same compute resource and from the same pool, so that the
 * gang stays in its zone. `spent`: instances that are spoken for or gone. Nodes for which there is none are left out.
 */
export function matchSpares(
  state: State,
  gangId: string,
  nodes: readonly string[],
  spent: ReadonlySet<string> = new Set(),
): Map<string, Spare> {
  const free = [...state.spares.values()].filter(
    (spare) => spare.gangId === gangId && !spent.has(spare.instance.instanceId),
  );
  const matched = new Map<string, Spare>();
  for (const node of nodes) {
    const index = free.findIndex((spare) => fits(state, spare, node));
    const [spare] = index === -1 ? [] : free.splice(index, 1);
    if (spare !== undefined) matched.set(node, spare);
  }
  return matched;
}

function fits({ leases }: State, spare: Spare, node: string): boolean {
  const name = parseNodeName(node);
  if (name.kind === 'error' || leases.get(node)?.pool !== spare.pool) return false;
  return name.queue === spare.queue && name.computeResource === spare.computeResource;
}

/**
 * The nodes that keep all others of their gang waiting although spares could take their places. An instance that has just
 * become a node's has as long as the others had.
 */
export function stragglers(state: State, boot: Boot, at: Instant): string[] {
  const since = straggleAt(state, boot);
  return since !== null && since <= at ? [...boot.awaiting.keys()] : [];
}

/** When the nodes that are awaited will be stragglers, if they do not register; null: nothing makes them so. */
export function straggleAt(state: State, boot: Boot): Instant | null {
  const { doom, awaiting, replacing, registeredAt, gangId } = boot;
  if (state.spares.size === 0 || registeredAt === null || doom !== null) return null;
  const nodes = [...awaiting.keys()];
  if (nodes.length === 0 || replacing.size > 0) return null;
  if (matchSpares(state, gangId, nodes).size < nodes.length) return null;
  const leasedAt = nodes.map((node) => state.leases.get(node)?.leasedAt ?? registeredAt);
  return Math.max(registeredAt, ...leasedAt) + straggleMs;
}
