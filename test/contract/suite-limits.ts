/** The contract of throttling and of faults on demand. */
import { describe, expect, test } from 'vitest';
import type { MakeDriver } from './driver.ts';
import { driversOf, order, quick, refusalOf } from './suite-launch.ts';

const throttled = { times: { shutdownMs: 2000 } };

export function limitContract(make: MakeDriver): void {
  const driver = driversOf(make);

  describe('throttling', () => {
    test('five launches at once, then two a second', async () => {
      const ec2 = await driver(throttled);
      for (let call = 0; call < 5; call += 1) await ec2.run(order);
      const refusal = await refusalOf(ec2.run(order));
      expect(refusal).toMatchObject({ code: 'RequestLimitExceeded', status: 503 });
      expect(refusal.message).toMatch(
        /^Request limit exceeded\. .*ec2:RunInstances.*request rate limit/,
      );
      ec2.advance(499);
      expect((await refusalOf(ec2.run(order))).code).toBe('RequestLimitExceeded');
      ec2.advance(1);
      await ec2.run(order);
      ec2.advance(1000);
      await ec2.run(order);
      await ec2.run(order);
      expect((await refusalOf(ec2.run(order))).code).toBe('RequestLimitExceeded');
    });

    test('1,000 instances at once, then two a second: 4,000 need 1,500 s', async () => {
      const ec2 = await driver(throttled);
      const batch = { ...order, minCount: 500, maxCount: 500 };
      await ec2.run(batch);
      await ec2.run(batch);
      const refusal = await refusalOf(ec2.run(batch));
      expect(refusal).toMatchObject({ code: 'RequestLimitExceeded', status: 503 });
      expect(refusal.message).toMatch(/resource rate limit/);
      ec2.advance(249_000);
      expect((await refusalOf(ec2.run(batch))).code).toBe('RequestLimitExceeded');
      let launched = 1000;
      const startedAt = ec2.model.now() - 249_000;
      for (ec2.advance(1000); launched < 4000; launched += 500) {
        await ec2.run(batch);
        if (launched < 3500) ec2.advance(250_000);
      }
      expect(ec2.model.now() - startedAt).toBe(1_500_000);
      expect(ec2.model.stats().launched).toBe(4000);
    });

    test('a repeated token takes no instance tokens, and neither does a refused launch', async () => {
      const ec2 = await driver({
        ...throttled,
        capacity: [
          { instanceType: 'c6i.32xlarge', availabilityZone: 'us-east-2b', capacity: 1000 },
        ],
      });
      const batch = { ...order, minCount: 600, maxCount: 600, clientToken: 't' };
      await ec2.run(batch);
      await ec2.run(batch);
      expect((await refusalOf(ec2.run({ ...order, minCount: 401, maxCount: 401 }))).code).toBe(
        'RequestLimitExceeded',
      );
      ec2.model.setCapacity('c6i.32xlarge', 'us-east-2b', 600);
      expect((await refusalOf(ec2.run({ ...order, minCount: 400, maxCount: 400 }))).code).toBe(
        'InsufficientInstanceCapacity',
      );
      ec2.model.setCapacity('c6i.32xlarge', 'us-east-2b', 1000);
      expect(await ec2.run({ ...order, minCount: 400, maxCount: 400 })).toHaveLength(400);
    });

    test('describes: 100 filtered ones, 50 without filter or page; terminations have buckets of their own', async () => {
      const ec2 = await driver(throttled);
      const [instance] = await ec2.run(order);
      const filters = [{ name: 'client-token', values: ['x'] }];
      for (let call = 0; call < 100; call += 1) await ec2.describe({ filters });
      expect((await refusalOf(ec2.describe({ filters }))).code).toBe('RequestLimitExceeded');
      for (let call = 0; call < 50; call += 1) await ec2.describe({});
      expect((await refusalOf(ec2.describe({}))).code).toBe('RequestLimitExceeded');
      await ec2.terminate([instance?.instanceId ?? '']);
      ec2.advance(50);
      await ec2.describe({ filters });
    });

    test('can be switched off and on while it runs', async () => {
      const ec2 = await driver(throttled);
      ec2.model.setThrottling(false);
      for (let call = 0; call < 8; call += 1) await ec2.run(order);
      ec2.model.setThrottling(true);
      for (let call = 0; call < 5; call += 1) await ec2.run(order);
      expect((await refusalOf(ec2.run(order))).code).toBe('RequestLimitExceeded');
    });
  });

  describe('faults', () => {
    test('the next calls of an action are refused with the code that was asked for, then no more', async () => {
      const ec2 = await driver(quick);
      ec2.model.addFault({
        kind: 'refuse',
        action: 'RunInstances',
        code: 'InternalError',
        count: 2,
      });
      expect(await refusalOf(ec2.run(order))).toMatchObject({ code: 'InternalError', status: 500 });
      expect((await ec2.describe({})).instances).toEqual([]);
      expect((await refusalOf(ec2.run(order))).code).toBe('InternalError');
      expect(await ec2.run(order)).toHaveLength(1);
      expect(ec2.model.stats().calls.RunInstances).toEqual({ InternalError: 2, ok: 1 });
    });

    test('a fault can wait for launches of one type or tag, and fire on every second of them', async () => {
      const ec2 = await driver(quick);
      ec2.model.addFault({
        kind: 'refuse',
        action: 'RunInstances',
        code: 'Unsupported',
        message: 'not here',
        match: { instanceType: 'c5.xlarge', tag: { key: 'queue', value: 'q2' } },
        every: 2,
        count: null,
      });
      const queue = (value: string) => ({
        ...order,
        instanceType: 'c5.xlarge',
        tagSpecifications: [{ resourceType: 'instance', tags: { queue: value } }],
      });
      await ec2.run(order);
      await ec2.run(queue('q1'));
      await ec2.run(queue('q2'));
      expect(await refusalOf(ec2.run(queue('q2')))).toMatchObject({
        code: 'Unsupported',
        message: 'not here',
      });
      await ec2.run(queue('q2'));
      expect((await refusalOf(ec2.run(queue('q2')))).code).toBe('Unsupported');
      ec2.model.clearFaults();
      await ec2.run(queue('q2'));
      await ec2.run(queue('q2'));
    });

    test('a lost termination has happened', async () => {
      const ec2 = await driver(quick);
      const [instance] = await ec2.run(order);
      ec2.model.addFault({ kind: 'lose-answer', action: 'TerminateInstances', how: 'reset' });
      const id = instance?.instanceId ?? '';
      expect((await refusalOf(ec2.terminate([id]))).code).toBe('ConnectionError');
      expect((await ec2.describe({})).instances[0]?.state).toBe('shutting-down');
    });

    test('instances that never boot, every third, are paid for and never pass their check', async () => {
      const ec2 = await driver(quick);
      ec2.model.addFault({ kind: 'never-boots', every: 3, count: null });
      await ec2.run({ ...order, minCount: 6, maxCount: 6 });
      ec2.advance(3_600_000);
      const statuses = await ec2.status({});
      expect(statuses.map((each) => each.instanceStatus)).toEqual([
        'ok',
        'ok',
        'initializing',
        'ok',
        'ok',
        'initializing',
      ]);
      expect(ec2.model.stats().instanceSeconds).toBe(6 * 3600);
    });

    test('an instance that fails its check some time after its launch', async () => {
      const ec2 = await driver(quick);
      ec2.model.addFault({ kind: 'impaired', afterMs: 60_000 });
      await ec2.run({ ...order, minCount: 2, maxCount: 2 });
      ec2.advance(59_999);
      expect((await ec2.status({})).map((each) => each.instanceStatus)).toEqual(['ok', 'ok']);
      ec2.advance(1);
      expect((await ec2.status({})).map((each) => each.instanceStatus)).toEqual(['impaired', 'ok']);
    });
  });
}
