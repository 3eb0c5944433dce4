/** `muster status`: the ledger read beside the daemon, and whether there is one: its lock and its heartbeat, and what it has noted. */
import { isLedgerHeld } from '../adapters/ledger/lock.ts';
import { readHeartbeat } from '../adapters/registry/heartbeat.ts';
import { readOutages } from '../adapters/system/outages.ts';
import { daemonStatus } from '../cli/daemon-status.ts';
import { paintFor } from '../cli/paint.ts';
import {
  hindrancesOf,
  isDone,
  leftOfFleet,
  pendingOf,
  renderHindrance,
  renderPending,
} from '../cli/pending.ts';
import {
  renderFleet,
  renderFleetJson,
  renderStatus,
  renderStatusJson,
} from '../cli/render-status.ts';
import { statusOf } from '../cli/status.ts';
import { readLedgerOrTell, stateWith } from './ledger-state.ts';
import { badConfig, findOrTell } from './load.ts';

export interface StatusOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** `muster fleet status`. */
export async function runFleetStatus(options: StatusOptions): Promise<number> {
  const config = findOrTell(options.config);
  if (config === null) return badConfig;
  const ledger = await readLedgerOrTell(config.stateDir, 'no fleet has been started');
  if (ledger === null) return 1;
  ledger.close();
  const { fleet, leases } = ledger.state;
  const at = Date.now();
  const left = leftOfFleet(ledger.state);
  const pending = pendingOf(left);
  const hindrances = hindrancesOf(left, new Map());
  if (options.json === true) {
    process.stdout.write(renderFleetJson(fleet, leases.size, { pending, hindrances }));
    return 0;
  }
  const words = renderFleet({ at, fleet }, paintFor(process.stdout, process.env));
  process.stdout.write(
    `${words}It has ${leases.size} ${leases.size === 1 ? 'instance' : 'instances'}.\n`,
  );
  if (!isDone(pending)) process.stdout.write(renderPending(pending));
  process.stdout.write(hindrances.map(renderHindrance).join(''));
  return 0;
}

/** Exit code 1 when muster does not work: so that a monitor need not read what is printed. */
export async function runStatus(options: StatusOptions): Promise<number> {
  const config = findOrTell(options.config);
  if (config === null) return badConfig;
  const ledger = await readLedgerOrTell(config.stateDir, 'there is nothing to show');
  if (ledger === null) return 1;
  ledger.close();
  const at = Date.now();
  const signs = {
    heartbeat: readHeartbeat(config.stateDir),
    holdsLedger: isLedgerHeld(config.stateDir),
    hasRun: ledger.hasRun,
  };
  const daemon = daemonStatus(signs, at);
  const outages = readOutages(config.stateDir);
  const status = statusOf(stateWith(ledger, config.settings), { daemon, outages }, at);
  process.stdout.write(
    options.json === true
      ? renderStatusJson(status)
      : renderStatus(status, paintFor(process.stdout, process.env)),
  );
  return daemon.state === 'works' ? 0 : 1;
}
