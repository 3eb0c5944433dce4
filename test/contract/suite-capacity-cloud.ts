/** The contract of the port for reservations and fleets: the same over the model and over the SDK. */
import { describe, expect, test } from 'vitest';
import type { LaunchOrder } from '../../src/core/instances.ts';
import type { FleetOrder, ReservationOrder } from '../../src/core/orders.ts';
import type { MakeDriver } from './driver.ts';
import { cloudErrorOf, order } from './suite-cloud.ts';
import { driversOf, quick, roomFor106, subnetB } from './suite-launch.ts';

const subnetA = 'subnet-0000000000000000a';
const pg = 'arn:aws:ec2:us-east-2:123456789012:placement-group/group-1';

const reservation: ReservationOrder = {
  clientToken: 'gang-1/1/reserve-1',
  instanceType: 'c6i.32xlarge',
  platform: 'Linux/UNIX',
  availabilityZone: 'us-east-2b',
  count: 100,
  placementGroupArn: null,
  endsAt: null,
  tags: { 'muster:cluster': 'blog', 'muster:gang': 'g*1' },
};

const fleet: FleetOrder = {
  clientToken: 'gang-1/1/fleet-1',
  launchTemplate: { name: 't', version: '1' },
  pools: [
    { instanceType: 'c6i.32xlarge', subnetId: subnetB },
    { instanceType: 'c6i.16xlarge', subnetId: subnetB },
    { instanceType: 'c6i.32xlarge', subnetId: subnetA },
  ],
  market: 'on-demand',
  count: 110,
  minCount: 110,
  singleZone: true,
  singleType: false,
  tags: { 'muster:gang': 'g1' },
};

export function capacityCloudContract(make: MakeDriver): void {
  const driver = driversOf(make);

  describe('reserving through the port', () => {
    test('answers the reservation, which a launch names and uses', async () => {
      const ec2 = await driver(roomFor106);
      const endsAt = ec2.model.now() + 600_000;
      const answer = await ec2.cloud.createReservation({ ...reservation, endsAt });
      expect(answer).toEqual({
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        reservation: {
          reservationId: expect.stringMatching(/^cr-/),
          state: 'active',
          instanceType: 'c6i.32xlarge',
          availabilityZone: 'us-east-2b',
          count: 100,
          available: 100,
          endsAt,
          tags: reservation.tags,
        },
      });
      const { reservationId } = answer.reservation;
      expect((await ec2.reservations({})).reservations[0]).toMatchObject({
        matchCriteria: 'targeted',
        platform: 'Linux/UNIX',
        tenancy: 'default',
      });
      await ec2.cloud.runInstances({ ...order, reservationId });
      expect(await ec2.cloud.createReservation({ ...reservation, endsAt })).toMatchObject({
        reservation: { reservationId, available: 97 },
      });
      const error = await cloudErrorOf(
        ec2.cloud.runInstances({
          ...order,
          clientToken: 'more',
          minCount: 98,
          maxCount: 98,
          reservationId,
        }),
      );
      expect(error).toMatchObject({ code: 'ReservationCapacityExceeded', httpStatus: 400 });
    });

    test('in a placement group, used by a launch of that group', async () => {
      const ec2 = await driver(quick);
      const made = await ec2.cloud.createReservation({ ...reservation, placementGroupArn: pg });
      const launch = { ...order.launch, placementGroup: 'group-1' } as LaunchOrder['launch'];
      const { reservationId } = made.reservation;
      const answer = await ec2.cloud.runInstances({ ...order, launch, reservationId });
      expect(answer.instances).toHaveLength(3);
    });

    test('a refusal is asked once, and its record is seen to be failed', async () => {
      const ec2 = await driver(roomFor106);
      const call = ec2.cloud.createReservation({ ...reservation, count: 107 });
      expect(await cloudErrorOf(call)).toMatchObject({
        code: 'InsufficientInstanceCapacity',
        httpStatus: 500,
      });
      expect(ec2.model.stats().calls.CreateCapacityReservation).toEqual({
        InsufficientInstanceCapacity: 1,
      });
      expect(await ec2.cloud.describeReservations(reservation.tags)).toMatchObject([
        { state: 'failed', available: 0 },
      ]);
    });

    for (const [how, code] of [
      ['reset', 'ConnectionError'],
      ['silence', 'Timeout'],
    ] as const) {
      test(`a lost answer (${how}) is a ${code}; it is found by its tags, or by the repeat`, async () => {
        const ec2 = await driver(quick);
        ec2.model.addFault({ kind: 'lose-answer', action: 'CreateCapacityReservation', how });
        expect(await cloudErrorOf(ec2.cloud.createReservation(reservation))).toMatchObject({
          code,
        });
        const found = await ec2.cloud.describeReservations({ 'muster:gang': 'g*1' });
        const repeat = await ec2.cloud.createReservation(reservation);
        expect(found).toEqual([repeat.reservation]);
      });
    }

    test('is found by all of its tags, word for word', async () => {
      const ec2 = await driver(quick);
      await ec2.cloud.createReservation(reservation);
      const other = { ...reservation, clientToken: 'o', tags: { 'muster:gang': 'g21' } };
      await ec2.cloud.createReservation(other);
      const count = async (tags: Record<string, string>) =>
        (await ec2.cloud.describeReservations(tags)).length;
      expect(await count({ 'muster:gang': 'g*1' })).toBe(1);
      expect(await count({ 'muster:gang': 'g*1', 'muster:cluster': 'blog' })).toBe(1);
      expect(await count({ 'muster:gang': 'g*1', 'muster:cluster': 'other' })).toBe(0);
    });

    test('more than a page of them is listed whole', async () => {
      const ec2 = await driver(quick);
      for (let index = 0; index < 1001; index += 1) {
        ec2.model.createCapacityReservation({
          instanceType: 'c5.xlarge',
          platform: 'Linux/UNIX',
          availabilityZone: 'us-east-2b',
          instanceCount: 1,
          tagSpecifications: [{ resourceType: 'capacity-reservation', tags: { of: 'page' } }],
        });
      }
      expect(await ec2.cloud.describeReservations({ of: 'page' })).toHaveLength(1001);
    });
  });

  describe('letting go through the port', () => {
    test('cancels; what is over or unknown is passed over', async () => {
      const ec2 = await driver(quick);
      const made = await ec2.cloud.createReservation(reservation);
      const { reservationId } = made.reservation;
      await ec2.cloud.cancelReservation(reservationId);
      expect(await ec2.cloud.describeReservations(reservation.tags)).toMatchObject([
        { state: 'cancelled', available: 0 },
      ]);
      await ec2.cloud.cancelReservation(reservationId);
      await ec2.cloud.cancelReservation('cr-0123456789abcdef0');
    });

    test('what cannot be cancelled, or is not now, is a CloudError', async () => {
      const ec2 = await driver(quick);
      const block = ec2.model.addCapacityBlock({
        instanceType: 'c6i.32xlarge',
        availabilityZone: 'us-east-2b',
        count: 4,
        endsAt: ec2.model.now() + 86_400_000,
      });
      expect((await cloudErrorOf(ec2.cloud.cancelReservation(block.reservationId))).code).toBe(
        'OperationNotPermitted',
      );
      const made = await ec2.cloud.createReservation(reservation);
      ec2.model.addFault({
        kind: 'refuse',
        action: 'CancelCapacityReservation',
        code: 'UnauthorizedOperation',
      });
      const { reservationId } = made.reservation;
      expect((await cloudErrorOf(ec2.cloud.cancelReservation(reservationId))).code).toBe(
        'UnauthorizedOperation',
      );
    });
  });

  describe('subnets through the port', () => {
    test('those that EC2 knows, with their zones; the others are left out', async () => {
      const ec2 = await driver(quick);
      const asked = [subnetB, 'subnet-0123456789abcdef0', 'subnet-*', subnetA];
      const listed = await ec2.cloud.describeSubnets(asked);
      expect([...listed].sort((left, right) => (left.subnetId < right.subnetId ? -1 : 1))).toEqual([
        { subnetId: subnetA, availabilityZone: 'us-east-2a' },
        { subnetId: subnetB, availabilityZone: 'us-east-2b' },
      ]);
      expect(await ec2.cloud.describeSubnets(['subnet-0123456789abcdef0'])).toEqual([]);
      expect(await ec2.cloud.describeSubnets([])).toEqual([]);
    });

    test('a refused look is a CloudError', async () => {
      const ec2 = await driver(quick);
      ec2.model.addFault({
        kind: 'refuse',
        action: 'DescribeSubnets',
        code: 'UnauthorizedOperation',
        count: null,
      });
      expect(await cloudErrorOf(ec2.cloud.describeSubnets([subnetB]))).toMatchObject({
        code: 'UnauthorizedOperation',
        httpStatus: 403,
      });
    });
  });

  describe('placement groups through the port', () => {
    test('those that EC2 knows, with ARN and strategy; the others are left out', async () => {
      const ec2 = await driver(quick);
      const near = await ec2.createPlacementGroup({ name: 'near' });
      await ec2.createPlacementGroup({ name: 'apart', strategy: 'spread' });
      await ec2.createPlacementGroup({ name: 'other' });
      const listed = await ec2.cloud.describePlacementGroups(['near', 'none', 'apart', 'o*']);
      expect([...listed].sort((left, right) => (left.name < right.name ? 1 : -1))).toEqual([
        { name: 'near', arn: near.arn, strategy: 'cluster' },
        { name: 'apart', arn: expect.stringMatching(/apart$/), strategy: 'spread' },
      ]);
      expect(await ec2.cloud.describePlacementGroups(['none'])).toEqual([]);
      expect(await ec2.cloud.describePlacementGroups([])).toEqual([]);
    });

    test('a refused look is a CloudError', async () => {
      const ec2 = await driver(quick);
      ec2.model.addFault({
        kind: 'refuse',
        action: 'DescribePlacementGroups',
        code: 'UnauthorizedOperation',
        count: null,
      });
      expect(await cloudErrorOf(ec2.cloud.describePlacementGroups(['near']))).toMatchObject({
        code: 'UnauthorizedOperation',
        httpStatus: 403,
      });
    });
  });

  describe('launch templates through the port', () => {
    test('those that EC2 knows, with the placement group of their latest version', async () => {
      const ec2 = await driver(quick);
      const data = { imageId: 'ami-0123456789abcdef0', instanceType: 'c5.xlarge' };
      await ec2.createLaunchTemplate({ name: 'bare', data: { ...data, placementGroup: 'old' } });
      await ec2.createLaunchTemplateVersion({ template: { name: 'bare' }, data });
      await ec2.createLaunchTemplate({ name: 'near', data: { ...data, placementGroup: 'pg' } });
      expect(await ec2.cloud.describeLaunchTemplates(['near', 'none', 'bare'])).toEqual([
        { name: 'near', placementGroup: 'pg' },
        { name: 'bare', placementGroup: null },
      ]);
      expect(await ec2.cloud.describeLaunchTemplates([])).toEqual([]);
    });

    test('a refused look is a CloudError', async () => {
      const ec2 = await driver(quick);
      ec2.model.addFault({
        kind: 'refuse',
        action: 'DescribeLaunchTemplateVersions',
        code: 'UnauthorizedOperation',
        count: null,
      });
      expect(await cloudErrorOf(ec2.cloud.describeLaunchTemplates(['near']))).toMatchObject({
        code: 'UnauthorizedOperation',
      });
    });
  });

  describe('a fleet through the port', () => {
    const template = {
      name: 't',
      data: { imageId: 'ami-1', instanceType: 't2.micro' },
    };

    test('tries its pools in their order, and answers launches and refusals', async () => {
      const ec2 = await driver(roomFor106);
      await ec2.createLaunchTemplate(template);
      const answer = await ec2.cloud.runFleet(fleet);
      expect(answer).toMatchObject({
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        fleetId: expect.stringMatching(/^fleet-/),
        refusals: [
          {
            code: 'InsufficientInstanceCapacity',
            message: expect.stringContaining('us-east-2b'),
            instanceType: 'c6i.32xlarge',
            subnetId: subnetB,
          },
        ],
      });
      expect(
        answer.launches.map(({ instanceIds, ...pool }) => ({ ...pool, count: instanceIds.length })),
      ).toEqual([
        {
          instanceType: 'c6i.32xlarge',
          availabilityZone: 'us-east-2b',
          subnetId: subnetB,
          count: 106,
        },
        {
          instanceType: 'c6i.16xlarge',
          availabilityZone: 'us-east-2b',
          subnetId: subnetB,
          count: 4,
        },
      ]);
      const listed = await ec2.cloud.describeByTags({ 'aws:ec2:fleet-id': answer.fleetId });
      expect(listed.map((each) => each.instanceId)).toEqual(
        answer.launches.flatMap((each) => each.instanceIds),
      );
      expect(listed[0]).toMatchObject({ privateIp: '10.0.64.4', tags: fleet.tags });
      expect(await ec2.cloud.describeByTags({ 'muster:gang': 'g?' })).toEqual([]);
      expect(await ec2.cloud.describeByClientToken(fleet.clientToken)).toEqual([]);
      expect(await ec2.cloud.runFleet(fleet)).toMatchObject({ fleetId: answer.fleetId });
    });

    test('of one type, on spot, whatever there is', async () => {
      const ec2 = await driver(quick);
      await ec2.createLaunchTemplate(template);
      ec2.model.setCapacity('c6i.32xlarge', 'us-east-2b', 7, 'spot');
      ec2.model.setCapacity('c6i.16xlarge', 'us-east-2b', 5, 'spot');
      ec2.model.setCapacity('c6i.32xlarge', 'us-east-2a', 0, 'spot');
      const answer = await ec2.cloud.runFleet({
        ...fleet,
        market: 'spot',
        minCount: null,
        singleZone: false,
        singleType: true,
      });
      expect(answer.launches).toMatchObject([{ instanceType: 'c6i.32xlarge', subnetId: subnetB }]);
      expect(answer.launches[0]?.instanceIds).toHaveLength(7);
      expect(answer.refusals.map((each) => each.code)).toEqual([
        'UnfulfillableCapacity',
        'UnfulfillableCapacity',
      ]);
      expect([...ec2.model.instances()][0]?.market).toBe('spot');
    });

    test('a refusal of the whole, and a lost answer, are CloudErrors, asked once', async () => {
      const ec2 = await driver(quick);
      expect((await cloudErrorOf(ec2.cloud.runFleet(fleet))).code).toBe(
        'InvalidLaunchTemplateName.NotFoundException',
      );
      await ec2.createLaunchTemplate(template);
      ec2.model.addFault({ kind: 'refuse', action: 'CreateFleet', code: 'InternalError' });
      expect((await cloudErrorOf(ec2.cloud.runFleet(fleet))).httpStatus).toBe(500);
      ec2.model.addFault({ kind: 'lose-answer', action: 'CreateFleet', how: 'silence' });
      expect((await cloudErrorOf(ec2.cloud.runFleet(fleet))).code).toBe('Timeout');
      const { launches } = await ec2.cloud.runFleet(fleet);
      expect(launches[0]?.instanceIds).toHaveLength(110);
      expect(ec2.model.stats()).toMatchObject({
        launched: 110,
        calls: {
          CreateFleet: {
            'InvalidLaunchTemplateName.NotFoundException': 1,
            InternalError: 1,
            ok: 2,
          },
        },
      });
    });
  });
}
