/**
 * A turn in the making. `decide` never changes the state; what it has already decided in this turn stands here, so that
 * later decisions of the same turn take it into account.
 */
import type { Decision, PlacedInstance } from './decisions.ts';
import type { Effect } from './effects.ts';
import type { Gang, Lease } from './gang.ts';
import type { State } from './state.ts';
import type { Instant } from './units.ts';

export interface Draft {
  readonly state: State;
  readonly at: Instant;
  readonly decisions: Decision[];
  readonly effects: Effect[];
  /** Gangs closed in this turn. */
  readonly closed: Set<string>;
  /** Nodes whose lease ended in this turn. */
  readonly ended: Set<string>;
  /** Leases taken in this turn, by node. */
  readonly placed: Map<string, PlacedInstance & { readonly gangId: string }>;
}

export function createDraft(state: State, at: Instant): Draft {
  return {
    state,
    at: Math.max(at, state.now),
    decisions: [],
    effects: [],
    closed: new Set(),
    ended: new Set(),
    placed: new Map(),
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
  return (draft.state.claims.get(node) ?? []).some(
    (claimant) => claimant !== gangId && !draft.closed.has(claimant),
  );
}
