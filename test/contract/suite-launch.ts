/** The contract of launching: counts, room, errors, templates, tokens. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Ec2ModelOptions, RunInstancesRequest } from '../../src/sim/ec2/index.ts';
import { SeenError, type Ec2Driver, type MakeDriver } from './driver.ts';

export const subnetB = 'subnet-0000000000000000b';

/** What most tests launch: one c6i.32xlarge in us-east-2b. */
export const order: RunInstancesRequest = {
  minCount: 1,
  maxCount: 1,
  instanceType: 'c6i.32xlarge',
  imageId: 'ami-12345678',
  subnetId: subnetB,
};

export const quick: Omit<Ec2ModelOptions, 'now'> = {
  throttle: false,
  times: { pendingMs: 1000, bootMs: 5000, shutdownMs: 2000 },
};

/** Room for 106 in us-east-2b, as in the post. */
export const roomFor106: Omit<Ec2ModelOptions, 'now'> = {
  ...quick,
  capacity: [{ instanceType: 'c6i.32xlarge', availabilityZone: 'us-east-2b', capacity: 106 }],
};

export async function refusalOf(call: Promise<unknown>): Promise<SeenError> {
  const error: unknown = await call.then(
    () => new Error('the call was answered, though it should have been refused'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SeenError);
  return error as SeenError;
}

/** Makes drivers and closes them after each test. */
export function driversOf(make: MakeDriver): MakeDriver {
  const open: Ec2Driver[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((driver) => driver.close()));
  });
  return async (options) => {
    const driver = await make(options);
    open.push(driver);
    return driver;
  };
}

export function launchContract(make: MakeDriver): void {
  const driver = driversOf(make);

  describe('counts and room', () => {
    test('a firm launch that does not fit launches nothing and names the zones with room', async () => {
      const ec2 = await driver(roomFor106);
      const refusal = await refusalOf(ec2.run({ ...order, minCount: 200, maxCount: 200 }));
      expect(refusal.code).toBe('InsufficientInstanceCapacity');
      expect(refusal.status).toBe(500);
      expect(refusal.requestId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(refusal.message).toBe(
        'We currently do not have sufficient c6i.32xlarge capacity in the Availability Zone you requested (us-east-2b). ' +
          'Our system will be working on provisioning additional capacity. You can currently get c6i.32xlarge capacity by ' +
          'not specifying an Availability Zone in your request or choosing us-east-2a, us-east-2c.',
      );
      expect((await ec2.describe({})).instances).toEqual([]);
      expect(ec2.model.stats()).toMatchObject({ launched: 0, instanceSeconds: 0 });
    });

    test('the refusal names only zones where the same launch would fit, and none when there is none', async () => {
      const ec2 = await driver(roomFor106);
      ec2.model.setCapacity('c6i.32xlarge', 'us-east-2a', 199);
      const one = await refusalOf(ec2.run({ ...order, minCount: 200, maxCount: 200 }));
      expect(one.message).toMatch(/or choosing us-east-2c\.$/);
      ec2.model.setCapacity('c6i.32xlarge', 'us-east-2c', 0);
      const none = await refusalOf(ec2.run({ ...order, minCount: 200, maxCount: 200 }));
      expect(none.message).toMatch(/working on provisioning additional capacity\.$/);
    });

    test('a firm launch that just fits gets all of them', async () => {
      const ec2 = await driver(roomFor106);
      expect(await ec2.run({ ...order, minCount: 106, maxCount: 106 })).toHaveLength(106);
      expect((await refusalOf(ec2.run(order))).code).toBe('InsufficientInstanceCapacity');
    });

    test('a soft launch gets what there is, and at least MinCount or nothing', async () => {
      const ec2 = await driver(roomFor106);
      expect(await ec2.run({ ...order, minCount: 1, maxCount: 200 })).toHaveLength(106);
      const other = await driver(roomFor106);
      const refusal = await refusalOf(other.run({ ...order, minCount: 107, maxCount: 200 }));
      expect(refusal.code).toBe('InsufficientInstanceCapacity');
    });

    test('room is free again when instances are terminated, not when their end is asked', async () => {
      const ec2 = await driver(roomFor106);
      const all = await ec2.run({ ...order, minCount: 106, maxCount: 106 });
      await ec2.terminate(all.slice(0, 10).map((each) => each.instanceId));
      expect((await refusalOf(ec2.run(order))).code).toBe('InsufficientInstanceCapacity');
      ec2.advance(2000);
      expect(await ec2.run({ ...order, minCount: 10, maxCount: 10 })).toHaveLength(10);
    });

    test('without a subnet or zone the launch goes where there is most room', async () => {
      const ec2 = await driver(roomFor106);
      ec2.model.setCapacity('c6i.32xlarge', 'us-east-2a', 0);
      ec2.model.setCapacity('c6i.32xlarge', 'us-east-2c', 3);
      const [instance] = await ec2.run({
        minCount: 1,
        maxCount: 1,
        instanceType: 'c6i.32xlarge',
        imageId: 'ami-1',
      });
      expect(instance?.availabilityZone).toBe('us-east-2b');
    });
  });

  describe('a new instance', () => {
    test('has an id, addresses, tags and the state pending from its first moment', async () => {
      const ec2 = await driver(quick);
      const tags = { 'muster:cluster': 'a & b <c>', empty: '', 'quoted "key"': "it's" };
      const instances = await ec2.run({
        ...order,
        minCount: 2,
        maxCount: 2,
        clientToken: 'token-1',
        placementGroup: 'group-1',
        tagSpecifications: [
          { resourceType: 'instance', tags },
          { resourceType: 'volume', tags: { other: 'x' } },
        ],
      });
      expect(instances.map((each) => each.privateIp)).toEqual(['10.0.64.4', '10.0.64.5']);
      expect(instances[0]).toMatchObject({
        instanceId: expect.stringMatching(/^i-[0-9a-f]{17}$/),
        state: 'pending',
        privateDnsName: 'ip-10-0-64-4.us-east-2.compute.internal',
        instanceType: 'c6i.32xlarge',
        availabilityZone: 'us-east-2b',
        subnetId: subnetB,
        placementGroup: 'group-1',
        clientToken: 'token-1',
        launchedAt: ec2.model.now(),
        tags,
      });
      ec2.advance(1000);
      const { instances: later } = await ec2.describe({});
      expect(later).toEqual(instances.map((each) => ({ ...each, state: 'running' })));
    });

    test('in us-east-1 has a private name without the region', async () => {
      const ec2 = await driver({ ...quick, region: 'us-east-1' });
      const subnetId = 'subnet-0000000000000000a';
      const [instance] = await ec2.run({ ...order, subnetId });
      expect(instance?.privateDnsName).toBe('ip-10-0-0-4.ec2.internal');
    });

    test('has an address that no live instance has, and a freed one is used again when the range is through', async () => {
      const subnets = [{ subnetId: subnetB, availabilityZone: 'us-east-2b', cidr: '10.1.0.0/28' }];
      const ec2 = await driver({ ...quick, subnets });
      const first = await ec2.run({ ...order, minCount: 11, maxCount: 11 });
      expect(new Set(first.map((each) => each.privateIp)).size).toBe(11);
      const refusal = await refusalOf(ec2.run(order));
      expect(refusal).toMatchObject({ code: 'InsufficientFreeAddressesInSubnet', status: 400 });
      await ec2.terminate([first[3]?.instanceId ?? '']);
      ec2.advance(2000);
      const [again] = await ec2.run(order);
      expect(again?.privateIp).toBe(first[3]?.privateIp);
    });
  });

  describe('what EC2 refuses', () => {
    const cases = new Map<
      string,
      { request: Partial<RunInstancesRequest>; code: string; message: RegExp }
    >([
      [
        'an unknown subnet',
        {
          request: { subnetId: 'subnet-0123' },
          code: 'InvalidSubnetID.NotFound',
          message: /'subnet-0123' does not exist/,
        },
      ],
      [
        'an unknown template',
        {
          request: { launchTemplate: { name: 'nope' } },
          code: 'InvalidLaunchTemplateName.NotFoundException',
          message: /template name nope, does not exist/,
        },
      ],
      [
        'a malformed image id',
        { request: { imageId: 'image' }, code: 'InvalidAMIID.Malformed', message: /"image"/ },
      ],
      [
        'an unknown image',
        { request: { imageId: 'ami-404' }, code: 'InvalidAMIID.NotFound', message: /ami-404/ },
      ],
      [
        'an instance type that is none',
        { request: { instanceType: 'large' }, code: 'InvalidParameterValue', message: /'large'/ },
      ],
      [
        'no instances at all',
        { request: { minCount: 0 }, code: 'InvalidParameterValue', message: /MinCount/ },
      ],
      [
        'MinCount above MaxCount',
        {
          request: { minCount: 3, maxCount: 2 },
          code: 'InvalidParameterCombination',
          message: /MaxCount/,
        },
      ],
      [
        'a type that the zone does not offer',
        {
          request: { instanceType: 'p4d.24xlarge' },
          code: 'Unsupported',
          message:
            /\(p4d.24xlarge\) is not supported in your requested Availability Zone \(us-east-2b\).*choosing us-east-2a, us-east-2c\./,
        },
      ],
      [
        'a subnet beside a network interface',
        {
          request: { networkInterfaces: [{ deviceIndex: 0, subnetId: subnetB }] },
          code: 'InvalidParameterCombination',
          message: /Network interfaces/,
        },
      ],
    ]);
    for (const [name, { request, code, message }] of cases) {
      test(`${name}: ${code}`, async () => {
        const ec2 = await driver({
          ...quick,
          images: ['ami-12345678'],
          notOffered: [{ instanceType: 'p4d.24xlarge', availabilityZone: 'us-east-2b' }],
        });
        const refusal = await refusalOf(ec2.run({ ...order, ...request }));
        expect(refusal).toMatchObject({ code, status: 400 });
        expect(refusal.message).toMatch(message);
        expect(ec2.model.stats().launched).toBe(0);
      });
    }

    test('no image: MissingParameter', async () => {
      const ec2 = await driver(quick);
      const { imageId: _none, ...without } = order;
      expect(await refusalOf(ec2.run(without))).toMatchObject({
        code: 'MissingParameter',
        status: 400,
        message: 'The request must contain the parameter ImageId',
      });
    });

    test('more vCPUs than the quota allows: VcpuLimitExceeded, until instances have ended', async () => {
      const ec2 = await driver({ ...quick, quotas: { 'on-demand': 256 } });
      const [first] = await ec2.run({ ...order, minCount: 2, maxCount: 2 });
      const refusal = await refusalOf(ec2.run(order));
      expect(refusal).toMatchObject({ code: 'VcpuLimitExceeded', status: 400 });
      expect(refusal.message).toMatch(/current vCPU limit of 256 allows/);
      expect(await ec2.run({ ...order, market: 'spot' })).toHaveLength(1);
      await ec2.terminate([first?.instanceId ?? '']);
      ec2.advance(2000);
      expect(await ec2.run(order)).toHaveLength(1);
    });
  });

  templateContract(driver);
}

function templateContract(driver: MakeDriver): void {
  describe('launch templates', () => {
    const data = {
      instanceType: 'c5.xlarge',
      imageId: 'ami-1',
      networkInterfaces: [{ deviceIndex: 0, subnetId: subnetB }],
    };

    test('a launch by name takes the named version, and the request wins over the template', async () => {
      const ec2 = await driver(quick);
      const tagSpecifications = [
        { resourceType: 'instance', tags: { from: 'template', kept: 'yes' } },
      ];
      await ec2.createLaunchTemplate({
        name: 'cluster-queue1-cr1',
        data: { ...data, tagSpecifications },
      });
      const version = await ec2.createLaunchTemplateVersion({
        template: { name: 'cluster-queue1-cr1' },
        data: { ...data, instanceType: 'c6i.32xlarge' },
      });
      expect(version).toBe(2);
      async function launchedType(
        of: string | undefined,
        request: Partial<RunInstancesRequest> = {},
      ) {
        const launchTemplate = {
          name: 'cluster-queue1-cr1',
          ...(of !== undefined && { version: of }),
        };
        const [instance] = await ec2.run({ minCount: 1, maxCount: 1, launchTemplate, ...request });
        return instance;
      }
      expect((await launchedType('$Latest'))?.instanceType).toBe('c6i.32xlarge');
      expect((await launchedType('$Default'))?.instanceType).toBe('c5.xlarge');
      expect((await launchedType(undefined))?.instanceType).toBe('c5.xlarge');
      expect((await launchedType('2'))?.instanceType).toBe('c6i.32xlarge');
      expect((await launchedType('1', { instanceType: 't2.micro' }))?.instanceType).toBe(
        't2.micro',
      );
      const tagged = await launchedType('1', {
        tagSpecifications: [{ resourceType: 'instance', tags: { from: 'request' } }],
      });
      expect(tagged).toMatchObject({ subnetId: subnetB, tags: { from: 'request', kept: 'yes' } });
      const refusal = await refusalOf(launchedType('7'));
      expect(refusal.code).toBe('InvalidLaunchTemplateId.VersionNotFound');
    });

    test('are described by name and version', async () => {
      const ec2 = await driver(quick);
      const id = await ec2.createLaunchTemplate({ name: 'one', data });
      expect(id).toMatch(/^lt-[0-9a-f]{17}$/);
      await ec2.createLaunchTemplate({ name: 'two', data });
      expect(await ec2.templates({})).toHaveLength(2);
      expect(await ec2.templates({ names: ['two'] })).toEqual([{ name: 'two', latest: 1 }]);
      const versions = await ec2.templateVersions({
        template: { name: 'one' },
        versions: ['$Latest'],
      });
      expect(versions).toEqual([{ version: 1, instanceType: 'c5.xlarge' }]);
      expect((await refusalOf(ec2.templates({ names: ['three'] }))).code).toBe(
        'InvalidLaunchTemplateName.NotFoundException',
      );
      expect((await refusalOf(ec2.createLaunchTemplate({ name: 'one', data }))).code).toBe(
        'InvalidLaunchTemplateName.AlreadyExistsException',
      );
    });
  });
}
