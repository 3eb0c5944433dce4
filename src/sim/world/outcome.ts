/** What came of a world, in numbers. */
import type { Outcome, World } from './world.ts';

export function outcomeOf(world: World, steps: number): Outcome {
  const { scenario, chronicle, model, checkers, clock } = world;
  const stats = model.stats();
  const calls = new Map<string, number>();
  for (const [action, answers] of Object.entries(stats.calls)) {
    for (const [answer, count] of Object.entries(answers)) calls.set(`${action} ${answer}`, count);
  }
  return {
    seed: scenario.seed,
    broken: chronicle.broken,
    lines: chronicle.lines,
    steps,
    turns: world.ledger.size(),
    lastedMs: clock.now() - scenario.startAt,
    faults: chronicle.faults,
    calls,
    jobs: scenario.submissions.length,
    instances: stats.launched,
    paidSeconds: stats.instanceSeconds,
    idleSeconds: checkers.idleSeconds(),
  };
}
