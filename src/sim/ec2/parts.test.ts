/** The small parts of the model, each against what it promises: agenda, ids, catalogue, addresses, buckets. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAgenda } from './agenda.ts';
import { lookUpInstanceType } from './catalogue.ts';
import { createRandomStream } from './random.ts';
import { createSubnet } from './subnets.ts';
import { createTokenBucket } from './throttle.ts';

describe('the agenda', () => {
  test('acts on what is due in order of time, and on what was added first among equals', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 60 }), fc.nat(20), (instants, now) => {
        const agenda = createAgenda();
        const acted: (readonly [number, number])[] = [];
        instants.forEach((at, order) => agenda.add(at, (due) => acted.push([due, order])));
        const want = instants
          .map((at, order) => [at, order] as const)
          .sort(([left, first], [right, second]) => left - right || first - second);
        agenda.catchUp(now);
        expect(acted).toEqual(want.filter(([at]) => at <= now));
        agenda.catchUp(20);
        expect(acted).toEqual(want);
      }),
    );
  });

  test('acts in the same breath on what an act adds and is due', () => {
    const agenda = createAgenda();
    const acted: string[] = [];
    agenda.add(1, () => {
      acted.push('one');
      agenda.add(2, () => acted.push('two'));
      agenda.add(9, () => acted.push('nine'));
    });
    agenda.catchUp(5);
    expect(acted).toEqual(['one', 'two']);
  });
});

describe('the random streams', () => {
  test('are the same for the same seed, others for another seed or stream, and never repeat an id', () => {
    const take = (seed: number, name: string) => {
      const stream = createRandomStream(seed, name);
      return Array.from({ length: 5000 }, () => stream.hex16());
    };
    const ids = take(1, 'ids');
    expect(take(1, 'ids')).toEqual(ids);
    expect(new Set([...ids, ...take(2, 'ids'), ...take(1, 'other')]).size).toBe(15_000);
    expect(ids.every((id) => /^[0-9a-f]{16}$/.test(id))).toBe(true);
  });

  test('fractions lie from 0 to 1 and are spread evenly', () => {
    const stream = createRandomStream(7, 'jitter');
    const tenths = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 10_000; draw += 1) {
      const tenth = Math.floor(stream.fraction() * 10);
      tenths[tenth] = (tenths[tenth] ?? NaN) + 1;
    }
    expect(tenths).toHaveLength(10);
    expect(Math.min(...tenths)).toBeGreaterThan(850);
    expect(Math.max(...tenths)).toBeLessThan(1150);
  });
});

describe('the catalogue', () => {
  const cases = new Map<string, readonly [number, number] | null>([
    ['c6i.32xlarge', [128, 262_144]],
    ['t2.micro', [1, 1024]],
    ['c5.xlarge', [4, 8192]],
    ['m5.2xlarge', [8, 32_768]],
    ['r6g.metal', [96, 786_432]],
    ['u-6tb1.112xlarge', [448, 1_835_008]],
    ['c5', null],
    ['c5.huge', null],
    ['C5.xlarge', null],
    ['c5.0xlarge', null],
    ['', null],
  ]);
  for (const [name, want] of cases) {
    test(`"${name}" is ${want === null ? 'no instance type' : `${want[0]} vCPUs and ${want[1]} MiB`}`, () => {
      const found = lookUpInstanceType(name);
      expect(found && [found.vcpus, found.memoryMiB]).toEqual(want);
    });
  }
});

describe('a subnet', () => {
  test('gives every address of its range but the first four and the last, once', () => {
    const subnet = createSubnet({ subnetId: 's', availabilityZone: 'z', cidr: '10.0.3.0/24' });
    expect(subnet.free()).toBe(251);
    const given = Array.from({ length: 251 }, () => subnet.allocate());
    expect(given[0]).toBe('10.0.3.4');
    expect(given.at(-1)).toBe('10.0.3.254');
    expect(new Set(given).size).toBe(251);
    expect(subnet.free()).toBe(0);
    expect(subnet.allocate()).toBeNull();
  });

  test('gives freed addresses again, the one freed first first, and counts them as free', () => {
    const subnet = createSubnet({ subnetId: 's', availabilityZone: 'z', cidr: '127.8.0.0/28' });
    const given = Array.from({ length: 11 }, () => subnet.allocate() ?? '');
    for (let round = 0; round < 3000; round += 1) {
      const address = given[round % 11] ?? '';
      subnet.release(address);
      expect(subnet.free()).toBe(1);
      expect(subnet.allocate()).toBe(address);
    }
    subnet.release('127.8.0.9');
    subnet.release('127.8.0.5');
    expect([subnet.allocate(), subnet.allocate(), subnet.allocate()]).toEqual([
      '127.8.0.9',
      '127.8.0.5',
      null,
    ]);
  });

  test('a range that starts within its mask is taken from where the mask says', () => {
    const subnet = createSubnet({ subnetId: 's', availabilityZone: 'z', cidr: '10.255.3.77/16' });
    expect(subnet.allocate()).toBe('10.255.0.4');
  });

  for (const cidr of ['10.0.0.0', '10.0.0.0/29', '10.0.0.0/7', '10.0.0.256/24', 'fd00::/64', '']) {
    test(`"${cidr}" is refused with what would be right`, () => {
      const spec = { subnetId: 's', availabilityZone: 'z', cidr };
      expect(() => createSubnet(spec)).toThrow(/write it as 10\.0\.0\.0\/18/);
    });
  }
});

describe('a token bucket', () => {
  test('never gives more than its size and what was refilled since it was full', () => {
    const calls = fc.array(fc.record({ after: fc.nat(5000), count: fc.nat(12) }), {
      maxLength: 50,
    });
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 20 }), fc.nat(10), (steps, size, refill) => {
        const bucket = createTokenBucket({ size, refill }, 0);
        let now = 0;
        let taken = 0;
        for (const { after, count } of steps) {
          now += after;
          const level = bucket.level(now);
          const gave = bucket.take(count, now);
          expect(gave).toBe(level + 0.001 >= count);
          if (gave) taken += count;
          expect(taken).toBeLessThanOrEqual(size + (now / 1000) * refill + 0.001 * steps.length);
        }
      }),
    );
  });

  test('is full again after size / refill seconds and not before', () => {
    const bucket = createTokenBucket({ size: 1000, refill: 2 }, 0);
    expect(bucket.take(1000, 0)).toBe(true);
    expect(bucket.take(1000, 499_000)).toBe(false);
    expect(bucket.take(1000, 500_000)).toBe(true);
  });

  test('gains nothing when time runs backwards', () => {
    const bucket = createTokenBucket({ size: 2, refill: 1 }, 10_000);
    expect(bucket.take(2, 10_000)).toBe(true);
    expect(bucket.level(5000)).toBe(0);
    expect(bucket.level(10_000)).toBe(0);
  });
});
