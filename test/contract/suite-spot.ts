/** The contract of spot: room of its own, and EC2 taking instances back. */
import { describe, expect, test } from 'vitest';
import type { Ec2Driver, MakeDriver } from './driver.ts';
import { driversOf, order, quick, refusalOf } from './suite-launch.ts';

export function spotContract(make: MakeDriver): void {
  const driver = driversOf(make);
  const spot = { ...order, market: 'spot' } as const;
  const pool = { instanceType: 'c6i.32xlarge', availabilityZone: 'us-east-2b' };

  async function statesOf(ec2: Ec2Driver): Promise<readonly string[]> {
    const { instances } = await ec2.describe({});
    return instances.map((each) => `${each.state} ${each.stateReason}`.trim());
  }

  describe('spot', () => {
    test('has room of its own, unlimited until it is set', async () => {
      const ec2 = await driver({
        ...quick,
        capacity: [{ ...pool, capacity: 1 }],
      });
      await ec2.run({ ...spot, minCount: 50, maxCount: 50 });
      ec2.model.setCapacity(pool.instanceType, pool.availabilityZone, 51, 'spot');
      await ec2.run(spot);
      expect(await refusalOf(ec2.run(spot))).toMatchObject({
        code: 'InsufficientInstanceCapacity',
        status: 500,
        message: 'There is no Spot capacity available that matches your request.',
      });
      await ec2.run({ ...spot, market: 'on-demand' });
      expect((await refusalOf(ec2.run({ ...spot, market: 'on-demand' }))).code).toBe(
        'InsufficientInstanceCapacity',
      );
    });

    test('is taken back by EC2 when the notice has run out, and its room is free then', async () => {
      const ec2 = await driver({
        ...quick,
        capacity: [{ ...pool, market: 'spot', capacity: 2 }],
      });
      const [first] = await ec2.run({ ...spot, minCount: 2, maxCount: 2 });
      ec2.advance(5000);
      ec2.model.interrupt(first?.instanceId ?? '');
      ec2.advance(119_999);
      expect(await statesOf(ec2)).toEqual(['running', 'running']);
      ec2.advance(1);
      expect(await statesOf(ec2)).toEqual([
        'shutting-down Server.SpotInstanceTermination',
        'running',
      ]);
      expect(ec2.model.stats().instanceSeconds).toBe(250);
      ec2.advance(2000);
      expect(await ec2.run(spot)).toHaveLength(1);
    });

    test('a termination that comes before the notice has run out is its owner’s', async () => {
      const ec2 = await driver({ ...quick, times: { spotNoticeMs: 1000, shutdownMs: 0 } });
      const [first] = await ec2.run(spot);
      ec2.model.interrupt(first?.instanceId ?? '');
      await ec2.terminate([first?.instanceId ?? '']);
      ec2.advance(5000);
      expect(await statesOf(ec2)).toEqual(['terminated Client.UserInitiatedShutdown']);
      expect(ec2.model.stats().terminated).toBe(1);
    });

    test('a fault takes back every second one, some time after its launch', async () => {
      const ec2 = await driver(quick);
      ec2.model.addFault({ kind: 'interrupted', afterMs: 30_000, every: 2, count: null });
      await ec2.run({ ...spot, market: 'on-demand' });
      await ec2.run({ ...spot, minCount: 4, maxCount: 4 });
      ec2.advance(30_000);
      expect((await statesOf(ec2)).map((state) => state.split(' ')[0])).toEqual([
        'running',
        'running',
        'shutting-down',
        'running',
        'shutting-down',
      ]);
    });
  });
}
