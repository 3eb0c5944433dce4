/** `muster resume`, `suspend` and `resume-fail`: the hooks as commands, and `resume --wait`. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  openLedgerReader,
  openLedgerWriter,
  type WritableLedger,
} from '../adapters/ledger/sqlite.ts';
import { openSpool } from '../adapters/spool/files.ts';
import { createSystemClock } from '../adapters/system/clock.ts';
import { openFileLog } from '../adapters/system/log.ts';
import { requestProgress } from '../cli/request-progress.ts';
import type { Config } from '../config/config.ts';
import { apply } from '../core/apply.ts';
import type { Decision } from '../core/decisions.ts';
import { countedList } from '../core/narrate.ts';
import type { HookVerb } from '../core/requests.ts';
import { emptyState } from '../core/state.ts';
import type { Log } from '../ports/log.ts';
import { workAsOwner } from './as-owner.ts';
import { startHeartbeat } from './heartbeat.ts';
import { badConfig, badUsage, findOrTell, loadOrTell } from './load.ts';
import { openScontrol } from './open-scontrol.ts';
import { startProgress, type Progress } from './progress.ts';
import { readHostlistOrTell } from './read-hostlist.ts';

type Verdict = Extract<Decision, { kind: 'RequestSettled' }>;

const followEveryMs = 100;

/** Effects that still run when the verdict is known, such as terminations, get this long to be answered. */
const finishMs = 30_000;

export async function runHook(
  verb: HookVerb,
  hostlist: string,
  options: { config?: string; wait?: boolean },
): Promise<number> {
  // A slip of the hand; what Slurm asks for comes by hooks/, which never refuse.
  if (readHostlistOrTell(hostlist, 'nothing was asked for') === null) return badUsage;
  // Who does the work itself needs all of the configuration.
  const config = options.wait === true ? loadOrTell(options.config) : null;
  const places = options.wait === true ? config : findOrTell(options.config);
  if (places === null) return badConfig;
  // The request must not depend on a log that can be written.
  const spool = await openSpool({ stateDir: places.stateDir, log: stderrLog });
  const id = randomUUID();
  // Asked only by who waits: a ledger that cannot be read must not keep a request from the spool.
  const since = options.wait === true ? lastTurn(places.stateDir) : 0;
  await spool.write({ id, verb, hostlist, resumeFile: readResumeFile(stderrLog) });
  if (config === null) {
    if (process.stdout.isTTY)
      process.stdout.write(`Spooled as ${id}; 'muster status' tells what becomes of it.\n`);
    return 0;
  }
  workAsOwner(config.stateDir);
  const log = openFileLog(config.logDir);
  const progress = startProgress({ clock: createSystemClock(), stream: process.stderr });
  const asked = { config, log, id, progress };
  const verdict = await settle(asked, since).finally(() => progress.stop());
  process.stdout.write(`Successfully launched nodes ${countedList(verdict.given)}\n`);
  if (verdict.failed.length > 0 || verdict.given.length === 0) {
    const failed = `Failed to launch nodes ${countedList(verdict.failed)}; ${log.path} says why\n`;
    process.stdout.write(failed);
    return 1;
  }
  return 0;
}

function lastTurn(stateDir: string): number {
  const reader = openLedgerReader(stateDir);
  const last = reader?.last() ?? 0;
  reader?.close();
  return last;
}

const stderrLog: Log = {
  write: ({ message }) => void process.stderr.write(`muster: ${message}\n`),
};

/** Slurm's resume file is a memory file of slurmctld's, gone within seconds. */
function readResumeFile(log: Log): string | null {
  const path = process.env['SLURM_RESUME_FILE'] ?? '';
  if (path === '') return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error: unknown) {
    log.write({
      level: 'ERROR',
      source: 'muster.hooks:read',
      message: `SLURM_RESUME_FILE: ${String(error)}`,
    });
    return null;
  }
}

/** What is waited for, and with what. */
interface Asked {
  readonly config: Config;
  readonly log: Log;
  readonly id: string;
  readonly progress: Progress;
}

/** Works itself while no other muster does; else follows the one that does, and takes over should it end. */
async function settle(asked: Asked, since: number): Promise<Verdict> {
  const { config, id, progress } = asked;
  const state = emptyState();
  let isFollowing = false;
  // What a request waits for follows from all that was before it.
  for (let sequence = progress.isShown ? 0 : since; ; await sleep(followEveryMs)) {
    const writer = openLedgerWriter(config.stateDir);
    if (writer.kind === 'writer') {
      progress.says('no daemon runs: this process does the work');
      try {
        return await work(asked, writer.ledger);
      } finally {
        writer.ledger.close();
      }
    }
    if (!isFollowing) {
      progress.says(`${writer.message}: its verdict is waited for`);
      progress.watch(() => requestProgress(state, id, Date.now()));
    }
    isFollowing = true;
    const reader = openLedgerReader(config.stateDir);
    if (reader === null) continue;
    try {
      for await (const recorded of reader.read(sequence)) {
        sequence = recorded.sequence;
        if (progress.isShown) apply(state, recorded.turn);
        const verdict = verdictIn(recorded.turn.decisions, id);
        if (verdict !== null) return verdict;
      }
    } finally {
      reader.close();
    }
  }
}

async function work(
  { config, log, id, progress }: Asked,
  ledger: WritableLedger,
): Promise<Verdict> {
  // Another muster may have settled it between the last look and the lock.
  for await (const { turn } of ledger.read(0)) {
    const verdict = verdictIn(turn.decisions, id);
    if (verdict !== null) return verdict;
  }
  const { composeController } = await import('./compose.ts');
  let found: (verdict: Verdict) => void = () => undefined;
  const settled = new Promise<Verdict>((resolve) => (found = resolve));
  const controller = await composeController(
    { config, ledger, log, scheduler: openScontrol(config, log) },
    {
      onTurn(turn) {
        const verdict = verdictIn(turn.decisions, id);
        if (verdict !== null) found(verdict);
      },
    },
  );
  await controller.start(config.settings);
  progress.watch(() => requestProgress(controller.state, id, Date.now()));
  const { stateDir } = config;
  const clock = createSystemClock();
  const stopHeartbeat = await startHeartbeat({ stateDir, clock, log, controller });
  const ended = controller.ended.then(() => {
    throw new Error('the loop ended before the request was settled');
  });
  try {
    return await Promise.race([settled, ended]);
  } finally {
    stopHeartbeat();
    progress.watch(() => 'the verdict is there; calls that are under way end first');
    await controller.stop(finishMs);
  }
}

function verdictIn(decisions: readonly Decision[], requestId: string): Verdict | null {
  for (const decision of decisions) {
    if (decision.kind === 'RequestSettled' && decision.requestId === requestId) return decision;
  }
  return null;
}
