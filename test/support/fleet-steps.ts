/**
 * Steps of a random life in which the fleet is looked at: Slurm shows nodes in whatever state, EC2 some instances as
 * impaired or about to be retired, jobs lose nodes. No grace is given: what would be done after minutes is done at once.
 */
import fc from 'fast-check';
import { judgedTogether, judgeFleet, type InstanceHealth } from '../../src/core/fleet-facts.ts';
import type { DrivenWorld } from '../../src/core/testing/world.ts';

const power = fc.constantFrom('saved', 'powering-up', 'up', 'down-wanted', 'powering-down');
const reason = fc.constantFrom('', '(Code:JobGone)x', 'Not responding', 'bob: broken');

/** Steps for a cluster of these nodes. */
export function fleetSteps(nodes: readonly string[]) {
  const some = fc.subarray([...nodes]);
  const seen = fc.record({
    node: fc.constantFrom(...nodes),
    power,
    isDown: fc.boolean(),
    isDrained: fc.boolean(),
    isFailing: fc.constant(false),
    isResponding: fc.boolean(),
    isRebooting: fc.constant(false),
    isReserved: fc.constant(false),
    isBusy: fc.boolean(),
    reason,
  });
  return fc.record({
    kind: fc.constant('look-at-fleet' as const),
    seen: fc.uniqueArray(seen, { selector: ({ node }) => node }),
    impaired: some,
    retired: some,
    struck: fc.option(fc.integer({ min: 1, max: 9 })),
    outcome: fc.option(fc.constantFrom('started', 'gone', 'late')),
    /** So long before it is read Slurm was asked. */
    age: fc.constantFrom(0, 1, 5_000),
  });
}

export type FleetStep = ReturnType<typeof fleetSteps> extends fc.Arbitrary<infer T> ? T : never;

export function takeFleetStep(world: DrivenWorld, step: FleetStep): void {
  // No two looks are in one moment.
  world.advance(1);
  const { state, now } = world;
  const instances = new Map<string, InstanceHealth>();
  for (const { node, instance } of state.leases.values())
    instances.set(instance.instanceId, {
      isAlive: world.ec2.alive.has(instance.instanceId),
      impairedSince: step.impaired.includes(node) ? 1 : null,
      event: step.retired.includes(node) ? 'instance-retirement' : null,
    });
  const askedAt = now - step.age;
  const listing = { askedAt: now, nodes: step.seen, partitions: [] };
  const judged = judgeFleet(state, listing, { askedAt: now, instances });
  const [lost, ...left] = step.seen.filter((each) => each.power === 'up').map(({ node }) => node);
  const { struck: jobId, outcome } = step;
  world.send({
    kind: 'FleetSeen',
    askedAt,
    judged: judgedTogether([...judged.keys()], judged),
    needs: [],
    struck:
      jobId === null || lost === undefined
        ? []
        : [{ jobId, lost: [lost], left, isHeterogeneous: jobId % 2 === 0 }],
    settled:
      outcome === null
        ? []
        : [...state.survivors.keys()].map((id) => ({ jobId: id, outcome, taken: left.slice(1) })),
  });
}
