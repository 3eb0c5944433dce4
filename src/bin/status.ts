/** `muster status`: the ledger read beside the daemon, and the daemon's heartbeat. */
import { readHeartbeat } from '../adapters/registry/heartbeat.ts';
import { paintFor } from '../cli/paint.ts';
import { renderFleet, renderStatus, renderStatusJson } from '../cli/render-status.ts';
import { daemonStatus, statusOf } from '../cli/status.ts';
import { iso } from '../cli/times.ts';
import { readLedgerOrTell } from './ledger-state.ts';
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
  if (options.json === true) {
    const value = { ...fleet, since: iso(fleet.since), instances: leases.size };
    process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    return 0;
  }
  const words = renderFleet({ at, fleet }, paintFor(process.stdout, process.env));
  process.stdout.write(
    `${words}It has ${leases.size} ${leases.size === 1 ? 'instance' : 'instances'}.\n`,
  );
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
  const daemon = daemonStatus(readHeartbeat(config.stateDir), at);
  const status = statusOf(ledger.state, daemon, at);
  process.stdout.write(
    options.json === true
      ? renderStatusJson(status)
      : renderStatus(status, paintFor(process.stdout, process.env)),
  );
  return daemon.state === 'works' ? 0 : 1;
}
