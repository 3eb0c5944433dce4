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
import type { Config } from '../config/config.ts';
import type { Decision } from '../core/decisions.ts';
import { countedList } from '../core/narrate.ts';
import type { HookVerb } from '../core/requests.ts';
import type { Log } from '../ports/log.ts';
import { workAsOwner } from './as-owner.ts';
import { startHeartbeat } from './heartbeat.ts';
import { badConfig, findOrTell, loadOrTell } from './load.ts';
import { openScontrol } from './open-scontrol.ts';

type Verdict = Extract<Decision, { kind: 'RequestSettled' }>;

const followEveryMs = 100;

/** Effects that still run when the verdict is known, such as terminations, get this long to be answered. */
const finishMs = 30_000;

export async function runHook(
  verb: HookVerb,
  hostlist: string,
  options: { config?: string; wait?: boolean },
): Promise<number> {
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
  if (config === null) return 0;
  workAsOwner(config.stateDir);
  const log = openFileLog(config.logDir);
  const verdict = await settle(config, log, id, since);
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

/** Works itself while no other muster does; else follows the one that does, and takes over should it end. */
async function settle(config: Config, log: Log, id: string, since: number): Promise<Verdict> {
  for (let sequence = since; ; await sleep(followEveryMs)) {
    const writer = openLedgerWriter(config.stateDir);
    if (writer.kind === 'writer') {
      try {
        return await work(config, log, id, writer.ledger);
      } finally {
        writer.ledger.close();
      }
    }
    const reader = openLedgerReader(config.stateDir);
    if (reader === null) continue;
    try {
      for await (const recorded of reader.read(sequence)) {
        sequence = recorded.sequence;
        const verdict = verdictIn(recorded.turn.decisions, id);
        if (verdict !== null) return verdict;
      }
    } finally {
      reader.close();
    }
  }
}

async function work(
  config: Config,
  log: Log,
  id: string,
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
    await controller.stop(finishMs);
  }
}

function verdictIn(decisions: readonly Decision[], requestId: string): Verdict | null {
  for (const decision of decisions) {
    if (decision.kind === 'RequestSettled' && decision.requestId === requestId) return decision;
  }
  return null;
}
