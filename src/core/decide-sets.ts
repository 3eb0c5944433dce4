/**
 * Static sets are kept at strength: what Slurm has powered down is powered up, whole or one by one as the set has it. The
 * hook call that follows brings a gang of the set. One that is refused is tried again, each time later, and never held:
 * nobody would release it.
 */
import { backoffMs } from './backoff.ts';
import type { Boot } from './boot.ts';
import { claimantsOf, type Draft, leaseOf } from './draft.ts';
import type { Gang, Refusal } from './gang.ts';
import { settingsAt } from './launch-policy.ts';
import { drainReason } from './reasons.ts';
import { createSetFinder, type SetNeed, staticSetsOf } from './static-sets.ts';
import { verdictOf } from './verdict.ts';

type Why = Pick<Refusal, 'code' | 'message'>;

/** A set that lost a node and is replaced whole: the others go when no job is on them. */
const replacedWhole: Why = {
  code: 'SetReplaced',
  message: 'a node of its static set is lost, and the set is replaced whole',
};

export function decideSetsSeen(draft: Draft, needs: readonly SetNeed[]): void {
  if (draft.state.fleet.status === 'stopped') return;
  for (const { set, powerUp, letGo } of needs) {
    const up = powerUp.filter((node) => isFree(draft, node) && leaseOf(draft, node) === null);
    if (up.length > 0) {
      draft.decisions.push({ kind: 'SetPoweredUp', set, nodes: up });
      draft.effects.push({ kind: 'PowerUpNodes', id: `set-${set}-${draft.at}`, set, nodes: up });
    }
    const nodes = letGo.filter((node) => isFree(draft, node));
    if (nodes.length === 0) continue;
    draft.effects.push({
      kind: 'ReleaseNodes',
      id: `set-${set}-${draft.at}/release`,
      nodes,
      reason: drainReason(replacedWhole),
      code: replacedWhole.code,
    });
  }
}

/** Nobody wants it, by what has come since the look. */
function isFree(draft: Draft, node: string): boolean {
  return claimantsOf(draft, node).length === 0;
}

/** The set's launch was refused, or its boot has failed. */
export function refuseSet(draft: Draft, set: string | null, { code, message }: Why): void {
  // The start of the fleet is its next try.
  if (set === null || code === 'FleetStopped') return;
  const [queue = '', computeResource = ''] = set.split('/');
  const { retry, capacityMemory } = settingsAt(draft.state.settings, { queue, computeResource });
  const tries = (draft.state.sets.get(set)?.tries ?? 0) + 1;
  const waitMs = backoffMs(set, tries - 1, retry.firstMs, retry.maxMs);
  // Before the refusal is forgotten EC2 would not be asked.
  const askedAgainMs = verdictOf(code) === 'capacity' ? capacityMemory.refusalMs : 0;
  const nextAt = draft.at + Math.max(waitMs, askedAgainMs);
  draft.decisions.push({ kind: 'SetRefused', set, tries, nextAt, code, message });
}

/** All that was given for it has registered. Of a set taken one by one others may still be lacking. */
export function completeSet(draft: Draft, { set, isWhole }: Boot): void {
  if (set === null) return;
  const nodes = staticSetsOf(draft.state.settings).find(({ key }) => key === set)?.nodes ?? [];
  const isFull = nodes.every((node) => leaseOf(draft, node) !== null);
  if (isWhole || isFull) draft.decisions.push({ kind: 'SetWhole', set });
}

/** Nodes of the set that Slurm was told to power up and has not called for: they come in another call (ResumeRate). */
export function missingOfSet(draft: Draft, set: string, nodes: readonly string[]): string[] {
  const asked = draft.state.sets.get(set)?.asked ?? [];
  return asked.filter(
    (node) => !nodes.includes(node) && isFree(draft, node) && leaseOf(draft, node) === null,
  );
}

/** The pool that most of the set's other nodes are in: what is missing joins them there. Null: none is up. */
export function poolOfSet(draft: Draft, set: string, nodes: readonly string[]): string | null {
  const find = createSetFinder(draft.state.settings);
  const own = new Set(nodes);
  const counts = new Map<string, number>();
  for (const { node, pool } of draft.state.leases.values()) {
    if (own.has(node) || find(node)?.key !== set) continue;
    counts.set(pool, (counts.get(pool) ?? 0) + 1);
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return most?.[0] ?? null;
}

/** Whether a gang of the set is a whole that must not be broken. */
export function isWholeKind({ kind, firm }: Pick<Gang, 'kind' | 'firm'>): boolean {
  return firm && (kind === 'job' || kind === 'static-set');
}
