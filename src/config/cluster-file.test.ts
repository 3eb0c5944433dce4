import { describe, expect, test } from 'vitest';

import { readClusterFile } from './cluster-file.ts';
import { emptyFindings, formatProblem, sourceText } from './problem.ts';
import { clusterYaml, fixture } from './test-files.ts';
import { parseYaml } from './yaml-file.ts';

function read(text: string) {
  const findings = emptyFindings();
  const yaml = parseYaml(sourceText('cluster.yaml', text), 'a cluster', findings);
  const cluster = yaml === null ? null : readClusterFile(yaml, findings);
  return { cluster, errors: findings.errors.map(formatProblem), notices: findings.notices };
}

function resourceOf(text: string) {
  const { cluster, errors } = read(text);
  expect(errors).toEqual([]);
  return cluster?.fleet.queues[0]?.computeResources[0];
}

describe("the post's file", () => {
  test('describes its fleet as it stands in the post, without a word about the rest', () => {
    const { cluster, errors, notices } = read(fixture('blog-2022.yaml'));
    expect(errors).toEqual([]);
    expect(notices).toEqual([]);
    expect(cluster).toEqual({
      file: 'cluster.yaml',
      region: 'us-east-2',
      scalingStrategy: null,
      fleet: {
        scaledownIdleMinutes: 10,
        queues: [
          {
            name: 'queue1',
            capacityType: 'on-demand',
            subnetIds: ['subnet-12345678'],
            jobExclusive: false,
            computeResources: [
              {
                name: 'queue1-c6i32xlarge',
                minCount: 0,
                maxCount: 200,
                instanceTypes: ['c6i.32xlarge'],
                flexible: false,
                reservationId: null,
                efa: true,
                placementGroup: null,
                managedPlacementGroup: true,
                staticNodePriority: 1,
                dynamicNodePriority: 1000,
                multithreading: true,
              },
            ],
          },
        ],
      },
    });
  });
});

describe('what the file leaves out', () => {
  test("takes ParallelCluster's defaults", () => {
    const text = clusterYaml({ '          MinCount: 0\n          MaxCount: 8\n': '' });
    expect(resourceOf(text)).toMatchObject({
      minCount: 0,
      maxCount: 10,
      efa: false,
      placementGroup: null,
      managedPlacementGroup: false,
    });
  });
});

describe('the fleet', () => {
  test('has several instance types in their order', () => {
    const text = clusterYaml({
      'InstanceType: c5.xlarge':
        'Instances: [{InstanceType: c6a.xlarge}, {InstanceType: c5.xlarge}]',
    });
    expect(resourceOf(text)).toMatchObject({
      instanceTypes: ['c6a.xlarge', 'c5.xlarge'],
      flexible: true,
    });
  });

  test('is flexible where the types are a list, be it of one', () => {
    const one = clusterYaml({
      'InstanceType: c5.xlarge': 'Instances: [{InstanceType: c5.xlarge}]',
    });
    expect(resourceOf(one)).toMatchObject({ instanceTypes: ['c5.xlarge'], flexible: true });
  });

  const reservations: Record<string, { queue: string; resource: string; want: string | null }> = {
    "the queue's": { queue: '{ CapacityReservationId: cr-1 }', resource: '', want: 'cr-1' },
    'its own': { queue: '', resource: '{ CapacityReservationId: cr-2 }', want: 'cr-2' },
    "its own in place of the queue's": {
      queue: '{ CapacityReservationId: cr-1 }',
      resource: '{ CapacityReservationId: cr-2 }',
      want: 'cr-2',
    },
    "none, where its own is a group in place of the queue's": {
      queue: '{ CapacityReservationId: cr-1 }',
      resource: '{ CapacityReservationResourceGroupArn: arn }',
      want: null,
    },
  };
  test.each(Object.entries(reservations))(
    'has a reservation: %s',
    (_, { queue, resource, want }) => {
      const target = (text: string): string =>
        text === '' ? '' : `CapacityReservationTarget: ${text}`;
      const text = clusterYaml({
        '      Networking:': `      ${target(queue)}\n      Networking:`,
        '          MinCount: 0': `          ${target(resource)}\n          MinCount: 0`,
      });
      expect(resourceOf(text)?.reservationId).toBe(want);
    },
  );

  test.each([
    ['ONDEMAND', 'on-demand'],
    ['SPOT', 'spot'],
    ['CAPACITY_BLOCK', 'capacity-block'],
  ])('buys %s as %s', (said, want) => {
    const text = clusterYaml({
      '      Networking:': `      CapacityType: ${said}\n      Networking:`,
    });
    expect(read(text).cluster?.fleet.queues[0]?.capacityType).toBe(want);
  });

  const groups: Record<
    string,
    { queue: string; resource: string; name: string | null; managed: boolean }
  > = {
    'a group by name': { queue: '{ Name: pg }', resource: '{}', name: null, managed: false },
    'the group of the queue': { queue: '{ Name: pg }', resource: '', name: 'pg', managed: false },
    'the old spelling': {
      queue: '{ Enabled: true, Id: pg }',
      resource: '',
      name: 'pg',
      managed: false,
    },
    "ParallelCluster's own group": {
      queue: '{ Enabled: true }',
      resource: '',
      name: null,
      managed: true,
    },
    'a group that is off': {
      queue: '{ Enabled: false, Name: pg }',
      resource: '',
      name: null,
      managed: false,
    },
    "the compute resource's own group": {
      queue: '{ Enabled: true }',
      resource: '{ Name: mine }',
      name: 'mine',
      managed: false,
    },
    'no group for this compute resource': {
      queue: '{ Enabled: true }',
      resource: '{ Enabled: false }',
      name: null,
      managed: false,
    },
  };
  test.each(Object.entries(groups))('places nodes: %s', (_, want) => {
    const text = clusterYaml({
      '        SubnetIds:': `        PlacementGroup: ${want.queue}\n        SubnetIds:`,
      '          MinCount: 0':
        want.resource === ''
          ? '          MinCount: 0'
          : `          Networking: { PlacementGroup: ${want.resource} }\n          MinCount: 0`,
    });
    expect(resourceOf(text)).toMatchObject({
      placementGroup: want.name,
      managedPlacementGroup: want.managed,
    });
  });

  test('takes YAML as ParallelCluster reads it: yes and no, numbers and booleans in quotes, anchors', () => {
    const text = clusterYaml({
      '      Networking:': '      JobExclusiveAllocation: yes\n      Networking:',
      'MaxCount: 8': 'MaxCount: "8"\n          Efa: &efa { Enabled: "True" }',
    });
    const again = `${text}        - Name: other\n          InstanceType: c5.large\n          Efa: *efa\n`;
    const { cluster, errors } = read(again);
    expect(errors).toEqual([]);
    expect(cluster?.fleet.queues[0]).toMatchObject({
      jobExclusive: true,
      computeResources: [
        { maxCount: 8, efa: true },
        { maxCount: 10, efa: true },
      ],
    });
  });

  test('reads the strategy with its place, the idle time and the priorities', () => {
    const text = clusterYaml({
      '  SlurmQueues:':
        '  ScalingStrategy: best-effort\n  SlurmSettings: { ScaledownIdletime: 3 }\n  SlurmQueues:',
      'MinCount: 0':
        'MinCount: 0\n          StaticNodePriority: 5\n          DynamicNodePriority: 50',
    });
    const { cluster } = read(text);
    expect(cluster?.scalingStrategy).toMatchObject({
      value: 'best-effort',
      position: { line: 4, column: 3 },
    });
    expect(cluster?.fleet.scaledownIdleMinutes).toBe(3);
    expect(cluster?.fleet.queues[0]?.computeResources[0]).toMatchObject({
      staticNodePriority: 5,
      dynamicNodePriority: 50,
    });
  });
});

describe('keys that ParallelCluster knows', () => {
  const everything = `Region: us-east-2
Scheduling:
  Scheduler: slurm
  ScalingStrategy: all-or-nothing
  SlurmSettings:
    MungeKeySecretArn: arn
    ScaledownIdletime: -1
    QueueUpdateStrategy: DRAIN
    EnableMemoryBasedScheduling: true
    CustomSlurmSettings: [{ MaxJobCount: 5 }]
    CustomSlurmSettingsIncludeFile: s3://f
    Database: { Uri: u }
    ExternalSlurmdbd: { Host: h, Port: 1 }
    Dns: { DisableManagedDns: true }
  SlurmQueues:
    - Name: q
      ComputeSettings: { LocalStorage: {} }
      CapacityReservationTarget: { CapacityReservationId: cr-1 }
      CapacityType: SPOT
      AllocationStrategy: lowest-price
      JobExclusiveAllocation: true
      CustomSlurmSettings: {}
      Tags: [{ Key: a, Value: b }]
      HealthChecks: { Gpu: { Enabled: true } }
      CustomActions: {}
      Iam: {}
      Image: { CustomAmi: ami-1 }
      Networking:
        SubnetIds: [subnet-1, subnet-2]
        AssignPublicIp: true
        SecurityGroups: [sg-1]
        AdditionalSecurityGroups: [sg-2]
        PlacementGroup: { Enabled: true, Name: pg }
        Proxy: { HttpProxyAddress: http://p }
      ComputeResources:
        - Name: c
          Instances: [{ InstanceType: c5.large }]
          MinCount: 1
          MaxCount: 2
          DynamicNodePriority: 2
          StaticNodePriority: 1
          SpotPrice: 1.5
          DisableSimultaneousMultithreading: true
          SchedulableMemory: 1000
          HealthChecks: {}
          Efa: { Enabled: true, GdrSupport: false }
          CapacityReservationTarget: { CapacityReservationResourceGroupArn: arn }
          Networking: { PlacementGroup: { Enabled: true, Name: pg } }
          CustomSlurmSettings: {}
          LaunchTemplateOverrides: {}
          Tags: []
`;

  test('are all accepted, and one note names those without effect, at the first of them', () => {
    const { errors, notices } = read(everything);
    expect(errors).toEqual([]);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatchObject({ severity: 'note', line: 10, column: 5 });
    const names = notices[0]?.message.split(': ')[1]?.split(', ').toSorted();
    expect(names).toEqual([
      'AllocationStrategy',
      'CapacityReservationResourceGroupArn',
      'CustomSlurmSettings',
      'CustomSlurmSettingsIncludeFile',
      'LaunchTemplateOverrides',
      'Proxy',
      'SchedulableMemory',
      'SpotPrice',
      'Tags',
    ]);
  });

  test('are all that is wrong, at once and from anywhere in the file', () => {
    const { errors } = read(
      clusterYaml({
        'Scheduler: slurm': 'Schedular: slurm',
        'SubnetIds:': 'SubnetId:',
        'MinCount: 0': 'MinCount: 9',
        'InstanceType:': 'InstaceType:',
      }),
    );
    expect(
      errors
        .map((error) => error.split('\n', 1).join())
        .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: false })),
    ).toEqual([
      'cluster.yaml:11:11: unknown key `InstaceType` in `Scheduling.SlurmQueues[0].ComputeResources[0]`',
      'cluster.yaml:12:21: `MinCount` 9 is more than `MaxCount` 8',
      'cluster.yaml:3:3: unknown key `Schedular` in `Scheduling`',
      'cluster.yaml:7:9: unknown key `SubnetId` in `Scheduling.SlurmQueues[0].Networking`',
    ]);
  });
});
