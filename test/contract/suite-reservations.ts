/** The contract of taking capacity reservations whole and launching into them. */
import { describe, expect, test } from 'vitest';
import type { CreateCapacityReservationRequest } from '../../src/sim/ec2/index.ts';
import type { Ec2Driver, MakeDriver } from './driver.ts';
import { driversOf, order, quick, refusalOf, roomFor106 } from './suite-launch.ts';

export const minuteMs = 60_000;

export const ask: CreateCapacityReservationRequest = {
  instanceType: 'c6i.32xlarge',
  platform: 'Linux/UNIX',
  availabilityZone: 'us-east-2b',
  instanceCount: 100,
  matchCriteria: 'targeted',
};

export function into(reservationId: string, count: number, more: object = {}) {
  return {
    ...order,
    minCount: count,
    maxCount: count,
    capacityReservation: { reservationId },
    ...more,
  };
}

export async function only(ec2: Ec2Driver, reservationId: string) {
  const { reservations } = await ec2.reservations({ reservationIds: [reservationId] });
  return reservations[0];
}

export function reservationContract(make: MakeDriver): void {
  const driver = driversOf(make);
  takeContract(driver);
  useContract(driver);
  mismatchContract(driver);
}

function takeContract(driver: MakeDriver): void {
  describe('a reservation', () => {
    test('is made for the whole count, says what it is, and takes its places from the pool', async () => {
      const ec2 = await driver(roomFor106);
      const endDate = ec2.model.now() + 10 * minuteMs;
      const made = await ec2.reserve({
        ...ask,
        endDateType: 'limited',
        endDate,
        tagSpecifications: [{ resourceType: 'capacity-reservation', tags: { gang: 'g <1>' } }],
      });
      expect(made).toEqual({
        reservationId: expect.stringMatching(/^cr-[0-9a-f]{17}$/),
        state: 'active',
        kind: 'default',
        instanceType: 'c6i.32xlarge',
        platform: 'Linux/UNIX',
        availabilityZone: 'us-east-2b',
        tenancy: 'default',
        placementGroupArn: '',
        matchCriteria: 'targeted',
        totalCount: 100,
        availableCount: 100,
        createdAt: ec2.model.now(),
        startsAt: ec2.model.now(),
        endsAt: endDate,
        tags: { gang: 'g <1>' },
      });
      expect(await ec2.run({ ...order, minCount: 6, maxCount: 6 })).toHaveLength(6);
      expect((await refusalOf(ec2.run(order))).code).toBe('InsufficientInstanceCapacity');
    });

    test('that does not fit whole takes nothing, and is shown as failed for an hour', async () => {
      const ec2 = await driver(roomFor106);
      const refusal = await refusalOf(ec2.reserve({ ...ask, instanceCount: 107 }));
      expect(refusal).toMatchObject({ code: 'InsufficientInstanceCapacity', status: 500 });
      expect(refusal.message).toMatch(/choosing us-east-2a, us-east-2c\.$/);
      const { reservations } = await ec2.reservations({});
      expect(reservations).toMatchObject([{ state: 'failed', totalCount: 107, availableCount: 0 }]);
      expect(await ec2.run({ ...order, minCount: 106, maxCount: 106 })).toHaveLength(106);
      expect(ec2.model.stats().reservedSecondsUnused).toBe(0);
      ec2.advance(60 * minuteMs);
      expect((await ec2.reservations({})).reservations).toEqual([]);
    });

    test('counts against the quota of vCPUs while nobody uses it', async () => {
      const ec2 = await driver({ ...quick, quotas: { 'on-demand': 3 * 128 } });
      const made = await ec2.reserve({ ...ask, instanceCount: 2 });
      await ec2.run(order);
      expect((await refusalOf(ec2.run(order))).code).toBe('VcpuLimitExceeded');
      expect(await refusalOf(ec2.reserve({ ...ask, instanceCount: 1 }))).toMatchObject({
        code: 'InstanceLimitExceeded',
        status: 400,
      });
      expect(await ec2.run(into(made.reservationId, 2))).toHaveLength(2);
      await ec2.cancelReservation(made.reservationId);
      expect((await refusalOf(ec2.run(order))).code).toBe('VcpuLimitExceeded');
    });

    test('a repeat with its client token answers the same one; with other parameters a mismatch', async () => {
      const ec2 = await driver(roomFor106);
      const tokened = { ...ask, clientToken: 'gang-1/1/1' };
      const first = await ec2.reserve(tokened);
      await ec2.run(into(first.reservationId, 3));
      expect(await ec2.reserve(tokened)).toEqual({ ...first, availableCount: 97 });
      expect((await refusalOf(ec2.reserve({ ...tokened, instanceCount: 99 }))).code).toBe(
        'IdempotentParameterMismatch',
      );
      expect((await ec2.reservations({})).reservations).toHaveLength(1);
      await ec2.cancelReservation(first.reservationId);
      expect((await ec2.reserve(tokened)).state).toBe('cancelled');
      ec2.advance(24 * 60 * minuteMs);
      expect((await ec2.reserve(tokened)).reservationId).not.toBe(first.reservationId);
    });

    test('a lost answer: the repeat finds what was reserved', async () => {
      const ec2 = await driver(roomFor106);
      ec2.model.addFault({
        kind: 'lose-answer',
        action: 'CreateCapacityReservation',
        how: 'reset',
        match: { instanceType: 'c6i.32xlarge' },
      });
      const tokened = { ...ask, clientToken: 't' };
      expect((await refusalOf(ec2.reserve(tokened))).code).toBe('ConnectionError');
      const repeat = await ec2.reserve(tokened);
      const { reservations } = await ec2.reservations({});
      expect(reservations.map((each) => each.reservationId)).toEqual([repeat.reservationId]);
    });

    test('may be shown late, and as pending, though it can be used', async () => {
      const ec2 = await driver({
        ...quick,
        times: { ...quick.times, consistencyMs: 5000, reservationPendingMs: 4 * minuteMs },
      });
      const made = await ec2.reserve(ask);
      expect(made.state).toBe('pending');
      expect((await ec2.reservations({})).reservations).toEqual([]);
      expect((await refusalOf(only(ec2, made.reservationId))).code).toBe(
        'InvalidCapacityReservationId.NotFound',
      );
      expect(await ec2.run(into(made.reservationId, 1))).toHaveLength(1);
      ec2.advance(5000);
      expect((await only(ec2, made.reservationId))?.state).toBe('pending');
      ec2.advance(4 * minuteMs);
      expect((await only(ec2, made.reservationId))?.state).toBe('active');
    });

    const wrong = new Map<
      string,
      { request: Partial<CreateCapacityReservationRequest>; code: string }
    >([
      ['no place at all', { request: { instanceCount: 0 }, code: 'InvalidParameterValue' }],
      ['more than 1,000', { request: { instanceCount: 1001 }, code: 'InvalidParameterValue' }],
      ['an unknown type', { request: { instanceType: 'none' }, code: 'InvalidParameterValue' }],
      [
        'an unknown zone',
        { request: { availabilityZone: 'us-east-2z' }, code: 'InvalidParameterValue' },
      ],
      ['limited without an end', { request: { endDateType: 'limited' }, code: 'MissingParameter' }],
      [
        'an end in the past',
        { request: { endDateType: 'limited', endDate: 1 }, code: 'InvalidParameterValue' },
      ],
      [
        'unlimited with an end',
        {
          request: { endDateType: 'unlimited', endDate: 4e12 },
          code: 'InvalidParameterCombination',
        },
      ],
      [
        'an unknown match criterion',
        { request: { matchCriteria: 'some' }, code: 'InvalidParameterValue' },
      ],
      [
        'a placement group by its name',
        { request: { placementGroupArn: 'group-1' }, code: 'InvalidParameterValue' },
      ],
    ]);
    for (const [name, { request, code }] of wrong) {
      test(`${name}: ${code}, and nothing is reserved`, async () => {
        const ec2 = await driver(quick);
        expect(await refusalOf(ec2.reserve({ ...ask, ...request }))).toMatchObject({
          code,
          status: 400,
        });
        expect((await ec2.reservations({})).reservations).toEqual([]);
      });
    }

    test('of a type that the zone does not offer: Unsupported', async () => {
      const ec2 = await driver(quick);
      ec2.model.setOffered('c6i.32xlarge', 'us-east-2b', false);
      expect((await refusalOf(ec2.reserve(ask))).code).toBe('Unsupported');
    });
  });
}

function useContract(driver: MakeDriver): void {
  describe('a launch into a reservation', () => {
    test('uses its places where the pool has none, and no more than it has', async () => {
      const ec2 = await driver(roomFor106);
      const { reservationId } = await ec2.reserve({ ...ask, instanceCount: 106 });
      const instances = await ec2.run(into(reservationId, 100));
      expect(instances.map((each) => each.capacityReservationId)).toEqual(
        Array.from({ length: 100 }, () => reservationId),
      );
      expect(await only(ec2, reservationId)).toMatchObject({ totalCount: 106, availableCount: 6 });
      expect(await refusalOf(ec2.run(into(reservationId, 7)))).toMatchObject({
        code: 'ReservationCapacityExceeded',
        status: 400,
        message: expect.stringContaining('sufficient compatible and available capacity'),
      });
      expect(await ec2.run({ ...into(reservationId, 1), maxCount: 50 })).toHaveLength(6);
    });

    test('gives the place back to the reservation when the instance is over', async () => {
      const ec2 = await driver(roomFor106);
      const { reservationId } = await ec2.reserve({ ...ask, instanceCount: 106 });
      const [instance] = await ec2.run(into(reservationId, 106));
      await ec2.terminate([instance?.instanceId ?? '']);
      expect((await refusalOf(ec2.run(into(reservationId, 1)))).code).toBe(
        'ReservationCapacityExceeded',
      );
      ec2.advance(2000);
      expect((await refusalOf(ec2.run(order))).code).toBe('InsufficientInstanceCapacity');
      expect(await ec2.run(into(reservationId, 1))).toHaveLength(1);
    });

    test('is refused for a while where a fault keeps the new reservation unusable; the same token then works', async () => {
      const ec2 = await driver(quick);
      ec2.model.addFault({
        kind: 'reservation-not-usable',
        forMs: 8000,
        match: { instanceType: 'c6i.32xlarge', availabilityZone: 'us-east-2b' },
      });
      const { reservationId } = await ec2.reserve(ask);
      const launch = into(reservationId, 100, { clientToken: 't' });
      expect((await refusalOf(ec2.run(launch))).code).toBe('ReservationCapacityExceeded');
      ec2.advance(7999);
      expect((await refusalOf(ec2.run(launch))).code).toBe('ReservationCapacityExceeded');
      ec2.advance(1);
      expect(await ec2.run(launch)).toHaveLength(100);
      const next = await ec2.reserve(ask);
      expect(await ec2.run(into(next.reservationId, 1))).toHaveLength(1);
    });

    test('an open reservation is used by matching launches that fit into it whole, unless they want none', async () => {
      const ec2 = await driver(quick);
      const { reservationId } = await ec2.reserve({
        ...ask,
        instanceCount: 3,
        matchCriteria: 'open',
      });
      const used = async (request: object) => {
        const [instance] = await ec2.run({ ...order, ...request });
        return instance?.capacityReservationId;
      };
      expect(await used({ minCount: 4, maxCount: 4 })).toBe('');
      expect(await used({ capacityReservation: { preference: 'none' } })).toBe('');
      expect(await used({ instanceType: 'c5.xlarge' })).toBe('');
      expect(await used({ market: 'spot' })).toBe('');
      expect(await used({})).toBe(reservationId);
      const onlyReserved = { capacityReservation: { preference: 'capacity-reservations-only' } };
      expect(await used({ ...onlyReserved, minCount: 2, maxCount: 2 })).toBe(reservationId);
      expect((await refusalOf(used(onlyReserved))).code).toBe('ReservationCapacityExceeded');
      expect(await used({ capacityReservation: { preference: 'open' } })).toBe('');
    });

    test('a targeted reservation is used by nobody who does not name it', async () => {
      const ec2 = await driver(quick);
      await ec2.reserve(ask);
      const [instance] = await ec2.run(order);
      expect(instance?.capacityReservationId).toBe('');
    });

    test('can be named by a launch template', async () => {
      const ec2 = await driver(quick);
      const { reservationId } = await ec2.reserve(ask);
      await ec2.createLaunchTemplate({
        name: 'reserved',
        data: {
          instanceType: 'c6i.32xlarge',
          imageId: 'ami-1',
          availabilityZone: 'us-east-2b',
          capacityReservation: { reservationId },
        },
      });
      const launch = { minCount: 1, maxCount: 1, launchTemplate: { name: 'reserved' } };
      const [instance] = await ec2.run(launch);
      expect(instance?.capacityReservationId).toBe(reservationId);
    });
  });
}

function mismatchContract(driver: MakeDriver): void {
  describe('a launch that names a reservation and cannot use it', () => {
    const pg = 'arn:aws:ec2:us-east-2:123456789012:placement-group/group-1';
    const cases = new Map<
      string,
      { reserve?: Partial<CreateCapacityReservationRequest>; launch: object; code: string }
    >([
      [
        'another type',
        { launch: { instanceType: 'c5.xlarge' }, code: 'ReservationCapacityExceeded' },
      ],
      [
        'another zone',
        {
          launch: { subnetId: 'subnet-0000000000000000a' },
          code: 'ReservationCapacityExceeded',
        },
      ],
      [
        'another platform',
        {
          reserve: { platform: 'Red Hat Enterprise Linux' },
          launch: {},
          code: 'ReservationCapacityExceeded',
        },
      ],
      [
        'another tenancy',
        { reserve: { tenancy: 'dedicated' }, launch: {}, code: 'ReservationCapacityExceeded' },
      ],
      [
        'a placement group that it was not made in',
        { launch: { placementGroup: 'group-1' }, code: 'ReservationCapacityExceeded' },
      ],
      [
        'without the placement group that it was made in',
        { reserve: { placementGroupArn: pg }, launch: {}, code: 'ReservationCapacityExceeded' },
      ],
      ['spot', { launch: { market: 'spot' }, code: 'InvalidParameterCombination' }],
      [
        'the market of capacity blocks',
        { launch: { market: 'capacity-block' }, code: 'ReservationCapacityExceeded' },
      ],
    ]);
    for (const [name, { reserve = {}, launch, code }] of cases) {
      test(`${name}: ${code}`, async () => {
        const ec2 = await driver(quick);
        const { reservationId } = await ec2.reserve({ ...ask, ...reserve });
        const refusal = await refusalOf(ec2.run(into(reservationId, 1, launch)));
        expect(refusal).toMatchObject({ code, status: 400 });
        expect(ec2.model.stats().launched).toBe(0);
      });
    }

    test('tenancy and placement group that do match are no hindrance', async () => {
      const ec2 = await driver(quick);
      const { reservationId } = await ec2.reserve({
        ...ask,
        tenancy: 'dedicated',
        placementGroupArn: pg,
      });
      const more = { tenancy: 'dedicated', placementGroup: 'group-1' };
      const [instance] = await ec2.run(into(reservationId, 1, more));
      expect(instance).toMatchObject({ ...more, capacityReservationId: reservationId });
    });

    test('an id that is none, one that nobody made, an id and a preference at once', async () => {
      const ec2 = await driver(quick);
      expect((await refusalOf(ec2.run(into('cr-1', 1)))).code).toBe(
        'InvalidCapacityReservationId.Malformed',
      );
      const unknown = 'cr-0123456789abcdef0';
      expect((await refusalOf(ec2.run(into(unknown, 1)))).code).toBe(
        'InvalidCapacityReservationId.NotFound',
      );
      const both = { reservationId: unknown, preference: 'open' } as const;
      expect((await refusalOf(ec2.run({ ...order, capacityReservation: both }))).code).toBe(
        'InvalidParameterCombination',
      );
    });
  });
}
