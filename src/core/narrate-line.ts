/** A line of the log, and how a list of nodes or a long text stands in one. It does not know what is told. */
import { foldHostlist } from './hostlist.ts';
import type { Instant } from './units.ts';

export type Level = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

export interface Line {
  readonly level: Level;
  /** `module:function`, as ParallelCluster's log has it. */
  readonly source: string;
  readonly message: string;
}

/** `(x3) ['q-dy-c-[1-3]']`: ParallelCluster's list of nodes, folded. */
export function countedList(nodes: readonly string[]): string {
  return nodes.length === 0 ? '(x0) []' : `(x${nodes.length}) ['${foldHostlist(nodes)}']`;
}

export function line(level: Level, source: string, message: string): Line {
  return { level, source, message };
}

/** A log line that nobody reads to its end helps nobody. */
export function bounded(text: string): string {
  return text.length <= 2000 ? text : `${text.slice(0, 1000)} ... ${text.slice(-200)}`;
}

/** When a refused job is tried again, or what it waits for. */
export function nextTry({ nextAt, hold }: { nextAt: Instant | null; hold: string | null }): string {
  if (nextAt !== null) return `next try at ${new Date(nextAt).toISOString()}`;
  return hold === null ? 'it waits for the fleet to be started' : `held (${hold})`;
}
