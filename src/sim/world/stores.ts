/**
 * What of muster outlives a crash, in memory: the ledger, the spool and the registry. They act at once and answer in
 * a later turn; when they fail is decided by whoever stands between them and muster (life.ts).
 */
import type { HookRequest } from '../../core/requests.ts';
import type { Turn } from '../../core/turn.ts';
import type { Ledger, RecordedTurn } from '../../ports/ledger.ts';
import type { Registry } from '../../ports/registry.ts';

export interface MemoryLedger extends Ledger {
  /** Turns in it. */
  size(): number;
}

/**
 * Turns are kept as text, as on a disk: what does not survive that does not survive a crash. `appended` is called for
 * each turn that is in it.
 */
export function createMemoryLedger(appended: (turn: Turn) => void): MemoryLedger {
  const records: string[] = [];
  return {
    append(turns) {
      for (const turn of turns) {
        records.push(JSON.stringify(turn));
        appended(turn);
      }
      return Promise.resolve(records.length);
    },
    async *read(after): AsyncIterable<RecordedTurn> {
      for (let index = after; index < records.length; index += 1) {
        yield { sequence: index + 1, turn: JSON.parse(records[index] ?? '') as Turn };
      }
    },
    size: () => records.length,
  };
}

export interface MemorySpool {
  readonly files: ReadonlyMap<string, HookRequest>;
  readonly aside: readonly string[];
  put(request: HookRequest): void;
  /** Oldest first, as the adapter sorts them. */
  list(): readonly HookRequest[];
  remove(requestIds: readonly string[]): void;
  setAside(requestId: string): void;
}

export function createMemorySpool(): MemorySpool {
  const files = new Map<string, HookRequest>();
  const aside: string[] = [];
  return {
    files,
    aside,
    put: (request) => void files.set(request.id, request),
    list: () => [...files.values()].sort((a, b) => a.at - b.at),
    remove(requestIds) {
      for (const id of requestIds) files.delete(id);
    },
    setAside(requestId) {
      aside.push(requestId);
      files.delete(requestId);
    },
  };
}

export interface MemoryRegistry extends Registry {
  /** The node name that an instance finds; undefined while there is none. */
  nameOf(instanceId: string): string | undefined;
  readonly names: ReadonlyMap<string, string>;
}

/** `published` is called for each new name. */
export function createMemoryRegistry(published: (instanceId: string) => void): MemoryRegistry {
  const names = new Map<string, string>();
  return {
    names,
    nameOf: (instanceId) => names.get(instanceId),
    publish(entries) {
      for (const { instanceId, node } of entries) {
        if (names.has(instanceId)) continue;
        names.set(instanceId, node);
        published(instanceId);
      }
      return Promise.resolve();
    },
    remove(instanceIds) {
      for (const instanceId of instanceIds) names.delete(instanceId);
      return Promise.resolve();
    },
    list: () => Promise.resolve(new Map(names)),
  };
}
