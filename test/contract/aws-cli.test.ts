/**
 * ec2sim driven by the `aws` command line, whose reader of EC2's answers (botocore) shares nothing with the JavaScript
 * SDK's. Debian's package is `awscli`. Where there is none, one test says so and the others do not run.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEc2Sim, type Ec2Sim } from '../../src/ec2sim/server.ts';
import { findProgram } from './find-program.ts';

const aws = findProgram('aws', ['/usr/bin']) ?? findProgram('aws');
const execute = promisify(execFile);
const subnetId = 'subnet-0000000000000000b';

interface AwsInstance {
  readonly InstanceId: string;
  readonly PrivateIpAddress?: string;
  readonly State: { readonly Name: string };
  readonly Tags?: readonly { readonly Key: string; readonly Value: string }[];
}

function commandLineContract(program: string): void {
  let sim: Ec2Sim;
  let home: string;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'muster-aws-cli-'));
    sim = await startEc2Sim({
      times: { pendingMs: 0, bootMs: 0, shutdownMs: 0 },
      capacity: [{ instanceType: 'c6i.32xlarge', availabilityZone: 'us-east-2b', capacity: 7 }],
    });
  });
  afterAll(async () => {
    await sim.close();
    rmSync(home, { recursive: true });
  });

  async function ec2(...parameters: readonly string[]): Promise<unknown> {
    const common = ['--endpoint-url', sim.url, '--region', 'us-east-2', '--output', 'json'];
    const { stdout } = await execute(program, ['ec2', ...parameters, ...common], {
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_MAX_ATTEMPTS: '1',
      },
    });
    return stdout.trim() === '' ? null : JSON.parse(stdout);
  }
  const what = ['--instance-type', 'c6i.32xlarge', '--image-id', 'ami-1', '--subnet-id', subnetId];

  test('runs, describes in pages, tags and terminates instances', async () => {
    const tags = 'ResourceType=instance,Tags=[{Key=muster:cluster,Value="a <b> & c"}]';
    const run = await ec2('run-instances', ...what, '--count', '7', '--tag-specifications', tags);
    const { Instances: launched } = run as { Instances: readonly AwsInstance[] };
    expect(launched).toHaveLength(7);
    expect(launched[0]).toMatchObject({
      InstanceId: expect.stringMatching(/^i-[0-9a-f]{17}$/),
      PrivateIpAddress: '10.0.64.4',
      State: { Name: 'pending' },
      Tags: [{ Key: 'muster:cluster', Value: 'a <b> & c' }],
    });
    const described = await ec2(
      'describe-instances',
      '--page-size',
      '5',
      '--filters',
      'Name=tag:muster:cluster,Values=a*',
    );
    const { Reservations: pages } = described as {
      Reservations: readonly { readonly Instances: readonly AwsInstance[] }[];
    };
    const ids = pages.flatMap((page) => page.Instances.map((each) => each.InstanceId));
    expect(ids).toEqual(launched.map((each) => each.InstanceId));
    await ec2('create-tags', '--resources', ids[0] ?? '', '--tags', 'Key=Name,Value=node-1');
    const status = await ec2('describe-instance-status', '--instance-ids', ids[0] ?? '');
    expect(status).toMatchObject({
      InstanceStatuses: [{ InstanceState: { Name: 'running' }, InstanceStatus: { Status: 'ok' } }],
    });
    const ended = await ec2('terminate-instances', '--instance-ids', ...ids);
    const { TerminatingInstances } = ended as {
      TerminatingInstances: readonly { readonly CurrentState: { readonly Name: string } }[];
    };
    expect(TerminatingInstances.map((each) => each.CurrentState.Name)).toEqual(
      ids.map(() => 'shutting-down'),
    );
    expect(sim.model.stats()).toMatchObject({ launched: 7, terminated: 7 });
    expect(sim.model.instance(ids[0] ?? '')?.tags).toEqual({
      'muster:cluster': 'a <b> & c',
      Name: 'node-1',
    });
  });

  test('says what EC2 said when there is no room', async () => {
    const failure: unknown = await ec2('run-instances', ...what, '--count', '8').catch(
      (error: unknown) => error,
    );
    expect((failure as { stderr: string }).stderr).toMatch(
      /\(InsufficientInstanceCapacity\) when calling the RunInstances operation.*sufficient c6i\.32xlarge capacity in the Availability Zone you requested \(us-east-2b\)/,
    );
  });

  test('makes a launch template and launches by it', async () => {
    const data = JSON.stringify({
      ImageId: 'ami-1',
      InstanceType: 'c5.xlarge',
      NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: subnetId }],
    });
    const create = ['--launch-template-name', 'blog-q1-cr1', '--launch-template-data', data];
    await ec2('create-launch-template', ...create);
    const versions = await ec2(
      'describe-launch-template-versions',
      '--launch-template-name',
      'blog-q1-cr1',
      '--versions',
      '$Latest',
    );
    expect(versions).toMatchObject({
      LaunchTemplateVersions: [{ VersionNumber: 1, LaunchTemplateData: { ImageId: 'ami-1' } }],
    });
    const template = 'LaunchTemplateName=blog-q1-cr1,Version=$Latest';
    const run = await ec2('run-instances', '--launch-template', template, '--count', '2');
    expect(run).toMatchObject({
      Instances: [{ InstanceType: 'c5.xlarge', SubnetId: subnetId }, {}],
    });
  });

  test('reserves capacity, launches into it and cancels it', async () => {
    const made = await ec2(
      'create-capacity-reservation',
      ...['--instance-type', 'c5.xlarge', '--instance-platform', 'Linux/UNIX'],
      ...['--availability-zone', 'us-east-2b', '--instance-count', '2'],
      ...['--instance-match-criteria', 'targeted'],
      ...['--end-date-type', 'limited', '--end-date', '2099-01-01T00:00:00Z'],
      '--tag-specifications',
      'ResourceType=capacity-reservation,Tags=[{Key=gang,Value=g1}]',
    );
    const { CapacityReservation } = made as {
      CapacityReservation: { readonly CapacityReservationId: string };
    };
    const id = CapacityReservation.CapacityReservationId;
    expect(CapacityReservation).toMatchObject({ State: 'active', AvailableInstanceCount: 2 });
    const run = await ec2(
      'run-instances',
      ...['--instance-type', 'c5.xlarge', '--image-id', 'ami-1', '--subnet-id', subnetId],
      '--capacity-reservation-specification',
      `CapacityReservationTarget={CapacityReservationId=${id}}`,
    );
    expect(run).toMatchObject({ Instances: [{ CapacityReservationId: id }] });
    await ec2('cancel-capacity-reservation', '--capacity-reservation-id', id);
    const filters = ['--filters', 'Name=tag:gang,Values=g1'];
    expect(await ec2('describe-capacity-reservations', ...filters)).toMatchObject({
      CapacityReservations: [{ CapacityReservationId: id, State: 'cancelled' }],
    });
  });

  test('tells how an instance is, what is scheduled for it, and what its console shows', async () => {
    const spec = { instanceType: 'c5.xlarge', subnetId, tags: { is: 'ill' }, ageMs: 60_000 };
    const [id = ''] = sim.model.plant(spec);
    sim.model.impair(id);
    sim.model.scheduleEvent(id, { code: 'instance-stop', notBefore: Date.UTC(2099, 0, 1) });
    sim.model.setConsole(id, 'Kernel panic <é>');
    const parameters = ['--instance-ids', id, '--include-all-instances'];
    expect(await ec2('describe-instance-status', ...parameters)).toMatchObject({
      InstanceStatuses: [
        {
          InstanceStatus: { Status: 'impaired', Details: [{ Status: 'failed' }] },
          SystemStatus: { Status: 'ok' },
          Events: [
            { Code: 'instance-stop', NotBefore: expect.stringMatching(/^2099-01-01T00:00/) },
          ],
        },
      ],
    });
    // The command decodes what EC2 sends.
    const console = ['get-console-output', '--instance-id', id, '--latest'];
    expect(await ec2(...console)).toMatchObject({ InstanceId: id, Output: 'Kernel panic <é>' });
  });

  test('describes subnets, zones and instance types', async () => {
    expect(await ec2('describe-subnets', '--subnet-ids', subnetId)).toMatchObject({
      Subnets: [{ SubnetId: subnetId, AvailabilityZone: 'us-east-2b', CidrBlock: '10.0.64.0/18' }],
    });
    expect(await ec2('describe-availability-zones')).toMatchObject({
      AvailabilityZones: [{ ZoneName: 'us-east-2a' }, {}, {}],
    });
    expect(await ec2('describe-instance-types', '--instance-types', 'c6i.32xlarge')).toMatchObject({
      InstanceTypes: [{ VCpuInfo: { DefaultVCpus: 128 }, MemoryInfo: { SizeInMiB: 262_144 } }],
    });
  });
}

if (aws === null) {
  console.warn('The aws command line is not on this machine: its part of the contract is NOT run.');
  test('the aws command line is missing: its part was not run (apt-get install awscli)', () => {
    expect(findProgram('sh')).not.toBeNull();
  });
} else {
  describe('the aws command line', { timeout: 30_000 }, () => commandLineContract(aws));
}
