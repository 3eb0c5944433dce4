/** The ladders and policies that the core gets, from both files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Pool, Queue } from '../core/settings.ts';
import type { LoadResult } from './config.ts';
import { clusterYaml, createTestFiles, load, loaded } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

let files: TestFiles;
beforeAll(() => {
  files = createTestFiles();
});
afterAll(() => {
  files.remove();
});

interface Fleet {
  readonly types?: string;
  readonly subnets?: string;
  readonly market?: string;
  readonly reservation?: string;
}

/** Of queue1, the cluster file's only one. */
function clusterOf({ types, subnets, market, reservation }: Fleet): string {
  const target = `CapacityReservationTarget: { CapacityReservationId: ${reservation ?? ''} }`;
  return clusterYaml({
    '      Networking:': `      CapacityType: ${market ?? 'ONDEMAND'}\n      Networking:`,
    '\n          - subnet-12345678': ` [${subnets ?? 'subnet-1'}]`,
    'InstanceType: c5.xlarge': types ?? 'InstanceType: c5.xlarge',
    '          MinCount: 0':
      reservation === undefined ? '' : `          ${target}\n          MinCount: 0`,
  });
}

interface Says {
  readonly cluster?: Fleet;
  /** Under `queues.queue1`. */
  readonly queue?: string;
  readonly byType?: boolean;
}

function joined({ cluster, queue, byType }: Says): LoadResult {
  files.write('cluster.yaml', clusterOf(cluster ?? {}));
  const lines = ['cluster_config: cluster.yaml', 'cluster_name: demo'];
  if (byType === true) lines.push('launch: { from: instance-type, image_id: ami-1 }');
  if (queue !== undefined) lines.push(`queues: { queue1: { ${queue} } }`);
  return load(files.write('muster.yaml', `${lines.join('\n')}\n`));
}

function queueOf(result: LoadResult): Queue {
  const queue = loaded(result).settings.queues?.[0];
  if (queue === undefined) throw new Error('there is no queue');
  return queue;
}

function pool(
  instanceType: string | null,
  subnetId: string | null,
  market: Pool['market'] = 'on-demand',
  reservationId: string | null = null,
): Pool {
  return { instanceType, subnetId, market, reservationId };
}

const list = (...types: string[]): string =>
  `Instances: [${types.map((type) => `{ InstanceType: ${type} }`).join(', ')}]`;

const ladders: Record<string, { says: Says; want: readonly Pool[] | undefined }> = {
  'nothing, where one type and one subnet are the launch source': {
    says: {},
    want: undefined,
  },
  'nothing for spot instances, whose market is the queue': {
    says: { cluster: { market: 'SPOT' } },
    want: undefined,
  },
  'every type in every subnet, type by type': {
    says: { cluster: { types: list('c6i.large', 'c5.large'), subnets: 'subnet-2, subnet-1' } },
    want: [
      pool('c6i.large', 'subnet-2'),
      pool('c6i.large', 'subnet-1'),
      pool('c5.large', 'subnet-2'),
      pool('c5.large', 'subnet-1'),
    ],
  },
  'one type in every subnet, the first named too': {
    says: { cluster: { subnets: 'subnet-1, subnet-2', market: 'SPOT' } },
    want: [pool('c5.xlarge', 'subnet-1', 'spot'), pool('c5.xlarge', 'subnet-2', 'spot')],
  },
  'the same without launch templates': {
    says: { cluster: { subnets: 'subnet-1, subnet-2' }, byType: true },
    want: [pool('c5.xlarge', 'subnet-1'), pool('c5.xlarge', 'subnet-2')],
  },
  "a list of one type, which ParallelCluster's template does not name": {
    says: { cluster: { types: list('c5.large') } },
    want: [pool('c5.large', 'subnet-1')],
  },
  'nothing for a list of one type without launch templates': {
    says: { cluster: { types: list('c5.large') }, byType: true },
    want: undefined,
  },
  "the cluster file's reservation": {
    says: { cluster: { reservation: 'cr-1' } },
    want: [pool(null, null, 'on-demand', 'cr-1')],
  },
  "the cluster file's capacity block": {
    says: { cluster: { reservation: 'cr-1', market: 'CAPACITY_BLOCK' }, byType: true },
    want: [pool(null, null, 'capacity-block', 'cr-1')],
  },
  'no reservation for spot instances': {
    says: { cluster: { reservation: 'cr-1', market: 'SPOT' } },
    want: undefined,
  },
  'the rungs as written, what they leave out being the launch source': {
    says: {
      queue:
        'ladder: [{ subnet: subnet-9 }, { instance_type: c6i.xlarge }, { market: spot }, { reservation: cr-1 }, { market: capacity-block, reservation: cr-2 }]',
    },
    want: [
      pool(null, 'subnet-9'),
      pool('c6i.xlarge', null),
      pool(null, null, 'spot'),
      pool(null, null, 'on-demand', 'cr-1'),
      pool(null, null, 'capacity-block', 'cr-2'),
    ],
  },
  "the rungs with the queue's market": {
    says: { cluster: { market: 'SPOT' }, queue: 'ladder: [{ subnet: subnet-9 }]' },
    want: [pool(null, 'subnet-9', 'spot')],
  },
  'the rungs in place of types, subnets and reservation of the cluster file': {
    says: {
      cluster: { subnets: 'subnet-1, subnet-2', reservation: 'cr-1' },
      queue: 'ladder: [{ market: on-demand }]',
    },
    want: [pool(null, null)],
  },
  'the rungs, with the first type and subnet where the template names none': {
    says: {
      cluster: { types: list('c6i.large', 'c5.large'), subnets: 'subnet-2, subnet-1' },
      queue: 'ladder: [{ market: spot }, { instance_type: c5.large }, { subnet: subnet-1 }]',
    },
    want: [
      pool('c6i.large', 'subnet-2', 'spot'),
      pool('c5.large', 'subnet-2'),
      pool('c6i.large', 'subnet-1'),
    ],
  },
  "the compute resource's own in place of its queue's": {
    says: {
      queue:
        'ladder: [{ market: spot }], compute_resources: { c5xlarge: { ladder: [{ subnet: subnet-9 }] } }',
    },
    want: [pool(null, 'subnet-9')],
  },
  "its queue's, where the compute resource is named and has none": {
    says: { queue: 'ladder: [{ market: spot }], compute_resources: { c5xlarge: {} }' },
    want: [pool(null, null, 'spot')],
  },
};

describe('the ladder is', () => {
  test.each(Object.entries(ladders))('%s', (_, { says, want }) => {
    const [resource] = queueOf(joined(says)).computeResources;
    expect(resource?.pools).toEqual(want);
    expect(resource !== undefined && 'pools' in resource).toBe(want !== undefined);
  });

  test("the queue's for every compute resource but the one with its own", () => {
    files.write('two.yaml', `${clusterOf({})}        - { Name: big, InstanceType: c5.large }\n`);
    const text = `cluster_config: two.yaml
queues:
  queue1:
    ladder: [{ market: spot }, { market: on-demand }]
    compute_resources:
      big:
        ladder: [{ subnet: subnet-9 }]
`;
    const { computeResources } = queueOf(load(files.write('muster.yaml', text)));
    expect(computeResources.map(({ name, pools }) => [name, pools?.length])).toEqual([
      ['c5xlarge', 2],
      ['big', 1],
    ]);
  });
});

test('the example of docs/configuration.md loads, and is what the page says', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');
  const example = /```yaml\n(cluster_config: [^`]*queues:[^`]*)```/.exec(page)?.[1] ?? '';
  const names = { 'Name: queue1': 'Name: compute', 'Name: c5xlarge': 'Name: cr1' };
  const cluster = files.write('docs/cluster.yaml', clusterYaml(names));
  const text = example.replace('/etc/muster/cluster.yaml', cluster);
  const queue = queueOf(load(files.write('docs/muster.yaml', text)));
  expect(queue).toMatchObject({ strategy: 'reserve', greedy: false, spares: 1 });
  expect(queue.computeResources[0]?.pools).toEqual([
    pool(null, null, 'on-demand', 'cr-0123456789abcdef0'),
    pool(null, null),
  ]);
});

describe('the policies of a queue', () => {
  test('are those given', () => {
    const queue = queueOf(
      joined({ queue: 'strategy: launch, spread: yes, greedy: no, spares: 2' }),
    );
    expect(queue).toMatchObject({ strategy: 'launch', spread: true, greedy: false, spares: 2 });
  });

  test('are left out where nobody gives them', () => {
    const policies = ['strategy', 'spread', 'greedy', 'spares'];
    expect(policies.filter((key) => key in queueOf(joined({})))).toEqual([]);
    const one = queueOf(joined({ queue: 'spares: 0' }));
    expect(policies.filter((key) => key in one)).toEqual(['spares']);
  });
});

describe('static sets', () => {
  const setsOf = (queue?: string) =>
    queueOf(joined(queue === undefined ? {} : { queue })).computeResources.map(
      ({ staticSets }) => staticSets,
    );

  test('are the default where nobody says anything', () => {
    expect(setsOf()).toEqual([undefined]);
  });

  test('are as the queue has them, and what it leaves out is the default', () => {
    expect(setsOf('static_sets: { replace: set }')).toEqual([
      { launch: 'all-or-nothing', replace: 'set' },
    ]);
  });

  test('are as the compute resource has them before its queue', () => {
    const own = 'compute_resources: { c5xlarge: { static_sets: { replace: node } } }';
    expect(setsOf(`static_sets: { launch: best-effort }, ${own}`)).toEqual([
      { launch: 'best-effort', replace: 'node' },
    ]);
  });
});

describe('reservations of the cluster file that cannot serve the whole ladder', () => {
  const severalSubnets = { subnets: 'subnet-1, subnet-2', reservation: 'cr-1' };
  const rows: Record<string, { says: Says; want: RegExp | null }> = {
    'one of spot instances is passed over': {
      says: { cluster: { market: 'SPOT', reservation: 'cr-1' } },
      want: /no spot instance .* passed over in: queue1\/c5xlarge$/,
    },
    'one beside several subnets': {
      says: { cluster: severalSubnets },
      want: /one instance type in one zone, .* in: queue1\/c5xlarge; write their `ladder`/,
    },
    'one beside several types': {
      says: { cluster: { types: list('c5.large', 'c6i.large'), reservation: 'cr-1' } },
      want: /one instance type in one zone/,
    },
    'not one that a written ladder replaces': {
      says: { cluster: severalSubnets, queue: 'ladder: [{ reservation: cr-1 }]' },
      want: null,
    },
    'not one of one type in one subnet': { says: { cluster: { reservation: 'cr-1' } }, want: null },
  };
  test.each(Object.entries(rows))('have a warning: %s', (_, { says, want }) => {
    const { notices } = joined(says);
    if (want === null) expect(notices).toEqual([]);
    else {
      expect(notices).toMatchObject([
        { severity: 'warning', file: `${files.directory}/cluster.yaml` },
      ]);
      expect(notices[0]?.message).toMatch(want);
    }
  });
});
