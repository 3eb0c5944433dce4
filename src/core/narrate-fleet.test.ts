/** The log of the fleet stopped and started, of static sets, and of nodes that a person takes away. */
import { expect, test } from 'vitest';
import { apply } from './apply.ts';
import { narrate } from './narrate.ts';
import { emptyState } from './state.ts';
import { queueOf } from './testing/fleet.ts';
import { lookAtSets } from './testing/sets.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';

/** The lines that are about the fleet, each told from the state that it was decided on. */
function said(one: DrivenWorld): string[] {
  const state = emptyState();
  const lines = one.turns.flatMap((turn) => {
    const told = narrate(state, turn);
    apply(state, turn);
    return told;
  });
  return lines
    .filter(({ source }) => /^muster\.(fleet|sets|nodes|hooks|jobs)/.test(source))
    .map(({ level, source, message }) => `${level} [${source}] ${message}`);
}

function world(): DrivenWorld {
  const queue = queueOf({ c: ['c5.large us-east-1a'] });
  const computeResources = queue.computeResources.map((each) => ({ ...each, minCount: 2 }));
  const one = createTestWorld({ queues: [{ ...queue, computeResources }] });
  for (const effect of one.out('DescribeSubnets')) one.finish(effect);
  return one;
}

test('the fleet is stopped, stopped again, started and started again', () => {
  const one = world();
  one.ask('fleet-stop', '', { id: 'a' });
  one.settle();
  one.resume('q-dy-c-1', ['q-dy-c-1'], { id: 'b' });
  one.ask('fleet-stop', '', { id: 'c' });
  one.settle();
  one.ask('fleet-start', '', { id: 'd' });
  one.settle();
  one.ask('fleet-start', '', { id: 'e' });
  expect(said(one)).toEqual([
    'INFO [muster.hooks:receive] fleet-stop request a for the whole fleet',
    'WARNING [muster.fleet:status] The fleet is stopped: nothing is launched, and every instance ends',
    'INFO [muster.fleet:status] Set inactive: partitions q',
    'INFO [muster.hooks:receive] resume request b for nodes: q-dy-c-1',
    'INFO [muster.jobs:refuse] JobID 1 - refused (FleetStopped); it waits for the fleet to be started',
    'INFO [muster.hooks:receive] fleet-stop request c for the whole fleet',
    'WARNING [muster.fleet:status] The fleet is stopped already: nothing is launched, and every instance ends',
    'INFO [muster.fleet:status] Set inactive: partitions q',
    'INFO [muster.fleet:status] Set inactive: partitions q',
    'INFO [muster.hooks:receive] fleet-start request d for the whole fleet',
    'INFO [muster.fleet:status] The fleet is started; up again: partitions q',
    'INFO [muster.hooks:receive] fleet-start request e for the whole fleet',
    'INFO [muster.fleet:status] The fleet runs already',
  ]);
});

test('a static set is powered up, refused, and up', () => {
  const one = world();
  lookAtSets(one);
  one.finish(one.only('PowerUpNodes'));
  one.resume('q-st-c-[1-2]', [], { id: 'a' });
  one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity', 'No room.');
  one.settle();
  one.advance(900_000);
  lookAtSets(one);
  one.finish(one.only('PowerUpNodes'));
  one.resume('q-st-c-[1-2]', [], { id: 'b' });
  one.settle();
  expect(said(one)).toEqual([
    "INFO [muster.sets:keep] Static set q/c: powering up (x2) ['q-st-c-[1-2]']",
    'INFO [muster.hooks:receive] resume request a for nodes: q-st-c-[1-2]',
    expect.stringMatching(
      /^WARNING \[muster\.sets:keep\] Static set q\/c - try 1 refused \(Code:InsufficientInstanceCapacity\) No room\.; next try at 2022-/,
    ) as string,
    "INFO [muster.sets:keep] Static set q/c: powering up (x2) ['q-st-c-[1-2]']",
    'INFO [muster.hooks:receive] resume request b for nodes: q-st-c-[1-2]',
    'INFO [muster.sets:keep] Static set q/c is up',
  ]);
});

test('nodes are released, replaced, and left as they are', () => {
  const one = Object.assign(world(), { boots: true });
  one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]'], { id: 'a' });
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
  one.ask('replace-node', 'q-dy-c-2', { id: 'b' });
  one.ask('release-node', 'q-dy-c-7,x-dy-c-1', { id: 'c' });
  expect(said(one).filter((line) => line.includes('muster.nodes'))).toEqual([
    "INFO [muster.nodes:hand] Replaced by an administrator (x1) ['q-dy-c-2']",
    'WARNING [muster.nodes:hand] Left as they are (x1) [\'x-dy-c-1\']: the fleet has no queue "x" (it has: q)',
    "INFO [muster.nodes:hand] Released by an administrator (x1) ['q-dy-c-7']",
  ]);
});
