/**
 * What only Slurm knows and the configuration may leave out: its ResumeTimeout. The daemon starts without it, because slurmctld may
 * be away, asks until it is told, and then takes it as a change of its configuration.
 */
import type { Settings } from '../core/settings.ts';
import type { DurationMs } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Scheduler } from '../ports/scheduler.ts';

const askAgainMs: DurationMs = 30_000;

export interface FollowParts {
  readonly scheduler: Pick<Scheduler, 'readConfig'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Gets the settings with what Slurm said. */
  readonly reload: (settings: Settings) => void;
}

export interface SlurmFollower {
  /** These settings hold from now on: what Slurm has to add to them is asked for. */
  complete(settings: Settings): void;
  stop(): void;
}

export function followSlurm({ scheduler, clock, log, reload }: FollowParts): SlurmFollower {
  let current: Settings | null = null;
  let cancel = (): void => undefined;

  async function ask(settings: Settings, isFirst: boolean): Promise<void> {
    try {
      const { resumeTimeoutMs } = await scheduler.readConfig();
      if (current === settings) reload({ ...settings, resumeTimeoutMs });
    } catch (error: unknown) {
      if (current !== settings) return;
      if (isFirst) {
        const message = `Slurm's ResumeTimeout cannot be read: ${String(error)}; it is asked for again`;
        log.write({ level: 'WARNING', source: 'muster.daemon:slurm', message });
      }
      cancel = clock.schedule(askAgainMs, () => void ask(settings, false));
    }
  }

  return {
    complete(settings) {
      cancel();
      current = settings;
      if (settings.resumeTimeoutMs === null) void ask(settings, true);
    },
    stop() {
      cancel();
      current = null;
    },
  };
}
