/**
 * Beats while muster works: whatever EC2 or Slurm do, but not while the ledger refuses what it decides. A muster that can
 * write nothing down neither launches nor terminates, so that nodes which only it could end had better end themselves.
 * With each beat it notes whom it gets no answers from, for `muster status`.
 */
import { writeHeartbeat } from '../adapters/registry/heartbeat.ts';
import { writeOutages } from '../adapters/system/outages.ts';
import type { DurationMs } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log, LogLevel } from '../ports/log.ts';
import type { Outages } from '../ports/outages.ts';

/** A write of forty bytes; instances look less often. */
export const beatEveryMs: DurationMs = 10_000;

export interface HeartbeatParts {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly controller: { readonly canWrite: boolean; readonly outages: Outages };
}

/** Resolves after the first beat; the function it resolves to ends them. */
export async function startHeartbeat(parts: HeartbeatParts): Promise<() => void> {
  const { stateDir, clock, log, controller } = parts;
  let isStopped = false;
  let cancel = (): void => undefined;
  const heart = createTeller(log, 'ERROR', (error) => {
    const which = 'instances that hear of neither muster nor Slurm shut themselves down';
    return `The heartbeat cannot be written (${error}): ${which}`;
  });
  const outages = createTeller(
    log,
    'WARNING',
    (error) => `muster status does not learn of outages of Slurm and EC2: ${error}`,
  );

  async function beat(): Promise<void> {
    if (controller.canWrite) {
      const at = clock.now();
      await heart(() => writeHeartbeat(stateDir, { at, everyMs: beatEveryMs }));
      await outages(() => writeOutages(stateDir, { at, ...controller.outages }));
    }
    if (!isStopped) cancel = clock.schedule(beatEveryMs, () => void beat());
  }

  await beat();
  return () => {
    isStopped = true;
    cancel();
  };
}

/** Does what is given, and tells the log where it fails: once, until it succeeds again. */
function createTeller(log: Log, level: LogLevel, messageOf: (error: string) => string) {
  let hasFailed = false;
  return async (write: () => Promise<void>): Promise<void> => {
    try {
      await write();
      hasFailed = false;
    } catch (error: unknown) {
      const message = messageOf(String(error));
      if (!hasFailed) log.write({ level, source: 'muster.daemon:heartbeat', message });
      hasFailed = true;
    }
  };
}
