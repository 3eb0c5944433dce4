/** The contract of the cloud port, which is what muster itself uses: the same over the model and over the SDK. */
import { describe, expect, test } from 'vitest';
import type { LaunchOrder } from '../../src/core/instances.ts';
import { CloudError } from '../../src/ports/cloud.ts';
import type { MakeDriver } from './driver.ts';
import { driversOf, quick, roomFor106, subnetB } from './suite-launch.ts';

export const order: LaunchOrder = {
  clientToken: 'gang-1/1/1',
  minCount: 3,
  maxCount: 3,
  market: 'on-demand',
  tags: { 'muster:cluster': 'blog', 'muster:gang': 'g1' },
  launch: {
    kind: 'instance-type',
    instanceType: 'c6i.32xlarge',
    imageId: 'ami-12345678',
    subnetId: subnetB,
    placementGroup: null,
    efa: false,
  },
};

export async function cloudErrorOf(call: Promise<unknown>): Promise<CloudError> {
  const error: unknown = await call.then(
    () => new Error('the call was answered, though it should have failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CloudError);
  return error as CloudError;
}

const elsewhere = { instanceType: 'c5.xlarge', subnetId: 'subnet-0000000000000000a' } as const;

/** What an order asks in place of its launch source's own. */
function overridesContract(driver: MakeDriver): void {
  describe('an order with a type and a subnet of its own', () => {
    const launch: LaunchOrder['launch'] = { kind: 'launch-template', name: 't', version: '1' };
    const data = { instanceType: 'c6i.32xlarge', imageId: 'ami-1' };
    const launched = { ...elsewhere, availabilityZone: 'us-east-2a' };

    for (const efa of [false, true]) {
      test(`in place of the source’s${efa ? ', with EFA' : ''}`, async () => {
        const ec2 = await driver(quick);
        const source = { ...order.launch, efa } as LaunchOrder['launch'];
        await ec2.cloud.runInstances({ ...order, ...elsewhere, launch: source });
        expect([...ec2.model.instances()]).toMatchObject(
          Array.from({ length: 3 }, () => ({ ...launched, efa })),
        );
      });
    }

    test('in place of the template’s', async () => {
      const ec2 = await driver(quick);
      await ec2.createLaunchTemplate({ name: 't', data: { ...data, subnetId: subnetB } });
      await ec2.cloud.runInstances({ ...order, ...elsewhere, launch });
      expect([...ec2.model.instances()]).toMatchObject(Array.from({ length: 3 }, () => launched));
    });

    for (const [subnet, networkInterface] of [
      ['with', { deviceIndex: 0, subnetId: subnetB }],
      ['without', { deviceIndex: 0 }],
    ] as const) {
      test(`a template’s network interface ${subnet} a subnet bears no other beside it, but another type`, async () => {
        const ec2 = await driver(quick);
        const networkInterfaces = [networkInterface];
        await ec2.createLaunchTemplate({ name: 't', data: { ...data, networkInterfaces } });
        const moved = ec2.cloud.runInstances({ ...order, ...elsewhere, launch });
        expect(await cloudErrorOf(moved)).toMatchObject({
          code: 'InvalidParameterCombination',
          httpStatus: 400,
          message: expect.stringMatching(/Network interfaces and an instance-level subnet ID/),
        });
        expect(ec2.model.stats().launched).toBe(0);
        const { instanceType } = elsewhere;
        await ec2.cloud.runInstances({ ...order, instanceType, launch, clientToken: 'again' });
        expect([...ec2.model.instances()]).toMatchObject(
          Array.from({ length: 3 }, () => ({ instanceType })),
        );
      });
    }
  });
}

export function cloudContract(make: MakeDriver): void {
  const driver = driversOf(make);
  overridesContract(driver);

  describe('launching through the port', () => {
    test('answers the instances with their addresses, and lists them by token', async () => {
      const ec2 = await driver(quick);
      const answer = await ec2.cloud.runInstances(order);
      expect(answer.requestId).toMatch(/^[0-9a-f-]{36}$/);
      expect(answer.instances.map((each) => [each.privateIp, each.hostname])).toEqual([
        ['10.0.64.4', 'ip-10-0-64-4'],
        ['10.0.64.5', 'ip-10-0-64-5'],
        ['10.0.64.6', 'ip-10-0-64-6'],
      ]);
      const listed = await ec2.cloud.describeByClientToken(order.clientToken);
      expect(listed).toEqual(
        answer.instances.map((instance) => ({
          ...instance,
          state: 'pending',
          clientToken: order.clientToken,
          tags: order.tags,
          launchedAt: ec2.model.now(),
        })),
      );
      expect(await ec2.cloud.describeByClientToken('another')).toEqual([]);
    });

    test('by template, with a placement group, EFA and spot', async () => {
      const ec2 = await driver(quick);
      await ec2.createLaunchTemplate({
        name: 'blog-queue1-cr1',
        data: { instanceType: 'c5.xlarge', imageId: 'ami-1', subnetId: subnetB },
      });
      await ec2.cloud.runInstances({
        ...order,
        launch: { kind: 'launch-template', name: 'blog-queue1-cr1', version: '$Latest' },
      });
      await ec2.cloud.runInstances({
        ...order,
        clientToken: 'gang-2/1/1',
        market: 'spot',
        launch: {
          ...order.launch,
          kind: 'instance-type',
          placementGroup: 'pg-1',
          efa: true,
        } as LaunchOrder['launch'],
      });
      const instances = [...ec2.model.instances()];
      expect(instances[0]).toMatchObject({
        instanceType: 'c5.xlarge',
        market: 'on-demand',
        efa: false,
        tags: order.tags,
      });
      expect(instances[3]).toMatchObject({
        market: 'spot',
        efa: true,
        placementGroup: 'pg-1',
        subnetId: subnetB,
      });
    });

    test('a capacity refusal is asked once, and keeps code, message, request id and status', async () => {
      const ec2 = await driver(roomFor106);
      const error = await cloudErrorOf(
        ec2.cloud.runInstances({ ...order, minCount: 200, maxCount: 200 }),
      );
      expect(error).toMatchObject({ code: 'InsufficientInstanceCapacity', httpStatus: 500 });
      expect(error.message).toMatch(/choosing us-east-2a, us-east-2c\.$/);
      expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/);
      expect(ec2.model.stats().calls.RunInstances).toEqual({ InsufficientInstanceCapacity: 1 });
    });

    test('a throttled launch is asked once', async () => {
      const ec2 = await driver({});
      const soft = { ...order, minCount: 1001, maxCount: 1001 };
      expect((await cloudErrorOf(ec2.cloud.runInstances(soft))).code).toBe('RequestLimitExceeded');
      expect(ec2.model.stats().calls.RunInstances).toEqual({ RequestLimitExceeded: 1 });
    });

    for (const [how, code] of [
      ['reset', 'ConnectionError'],
      ['silence', 'Timeout'],
    ] as const) {
      test(`a lost answer (${how}) is a ${code}, and the repeat finds the same instances`, async () => {
        const ec2 = await driver(quick);
        ec2.model.addFault({ kind: 'lose-answer', action: 'RunInstances', how });
        const error = await cloudErrorOf(ec2.cloud.runInstances(order));
        expect(error).toMatchObject({ code, requestId: null });
        expect((await ec2.cloud.runInstances(order)).instances).toHaveLength(3);
        expect(ec2.model.stats()).toMatchObject({
          launched: 3,
          calls: { RunInstances: { ok: 2 } },
        });
      });
    }

    test('a repeated token brings no instance that has ended since', async () => {
      const ec2 = await driver(quick);
      const { instances } = await ec2.cloud.runInstances(order);
      const [first, ...others] = instances.map((each) => each.instanceId);
      await ec2.cloud.terminateInstances([first ?? '']);
      const again = await ec2.cloud.runInstances(order);
      expect(again.instances.map((each) => each.instanceId)).toEqual(others);
    });

    test('fifty launches at once', async () => {
      const ec2 = await driver(quick);
      const launches = Array.from({ length: 50 }, (_, index) =>
        ec2.cloud.runInstances({
          ...order,
          clientToken: `gang-${index}`,
          minCount: 1,
          maxCount: 1,
        }),
      );
      const answers = await Promise.all(launches);
      const ids = answers.flatMap((answer) => answer.instances.map((each) => each.instanceId));
      expect(new Set(ids).size).toBe(50);
    });
  });

  describe('ending through the port', () => {
    test('ids that EC2 does not know are passed over, the others terminated', async () => {
      const ec2 = await driver(quick);
      const { instances } = await ec2.cloud.runInstances(order);
      const ids = instances.map((each) => each.instanceId);
      await ec2.cloud.terminateInstances(['i-0123456789abcdef0', ...ids, 'i-01234567']);
      expect(ec2.model.stats().terminated).toBe(3);
      await ec2.cloud.terminateInstances(['i-0123456789abcdef0']);
      await ec2.cloud.terminateInstances([]);
      await ec2.cloud.terminateInstances(ids);
      expect(ec2.model.stats().terminated).toBe(3);
    });

    test('a refused termination is a CloudError', async () => {
      const ec2 = await driver(quick);
      const { instances } = await ec2.cloud.runInstances(order);
      ec2.model.addFault({
        kind: 'refuse',
        action: 'TerminateInstances',
        code: 'UnauthorizedOperation',
        count: null,
      });
      const error = await cloudErrorOf(
        ec2.cloud.terminateInstances(instances.map((each) => each.instanceId)),
      );
      expect(error).toMatchObject({ code: 'UnauthorizedOperation', httpStatus: 403 });
    });

    test('more than a page of instances with one token is listed whole', async () => {
      const ec2 = await driver(quick);
      ec2.model.runInstances({
        minCount: 1500,
        maxCount: 1500,
        instanceType: 'c5.xlarge',
        imageId: 'ami-1',
        subnetId: subnetB,
        clientToken: 'wide',
      });
      expect(await ec2.cloud.describeByClientToken('wide')).toHaveLength(1500);
    });
  });
}
