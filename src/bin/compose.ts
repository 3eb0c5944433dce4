/** Puts the real parts together: the controller with EC2, scontrol, SQLite, the spool and the log. */
import { createEc2Cloud } from '../adapters/ec2/cloud.ts';
import type { WritableLedger } from '../adapters/ledger/sqlite.ts';
import { openFileRegistry } from '../adapters/registry/files.ts';
import { findSlurmProgram } from '../adapters/slurm/find-scontrol.ts';
import { createScontrol } from '../adapters/slurm/scontrol.ts';
import { openSpool } from '../adapters/spool/files.ts';
import { createSystemClock } from '../adapters/system/clock.ts';
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
      clock: createSystemClock(),
    },
    options,
  );
}

/** Slurm by its commands. Throws, with what to configure, where they are not found. */
export function openScontrol(config: Config, log: Log): Scheduler {
  const scontrol = config.scontrolPath ?? findSlurmProgram('scontrol', process.env['PATH']);
  if (scontrol === null) {
    throw new Error(
      'scontrol is neither in PATH nor in the usual places; set `slurm: { scontrol: /path/to/scontrol }` in muster.yaml',
    );
  }
  return createScontrol({
    scontrol,
    slurmConf: config.slurmConf ?? process.env['SLURM_CONF'] ?? null,
    started: (args, program) =>
      log.write({
        level: 'DEBUG',
        source: 'muster.slurm:scontrol',
        message: `${program} ${summary(args)}`,
      }),
  });
}

function summary(args: readonly string[]): string {
  return args.map((arg) => (arg.length > 200 ? `${arg.slice(0, 200)}...` : arg)).join(' ');
}
