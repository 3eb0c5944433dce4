/** Gangs of several calls: reserved before anything is launched, and what becomes of the reservations. */
import { describe, expect, test } from 'vitest';
import { queueOf } from './testing/fleet.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, testStart, type DrivenWorld } from './testing/world.ts';
import type { CreateReservation } from './effects.ts';
import type { Queue, Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';
const oneType = { a: ['c5.large us-east-1a'] };
const twoTypes = { a: ['c5.large us-east-1a'], b: ['m5.large us-east-1a'] };

function world(
  resources: Readonly<Record<string, readonly string[]>> = oneType,
  settings: Partial<Settings> = {},
  queue: Partial<Queue> = {},
): DrivenWorld {
  return createTestWorld(
    {
      clusterName: 'demo',
      maxBatchSize: 2,
      launchRequests: { burst: 100, perSecond: 2 },
      queues: [queueOf(resources, queue)],
      ...settings,
    },
    createInvariants(),
  );
}

/** A gang of these nodes, and its reservations in their order. */
function reserving(one: DrivenWorld, nodes = 'q-dy-a-[1-3]'): CreateReservation[] {
  one.resume(nodes, [nodes]);
  return one.out('CreateReservation');
}

function at(effects: readonly CreateReservation[], index: number): CreateReservation {
  const effect = effects[index];
  if (effect === undefined) throw new Error(`there is no reservation ${index}`);
  return effect;
}

describe('a firm gang of several calls', () => {
  test('reserves for each of them, the whole count, with a tag, a token and an end', () => {
    const one = world();
    const made = reserving(one);
    expect(one.out('RunInstances')).toEqual([]);
    expect(made.map(({ order }) => order.count)).toEqual([2, 1]);
    const { id, gangId, order } = at(made, 0);
    expect(id).toBe(`${gangId}/reserve0`);
    expect(order).toEqual({
      clientToken: `${gangId.replace('/', '-')}-0-r`,
      instanceType: 'c5.large',
      platform: 'Linux/UNIX',
      availabilityZone: 'us-east-1a',
      count: 2,
      placementGroupArn: null,
      endsAt: testStart + 15 * 60_000,
      tags: { 'muster:cluster': 'demo', 'muster:gang': gangId, 'muster:reservation': id },
    });
    expect(order.clientToken.length).toBeLessThanOrEqual(64);
  });

  test('launches into them when the last one is held, and not before', () => {
    const one = world();
    const made = reserving(one);
    one.finish(at(made, 1));
    expect(one.out('RunInstances')).toEqual([]);
    one.finish(at(made, 0));
    expect(
      one.out('RunInstances').map(({ order }) => [order.reservationId, order.maxCount]),
    ).toEqual([
      ['cr-2', 2],
      ['cr-1', 1],
    ]);
  });

  test('lets them go when every launch has been answered; what they cost is in the ledger', () => {
    const one = world();
    for (const each of reserving(one)) one.finish(each);
    const [first, second] = one.out('RunInstances');
    if (first === undefined || second === undefined) throw new Error('two launches are expected');
    one.launch(first);
    expect(one.out('EndReservation')).toEqual([]);
    one.advance(7_000);
    one.launch(second);
    expect(one.out('EndReservation').map(({ reservationId }) => reservationId)).toEqual([
      'cr-1',
      'cr-2',
    ]);
    for (const each of one.out('EndReservation')) one.finish(each);
    expect(one.decisions('ReservationOver')).toMatchObject([
      {
        reservationId: 'cr-1',
        instanceType: 'c5.large',
        zone: 'us-east-1a',
        count: 2,
        heldMs: 7_000,
      },
      { reservationId: 'cr-2', count: 1, heldMs: 7_000 },
    ]);
    one.settle();
    expect(one.ec2.alive.size).toBe(3);
    checkAtRest(one);
  });

  test('one of them refused: the others go, nothing is launched, the reason is on the nodes', () => {
    const one = world(twoTypes);
    const made = reserving(one, 'q-dy-a-[1-2],q-dy-b-1');
    one.finish(at(made, 0));
    one.refuse(at(made, 1), noRoom, 'no m5.large');
    expect(one.givenBack()).toEqual([
      `q-dy-a-1 q-dy-a-2 q-dy-b-1 (Code:${noRoom})Failure when resuming nodes: no m5.large`,
    ]);
    expect(one.only('EndReservation').reservationId).toBe('cr-1');
    one.settle();
    expect(one.effects('RunInstances')).toEqual([]);
    checkAtRest(one);
  });

  test('one refused while another is asked for: that one goes as soon as it is held', () => {
    const one = world();
    const made = reserving(one);
    one.refuse(at(made, 1), noRoom);
    expect(one.verdict().failed).toHaveLength(3);
    one.finish(at(made, 0));
    expect(one.only('EndReservation').reservationId).toBe('cr-1');
    one.settle();
    checkAtRest(one);
  });

  test('that is cancelled meanwhile holds nothing in the end', () => {
    const one = world();
    const made = reserving(one);
    one.finish(at(made, 0));
    one.sendSeen({ gone: [1] });
    one.finish(at(made, 1));
    one.settle();
    expect(one.effects('RunInstances')).toEqual([]);
    checkAtRest(one);
  });

  test('of which Slurm powers nodes down meanwhile holds nothing in the end', () => {
    const one = world();
    const made = reserving(one);
    one.finish(at(made, 0));
    one.advance(1);
    one.suspend('q-dy-a-2');
    expect(one.only('EndReservation').reservationId).toBe('cr-1');
    one.finish(at(made, 1));
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('whose reservations come too late is not launched', () => {
    const one = world(oneType, { launchPatienceMs: 60_000 });
    const made = reserving(one);
    one.advance(60_001);
    for (const each of made) one.finish(each);
    one.settle();
    expect(one.effects('RunInstances')).toEqual([]);
    expect(one.givenBack()[0]).toContain('(Code:LaunchTooLate)');
    checkAtRest(one);
  });

  test('one launch refused for good inside its reservation: all of it goes, with all reservations', () => {
    const one = world();
    for (const each of reserving(one)) one.finish(each);
    one.launch(one.launchFor('q-dy-a-1'));
    one.refuse(one.launchFor('q-dy-a-3'), 'InvalidParameterValue');
    expect(one.out('EndReservation')).toHaveLength(2);
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('one launch refused while another runs: its reservation is used until that is answered', () => {
    const one = world();
    for (const each of reserving(one)) one.finish(each);
    const late = one.launchFor('q-dy-a-1');
    one.refuse(one.launchFor('q-dy-a-3'), 'InvalidParameterValue');
    expect(one.only('EndReservation').reservationId).toBe('cr-2');
    one.launch(late);
    expect(one.out('EndReservation').map(({ reservationId }) => reservationId)).toContain('cr-1');
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('that waits for tokens counts for those behind it before it is launched', () => {
    const one = world(twoTypes, {
      maxBatchSize: 500,
      resumeTimeoutMs: 1_860_000,
      launchInstances: { burst: 1000, perSecond: 2 },
    });
    expect(reserving(one, 'q-dy-a-[1-3000]')).toHaveLength(6);
    one.resume('q-dy-b-[1-3000]', ['q-dy-b-[1-3000]']);
    expect(one.out('CreateReservation')).toHaveLength(6);
    expect(one.givenBack()[0]).toContain('(Code:LaunchTooLate)');
  });
});

describe('a reservation whose answer is lost', () => {
  test('is made with the same token again', () => {
    const one = world();
    const made = reserving(one);
    const { order } = at(made, 0);
    one.finish(at(made, 1));
    one.loseAnswer(at(made, 0), 1);
    one.advance(1_000);
    expect(one.only('CreateReservation').order).toEqual(order);
    one.settle();
    expect(one.effects('CreateReservation')).toHaveLength(3);
    expect(one.ec2.alive.size).toBe(3);
    checkAtRest(one);
  });

  test('and that is refused when repeated is looked for by its tag, until EC2 shows it', () => {
    const one = world();
    const made = reserving(one);
    one.loseAnswer(at(made, 0), 1);
    one.advance(1_000);
    one.refuse(at(one.out('CreateReservation'), 1), noRoom);
    const end = one.only('EndReservation');
    expect(end).toMatchObject({ tag: at(made, 0).id, reservationId: null });
    one.finish(end, false);
    expect(one.ec2.reserved.size).toBe(1);
    one.advance(10_000);
    one.finish(one.only('EndReservation'), false);
    one.advance(120_000);
    one.finish(one.only('EndReservation'), false);
    expect(one.ec2.reserved.size).toBe(0);
    one.settle();
    checkAtRest(one);
  });

  test('and that was never made is not looked for without end', () => {
    const one = world();
    const made = reserving(one);
    one.loseAnswer(at(made, 0), 0);
    one.refuse(at(made, 1), noRoom);
    one.settle();
    expect(one.effects('EndReservation')).toHaveLength(4);
    checkAtRest(one);
  });

  test('while its gang is let go is looked for, too', () => {
    const one = world();
    const made = reserving(one);
    one.refuse(at(made, 1), noRoom);
    one.loseAnswer(at(made, 0), 1);
    expect(one.only('EndReservation')).toMatchObject({ tag: at(made, 0).id });
    one.settle();
    checkAtRest(one);
  });

  test('and whose gang is let go before it is repeated is not repeated, and looked for at once', () => {
    const one = world();
    const made = reserving(one);
    one.loseAnswer(at(made, 0), 1);
    one.refuse(at(made, 1), noRoom);
    expect(one.only('EndReservation')).toMatchObject({ tag: at(made, 0).id });
    one.settle();
    expect(one.effects('CreateReservation')).toHaveLength(2);
    checkAtRest(one);
  });

  test('by a crash, its gang let go before that, is not made again', () => {
    const one = world();
    const made = reserving(one);
    one.refuse(at(made, 1), noRoom);
    one.restart();
    expect(one.out('CreateReservation')).toEqual([]);
    expect(one.only('EndReservation')).toMatchObject({ tag: at(made, 0).id });
    one.settle();
    checkAtRest(one);
  });

  test('until there is no time left: the gang is refused', () => {
    const one = world(oneType, { launchPatienceMs: 30_000 });
    reserving(one);
    for (let round = 0; one.decisions('RequestSettled').length === 0; round += 1) {
      const [effect] = one.out('CreateReservation');
      if (effect !== undefined) one.loseAnswer(effect, 0);
      else one.advance(1_000);
      expect(round).toBeLessThan(100);
    }
    expect(one.givenBack()[0]).toContain('(Code:Timeout)');
    expect(one.now).toBeLessThan(testStart + 31_000);
    one.settle();
    checkAtRest(one);
  });
});

test('a reservation that is throttled is asked for again, and not looked for: it never was', () => {
  const one = world();
  const made = reserving(one);
  one.refuse(at(made, 0), 'RequestLimitExceeded');
  one.finish(at(made, 1));
  one.advance(1_000);
  one.settle();
  expect(one.ec2.alive.size).toBe(3);
  expect(one.effects('EndReservation').map(({ reservationId }) => reservationId)).toEqual([
    'cr-1',
    'cr-2',
  ]);
  checkAtRest(one);
});

describe('a launch into a reservation of its own', () => {
  function launching(settings: Partial<Settings> = {}): DrivenWorld {
    const one = world(oneType, settings);
    for (const each of reserving(one)) one.finish(each);
    return one;
  }

  test.each(['ReservationCapacityExceeded', noRoom])(
    'that is refused with %s is made again with the same token: the reservation is not usable yet',
    (code) => {
      const one = launching();
      const { order } = one.launchFor('q-dy-a-1');
      one.refuse(one.launchFor('q-dy-a-1'), code);
      expect(one.out('RunInstances')).toHaveLength(1);
      one.settle();
      const orders = one.effects('RunInstances').map((effect) => effect.order);
      expect(orders).toHaveLength(3);
      expect(orders[2]).toEqual(order);
      expect(one.verdict().given).toHaveLength(3);
      checkAtRest(one);
    },
  );

  test('that is over is not waited for', () => {
    const one = launching();
    one.refuse(one.launchFor('q-dy-a-1'), 'InvalidCapacityReservationState');
    expect(one.givenBack()[0]).toContain('(Code:InvalidCapacityReservationState)');
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });
});

test("a launch into the site's own reservation that is full is refused", () => {
  const one = world({ a: ['c5.large us-east-1a cr-site'] });
  one.resume('q-dy-a-[1-3]', ['q-dy-a-[1-3]']);
  expect(one.out('CreateReservation')).toEqual([]);
  expect(one.out('RunInstances').map(({ order }) => order.reservationId)).toEqual([
    'cr-site',
    'cr-site',
  ]);
  one.refuse(one.launchFor('q-dy-a-1'), 'ReservationCapacityExceeded');
  expect(one.verdict().failed).toHaveLength(3);
  one.settle();
  expect(one.effects('EndReservation')).toEqual([]);
  checkAtRest(one);
});

describe('a gang that is launched without reservations', () => {
  const rows: Record<string, { make: () => DrivenWorld; why: string | null }> = {
    'of one call': { make: () => world(oneType, { maxBatchSize: 500 }), why: null },
    'by the choice of its queue': {
      make: () => world(oneType, {}, { strategy: 'launch' }),
      why: null,
    },
    'on spot': {
      make: () => world({ a: ['c5.large us-east-1a spot'] }),
      why: 'q/a is spot: only on-demand is reserved',
    },
    'of a template of which nobody says what it launches': {
      make: () => world(oneType, { queues: null }),
      why: 'the instance type or the zone of q/a is not known',
    },
    'in calls larger than a reservation may be': {
      make: () =>
        world(oneType, { maxBatchSize: 1_500, launchInstances: { burst: 5_000, perSecond: 2 } }),
      why: 'a batch of q/a has more than 1000 instances',
    },
  };
  test.each(Object.entries(rows))('%s', (_name, { make, why }) => {
    const one = make();
    const nodes = why?.includes('1000') === true ? 'q-dy-a-[1-1600]' : 'q-dy-a-[1-3]';
    one.resume(nodes, [nodes]);
    expect(one.effects('CreateReservation')).toEqual([]);
    expect(one.out('RunInstances').length).toBeGreaterThan(0);
    expect(one.decisions('ReserveForgone').map((each) => each.why)).toEqual(
      why === null ? [] : [why],
    );
    one.settle();
    checkAtRest(one);
  });

  test('because it takes what EC2 gives', () => {
    const one = world(oneType, { scalingStrategy: 'best-effort' });
    one.resume('q-dy-a-[1-3]', ['q-dy-a-[1-3]']);
    expect(one.out('RunInstances')).toHaveLength(2);
    expect(one.decisions('ReserveForgone')).toEqual([]);
  });

  test('because zones cannot be asked for: it is waited for one answer, no longer', () => {
    const one = world();
    one.asks = true;
    one.resume('q-dy-a-[1-3]', ['q-dy-a-[1-3]']);
    one.finish(one.only('AskJobs'));
    expect(one.out('RunInstances')).toEqual([]);
    one.fail(one.only('DescribeSubnets'), 'EC2 is away', true);
    expect(one.out('RunInstances')).toHaveLength(2);
    one.asks = false;
    one.settle();
    checkAtRest(one);
  });
});

describe('where AWS does not reserve', () => {
  /** Not permitted, not in the region, not that type, no more of them. */
  const without = [
    'UnauthorizedOperation',
    'UnsupportedException',
    'Unsupported',
    'ResourceLimitExceeded',
  ];
  test.each(without)('and says %s: the launch goes without, and that is told', (code) => {
    const one = world();
    const made = reserving(one);
    one.refuse(at(made, 0), code, 'not here');
    expect(one.out('RunInstances')).toEqual([]);
    one.refuse(at(made, 1), code, 'not here');
    expect(one.decisions('ReserveForgone').map(({ why }) => why)).toEqual([
      `(Code:${code}) not here`,
      `(Code:${code}) not here`,
    ]);
    expect(one.out('RunInstances').map(({ order }) => order.reservationId)).toEqual([
      undefined,
      undefined,
    ]);
    one.settle();
    expect(one.ec2.alive.size).toBe(3);
    expect(one.effects('EndReservation')).toEqual([]);
    checkAtRest(one);
  });

  test.each(['VcpuLimitExceeded', 'InstanceLimitExceeded', 'NeverHeardOf'])(
    'because of %s: a launch would meet the same, and nothing is launched',
    (code) => {
      const one = world();
      const made = reserving(one);
      one.refuse(at(made, 1), code);
      one.finish(at(made, 0));
      one.settle();
      expect(one.effects('RunInstances')).toEqual([]);
      expect(one.givenBack()[0]).toContain(`(Code:${code})`);
      checkAtRest(one);
    },
  );

  test('one of two types: what is held of the other is launched into, the bare one first', () => {
    const one = world(twoTypes);
    const made = reserving(one, 'q-dy-a-[1-2],q-dy-b-1');
    one.refuse(at(made, 1), 'Unsupported');
    expect(one.out('RunInstances')).toEqual([]);
    one.finish(at(made, 0));
    expect(
      one.out('RunInstances').map(({ order }) => [order.instanceType, order.reservationId]),
    ).toEqual([
      ['m5.large', undefined],
      ['c5.large', 'cr-1'],
    ]);
    one.settle();
    expect(one.ec2.alive.size).toBe(3);
    checkAtRest(one);
  });

  test('one of two types, and no room for the other: nothing is launched', () => {
    const one = world(twoTypes);
    const made = reserving(one, 'q-dy-a-[1-2],q-dy-b-1');
    one.refuse(at(made, 1), 'Unsupported');
    one.refuse(at(made, 0), noRoom);
    one.settle();
    expect(one.effects('RunInstances')).toEqual([]);
    expect(one.givenBack()[0]).toContain(`(Code:${noRoom})`);
    checkAtRest(one);
  });

  test('one that was lost before it was refused is looked for all the same', () => {
    const one = world();
    const made = reserving(one);
    one.loseAnswer(at(made, 0), 1);
    one.finish(at(made, 1));
    one.advance(1_000);
    one.refuse(one.only('CreateReservation'), 'UnauthorizedOperation');
    expect(one.out('EndReservation')).toMatchObject([{ tag: at(made, 0).id }]);
    one.settle();
    expect(one.ec2.alive.size).toBe(3);
    checkAtRest(one);
  });

  test('on a rung of spot instances: the next one is reserved', () => {
    const one = world({ a: ['c5.large us-east-1a spot', 'c5.large us-east-1a'] });
    one.resume('q-dy-a-[1-3]', ['q-dy-a-[1-3]']);
    one.refuse(one.launchFor('q-dy-a-1'), noRoom);
    expect(one.out('CreateReservation')).toHaveLength(2);
    one.settle();
    expect(one.ec2.alive.size).toBe(3);
    checkAtRest(one);
  });
});

describe('after a crash', () => {
  /** Ends at its n-th effect or turn; returns false when it came to its end before that. */
  function crashAt(point: number, reached: boolean, code: string | null): boolean {
    const one = world(twoTypes);
    one.resume('q-dy-a-[1-3],q-dy-b-1', ['q-dy-a-[1-3],q-dy-b-1']);
    let crashed = false;
    for (let step = 0; one.running.length > 0; step += 1) {
      if (step === point) {
        one.restart(reached);
        crashed = true;
      }
      // The last running one first: the order of the answers is EC2's affair.
      const effect = one.running.at(-1);
      if (effect === undefined) break;
      const refuses = code !== null && effect.kind === 'CreateReservation';
      if (refuses && effect.order.instanceType === 'm5.large') one.refuse(effect, code);
      else one.finish(effect);
    }
    one.settle();
    checkAtRest(one);
    checkReplay(one);
    const isWhole = code !== noRoom;
    expect(one.ec2.alive.size).toBe(isWhole ? 4 : 0);
    return crashed;
  }

  const codes = { 'all held': null, 'one refused': noRoom, 'one forgone': 'UnauthorizedOperation' };
  for (const [name, code] of Object.entries(codes)) {
    for (const reached of [true, false]) {
      test(`at any point (${name}, what ran ${reached ? 'was' : 'was not'} done): nothing is left`, () => {
        let points = 0;
        while (crashAt(points, reached, code)) points += 1;
        expect(points).toBeGreaterThan(4);
      });
    }
  }
});
