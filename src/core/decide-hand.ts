/** Nodes that a person takes away: released, or replaced. Their word goes before whatever runs there. */
import { dropFromBoots, failBootNodes } from './decide-boot.ts';
import { endGiveBacks } from './decide-effects.ts';
import { endLeases } from './decide-moves.ts';
import { dropFromGangs } from './decide-request.ts';
import { claimantsOf, type Draft, leaseOf } from './draft.ts';
import { createLocator } from './fleet.ts';
import { parseHostlistElements } from './hostlist.ts';
import { nodeReason } from './reasons.ts';
import type { HookRequest } from './requests.ts';
import { createSetFinder } from './static-sets.ts';

interface PassedOver {
  readonly nodes: readonly string[];
  readonly why: string;
}

const releasedByHand = {
  code: 'ReleasedByHand',
  message: 'an administrator has released a node of it',
};

const replacedByHand = {
  code: 'ReplacedByHand',
  message: 'an administrator has had the instance replaced',
};

/** Their instances end, and the nodes are powered down, whoever is on them: jobs go back to the queue, or end. */
export function decideReleaseNode(draft: Draft, request: HookRequest): void {
  const { nodes, passedOver } = readNodes(draft, request);
  release(draft, request, nodes);
  done(draft, request, { released: nodes, replaced: [], passedOver });
}

/**
 * A node that a gang waits for gets another instance, and the gang goes on waiting; where it cannot have one the gang is let
 * go. Every other node is released: a static one comes up again with its set, at once; a dynamic one when a job wants it.
 */
export function decideReplaceNode(draft: Draft, request: HookRequest): void {
  const { nodes, passedOver } = readNodes(draft, request);
  const launching = nodes.filter((node) => isBeingLaunched(draft, node));
  const others = nodes.filter((node) => !launching.includes(node));
  const awaited = replaceAwaited(draft, others);
  const released = others.filter((node) => !awaited.has(node));
  release(draft, request, released);
  hastenSets(draft, others);
  const why = 'being launched: there is nothing to replace yet';
  const left = launching.length === 0 ? [] : [{ nodes: launching, why }];
  done(draft, request, { released, replaced: [...awaited], passedOver: [...passedOver, ...left] });
}

function readNodes(
  draft: Draft,
  request: HookRequest,
): { nodes: string[]; passedOver: PassedOver[] } {
  const { nodes, errors } = parseHostlistElements(request.hostlist);
  const passedOver: PassedOver[] = errors.map(({ element, error }) => ({
    nodes: [element],
    why: `${error.message} (column ${error.column}); ${error.hint}`,
  }));
  const locate = createLocator(draft.state.settings);
  const known: string[] = [];
  for (const node of new Set(nodes)) {
    const located = locate(node);
    if (located.kind === 'place') known.push(node);
    else passedOver.push({ nodes: [node], why: located.message });
  }
  return { nodes: known, passedOver };
}

function isBeingLaunched(draft: Draft, node: string): boolean {
  if (claimantsOf(draft, node).length > 0) return true;
  return [...draft.state.boots.values()].some((boot) => boot.replacing.has(node));
}

/** The nodes whose slurmd is awaited. */
function replaceAwaited(draft: Draft, nodes: readonly string[]): Set<string> {
  const awaited = new Set<string>();
  for (const boot of draft.state.boots.values()) {
    const own = nodes.filter((node) => boot.awaiting.has(node) && !awaited.has(node));
    if (own.length === 0 || boot.doom !== null) continue;
    for (const node of own) awaited.add(node);
    failBootNodes(draft, boot, own, replacedByHand);
  }
  return awaited;
}

function release(draft: Draft, request: HookRequest, nodes: readonly string[]): void {
  if (nodes.length === 0) return;
  const taken = new Set(nodes);
  endGiveBacks(draft, taken);
  dropFromBoots(draft, taken, () => releasedByHand);
  dropFromGangs(draft, taken, releasedByHand);
  const leased = nodes.filter((node) => leaseOf(draft, node) !== null);
  endLeases(draft, leased, releasedByHand.code, request.id);
  const reason = nodeReason({ ...releasedByHand, message: 'an administrator has released it' });
  draft.effects.push({ kind: 'GiveBackNodes', id: `${request.id}/back`, nodes, reason });
}

/** Whoever waits for the next try of a set has its administrator looking at it. */
function hastenSets(draft: Draft, nodes: readonly string[]): void {
  const find = createSetFinder(draft.state.settings);
  const keys = new Set(nodes.map((node) => find(node)?.key));
  for (const set of keys)
    if (set !== undefined && draft.state.sets.has(set))
      draft.decisions.push({ kind: 'SetHastened', set });
}

function done(
  draft: Draft,
  { id: requestId }: HookRequest,
  outcome: {
    readonly released: readonly string[];
    readonly replaced: readonly string[];
    readonly passedOver: readonly PassedOver[];
  },
): void {
  draft.decisions.push({ kind: 'NodesTakenByHand', requestId, ...outcome });
}
