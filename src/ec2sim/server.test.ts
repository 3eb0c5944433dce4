/** The HTTP side of ec2sim, where the contract through the SDK does not reach. */
import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { startEc2Sim, type Ec2Sim, type Ec2SimOptions } from './server.ts';

const open: Ec2Sim[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((sim) => sim.close()));
});

async function start(options: Ec2SimOptions = {}): Promise<Ec2Sim> {
  const sim = await startEc2Sim({ throttle: false, ...options });
  open.push(sim);
  return sim;
}

const signed = {
  authorization: 'AWS4-HMAC-SHA256 Credential=a/20220621/us-east-2/ec2/aws4_request',
  'content-type': 'application/x-www-form-urlencoded',
};
const launch =
  'Action=RunInstances&Version=2016-11-15&MinCount=1&MaxCount=1&InstanceType=c5.xlarge&ImageId=ami-1';

async function post(sim: Ec2Sim, body: string, headers: Record<string, string> = signed) {
  const response = await fetch(sim.url, { method: 'POST', body, headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

describe('the Query API', () => {
  test('answers a POST and a GET in EC2’s XML, with the request id in header and body', async () => {
    const sim = await start();
    const posted = await post(sim, launch);
    expect(posted.status).toBe(200);
    expect(posted.headers.get('content-type')).toBe('text/xml;charset=UTF-8');
    const requestId = posted.headers.get('x-amzn-requestid') ?? '';
    expect(posted.text).toContain(`<requestId>${requestId}</requestId><reservationId>r-`);
    expect(posted.text).toMatch(
      /^<\?xml version="1.0" encoding="UTF-8"\?>\n<RunInstancesResponse xmlns="http:\/\/ec2.amazonaws.com\/doc\/2016-11-15\/">/,
    );
    const query = `${sim.url}/?Action=DescribeInstances&AWSAccessKeyId=a&Signature=x`;
    const got = await fetch(query);
    expect(await got.text()).toMatch(/<reservationSet><item>.*<instancesSet><item><instanceId>i-/);
  });

  test('refuses a request without credentials, an unknown action and a number that is none', async () => {
    const sim = await start();
    const unsigned = await post(sim, launch, {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(unsigned.status).toBe(401);
    expect(unsigned.text).toMatch(
      /^<\?xml[^>]*>\n<Response><Errors><Error><Code>AuthFailure<\/Code><Message>.*<\/Message><\/Error><\/Errors><RequestID>[0-9a-f-]{36}<\/RequestID><\/Response>$/,
    );
    const unknown = await post(sim, 'Action=Run<Instances');
    expect(unknown.status).toBe(400);
    expect(unknown.text).toContain(
      '<Code>InvalidAction</Code><Message>The action Run&lt;Instances is',
    );
    const inherited = await post(sim, 'Action=toString');
    expect(inherited.text).toContain('<Code>InvalidAction</Code>');
    const number = await post(sim, launch.replace('MinCount=1', 'MinCount=one'));
    expect(number.text).toContain('<Code>InvalidParameterValue</Code>');
    const missing = await post(sim, launch.replace('MinCount=1&', ''));
    expect(missing.text).toContain('<Code>MissingParameter</Code>');
    expect(sim.model.stats().launched).toBe(0);
  });

  test('parameters that the model does not act on must be the same when a token is used again', async () => {
    const sim = await start();
    const tokened = `${launch}&ClientToken=t&UserData=`;
    expect((await post(sim, `${tokened}one&Timestamp=1`)).status).toBe(200);
    expect((await post(sim, `${tokened}one&Timestamp=2`)).status).toBe(200);
    expect((await post(sim, `${tokened}two`)).text).toContain('IdempotentParameterMismatch');
  });

  test('keys of lists may come in any order and with gaps', async () => {
    const sim = await start();
    const tag = (place: number, key: string) =>
      `&TagSpecification.1.Tag.${place}.Key=${key}&TagSpecification.1.Tag.${place}.Value=v`;
    const tags = `&TagSpecification.1.ResourceType=instance${tag(10, 'ten')}${tag(9, 'nine')}${tag(1, '__proto__')}`;
    const { text } = await post(sim, launch + tags + tag(2, '%26%3C%22'));
    expect(text).toContain('<key>&amp;&lt;&quot;</key><value>v</value>');
    const [instance] = sim.model.instances();
    expect(Object.keys(instance?.tags ?? {})).toEqual(['__proto__', '&<"', 'nine', 'ten']);
  });

  test('a body beyond 4 MiB is refused', async () => {
    const sim = await start();
    const { status } = await post(sim, 'x'.repeat(4 * 1024 * 1024 + 1));
    expect(status).toBe(413);
  });

  test('a late answer comes late, and others are not held up by it', async () => {
    const sim = await start();
    sim.model.addFault({ kind: 'delay-answer', action: 'RunInstances', delayMs: 300 });
    const finished: string[] = [];
    const startedAt = performance.now();
    await Promise.all([
      post(sim, launch).then(() => finished.push('late')),
      post(sim, launch).then(() => finished.push('prompt')),
    ]);
    expect(finished).toEqual(['prompt', 'late']);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(299);
  });

  test('a lost answer breaks the connection or keeps it silent, and the simulator still closes', async () => {
    const sim = await start();
    sim.model.addFault({ kind: 'lose-answer', action: 'RunInstances', how: 'reset' });
    await expect(post(sim, launch)).rejects.toThrow();
    sim.model.addFault({ kind: 'lose-answer', action: 'RunInstances', how: 'silence' });
    const silent = httpRequest(sim.url, { method: 'POST', headers: signed });
    const broken = new Promise((resolve) => silent.on('error', resolve));
    silent.end(launch);
    await expect.poll(() => sim.model.stats().launched).toBe(2);
    await sim.close();
    expect(await broken).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a port that is taken is an error, and only loopback is listened on', async () => {
    const sim = await start();
    const port = Number(new URL(sim.url).port);
    expect(new URL(sim.url).hostname).toBe('127.0.0.1');
    await expect(startEc2Sim({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

async function admin(sim: Ec2Sim, method: string, route: string, body?: unknown) {
  const response = await fetch(`${sim.adminUrl}/${route}`, {
    method,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('the admin API', () => {
  test('sets and shows capacity, quota, times, throttling, subnets and faults', async () => {
    const sim = await start();
    const pool = { instanceType: 'c6i.32xlarge', availabilityZone: 'us-east-2b' };
    await admin(sim, 'PUT', 'capacity', { ...pool, capacity: 106 });
    await admin(sim, 'PUT', 'offered', { ...pool, availabilityZone: 'us-east-2a', offered: false });
    await admin(sim, 'PUT', 'quota', { market: 'spot', vcpus: 64 });
    await admin(sim, 'PUT', 'times', { bootMs: 50, consistencyMs: 20 });
    await admin(sim, 'PUT', 'throttle', { on: true });
    const subnet = {
      subnetId: 'subnet-12345678',
      availabilityZone: 'us-east-2b',
      cidr: '127.8.0.0/16',
    };
    await admin(sim, 'POST', 'subnets', subnet);
    const { status, body } = await admin(sim, 'POST', 'faults', {
      kind: 'never-boots',
      every: 2,
      count: null,
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      region: 'us-east-2',
      pools: [
        { ...pool, capacity: 106, used: 0, offered: true },
        { instanceType: 'c6i.32xlarge', availabilityZone: 'us-east-2a', offered: false },
      ],
      quotas: { spot: { limit: 64, used: 0 }, 'on-demand': { limit: null } },
      times: { bootMs: 50, consistencyMs: 20, shutdownMs: 1000 },
      throttling: true,
      faults: [{ fault: { kind: 'never-boots', every: 2, count: null }, seen: 0, fired: 0 }],
    });
    expect(body['subnets']).toContainEqual({
      ...subnet,
      vpcId: expect.any(String),
      freeAddresses: 65_531,
    });
    expect((await admin(sim, 'DELETE', 'faults')).body['faults']).toEqual([]);
  });

  test('sets room of spot and of placement groups, makes capacity blocks, interrupts; shows reservations', async () => {
    let now = 0;
    const sim = await start({ now: () => now });
    const pool = { instanceType: 'c6i.32xlarge', availabilityZone: 'us-east-2b' };
    await admin(sim, 'PUT', 'capacity', { ...pool, market: 'spot', capacity: 3 });
    await admin(sim, 'PUT', 'placement-groups', { groupName: 'group-1', capacity: 2 });
    await admin(sim, 'PUT', 'times', { spotNoticeMs: 30_000, reservationPendingMs: 60_000 });
    await admin(sim, 'POST', 'faults', [
      { kind: 'interrupted', afterMs: 5 },
      { kind: 'reservation-not-usable', forMs: 5, match: { tag: { key: 'gang', value: 'g' } } },
      { kind: 'fail-override', code: 'RequestLimitExceeded' },
      { kind: 'refuse', action: 'CreateFleet', code: 'InternalError' },
    ]);
    await admin(sim, 'DELETE', 'faults');
    const block = { ...pool, count: 4, startsAt: 60_000, endsAt: 9_000_000, tags: { for: 'ml' } };
    const { body } = await admin(sim, 'POST', 'capacity-blocks', block);
    expect(body).toMatchObject({
      pools: [
        { ...pool, market: 'spot', capacity: 3 },
        { ...pool, market: 'capacity-block', capacity: null, used: 4, held: 4 },
      ],
      times: { spotNoticeMs: 30_000, reservationPendingMs: 60_000 },
      reservations: [{ state: 'scheduled', totalCount: 4, tags: { for: 'ml' }, secondsUnused: 0 }],
    });
    const launched = { ...pool, imageId: 'ami-1', minCount: 1, maxCount: 1 };
    const { instances } = sim.model.runInstances({ ...launched, market: 'spot' });
    await admin(sim, 'POST', 'interrupt', { instanceId: instances[0]?.instanceId });
    expect((await admin(sim, 'GET', 'instances')).body['instances']).toMatchObject([
      { interruptedAt: 30_000, endAskedAt: null, capacityReservationId: '' },
    ]);
    now = 30_000;
    expect((await admin(sim, 'GET', 'instances')).body['instances']).toMatchObject([
      { endAskedAt: 30_000 },
    ]);
    const inGroup = { ...launched, placementGroup: 'group-1', minCount: 3, maxCount: 3 };
    expect(() => sim.model.runInstances(inGroup)).toThrow(/sufficient/);
  });

  test('makes a launch template, and a new version when it exists', async () => {
    const sim = await start();
    const data = { instanceType: 'c5.xlarge', imageId: 'ami-1' };
    await admin(sim, 'POST', 'launch-templates', [
      { name: 'blog-q1-cr1', data },
      { name: 'blog-q1-cr2', data },
    ]);
    await admin(sim, 'POST', 'launch-templates', { name: 'blog-q1-cr1', data });
    const { templates } = sim.model.describeLaunchTemplates({});
    expect(templates.map((each) => [each.name, each.latestVersion])).toEqual([
      ['blog-q1-cr1', 2],
      ['blog-q1-cr2', 1],
    ]);
  });

  test('shows every instance with its cost, and counts', async () => {
    let now = 0;
    const sim = await start({ now: () => now, times: { bootMs: 2000 } });
    sim.model.addFault({ kind: 'never-boots' });
    await post(sim, launch.replace('MaxCount=1', 'MaxCount=2'));
    now += 90_000;
    const { body } = await admin(sim, 'GET', 'instances');
    expect(body['instances']).toMatchObject([
      { state: 'running', status: 'initializing', bootedAt: null, seconds: 90 },
      { state: 'running', status: 'ok', bootedAt: 2000, privateIp: '10.0.0.5', endAskedAt: null },
    ]);
    const id = (body['instances'] as { instanceId: string }[])[1]?.instanceId;
    await admin(sim, 'POST', 'impair', { instanceId: id });
    expect((await admin(sim, 'GET', 'state')).body).toMatchObject({
      now: 90_000,
      stats: {
        launched: 2,
        terminated: 0,
        instanceSeconds: 180,
        calls: { RunInstances: { ok: 1 } },
      },
    });
    expect((await admin(sim, 'POST', 'reset')).body).toMatchObject({ stats: { launched: 0 } });
  });

  test('makes an instance ill, schedules for it, writes to its console, and plants others', async () => {
    let now = 0;
    const sim = await start({ now: () => now, times: { bootMs: 0, pendingMs: 0 } });
    const subnetId = 'subnet-0000000000000000b';
    const planted = { instanceType: 'c5.xlarge', subnetId, tags: { owner: 'x' }, ageMs: 60_000 };
    await admin(sim, 'POST', 'plant', [planted, { ...planted, tags: {}, count: 2 }]);
    now += 1000;
    const [one = '', two = '', three = ''] = [...sim.model.instances()].map(({ id }) => id);
    await admin(sim, 'POST', 'impair', [{ instanceId: one }, { instanceId: two, check: 'system' }]);
    await admin(sim, 'POST', 'events', { instanceId: three, code: 'instance-stop', notBefore: 9 });
    await admin(sim, 'PUT', 'console', { instanceId: one, text: 'no disk' });
    const instances = async () => (await admin(sim, 'GET', 'instances')).body['instances'];
    expect(await instances()).toMatchObject([
      { status: 'impaired', systemStatus: 'ok', events: [], tags: { owner: 'x' }, seconds: 61 },
      { status: 'ok', systemStatus: 'impaired', tags: {} },
      { status: 'ok', events: [{ code: 'instance-stop', notBefore: 9, notAfter: null }] },
    ]);
    await admin(sim, 'DELETE', 'events', { instanceId: three });
    expect(await instances()).toMatchObject([
      {},
      {},
      { events: [{ description: '[Completed] The instance is running on degraded hardware' }] },
    ]);
    const { output } = sim.model.getConsoleOutput({ instanceId: one });
    expect(Buffer.from(output ?? '', 'base64').toString()).toBe('no disk');
  });

  test('takes EC2 away for a time, and brings it back', async () => {
    const sim = await start();
    await admin(sim, 'PUT', 'outage', { forMs: 60_000, how: 'unavailable' });
    expect((await post(sim, launch)).text).toContain('<Code>Unavailable</Code>');
    await admin(sim, 'PUT', 'outage', { forMs: 60_000 });
    await expect(post(sim, launch)).rejects.toThrow('fetch failed');
    await admin(sim, 'PUT', 'outage', { forMs: 0 });
    expect((await post(sim, launch)).status).toBe(200);
  });

  const wrong = new Map<string, { method: string; route: string; body?: unknown; want: RegExp }>([
    [
      'an unknown route',
      {
        method: 'GET',
        route: 'nothing',
        want: /there is no "GET nothing" here; there are: GET state/,
      },
    ],
    ['a body that is no JSON', { method: 'PUT', route: 'capacity', body: '{', want: /not JSON/ }],
    [
      'a key too many',
      { method: 'PUT', route: 'times', body: { bootMs: 1, bootms: 2 }, want: /bootms/ },
    ],
    ['a negative time', { method: 'PUT', route: 'times', body: { bootMs: -1 }, want: /bootMs/ }],
    [
      'an unknown fault',
      { method: 'POST', route: 'faults', body: { kind: 'gremlin' }, want: /kind/ },
    ],
    [
      'a fault of an unknown action',
      {
        method: 'POST',
        route: 'faults',
        body: { kind: 'refuse', action: 'Run', code: 'x' },
        want: /action/,
      },
    ],
    [
      'a range that is none',
      {
        method: 'POST',
        route: 'subnets',
        body: { subnetId: 'subnet-1', availabilityZone: 'z', cidr: 'x' },
        want: /write it as/,
      },
    ],
    [
      'an interruption of what is no spot instance',
      { method: 'POST', route: 'interrupt', body: { instanceId: 'i-1' }, want: /does not exist/ },
    ],
    [
      'a capacity block that is over',
      {
        method: 'POST',
        route: 'capacity-blocks',
        body: { instanceType: 'c5.large', availabilityZone: 'z', count: 1, endsAt: 1 },
        want: /must end after/,
      },
    ],
    [
      'an instance that is none',
      { method: 'POST', route: 'impair', body: { instanceId: 'i-1' }, want: /does not exist/ },
    ],
  ]);
  for (const [name, { method, route, body, want }] of wrong) {
    test(`${name} is refused with what is wrong, and changes nothing`, async () => {
      const sim = await start();
      const before = await admin(sim, 'GET', 'state');
      const refused = await admin(sim, method, route, body);
      expect(refused.status).toBe(route === 'nothing' ? 404 : 400);
      expect(refused.body['error']).toMatch(want);
      expect((await admin(sim, 'GET', 'state')).body).toEqual({
        ...before.body,
        now: expect.any(Number),
      });
    });
  }

  test('of a list of changes with one wrong, none is made', async () => {
    const sim = await start();
    const good = { market: 'spot', vcpus: 4 };
    expect((await admin(sim, 'PUT', 'quota', [good, { market: 'spot' }])).status).toBe(400);
    expect(sim.model.quotas().spot.limit).toBeNull();
  });
});
