/**
 * `muster fleet stop`, `fleet start`, `node release` and `node replace`: says what will end and asks, spools the request for
 * the daemon, and follows the ledger until it is done.
 */
import { createInterface } from 'node:readline/promises';
import {
  isVain,
  questionOf,
  renderOutcome,
  renderOutcomeJson,
  renderToll,
  renderVerdict,
  tollOf,
  verdictIn,
  type OperatorVerb,
  type SlurmSays,
  type Verdict,
} from '../cli/operate.ts';
import {
  hindrancesOf,
  isDone,
  leftOf,
  noteFailures,
  pendingOf,
  renderHindrance,
  renderPending,
  type Hindrance,
  type Pending,
} from '../cli/pending.ts';
import type { Places } from '../config/config.ts';
import { apply } from '../core/apply.ts';
import { followLedger, readLedgerOrTell, type LedgerState } from './ledger-state.ts';
import { badConfig, badUsage, findOrTell } from './load.ts';
import { openScontrol } from './open-scontrol.ts';
import { readHostlistOrTell } from './read-hostlist.ts';
import { spoolRequest } from './spool-request.ts';

export interface OperateOptions {
  readonly config?: string;
  readonly json?: boolean;
  /** Do not ask. */
  readonly yes?: boolean;
}

/** A daemon takes a request within a second. */
const takenWithinMs = 5_000;
/** Thousands of instances are terminated in some calls of a second each; powering down waits for slurmctld. */
const doneWithinMs = 120_000;

const untouched = 'nothing was done';

/** `hostlists`: the nodes, of a verb that is about nodes; empty for the fleet's. */
export async function runOperate(
  verb: OperatorVerb,
  hostlists: readonly string[],
  options: OperateOptions,
): Promise<number> {
  const config = findOrTell(options.config);
  if (config === null) return badConfig;
  const hostlist = hostlists.join(',');
  const isAboutNodes = verb === 'release-node' || verb === 'replace-node';
  const nodes = isAboutNodes ? readHostlistOrTell(hostlist, untouched) : [];
  if (nodes === null) return badUsage;
  const ledger = await readLedgerOrTell(
    config.stateDir,
    'there is nothing to stop, start or release',
  );
  if (ledger === null) return 1;
  try {
    const answer = await isMeant(verb, nodes, { config, ledger, options });
    return answer === 'yes' ? await carryOut(verb, hostlist, { config, ledger, options }) : answer;
  } finally {
    ledger.close();
  }
}

interface Known {
  readonly config: Places;
  readonly ledger: LedgerState;
  readonly options: OperateOptions;
}

/** `yes`, or the exit code with which it ends here. */
async function isMeant(
  verb: OperatorVerb,
  nodes: readonly string[],
  { config, ledger, options }: Known,
): Promise<'yes' | number> {
  if (verb === 'fleet-start' || options.yes === true) return 'yes';
  const all = verb === 'fleet-stop' ? null : nodes;
  // Also where nothing ends now: what follows, a fleet that launches nothing, is felt by whoever submits next.
  const toll = tollOf(ledger.state, all, await askSlurm(config));
  const question = questionOf(verb, nodes);
  if (!process.stdin.isTTY) {
    process.stderr.write(
      `muster: ${question}: ${renderToll(toll)}muster: there is no terminal to ask at whether that is meant: add --yes if it is; ${untouched}\n`,
    );
    return badUsage;
  }
  process.stderr.write(renderToll(toll));
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-D is an answer, too.
  const answer = await terminal.question(`${question}? [y/N] `).catch(() => 'no');
  terminal.close();
  if (/^y(es)?$/i.test(answer.trim())) return 'yes';
  process.stderr.write(`muster: ${untouched}\n`);
  return 1;
}

/** Null: it does not answer. */
async function askSlurm(config: Places): Promise<SlurmSays | null> {
  try {
    const slurm = openScontrol(config, { write: () => undefined });
    const [jobs, partitions] = await Promise.all([
      slurm.listAllocatedJobs(),
      slurm.listPartitions(),
    ]);
    return { jobs, partitions };
  } catch {
    return null;
  }
}

async function carryOut(
  verb: OperatorVerb,
  hostlist: string,
  { config, ledger, options }: Known,
): Promise<number> {
  const say = (text: string): void => void (options.json !== true && process.stdout.write(text));
  const { id, path } = await spoolRequest(config.stateDir, verb, hostlist, untouched);
  const { state } = ledger;
  const said = new Map<string, string>();
  let sequence = ledger.sequence;
  const follow = <T>(withinMs: number, look: (verdict: Verdict | null) => T | null) =>
    followLedger({ reader: ledger.reader, sequence }, withinMs, (turn, at) => {
      apply(state, turn);
      noteFailures(said, turn.decisions);
      sequence = at;
      return look(verdictIn(turn.decisions, id));
    });
  const whatIsLeft = (): LeftToDo => {
    const left = leftOf(state, verb === 'fleet-stop' ? null : id);
    return { pending: pendingOf(left), hindrances: hindrancesOf(left, said) };
  };

  const verdict = await follow(takenWithinMs, (found) => found);
  if (verdict !== null) say(renderVerdict(verdict));
  let left = whatIsLeft();
  if (verdict !== null && !isDone(left.pending)) {
    say(renderNews(left, null));
    await follow(doneWithinMs, () => {
      const before = left;
      left = whatIsLeft();
      if (isDone(left.pending)) return true;
      say(renderNews(left, before));
      return null;
    });
  }
  const outcome = { verdict, ...left, waitedMs: takenWithinMs, spool: path };
  process.stdout.write(
    options.json === true ? renderOutcomeJson(verb, outcome) : renderOutcome(outcome),
  );
  return verdict !== null && isDone(left.pending) && !isVain(verdict) ? 0 : 1;
}

interface LeftToDo {
  readonly pending: Pending;
  readonly hindrances: readonly Hindrance[];
}

/** Of a hindrance: that it is there, and its words once they are known. Its count of tries is no news. */
function renderNews({ pending, hindrances }: LeftToDo, before: LeftToDo | null): string {
  const isNews = JSON.stringify(pending) !== JSON.stringify(before?.pending);
  const told = before?.hindrances ?? [];
  const fresh = hindrances.filter(
    ({ by, message }) =>
      !told.some((one) => one.by === by && (one.message === null) === (message === null)),
  );
  return `${isNews ? renderPending(pending) : ''}${fresh.map(renderHindrance).join('')}`;
}
