/** The sum of many simulated worlds, as text. */
import { faultKinds, type FaultKind } from '../../src/sim/world/faults.ts';
import type { Outcome } from '../../src/sim/world/world.ts';

export interface Summary {
  add(outcome: Outcome): void;
  /** How many worlds broke a promise. */
  broken(): number;
  text(): string;
}

export function createSummary(): Summary {
  const began = performance.now();
  const faults = new Map<string, number>();
  const calls = new Map<string, number>();
  const sums = {
    runs: 0,
    broken: 0,
    steps: 0,
    turns: 0,
    jobs: 0,
    instances: 0,
    paid: 0,
    idle: 0,
    ms: 0,
  };
  function count(into: Map<string, number>, from: ReadonlyMap<string, number>): void {
    for (const [key, value] of from) into.set(key, (into.get(key) ?? 0) + value);
  }
  return {
    add(outcome) {
      sums.runs += 1;
      if (outcome.broken !== null) sums.broken += 1;
      sums.steps += outcome.steps;
      sums.turns += outcome.turns;
      sums.jobs += outcome.jobs;
      sums.instances += outcome.instances;
      sums.paid += outcome.paidSeconds;
      sums.idle += outcome.idleSeconds;
      sums.ms += outcome.lastedMs;
      count(faults, outcome.faults);
      count(calls, outcome.calls);
    },
    broken: () => sums.broken,
    text() {
      const ms = performance.now() - began;
      const hours = Math.round(sums.ms / 3_600_000);
      return [
        '',
        `${sums.runs} worlds, ${sums.broken} broke a promise; ${(ms / Math.max(1, sums.runs)).toFixed(1)} ms each`,
        `${sums.steps} steps, ${sums.turns} turns in ledgers, ${hours} hours of virtual time`,
        `${sums.jobs} submissions, ${sums.instances} instances, ${Math.round(sums.paid / 3600)} instance-hours paid, ` +
          `${Math.round(sums.idle / 3600)} of them for nothing`,
        'faults:',
        ...Object.entries(faultKinds).map(
          ([kind, what]) => `  ${String(faults.get(kind as FaultKind) ?? 0).padStart(8)}  ${what}`,
        ),
        "EC2's answers:",
        ...[...calls].sort().map(([call, times]) => `  ${String(times).padStart(8)}  ${call}`),
      ].join('\n');
    },
  };
}
