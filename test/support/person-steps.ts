/**
 * Steps of a random life in which a person stops and starts the fleet, starts a queue, and takes nodes away; and in which static sets are
 * looked at, powered up, and called for or not.
 */
import fc from 'fast-check';
import type { NodeState } from '../../src/core/node-state.ts';
import { lookAtSets } from '../../src/core/testing/sets.ts';
import type { DrivenWorld } from '../../src/core/testing/world.ts';

const nodes = ['q-st-a-1', 'q-st-a-2', 'q-st-a-3', 'q-dy-a-1', 'q-dy-a-2', 'q-dy-a-3'];

export const personSteps = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      verb: fc.constantFrom('release-node' as const, 'replace-node' as const),
      list: fc.subarray(nodes, { minLength: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      verb: fc.constantFrom('fleet-stop' as const, 'fleet-start' as const, 'fleet-start' as const),
      list: fc.constant<string[]>([]),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      verb: fc.constant('queue-start' as const),
      list: fc.constant(['q']),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('look-at-sets' as const),
      busy: fc.subarray(nodes),
      away: fc.subarray(nodes.slice(0, 2)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('call-for-sets' as const),
      list: fc.subarray(nodes.slice(0, 3), { minLength: 1 }),
      hasJob: fc.boolean(),
    }),
  },
);

export type PersonStep = typeof personSteps extends fc.Arbitrary<infer T> ? T : never;

export function takePersonStep(world: DrivenWorld, step: PersonStep): void {
  switch (step.kind) {
    case 'ask':
      world.ask(step.verb, step.list.join(','));
      return;
    case 'look-at-sets': {
      // No two looks are in the same moment.
      world.now += 1;
      const shown = nodes.map((node): [string, Partial<NodeState>] => {
        const isAway = step.away.includes(node);
        return [node, { isBusy: step.busy.includes(node), ...(isAway && { isDrained: true }) }];
      });
      lookAtSets(world, Object.fromEntries(shown));
      return;
    }
    case 'call-for-sets':
      world.resume(step.list.join(','), step.hasJob ? [step.list.slice(0, 1).join(',')] : []);
      return;
  }
}
