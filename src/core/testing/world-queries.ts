/** What a test asks the test world of the core: what has happened in it, and what runs. It changes nothing. */
import type { Decision } from '../decisions.ts';
import type { Effect, RunInstances } from '../effects.ts';
import type { DecisionOf, EffectOf, TestWorld } from './test-world.ts';

/** What happened in the world, and what runs, by kind. */
export function queriesOf(world: TestWorld) {
  const { turns, running } = world;
  function out<K extends Effect['kind']>(kind: K): EffectOf<K>[] {
    return running.filter((effect): effect is EffectOf<K> => effect.kind === kind);
  }
  return {
    out,
    /** The one effect of its kind that runs. */
    only<K extends Effect['kind']>(kind: K): EffectOf<K> {
      const [effect, second] = out(kind);
      if (effect === undefined || second !== undefined)
        throw new Error(`one ${kind} should run, there are ${out(kind).length}`);
      return effect;
    },
    /** The launch that runs for a node. */
    launchFor(node: string): RunInstances {
      const { gangs, batchGangs } = world.state;
      const launch = out('RunInstances').find(({ id }) =>
        gangs
          .get(batchGangs.get(id) ?? '')
          ?.batches.get(id)
          ?.nodes.includes(node),
      );
      if (launch === undefined) throw new Error(`no launch for ${node} runs`);
      return launch;
    },
    /** The verdict on the request that was settled first, or on a later one. */
    verdict(index = 0): { readonly given: readonly string[]; readonly failed: readonly string[] } {
      const settled = turns
        .flatMap((turn) => turn.decisions)
        .filter((decision) => decision.kind === 'RequestSettled')[index];
      if (settled === undefined) throw new Error('no verdict yet');
      return { given: settled.given, failed: settled.failed };
    },
    /** Every give-back so far: the nodes and their reason. */
    givenBack(): string[] {
      return turns
        .flatMap((turn) => turn.effects)
        .flatMap((effect) =>
          effect.kind === 'GiveBackNodes' ? [`${effect.nodes.join(' ')} ${effect.reason}`] : [],
        );
    },
    decisions<K extends Decision['kind']>(kind: K): DecisionOf<K>[] {
      return turns
        .flatMap((turn) => turn.decisions)
        .filter((decision): decision is DecisionOf<K> => decision.kind === kind);
    },
    effects<K extends Effect['kind']>(kind: K): EffectOf<K>[] {
      return turns
        .flatMap((turn) => turn.effects)
        .filter((effect): effect is EffectOf<K> => effect.kind === kind);
    },
  };
}
