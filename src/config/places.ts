/**
 * Where the parts of muster's work are: the ledger, the log, Slurm. Apart from the other settings, because who asks a daemon
 * to stop the fleet needs these and no more: a slip elsewhere in the configuration must not be in the way.
 */
import type { Env } from './join.ts';
import type { PlacesYaml } from './muster-yaml.ts';
import { problemWith } from './problem.ts';
import type { Findings } from './problem.ts';

export interface Places {
  /** Absolute: the ledger and the spool. */
  readonly stateDir: string;
  /** Absolute: the socket. */
  readonly runDir: string;
  /** Absolute: slurm_resume.log. */
  readonly logDir: string;
  /** Absolute; null: found in PATH and the usual places. */
  readonly scontrolPath: string | null;
  /** Absolute; null: Slurm's own default. */
  readonly slurmConf: string | null;
}

/** By muster.yaml's key: the variable that goes before it, and the default. */
export const folders = {
  state_dir: { variable: 'MUSTER_STATE_DIR', usual: '/var/lib/muster' },
  run_dir: { variable: 'MUSTER_RUN_DIR', usual: '/run/muster' },
  log_dir: { variable: 'MUSTER_LOG_DIR', usual: '/var/log/parallelcluster' },
} as const;

/**
 * The environment wins, so that several musters can live on one machine. `says` is null where it is not known what the
 * file says: then the places are not known either, unless the environment names the state folder.
 */
export function choosePlaces(says: PlacesYaml | null, env: Env, findings: Findings): Places | null {
  let isKnown = says !== null || (env[folders.state_dir.variable] ?? '') !== '';
  function choose(key: keyof typeof folders): string {
    const { variable, usual } = folders[key];
    const fromEnvironment = env[variable] ?? '';
    if (fromEnvironment === '') return says?.[key] ?? usual;
    if (!fromEnvironment.startsWith('/')) {
      isKnown = false;
      const message = `${variable} is not an absolute path: \`${fromEnvironment}\``;
      const hint = `begin the path with \`/\`, or unset ${variable}`;
      findings.errors.push(problemWith('environment', { message, hint }));
    }
    return fromEnvironment;
  }
  const places = {
    stateDir: choose('state_dir'),
    runDir: choose('run_dir'),
    logDir: choose('log_dir'),
    scontrolPath: says?.slurm?.scontrol ?? null,
    slurmConf: says?.slurm?.slurm_conf ?? null,
  };
  return isKnown ? places : null;
}
