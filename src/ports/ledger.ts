/** The durable, append-only record of every turn. All state is derived from it. */
import type { Turn } from '../core/turn.ts';

export interface RecordedTurn {
  readonly sequence: number;
  readonly turn: Turn;
}

export interface Ledger {
  /** Makes turns durable, all or none, before it resolves; resolves to the last one's sequence number. */
  append(turns: readonly Turn[]): Promise<number>;
  /** Every turn after `sequence` (0 for all), in order. */
  read(sequence: number): AsyncIterable<RecordedTurn>;
}
