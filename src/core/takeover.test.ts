/** Instances that the ledger does not know: which serve a node, which end, and which are let be. */
import { describe, expect, test } from 'vitest';
import type { NodePower } from './node-state.ts';
import { observeEc2 } from './observe.ts';
import { sortUnclaimed, type UnleasedInstance } from './takeover.ts';
import { checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, testStart, type DrivenWorld } from './testing/world.ts';

const before = testStart - 600_000;

function instance(instanceId: string, launchedAt = before): UnleasedInstance {
  return { instanceId, privateIp: '10.0.9.9', hostname: 'h', clientToken: null, launchedAt };
}

/** A ledger that has begun in place of a lost one; nothing is in it. */
function world(): DrivenWorld {
  const one = createTestWorld({}, createInvariants());
  one.state.since = 0;
  return one;
}

/** What becomes of these instances, given their names and the power of Slurm's nodes; null: Slurm does not answer. */
function sort(
  one: DrivenWorld,
  instances: readonly UnleasedInstance[],
  names: Readonly<Record<string, string>>,
  powers: Readonly<Record<string, NodePower>> | null,
) {
  const { found, useless } = sortUnclaimed(one.state, instances, {
    names: new Map(Object.entries(names)),
    nodes: powers && Object.entries(powers).map(([node, power]) => ({ node, power })),
  });
  return {
    found: found.map((each) => `${each.node}=${each.instance.instanceId}${each.isUp ? ' up' : ''}`),
    useless: useless.map(({ instanceId }) => instanceId),
  };
}

describe('an instance with a name', () => {
  const named = { 'i-7': 'q-dy-c-1' };

  test('is taken over for its node, if that is up or powering up', () => {
    expect(sort(world(), [instance('i-7')], named, { 'q-dy-c-1': 'up' })).toEqual({
      found: ['q-dy-c-1=i-7 up'],
      useless: [],
    });
    expect(sort(world(), [instance('i-7')], named, { 'q-dy-c-1': 'powering-up' }).found).toEqual([
      'q-dy-c-1=i-7',
    ]);
  });

  test('ends where Slurm has powered its node down, or is about to, or has no such node', () => {
    for (const power of ['saved', 'powering-down', 'down-wanted'] as const) {
      expect(sort(world(), [instance('i-7')], named, { 'q-dy-c-1': power })).toEqual({
        found: [],
        useless: ['i-7'],
      });
    }
    expect(sort(world(), [instance('i-7')], named, {}).useless).toEqual(['i-7']);
  });

  test('ends where another one has its node, or a gang launches another', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    const powers = { 'q-dy-c-1': 'powering-up' } as const;
    expect(sort(one, [instance('i-7')], named, powers).useless).toEqual(['i-7']);
    one.settle();
    expect(sort(one, [instance('i-7')], named, { 'q-dy-c-1': 'up' }).useless).toEqual(['i-7']);
  });

  test('of two with the same one the newer is taken over', () => {
    const both = { 'i-7': 'q-dy-c-1', 'i-8': 'q-dy-c-1' };
    const instances = [instance('i-8', before + 1), instance('i-7')];
    expect(sort(world(), instances, both, { 'q-dy-c-1': 'up' })).toEqual({
      found: ['q-dy-c-1=i-8 up'],
      useless: ['i-7'],
    });
  });

  test('is let be while Slurm does not answer', () => {
    expect(sort(world(), [instance('i-7')], named, null)).toEqual({ found: [], useless: [] });
  });
});

describe('an instance without a name', () => {
  test('from before the ledger ends when no node is on for which no instance is known', () => {
    const one = world();
    one.resume('q-dy-c-2', ['q-dy-c-2']);
    one.settle();
    const saved = { 'q-dy-c-1': 'saved', 'q-dy-c-2': 'up' } as const;
    expect(sort(one, [instance('i-7')], {}, saved).useless).toEqual(['i-7']);
  });

  test('is let be while it may be behind such a node', () => {
    for (const power of ['up', 'powering-up', 'powering-down', 'down-wanted'] as const)
      expect(sort(world(), [instance('i-7')], {}, { 'q-dy-c-1': power }).useless).toEqual([]);
    expect(sort(world(), [instance('i-7')], {}, null).useless).toEqual([]);
  });

  test('that this ledger saw begin ends in any case', () => {
    const own = instance('i-7', testStart + 1);
    expect(sort(world(), [own], {}, { 'q-dy-c-1': 'up' }).useless).toEqual(['i-7']);
    expect(sort(world(), [own], {}, null).useless).toEqual(['i-7']);
  });
});

describe('a ledger that takes the place of a lost one', () => {
  /** Its first turn, then the configuration. */
  function begun(): DrivenWorld {
    const one = createTestWorld({}, createInvariants());
    one.state = { ...one.state, begunAt: 0 };
    one.turns.length = 0;
    one.send({ kind: 'LedgerBegun', since: 0 });
    return one;
  }

  const found = {
    node: 'q-dy-c-1',
    instance: { instanceId: 'i-0009', privateIp: '10.0.0.9', hostname: 'h' },
    launchedAt: before,
    isUp: true,
  };

  function take(one: DrivenWorld): void {
    one.ec2.alive.add('i-0009');
    one.send({ kind: 'Ec2Seen', ended: [], strays: [], found: [found], strayReservations: [] });
  }

  test('looks after instances from before; one that begins by itself does not', () => {
    expect(begun().state).toMatchObject({ since: 0, begunAt: testStart });
    expect(createTestWorld().state).toMatchObject({ since: testStart, begunAt: testStart });
    const listing = { askedAt: testStart + 1, ended: [], reservations: [] };
    const use = { names: new Map(), nodes: [] };
    const unleased = [instance('i-7')];
    expect(observeEc2(begun().state, { ...listing, unleased, use }).strays).toEqual(['i-7']);
    expect(observeEc2(createTestWorld().state, { ...listing, unleased, use }).strays).toEqual([]);
  });

  test('takes over what serves a node, and ends it when Slurm suspends that', () => {
    const one = createTestWorld({}, createInvariants());
    take(one);
    expect(one.state.leases.get('q-dy-c-1')).toMatchObject({
      instance: { instanceId: 'i-0009' },
      given: true,
      isRegistered: true,
    });
    // Called before the instance was found, and read after it.
    one.suspend('q-dy-c-1', { at: testStart - 1_000 });
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0009']);
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkReplay(one);
  });

  test('leaves a node that a gang has taken since the look', () => {
    const one = createTestWorld({}, createInvariants());
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.send({ kind: 'Ec2Seen', ended: [], strays: [], found: [found], strayReservations: [] });
    expect(one.decisions('LeasesFound')).toEqual([]);
    one.settle();
    expect(one.state.leases.get('q-dy-c-1')?.instance.instanceId).toBe('i-0001');
  });
});
