/** The contract of CreateFleet (instant): what it launches where, its list of errors, its tokens. */
import { describe, expect, test } from 'vitest';
import type {
  CreateFleetAnswer,
  CreateFleetRequest,
  Ec2ModelOptions,
  FleetOverride,
} from '../../src/sim/ec2/index.ts';
import type { MakeDriver } from './driver.ts';
import { driversOf, quick, refusalOf, subnetB } from './suite-launch.ts';

const subnetA = 'subnet-0000000000000000a';
const types = { small: 'c6i.16xlarge', large: 'c6i.32xlarge' };

const smallB: FleetOverride = { instanceType: types.small, subnetId: subnetB };
const largeB: FleetOverride = { instanceType: types.large, subnetId: subnetB };
const smallA: FleetOverride = { instanceType: types.small, subnetId: subnetA };
const largeA: FleetOverride = { instanceType: types.large, subnetId: subnetA };

type Room = readonly [override: FleetOverride, capacity: number];

function roomFor(rooms: readonly Room[], market?: 'spot'): Omit<Ec2ModelOptions, 'now'> {
  return {
    ...quick,
    capacity: rooms.map(([{ instanceType = '', subnetId }, capacity]) => ({
      instanceType,
      availabilityZone: subnetId === subnetB ? 'us-east-2b' : 'us-east-2a',
      capacity,
      ...(market !== undefined && { market }),
    })),
  };
}

/** A driver with the template `t`, and a fleet of `total` over the overrides. */
async function withTemplate(make: MakeDriver, options: Omit<Ec2ModelOptions, 'now'>) {
  const ec2 = await make(options);
  await ec2.createLaunchTemplate({
    name: 't',
    data: {
      imageId: 'ami-1',
      tagSpecifications: [{ resourceType: 'instance', tags: { kept: 'yes' } }],
    },
  });
  return ec2;
}

function fleetOf(
  total: number,
  overrides: readonly FleetOverride[],
  more: Partial<CreateFleetRequest> = {},
): CreateFleetRequest {
  return {
    type: 'instant',
    configs: [{ launchTemplate: { name: 't', version: '$Latest' }, overrides }],
    totalTargetCapacity: total,
    ...more,
  };
}

function launchedBy({ instances }: CreateFleetAnswer): readonly string[] {
  return instances.map(
    (each) => `${each.instanceIds.length} ${each.instanceType} ${each.availabilityZone}`,
  );
}

function listedBy({ errors }: CreateFleetAnswer): readonly string[] {
  return errors.map(
    ({ code, override, market }) =>
      `${code} ${override.instanceType} ${override.subnetId} ${market}`,
  );
}

export function fleetContract(make: MakeDriver): void {
  const driver = driversOf(make);
  answerContract(driver);
  wholeContract(driver);
  orderContract(driver);
  refusalContract(driver);
  fleetTokenContract(driver);
}

function answerContract(driver: MakeDriver): void {
  describe('an instant fleet', () => {
    test('goes on to the next override where one has too little, and lists that with its code', async () => {
      const ec2 = await withTemplate(driver, roomFor([[smallB, 3]]));
      const answer = await ec2.fleet(
        fleetOf(5, [smallB, largeB], {
          tagSpecifications: [{ resourceType: 'instance', tags: { gang: 'g' } }],
        }),
      );
      expect(answer.fleetId).toMatch(/^fleet-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(launchedBy(answer)).toEqual([
        `3 ${types.small} us-east-2b`,
        `2 ${types.large} us-east-2b`,
      ]);
      expect(answer.instances[0]).toMatchObject({
        market: 'on-demand',
        subnetId: subnetB,
        template: { name: 't', version: '1' },
        override: smallB,
      });
      expect(answer.errors).toEqual([
        {
          market: 'on-demand',
          template: answer.instances[0]?.template,
          override: smallB,
          code: 'InsufficientInstanceCapacity',
          message: expect.stringContaining(`sufficient ${types.small} capacity`),
        },
      ]);
      const { instances } = await ec2.describe({});
      expect(instances.map((each) => each.instanceId)).toEqual(
        answer.instances.flatMap((each) => each.instanceIds),
      );
      expect(instances[0]?.tags).toEqual({
        kept: 'yes',
        gang: 'g',
        'aws:ec2:fleet-id': answer.fleetId,
      });
    });

    test('launches what it can, and nothing where nothing fits: answered all the same', async () => {
      const ec2 = await withTemplate(
        driver,
        roomFor([
          [smallB, 2],
          [largeB, 0],
        ]),
      );
      expect(launchedBy(await ec2.fleet(fleetOf(5, [smallB, largeB])))).toEqual([
        `2 ${types.small} us-east-2b`,
      ]);
      const none = await ec2.fleet(fleetOf(5, [smallB, largeB]));
      expect(none.instances).toEqual([]);
      expect(listedBy(none)).toEqual([
        `InsufficientInstanceCapacity ${types.small} ${subnetB} on-demand`,
        `InsufficientInstanceCapacity ${types.large} ${subnetB} on-demand`,
      ]);
    });

    test('without overrides launches what the template says', async () => {
      const ec2 = await driver(quick);
      await ec2.createLaunchTemplate({
        name: 't',
        data: { imageId: 'ami-1', instanceType: 'c5.xlarge', availabilityZone: 'us-east-2c' },
      });
      expect(launchedBy(await ec2.fleet(fleetOf(2, [])))).toEqual(['2 c5.xlarge us-east-2c']);
    });

    test('an override’s subnet is put into the template’s network interfaces', async () => {
      const ec2 = await driver(quick);
      await ec2.createLaunchTemplate({
        name: 't',
        data: {
          imageId: 'ami-1',
          networkInterfaces: [{ deviceIndex: 0, interfaceType: 'efa' }],
        },
      });
      await ec2.fleet(fleetOf(1, [largeB]));
      expect([...ec2.model.instances()]).toMatchObject([{ subnetId: subnetB, efa: true }]);
    });

    test('lists what is wrong with an override by its own code, and uses the others', async () => {
      const ec2 = await withTemplate(driver, quick);
      ec2.model.setOffered(types.small, 'us-east-2b', false);
      const answer = await ec2.fleet(
        fleetOf(1, [{ ...largeB, subnetId: 'subnet-1' }, smallB, largeB]),
      );
      expect(launchedBy(answer)).toEqual([`1 ${types.large} us-east-2b`]);
      expect(listedBy(answer)).toEqual([
        `InvalidSubnetID.NotFound ${types.large} subnet-1 on-demand`,
        `InvalidFleetConfiguration ${types.small} ${subnetB} on-demand`,
      ]);
    });

    test('throttling, quota and faults are listed among the errors', async () => {
      const ec2 = await withTemplate(driver, { quotas: { 'on-demand': 64 * 3 } });
      const quota = await ec2.fleet(fleetOf(4, [smallB]));
      expect(launchedBy(quota)).toEqual([`3 ${types.small} us-east-2b`]);
      expect(quota.errors[0]?.code).toBe('VcpuLimitExceeded');
      ec2.model.setQuota('on-demand', null);
      const tokens = await ec2.fleet(fleetOf(998, [smallB, largeB]));
      expect(tokens.instances).toEqual([]);
      expect(listedBy(tokens)).toEqual([
        `RequestLimitExceeded ${types.small} ${subnetB} on-demand`,
        `RequestLimitExceeded ${types.large} ${subnetB} on-demand`,
      ]);
      ec2.model.addFault({
        kind: 'fail-override',
        code: 'InternalError',
        message: 'try again',
        match: { instanceType: types.small },
      });
      const fault = await ec2.fleet(fleetOf(997, [smallB, largeB]));
      expect(launchedBy(fault)).toEqual([`997 ${types.large} us-east-2b`]);
      expect(fault.errors).toMatchObject([{ code: 'InternalError', message: 'try again' }]);
    });

    test('divides its target between the markets, each with room of its own', async () => {
      const ec2 = await withTemplate(driver, {
        ...quick,
        capacity: [
          { instanceType: types.large, availabilityZone: 'us-east-2b', capacity: 2 },
          {
            instanceType: types.large,
            availabilityZone: 'us-east-2b',
            market: 'spot',
            capacity: 3,
          },
        ],
      });
      const answer = await ec2.fleet(
        fleetOf(7, [largeB], { onDemandTargetCapacity: 2, defaultMarket: 'spot' }),
      );
      expect(answer.instances.map((each) => [each.market, each.instanceIds.length])).toEqual([
        ['on-demand', 2],
        ['spot', 3],
      ]);
      expect(listedBy(answer)).toEqual([`UnfulfillableCapacity ${types.large} ${subnetB} spot`]);
    });

    test('uses open reservations as other launches do', async () => {
      const ec2 = await withTemplate(driver, quick);
      const { reservationId } = await ec2.reserve({
        instanceType: types.large,
        platform: 'Linux/UNIX',
        availabilityZone: 'us-east-2b',
        instanceCount: 4,
      });
      await ec2.fleet(fleetOf(4, [largeB]));
      const { instances } = await ec2.describe({});
      expect(new Set(instances.map((each) => each.capacityReservationId))).toEqual(
        new Set([reservationId]),
      );
    });
  });
}

function wholeContract(driver: MakeDriver): void {
  describe('a fleet with a minimum', () => {
    const rooms = roomFor([
      [smallB, 6],
      [largeB, 3],
      [smallA, 2],
      [largeA, 9],
    ]);
    const all = [smallB, largeB, smallA, largeA];
    const cases = new Map<
      string,
      { onDemand: CreateFleetRequest['onDemand']; want: readonly string[]; errors: number }
    >([
      [
        'in one zone: types are mixed, zones are not',
        {
          onDemand: { singleAvailabilityZone: true, minTargetCapacity: 9 },
          want: [`6 ${types.small} us-east-2b`, `3 ${types.large} us-east-2b`],
          errors: 2,
        },
      ],
      [
        'in one zone that is not the first',
        {
          onDemand: { singleAvailabilityZone: true, minTargetCapacity: 10 },
          want: [`2 ${types.small} us-east-2a`, `8 ${types.large} us-east-2a`],
          errors: 3,
        },
      ],
      [
        'of one type: zones are mixed, types are not',
        {
          onDemand: { singleInstanceType: true, minTargetCapacity: 10 },
          want: [`3 ${types.large} us-east-2b`, `7 ${types.large} us-east-2a`],
          errors: 3,
        },
      ],
      [
        'of one type in one zone',
        {
          onDemand: {
            singleInstanceType: true,
            singleAvailabilityZone: true,
            minTargetCapacity: 9,
          },
          want: [`9 ${types.large} us-east-2a`],
          errors: 4,
        },
      ],
      [
        'that no place holds: nothing, and every override listed',
        {
          onDemand: {
            singleInstanceType: true,
            singleAvailabilityZone: true,
            minTargetCapacity: 10,
          },
          want: [],
          errors: 4,
        },
      ],
    ]);
    for (const [name, { onDemand, want, errors }] of cases) {
      test(name, async () => {
        const ec2 = await withTemplate(driver, rooms);
        const answer = await ec2.fleet(fleetOf(10, all, { ...(onDemand && { onDemand }) }));
        expect(launchedBy(answer)).toEqual(want);
        expect(answer.errors).toHaveLength(errors);
        expect(ec2.model.stats().launched).toBe(
          answer.instances.reduce((sum, each) => sum + each.instanceIds.length, 0),
        );
      });
    }

    test('overrides that share a subnet, a quota or a placement group are not counted twice', async () => {
      const narrow = { subnetId: 'subnet-1', availabilityZone: 'us-east-2b', cidr: '10.9.0.0/28' };
      const whole = { onDemand: { singleAvailabilityZone: true, minTargetCapacity: 12 } };
      const overrides = [types.small, types.large].map((instanceType) => ({
        instanceType,
        subnetId: 'subnet-1',
        placementGroup: 'group-1',
      }));
      const capacity = [types.small, types.large].map((instanceType) => ({
        instanceType,
        availabilityZone: 'us-east-2b',
        capacity: 8,
      }));
      const of = async (options: Omit<Ec2ModelOptions, 'now'>, groupCapacity: number | null) => {
        const ec2 = await withTemplate(driver, { ...quick, capacity, ...options });
        ec2.model.setGroupCapacity('group-1', groupCapacity);
        const answer = await ec2.fleet(fleetOf(12, overrides, whole));
        expect(ec2.model.stats().launched).toBe(answer.instances.length === 0 ? 0 : 12);
        return answer.errors.map((each) => each.code);
      };
      const room = 'InsufficientInstanceCapacity';
      expect(await of({ subnets: [narrow] }, null)).toEqual([
        room,
        'InsufficientFreeAddressesInSubnet',
      ]);
      const wide = { ...narrow, cidr: '10.9.0.0/24' };
      expect(await of({ subnets: [wide] }, null)).toEqual([room]);
      expect(await of({ subnets: [wide] }, 11)).toEqual([room, room]);
      const vcpus = 8 * 64 + 4 * 128;
      expect(await of({ subnets: [wide], quotas: { 'on-demand': vcpus - 1 } }, null)).toEqual([
        room,
        'VcpuLimitExceeded',
      ]);
      expect(await of({ subnets: [wide], quotas: { 'on-demand': vcpus } }, 12)).toEqual([room]);
    });
  });
}

function orderContract(driver: MakeDriver): void {
  describe('the order in which a fleet tries its overrides', () => {
    const prioritized = [
      { ...smallB, priority: 2 },
      { ...largeB, priority: 1 },
    ];
    const first = async (request: CreateFleetRequest, rooms: readonly Room[] = []) => {
      const ec2 = await withTemplate(driver, roomFor(rooms, 'spot'));
      return launchedBy(await ec2.fleet(request))[0];
    };
    test('lowest-price: the cheapest type; prioritized: the smallest number', async () => {
      expect(await first(fleetOf(1, [largeB, smallB]))).toContain(types.small);
      expect(await first(fleetOf(1, prioritized))).toContain(types.small);
      const options = { onDemand: { strategy: 'prioritized' } };
      expect(await first(fleetOf(1, prioritized, options))).toContain(types.large);
      expect(await first(fleetOf(1, [smallB, { ...largeB, priority: 9 }], options))).toContain(
        types.large,
      );
    });

    test('spot: the roomiest pool, where the strategy goes by capacity', async () => {
      const rooms: readonly Room[] = [
        [smallB, 5],
        [largeB, 9],
      ];
      const spot = (strategy: string) =>
        fleetOf(1, [smallB, largeB], { defaultMarket: 'spot', spot: { strategy } });
      expect(await first(spot('lowest-price'), rooms)).toContain(types.small);
      for (const strategy of [
        'capacity-optimized',
        'capacity-optimized-prioritized',
        'price-capacity-optimized',
      ]) {
        expect(await first(spot(strategy), rooms), strategy).toContain(types.large);
      }
      expect(await first(spot('price-capacity-optimized'))).toContain(types.small);
    });

    test('a spot price that is too low is listed', async () => {
      const ec2 = await withTemplate(driver, quick);
      const answer = await ec2.fleet(
        fleetOf(
          1,
          [
            { ...smallB, maxPrice: 0.01 },
            { ...largeB, maxPrice: 9.5 },
          ],
          {
            defaultMarket: 'spot',
          },
        ),
      );
      expect(launchedBy(answer)).toEqual([`1 ${types.large} us-east-2b`]);
      expect(answer.errors).toMatchObject([
        { code: 'SpotMaxPriceTooLow', override: { maxPrice: 0.01 } },
      ]);
    });
  });
}

function refusalContract(driver: MakeDriver): void {
  describe('a fleet that is refused whole', () => {
    const cases = new Map<string, { request: CreateFleetRequest; code: string }>([
      [
        'a minimum with neither one zone nor one type',
        {
          request: fleetOf(4, [smallB], { onDemand: { minTargetCapacity: 4 } }),
          code: 'InvalidParameterCombination',
        },
      ],
      [
        'a minimum above 1,000',
        {
          request: fleetOf(2000, [smallB], {
            onDemand: { singleInstanceType: true, minTargetCapacity: 1001 },
          }),
          code: 'InvalidParameterValue',
        },
      ],
      [
        'the same type and zone twice',
        { request: fleetOf(4, [smallB, { ...smallB }]), code: 'InvalidFleetConfig' },
      ],
      [
        'another type of fleet',
        { request: fleetOf(4, [smallB], { type: 'maintain' }), code: 'InvalidParameterValue' },
      ],
      [
        'shares above the total',
        {
          request: fleetOf(4, [smallB], { onDemandTargetCapacity: 5 }),
          code: 'InvalidParameterValue',
        },
      ],
      [
        'a strategy that the market does not have',
        {
          request: fleetOf(4, [smallB], {
            onDemandTargetCapacity: 2,
            spotTargetCapacity: 2,
            spot: { strategy: 'prioritized' },
          }),
          code: 'InvalidParameterValue',
        },
      ],
      [
        'an unknown template',
        {
          request: fleetOf(4, [], {
            configs: [{ launchTemplate: { name: 'none', version: '1' }, overrides: [smallB] }],
          }),
          code: 'InvalidLaunchTemplateName.NotFoundException',
        },
      ],
      [
        'a template without a version',
        {
          request: fleetOf(4, [], {
            configs: [{ launchTemplate: { name: 't' }, overrides: [smallB] }],
          }),
          code: 'MissingParameter',
        },
      ],
    ]);
    for (const [name, { request, code }] of cases) {
      test(`${name}: ${code}`, async () => {
        const ec2 = await withTemplate(driver, quick);
        expect(await refusalOf(ec2.fleet(request))).toMatchObject({ code, status: 400 });
        expect(ec2.model.stats().launched).toBe(0);
      });
    }
  });
}

function fleetTokenContract(driver: MakeDriver): void {
  describe('the client token of a fleet', () => {
    const tokened = fleetOf(3, [smallB, largeB], { clientToken: 'gang-1/1/1' });

    test('a repeat is answered the same, whatever has happened; another request is a mismatch', async () => {
      const ec2 = await withTemplate(driver, roomFor([[smallB, 2]]));
      const first = await ec2.fleet(tokened);
      await ec2.terminate(first.instances.flatMap((each) => each.instanceIds));
      ec2.advance(10_000);
      expect(await ec2.fleet(tokened)).toEqual(first);
      expect((await refusalOf(ec2.fleet({ ...tokened, totalTargetCapacity: 4 }))).code).toBe(
        'IdempotentParameterMismatch',
      );
      expect(ec2.model.stats().launched).toBe(3);
    });

    test('is used up by a fleet that launched nothing, for a day', async () => {
      const ec2 = await withTemplate(driver, roomFor([[smallB, 0]]));
      const request = fleetOf(3, [smallB], { clientToken: 't' });
      const first = await ec2.fleet(request);
      expect(first.instances).toEqual([]);
      ec2.model.setCapacity(types.small, 'us-east-2b', 10);
      expect(await ec2.fleet(request)).toEqual(first);
      ec2.advance(24 * 3_600_000);
      expect((await ec2.fleet(request)).instances).toHaveLength(1);
    });

    test('holds for a day after the last instance ended', async () => {
      const ec2 = await withTemplate(driver, quick);
      const first = await ec2.fleet(tokened);
      ec2.advance(72 * 3_600_000);
      await ec2.terminate(first.instances.flatMap((each) => each.instanceIds));
      ec2.advance(23 * 3_600_000);
      expect((await ec2.fleet(tokened)).fleetId).toBe(first.fleetId);
      ec2.advance(24 * 3_600_000);
      expect((await ec2.fleet(tokened)).fleetId).not.toBe(first.fleetId);
    });

    test('is not that of its instances: they are found by the fleet’s tag', async () => {
      const ec2 = await withTemplate(driver, quick);
      const { fleetId } = await ec2.fleet(tokened);
      const found = async (name: string, value: string) =>
        (await ec2.describe({ filters: [{ name, values: [value] }] })).instances.length;
      expect(await found('client-token', 'gang-1/1/1')).toBe(0);
      expect(await found('tag:aws:ec2:fleet-id', fleetId)).toBe(3);
    });

    test('after a lost answer the repeat finds what was launched', async () => {
      const ec2 = await withTemplate(driver, quick);
      ec2.model.addFault({ kind: 'lose-answer', action: 'CreateFleet', how: 'reset' });
      expect((await refusalOf(ec2.fleet(tokened))).code).toBe('ConnectionError');
      expect(launchedBy(await ec2.fleet(tokened))).toEqual([`3 ${types.small} us-east-2b`]);
      expect(ec2.model.stats().launched).toBe(3);
    });
  });
}
