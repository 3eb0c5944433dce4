/** The contract of health: status checks, scheduled events, the console, and a time in which EC2 answers nobody. */
import { describe, expect, test } from 'vitest';
import type { InstanceStatus } from '../../src/ports/cloud.ts';
import type { Ec2Driver, MakeDriver } from './driver.ts';
import { cloudErrorOf } from './suite-cloud.ts';
import { driversOf, order, quick, refusalOf, subnetB } from './suite-launch.ts';

const unknownId = 'i-0123456789abcdef0';

async function launched(ec2: Ec2Driver, count = 1): Promise<readonly string[]> {
  const instances = await ec2.run({ ...order, minCount: count, maxCount: count });
  return instances.map((each) => each.instanceId);
}

/** One that has booted. */
async function booted(ec2: Ec2Driver): Promise<string> {
  const [id = ''] = await launched(ec2);
  ec2.advance(5000);
  return id;
}

function named(name: string, ...values: readonly string[]): { name: string; values: string[] }[] {
  return [{ name, values: [...values] }];
}

const healthy = { impairedSince: null, event: null } as const;

function statusContract(driver: MakeDriver): void {
  describe('status checks', () => {
    test('both checks have words and times of their own', async () => {
      const ec2 = await driver(quick);
      const id = await booted(ec2);
      expect(await ec2.statusPage({})).toEqual({
        statuses: [
          {
            instanceId: id,
            availabilityZone: 'us-east-2b',
            state: 'running',
            instanceStatus: 'ok',
            systemStatus: 'ok',
            impairedSince: null,
            systemImpairedSince: null,
            events: [],
          },
        ],
        nextToken: null,
      });
      const from = ec2.model.now();
      ec2.model.impair(id);
      ec2.advance(60_000);
      ec2.model.impair(id, 'system');
      expect((await ec2.statusPage({})).statuses).toMatchObject([
        {
          instanceStatus: 'impaired',
          impairedSince: from,
          systemStatus: 'impaired',
          systemImpairedSince: from + 60_000,
        },
      ]);
    });

    test('instances are found by either check', async () => {
      const ec2 = await driver(quick);
      const [one = '', two = '', three = ''] = await launched(ec2, 3);
      ec2.advance(5000);
      ec2.model.impair(one);
      ec2.model.impair(two, 'system');
      const found = async (name: string, value: string): Promise<readonly string[]> => {
        const { statuses } = await ec2.statusPage({ filters: named(name, value) });
        return statuses.map((each) => each.instanceId);
      };
      expect(await found('instance-status.status', 'impaired')).toEqual([one]);
      expect(await found('instance-status.reachability', 'passed')).toEqual([two, three]);
      expect(await found('system-status.status', 'impaired')).toEqual([two]);
      expect(await found('system-status.reachability', 'failed')).toEqual([two]);
    });

    test('come in pages, and of a hundred ids at most; there is no filter by tag', async () => {
      const ec2 = await driver(quick);
      const ids = await launched(ec2, 7);
      const first = await ec2.statusPage({ includeAllInstances: true, maxResults: 5 });
      expect(first.statuses.map((each) => each.instanceId)).toEqual(ids.slice(0, 5));
      const second = await ec2.statusPage({
        includeAllInstances: true,
        maxResults: 5,
        nextToken: first.nextToken ?? '',
      });
      expect(second.statuses.map((each) => each.instanceId)).toEqual(ids.slice(5));
      expect(second.nextToken).toBeNull();
      const many = Array.from({ length: 101 }, () => unknownId);
      expect((await refusalOf(ec2.statusPage({ instanceIds: many }))).code).toBe(
        'InvalidParameterValue',
      );
      const tagged = { filters: named('tag:Name', 'x') };
      expect((await refusalOf(ec2.statusPage(tagged))).code).toBe('InvalidParameterValue');
    });

    test('one unknown id fails the whole call', async () => {
      const ec2 = await driver(quick);
      const [id = ''] = await launched(ec2);
      const refusal = await refusalOf(ec2.statusPage({ instanceIds: [id, unknownId] }));
      expect(refusal.code).toBe('InvalidInstanceID.NotFound');
    });
  });

  describe('scheduled events', () => {
    test('are told with their times, and found by code', async () => {
      const ec2 = await driver(quick);
      const id = await booted(ec2);
      const [other = ''] = await launched(ec2);
      const notBefore = ec2.model.now() + 86_400_000;
      const notAfter = notBefore + 7_200_000;
      const { id: eventId } = ec2.model.scheduleEvent(id, {
        code: 'system-reboot',
        notBefore,
        notAfter,
      });
      expect(eventId).toMatch(/^instance-event-[0-9a-f]{17}$/);
      const of = (filters: { name: string; values: string[] }[]) =>
        ec2.statusPage({ includeAllInstances: true, filters });
      const { statuses } = await of(named('event.code', 'system-reboot'));
      expect(statuses.map(({ instanceId, events }) => ({ instanceId, events }))).toEqual([
        {
          instanceId: id,
          events: [
            {
              id: eventId,
              code: 'system-reboot',
              description: 'The system is scheduled for a reboot',
              notBefore,
              notAfter,
            },
          ],
        },
      ]);
      ec2.model.scheduleEvent(other, { code: 'instance-retirement' });
      const byTime = named('event.not-before', new Date(notBefore).toISOString());
      expect((await of(byTime)).statuses.map((each) => each.instanceId)).toEqual([id]);
    });

    test('of one that is over EC2 goes on telling', async () => {
      const ec2 = await driver(quick);
      const id = await booted(ec2);
      ec2.model.scheduleEvent(id, { code: 'instance-reboot' });
      ec2.model.completeEvents(id);
      const { statuses } = await ec2.statusPage({});
      expect(statuses[0]?.events[0]?.description).toMatch(/^\[Completed\] /);
    });
  });
}

function consoleContract(driver: MakeDriver): void {
  const shown = (output: string | null): string =>
    Buffer.from(output ?? '', 'base64').toString('utf8');

  describe('the console', () => {
    test('is empty until something is written, then comes in base64 with its time', async () => {
      const ec2 = await driver(quick);
      const id = await booted(ec2);
      expect(await ec2.console({ instanceId: id })).toEqual({
        instanceId: id,
        timestamp: null,
        output: null,
      });
      ec2.model.setConsole(id, 'Kernel panic – not syncing & <nobody>\r\n');
      const answer = await ec2.console({ instanceId: id, latest: true });
      expect(answer.timestamp).toBe(ec2.model.now());
      expect(shown(answer.output)).toBe('Kernel panic – not syncing & <nobody>\r\n');
    });

    test('keeps the last 64 KB, for an hour after the instance’s end', async () => {
      const ec2 = await driver(quick);
      const id = await booted(ec2);
      ec2.model.setConsole(id, `${'x'.repeat(70_000)}the end`);
      await ec2.terminate([id]);
      ec2.advance(3_600_000);
      const { output } = await ec2.console({ instanceId: id });
      expect(shown(output)).toHaveLength(65_536);
      expect(shown(output)).toMatch(/x{20}the end$/);
      ec2.advance(2000);
      expect((await refusalOf(ec2.console({ instanceId: id }))).code).toBe(
        'InvalidInstanceID.NotFound',
      );
    });

    test('of a type before Nitro cannot be asked for what it shows now', async () => {
      const ec2 = await driver(quick);
      const [instance] = await ec2.run({ ...order, instanceType: 't2.micro' });
      const instanceId = instance?.instanceId ?? '';
      ec2.model.setConsole(instanceId, 'booting');
      const refusal = await refusalOf(ec2.console({ instanceId, latest: true }));
      expect(refusal).toMatchObject({ code: 'UnsupportedOperation', status: 400 });
      expect(shown((await ec2.console({ instanceId })).output)).toBe('booting');
      expect(await ec2.cloud.consoleOutput(instanceId)).toBe('booting');
    });

    test('through the port is text, and an error for an instance that is not known', async () => {
      const ec2 = await driver(quick);
      const id = await booted(ec2);
      expect(await ec2.cloud.consoleOutput(id)).toBe('');
      ec2.model.setConsole(id, 'cloud-init: no such bucket');
      expect(await ec2.cloud.consoleOutput(id)).toBe('cloud-init: no such bucket');
      const error = await cloudErrorOf(ec2.cloud.consoleOutput(unknownId));
      expect(error).toMatchObject({ code: 'InvalidInstanceID.NotFound', httpStatus: 400 });
    });
  });
}

function listingContract(driver: MakeDriver): void {
  describe('the cheapest listing of all instances', () => {
    const statusOf = async (ec2: Ec2Driver): Promise<InstanceStatus | undefined> =>
      (await ec2.cloud.listStatus())[0];

    test('has them in every state, whatever their tags, on all pages', async () => {
      const ec2 = await driver(quick);
      const ids = await launched(ec2, 1201);
      const [first = '', second = ''] = ids;
      await ec2.terminate([first]);
      ec2.advance(2000);
      await ec2.terminate([second]);
      const listed = await ec2.cloud.listStatus();
      expect(listed.map((each) => each.instanceId)).toEqual(ids);
      expect(listed.slice(0, 3)).toEqual([
        { instanceId: first, state: 'terminated', ...healthy },
        { instanceId: second, state: 'shutting-down', ...healthy },
        { instanceId: ids[2], state: 'running', ...healthy },
      ]);
      expect(ec2.model.stats().calls.DescribeInstanceStatus).toEqual({ ok: 2 });
    });

    test('tells since when a check fails: the instance’s or the system’s, what came first', async () => {
      const ec2 = await driver(quick);
      const id = await booted(ec2);
      const from = ec2.model.now();
      ec2.model.impair(id, 'system');
      ec2.advance(1000);
      expect((await statusOf(ec2))?.impairedSince).toBe(from);
      ec2.model.impair(id);
      expect((await statusOf(ec2))?.impairedSince).toBe(from);
    });

    test('tells the first event that lies ahead, and none that is over', async () => {
      const ec2 = await driver(quick);
      const id = await booted(ec2);
      ec2.model.scheduleEvent(id, { code: 'instance-reboot', notBefore: 0 });
      ec2.model.completeEvents(id);
      expect((await statusOf(ec2))?.event).toBeNull();
      const notBefore = ec2.model.now() + 60_000;
      ec2.model.scheduleEvent(id, { code: 'instance-stop', notBefore: notBefore + 1000 });
      ec2.model.scheduleEvent(id, { code: 'instance-retirement', notBefore, description: 'old' });
      expect((await statusOf(ec2))?.event).toEqual({
        code: 'instance-retirement',
        description: 'old',
        notBefore,
      });
    });
  });

  describe('instances by their ids', () => {
    test('those that EC2 does not know are passed over', async () => {
      const ec2 = await driver(quick);
      const [one = '', two = ''] = await launched(ec2, 2);
      await ec2.terminate([two]);
      const listed = await ec2.cloud.describeInstances([one, unknownId, two]);
      expect(listed.map(({ instanceId, state }) => ({ instanceId, state }))).toEqual([
        { instanceId: one, state: 'pending' },
        { instanceId: two, state: 'shutting-down' },
      ]);
      expect(await ec2.cloud.describeInstances([])).toEqual([]);
      expect(await ec2.cloud.describeInstances([unknownId])).toEqual([]);
    });

    test('more than a call may filter by are asked for in several', async () => {
      const ec2 = await driver(quick);
      const ids = await launched(ec2, 450);
      const refusal = await refusalOf(
        ec2.describe({ filters: named('instance-id', ...ids.slice(0, 201)) }),
      );
      expect(refusal).toMatchObject({ code: 'FilterLimitExceeded', status: 400 });
      const listed = await ec2.cloud.describeInstances(ids);
      expect(listed.map((each) => each.instanceId)).toEqual(ids);
      expect(ec2.model.stats().calls.DescribeInstances).toEqual({
        FilterLimitExceeded: 1,
        ok: 3,
      });
    });
  });
}

function worldContract(driver: MakeDriver): void {
  describe('what others do in the account', () => {
    test('instances that nobody launched through the API are there all the same', async () => {
      const ec2 = await driver({});
      const ids = ec2.model.plant({
        instanceType: 'c5.xlarge',
        subnetId: subnetB,
        count: 2,
        tags: { Name: 'somebody’s' },
        ageMs: 600_000,
      });
      expect(await ec2.cloud.describeInstances(ids)).toMatchObject(
        ids.map((instanceId) => ({
          instanceId,
          state: 'running',
          tags: { Name: 'somebody’s' },
          clientToken: null,
          launchedAt: ec2.model.now() - 600_000,
        })),
      );
    });

    for (const [how, code] of [
      ['unavailable', 'Unavailable'],
      ['reset', 'ConnectionError'],
      ['silence', 'Timeout'],
    ] as const) {
      test(`while EC2 is away (${how}) nothing is done and nobody answered, then all is as before`, async () => {
        const ec2 = await driver(quick);
        const [id = ''] = await launched(ec2);
        ec2.model.setOutage(60_000, how);
        const [launch, end] = await Promise.all([
          refusalOf(ec2.run({ ...order, clientToken: 't' })),
          refusalOf(ec2.terminate([id])),
        ]);
        expect([launch.code, end.code]).toEqual([code, code]);
        ec2.advance(60_000);
        expect(await ec2.cloud.listStatus()).toMatchObject([{ instanceId: id, state: 'running' }]);
        expect(ec2.model.stats()).toMatchObject({ launched: 1, terminated: 0 });
      }, 15_000);
    }
  });
}

export function healthContract(make: MakeDriver): void {
  const driver = driversOf(make);
  statusContract(driver);
  consoleContract(driver);
  listingContract(driver);
  worldContract(driver);
}
