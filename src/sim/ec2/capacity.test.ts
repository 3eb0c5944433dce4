/** Reservations and fleets where the contract (test/contract) does not reach: sums that must agree, and long lives. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEc2Model, stateAt, type Ec2Model, type Instance } from './index.ts';

const minuteMs = 60_000;
const vcpus = 4;

const launchOf = {
  instanceType: 'c5.xlarge',
  imageId: 'ami-1',
  subnetId: 'subnet-0000000000000000a',
};
const reservationOf = {
  instanceType: 'c5.xlarge',
  platform: 'Linux/UNIX',
  availabilityZone: 'us-east-2a',
};

const step = fc.oneof(
  fc.record({
    do: fc.constant('reserve' as const),
    count: fc.integer({ min: 1, max: 20 }),
    criteria: fc.constantFrom('open', 'targeted'),
    minutes: fc.option(fc.integer({ min: 1, max: 90 })),
  }),
  fc.record({
    do: fc.constant('run' as const),
    count: fc.integer({ min: 1, max: 20 }),
    into: fc.option(fc.nat(9), { freq: 3 }),
  }),
  fc.record({ do: fc.constant('fleet' as const), count: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ do: fc.constant('spot' as const), count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ do: fc.constant('interrupt' as const), every: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('end' as const), every: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('cancel' as const), which: fc.nat(9) }),
  fc.record({
    do: fc.constant('wait' as const),
    ms: fc.constantFrom(0, 500, 1000, 7 * minuteMs, 80 * minuteMs),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What the test itself knows of a reservation, to work out its charge anew. */
interface Known {
  readonly id: string;
  readonly count: number;
  readonly madeAt: number;
  readonly endsAt: number;
  cancelledAt: number;
}

interface World {
  readonly model: Ec2Model;
  readonly reserved: Known[];
  readonly launched: Instance[];
  now: number;
}

function createTestWorld(): World {
  const world: { now: number } = { now: 0 };
  const model = createEc2Model({
    now: () => world.now,
    throttle: false,
    times: { shutdownMs: 1000, spotNoticeMs: 2 * minuteMs },
    capacity: [
      { instanceType: 'c5.xlarge', availabilityZone: 'us-east-2a', capacity: 60 },
      { instanceType: 'c5.xlarge', availabilityZone: 'us-east-2a', market: 'spot', capacity: 15 },
    ],
    quotas: { 'on-demand': 70 * vcpus },
  });
  model.createLaunchTemplate({ name: 't', data: { imageId: 'ami-1' } });
  const launched: Instance[] = [];
  model.listen({ launched: (each) => launched.push(each) });
  return Object.assign(world, { model, launched, reserved: [] });
}

function reserve(world: World, each: Extract<Step, { do: 'reserve' }>): void {
  const { model, now } = world;
  const endDate = each.minutes === null ? null : now + each.minutes * minuteMs;
  const { result } = model.perform('CreateCapacityReservation', {
    ...reservationOf,
    instanceCount: each.count,
    matchCriteria: each.criteria,
    ...(endDate !== null && { endDateType: 'limited', endDate }),
  });
  if (result.kind === 'error') return;
  world.reserved.push({
    id: result.answer.reservationId,
    count: each.count,
    madeAt: now,
    endsAt: endDate ?? Infinity,
    cancelledAt: Infinity,
  });
}

function take(world: World, each: Step): void {
  const { model, now, reserved } = world;
  const nth = (every: number, of: Iterable<Instance>) =>
    [...of].filter((_, index) => index % every === 0);
  switch (each.do) {
    case 'reserve':
      reserve(world, each);
      return;
    case 'run': {
      const reservationId =
        each.into === null ? undefined : reserved[each.into % reserved.length]?.id;
      model.perform('RunInstances', {
        ...launchOf,
        minCount: 1,
        maxCount: each.count,
        ...(reservationId !== undefined && { capacityReservation: { reservationId } }),
      });
      return;
    }
    case 'fleet':
      model.perform('CreateFleet', {
        type: 'instant',
        configs: [
          {
            launchTemplate: { name: 't', version: '1' },
            overrides: ['a', 'b'].map((zone) => ({
              instanceType: 'c5.xlarge',
              subnetId: `subnet-0000000000000000${zone}`,
            })),
          },
        ],
        totalTargetCapacity: each.count,
        onDemand: { singleAvailabilityZone: true, minTargetCapacity: each.count },
      });
      return;
    case 'spot':
      model.perform('RunInstances', {
        ...launchOf,
        market: 'spot',
        minCount: each.count,
        maxCount: each.count,
      });
      return;
    case 'interrupt':
      for (const { id, market } of nth(each.every, model.instances())) {
        if (market === 'spot') model.interrupt(id);
      }
      return;
    case 'end':
      model.terminateInstances({
        instanceIds: nth(each.every, model.instances()).map(({ id }) => id),
      });
      return;
    case 'cancel': {
      const known = reserved[each.which % reserved.length];
      if (known === undefined) return;
      const { result } = model.perform('CancelCapacityReservation', { reservationId: known.id });
      if (result.kind === 'answer') known.cancelledAt = now;
      return;
    }
    case 'wait':
      world.now += each.ms;
  }
}

function overAt({ endsAt, cancelledAt }: Known): number {
  return Math.min(endsAt, cancelledAt);
}

function checkPlaces({ model, reserved, launched, now }: World): void {
  model.stats();
  const live = launched.filter((each) => stateAt(each, now) !== 'terminated');
  const standing = reserved.filter((each) => now < overAt(each));
  const inside = (id: string) => live.filter((each) => each.capacityReservation?.id === id).length;
  const views = new Map(model.reservations().map((each) => [each.reservationId, each]));
  for (const { id, count } of standing) {
    expect(inside(id)).toBeLessThanOrEqual(count);
    expect(views.get(id)).toMatchObject({ state: 'active', availableCount: count - inside(id) });
  }
  for (const { market, used, held, capacity } of model.pools()) {
    expect(held).toBeGreaterThanOrEqual(0);
    if (capacity !== null) expect(used, market).toBeLessThanOrEqual(capacity);
  }
  const sum = (market: string, of: 'used' | 'held') =>
    model
      .pools()
      .filter((each) => each.market === market)
      .reduce((total, each) => total + each[of], 0);
  const insideAny = standing.reduce((total, each) => total + inside(each.id), 0);
  const places = standing.reduce((total, each) => total + each.count, 0);
  const onDemand = live.filter((each) => each.market === 'on-demand').length;
  expect(sum('on-demand', 'held')).toBe(places - insideAny);
  expect(sum('on-demand', 'used')).toBe(onDemand - insideAny + places);
  expect(model.quotas()['on-demand'].used).toBe((onDemand - insideAny + places) * vcpus);
  expect(sum('spot', 'used')).toBe(live.length - onDemand);
}

/** Every place from its creation to its end, less what instances in it paid for in that time. */
function unusedSeconds({ reserved, launched, now }: World): number {
  return reserved.reduce((total, each) => {
    const end = Math.min(now, overAt(each));
    const paid = launched
      .filter(({ capacityReservation }) => capacityReservation?.id === each.id)
      .reduce((sum, { launchedAt, endAskedAt }) => {
        return sum + Math.max(0, Math.min(endAskedAt ?? now, end) - launchedAt);
      }, 0);
    return total + (each.count * (end - each.madeAt) - paid) / 1000;
  }, 0);
}

test('whatever is called, places, quota and charge agree with the reservations and instances there are', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const world = createTestWorld();
      for (const each of steps) {
        take(world, each);
        checkPlaces(world);
      }
      expect(world.model.stats().reservedSecondsUnused).toBeCloseTo(unusedSeconds(world), 6);
    }),
    { numRuns: 150 },
  );
});

describe('what is over', () => {
  test('is forgotten: reservations, their tokens, and those of fleets', () => {
    let now = 0;
    const model = createEc2Model({ now: () => now, throttle: false, times: { shutdownMs: 0 } });
    model.createLaunchTemplate({ name: 't', data: { ...launchOf } });
    const fleet = {
      type: 'instant',
      clientToken: 'fleet',
      configs: [{ launchTemplate: { name: 't', version: '1' }, overrides: [] }],
      totalTargetCapacity: 2,
    };
    const fleetIds = new Set<string>();
    for (let day = 0; day < 20; day += 1) {
      const { reservationId } = model.createCapacityReservation({
        ...reservationOf,
        instanceCount: 10,
        clientToken: 'reserve',
      });
      model.cancelCapacityReservation({ reservationId });
      const { fleetId, instances } = model.createFleet(fleet);
      fleetIds.add(fleetId);
      model.terminateInstances({ instanceIds: instances.flatMap((each) => each.instanceIds) });
      now += 49 * 60 * minuteMs;
    }
    expect(fleetIds.size).toBe(20);
    expect(model.stats().calls.CreateCapacityReservation).toEqual({ ok: 20 });
    expect(model.reservations()).toEqual([]);
    expect([...model.instances()]).toEqual([]);
  });

  test('by a reset: instances in reservations end, and nothing of them is charged on', () => {
    let now = 0;
    const model = createEc2Model({ now: () => now, throttle: false });
    const ended: string[] = [];
    model.listen({ ending: ({ id }) => ended.push(id) });
    const { reservationId } = model.createCapacityReservation({
      ...reservationOf,
      instanceCount: 3,
    });
    const { instances } = model.runInstances({
      ...launchOf,
      minCount: 2,
      maxCount: 2,
      capacityReservation: { reservationId },
    });
    model.reset();
    expect(ended).toEqual(instances.map((each) => each.instanceId));
    now += minuteMs;
    expect(model.stats()).toMatchObject({ instanceSeconds: 0, reservedSecondsUnused: 0 });
    expect(model.pools().filter((each) => each.used > 0)).toEqual([]);
  });
});

test('a reservation on its own, with its charge', () => {
  let now = 0;
  const model = createEc2Model({ now: () => now, throttle: false });
  for (const instanceCount of [1, 5]) {
    model.createCapacityReservation({ ...reservationOf, instanceCount });
  }
  now = 10_000;
  expect(model.reservations().map((each) => each.secondsUnused)).toEqual([10, 50]);
  expect(model.stats().reservedSecondsUnused).toBe(60);
});

test('only spot instances can be interrupted, each once, and only those that exist', () => {
  let now = 0;
  const model = createEc2Model({ now: () => now, throttle: false });
  const one = { ...launchOf, minCount: 1, maxCount: 1 };
  const [spot] = model.runInstances({ ...one, market: 'spot' }).instances;
  for (; now < 2 * minuteMs; now += minuteMs) model.interrupt(spot?.instanceId ?? '');
  expect(model.instance(spot?.instanceId ?? '')).toMatchObject({
    interruptedAt: 2 * minuteMs,
    endAskedAt: 2 * minuteMs,
  });
  const { instances } = model.runInstances(one);
  expect(() => model.interrupt(instances[0]?.instanceId ?? '')).toThrow(/no spot instance/);
  expect(() => model.interrupt('i-00000000000000000')).toThrow(/does not exist/);
});

test('a capacity block must be of a type, and end after it starts', () => {
  const model = createEc2Model({ now: () => 1000, throttle: false });
  const block = { instanceType: 'p5.48xlarge', availabilityZone: 'us-east-2a', count: 1 };
  expect(() => model.addCapacityBlock({ ...block, endsAt: 1000 })).toThrow(RangeError);
  expect(() => model.addCapacityBlock({ ...block, startsAt: 5000, endsAt: 4000 })).toThrow(
    /after its start/,
  );
  expect(() => model.addCapacityBlock({ ...block, instanceType: 'none', endsAt: 9000 })).toThrow(
    /no instance type/,
  );
  expect(model.reservations()).toEqual([]);
});
