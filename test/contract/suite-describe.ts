/** The contract of seeing and ending instances: filters, pages, consistency, terminations, tags. */
import { describe, expect, test } from 'vitest';
import type { Filter } from '../../src/sim/ec2/index.ts';
import type { Ec2Driver, MakeDriver, SeenInstance } from './driver.ts';
import { driversOf, order, quick, refusalOf, subnetB } from './suite-launch.ts';

const subnetA = 'subnet-0000000000000000a';

async function mixedFleet(ec2: Ec2Driver): Promise<readonly SeenInstance[]> {
  const tagged = (tags: Record<string, string>) => [{ resourceType: 'instance', tags }];
  const one = await ec2.run({
    ...order,
    minCount: 2,
    maxCount: 2,
    clientToken: 'token-1',
    tagSpecifications: tagged({ 'muster:cluster': 'alpha', queue: 'q1' }),
  });
  const two = await ec2.run({
    ...order,
    subnetId: subnetA,
    instanceType: 'c5.xlarge',
    clientToken: 'token-2',
    tagSpecifications: tagged({ 'muster:cluster': 'alpha', queue: 'q2' }),
  });
  const three = await ec2.run({
    ...order,
    clientToken: 'other',
    tagSpecifications: tagged({ 'muster:cluster': 'beta*' }),
  });
  await ec2.terminate([two[0]?.instanceId ?? '']);
  ec2.advance(1000);
  return [...one, ...two, ...three];
}

export function describeContract(make: MakeDriver): void {
  const driver = driversOf(make);

  describe('filters', () => {
    const cases = new Map<string, { filters: readonly Filter[]; want: readonly number[] }>([
      [
        'a tag with its value',
        { filters: [{ name: 'tag:muster:cluster', values: ['alpha'] }], want: [0, 1, 2] },
      ],
      [
        'a tag with either of two values',
        { filters: [{ name: 'tag:queue', values: ['q1', 'q2'] }], want: [0, 1, 2] },
      ],
      [
        'a tag with a wildcard',
        { filters: [{ name: 'tag:muster:cluster', values: ['*a*'] }], want: [0, 1, 2, 3] },
      ],
      [
        'one character left open',
        { filters: [{ name: 'tag:queue', values: ['q?'] }], want: [0, 1, 2] },
      ],
      [
        'a star that is meant as one',
        { filters: [{ name: 'tag:muster:cluster', values: ['beta\\*'] }], want: [3] },
      ],
      ['a tag key', { filters: [{ name: 'tag-key', values: ['queue'] }], want: [0, 1, 2] }],
      [
        'a client token',
        { filters: [{ name: 'client-token', values: ['token-1'] }], want: [0, 1] },
      ],
      [
        'client tokens by wildcard',
        { filters: [{ name: 'client-token', values: ['token-*'] }], want: [0, 1, 2] },
      ],
      [
        'a state',
        { filters: [{ name: 'instance-state-name', values: ['running'] }], want: [0, 1, 3] },
      ],
      [
        'another state',
        {
          filters: [{ name: 'instance-state-name', values: ['shutting-down', 'stopped'] }],
          want: [2],
        },
      ],
      ['an instance type', { filters: [{ name: 'instance-type', values: ['c5.*'] }], want: [2] }],
      [
        'a private address',
        { filters: [{ name: 'private-ip-address', values: ['10.0.64.5'] }], want: [1] },
      ],
      ['a subnet', { filters: [{ name: 'subnet-id', values: [subnetB] }], want: [0, 1, 3] }],
      ['a zone', { filters: [{ name: 'availability-zone', values: ['us-east-2a'] }], want: [2] }],
      [
        'two filters at once',
        {
          filters: [
            { name: 'tag:muster:cluster', values: ['alpha'] },
            { name: 'instance-state-name', values: ['running'] },
          ],
          want: [0, 1],
        },
      ],
      [
        'nothing that exists',
        { filters: [{ name: 'tag:muster:cluster', values: ['alph'] }], want: [] },
      ],
    ]);
    test('each shows the instances it means, in launch order', async () => {
      const ec2 = await driver(quick);
      const fleet = await mixedFleet(ec2);
      for (const [name, { filters, want }] of cases) {
        const { instances } = await ec2.describe({ filters });
        const ids = instances.map((each) => each.instanceId);
        expect(ids, name).toEqual(want.map((index) => fleet[index]?.instanceId));
      }
    });

    test('one that EC2 does not have is refused', async () => {
      const ec2 = await driver(quick);
      const refusal = await refusalOf(
        ec2.describe({ filters: [{ name: 'colour', values: ['red'] }] }),
      );
      expect(refusal).toMatchObject({ code: 'InvalidParameterValue', status: 400 });
      expect(refusal.message).toContain("'colour'");
    });
  });

  describe('pages', () => {
    test('show every instance once, also when some end and others are launched in between', async () => {
      const ec2 = await driver(quick);
      const all = await ec2.run({ ...order, minCount: 23, maxCount: 23 });
      const seen: string[] = [];
      let nextToken: string | null = null;
      let pages = 0;
      do {
        const page = await ec2.describe({
          maxResults: 10,
          ...(nextToken !== null && { nextToken }),
        });
        seen.push(...page.instances.map((each) => each.instanceId));
        nextToken = page.nextToken;
        pages += 1;
        if (pages === 1) await ec2.terminate([all[3]?.instanceId ?? '']);
      } while (nextToken !== null);
      expect(pages).toBe(3);
      expect(seen).toEqual(all.map((each) => each.instanceId));
    });

    test('hold 1,000 at most, filtered or not, and no fewer than asked', async () => {
      const ec2 = await driver(quick);
      for (let batch = 0; batch < 3; batch += 1) {
        await ec2.run({
          ...order,
          minCount: 500,
          maxCount: 500,
          tagSpecifications: [{ resourceType: 'instance', tags: { gang: 'g' } }],
        });
      }
      for (const filters of [[], [{ name: 'tag:gang', values: ['g'] }]]) {
        const first = await ec2.describe({ filters });
        expect(first.instances).toHaveLength(1000);
        const second = await ec2.describe({ filters, nextToken: first.nextToken ?? '' });
        expect(second.instances).toHaveLength(500);
        expect(second.nextToken).toBeNull();
      }
    });

    const wrong = new Map<string, { request: Parameters<Ec2Driver['describe']>[0]; code: string }>([
      ['pages of 1,001', { request: { maxResults: 1001 }, code: 'InvalidParameterValue' }],
      ['pages of 4', { request: { maxResults: 4 }, code: 'InvalidParameterValue' }],
      ['a token that is none', { request: { nextToken: 'xyz' }, code: 'InvalidParameterValue' }],
      [
        'ids and pages at once',
        {
          request: { instanceIds: ['i-01234567'], maxResults: 5 },
          code: 'InvalidParameterCombination',
        },
      ],
    ]);
    for (const [name, { request, code }] of wrong) {
      test(`${name}: ${code}`, async () => {
        const ec2 = await driver(quick);
        expect(await refusalOf(ec2.describe(request))).toMatchObject({ code, status: 400 });
      });
    }
  });

  endContract(driver);
  consistencyContract(driver);

  test('surroundings: subnets count their addresses, types their vCPUs, zones are listed', async () => {
    const ec2 = await driver(quick);
    await ec2.run({ ...order, minCount: 4, maxCount: 4 });
    expect(await ec2.subnets([subnetB])).toEqual([{ subnetId: subnetB, freeAddresses: 16_375 }]);
    expect((await refusalOf(ec2.subnets(['subnet-1']))).code).toBe('InvalidSubnetID.NotFound');
    expect(await ec2.types(['c6i.32xlarge', 'm5.2xlarge'])).toEqual([
      { name: 'c6i.32xlarge', vcpus: 128 },
      { name: 'm5.2xlarge', vcpus: 8 },
    ]);
    expect((await refusalOf(ec2.types(['none']))).code).toBe('InvalidInstanceType');
    expect(await ec2.zones()).toEqual(['us-east-2a', 'us-east-2b', 'us-east-2c']);
  });
}

function endContract(driver: MakeDriver): void {
  describe('terminations', () => {
    test('shutting down, then terminated, still described for an hour, then unknown', async () => {
      const ec2 = await driver(quick);
      const [instance] = await ec2.run(order);
      const id = instance?.instanceId ?? '';
      ec2.advance(10_000);
      expect(await ec2.terminate([id])).toEqual([{ id, from: 'running', to: 'shutting-down' }]);
      expect(await ec2.terminate([id])).toEqual([
        { id, from: 'shutting-down', to: 'shutting-down' },
      ]);
      ec2.advance(2000);
      expect(await ec2.terminate([id])).toEqual([{ id, from: 'terminated', to: 'terminated' }]);
      const { instances } = await ec2.describe({ instanceIds: [id] });
      expect(instances[0]).toMatchObject({
        state: 'terminated',
        privateIp: '',
        privateDnsName: '',
      });
      ec2.advance(3_600_000);
      expect((await refusalOf(ec2.describe({ instanceIds: [id] }))).code).toBe(
        'InvalidInstanceID.NotFound',
      );
      expect((await refusalOf(ec2.terminate([id]))).code).toBe('InvalidInstanceID.NotFound');
      expect(ec2.model.stats()).toMatchObject({ launched: 1, terminated: 1, instanceSeconds: 10 });
    });

    test('one unknown id fails the whole call, and every unknown id is named', async () => {
      const ec2 = await driver(quick);
      const [instance] = await ec2.run(order);
      const id = instance?.instanceId ?? '';
      const one = await refusalOf(ec2.terminate([id, 'i-0123456789abcdef0']));
      expect(one).toMatchObject({
        code: 'InvalidInstanceID.NotFound',
        status: 400,
        message: "The instance ID 'i-0123456789abcdef0' does not exist",
      });
      const two = await refusalOf(ec2.terminate(['i-01234567', id, 'i-89abcdef']));
      expect(two.message).toBe("The instance IDs 'i-01234567, i-89abcdef' do not exist");
      const malformed = await refusalOf(ec2.terminate([id, 'instance-1']));
      expect(malformed).toMatchObject({ code: 'InvalidInstanceID.Malformed', status: 400 });
      expect((await ec2.describe({})).instances[0]?.state).toBe('pending');
    });
  });

  test('tags can be added and found later', async () => {
    const ec2 = await driver(quick);
    const [first, second] = await ec2.run({
      ...order,
      minCount: 2,
      maxCount: 2,
      tagSpecifications: [{ resourceType: 'instance', tags: { Name: 'node', keep: 'yes' } }],
    });
    await ec2.createTags({ resourceIds: [first?.instanceId ?? ''], tags: { Name: 'q1-dy-c5-1' } });
    const named = await ec2.describe({ filters: [{ name: 'tag:Name', values: ['q1-dy-c5-1'] }] });
    expect(named.instances).toEqual([{ ...first, tags: { Name: 'q1-dy-c5-1', keep: 'yes' } }]);
    const old = await ec2.describe({ filters: [{ name: 'tag:Name', values: ['node'] }] });
    expect(old.instances.map((each) => each.instanceId)).toEqual([second?.instanceId]);
    const refusal = await refusalOf(
      ec2.createTags({ resourceIds: ['i-01234567'], tags: { a: 'b' } }),
    );
    expect(refusal.code).toBe('InvalidInstanceID.NotFound');
  });
}

function consistencyContract(driver: MakeDriver): void {
  describe('eventual consistency', () => {
    test('a new instance is absent from describes for a while, and can be terminated meanwhile', async () => {
      const ec2 = await driver({ ...quick, times: { consistencyMs: 30_000, shutdownMs: 2000 } });
      const [one, two] = await ec2.run({ ...order, minCount: 2, maxCount: 2, clientToken: 't' });
      const id = one?.instanceId ?? '';
      ec2.advance(29_999);
      const byToken = { filters: [{ name: 'client-token', values: ['t'] }] };
      expect((await ec2.describe(byToken)).instances).toEqual([]);
      expect((await refusalOf(ec2.describe({ instanceIds: [id] }))).code).toBe(
        'InvalidInstanceID.NotFound',
      );
      expect(await ec2.terminate([two?.instanceId ?? ''])).toHaveLength(1);
      ec2.advance(1);
      const { instances } = await ec2.describe(byToken);
      expect(instances.map((each) => each.state)).toEqual(['running', 'shutting-down']);
    });

    test('a new instance may lack its private address for a while', async () => {
      const ec2 = await driver({ ...quick, times: { addressDelayMs: 3000 } });
      const [instance] = await ec2.run(order);
      expect(instance).toMatchObject({ privateIp: '', privateDnsName: '' });
      const byAddress = { filters: [{ name: 'private-ip-address', values: ['10.0.64.4'] }] };
      expect((await ec2.describe(byAddress)).instances).toEqual([]);
      ec2.advance(3000);
      expect((await ec2.describe(byAddress)).instances[0]?.privateIp).toBe('10.0.64.4');
    });

    test('status checks: running instances, initializing until booted', async () => {
      const ec2 = await driver(quick);
      const [instance] = await ec2.run(order);
      const instanceId = instance?.instanceId ?? '';
      expect(await ec2.status({})).toEqual([]);
      expect(await ec2.status({ includeAllInstances: true })).toEqual([
        { instanceId, state: 'pending', instanceStatus: 'not-applicable' },
      ]);
      ec2.advance(1000);
      expect(await ec2.status({})).toEqual([
        { instanceId, state: 'running', instanceStatus: 'initializing' },
      ]);
      ec2.advance(4000);
      const ok = [{ name: 'instance-status.status', values: ['ok'] }];
      expect(await ec2.status({ instanceIds: [instanceId], filters: ok })).toHaveLength(1);
      ec2.model.impair(instanceId);
      expect(await ec2.status({ filters: ok })).toEqual([]);
      expect((await ec2.status({}))[0]?.instanceStatus).toBe('impaired');
    });
  });
}
