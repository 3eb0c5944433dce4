/**
 * A turn in the making. `decide` never changes the state; what it has already decided in this turn stands here, so that
 * later decisions of the same turn take it into account.
 */
import type { Decision, PlacedInstance } from './decisions.ts';
import { createDraftIndex, type DraftIndex } from './draft-index.ts';
import type { Effect, RunInstances } from './effects.ts';
import type { Gang, Lease, Refusal } from './gang.ts';
import { bootFailureCodes } from './protection.ts';
import type { State } from './state.ts';
import type { Instant } from './units.ts';
import { leadsTo } from './waits.ts';

export interface Draft {
  readonly state: State;
  readonly at: Instant;
  readonly decisions: Decision[];
  readonly effects: Effect[];
  /** Launches of this turn that wait for EC2's limit. */
  readonly queued: RunInstances[];
  /** Gangs closed in this turn. */
  readonly closed: Set<string>;
  /** Boots ended in this turn. */
  readonly booted: Set<string>;
  /** Gangs formed or grown in this turn, by the nodes that they claim. */
  readonly claims: Map<string, string[]>;
  /** Nodes whose boot has failed in this turn, with why. */
  readonly failedBoots: Map<string, Pick<Refusal, 'code' | 'message'>>;
  /** Nodes whose lease ended in this turn. */
  readonly ended: Set<string>;
  /** Spares, by instance, that became a node's or ended in this turn. */
  readonly spent: Set<string>;
  /** Leases taken in this turn, by node. */
  readonly placed: Map<string, PlacedInstance & { readonly gangId: string }>;
  /** What stands in all of this, and in the state, about one gang, job, node or request. */
  readonly index: DraftIndex;
}

export function createDraft(state: State, at: Instant): Draft {
  const growing = {
    decisions: [] as Decision[],
    effects: [] as Effect[],
    closed: new Set<string>(),
  };
  return {
    state,
    at: Math.max(at, state.now),
    ...growing,
    queued: [],
    booted: new Set(),
    claims: new Map(),
    failedBoots: new Map(),
    ended: new Set(),
    spent: new Set(),
    placed: new Map(),
    index: createDraftIndex(state, growing),
  };
}

/** A node's lease as this turn sees it. */
export function leaseOf(
  draft: Draft,
  node: string,
): Pick<Lease, 'instance' | 'gangId' | 'given'> | null {
  if (draft.ended.has(node)) return null;
  const placed = draft.placed.get(node);
  if (placed !== undefined)
    return { instance: placed.instance, gangId: placed.gangId, given: false };
  return draft.state.leases.get(node) ?? null;
}

/** The gang, unless it was closed before or in this turn. */
export function openGang(draft: Draft, gangId: string | undefined): Gang | null {
  if (gangId === undefined || draft.closed.has(gangId)) return null;
  return draft.state.gangs.get(gangId) ?? null;
}

/** Whether an open gang other than this one wants the node. */
export function claimedByOther(draft: Draft, node: string, gangId: string): boolean {
  return claimantsOf(draft, node).some((claimant) => claimant !== gangId);
}

/** The same, without gangs whose job is gone: those only wait for Slurm's word on their nodes. */
export function wantedByOther(draft: Draft, node: string, gangId: string): boolean {
  return claimantsOf(draft, node).some((claimant) => {
    const isGone =
      draft.index.isCancelled(claimant) || openGang(draft, claimant)?.phase === 'releasing';
    return claimant !== gangId && !isGone;
  });
}

/** The open gangs that want the node, this turn's included. */
export function claimantsOf(draft: Draft, node: string): string[] {
  const claimants = [...(draft.state.claims.get(node) ?? []), ...(draft.claims.get(node) ?? [])];
  return claimants.filter((claimant) => !draft.closed.has(claimant));
}

/** Takes note of a claim of this turn. */
export function claimNodes(draft: Draft, gangId: string, nodes: readonly string[]): void {
  for (const node of nodes) draft.claims.set(node, [...(draft.claims.get(node) ?? []), gangId]);
}

/** Nodes of which it is decided in this turn that they did not come up. */
export function noteFailedBoots(
  draft: Draft,
  nodes: readonly string[],
  why: Pick<Refusal, 'code' | 'message'>,
): void {
  if (!bootFailureCodes.has(why.code)) return;
  for (const node of nodes) if (!draft.failedBoots.has(node)) draft.failedBoots.set(node, why);
}

/** Whether a gang waits for another, itself or by way of others, this turn's decisions taken into account. */
export function waitsOn(draft: Draft, gangId: string, target: string): boolean {
  const inTurn = new Map<string, readonly string[]>();
  for (const decision of draft.decisions) {
    if (decision.kind === 'GangFormed' || decision.kind === 'GangGrew')
      inTurn.set(decision.gangId, decision.waitsFor);
  }
  const waitsFor = (id: string): readonly string[] => [
    ...(draft.state.gangs.get(id)?.waitsFor ?? []),
    ...(inTurn.get(id) ?? []),
  ];
  return leadsTo(waitsFor, gangId, target);
}

/** How many instances of the pool the gang held before this turn, those reserved included. */
export function heldIn(draft: Draft, gang: Gang, pool: string): number {
  let held = 0;
  // What is launched into them takes their place.
  if (gang.phase === 'reserving') {
    for (const { reservationId, batch } of gang.reserving.values())
      if (reservationId !== null && batch.pool === pool) held += batch.nodes.length;
  }
  for (const node of gang.nodes) {
    const lease = draft.state.leases.get(node);
    if (lease?.pool === pool && lease.gangId === gang.id) held += 1;
  }
  for (const spare of draft.state.spares.values())
    if (spare.pool === pool && spare.gangId === gang.id) held += 1;
  return held;
}

/** How many of the pool the gang had asked EC2 for before this turn, what it held included: so many there are not. */
export function askedIn(draft: Draft, gang: Gang, pool: string): number {
  let asked = heldIn(draft, gang, pool);
  for (const batch of gang.batches.values())
    if (batch.pool === pool && batch.sentAt !== null) asked += batch.nodes.length;
  if (gang.phase !== 'reserving') return asked;
  for (const { reservationId, isForgone, batch } of gang.reserving.values())
    if (reservationId === null && !isForgone && batch.pool === pool) asked += batch.nodes.length;
  return asked;
}

/** How many of the gang's launches have no answer yet, this turn's answers taken into account. */
export function batchesOut(draft: Draft, gang: Gang): number {
  const out = new Set(gang.batches.keys());
  for (const decision of draft.decisions) {
    if (decision.kind === 'BatchHeld' || decision.kind === 'BatchRefused')
      out.delete(decision.effectId);
  }
  return out.size;
}

/** How many of the gang's assignments have no answer yet, this turn's decisions taken into account. */
export function assignmentsOut(draft: Draft, gang: Gang): number {
  const out = new Set(gang.assigning);
  for (const decision of draft.decisions) {
    if (decision.kind === 'GangWhole' && decision.gangId === gang.id)
      for (const id of decision.effectIds) out.add(id);
    else if ('effectId' in decision && endsAssignment.has(decision.kind))
      out.delete(decision.effectId);
  }
  return out.size;
}

const endsAssignment: ReadonlySet<Decision['kind']> = new Set([
  'NodesGiven',
  'NodesRefused',
  'EffectAbandoned',
]);

/** What the gang was refused so far, this turn included. */
export function refusedOf(draft: Draft, gang: Gang): readonly Refusal[] {
  const refused = [...gang.refused];
  for (const decision of draft.decisions) {
    if (!('gangId' in decision) || decision.gangId !== gang.id || decision.kind === 'RungLeft')
      continue;
    if ('refusal' in decision && decision.refusal != null) refused.push(decision.refusal);
  }
  return refused;
}
