/** One turn of the loop: the record that the ledger keeps and that `apply` replays. */
import type { Decision } from './decisions.ts';
import type { Effect } from './effects.ts';
import type { Event } from './events.ts';

export interface Turn {
  readonly event: Event;
  readonly decisions: readonly Decision[];
  readonly effects: readonly Effect[];
}
