/**
 * Static sets: the `-st-` nodes of a compute resource (its MinCount), which are to be up whether a job wants them or not.
 * Which sets there are, and what a look at Slurm says of them; what is done about it is decided in decide-sets.ts.
 */
import type { FleetListing, SeenNode } from './fleet-facts.ts';
import { shutNodes } from './fleet-facts.ts';
import { isOut } from './judge.ts';
import { nodeName, parseNodeName } from './node-name.ts';
import { isProtected } from './protection.ts';
import { defaultStaticSets, type Queue, type Settings, type StaticSets } from './settings.ts';
import type { State } from './state.ts';
import type { DurationMs, Instant } from './units.ts';

export interface StaticSet extends StaticSets {
  /** `queue/compute resource`. */
  readonly key: string;
  readonly nodes: readonly string[];
}

/** What muster has done for a set, and what came of it; none: it is whole, or nothing was tried yet. */
export interface SetTries {
  /** Refusals since it was whole. */
  readonly tries: number;
  /** When it may be powered up again; null: at once. */
  readonly nextAt: Instant | null;
  readonly code: string;
  readonly message: string;
  /** Nodes that Slurm was told to power up, and for which it has not called yet. */
  readonly asked: readonly string[];
  readonly askedAt: Instant;
}

/** Slurm calls within seconds of a power-up; for what it does not call then it is asked again. */
const askedForMs: DurationMs = 60_000;

/** The sets of the fleet. None where no cluster file says how many nodes they have, and none in `node-list` mode. */
export function staticSetsOf({ mode, queues }: Settings): StaticSet[] {
  if (mode !== 'job') return [];
  return (queues ?? []).flatMap((queue) =>
    queue.computeResources
      .filter(({ minCount }) => minCount > 0)
      .map(({ name, minCount, staticSets }) => ({
        ...(staticSets ?? defaultStaticSets),
        key: `${queue.name}/${name}`,
        nodes: Array.from({ length: minCount }, (_, index) => staticNode(queue, name, index + 1)),
      })),
  );
}

function staticNode(queue: Queue, computeResource: string, index: number): string {
  return nodeName({ queue: queue.name, nodeType: 'static', computeResource, index });
}

/** Whose static node each is; null for every other node. The same set is the same object. */
export function createSetFinder(settings: Settings): (node: string) => StaticSet | null {
  const sets = new Map(staticSetsOf(settings).map((set) => [set.key, set]));
  return (node) => {
    const parsed = parseNodeName(node);
    if (parsed.kind === 'error' || parsed.nodeType !== 'static') return null;
    return sets.get(`${parsed.queue}/${parsed.computeResource}`) ?? null;
  };
}

/** What a set needs: nodes powered up, or (where it is replaced whole) the rest of it let go first. */
export interface SetNeed {
  readonly set: string;
  readonly powerUp: readonly string[];
  readonly letGo: readonly string[];
}

/** What the sets need, as a look at Slurm shows their nodes; nothing while the fleet is stopped, or for a queue that is protected. */
export function observeSets(state: State, { askedAt, nodes, partitions }: FleetListing): SetNeed[] {
  if (!watchesSets(state)) return [];
  const look = {
    askedAt,
    seen: new Map(nodes.map((each) => [each.node, each])),
    shut: shutNodes(partitions),
    inHand: nodesInHand(state),
  };
  return staticSetsOf(state.settings)
    .filter(({ key }) => !isProtected(state, key.split('/')[0] ?? ''))
    .flatMap((set) => needOf(state, set, look));
}

/** Whether a set could be looked at: there is one, and the fleet is not stopped. */
export function watchesSets({ fleet, settings }: State): boolean {
  return fleet.status === 'running' && staticSetsOf(settings).length > 0;
}

interface Look {
  readonly askedAt: Instant;
  readonly seen: ReadonlyMap<string, SeenNode>;
  /** Nodes whose partitions start no jobs. */
  readonly shut: ReadonlySet<string>;
  /** Nodes for which something is under way. */
  readonly inHand: ReadonlySet<string>;
}

function needOf(state: State, set: StaticSet, look: Look): SetNeed[] {
  const { askedAt } = look;
  const tries = state.sets.get(set.key);
  if (tries !== undefined && (tries.nextAt ?? 0) > askedAt) return [];
  if (tries !== undefined && tries.asked.length > 0 && tries.askedAt + askedForMs > askedAt)
    return [];
  const nodes = sortNodes(state, set, look);
  if (nodes.lacking.length === 0) return [];
  const { key, launch, replace } = set;
  if (launch === 'best-effort') return [{ set: key, powerUp: nodes.lacking, letGo: [] }];
  // Whole: not before its other nodes are either up, or down and ready to be launched with these.
  if (nodes.unsettled) return [];
  if (replace === 'node' || nodes.up.length === 0)
    return [{ set: key, powerUp: nodes.lacking, letGo: [] }];
  const idle = nodes.up.filter((node) => look.seen.get(node)?.isBusy === false);
  return idle.length === 0 ? [] : [{ set: key, powerUp: [], letGo: idle }];
}

/**
 * `lacking`: powered down, and nobody keeps it so. Nodes that are out of service (drained or down, in a reservation, all their
 * partitions inactive) do not count: the set is kept without them until they are back.
 */
function sortNodes(state: State, { nodes }: StaticSet, { seen, shut, inHand, askedAt }: Look) {
  const lacking: string[] = [];
  const up: string[] = [];
  let unsettled = false;
  for (const node of nodes) {
    const now = seen.get(node);
    if (now === undefined) continue;
    const lease = state.leases.get(node);
    // What the look shows may be older than what has been done since.
    if (inHand.has(node) || (lease !== undefined && lease.leasedAt >= askedAt)) unsettled = true;
    else if (now.power === 'up') {
      // Who has it keeps it, and it is let go by nobody: the rest of the set would wait for that for as long.
      if (!now.isReserved) up.push(node);
    } else if (now.power !== 'saved') unsettled = true;
    else if (lease === undefined && !isOut(now) && !now.isReserved && !shut.has(node))
      lacking.push(node);
  }
  return { lacking, up, unsettled };
}

/** Nodes that a gang wants, that boot, or that are being powered up, given back or let go. */
function nodesInHand({ claims, boots, outstanding }: State): Set<string> {
  const nodes = new Set(claims.keys());
  for (const boot of boots.values())
    for (const node of [...boot.awaiting.keys(), ...boot.replacing.keys()]) nodes.add(node);
  for (const { effect } of outstanding.values()) {
    if (
      effect.kind === 'PowerUpNodes' ||
      effect.kind === 'GiveBackNodes' ||
      effect.kind === 'ReleaseNodes'
    )
      for (const node of effect.nodes) nodes.add(node);
  }
  return nodes;
}
