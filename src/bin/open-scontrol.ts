/** Slurm by its commands: apart from the rest of what is put together, so that a command that asks Slurm loads no AWS SDK. */
import { findSlurmProgram } from '../adapters/slurm/find-scontrol.ts';
import { createScontrol } from '../adapters/slurm/scontrol.ts';
import type { Places } from '../config/config.ts';
import type { Log } from '../ports/log.ts';
import type { Scheduler } from '../ports/scheduler.ts';

/** Throws, with what to configure, where they are not found. */
export function openScontrol(config: Places, log: Log): Scheduler {
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
