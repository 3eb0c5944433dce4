/** The contract of a reservation's life: its end, its charge, capacity blocks, describes; placement groups. */
import { describe, expect, test } from 'vitest';
import type { Ec2Driver, MakeDriver } from './driver.ts';
import { driversOf, order, quick, refusalOf, roomFor106 } from './suite-launch.ts';
import { ask, into, minuteMs, only } from './suite-reservations.ts';

export function reservationLifeContract(make: MakeDriver): void {
  const driver = driversOf(make);
  endContract(driver);
  describeContract(driver);
  groupContract(driver);
}

function endContract(driver: MakeDriver): void {
  describe('the end of a reservation', () => {
    test('cancelled, it lets go of what is unused at once and leaves its instances running', async () => {
      const ec2 = await driver(roomFor106);
      const { reservationId } = await ec2.reserve({ ...ask, instanceCount: 106 });
      const instances = await ec2.run(into(reservationId, 100));
      await ec2.cancelReservation(reservationId);
      expect(await only(ec2, reservationId)).toMatchObject({
        state: 'cancelled',
        availableCount: 0,
      });
      const { instances: left } = await ec2.describe({});
      expect(left.map((each) => [each.state, each.capacityReservationId])).toEqual(
        instances.map(() => ['pending', '']),
      );
      expect(await refusalOf(ec2.run(into(reservationId, 1)))).toMatchObject({
        code: 'InvalidCapacityReservationState',
        status: 400,
      });
      expect(await ec2.run({ ...order, minCount: 6, maxCount: 6 })).toHaveLength(6);
      expect((await refusalOf(ec2.run(order))).code).toBe('InsufficientInstanceCapacity');
      await ec2.terminate([instances[0]?.instanceId ?? '']);
      ec2.advance(2000);
      expect(await ec2.run(order)).toHaveLength(1);
    });

    test('at its end date it expires by itself', async () => {
      const ec2 = await driver(roomFor106);
      const { reservationId } = await ec2.reserve({
        ...ask,
        instanceCount: 106,
        endDateType: 'limited',
        endDate: ec2.model.now() + minuteMs,
      });
      await ec2.run(into(reservationId, 6));
      ec2.advance(minuteMs - 1);
      expect((await refusalOf(ec2.run(order))).code).toBe('InsufficientInstanceCapacity');
      ec2.advance(1);
      expect((await only(ec2, reservationId))?.state).toBe('expired');
      expect(await ec2.run({ ...order, minCount: 100, maxCount: 100 })).toHaveLength(100);
      expect((await ec2.describe({})).instances).toHaveLength(106);
    });

    test('one that is over, or unknown, can be neither cancelled nor modified', async () => {
      const ec2 = await driver(quick);
      const { reservationId } = await ec2.reserve(ask);
      await ec2.cancelReservation(reservationId);
      for (const call of [
        ec2.cancelReservation(reservationId),
        ec2.modifyReservation({ reservationId, instanceCount: 5 }),
      ]) {
        expect((await refusalOf(call)).code).toBe('InvalidCapacityReservationState');
      }
      ec2.advance(60 * minuteMs);
      expect((await refusalOf(ec2.cancelReservation(reservationId))).code).toBe(
        'InvalidCapacityReservationId.NotFound',
      );
    });

    test('its count can be changed as far as there is room and as its instances allow', async () => {
      const ec2 = await driver(roomFor106);
      const { reservationId } = await ec2.reserve({ ...ask, instanceCount: 10 });
      const change = (instanceCount: number) =>
        ec2.modifyReservation({ reservationId, instanceCount });
      await change(106);
      expect((await refusalOf(change(107))).code).toBe('InsufficientInstanceCapacity');
      await ec2.run(into(reservationId, 20));
      expect((await refusalOf(change(19))).code).toBe('InvalidParameterValue');
      await change(20);
      expect(await only(ec2, reservationId)).toMatchObject({ totalCount: 20, availableCount: 0 });
      expect(await ec2.run({ ...order, minCount: 86, maxCount: 86 })).toHaveLength(86);
    });

    test('its end date can be moved, and taken away', async () => {
      const ec2 = await driver(quick);
      const end = (ms: number) => ({
        endDateType: 'limited',
        endDate: ec2.model.now() + ms,
      });
      const { reservationId } = await ec2.reserve({ ...ask, ...end(minuteMs) });
      await ec2.modifyReservation({ reservationId, ...end(3 * minuteMs) });
      ec2.advance(2 * minuteMs);
      expect((await only(ec2, reservationId))?.state).toBe('active');
      await ec2.modifyReservation({ reservationId, endDateType: 'unlimited' });
      ec2.advance(60 * minuteMs);
      expect(await only(ec2, reservationId)).toMatchObject({ state: 'active', endsAt: null });
      await ec2.modifyReservation({ reservationId, ...end(1000) });
      ec2.advance(1000);
      expect((await only(ec2, reservationId))?.state).toBe('expired');
    });

    test('the charge: every place from its creation to its end, save while an instance pays for it', async () => {
      const ec2 = await driver(quick);
      const { reservationId } = await ec2.reserve({ ...ask, instanceCount: 10 });
      ec2.advance(60_000);
      expect(ec2.model.stats()).toMatchObject({ reservedSecondsUnused: 600, instanceSeconds: 0 });
      const instances = await ec2.run(into(reservationId, 8));
      ec2.advance(100_000);
      expect(ec2.model.stats()).toMatchObject({ reservedSecondsUnused: 800, instanceSeconds: 800 });
      await ec2.terminate(instances.slice(0, 5).map((each) => each.instanceId));
      ec2.advance(10_000);
      expect(ec2.model.stats()).toMatchObject({ reservedSecondsUnused: 870, instanceSeconds: 830 });
      await ec2.cancelReservation(reservationId);
      ec2.advance(24 * 60 * minuteMs);
      expect(ec2.model.stats().reservedSecondsUnused).toBe(870);
      expect(ec2.model.reservations()).toEqual([]);
    });
  });

  describe('a capacity block', () => {
    test('starts and ends by the clock, can be neither changed nor cancelled, and costs no place of the pool', async () => {
      const ec2 = await driver(roomFor106);
      const now = ec2.model.now();
      const { reservationId } = ec2.model.addCapacityBlock({
        instanceType: 'c6i.32xlarge',
        availabilityZone: 'us-east-2b',
        count: 200,
        startsAt: now + 10 * minuteMs,
        endsAt: now + 120 * minuteMs,
        tags: { block: 'b' },
      });
      expect(await only(ec2, reservationId)).toMatchObject({
        state: 'scheduled',
        kind: 'capacity-block',
        totalCount: 200,
        tags: { block: 'b' },
      });
      const launch = into(reservationId, 200, { market: 'capacity-block' });
      expect((await refusalOf(ec2.run(launch))).code).toBe(
        'InvalidCapacityReservationState.PendingActivation',
      );
      ec2.advance(10 * minuteMs);
      expect((await refusalOf(ec2.run({ ...order, market: 'capacity-block' }))).code).toBe(
        'InvalidParameterCombination',
      );
      expect((await refusalOf(ec2.run(into(reservationId, 1)))).code).toBe(
        'ReservationCapacityExceeded',
      );
      await ec2.run(launch);
      expect(await ec2.run({ ...order, minCount: 106, maxCount: 106 })).toHaveLength(106);
      for (const call of [
        ec2.cancelReservation(reservationId),
        ec2.modifyReservation({ reservationId, instanceCount: 300 }),
      ]) {
        expect((await refusalOf(call)).code).toBe('OperationNotPermitted');
      }
      ec2.advance(80 * minuteMs);
      const ended = await ec2.describe({
        filters: [{ name: 'instance-lifecycle', values: ['capacity-block'] }],
      });
      expect(ended.instances).toHaveLength(200);
      expect(new Set(ended.instances.map((each) => each.stateReason))).toEqual(
        new Set(['Server.CapacityBlockTermination']),
      );
      ec2.advance(30 * minuteMs);
      expect((await only(ec2, reservationId))?.state).toBe('expired');
      expect(ec2.model.stats().reservedSecondsUnused).toBe(0);
    });
  });
}

function describeContract(driver: MakeDriver): void {
  describe('describing reservations', () => {
    test('by tag, state and other properties, with wildcards', async () => {
      const ec2 = await driver(quick);
      const tagged = (gang: string) => ({
        tagSpecifications: [{ resourceType: 'capacity-reservation', tags: { gang } }],
      });
      const one = await ec2.reserve({ ...ask, ...tagged('g1') });
      const two = await ec2.reserve({ ...ask, ...tagged('g2'), instanceType: 'c5.xlarge' });
      const three = await ec2.reserve({ ...ask, availabilityZone: 'us-east-2a' });
      await ec2.cancelReservation(one.reservationId);
      await ec2.createTags({ resourceIds: [three.reservationId], tags: { gang: 'h', late: 'y' } });
      const cases = new Map<string, readonly (typeof one)[]>([
        ['tag:gang=g1', [one]],
        ['tag:gang=g*', [one, two]],
        ['tag:gang=g1,h', [one, three]],
        ['tag-key=late', [three]],
        ['state=active', [two, three]],
        ['state=cancelled', [one]],
        ['state=expired', []],
        ['instance-type=c5.*', [two]],
        ['availability-zone=us-east-2a', [three]],
        ['instance-match-criteria=targeted', [one, two, three]],
      ]);
      for (const [text, want] of cases) {
        const [name = '', values = ''] = text.split('=');
        const { reservations } = await ec2.reservations({
          filters: [{ name, values: values.split(',') }],
        });
        const ids = reservations.map((each) => each.reservationId);
        expect(ids, text).toEqual(want.map((each) => each.reservationId));
      }
      const wrong = ec2.reservations({ filters: [{ name: 'colour', values: ['red'] }] });
      expect((await refusalOf(wrong)).code).toBe('InvalidParameterValue');
    });

    test('in pages that show each once', async () => {
      const ec2 = await driver(quick);
      const made: string[] = [];
      for (let index = 0; index < 7; index += 1) {
        made.push((await ec2.reserve({ ...ask, instanceCount: 1 })).reservationId);
      }
      const seen: string[] = [];
      let nextToken: string | null = null;
      let pages = 0;
      do {
        const page: Awaited<ReturnType<Ec2Driver['reservations']>> = await ec2.reservations({
          maxResults: 3,
          ...(nextToken !== null && { nextToken }),
        });
        seen.push(...page.reservations.map((each) => each.reservationId));
        nextToken = page.nextToken;
        pages += 1;
      } while (nextToken !== null);
      expect(pages).toBe(3);
      expect(seen).toEqual(made);
    });

    test('their instances are found by the filter on instances', async () => {
      const ec2 = await driver(quick);
      const { reservationId } = await ec2.reserve(ask);
      const [inside] = await ec2.run(into(reservationId, 1));
      await ec2.run(order);
      const { instances } = await ec2.describe({
        filters: [{ name: 'capacity-reservation-id', values: [reservationId] }],
      });
      expect(instances.map((each) => each.instanceId)).toEqual([inside?.instanceId]);
    });

    test('their calls have buckets of their own', async () => {
      const ec2 = await driver({});
      const one = { ...ask, instanceCount: 1 };
      for (let call = 0; call < 50; call += 1) await ec2.reserve(one);
      expect(await refusalOf(ec2.reserve(one))).toMatchObject({
        code: 'RequestLimitExceeded',
        status: 503,
      });
      await ec2.run(order);
    });
  });
}

function groupContract(driver: MakeDriver): void {
  describe('placement groups', () => {
    test('are made once, and described', async () => {
      const ec2 = await driver(quick);
      const made = await ec2.createPlacementGroup({ name: 'group-1', strategy: 'cluster' });
      expect(made).toEqual({
        name: 'group-1',
        groupId: expect.stringMatching(/^pg-[0-9a-f]{17}$/),
        arn: 'arn:aws:ec2:us-east-2:123456789012:placement-group/group-1',
        strategy: 'cluster',
        tags: {},
      });
      expect(await ec2.placementGroups(['group-1'])).toEqual([made]);
      expect(await ec2.placementGroups([])).toEqual([made]);
      expect((await refusalOf(ec2.createPlacementGroup({ name: 'group-1' }))).code).toBe(
        'InvalidPlacementGroup.Duplicate',
      );
      expect((await refusalOf(ec2.placementGroups(['group-2']))).code).toBe(
        'InvalidPlacementGroup.Unknown',
      );
    });

    test('hold what their room allows, instances and reserved places together', async () => {
      const ec2 = await driver(quick);
      const { arn } = await ec2.createPlacementGroup({ name: 'group-1' });
      ec2.model.setGroupCapacity('group-1', 10);
      const inGroup = { ...order, placementGroup: 'group-1' };
      const [first] = await ec2.run({ ...inGroup, minCount: 4, maxCount: 4 });
      const asked = { ...ask, instanceCount: 6, placementGroupArn: arn };
      expect((await refusalOf(ec2.reserve({ ...asked, instanceCount: 7 }))).code).toBe(
        'InsufficientInstanceCapacity',
      );
      const { reservationId } = await ec2.reserve(asked);
      expect((await refusalOf(ec2.run(inGroup))).code).toBe('InsufficientInstanceCapacity');
      await ec2.run(into(reservationId, 6, { placementGroup: 'group-1' }));
      await ec2.terminate([first?.instanceId ?? '']);
      ec2.advance(2000);
      expect(await ec2.run(inGroup)).toHaveLength(1);
      expect((await refusalOf(ec2.run(inGroup))).code).toBe('InsufficientInstanceCapacity');
      expect(await ec2.run(order)).toHaveLength(1);
    });
  });
}
