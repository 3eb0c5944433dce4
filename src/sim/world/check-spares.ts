/** Spares are for a gang that boots: when its job runs they must go, by themselves and soon. */
import type { DurationMs, Instant } from '../../core/units.ts';
import type { Turn } from '../../core/turn.ts';
import type { Watched } from './checkers.ts';

export interface SpareChecks {
  turn(turn: Turn): void;
  step(): void;
}

interface Kept {
  readonly gangId: string;
  /** Since when all that its gang is for runs; null: not yet. */
  uselessSince: Instant | null;
}

/** Muster looks at Slurm every five seconds, and a look is a few calls. */
const seesMs: DurationMs = 15_000;

export function createSpareChecks(watched: Watched): SpareChecks {
  const { chronicle, clock, model, registry, scenario, slurm, weather } = watched;
  const { faults } = scenario;
  const isSlow =
    faults.has('scontrol') || faults.has('late-requests') || faults.has('slow-answers');
  const kept = new Map<string, Kept>();
  const nodesOf = new Map<string, readonly string[]>();

  model.listen({
    ending: ({ id }) => void kept.delete(id),
  });

  /** Every node of the gang is up and runs a job. */
  function isRunning(gangId: string): boolean {
    const nodes = nodesOf.get(gangId) ?? [];
    return (
      nodes.length > 0 &&
      nodes.every((node) => {
        const jobs = [...(slurm.records.nodesByName.get(node)?.jobs ?? [])];
        return jobs.some(({ state }) => state === 'RUNNING');
      })
    );
  }

  return {
    turn({ decisions }) {
      for (const decision of decisions) {
        if (decision.kind === 'GangClosed') nodesOf.set(decision.gangId, decision.given);
        // What a launch brought of which the answer was lost is no spare: it is looked for in its own time.
        if (decision.kind === 'BatchHeld')
          for (const { instanceId } of decision.spares ?? [])
            kept.set(instanceId, { gangId: decision.gangId, uselessSince: null });
        if (decision.kind === 'SparesTaken')
          for (const { instance } of decision.placed) kept.delete(instance.instanceId);
      }
    },
    step() {
      for (const [instanceId, each] of kept) {
        if (registry.nameOf(instanceId) !== undefined || watched.endWanted.has(instanceId)) {
          kept.delete(instanceId);
          continue;
        }
        if (!isRunning(each.gangId)) each.uselessSince = null;
        else each.uselessSince ??= clock.now();
        if (isSlow || each.uselessSince === null) continue;
        const since = Math.max(each.uselessSince, weather.calmSince(), watched.startedAt);
        if (since + seesMs >= clock.now()) continue;
        chronicle.broke(
          'no stray money',
          `${instanceId} is a spare of ${each.gangId}, whose job has run for ${Math.round((clock.now() - each.uselessSince) / 1000)} s`,
        );
      }
    },
  };
}
