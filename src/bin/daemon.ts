/** `muster daemon`. */
import { LedgerError, openLedgerWriter } from '../adapters/ledger/sqlite.ts';
import { createSystemClock } from '../adapters/system/clock.ts';
import { openFileLog } from '../adapters/system/log.ts';
import type { Loaded } from '../config/config.ts';
import { composeController } from './compose.ts';
import { followSlurm } from './follow-slurm.ts';
import { startHeartbeat } from './heartbeat.ts';
import { badConfig, readOrTell } from './load.ts';
import { openScontrol } from './open-scontrol.ts';
import { reloadOrTell } from './reload.ts';

/** How long effects that run may take to answer at a stop; those that do not are in the ledger, for the next start. */
const stopGraceMs = 10_000;

export async function runDaemon(options: { config?: string }): Promise<number> {
  const loaded = readOrTell(options.config);
  if (loaded === null) return badConfig;
  try {
    return await work(loaded, options);
  } catch (error: unknown) {
    if (error instanceof LedgerError) {
      const { message } = error;
      const log = openFileLog(loaded.config.logDir);
      log.write({ level: 'ERROR', source: 'muster.ledger:read', message });
    }
    throw error;
  }
}

async function work(loaded: Loaded, options: { config?: string }): Promise<number> {
  const { config } = loaded;
  const writer = openLedgerWriter(config.stateDir);
  if (writer.kind === 'locked') {
    process.stderr.write(`muster: ${writer.message}; this one does nothing.\n`);
    return 1;
  }
  const log = openFileLog(config.logDir);
  // From here on a signal ends it in order, also one that comes while it starts.
  const signalled = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
  const scheduler = openScontrol(config, log);
  const controller = await composeController({ config, ledger: writer.ledger, log, scheduler });
  await controller.start(config.settings);
  const clock = createSystemClock();
  const { stateDir } = config;
  const stopHeartbeat = await startHeartbeat({ stateDir, clock, log, controller });
  const slurm = followSlurm({
    scheduler,
    clock,
    log,
    reload: (settings) => controller.reload(settings),
  });
  slurm.complete(config.settings);
  log.write({
    level: 'INFO',
    source: 'muster.daemon:start',
    message: `muster works for cluster ${config.settings.clusterName} in ${config.settings.region}, mode ${config.settings.mode}`,
  });
  process.stdout.write(`muster: ready (state ${config.stateDir}, log ${log.path})\n`);
  let inForce = loaded;
  process.on('SIGHUP', () => {
    const reloaded = reloadOrTell(options.config, { before: inForce, log });
    if (reloaded === null) return;
    inForce = reloaded;
    controller.reload(reloaded.config.settings);
    slurm.complete(reloaded.config.settings);
  });
  try {
    await Promise.race([signalled, controller.ended]);
    slurm.stop();
    stopHeartbeat();
    await controller.stop(stopGraceMs);
    return 0;
  } catch (error: unknown) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.write({
      level: 'ERROR',
      source: 'muster.daemon:run',
      message: `muster ended by a fault of its own: ${message}`,
    });
    process.stderr.write(`muster: ${message}\n`);
    return 1;
  } finally {
    writer.ledger.close();
  }
}
