/**
 * `muster fleet stop`, `fleet start`, `node release` and `node replace`: says what will end and asks, spools the request for
 * the daemon, and follows the ledger until it is done.
 */
import { createInterface } from 'node:readline/promises';
import {
  isDone,
  isFree,
  isVain,
  pendingOf,
  questionOf,
  renderOutcome,
  renderOutcomeJson,
  renderPending,
  renderToll,
  renderVerdict,
  tollOf,
  verdictIn,
  type JobOnNodes,
  type OperatorVerb,
  type Pending,
  type Verdict,
} from '../cli/operate.ts';
import type { Places } from '../config/config.ts';
import { apply } from '../core/apply.ts';
import { parseHostlistElements } from '../core/hostlist.ts';
import { followLedger, readLedgerOrTell, type LedgerState } from './ledger-state.ts';
import { badConfig, findOrTell } from './load.ts';
import { openScontrol } from './open-scontrol.ts';
import { spoolRequest } from './spool-request.ts';

export interface OperateOptions {
  readonly config?: string;
  readonly json?: boolean;
  /** Do not ask. */
  readonly yes?: boolean;
}

/** The exit code for arguments that cannot be used. */
const badUsage = 2;

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
  const { nodes, errors } = parseHostlistElements(hostlist);
  const isAboutNodes = verb === 'release-node' || verb === 'replace-node';
  if (errors.length > 0 || (isAboutNodes && nodes.length === 0)) {
    for (const { error } of errors)
      process.stderr.write(`muster: ${error.message} (column ${error.column}); ${error.hint}\n`);
    const what = errors.length > 0 ? 'the hostlist cannot be read' : 'no node was named';
    process.stderr.write(`muster: ${what}; ${untouched}\n`);
    return badUsage;
  }
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
  const toll = tollOf(ledger.state, all, await jobsInSlurm(config));
  if (isFree(toll)) return 'yes';
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
async function jobsInSlurm(config: Places): Promise<readonly JobOnNodes[] | null> {
  try {
    return await openScontrol(config, { write: () => undefined }).listAllocatedJobs();
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
  let sequence = ledger.sequence;
  const follow = <T>(withinMs: number, look: (verdict: Verdict | null) => T | null) =>
    followLedger({ reader: ledger.reader, sequence }, withinMs, (turn, at) => {
      apply(state, turn);
      sequence = at;
      return look(verdictIn(turn.decisions, id));
    });

  const verdict = await follow(takenWithinMs, (found) => found);
  if (verdict !== null) say(renderVerdict(verdict));
  let pending: Pending = pendingOf(state, verb, id);
  if (verdict !== null && !isDone(pending)) {
    say(renderPending(pending));
    await follow(doneWithinMs, () => {
      const now = pendingOf(state, verb, id);
      if (JSON.stringify(now) !== JSON.stringify(pending) && !isDone(now)) say(renderPending(now));
      pending = now;
      return isDone(now) ? true : null;
    });
  }
  const waitedMs = takenWithinMs;
  const outcome = { verdict, pending, waitedMs, spool: path };
  process.stdout.write(
    options.json === true ? renderOutcomeJson(verb, outcome) : renderOutcome(outcome),
  );
  return verdict !== null && isDone(pending) && !isVain(verdict) ? 0 : 1;
}
