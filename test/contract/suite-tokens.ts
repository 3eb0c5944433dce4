/** The contract of client tokens: a launch repeated with its token launches nothing. */
import { describe, expect, test } from 'vitest';
import type { MakeDriver } from './driver.ts';
import { driversOf, order, quick, refusalOf, roomFor106 } from './suite-launch.ts';

const hourMs = 3_600_000;

export function tokenContract(make: MakeDriver): void {
  const driver = driversOf(make);

  describe('client tokens', () => {
    const tokened = { ...order, minCount: 3, maxCount: 3, clientToken: 'gang-1/attempt-1/batch-1' };

    test('a repeat answers the same instances, with their states of now', async () => {
      const ec2 = await driver(roomFor106);
      const first = await ec2.run(tokened);
      ec2.advance(1000);
      const second = await ec2.run(tokened);
      expect(second).toEqual(first.map((each) => ({ ...each, state: 'running' })));
      await ec2.terminate([first[1]?.instanceId ?? '']);
      ec2.advance(2000);
      const third = await ec2.run(tokened);
      expect(third.map((each) => each.state)).toEqual(['running', 'terminated', 'running']);
      expect(ec2.model.stats().launched).toBe(3);
    });

    test('a repeat with other parameters is a mismatch', async () => {
      const ec2 = await driver(roomFor106);
      await ec2.run(tokened);
      const others = [
        { ...tokened, maxCount: 4 },
        { ...tokened, instanceType: 'c5.xlarge' },
        { ...tokened, tagSpecifications: [{ resourceType: 'instance', tags: { a: 'b' } }] },
        { ...tokened, placementGroup: 'group-1' },
      ];
      for (const other of others) {
        const refusal = await refusalOf(ec2.run(other));
        expect(refusal).toMatchObject({ code: 'IdempotentParameterMismatch', status: 400 });
      }
      expect(ec2.model.stats().launched).toBe(3);
    });

    test('another token, and no token, launch anew', async () => {
      const ec2 = await driver(roomFor106);
      await ec2.run(tokened);
      await ec2.run({ ...tokened, clientToken: 'gang-2/attempt-1/batch-1' });
      await ec2.run(order);
      await ec2.run(order);
      expect(ec2.model.stats().launched).toBe(8);
    });

    test('a refused launch does not use its token up', async () => {
      const ec2 = await driver(roomFor106);
      await refusalOf(ec2.run({ ...tokened, minCount: 107, maxCount: 107 }));
      expect(await ec2.run(tokened)).toHaveLength(3);
    });

    test('after a lost answer the repeat finds what was launched', async () => {
      const ec2 = await driver(roomFor106);
      ec2.model.addFault({ kind: 'lose-answer', action: 'RunInstances', how: 'reset' });
      expect((await refusalOf(ec2.run(tokened))).code).toBe('ConnectionError');
      expect(ec2.model.stats().launched).toBe(3);
      expect(await ec2.run(tokened)).toHaveLength(3);
      expect(ec2.model.stats().launched).toBe(3);
    });

    test('a repeat finds instances that describes do not show yet, even where there is no room any more', async () => {
      const ec2 = await driver({ ...roomFor106, times: { consistencyMs: 60_000 } });
      const all = { ...tokened, minCount: 106, maxCount: 106 };
      await ec2.run(all);
      expect((await ec2.describe({})).instances).toEqual([]);
      expect(await ec2.run(all)).toHaveLength(106);
    });

    test('a token holds for a day after its last instance ended, though nobody is shown them by then', async () => {
      const ec2 = await driver({ ...quick });
      const first = await ec2.run(tokened);
      ec2.advance(48 * hourMs);
      await ec2.terminate(first.slice(0, 2).map((each) => each.instanceId));
      ec2.advance(48 * hourMs);
      await ec2.terminate([first[2]?.instanceId ?? '']);
      ec2.advance(23 * hourMs);
      expect((await ec2.describe({})).instances).toEqual([]);
      const repeat = await ec2.run(tokened);
      expect(repeat.map((each) => each.instanceId)).toEqual(first.map((each) => each.instanceId));
      expect(repeat.every((each) => each.state === 'terminated')).toBe(true);
      ec2.advance(1.01 * hourMs);
      const anew = await ec2.run(tokened);
      expect(first.map((each) => each.instanceId)).not.toContain(anew[0]?.instanceId);
      expect(ec2.model.stats().launched).toBe(6);
    });
  });
}
