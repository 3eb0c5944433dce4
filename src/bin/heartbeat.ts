/**
 * Beats while muster works: whatever EC2 or Slurm do, but not while the ledger refuses what it decides. A muster that can
 * write nothing down neither launches nor terminates, so that nodes which only it could end had better end themselves.
 */
import { writeHeartbeat } from '../adapters/registry/heartbeat.ts';
import type { DurationMs } from '../core/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';

/** A write of forty bytes; instances look less often. */
export const beatEveryMs: DurationMs = 10_000;

export interface HeartbeatParts {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly controller: { readonly canWrite: boolean };
}

/** Resolves after the first beat; the function it resolves to ends them. */
export async function startHeartbeat(parts: HeartbeatParts): Promise<() => void> {
  const { stateDir, clock, log, controller } = parts;
  let isStopped = false;
  let hasFailed = false;
  let cancel = (): void => undefined;

  async function beat(): Promise<void> {
    try {
      if (controller.canWrite)
        await writeHeartbeat(stateDir, { at: clock.now(), everyMs: beatEveryMs });
      hasFailed = false;
    } catch (error: unknown) {
      const message = `The heartbeat cannot be written (${String(error)}): instances that hear of neither muster nor Slurm shut themselves down`;
      if (!hasFailed) log.write({ level: 'ERROR', source: 'muster.daemon:heartbeat', message });
      hasFailed = true;
    }
    if (!isStopped) cancel = clock.schedule(beatEveryMs, () => void beat());
  }

  await beat();
  return () => {
    isStopped = true;
    cancel();
  };
}
