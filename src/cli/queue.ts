/** What `muster queue start` prints. */

export interface QueueStart {
  readonly queue: string;
  /** Null: no daemon has taken the request yet, or it was at fault. */
  readonly wasProtected: boolean | null;
  readonly fault: string | null;
  /** Where the request lies until a daemon takes it. */
  readonly spool: string;
}

/** JSON: `{ queue, wasProtected, fault }`. */
export function renderQueueStarted(started: QueueStart, json: boolean): string {
  const { queue, wasProtected, fault, spool } = started;
  if (json) return `${JSON.stringify({ queue, wasProtected, fault }, null, 2)}\n`;
  if (fault !== null) return `${fault}; nothing was done\n`;
  switch (wasProtected) {
    case true:
      return `Queue ${queue} is started again: its partition goes up, and its boots count from nothing.\n`;
    case false:
      return `Queue ${queue} was not protected: its failed boots are forgotten, its partition is left as it is.\n`;
    case null:
      return `No daemon has taken the request yet. It waits for the next one in ${spool}\n`;
  }
}
