/** Effects that fail, that are repeated, and that an earlier life of muster left behind. */
import { describe, expect, test } from 'vitest';
import { nextWake } from './decide.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, testStart, type DrivenWorld } from './testing/world.ts';
import type { Settings } from './settings.ts';

function world(settings: Partial<Settings> = {}): DrivenWorld {
  return createTestWorld({ maxBatchSize: 10, ...settings }, createInvariants());
}

/** A soft gang of the nodes that Slurm is being told of. */
function assigning(hostlist: string, settings: Partial<Settings> = {}): DrivenWorld {
  const one = world({ scalingStrategy: 'best-effort', ...settings });
  one.resume(hostlist, [hostlist]);
  one.launch(one.only('RunInstances'));
  return one;
}

const invalid = 'scontrol could not set node addresses: Invalid node name specified';

/** Answers every assignment and give-back; those with a bad node are refused. */
function refuseNodes(one: DrivenWorld, bad: ReadonlySet<string>): void {
  for (let round = 0; round < 100; round += 1) {
    const effect = one.running.find(
      ({ kind }) => kind === 'AssignNodes' || kind === 'GiveBackNodes',
    );
    if (effect === undefined || !('nodes' in effect)) return;
    if (effect.nodes.some((node) => bad.has(node))) one.fail(effect, invalid, false);
    else one.finish(effect);
  }
  throw new Error('the halving does not end');
}

describe('Slurm refuses the address of a node', () => {
  test('of a soft gang: halved until only that node is left, which goes; the others are given', () => {
    const one = assigning('q-dy-c-[1-7]');
    refuseNodes(one, new Set(['q-dy-c-3']));
    expect(one.verdict().failed).toEqual(['q-dy-c-3']);
    expect(one.verdict().given.toSorted()).toEqual([
      'q-dy-c-1',
      'q-dy-c-2',
      'q-dy-c-4',
      'q-dy-c-5',
      'q-dy-c-6',
      'q-dy-c-7',
    ]);
    expect(one.effects('TerminateInstances').map(({ instanceIds }) => instanceIds)).toEqual([
      ['i-0003'],
    ]);
    expect(one.givenBack()[0]).toContain('q-dy-c-3 (Code:NodeAddressRefused)');
    expect(one.effects('AssignNodes').length).toBeLessThanOrEqual(8);
    one.settle();
    checkAtRest(one);
  });

  test('of a soft gang of which it takes none: all of it goes', () => {
    const one = assigning('q-dy-c-[1-3]');
    refuseNodes(one, new Set(['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3']));
    expect(one.verdict().failed).toHaveLength(3);
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('of a firm gang: the whole gang goes', () => {
    const one = assigning('q-dy-c-[1-3]', { scalingStrategy: 'all-or-nothing' });
    one.fail(one.only('AssignNodes'), invalid, false);
    expect(one.only('TerminateInstances').instanceIds).toHaveLength(3);
    expect(one.only('GiveBackNodes').nodes).toHaveLength(3);
    expect(one.givenBack()[0]).toContain('(Code:NodeAddressRefused)');
    one.settle();
    checkAtRest(one);
  });

  test('whose instance was given for another gang: Slurm knows it, and both have it', () => {
    const one = world({ scalingStrategy: 'best-effort' });
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.settle();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.fail(one.only('AssignNodes'), invalid, false);
    expect(one.verdict(1)).toMatchObject({ given: ['q-dy-c-1'], failed: [] });
    expect(one.effects('TerminateInstances')).toEqual([]);
    expect(one.effects('GiveBackNodes')).toEqual([]);
    checkAtRest(one);
  });
});

describe('muster ended while it told Slurm of a gang', () => {
  function restarted() {
    const one = assigning('q-dy-c-[1-2]', { scalingStrategy: 'all-or-nothing' });
    one.restart();
    return one;
  }

  test('what Slurm refuses then is taken for given: the nodes may be at work since before', () => {
    const one = Object.assign(restarted(), { boots: true });
    one.fail(one.only('AssignNodes'), invalid, false);
    expect(one.effects('GiveBackNodes')).toEqual([]);
    expect(one.effects('TerminateInstances')).toEqual([]);
    expect(one.verdict().given).toHaveLength(2);
    expect([...one.state.boots.values()].map(({ awaiting }) => awaiting.size)).toEqual([2]);
    expect([...one.state.leases.values()].every(({ given }) => given)).toBe(true);
    one.boots = false;
    one.registerAll();
    one.settle();
    checkAtRest(one);
  });

  test('of a soft gang too, once it is known which node it is', () => {
    const one = assigning('q-dy-c-[1-2]', { scalingStrategy: 'best-effort' });
    one.restart();
    one.fail(one.only('AssignNodes'), invalid, false);
    for (const effect of one.out('AssignNodes')) {
      if (effect.nodes.includes('q-dy-c-1')) one.fail(effect, invalid, false);
      else one.finish(effect);
    }
    expect(one.effects('GiveBackNodes')).toEqual([]);
    expect(one.verdict().given.toSorted()).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    one.settle();
    checkAtRest(one);
  });

  test('Slurm is told for as long as it takes: the nodes may be at work', () => {
    const one = restarted();
    for (let round = 0; round < 20; round += 1) {
      one.fail(one.only('AssignNodes'), 'no contact', true);
      one.advance(60_000);
    }
    expect(one.effects('TerminateInstances')).toEqual([]);
    one.settle();
    expect(one.verdict().given).toEqual(['q-dy-c-1', 'q-dy-c-2']);
  });

  test('a node that Slurm powers down goes alone', () => {
    const one = restarted();
    one.suspend('q-dy-c-1');
    expect(one.only('TerminateInstances').instanceIds).toHaveLength(1);
    one.fail(one.only('AssignNodes'), 'no contact', true);
    one.settle();
    expect(one.verdict().given).toEqual(['q-dy-c-2']);
    expect(one.effects('GiveBackNodes')).toEqual([]);
  });
});

describe('Slurm cannot be reached', () => {
  test('the assignment is repeated with growing pauses, and then given', () => {
    const one = assigning('q-dy-c-[1-2]');
    const pauses: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      one.fail(one.only('AssignNodes'), 'no contact', true);
      const wake = nextWake(one.state) ?? one.now;
      pauses.push(wake - one.now);
      one.advance(wake - one.now);
    }
    expect(
      pauses.every((pause, index) => pause >= 500 * 2 ** index && pause <= 1_000 * 2 ** index),
    ).toBe(true);
    one.settle();
    expect(one.verdict().given).toHaveLength(2);
    expect(one.effects('AssignNodes')).toHaveLength(5);
    checkAtRest(one);
  });

  for (const scalingStrategy of ['all-or-nothing', 'best-effort'] as const) {
    test(`for longer than a launch may take: the gang goes at once, ${scalingStrategy}`, () => {
      const one = assigning('q-dy-c-[1-4]', { scalingStrategy, launchPatienceMs: 10_000 });
      for (let round = 0; one.out('AssignNodes').length > 0; round += 1) {
        expect(one.out('AssignNodes')).toHaveLength(1);
        expect(round).toBeLessThan(20);
        one.fail(one.only('AssignNodes'), 'no contact', true);
        if (one.decisions('RequestSettled').length === 0)
          one.advance((nextWake(one.state) ?? one.now) - one.now);
      }
      expect(one.verdict().failed).toHaveLength(4);
      one.settle();
      expect(one.ec2.alive.size).toBe(0);
      checkAtRest(one);
    });
  }

  test('a give-back is repeated twenty times, then the nodes are left to ResumeTimeout', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    let tries = 0;
    while (one.out('GiveBackNodes').length > 0) {
      tries += 1;
      one.fail(one.only('GiveBackNodes'), 'no contact', true);
      one.advance(60_000);
    }
    expect(tries).toBe(21);
    checkAtRest(one);
  });

  test('a give-back is not repeated for nodes that are wanted again', () => {
    const one = world();
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    one.fail(one.only('GiveBackNodes'), 'no contact', true);
    one.resume('q-dy-c-[2-3]', ['q-dy-c-[2-3]']);
    one.advance(5_000);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-1']);
    one.settle();
    expect(one.verdict(1).given).toHaveLength(2);
    checkAtRest(one);
  });

  test('a give-back is dropped when all of its nodes are wanted again', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    one.fail(one.only('GiveBackNodes'), 'no contact', true);
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.settle();
    expect(one.effects('GiveBackNodes')).toHaveLength(1);
    checkAtRest(one);
  });
});

describe('Slurm refuses a give-back', () => {
  test('halved until only the node that it does not know is left', () => {
    const one = world();
    one.resume('q-dy-c-[1-5]', ['q-dy-c-[1-5]']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    const done: string[] = [];
    for (
      let effect = one.out('GiveBackNodes')[0];
      effect !== undefined;
      effect = one.out('GiveBackNodes')[0]
    ) {
      if (effect.nodes.includes('q-dy-c-4')) one.fail(effect, invalid, false);
      else {
        done.push(
          ...effect.nodes.map((node) => `${node} ${effect.reason === null ? 'off' : 'down'}`),
        );
        one.finish(effect);
      }
    }
    expect(done.toSorted()).toEqual(
      ['1', '2', '3', '5'].flatMap((number) => [`q-dy-c-${number} down`, `q-dy-c-${number} off`]),
    );
    one.settle();
    checkAtRest(one);
  });

  test('the power-down follows the answer to the down, and is repeated alone', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    const down = one.only('GiveBackNodes');
    expect(down.reason).toContain('(Code:InsufficientInstanceCapacity)');
    one.fail(down, 'no contact', true);
    one.advance(2_000);
    one.finish(one.only('GiveBackNodes'));
    const off = one.only('GiveBackNodes');
    expect(off).toMatchObject({ id: `${down.id}/off`, nodes: down.nodes, reason: null });
    one.fail(off, 'no contact', true);
    one.advance(2_000);
    expect(one.only('GiveBackNodes')).toEqual(off);
    one.finish(off);
    expect(one.out('GiveBackNodes')).toEqual([]);
    one.settle();
    checkAtRest(one);
  });

  test('is over for the nodes that Slurm powers down meanwhile', () => {
    const one = world();
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    one.fail(one.only('GiveBackNodes'), 'no answer', true);
    one.suspend('q-dy-c-1');
    one.advance(2_000);
    const again = one.only('GiveBackNodes');
    expect(again.nodes).toEqual(['q-dy-c-2', 'q-dy-c-3']);
    one.suspend('q-dy-c-2');
    one.fail(again, 'no answer', true);
    one.advance(4_000);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-3']);
    one.suspend('q-dy-c-3');
    one.finish(one.only('GiveBackNodes'));
    expect(one.effects('GiveBackNodes')).toHaveLength(3);
    one.settle();
    checkAtRest(one);
  });

  test('that is under way hits them all the same, and they are as good as new when it has been answered', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    const down = one.only('GiveBackNodes');
    one.suspend('q-dy-c-1');
    one.finish(down);
    expect(one.only('GiveBackNodes')).toMatchObject({ nodes: ['q-dy-c-2'], reason: null });
    // The reason is there to be read for a while.
    one.advance(9 * 60_000);
    expect(one.out('RefreshNodes')).toEqual([]);
    one.advance(60_000);
    expect(one.only('RefreshNodes').nodes).toEqual(['q-dy-c-1']);
    one.settle();
    checkAtRest(one);
  });

  test('that waits when Slurm powers its last node down is over, and the node is made as good as new', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    one.finish(one.only('GiveBackNodes'));
    const off = one.only('GiveBackNodes');
    one.fail(off, 'no answer', true);
    one.suspend('q-dy-c-1');
    one.advance(2_000);
    expect(one.out('GiveBackNodes')).toEqual([]);
    one.advance(10 * 60_000);
    expect(one.only('RefreshNodes')).toMatchObject({ id: `${off.id}/fresh`, nodes: ['q-dy-c-1'] });
    one.settle();
    checkAtRest(one);
  });

  test('that ends for good leaves none of them as it was', () => {
    const one = world();
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    const down = one.only('GiveBackNodes');
    one.suspend('q-dy-c-1');
    one.fail(down, invalid, false);
    expect(one.out('GiveBackNodes').map(({ nodes }) => nodes)).toEqual([
      ['q-dy-c-2'],
      ['q-dy-c-3'],
    ]);
    one.advance(10 * 60_000);
    expect(one.only('RefreshNodes').nodes).toEqual(['q-dy-c-1']);
    one.settle();
    checkAtRest(one);
  });

  test('and not for nodes that are wanted again meanwhile', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    one.resume('q-dy-c-2', ['q-dy-c-2']);
    one.fail(one.only('GiveBackNodes'), invalid, false);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-1']);
    one.settle();
    checkAtRest(one);
  });
});

describe('EC2 does not take back an instance', () => {
  test('it is asked again for ever, at least every minute', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.settle();
    one.suspend('q-dy-c-1');
    for (let round = 0; round < 100; round += 1) {
      one.fail(one.only('TerminateInstances'), 'InternalError', true);
      one.advance(60_000);
    }
    expect(one.ec2.alive.size).toBe(1);
    one.finish(one.only('TerminateInstances'));
    expect(one.ec2.alive.size).toBe(0);
    one.settle();
    checkAtRest(one);
  });
});

describe('EC2 does not let one instance of a call be terminated', () => {
  test('the others end all the same, and it is asked for that one for ever', () => {
    const one = world();
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    one.settle();
    one.suspend('q-dy-c-[1-4]');
    for (let round = 0; round < 50; round += 1) {
      for (const effect of one.out('TerminateInstances'))
        if (effect.instanceIds.includes('i-0001')) one.fail(effect, 'it is protected', false);
        else one.finish(effect);
      one.advance(60_000);
    }
    expect([...one.ec2.alive.keys()]).toEqual(['i-0001']);
    one.finish(one.only('TerminateInstances'));
    one.settle();
    checkAtRest(one);
    checkReplay(one);
  });

  test('where none is, the calls do not grow in number for ever', () => {
    const one = createTestWorld({ clusterName: 'demo' }, createInvariants());
    one.resume('q-dy-c-[1-300]', ['q-dy-c-[1-300]']);
    one.settle();
    one.suspend('q-dy-c-[1-300]');
    for (let round = 0; round < 20; round += 1) {
      for (const effect of one.out('TerminateInstances')) one.fail(effect, 'not allowed', false);
      one.advance(60_000);
    }
    expect(one.out('TerminateInstances').length).toBeLessThanOrEqual(41);
    for (const effect of one.out('TerminateInstances')) one.finish(effect);
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });
});

describe('a sweep', () => {
  function lost(): DrivenWorld {
    const one = world({ launchPatienceMs: 100 });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.loseAnswer(one.only('RunInstances'), 2);
    return one;
  }

  test('looks four times over six minutes, because EC2 may not show an instance yet', () => {
    const one = lost();
    const looks: number[] = [];
    while (nextWake(one.state) !== null || one.out('SweepLaunch').length > 0) {
      const sweep = one.out('SweepLaunch')[0];
      if (sweep !== undefined) {
        looks.push(one.now - testStart);
        one.finish(sweep, looks.length > 2);
      }
      const give = one.out('GiveBackNodes')[0] ?? one.out('TerminateInstances')[0];
      if (give !== undefined) one.finish(give);
      const wake = nextWake(one.state);
      if (wake !== null) one.advance(wake - one.now);
    }
    expect(looks).toEqual([0, 10_000, 70_000, 370_000]);
    expect(one.ec2.alive.size).toBe(0);
    one.settle();
    checkAtRest(one);
  });

  test('that EC2 does not answer is a look that did not happen', () => {
    const one = lost();
    for (let round = 0; round < 6; round += 1) {
      one.fail(one.only('SweepLaunch'), 'InternalError', true);
      one.advance(60_000);
      if (round === 2) one.restart();
    }
    let looks = 0;
    while (one.out('SweepLaunch').length > 0) {
      looks += 1;
      one.finish(one.only('SweepLaunch'), false);
      one.advance(300_000);
    }
    expect(looks).toBe(4);
    one.settle();
    checkAtRest(one);
  });
});

describe('a restart', () => {
  test('gives the state that was, from the ledger alone', () => {
    const one = world();
    one.resume('q-dy-c-[1-4],bad', ['q-dy-c-[1-2]', 'q-dy-c-[2-3]']);
    one.launch(one.launchFor('q-dy-c-1'));
    one.refuse(one.launchFor('q-dy-c-4'), 'RequestLimitExceeded');
    one.suspend('q-dy-c-9');
    expect(one.state.gangs.size).toBe(3);
    expect(() => checkReplay(one)).not.toThrow();
  });

  test('asks EC2 again for the launches that were out, with their tokens', () => {
    const one = world({ maxBatchSize: 2 });
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    const tokens = one.out('RunInstances').map(({ order }) => order.clientToken);
    one.restart();
    expect(one.out('RunInstances').map(({ order }) => order.clientToken)).toEqual(tokens);
    one.settle();
    expect(one.ec2.alive.size).toBe(4);
    expect(one.verdict().given).toHaveLength(4);
    checkAtRest(one);
  });

  test('repeats assignments, terminations and give-backs that were out', () => {
    const one = assigning('q-dy-c-[1-3]');
    one.resume('q-dy-d-1', ['q-dy-d-1']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    one.suspend('q-dy-c-3');
    const before = one.running.map(({ kind }) => kind).toSorted();
    expect(before).toEqual(['AssignNodes', 'GiveBackNodes', 'TerminateInstances']);
    one.restart(false);
    expect(one.running.map(({ kind }) => kind).toSorted()).toEqual(before);
    one.settle();
    checkAtRest(one);
  });

  test('after too long refuses the launch, and sweeps what it may have started', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.now += 600_000;
    one.restart();
    expect(one.out('RunInstances')).toEqual([]);
    expect(one.out('SweepLaunch')).toHaveLength(1);
    expect(one.givenBack()[0]).toContain('(Code:LaunchTooLate)');
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('after too long, with several soft launches out: all are refused in one turn, and the gang closes', () => {
    const one = world({ scalingStrategy: 'best-effort', maxBatchSize: 1 });
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    one.launch(one.launchFor('q-dy-c-1'));
    one.now += 600_000;
    one.restart(false);
    one.settle();
    expect(one.verdict()).toEqual({ given: ['q-dy-c-1'], failed: ['q-dy-c-2', 'q-dy-c-3'] });
    checkAtRest(one);
  });

  test('sweeps a launch whose gang had been let go', () => {
    const one = world({ maxBatchSize: 1 });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.refuse(one.launchFor('q-dy-c-2'), 'InsufficientInstanceCapacity');
    one.restart();
    expect(one.out('RunInstances')).toEqual([]);
    expect(one.out('SweepLaunch')).toHaveLength(1);
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('drops an assignment whose gang had been let go', () => {
    const one = world({ maxBatchSize: 5000, launchInstances: { burst: 5000, perSecond: 2 } });
    one.resume('q-dy-c-[1-2001]', ['q-dy-c-[1-2001]']);
    one.launch(one.only('RunInstances'));
    const [first, second] = one.out('AssignNodes');
    if (first === undefined || second === undefined)
      throw new Error('two assignments are expected');
    one.fail(first, invalid, false);
    one.restart(false);
    expect(one.out('AssignNodes')).toEqual([]);
    one.settle();
    checkAtRest(one);
  });
});

describe('answers that nobody waits for', () => {
  test('change nothing', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.settle();
    const calm = one.turns.length;
    one.send({ kind: 'NodesAssigned', effectId: 'unknown' });
    one.send({ kind: 'EffectFailed', effectId: 'unknown', message: 'x', transient: true });
    one.send({ kind: 'LaunchSwept', effectId: 'unknown', instanceIds: [] });
    one.send({ kind: 'InstancesTerminated', effectId: 'unknown' });
    one.send({ kind: 'NodesGivenBack', effectId: 'unknown' });
    expect(
      one.turns
        .slice(calm)
        .every(({ decisions, effects }) => decisions.length + effects.length === 0),
    ).toBe(true);
    checkAtRest(one);
  });

  test('bring no instance to a closed gang: an assignment that failed is dropped', () => {
    const one = assigning('q-dy-c-[1-2]', { scalingStrategy: 'all-or-nothing' });
    const assign = one.only('AssignNodes');
    one.suspend('q-dy-c-1');
    one.fail(assign, 'no contact', true);
    one.settle();
    expect(one.effects('AssignNodes')).toHaveLength(1);
    checkAtRest(one);
  });

  test('time that ran back does not take the core back', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.now -= 3_600_000;
    one.launch(one.only('RunInstances'));
    expect(one.state.now).toBe(testStart);
    expect(one.state.leases.get('q-dy-c-1')?.leasedAt).toBe(testStart);
  });
});
