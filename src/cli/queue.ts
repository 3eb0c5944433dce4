/** What `muster queue start` prints. */
import { renderUntaken, type Untaken } from './untaken.ts';

export interface QueueStart extends Untaken {
  readonly queue: string;
  /** Null: no daemon has taken the request yet, or it was at fault. */
  readonly wasProtected: boolean | null;
  readonly fault: string | null;
}

/** The shape of the JSON is a promise to programs: fields are added, never renamed. */
export function renderQueueStarted(started: QueueStart, json: boolean): string {
  const { queue, wasProtected, fault, spool } = started;
  if (json) {
    const taken = wasProtected !== null || fault !== null;
    return `${JSON.stringify({ queue, taken, wasProtected, fault, spool }, null, 2)}\n`;
  }
  if (fault !== null) return `${fault}; nothing was done\n`;
  switch (wasProtected) {
    case true:
      return `Queue ${queue} is started again: its partition goes up, and its boots count from nothing.\n`;
    case false:
      return `Queue ${queue} was not protected: its failed boots are forgotten, its partition is left as it is.\n`;
    case null:
      return renderUntaken(started);
  }
}
