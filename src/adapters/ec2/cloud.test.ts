/** The adapter against broken ways to EC2, which the contract's honest simulator cannot show. */
import type { ServerResponse } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import type { LaunchOrder } from '../../core/instances.ts';
import { CloudError, type CapacityCloud, type Cloud } from '../../ports/cloud.ts';
import { createEc2Cloud } from './cloud.ts';
import { answerXml, useFakeEc2 } from '../../../test/support/fake-ec2.ts';

const order: LaunchOrder = {
  clientToken: 't',
  minCount: 1,
  maxCount: 1,
  market: 'on-demand',
  tags: {},
  launch: { kind: 'launch-template', name: 'blog-q1-cr1', version: '3' },
};

const ec2 = useFakeEc2();

function cloud(): Cloud & CapacityCloud {
  return createEc2Cloud({ region: 'us-east-2', launchTimeoutMs: 200 });
}

async function failureOf(call: Promise<unknown>): Promise<CloudError> {
  const error: unknown = await call.then(
    () => new Error('the call was answered, though it should have failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CloudError);
  return error as CloudError;
}

function errorXml(code: string, message: string): string {
  return `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>r</RequestID></Response>`;
}

describe('what a launch that fails is told as', () => {
  const ways = new Map<
    string,
    { respond: (response: ServerResponse) => void; code: string; httpStatus: number | null }
  >([
    [
      'a broken connection',
      { respond: (r) => r.socket?.destroy(), code: 'ConnectionError', httpStatus: null },
    ],
    ['no answer', { respond: () => undefined, code: 'Timeout', httpStatus: null }],
    [
      'an answer that breaks off',
      {
        respond(r) {
          r.writeHead(200, { 'content-length': 5000 });
          r.write('<RunInstancesResponse>');
          setTimeout(() => r.socket?.destroy(), 20);
        },
        code: 'ConnectionError',
        httpStatus: 200,
      },
    ],
    [
      'an answer that never ends',
      { respond: (r) => void r.write('<RunInstancesResponse>'), code: 'Timeout', httpStatus: null },
    ],
    [
      'a proxy’s page',
      {
        respond: (r) => void r.writeHead(502).end('<html><p>Bad Gateway</html>'),
        code: 'ConnectionError',
        httpStatus: 502,
      },
    ],
    [
      'an empty 500',
      { respond: (r) => void r.writeHead(500).end(), code: 'InternalError', httpStatus: 500 },
    ],
    [
      'an empty 503',
      { respond: (r) => void r.writeHead(503).end(), code: 'ServiceUnavailable', httpStatus: 503 },
    ],
    [
      'EC2’s refusal',
      {
        respond: (r) =>
          answerXml(r, 500, errorXml('InsufficientInstanceCapacity', 'no room &amp; no hope')),
        code: 'InsufficientInstanceCapacity',
        httpStatus: 500,
      },
    ],
  ]);
  for (const [name, { respond: way, code, httpStatus }] of ways) {
    test(`${name}: ${code}, after one attempt`, async () => {
      ec2.respond = way;
      const failure = await failureOf(cloud().runInstances(order));
      expect(failure).toMatchObject({ code, httpStatus });
      expect(ec2.calls).toHaveLength(1);
    });
  }

  test('EC2’s refusal keeps its words and its request id', async () => {
    ec2.respond = (r) => answerXml(r, 500, errorXml('InternalError', 'no room &amp; no hope'));
    const failure = await failureOf(cloud().runInstances(order));
    expect(failure).toMatchObject({ message: 'no room & no hope', requestId: 'request-1' });
  });

  test('nobody there: ConnectionError', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
    expect((await failureOf(cloud().runInstances(order))).code).toBe('ConnectionError');
  });

  test('no credentials: the SDK’s own name for it, without a call', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', '');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', '');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent');
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent');
    const patient = createEc2Cloud({ region: 'us-east-2' });
    const failure = await failureOf(patient.runInstances(order));
    expect(failure.code).toBe('CredentialsProviderError');
    expect(failure.message).toMatch(/^RunInstances could not be called: .*credentials/);
    expect(ec2.calls).toEqual([]);
  });
});

describe('a launch', () => {
  const answer = (instance: string) =>
    `<RunInstancesResponse><instancesSet><item>${instance}</item></instancesSet></RunInstancesResponse>`;

  test('sends the template’s version, the counts, the token and the tags, and asks to be terminated at shutdown', async () => {
    ec2.respond = (r) => answerXml(r, 200, answer('<instanceId>i-1</instanceId>'));
    await cloud().runInstances({ ...order, maxCount: 5, tags: { a: 'b' } });
    expect(Object.fromEntries(ec2.calls[0] ?? [])).toEqual({
      Action: 'RunInstances',
      Version: '2016-11-15',
      MinCount: '1',
      MaxCount: '5',
      ClientToken: 't',
      'LaunchTemplate.LaunchTemplateName': 'blog-q1-cr1',
      'LaunchTemplate.Version': '3',
      InstanceInitiatedShutdownBehavior: 'terminate',
      'TagSpecification.1.ResourceType': 'instance',
      'TagSpecification.1.Tag.1.Key': 'a',
      'TagSpecification.1.Tag.1.Value': 'b',
      'TagSpecification.2.ResourceType': 'volume',
      'TagSpecification.2.Tag.1.Key': 'a',
      'TagSpecification.2.Tag.1.Value': 'b',
    });
  });

  const launch = {
    kind: 'instance-type',
    instanceType: 'c6i.32xlarge',
    imageId: null,
    subnetId: 'subnet-1',
    placementGroup: null,
    efa: false,
  } as const;
  const sources = new Map<string, { order: Partial<LaunchOrder>; want: Record<string, string> }>([
    [
      'an instance type',
      { order: { launch }, want: { InstanceType: 'c6i.32xlarge', SubnetId: 'subnet-1' } },
    ],
    [
      'an image',
      {
        order: { launch: { ...launch, imageId: 'ami-1' } },
        want: { InstanceType: 'c6i.32xlarge', ImageId: 'ami-1', SubnetId: 'subnet-1' },
      },
    ],
    [
      'a placement group and EFA',
      {
        order: { launch: { ...launch, placementGroup: 'pg', efa: true } },
        want: {
          InstanceType: 'c6i.32xlarge',
          'Placement.GroupName': 'pg',
          'NetworkInterface.1.DeviceIndex': '0',
          'NetworkInterface.1.NetworkCardIndex': '0',
          'NetworkInterface.1.InterfaceType': 'efa',
          'NetworkInterface.1.SubnetId': 'subnet-1',
          'NetworkInterface.1.DeleteOnTermination': 'true',
        },
      },
    ],
    [
      'a type and a subnet of the order’s own',
      {
        order: { launch, instanceType: 'c6i.16xlarge', subnetId: 'subnet-2' },
        want: { InstanceType: 'c6i.16xlarge', SubnetId: 'subnet-2' },
      },
    ],
    [
      'a type and a subnet of the order’s own, with EFA',
      {
        order: {
          launch: { ...launch, efa: true },
          instanceType: 'c6i.16xlarge',
          subnetId: 'subnet-2',
        },
        want: {
          InstanceType: 'c6i.16xlarge',
          'NetworkInterface.1.DeviceIndex': '0',
          'NetworkInterface.1.NetworkCardIndex': '0',
          'NetworkInterface.1.InterfaceType': 'efa',
          'NetworkInterface.1.SubnetId': 'subnet-2',
          'NetworkInterface.1.DeleteOnTermination': 'true',
        },
      },
    ],
    [
      'a template, with a type and a subnet beside it',
      {
        order: { instanceType: 'c6i.16xlarge', subnetId: 'subnet-2' },
        want: {
          'LaunchTemplate.LaunchTemplateName': 'blog-q1-cr1',
          'LaunchTemplate.Version': '3',
          InstanceType: 'c6i.16xlarge',
          SubnetId: 'subnet-2',
        },
      },
    ],
    [
      'spot',
      {
        order: { launch, market: 'spot' },
        want: {
          InstanceType: 'c6i.32xlarge',
          SubnetId: 'subnet-1',
          'InstanceMarketOptions.MarketType': 'spot',
          'InstanceMarketOptions.SpotOptions.SpotInstanceType': 'one-time',
        },
      },
    ],
    [
      'a reservation',
      {
        order: { launch, reservationId: 'cr-1' },
        want: {
          InstanceType: 'c6i.32xlarge',
          SubnetId: 'subnet-1',
          'CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId':
            'cr-1',
        },
      },
    ],
    [
      'a capacity block',
      {
        order: { launch, market: 'capacity-block' },
        want: {
          InstanceType: 'c6i.32xlarge',
          SubnetId: 'subnet-1',
          'InstanceMarketOptions.MarketType': 'capacity-block',
        },
      },
    ],
  ]);
  for (const [name, { order: part, want }] of sources) {
    test(`by ${name}`, async () => {
      ec2.respond = (r) => answerXml(r, 200, answer('<instanceId>i-1</instanceId>'));
      await cloud().runInstances({ ...order, ...part });
      const sent = Object.fromEntries(ec2.calls[0] ?? []);
      for (const common of [
        'Action',
        'Version',
        'MinCount',
        'MaxCount',
        'ClientToken',
        'InstanceInitiatedShutdownBehavior',
      ]) {
        expect(sent).toHaveProperty(common);
        delete sent[common];
      }
      expect(sent).toEqual(want);
    });
  }

  test('takes the address of the primary interface where the instance names none', async () => {
    const networkInterface = (device: number, card: number, address: string) =>
      `<item><privateIpAddress>${address}</privateIpAddress><privateDnsName>ip-${device}-${card}.x</privateDnsName>` +
      `<attachment><deviceIndex>${device}</deviceIndex><networkCardIndex>${card}</networkCardIndex></attachment></item>`;
    const set =
      networkInterface(1, 0, '10.0.0.9') +
      networkInterface(0, 1, '10.0.0.10') +
      networkInterface(0, 0, '10.0.0.8');
    ec2.respond = (r) =>
      answerXml(
        r,
        200,
        answer(`<instanceId>i-1</instanceId><networkInterfaceSet>${set}</networkInterfaceSet>`),
      );
    const { instances, requestId } = await cloud().runInstances(order);
    expect(instances).toEqual([{ instanceId: 'i-1', privateIp: '10.0.0.8', hostname: 'ip-0-0' }]);
    expect(requestId).toBe('request-1');
  });
});

describe('a termination', () => {
  const launched = (id: string) =>
    `<RunInstancesResponse><instancesSet><item><instanceId>${id}</instanceId></item></instancesSet></RunInstancesResponse>`;

  test('fails for an instance that it launched a moment ago and EC2 does not know yet; the others are ended', async () => {
    const young = 'i-00000000000000001';
    ec2.respond = (r, parameters) => {
      if (parameters.get('Action') === 'RunInstances') answerXml(r, 200, launched(young));
      else if ([...parameters.values()].includes(young)) {
        answerXml(
          r,
          400,
          errorXml(
            'InvalidInstanceID.NotFound',
            `The instance IDs '${young}, i-0000000f' do not exist`,
          ),
        );
      } else
        answerXml(
          r,
          200,
          '<TerminateInstancesResponse><instancesSet/></TerminateInstancesResponse>',
        );
    };
    const port = cloud();
    await port.runInstances(order);
    const failure = await failureOf(port.terminateInstances([young, 'i-0000000f', 'i-0000000e']));
    expect(failure.code).toBe('InvalidInstanceID.NotFound');
    expect(failure.message).toContain(young);
    expect(failure.message).not.toContain('i-0000000f');
    expect(ec2.calls.at(-1)?.get('InstanceId.1')).toBe('i-0000000e');
    expect(ec2.calls).toHaveLength(3);
  });

  test('gives up when EC2 goes on naming ids it does not know, and when it names none of ours', async () => {
    ec2.respond = (r, parameters) =>
      answerXml(
        r,
        400,
        errorXml(
          'InvalidInstanceID.NotFound',
          `The instance ID '${parameters.get('InstanceId.1')}' does not exist`,
        ),
      );
    const ids = ['i-00000001', 'i-00000002', 'i-00000003', 'i-00000004'];
    expect((await failureOf(cloud().terminateInstances(ids))).code).toBe(
      'InvalidInstanceID.NotFound',
    );
    expect(ec2.calls).toHaveLength(3);
    ec2.calls.length = 0;
    ec2.respond = (r) =>
      answerXml(
        r,
        400,
        errorXml('InvalidInstanceID.NotFound', "The instance ID 'i-0000000f' does not exist"),
      );
    expect((await failureOf(cloud().terminateInstances(ids))).code).toBe(
      'InvalidInstanceID.NotFound',
    );
    expect(ec2.calls).toHaveLength(1);
  });

  test('of nothing makes no call, and a throttled one is repeated', async () => {
    await cloud().terminateInstances([]);
    expect(ec2.calls).toEqual([]);
    ec2.respond = (r) =>
      ec2.calls.length === 1
        ? answerXml(r, 503, errorXml('RequestLimitExceeded', 'Request limit exceeded.'))
        : answerXml(
            r,
            200,
            '<TerminateInstancesResponse><instancesSet/></TerminateInstancesResponse>',
          );
    await cloud().terminateInstances(['i-00000001']);
    expect(ec2.calls).toHaveLength(2);
  });
});

describe('a reservation', () => {
  const id = 'cr-00000000000000001';
  const reservation = {
    clientToken: 't',
    instanceType: 'c6i.32xlarge',
    platform: 'Linux/UNIX',
    availabilityZone: 'us-east-2b',
    count: 4,
    placementGroupArn: null,
    endsAt: null,
    tags: {},
  };
  const made = `<CreateCapacityReservationResponse><capacityReservation><capacityReservationId>${id}</capacityReservationId><state>assessing</state></capacityReservation></CreateCapacityReservationResponse>`;
  const notFound = errorXml('InvalidCapacityReservationId.NotFound', 'no such reservation');

  test('without end, tags or group asks for none of them; a state it cannot come to is told as other', async () => {
    ec2.respond = (r) => answerXml(r, 200, made);
    const { reservation: told } = await cloud().createReservation(reservation);
    expect(told).toEqual({
      reservationId: id,
      state: 'other',
      instanceType: '',
      availabilityZone: '',
      count: 0,
      available: 0,
      endsAt: null,
      tags: {},
    });
    expect(Object.fromEntries(ec2.calls[0] ?? [])).toEqual({
      Action: 'CreateCapacityReservation',
      Version: '2016-11-15',
      ClientToken: 't',
      InstanceType: 'c6i.32xlarge',
      InstancePlatform: 'Linux/UNIX',
      AvailabilityZone: 'us-east-2b',
      InstanceCount: '4',
      InstanceMatchCriteria: 'targeted',
      EndDateType: 'unlimited',
    });
  });

  test('made a moment ago that EC2 does not know yet is not cancelled, and that is said', async () => {
    ec2.respond = (r, parameters) =>
      parameters.get('Action') === 'CreateCapacityReservation'
        ? answerXml(r, 200, made)
        : answerXml(r, 400, notFound);
    const port = cloud();
    await port.createReservation(reservation);
    const failure = await failureOf(port.cancelReservation(id));
    expect(failure.code).toBe('InvalidCapacityReservationId.NotFound');
    expect(failure.message).toMatch(/cr-00000000000000001 yet.*paid for all the same/);
    ec2.calls.length = 0;
    await port.cancelReservation('cr-00000000000000002');
    expect(ec2.calls).toHaveLength(1);
  });

  const states = new Map([
    ['cancelled', 'answered'],
    ['expired', 'answered'],
    ['failed', 'answered'],
    ['active', 'SomeCode'],
    ['pending', 'SomeCode'],
    ['cancelling', 'SomeCode'],
  ]);
  for (const [state, outcome] of states) {
    test(`that EC2 will not cancel, for whatever code, and shows as ${state}: ${outcome}`, async () => {
      ec2.respond = (r, parameters) =>
        parameters.get('Action') === 'CancelCapacityReservation'
          ? answerXml(r, 400, errorXml('SomeCode', 'no'))
          : answerXml(
              r,
              200,
              `<DescribeCapacityReservationsResponse><capacityReservationSet><item><state>${state}</state></item></capacityReservationSet></DescribeCapacityReservationsResponse>`,
            );
      const ended = await cloud()
        .cancelReservation(id)
        .then(
          () => 'answered',
          (error: unknown) => (error as CloudError).code,
        );
      expect(ended).toBe(outcome);
      expect(ec2.calls[1]?.get('CapacityReservationId.1')).toBe(id);
    });
  }

  test('that a server error or a broken way keeps from being cancelled is not looked at', async () => {
    ec2.respond = (r) => r.socket?.destroy();
    expect((await failureOf(cloud().cancelReservation(id))).code).toBe('ConnectionError');
    expect(ec2.calls.every((call) => call.get('Action') === 'CancelCapacityReservation')).toBe(
      true,
    );
  });
});

describe('a fleet', () => {
  const fleet = {
    clientToken: 't',
    launchTemplate: { name: 'blog-q1-cr1', version: '3' },
    pools: [
      { instanceType: 'c6i.32xlarge', subnetId: 'subnet-2' },
      { instanceType: 'c6i.16xlarge', subnetId: 'subnet-1' },
    ],
    market: 'spot',
    count: 8,
    minCount: 8,
    singleZone: true,
    singleType: false,
    tags: { gang: 'g' },
  } as const;

  test('asks for its pools with their order as priority, and tags instances and volumes', async () => {
    ec2.respond = (r) =>
      answerXml(r, 200, '<CreateFleetResponse><fleetId>fleet-1</fleetId></CreateFleetResponse>');
    expect(await cloud().runFleet(fleet)).toEqual({
      requestId: 'request-1',
      fleetId: 'fleet-1',
      launches: [],
      refusals: [],
    });
    const config = 'LaunchTemplateConfigs.1';
    expect(Object.fromEntries(ec2.calls[0] ?? [])).toEqual({
      Action: 'CreateFleet',
      Version: '2016-11-15',
      Type: 'instant',
      ClientToken: 't',
      [`${config}.LaunchTemplateSpecification.LaunchTemplateName`]: 'blog-q1-cr1',
      [`${config}.LaunchTemplateSpecification.Version`]: '3',
      [`${config}.Overrides.1.InstanceType`]: 'c6i.32xlarge',
      [`${config}.Overrides.1.SubnetId`]: 'subnet-2',
      [`${config}.Overrides.1.Priority`]: '0',
      [`${config}.Overrides.2.InstanceType`]: 'c6i.16xlarge',
      [`${config}.Overrides.2.SubnetId`]: 'subnet-1',
      [`${config}.Overrides.2.Priority`]: '1',
      'TargetCapacitySpecification.TotalTargetCapacity': '8',
      'TargetCapacitySpecification.DefaultTargetCapacityType': 'spot',
      'SpotOptions.AllocationStrategy': 'capacity-optimized-prioritized',
      'SpotOptions.MinTargetCapacity': '8',
      'SpotOptions.SingleAvailabilityZone': 'true',
      'SpotOptions.SingleInstanceType': 'false',
      'TagSpecification.1.ResourceType': 'instance',
      'TagSpecification.1.Tag.1.Key': 'gang',
      'TagSpecification.1.Tag.1.Value': 'g',
      'TagSpecification.2.ResourceType': 'volume',
      'TagSpecification.2.Tag.1.Key': 'gang',
      'TagSpecification.2.Tag.1.Value': 'g',
    });
  });

  test('that EC2 answers with a server error is asked once', async () => {
    ec2.respond = (r) => answerXml(r, 500, errorXml('InternalError', 'An internal error.'));
    expect((await failureOf(cloud().runFleet(fleet))).httpStatus).toBe(500);
    expect(ec2.calls).toHaveLength(1);
  });
});
