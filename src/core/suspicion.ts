/**
 * How long each node has been judged the same: what is wrong for a moment is let pass. This is memory of the one who
 * looks, not of the ledger: after a start every grace begins anew. Pure.
 */
import type { RuleName, Rule } from './judge.ts';
import type { DurationMs, Instant } from './units.ts';

/** Nodes about which something is to be done when their grace is over. */
export type Suspicions = ReadonlyMap<string, Suspicion>;

export interface Suspicion {
  readonly rule: RuleName;
  /** Since when it has been so; after something was done about it, since then. */
  readonly since: Instant;
  /** Looks that have shown it since. */
  readonly looks: number;
  readonly isActedOn: boolean;
}

/** Nodes that are not to be left as they are, each with its rule. */
export type Judged = ReadonlyMap<string, Pick<Rule, 'graceMs'> & { readonly name: RuleName }>;

/** With fewer looks than these a clock that jumps would make a grace of a moment. */
const looksMin = 3;

/** What was done may take so long to show. */
const againMs: DurationMs = 60_000;

/**
 * One more look, at `at`. `ripe`: the nodes that have been so for their rule's grace. Should what is done then be of no
 * avail, they are ripe again after another one.
 */
export function ripen(
  before: Suspicions,
  judged: Judged,
  at: Instant,
): { readonly suspicions: Suspicions; readonly ripe: readonly string[] } {
  const suspicions = new Map<string, Suspicion>();
  const ripe: string[] = [];
  for (const [node, { name, graceMs }] of judged) {
    const last = before.get(node);
    const known = last?.rule === name ? last : { since: at, looks: 0, isActedOn: false };
    const looks = known.looks + 1;
    const waitMs = known.isActedOn ? Math.max(graceMs, againMs) : graceMs;
    const isRipe = at - known.since >= waitMs && (waitMs === 0 || looks >= looksMin);
    if (isRipe) ripe.push(node);
    suspicions.set(
      node,
      isRipe
        ? { rule: name, since: at, looks: 0, isActedOn: true }
        : { rule: name, since: known.since, looks, isActedOn: known.isActedOn },
    );
  }
  return { suspicions, ripe };
}
