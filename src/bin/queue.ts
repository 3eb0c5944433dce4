/** `muster queue start`: asks the daemon, by way of the spool, to launch again for a queue that is protected. */
import { renderQueueStarted, type QueueStart } from '../cli/queue.ts';
import { hintFor } from '../config/nearest.ts';
import { followLedger, readLedgerOrTell, type LedgerState } from './ledger-state.ts';
import { badConfig, badUsage, findOrTell } from './load.ts';
import { spoolRequest } from './spool-request.ts';

export interface QueueOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** A daemon takes a request within a second. */
const waitMs = 5_000;

export async function runQueueStart(queue: string, options: QueueOptions): Promise<number> {
  const config = findOrTell(options.config);
  if (config === null) return badConfig;
  const queues = config.settings?.queues?.map(({ name }) => name);
  if (queues !== undefined && !queues.includes(queue)) {
    process.stderr.write(
      `muster: there is no queue \`${queue}\`; nothing was done\n    ${hintFor(queue, queues)}\n`,
    );
    return badUsage;
  }
  const ledger = await readLedgerOrTell(config.stateDir, 'no queue is protected');
  if (ledger === null) return 1;
  try {
    const undone = `queue ${queue} is as it was`;
    const { id, path } = await spoolRequest(config.stateDir, 'queue-start', queue, undone);
    const answer = await follow(ledger, id);
    const started = { queue, ...answer, waitedMs: waitMs, spool: path };
    process.stdout.write(renderQueueStarted(started, options.json === true));
    return started.wasProtected === null ? 1 : 0;
  } finally {
    ledger.close();
  }
}

type Answer = Pick<QueueStart, 'wasProtected' | 'fault'>;

/** What the daemon has made of the request; all null: none has taken it in time. */
async function follow(ledger: LedgerState, requestId: string): Promise<Answer> {
  const answer = await followLedger<Answer>(ledger, waitMs, ({ event, decisions }) => {
    if (event.kind !== 'HookCalled' || event.request.id !== requestId) return null;
    const started = decisions.find((each) => each.kind === 'QueueStarted');
    const faulty = decisions.find((each) => each.kind === 'InputFaulty');
    return { wasProtected: started?.wasProtected ?? null, fault: faulty?.message ?? null };
  });
  return answer ?? { wasProtected: null, fault: null };
}
