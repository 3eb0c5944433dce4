/** Puts the real parts together: the controller with EC2, scontrol, SQLite, the spool and the log. */
import { createEc2Cloud } from '../adapters/ec2/cloud.ts';
import type { WritableLedger } from '../adapters/ledger/sqlite.ts';
import { openFileRegistry } from '../adapters/registry/files.ts';
import { openSpool } from '../adapters/spool/files.ts';
import { createSystemClock } from '../adapters/system/clock.ts';
import { createConsoleLog } from '../adapters/system/console-log.ts';
import type { Config } from '../config/config.ts';
import {
  createController,
  type Controller,
  type ControllerOptions,
} from '../controller/controller.ts';
import type { Log } from '../ports/log.ts';
import type { Scheduler } from '../ports/scheduler.ts';

export interface Parts {
  readonly config: Config;
  readonly ledger: WritableLedger;
  readonly log: Log;
  readonly scheduler: Scheduler;
}

export async function composeController(
  { config, ledger, log, scheduler }: Parts,
  options: ControllerOptions = {},
): Promise<Controller> {
  return createController(
    {
      ledger,
      log,
      spool: await openSpool({ stateDir: config.stateDir, log }),
      cloud: createEc2Cloud({ region: config.settings.region }),
      scheduler,
      registry: await openFileRegistry(config.stateDir),
      consoles: createConsoleLog(config.logDir),
      clock: createSystemClock(),
    },
    options,
  );
}
