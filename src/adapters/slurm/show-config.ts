/** What `scontrol show config` says of what muster must know. Pure. */
import { SchedulerError, type SchedulerConfig } from '../../ports/scheduler.ts';

/** Throws SchedulerError for a text that lacks one of the values. */
export function readConfigText(text: string): SchedulerConfig {
  const values = new Map(
    text.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
  const numberOf = (key: string): number => {
    const value = values.get(key.toLowerCase());
    const [, number] = /^([0-9]+)\b/.exec(value ?? '') ?? [];
    if (number === undefined) throw missing(key, value);
    return Number(number);
  };
  const version = values.get('slurm_version');
  if (version === undefined) throw missing('SLURM_VERSION', version);
  return {
    version,
    resumeTimeoutMs: numberOf('ResumeTimeout') * 1000,
    suspendTimeoutMs: numberOf('SuspendTimeout') * 1000,
    resumeRate: numberOf('ResumeRate'),
  };
}

function missing(key: string, value: string | undefined): SchedulerError {
  const what = value === undefined ? `no ${key}` : `${key} = ${value}, which is no number`;
  return new SchedulerError(`scontrol show config has ${what}`, { transient: false });
}
