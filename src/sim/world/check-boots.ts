/**
 * Whole until it runs: muster sees a boot that fails before Slurm does, so that ResumeTimeout takes no node of a job away.
 * And a launch ends with its job. Both only where nothing was away that muster needs for it.
 */
import { parseHostlist } from '../../core/hostlist.ts';
import type { Turn } from '../../core/turn.ts';
import type { DurationMs, Instant } from '../../core/units.ts';
import type { FaultKind } from './faults.ts';
import type { Watched } from './checkers.ts';

export interface BootChecks {
  turn(turn: Turn): void;
  /** Slurm gives these nodes up. */
  resumeFailed(nodes: readonly string[]): void;
}

/** What makes muster's looks at Slurm, or its calls, come late. */
const slowFaults: readonly FaultKind[] = ['scontrol', 'late-requests', 'slow-answers'];

/** Muster looks at Slurm every five seconds; a look is a few calls, and what it brings is done in the next moment. */
function seesGoneMs(faults: ReadonlySet<FaultKind>): DurationMs {
  const slowReadsMs = faults.has('scontrol') ? 150_000 : 0;
  const slowCallsMs = faults.has('late-requests') ? 100_000 : 0;
  return 15_000 + slowReadsMs + slowCallsMs;
}

/** How much later than Slurm asked for a node muster may have read it. */
const readsMs: DurationMs = 60_000;

export function createBootChecks(watched: Watched): BootChecks {
  const { chronicle, clock, model, slurm, scenario, weather } = watched;
  const isSlow = slowFaults.some((kind) => scenario.faults.has(kind));
  const goneMs = seesGoneMs(scenario.faults);
  const isTimeoutKnown = scenario.settings.resumeTimeoutMs !== null;
  const askedAt = new Map<string, Instant>();
  const jobsOf = new Map<string, readonly number[]>();

  /** Whether muster could do its work since then. */
  function isCalmSince(since: Instant): boolean {
    return weather.calmSince() < since && watched.startedAt < since;
  }

  /** A job that was cancelled so long ago that muster must know; others may have its nodes since. */
  function isLongGone(jobId: number): boolean {
    for (const { id, state, endedAt } of slurm.records.jobs) {
      if (id !== jobId) continue;
      return state === 'CANCELLED' && endedAt + goneMs < clock.now() && isCalmSince(endedAt);
    }
    return false;
  }

  model.listen({
    launched({ id, tags }) {
      // A launch-batch is a node's and not a job's: it does not look at jobs.
      if (scenario.settings.mode !== 'job') return;
      const jobs = jobsOf.get(tags['muster:gang'] ?? '') ?? [];
      if (jobs.length > 0 && jobs.every(isLongGone))
        chronicle.broke(
          'no stray money',
          `${id} is launched for ${tags['muster:gang'] ?? ''}, whose job was cancelled long ago`,
        );
    },
    ending: () => undefined,
  });

  return {
    turn({ event, decisions }) {
      if (event.kind === 'HookCalled') {
        const { verb, hostlist } = event.request;
        const parsed = parseHostlist(hostlist);
        for (const node of parsed.kind === 'ok' ? parsed.nodes : []) {
          if (verb === 'resume') askedAt.set(node, clock.now());
          // Of its next life muster may never hear.
          if (verb === 'suspend') askedAt.delete(node);
        }
      }
      for (const decision of decisions)
        if (decision.kind === 'GangFormed' || decision.kind === 'GangGrew')
          jobsOf.set(decision.gangId, decision.jobIds);
    },
    resumeFailed(nodes) {
      if (!isTimeoutKnown || isSlow) return;
      for (const node of nodes) {
        const since = askedAt.get(node);
        // Asked for in a call that muster never had, or that came late.
        const bootsSince = clock.now() - scenario.slurm.resumeTimeoutMs - readsMs;
        if (since === undefined || since < bootsSince || !isCalmSince(bootsSince)) continue;
        chronicle.broke(
          'whole until it runs',
          `ResumeTimeout is over for ${node} before muster has let it go`,
        );
      }
    },
  };
}
