/** Stopped is stopped: from the turn that stops the fleet to the one that starts it, muster means to launch nothing. */
import type { Turn } from '../../core/turn.ts';
import type { Chronicle } from './chronicle.ts';

export interface StopChecks {
  turn(turn: Turn): void;
}

export function createStopChecks({ chronicle }: { readonly chronicle: Chronicle }): StopChecks {
  let isStopped = false;
  return {
    turn({ decisions, effects }) {
      for (const { kind } of decisions) {
        if (kind === 'FleetStopped') isStopped = true;
        if (kind === 'FleetStarted') isStopped = false;
      }
      if (!isStopped) return;
      for (const { kind, id } of effects)
        if (kind === 'RunInstances' || kind === 'CreateReservation')
          chronicle.broke('stopped', `${id} launches, and the fleet is stopped`);
    },
  };
}
