/** Requests that the hooks made durable and that the ledger does not hold yet. */
import type { HookRequest } from '../core/requests.ts';

export interface Spool {
  /** Requests waiting, oldest first. One that cannot be read is set aside and reported, never lost. */
  scan(): Promise<readonly HookRequest[]>;
  /** Forgets requests that the ledger holds. */
  remove(requestIds: readonly string[]): Promise<void>;
  /** Moves a request that cannot be worked on out of the way; it is kept. */
  setAside(requestId: string): Promise<void>;
  /** Calls `arrived` soon after a request was spooled. Returns a function that stops watching. */
  watch(arrived: () => void): () => void;
}
