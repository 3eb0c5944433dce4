/** Every call of the port meets every fault on its way, and none without one. */
import { describe, expect, test } from 'vitest';
import type { LaunchOrder } from '../../core/instances.ts';
import { CloudError, type CapacityCloud, type Cloud } from '../../ports/cloud.ts';
import { createEc2Model, type Ec2Model } from '../ec2/index.ts';
import { createVirtualClock } from '../virtual-clock.ts';
import { createChronicle } from './chronicle.ts';
import { createDice } from './dice.ts';
import { createEc2Line } from './ec2-line.ts';
import type { FaultKind } from './faults.ts';

const subnetId = 'subnet-0000000000000000a';
const tags = { 'muster:gang': 'g1' };
const launch: LaunchOrder = {
  clientToken: 't',
  minCount: 2,
  maxCount: 2,
  market: 'on-demand',
  tags,
  launch: {
    kind: 'instance-type',
    instanceType: 'c5.xlarge',
    imageId: 'ami-1',
    subnetId,
    placementGroup: null,
    efa: false,
  },
};
const reservation = {
  clientToken: 't',
  instanceType: 'c5.xlarge',
  platform: 'Linux/UNIX',
  availabilityZone: 'us-east-2a',
  count: 2,
  placementGroupArn: null,
  endsAt: null,
  tags,
};
const fleet = {
  clientToken: 't',
  launchTemplate: { name: 'template', version: '1' },
  pools: [{ instanceType: 'c5.xlarge', subnetId }],
  market: 'on-demand',
  count: 2,
  minCount: null,
  singleZone: false,
  singleType: false,
  tags,
} as const;

/** What the calls need to be there before. */
function prepare(model: Ec2Model): { instanceId: string; reservationId: string } {
  model.createLaunchTemplate({ name: 'template', data: { imageId: 'ami-1' } });
  const { minCount, maxCount } = launch;
  const { instances } = model.runInstances({
    minCount,
    maxCount,
    instanceType: 'c5.xlarge',
    imageId: 'ami-1',
  });
  const { instanceType, platform, availabilityZone } = reservation;
  const { reservationId } = model.createCapacityReservation({
    instanceType,
    platform,
    availabilityZone,
    instanceCount: 2,
    matchCriteria: 'targeted',
  });
  return { instanceId: instances[0]?.instanceId ?? '', reservationId };
}

type There = ReturnType<typeof prepare>;

interface Way {
  /** Whether its refusal is one of the gang's. */
  readonly isOrder: boolean;
  readonly timeoutMs: number;
  readonly call: (cloud: Cloud & CapacityCloud, there: There) => Promise<unknown>;
}

const order = { isOrder: true, timeoutMs: 30_000 };
const question = { isOrder: false, timeoutMs: 60_000 };
const ways = new Map<string, Way>([
  ['a launch', { ...order, call: (cloud) => cloud.runInstances(launch) }],
  [
    'a launch into a reservation',
    {
      ...order,
      call: (cloud, { reservationId }) => cloud.runInstances({ ...launch, reservationId }),
    },
  ],
  ['a reservation', { ...order, call: (cloud) => cloud.createReservation(reservation) }],
  ['a fleet', { ...order, call: (cloud) => cloud.runFleet(fleet) }],
  [
    'a termination',
    { ...question, call: (cloud, { instanceId }) => cloud.terminateInstances([instanceId]) },
  ],
  [
    'a cancel',
    { ...question, call: (cloud, { reservationId }) => cloud.cancelReservation(reservationId) },
  ],
  ['a look by token', { ...question, call: (cloud) => cloud.describeByClientToken('t') }],
  ['a look by tags', { ...question, call: (cloud) => cloud.describeByTags(tags) }],
  ['a look at reservations', { ...question, call: (cloud) => cloud.describeReservations(tags) }],
  [
    'a look at launch templates',
    { ...question, call: (cloud) => cloud.describeLaunchTemplates(['t']) },
  ],
  [
    'a look at placement groups',
    { ...question, call: (cloud) => cloud.describePlacementGroups(['g']) },
  ],
  ['a look at subnets', { ...question, call: (cloud) => cloud.describeSubnets([subnetId]) }],
]);

/** Makes the call while one kind of fault strikes all the time, and lets virtual time run until it has ended. */
async function make(
  { call }: Way,
  weather: { readonly kind?: FaultKind; readonly isOut?: boolean },
) {
  const clock = createVirtualClock(0);
  const model = createEc2Model({ now: () => clock.now(), throttle: false });
  const there = prepare(model);
  const refused: string[] = [];
  const cloud = createEc2Line({
    model,
    clock,
    chronicle: createChronicle(() => clock.now(), false),
    weather: { strikes: (kind) => kind === weather.kind, isOut: () => weather.isOut === true },
    dice: createDice(1, 'the line'),
    refused: (gangId, code) => refused.push(`${gangId} ${code}`),
  });
  const ended: { code: string | null; at: number }[] = [];
  void call(cloud, there).then(
    () => ended.push({ code: null, at: clock.now() }),
    (error: unknown) =>
      ended.push({ code: error instanceof CloudError ? error.code : 'none', at: clock.now() }),
  );
  while (ended.length === 0 && clock.step(1_000_000)) {
    await new Promise((resolve) => void setImmediate(resolve));
  }
  const [end] = ended;
  expect(end).toBeDefined();
  return { code: end?.code, at: end?.at ?? NaN, refused };
}

describe('on the way to EC2 and back', () => {
  for (const [name, way] of ways) {
    test(`${name} is answered within a tenth of a second where nothing is wrong`, async () => {
      const { code, at, refused } = await make(way, {});
      expect({ code, refused }).toEqual({ code: null, refused: [] });
      expect(at).toBeGreaterThan(0);
      expect(at).toBeLessThan(100);
    });

    test(`${name} is throttled`, async () => {
      const { code, refused } = await make(way, { kind: 'throttling' });
      expect(code).toBe('RequestLimitExceeded');
      expect(refused).toEqual(way.isOrder ? ['g1 RequestLimitExceeded'] : []);
    });

    test(`${name} is refused`, async () => {
      const { code, refused } = await make(way, { kind: 'refusals' });
      expect(code).toMatch(/^[A-Z][A-Za-z.]+$/);
      expect(refused).toEqual(way.isOrder ? [`g1 ${code}`] : []);
    });

    test(`${name} loses its answer`, async () => {
      expect((await make(way, { kind: 'lost-answers' })).code).toMatch(
        /^(ConnectionError|Timeout)$/,
      );
    });

    test(`${name} is slow`, async () => {
      expect((await make(way, { kind: 'slow-answers' })).at).toBeGreaterThan(200);
    });

    test(`${name} reaches EC2 late`, async () => {
      expect((await make(way, { kind: 'late-requests' })).at).toBeGreaterThan(1_000);
    });

    test(`${name} never reaches it while EC2 is away, and times out`, async () => {
      const { code, at } = await make(way, { isOut: true });
      expect({ code, at }).toEqual({ code: 'Timeout', at: way.timeoutMs });
    });
  }

  test('what a fleet lists against its pools is told as refusals of its gang', async () => {
    const pools = [{ instanceType: 'c5.xlarge', subnetId: 'subnet-0123456789abcdef0' }];
    const { code, refused } = await make(
      { ...order, call: (cloud) => cloud.runFleet({ ...fleet, pools }) },
      {},
    );
    expect({ code, refused }).toEqual({ code: null, refused: ['g1 InvalidSubnetID.NotFound'] });
  });
});
