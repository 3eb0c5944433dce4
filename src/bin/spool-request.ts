/** An operator's request, spooled as Slurm's own are: nobody but the daemon writes the ledger. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { openSpool } from '../adapters/spool/files.ts';
import type { HookVerb } from '../core/requests.ts';

/** Resolves when it is durable, to its id and where it lies. Throws with what was left undone: `undone` ends the sentence. */
export async function spoolRequest(
  stateDir: string,
  verb: HookVerb,
  argument: string,
  undone: string,
): Promise<{ readonly id: string; readonly path: string }> {
  const id = randomUUID();
  try {
    const spool = await openSpool({ stateDir, log: { write: () => undefined } });
    await spool.write({ id, verb, hostlist: argument, resumeFile: null });
  } catch (error: unknown) {
    const message = `the request cannot be written (${String(error)}); ${undone}; Slurm's user and root may`;
    throw new Error(message, { cause: error });
  }
  return { id, path: join(stateDir, 'spool/new', id) };
}
