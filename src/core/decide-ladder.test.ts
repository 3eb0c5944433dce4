/** A gang that its rung refuses: what takes it to the next one, and what it leaves behind. */
import { describe, expect, test } from 'vitest';
import { queueOf } from './testing/fleet.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, testStart, type DrivenWorld } from './testing/world.ts';
import type { Queue, Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';
const threeZones = { a: ['c5.large us-east-1a', 'c5.large us-east-1b', 'c5.large us-east-1c'] };

function world(
  resources: Readonly<Record<string, readonly string[]>> = threeZones,
  settings: Partial<Settings> = {},
  queue: Partial<Queue> = {},
): DrivenWorld {
  return createTestWorld(
    {
      launchRequests: { burst: 100, perSecond: 2 },
      queues: [queueOf(resources, queue)],
      ...settings,
    },
    createInvariants(),
  );
}

function gang(one: DrivenWorld, nodes = 'q-dy-a-[1-3]'): DrivenWorld {
  one.resume(nodes, [nodes]);
  return one;
}

/** What was launched so far: `type zone` of every call, with the market where it is not on-demand. */
function launched(one: DrivenWorld): string[] {
  return one.effects('RunInstances').map(({ order }) => {
    const market = order.market === 'on-demand' ? '' : ` ${order.market}`;
    return `${order.instanceType} ${order.subnetId?.replace('subnet-us-east-', '')}${market}`;
  });
}

describe('a gang that is refused for capacity', () => {
  test('tries the next rung with tokens and ids of its own, and is given from there', () => {
    const one = gang(world());
    one.refuse(one.only('RunInstances'), noRoom);
    one.refuse(one.only('RunInstances'), noRoom);
    expect(launched(one)).toEqual(['c5.large 1a', 'c5.large 1b', 'c5.large 1c']);
    const tokens = one.effects('RunInstances').map(({ id, order }) => [id, order.clientToken]);
    expect(new Set(tokens.flat()).size).toBe(6);
    one.settle();
    expect(one.verdict()).toEqual({ given: ['q-dy-a-1', 'q-dy-a-2', 'q-dy-a-3'], failed: [] });
    expect(one.state.leases.get('q-dy-a-1')).toMatchObject({
      zone: 'us-east-1c',
      pool: 'c5.large us-east-1c on-demand',
    });
    expect(one.givenBack()).toEqual([]);
    checkAtRest(one);
  });

  test('on the last rung goes back at once, with what that one said', () => {
    const one = gang(world());
    for (const zone of ['1a', '1b', '1c'])
      one.refuse(one.only('RunInstances'), noRoom, `no room in ${zone}`);
    expect(one.givenBack()).toEqual([
      `q-dy-a-1 q-dy-a-2 q-dy-a-3 (Code:${noRoom})Failure when resuming nodes: no room in 1c`,
    ]);
    expect(one.now).toBe(testStart);
    one.settle();
    checkAtRest(one);
  });

  test('goes first where EC2 says that there is room', () => {
    const one = gang(world());
    one.refuse(
      one.only('RunInstances'),
      noRoom,
      'not in the zone you requested (us-east-1a), choosing us-east-1c, us-east-1f.',
    );
    expect(launched(one)).toEqual(['c5.large 1a', 'c5.large 1c']);
    one.refuse(one.only('RunInstances'), noRoom);
    expect(launched(one).at(-1)).toBe('c5.large 1b');
  });

  test('after its last moment goes back instead', () => {
    const one = gang(world(threeZones, { launchPatienceMs: 60_000 }));
    one.advance(60_001);
    one.refuse(one.only('RunInstances'), noRoom);
    expect(launched(one)).toHaveLength(1);
    expect(one.givenBack()[0]).toContain(`(Code:${noRoom})`);
  });

  test('goes from spot to on-demand, from type to type, from subnet to subnet', () => {
    const resources = {
      a: [
        'c5.large us-east-1a spot',
        'c5.large us-east-1a',
        'c5.large us-east-1a+2',
        'm5.large us-east-1a',
      ],
    };
    const one = gang(world(resources));
    one.refuse(one.only('RunInstances'), 'UnfulfillableCapacity');
    one.refuse(one.only('RunInstances'), 'InsufficientFreeAddressesInSubnet');
    one.refuse(one.only('RunInstances'), noRoom);
    expect(launched(one)).toEqual([
      'c5.large 1a spot',
      'c5.large 1a',
      'c5.large 1a+2',
      'm5.large 1a',
    ]);
    one.settle();
    checkAtRest(one);
  });

  test('of several calls ends what the rung gave before, and what it gives later', () => {
    const one = gang(world(threeZones, { maxBatchSize: 1 }, { strategy: 'launch' }));
    const late = one.launchFor('q-dy-a-2');
    one.launch(one.launchFor('q-dy-a-1'));
    one.refuse(one.launchFor('q-dy-a-3'), noRoom);
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0001']);
    expect(launched(one).slice(3)).toEqual(['c5.large 1b', 'c5.large 1b', 'c5.large 1b']);
    one.launch(late);
    expect(one.decisions('AnswerLate')).toMatchObject([{ instanceIds: ['i-0002'] }]);
    expect(one.out('TerminateInstances').flatMap(({ instanceIds }) => instanceIds)).toEqual([
      'i-0001',
      'i-0002',
    ]);
    one.settle();
    expect(one.ec2.alive.size).toBe(3);
    expect(one.verdict().given).toHaveLength(3);
    checkAtRest(one);
  });

  test('of several calls: one that is refused later, or lost, changes nothing on the next rung', () => {
    const one = gang(world(threeZones, { maxBatchSize: 1 }, { strategy: 'launch' }));
    const [lost, refused] = [one.launchFor('q-dy-a-1'), one.launchFor('q-dy-a-2')];
    one.refuse(one.launchFor('q-dy-a-3'), noRoom);
    one.loseAnswer(lost, 1);
    one.refuse(refused, 'VcpuLimitExceeded');
    expect(one.only('SweepLaunch').clientToken).toBe(lost.order.clientToken);
    one.settle();
    expect(one.verdict().given).toHaveLength(3);
    expect(one.ec2.alive.size).toBe(3);
    checkAtRest(one);
  });

  test('of several calls: those that wait for their turn are never made', () => {
    const one = gang(
      world(
        threeZones,
        { maxBatchSize: 1, launchRequests: { burst: 1, perSecond: 1 } },
        { strategy: 'launch' },
      ),
    );
    one.refuse(one.only('RunInstances'), noRoom);
    one.settle();
    expect(launched(one)).toEqual(['c5.large 1a', 'c5.large 1b', 'c5.large 1b', 'c5.large 1b']);
    expect(one.effects('SweepLaunch')).toEqual([]);
    checkAtRest(one);
  });

  test('while it reserves: the reservations go, and those of the next rung are made', () => {
    const one = gang(world(threeZones, { maxBatchSize: 2 }));
    const [first, second] = one.out('CreateReservation');
    if (first === undefined || second === undefined) throw new Error('two are expected');
    one.finish(first);
    one.refuse(second, noRoom);
    expect(one.only('EndReservation').reservationId).toBe('cr-1');
    expect(one.out('CreateReservation').map(({ order }) => order.availabilityZone)).toEqual([
      'us-east-1b',
      'us-east-1b',
    ]);
    const orders = one.effects('CreateReservation').map(({ order }) => order.clientToken);
    expect(new Set(orders).size).toBe(4);
    one.settle();
    expect(launched(one)).toEqual(['c5.large 1b', 'c5.large 1b']);
    checkAtRest(one);
  });

  test('is carried on after a crash at any point', () => {
    /** False when it was over before that point. */
    function crashAt(point: number, reached: boolean): boolean {
      const one = gang(world(threeZones, { maxBatchSize: 2 }, { strategy: 'launch' }));
      let crashed = false;
      for (let step = 0; one.running.length > 0 && step < 100; step += 1) {
        if (step === point) {
          one.restart(reached);
          crashed = true;
        }
        const effect = one.running.at(-1);
        if (effect === undefined) break;
        const isFull = effect.kind === 'RunInstances' && effect.order.subnetId?.endsWith('1a');
        // A token that has launched answers with that, refused or not.
        const isKnown =
          effect.kind === 'RunInstances' && one.ec2.launchedBy.has(effect.order.clientToken);
        if (effect.kind === 'RunInstances' && isFull === true && !isKnown)
          one.refuse(effect, noRoom);
        else one.finish(effect);
      }
      one.settle();
      expect(one.ec2.alive.size).toBe(3);
      checkAtRest(one);
      checkReplay(one);
      return crashed;
    }
    for (const reached of [true, false]) {
      let points = 0;
      while (crashAt(points, reached)) points += 1;
      expect(points).toBeGreaterThan(3);
    }
  });
});

describe('a gang that is refused for something else', () => {
  test('where it is never to be had: the rung is left, too', () => {
    const one = gang(world());
    one.refuse(one.only('RunInstances'), 'Unsupported');
    expect(launched(one)).toEqual(['c5.large 1a', 'c5.large 1b']);
  });

  test.each(['VcpuLimitExceeded', 'UnauthorizedOperation', 'NeverHeardOf'])(
    '%s: another rung would not help',
    (code) => {
      const one = gang(world());
      one.refuse(one.only('RunInstances'), code);
      expect(launched(one)).toHaveLength(1);
      expect(one.givenBack()[0]).toContain(`(Code:${code})`);
      one.settle();
      checkAtRest(one);
    },
  );

  test('throttling, however long, does not leave the rung and starts nothing over', () => {
    const one = gang(world(threeZones, { launchPatienceMs: 300_000, rungPatienceMs: 5_000 }));
    const { order } = one.only('RunInstances');
    for (let round = 0; round < 5; round += 1) {
      one.refuse(one.only('RunInstances'), 'RequestLimitExceeded');
      one.advance(20_000);
    }
    expect(one.effects('RunInstances').map((effect) => effect.order)).toEqual(
      Array.from({ length: 6 }, () => order),
    );
    one.settle();
    expect(one.verdict().given).toHaveLength(3);
    checkAtRest(one);
  });
});

describe('a rung that does not answer', () => {
  const patience = { launchPatienceMs: 300_000, rungPatienceMs: 20_000 };

  /** Every launch in a zone is lost, and done all the same. */
  function losing(one: DrivenWorld, zone: string): void {
    for (let round = 0; round < 200; round += 1) {
      const effect = one.running.find(
        ({ kind }) => kind === 'RunInstances' || kind === 'CreateReservation',
      );
      if (effect === undefined) one.advance(500);
      else if (effect.kind === 'CreateReservation') {
        if (effect.order.availabilityZone.endsWith(zone)) one.loseAnswer(effect, 1);
        else one.finish(effect);
      } else if (effect.kind === 'RunInstances') {
        if (effect.order.subnetId?.endsWith(zone) !== true) return;
        one.loseAnswer(effect, effect.order.maxCount);
      }
    }
  }

  test('is left when its patience is over, and what it may have launched is looked for', () => {
    const one = gang(world(threeZones, patience));
    const { clientToken } = one.only('RunInstances').order;
    losing(one, '1a');
    const seconds = (one.now - testStart) / 1000;
    expect(seconds).toBeGreaterThan(10);
    expect(seconds).toBeLessThanOrEqual(20);
    expect(one.decisions('RungLeft')).toMatchObject([{ refusal: { code: 'Timeout' } }]);
    expect(one.only('SweepLaunch').clientToken).toBe(clientToken);
    expect(launched(one).at(-1)).toBe('c5.large 1b');
    one.settle();
    expect(one.ec2.alive.size).toBe(3);
    checkAtRest(one);
  });

  test('is asked for as long as a launch may take when it is the last one', () => {
    const one = gang(world({ a: ['c5.large us-east-1a'] }, patience));
    for (let round = 0; one.decisions('RequestSettled').length === 0; round += 1) {
      const [launch] = one.out('RunInstances');
      if (launch === undefined) one.advance(500);
      else one.loseAnswer(launch, 0);
      expect(round).toBeLessThan(2_000);
    }
    expect((one.now - testStart) / 1000).toBeGreaterThan(280);
    one.settle();
    checkAtRest(one);
  });

  test('is left while it reserves, too, and what it may have reserved is looked for', () => {
    const one = gang(world(threeZones, { ...patience, maxBatchSize: 2 }));
    losing(one, '1a');
    expect((one.now - testStart) / 1000).toBeLessThanOrEqual(20);
    expect(launched(one)).toEqual(['c5.large 1b', 'c5.large 1b']);
    expect(one.out('EndReservation').map(({ tag }) => tag.slice(-1))).toEqual(['1', '0']);
    one.settle();
    expect(one.ec2.alive.size).toBe(3);
    checkAtRest(one);
  });

  test('counts no rung for nodes that another gang serves', () => {
    // b has a second zone, and a has not: with b's node up the gang is only on its one rung.
    const resources = {
      b: ['m5.large us-east-1a', 'm5.large us-east-1b'],
      a: ['c5.large us-east-1a'],
    };
    const one = world(resources, patience, { spread: true });
    gang(one, 'q-dy-b-1').settle();
    one.resume('q-dy-a-1,q-dy-b-1', ['q-dy-a-1,q-dy-b-1']);
    losing(one, '1a');
    expect((one.now - testStart) / 1000).toBeGreaterThan(90);
    expect(one.decisions('RungLeft')).toEqual([]);
  });
});

describe('a gang over two compute resources', () => {
  const bothInAB = {
    a: ['c5.large us-east-1a', 'c5.large us-east-1b'],
    b: ['m5.large us-east-1a', 'm5.large us-east-1b'],
  };
  const both = 'q-dy-a-[1-2],q-dy-b-1';

  test('leaves the zone as a whole', () => {
    const one = gang(world(bothInAB, {}, { strategy: 'launch' }), both);
    one.launch(one.launchFor('q-dy-a-1'));
    one.refuse(one.launchFor('q-dy-b-1'), noRoom);
    expect(launched(one)).toEqual(['c5.large 1a', 'm5.large 1a', 'c5.large 1b', 'm5.large 1b']);
    one.settle();
    expect([...one.state.leases.values()].map(({ zone }) => zone)).toEqual([
      'us-east-1b',
      'us-east-1b',
      'us-east-1b',
    ]);
    checkAtRest(one);
  });

  test('without a zone in common is refused, and told what would help', () => {
    const apart = { a: ['c5.large us-east-1a'], b: ['m5.large us-east-1b'] };
    const one = gang(world(apart), both);
    expect(one.givenBack()[0]).toContain('(Code:NoCommonZone)');
    expect(one.givenBack()[0]).toContain('let the queue be spread');
    one.settle();
    checkAtRest(one);
  });

  test('without a zone in common is launched where the queue may be spread', () => {
    const apart = { a: ['c5.large us-east-1a'], b: ['m5.large us-east-1b'] };
    const one = gang(world(apart, {}, { spread: true }), both);
    one.settle();
    expect(launched(one)).toEqual(['c5.large 1a', 'm5.large 1b']);
    expect(one.verdict().given).toHaveLength(3);
    checkAtRest(one);
  });

  test('starts with the part of which EC2 has refused the fewest', () => {
    const memory = { refusalMs: 120_000, successMs: 3_600_000 };
    const one = world(bothInAB, { capacityMemory: memory }, { strategy: 'launch' });
    gang(one, 'q-dy-b-[2-9]');
    one.refuse(one.only('RunInstances'), noRoom);
    one.settle();
    gang(one, both);
    expect(one.out('RunInstances').map(({ order }) => order.instanceType)).toEqual([
      'm5.large',
      'c5.large',
    ]);
  });
});

describe('a job that asks for its own rungs', () => {
  function wishing(comment: string, settings: Partial<Settings> = {}): DrivenWorld {
    const one = world(threeZones, settings);
    one.slurm.jobs.set(1, { comment });
    return gang(one);
  }

  test('is launched on those alone', () => {
    const one = wishing('my own words muster:zones=us-east-1b,us-east-1c');
    one.refuse(one.only('RunInstances'), noRoom, 'choosing us-east-1a.');
    expect(launched(one)).toEqual(['c5.large 1b', 'c5.large 1c']);
    one.refuse(one.only('RunInstances'), noRoom);
    expect(one.givenBack()[0]).toContain(`(Code:${noRoom})`);
    one.settle();
    checkAtRest(one);
  });

  test('that its queue does not have is told so, and held until its owner has changed it', () => {
    const one = wishing('muster:types=p5.48xlarge muster:rungs=spot');
    expect(launched(one)).toEqual([]);
    expect(one.givenBack()[0]).toContain(
      '(Code:NothingWished)Failure when resuming nodes: the job asks for spot, p5.48xlarge in its comment',
    );
    expect(one.effects('TellJobs')).toMatchObject([{ hold: 'user' }]);
    one.settle();
    checkAtRest(one);
  });

  test('is launched without reservations where it says so', () => {
    const one = wishing('muster:strategy=launch', { maxBatchSize: 2 });
    expect(one.effects('CreateReservation')).toEqual([]);
    expect(launched(one)).toEqual(['c5.large 1a', 'c5.large 1a']);
  });

  test('is as patient on a rung as it says', () => {
    const one = wishing('muster:patience=3s', { rungPatienceMs: 60_000 });
    for (let round = 0; one.decisions('RungLeft').length === 0; round += 1) {
      const [launch] = one.out('RunInstances');
      if (launch === undefined) one.advance(100);
      else one.loseAnswer(launch, 0);
      expect(round).toBeLessThan(100);
    }
    expect(one.now - testStart).toBeLessThanOrEqual(3_000);
  });
});

test('a replacement whose rung is no longer in the configuration: its gang is tried again by the new ladder', () => {
  const of = (type: string): Partial<Settings> => ({
    resumeTimeoutMs: 1_800_000,
    queues: [queueOf({ c: [`${type} us-east-1a`] })],
  });
  const one = Object.assign(createTestWorld(of('c5.large'), createInvariants()), { boots: true });
  one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
  one.sendSeen({ registered: ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3'] });
  one.send({ kind: 'ConfigLoaded', settings: { ...one.state.settings, ...of('c6i.large') } });
  one.ec2.terminate(['i-0004']);
  one.send({ kind: 'Ec2Seen', ended: ['i-0004'], strays: [], strayReservations: [] });
  one.settle();
  expect(one.decisions('JobRefused')).toMatchObject([{ code: 'LadderChanged', hold: null }]);
});

test('a replacement stays on the rung of its gang', () => {
  const one = world(threeZones, { bootTimeMs: 60_000, resumeTimeoutMs: 3_600_000 });
  one.boots = true;
  gang(one);
  one.refuse(one.only('RunInstances'), noRoom);
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
  one.send({ kind: 'Ec2Seen', ended: ['i-0002'], strays: [], strayReservations: [] });
  expect(launched(one)).toEqual(['c5.large 1a', 'c5.large 1b', 'c5.large 1b']);
  one.refuse(one.only('RunInstances'), noRoom);
  expect(launched(one)).toHaveLength(3);
  one.boots = false;
  one.settle();
  expect(one.ec2.alive.size).toBe(0);
  checkAtRest(one);
});
