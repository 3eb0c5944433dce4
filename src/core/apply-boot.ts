/**
 * The part of `apply` that keeps boots, which are gangs that were given until every slurmd of theirs has registered.
 * Only `apply` and its other parts call it.
 */
import { endFailures } from './apply-protection.ts';
import type { Boot } from './boot.ts';
import { bootAllowanceMs, registerBy } from './deadlines.ts';
import type { Decision } from './decisions.ts';
import type { Gang } from './gang.ts';
import { placesOf, settingsFor } from './launch-policy.ts';
import type { State } from './state.ts';
import type { Instant } from './units.ts';

export type BootDecision = Extract<
  Decision,
  {
    kind:
      | 'NodesRegistered'
      | 'NodesReplaced'
      | 'BootDoomed'
      | 'BootFailed'
      | 'BootCancelled'
      | 'BootNodesLost'
      | 'BootNodesDropped';
  }
>;

export function applyToBoots(state: State, decision: BootDecision): void {
  switch (decision.kind) {
    case 'NodesRegistered':
      endFailures(state, decision.nodes);
      return registerNodes(state, decision.nodes);
    case 'NodesReplaced': {
      const boot = state.boots.get(decision.bootId);
      if (boot === undefined) return;
      boot.replacements += decision.nodes.length;
      for (const node of decision.nodes) {
        boot.awaiting.delete(node);
        boot.replacing.set(node, decision.replacementId);
      }
      return;
    }
    case 'BootDoomed': {
      const boot = state.boots.get(decision.gangId);
      if (boot !== undefined) boot.doom = decision.doom;
      return;
    }
    case 'BootFailed':
    case 'BootCancelled':
      state.boots.delete(decision.gangId);
      return;
    case 'BootNodesLost':
      return dropBootNodes(state, decision.gangId, decision.refusal.nodes);
    case 'BootNodesDropped':
      return dropBootNodes(state, decision.gangId, decision.nodes);
  }
  return decision satisfies never;
}

/** What was given must register: within what a boot is allowed, and in time for ResumeTimeout. */
export function startBoot(state: State, gang: Gang, given: readonly string[]): void {
  const { settings, now } = state;
  const registerAllBy = registerBy(settingsFor(settings, gang), gang.requestedAt, now);
  // Each has its own place's time.
  const by = (node: string): Instant => {
    const here = settingsFor(settings, { places: placesOf([node]), wish: gang.wish });
    return Math.min(registerAllBy, now + bootAllowanceMs(here));
  };
  const awaited = given.filter((node) => state.leases.get(node)?.isRegistered === false);
  if (gang.replaces !== null) return endReplacing(state, gang, awaited, by);
  if (awaited.length === 0) return;
  const boot: Boot = {
    gangId: gang.id,
    requestId: gang.requestIds[0] ?? '',
    jobIds: gang.jobIds,
    set: gang.set,
    jobNodes: gang.jobNodes,
    isWhole: gang.firm && (gang.kind === 'job' || gang.kind === 'static-set'),
    nodes: given,
    awaiting: new Map(awaited.map((node) => [node, by(node)])),
    requestedAt: gang.requestedAt,
    registeredAt: null,
    registerBy: registerAllBy,
    replacing: new Map(),
    replacements: 0,
    doom: null,
  };
  keepJobs(boot, given);
  state.boots.set(gang.id, boot);
}

/** Gangs that share the node have waited for the same instance. */
function endReplacing(
  state: State,
  { id, nodes }: Gang,
  awaited: readonly string[],
  by: (node: string) => Instant,
): void {
  for (const boot of state.boots.values()) {
    const own = nodes.filter((node) => boot.replacing.get(node) === id);
    if (own.length === 0) continue;
    for (const node of own) boot.replacing.delete(node);
    for (const node of own) if (awaited.includes(node)) boot.awaiting.set(node, by(node));
    endBootIfWhole(state, boot);
  }
}

function registerNodes(state: State, nodes: readonly string[]): void {
  for (const node of nodes) {
    const lease = state.leases.get(node);
    if (lease !== undefined) lease.isRegistered = true;
  }
  const registered = new Set(nodes);
  for (const boot of state.boots.values()) {
    for (const node of boot.awaiting.keys())
      if (registered.has(node)) {
        boot.awaiting.delete(node);
        boot.registeredAt = state.now;
      }
    endBootIfWhole(state, boot);
  }
}

function dropBootNodes(state: State, gangId: string, nodes: readonly string[]): void {
  const boot = state.boots.get(gangId);
  if (boot === undefined) return;
  const dropped = new Set(nodes);
  boot.nodes = boot.nodes.filter((node) => !dropped.has(node));
  keepJobs(boot, boot.nodes);
  for (const node of dropped) {
    boot.awaiting.delete(node);
    boot.replacing.delete(node);
  }
  endBootIfWhole(state, boot);
}

/** Where every job has a node of its own, those without one are not its affair any more. */
function keepJobs(boot: Boot, nodes: readonly string[]): void {
  if (boot.jobNodes === null) return;
  boot.jobNodes = boot.jobNodes.filter(([, node]) => nodes.includes(node));
  boot.jobIds = boot.jobNodes.map(([jobId]) => jobId);
}

function endBootIfWhole(state: State, boot: Boot): void {
  // One that is let go is ended by that.
  if (boot.doom !== null) return;
  if (boot.awaiting.size === 0 && boot.replacing.size === 0) state.boots.delete(boot.gangId);
}
