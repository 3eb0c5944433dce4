/** The model where the contract (test/contract) does not reach: determinism, accounting, controls, long lives. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createEc2Model,
  Ec2ApiError,
  stateAt,
  type Ec2Model,
  type Ec2ModelOptions,
  type Instance,
  type RunInstancesRequest,
} from './index.ts';

const hourMs = 3_600_000;

function setUp(options: Partial<Ec2ModelOptions> = {}) {
  let now = 1_000_000;
  const model = createEc2Model({ now: () => now, throttle: false, ...options });
  return {
    model,
    advance(ms: number): void {
      now += ms;
    },
  };
}

const order: RunInstancesRequest = {
  minCount: 1,
  maxCount: 1,
  instanceType: 'c5.xlarge',
  imageId: 'ami-1',
  subnetId: 'subnet-0000000000000000a',
};

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error: unknown) {
    if (error instanceof Ec2ApiError) return error.code;
    throw error;
  }
  return 'answered';
}

describe('the seed', () => {
  const script = (seed: number) => {
    const { model, advance } = setUp({ seed, times: { bootJitterMs: 60_000 } });
    model.runInstances({ ...order, maxCount: 20 });
    advance(1000);
    model.createLaunchTemplate({ name: 'one', data: {} });
    model.runInstances({ ...order, maxCount: 20 });
    return JSON.stringify([[...model.instances()], model.perform('DescribeSubnets', {})]);
  };

  test('decides every id and every boot time: the same calls give the same world', () => {
    expect(script(3)).toBe(script(3));
    expect(script(3)).not.toBe(script(4));
  });

  test('spreads boots over the jitter, and draws nothing for other uses', () => {
    const bootTimes = (calls: (model: Ec2Model) => void) => {
      const { model } = setUp({ times: { bootMs: 10_000, bootJitterMs: 5000 } });
      calls(model);
      model.runInstances({ ...order, maxCount: 200 });
      return [...model.instances()].map((each) => each.bootedAt - each.launchedAt);
    };
    const times = bootTimes(() => undefined);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(10_000);
    expect(Math.min(...times)).toBeLessThan(10_200);
    expect(Math.max(...times)).toBeLessThan(15_000);
    expect(Math.max(...times)).toBeGreaterThan(14_800);
    expect(bootTimes((model) => model.describeSubnets({}))).toEqual(times);
  });
});

describe('accounting', () => {
  test('an instance is paid from its launch until its end is asked, whatever its state', () => {
    const { model, advance } = setUp({ times: { shutdownMs: 30_000 } });
    const { instances } = model.runInstances({ ...order, maxCount: 3 });
    advance(100_000);
    expect(model.stats().instanceSeconds).toBe(300);
    model.terminateInstances({ instanceIds: [instances[0]?.instanceId ?? ''] });
    advance(10_000);
    expect(model.stats()).toMatchObject({
      launched: 3,
      terminated: 1,
      instanceSeconds: 320,
      states: { pending: 0, running: 2, 'shutting-down': 1, terminated: 0 },
    });
    advance(10 * hourMs);
    expect(model.stats()).toMatchObject({
      instanceSeconds: 320 + 2 * 36_000,
      states: { running: 2, 'shutting-down': 0, terminated: 0 },
    });
  });

  test('every call is counted by its outcome', () => {
    const { model } = setUp();
    model.addFault({ kind: 'lose-answer', action: 'RunInstances', how: 'silence' });
    model.perform('RunInstances', order);
    model.perform('RunInstances', { ...order, imageId: 'x' });
    model.perform('DescribeInstances', {});
    expect(model.stats().calls).toEqual({
      RunInstances: { ok: 1, 'InvalidAMIID.Malformed': 1 },
      DescribeInstances: { ok: 1 },
    });
  });
});

describe('how answers travel', () => {
  test('late or lost as the faults say, one call each', () => {
    const { model } = setUp();
    model.addFault({ kind: 'delay-answer', action: 'RunInstances', delayMs: 700, count: 2 });
    model.addFault({ kind: 'lose-answer', action: 'RunInstances', how: 'silence' });
    const travels = [1, 2, 3].map(() => {
      const { delayMs, lost, result } = model.perform('RunInstances', order);
      return [delayMs, lost, result.kind];
    });
    expect(travels).toEqual([
      [700, 'silence', 'answer'],
      [700, null, 'answer'],
      [0, null, 'answer'],
    ]);
    expect(model.faults().map(({ seen, fired }) => [seen, fired])).toEqual([
      [2, 2],
      [1, 1],
    ]);
  });
});

describe('the controls', () => {
  test('capacity below what is used ends nothing and leaves no room', () => {
    const { model, advance } = setUp({ times: { shutdownMs: 0 } });
    const { instances } = model.runInstances({ ...order, maxCount: 10 });
    model.setCapacity('c5.xlarge', 'us-east-2a', 4);
    expect(codeOf(() => model.runInstances(order))).toBe('InsufficientInstanceCapacity');
    model.terminateInstances({ instanceIds: instances.slice(0, 7).map((each) => each.instanceId) });
    advance(1);
    expect(model.runInstances(order).instances).toHaveLength(1);
    expect(codeOf(() => model.runInstances(order))).toBe('InsufficientInstanceCapacity');
    expect(model.pools()[0]).toMatchObject({ capacity: 4, used: 4 });
    model.setCapacity('c5.xlarge', 'us-east-2a', null);
    expect(model.runInstances({ ...order, maxCount: 50 }).instances).toHaveLength(50);
  });

  test('a subnet can be added, and one that exists stays as it is', () => {
    const { model } = setUp();
    const spec = {
      subnetId: 'subnet-12345678',
      availabilityZone: 'us-east-2d',
      cidr: '127.9.0.0/24',
    };
    model.addSubnet(spec);
    model.runInstances({ ...order, subnetId: spec.subnetId });
    model.addSubnet({ ...spec, cidr: '127.10.0.0/24' });
    const { instances } = model.runInstances({ ...order, subnetId: spec.subnetId });
    expect(instances[0]).toMatchObject({ privateIp: '127.9.0.5', availabilityZone: 'us-east-2d' });
    expect(() => model.addSubnet({ ...spec, cidr: 'x' })).toThrow(RangeError);
  });

  test('a listener hears of each launch and each end once, repeats of a token not at all', () => {
    const { model } = setUp();
    const heard: string[] = [];
    const stop = model.listen({
      launched: ({ id }) => heard.push(`launched ${id}`),
      ending: ({ id }) => heard.push(`ending ${id}`),
    });
    const request = { ...order, clientToken: 't' };
    const id = model.runInstances(request).instances[0]?.instanceId ?? '';
    model.runInstances(request);
    model.terminateInstances({ instanceIds: [id, id] });
    model.terminateInstances({ instanceIds: [id] });
    stop();
    model.runInstances(order);
    expect(heard).toEqual([`launched ${id}`, `ending ${id}`]);
  });

  test('a reset ends every instance, forgets everything, begins as the options say and repeats no id', () => {
    const { model, advance } = setUp({
      capacity: [{ instanceType: 'c5.xlarge', availabilityZone: 'us-east-2a', capacity: 5 }],
    });
    const ended: string[] = [];
    model.listen({ ending: ({ id }) => ended.push(id) });
    const before = model.runInstances({ ...order, maxCount: 5, clientToken: 't' }).instances;
    model.setCapacity('c5.xlarge', 'us-east-2a', 99);
    model.setTimes({ bootMs: 5 });
    model.addFault({ kind: 'never-boots' });
    model.reset();
    expect(ended).toEqual(before.map((each) => each.instanceId));
    advance(1000);
    expect(model.stats()).toMatchObject({
      launched: 0,
      terminated: 0,
      instanceSeconds: 0,
      calls: {},
    });
    expect(model.faults()).toEqual([]);
    expect(model.times().bootMs).toBe(1000);
    const after = model.runInstances({ ...order, maxCount: 9, clientToken: 't' }).instances;
    expect(after).toHaveLength(5);
    expect(before.map((each) => each.instanceId)).not.toContain(after[0]?.instanceId);
  });

  test('an instance can be looked up until it is forgotten, and impaired', () => {
    const { model, advance } = setUp({ times: { shutdownMs: 0 } });
    const id = model.runInstances(order).instances[0]?.instanceId ?? '';
    model.impair(id);
    expect(codeOf(() => model.impair('i-01234567'))).toBe('InvalidInstanceID.NotFound');
    advance(1000);
    expect(model.describeInstanceStatus({}).statuses[0]).toMatchObject({
      instanceStatus: 'impaired',
      systemStatus: 'ok',
      impairedSince: 1_000_000,
    });
    model.terminateInstances({ instanceIds: [id] });
    advance(hourMs - 1);
    expect(model.instance(id)?.id).toBe(id);
    advance(1);
    expect(model.instance(id)).toBeUndefined();
    expect([...model.instances()]).toEqual([]);
  });
});

test('an address finds the instance that has it now, not the one that had it before', () => {
  const subnets = [{ subnetId: 'subnet-1', availabilityZone: 'us-east-2a', cidr: '10.0.0.0/28' }];
  const { model, advance } = setUp({ subnets, times: { shutdownMs: 0 } });
  const full = { ...order, subnetId: 'subnet-1', maxCount: 11 };
  const find = () =>
    model
      .describeInstances({ filters: [{ name: 'private-ip-address', values: ['10.0.0.7'] }] })
      .instances.map((each) => each.instanceId);
  const old = model.runInstances(full).instances.map((each) => each.instanceId);
  expect(find()).toEqual([old[3]]);
  model.terminateInstances({ instanceIds: old });
  advance(1);
  expect(find()).toEqual([]);
  const now = model.runInstances(full).instances.map((each) => each.instanceId);
  expect(find()).toEqual([now[3]]);
  advance(2 * hourMs);
  expect(find()).toEqual([now[3]]);
});

describe('refusals that leave everything as it was', () => {
  test('an unnamed subnet in a zone that is none', () => {
    const { model } = setUp();
    const { subnetId: _none, ...unnamed } = order;
    expect(codeOf(() => model.runInstances({ ...unnamed, availabilityZone: 'us-east-2z' }))).toBe(
      'InvalidParameterValue',
    );
    expect(codeOf(() => model.runInstances({ ...order, availabilityZone: 'us-east-2b' }))).toBe(
      'InvalidParameterValue',
    );
    const { instances } = model.runInstances({ ...unnamed, availabilityZone: 'us-east-2c' });
    expect(instances[0]?.availabilityZone).toBe('us-east-2c');
  });

  test('a template without an id or a name, a tag call without tags', () => {
    const { model } = setUp();
    expect(codeOf(() => model.runInstances({ ...order, launchTemplate: {} }))).toBe(
      'MissingParameter',
    );
    expect(codeOf(() => model.runInstances({ ...order, launchTemplate: { id: 'lt-0' } }))).toBe(
      'InvalidLaunchTemplateId.NotFound',
    );
    expect(codeOf(() => model.createTags({ resourceIds: [], tags: { a: 'b' } }))).toBe(
      'MissingParameter',
    );
    expect(codeOf(() => model.createTags({ resourceIds: ['vol-1'], tags: {} }))).toBe(
      'MissingParameter',
    );
    expect(codeOf(() => model.createTags({ resourceIds: ['vol-1'], tags: { a: 'b' } }))).toBe(
      'answered',
    );
  });

  test('a soft launch that has instance tokens for MinCount but not for what it would get', () => {
    const throttle = { requests: {}, resources: { RunInstances: { size: 10, refill: 1 } } };
    const { model } = setUp({ throttle });
    expect(codeOf(() => model.runInstances({ ...order, maxCount: 11 }))).toBe(
      'RequestLimitExceeded',
    );
    expect(model.runInstances({ ...order, maxCount: 10 }).instances).toHaveLength(10);
  });
});

/** What must hold after any sequence of calls. */
function checkWorld(model: Ec2Model, now: number): void {
  const all = [...model.instances()];
  const live = all.filter((each) => stateAt(each, now) !== 'terminated');
  const addresses = live.map((each) => each.privateIp);
  expect(new Set(addresses).size).toBe(addresses.length);
  const used = model.pools().reduce((sum, pool) => sum + pool.used, 0);
  expect(used).toBe(live.length);
  for (const pool of model.pools()) {
    if (pool.capacity !== null) expect(pool.used).toBeLessThanOrEqual(pool.capacity);
  }
  const free = model.subnets().reduce((sum, subnet) => sum + subnet.freeAddresses, 0);
  expect(free).toBe(3 * 16_379 - live.length);
  expect(model.quotas()['on-demand'].used).toBe(live.length * 4);
  const byScan = all.map((each) => each.id);
  const seen: string[] = [];
  let nextToken: string | null = null;
  do {
    const page = model.describeInstances({
      maxResults: 7,
      ...(nextToken !== null && { nextToken }),
    });
    seen.push(...page.instances.map((each) => each.instanceId));
    nextToken = page.nextToken;
  } while (nextToken !== null);
  expect(seen).toEqual(byScan);
}

test('whatever is called, room, addresses, quota and pages agree with the instances there are', () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('run' as const),
      count: fc.integer({ min: 1, max: 30 }),
      zone: fc.constantFrom('a', 'b', 'c'),
      token: fc.nat(5),
    }),
    fc.record({ do: fc.constant('end' as const), every: fc.integer({ min: 1, max: 5 }) }),
    fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(0, 500, 2000, hourMs, 30 * hourMs),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let now = 0;
      const model = createEc2Model({
        now: () => now,
        throttle: false,
        times: { shutdownMs: 1000 },
        capacity: [{ instanceType: 'c5.xlarge', availabilityZone: 'us-east-2a', capacity: 40 }],
      });
      let launchedSeconds = 0;
      const launched = new Map<string, Instance>();
      model.listen({ launched: (each) => launched.set(each.id, each) });
      for (const each of steps) {
        if (each.do === 'wait') now += each.ms;
        if (each.do === 'run') {
          model.perform('RunInstances', {
            ...order,
            subnetId: `subnet-0000000000000000${each.zone}`,
            maxCount: each.count,
            clientToken: `token-${each.token}-${each.zone}-${each.count}`,
          });
        }
        if (each.do === 'end') {
          const ids = [...model.instances()].filter((_, index) => index % each.every === 0);
          model.terminateInstances({ instanceIds: ids.map((instance) => instance.id) });
        }
        checkWorld(model, now);
      }
      for (const each of launched.values())
        launchedSeconds += ((each.endAskedAt ?? now) - each.launchedAt) / 1000;
      expect(model.stats()).toMatchObject({
        launched: launched.size,
        instanceSeconds: launchedSeconds,
      });
    }),
    { numRuns: 60 },
  );
});

test('a long life keeps neither instances nor tokens that are over', () => {
  const { model, advance } = setUp({ times: { shutdownMs: 0 } });
  for (let day = 0; day < 40; day += 1) {
    const { instances } = model.runInstances({
      ...order,
      maxCount: 100,
      clientToken: `day-${day}`,
    });
    model.terminateInstances({ instanceIds: instances.map((each) => each.instanceId) });
    advance(26 * hourMs);
  }
  expect([...model.instances()]).toEqual([]);
  const { instances } = model.runInstances({ ...order, clientToken: 'day-39', maxCount: 3 });
  expect(instances.map((each) => each.state)).toEqual(['pending', 'pending', 'pending']);
  expect(model.describeInstances({}).instances).toHaveLength(3);
});
