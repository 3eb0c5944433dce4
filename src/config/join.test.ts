import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { defaultSettings } from '../core/settings.ts';
import { loadConfig } from './config.ts';
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

function noticesOf(result: LoadResult): string[] {
  return result.notices.map((notice) => `${notice.severity}: ${notice.message}`);
}

const confHead = '[slurm_resume]\nregion = us-east-2\ncluster_name = demo\n';

interface Says {
  readonly muster?: string;
  readonly conf?: string;
  readonly cluster?: Readonly<Record<string, string>>;
}

function join(says: Says): LoadResult {
  files.write('join/resume.conf', `[slurm_resume]\n${says.conf ?? ''}\n`);
  files.write('join/cluster.yaml', clusterYaml(says.cluster ?? {}));
  const path = files.write(
    'join/muster.yaml',
    `resume_config: resume.conf\ncluster_config: cluster.yaml\n${says.muster ?? ''}\n`,
  );
  return load(path);
}

const strategyInCluster = {
  'Scheduler: slurm': 'Scheduler: slurm\n  ScalingStrategy: greedy-all-or-nothing',
};
const noRegion = { 'Region: us-east-2\n': '' };

const precedence: Record<string, { says: Says; want: object }> = {
  'region: the cluster file over the default': { says: {}, want: { region: 'us-east-2' } },
  'region: the conf over the cluster file': {
    says: { conf: 'region = eu-west-1' },
    want: { region: 'eu-west-1' },
  },
  'region: muster.yaml over the conf': {
    says: { conf: 'region = eu-west-1', muster: 'region: sa-east-1' },
    want: { region: 'sa-east-1' },
  },
  'region: the default when nobody says': {
    says: { cluster: noRegion },
    want: { region: defaultSettings.region },
  },
  "name: the cluster file's name when nobody says": {
    says: {},
    want: { clusterName: 'cluster' },
  },
  'name: the conf over the file name': {
    says: { conf: 'cluster_name = a' },
    want: { clusterName: 'a' },
  },
  'name: muster.yaml over the conf': {
    says: { conf: 'cluster_name = a', muster: 'cluster_name: b' },
    want: { clusterName: 'b' },
  },
  'strategy: the cluster file over the default': {
    says: { cluster: strategyInCluster },
    want: { scalingStrategy: 'greedy-all-or-nothing' },
  },
  'strategy: the conf over the cluster file': {
    says: { cluster: strategyInCluster, conf: 'scaling_strategy = best-effort' },
    want: { scalingStrategy: 'best-effort' },
  },
  'strategy: muster.yaml over the conf': {
    says: { conf: 'scaling_strategy = best-effort', muster: 'scaling_strategy: all-or-nothing' },
    want: { scalingStrategy: 'all-or-nothing' },
  },
  'sizes: the conf over the defaults': {
    says: { conf: 'launch_max_batch_size = 5\nterminate_max_batch_size = 6' },
    want: { maxBatchSize: 5, terminateMaxBatchSize: 6 },
  },
  'sizes: muster.yaml over the conf': {
    says: {
      conf: 'launch_max_batch_size = 5\nterminate_max_batch_size = 6',
      muster: 'max_batch_size: 8\nterminate_max_batch_size: 9',
    },
    want: { maxBatchSize: 8, terminateMaxBatchSize: 9 },
  },
  'address: the conf over the default': {
    says: { conf: 'update_node_address = no' },
    want: { updateNodeAddress: false },
  },
  'address: muster.yaml over the conf': {
    says: { conf: 'update_node_address = no', muster: 'update_node_address: true' },
    want: { updateNodeAddress: true },
  },
};

describe('precedence: muster.yaml, then the conf, then the cluster file, then the defaults', () => {
  test.each(Object.entries(precedence))('%s', (_, { says, want }) => {
    expect(loaded(join(says)).settings).toMatchObject(want);
  });

  test('a launch template is named after the name that won', () => {
    const { settings } = loaded(join({ conf: 'cluster_name = a', muster: 'cluster_name: b' }));
    expect(settings.queues?.[0]?.computeResources[0]?.launch).toMatchObject({
      name: 'b-queue1-c5xlarge',
    });
  });

  test("the region of the AWS SDK's variables comes before the default, which has a warning", () => {
    const path = files.write('region.yaml', 'cluster_name: demo\n');
    const withRegion = loadConfig({ path, env: { AWS_DEFAULT_REGION: 'eu-north-1' } });
    expect(loaded(withRegion).settings.region).toBe('eu-north-1');
    expect(noticesOf(withRegion)).toEqual([]);
    const both = { AWS_DEFAULT_REGION: 'eu-north-1', AWS_REGION: 'eu-west-3' };
    expect(loaded(loadConfig({ path, env: both })).settings.region).toBe('eu-west-3');
    expect(noticesOf(load(path))).toEqual([
      expect.stringMatching(/^warning: no region is given: `us-east-1` is used/),
    ]);
  });

  test('a name that nobody says has a warning', () => {
    const path = files.write('nameless.conf', '[slurm_resume]\nregion = us-east-2\n');
    const result = load(path);
    expect(loaded(result).settings.clusterName).toBe('muster');
    expect(noticesOf(result)).toEqual([
      expect.stringMatching(/^warning: no `cluster_name` is given: `muster` is used/),
    ]);
  });

  test('a file name that is no cluster name is made one', () => {
    const names = { '2my_cluster (1).yaml': 'my-cluster-1-', '__.yaml': 'muster' };
    for (const [name, want] of Object.entries(names)) {
      const path = files.write(name, clusterYaml());
      expect(loaded(load(path)).settings.clusterName).toBe(want);
    }
  });
});

interface Row {
  readonly conf?: string;
  readonly muster?: string;
  readonly cluster?: string;
  readonly mode: 'job' | 'node-list';
  readonly firm: boolean;
  /** Of the notes about mode and batches; null: there is none. */
  readonly note: RegExp | null;
}
const modes: Record<string, Row> = {
  'is job when nothing is said, and batches of nodes without a job are firm': {
    mode: 'job',
    firm: true,
    note: null,
  },
  "is node-list by the page's all_or_nothing_batch": {
    conf: 'all_or_nothing_batch = True',
    mode: 'node-list',
    firm: true,
    note: /^note: mode node-list: `all_or_nothing_batch` without/,
  },
  "is node-list by the page's all_or_nothing_batch, soft when false": {
    conf: 'all_or_nothing_batch = False',
    mode: 'node-list',
    firm: false,
    note: /^note: mode node-list: `all_or_nothing_batch` without/,
  },
  "is node-list by the page's max_batch_size, soft as on the page": {
    conf: 'max_batch_size = 50',
    mode: 'node-list',
    firm: false,
    note: /^note: mode node-list: `max_batch_size` without/,
  },
  'is job by launch_max_batch_size, which is a later key': {
    conf: 'launch_max_batch_size = 50',
    mode: 'job',
    firm: true,
    note: null,
  },
  'is job when the conf has a strategy': {
    conf: 'max_batch_size = 50\nscaling_strategy = all-or-nothing',
    mode: 'job',
    firm: true,
    note: null,
  },
  'is job by job_level_scaling, and says that all_or_nothing_batch does little': {
    conf: 'all_or_nothing_batch = False\njob_level_scaling = True',
    mode: 'job',
    firm: false,
    note: /^note: `all_or_nothing_batch` concerns launch-batches/,
  },
  'is node-list by job_level_scaling, firm by the default strategy of its time': {
    conf: 'job_level_scaling = no',
    mode: 'node-list',
    firm: true,
    note: /^note: mode node-list: `job_level_scaling` is false/,
  },
  'is node-list by job_level_scaling, soft by best-effort': {
    conf: 'job_level_scaling = no\nscaling_strategy = best-effort',
    mode: 'node-list',
    firm: false,
    note: /^note: mode node-list: `job_level_scaling` is false/,
  },
  'is node-list by job_level_scaling, soft by the greedy strategy': {
    conf: 'job_level_scaling = no\nscaling_strategy = greedy-all-or-nothing',
    mode: 'node-list',
    firm: false,
    note: /^note: mode node-list/,
  },
  'is node-list by job_level_scaling, firm by all_or_nothing_batch over the strategy': {
    conf: 'job_level_scaling = no\nscaling_strategy = best-effort\nall_or_nothing_batch = 1',
    mode: 'node-list',
    firm: true,
    note: /^note: mode node-list/,
  },
  "is muster.yaml's, whatever the conf says": {
    conf: 'job_level_scaling = no',
    muster: 'mode: job',
    mode: 'job',
    firm: true,
    note: null,
  },
  "is node-list when muster.yaml says so, and soft by the page's default": {
    muster: 'mode: node-list',
    mode: 'node-list',
    firm: false,
    note: null,
  },
  "is job when muster.yaml has a strategy, whatever the page's keys": {
    conf: 'all_or_nothing_batch = True',
    muster: 'scaling_strategy: all-or-nothing',
    mode: 'job',
    firm: true,
    note: /^note: `all_or_nothing_batch` concerns launch-batches/,
  },
  "is still the page's when only the cluster file has a strategy": {
    conf: 'max_batch_size = 50',
    cluster: 'best-effort',
    mode: 'node-list',
    firm: false,
    note: /^note: mode node-list: `max_batch_size` without/,
  },
  'is job when only muster.yaml has the keys of the page': {
    muster: 'all_or_nothing_batch: true\nmax_batch_size: 50',
    mode: 'job',
    firm: true,
    note: /^note: `all_or_nothing_batch` concerns launch-batches/,
  },
};

describe('the mode', () => {
  test.each(Object.entries(modes))('%s', (_, row) => {
    files.write('mode/resume.conf', `${confHead}${row.conf ?? ''}\n`);
    const strategy = row.cluster === undefined ? '' : `\n  ScalingStrategy: ${row.cluster}`;
    files.write('mode/c.yaml', clusterYaml({ 'Scheduler: slurm': `Scheduler: slurm${strategy}` }));
    const path = files.write(
      'mode/muster.yaml',
      `resume_config: resume.conf\ncluster_config: c.yaml\n${row.muster ?? ''}\n`,
    );
    const result = load(path);
    expect(loaded(result).settings).toMatchObject({ mode: row.mode, allOrNothingBatch: row.firm });
    const notes = row.note === null ? [] : [expect.stringMatching(row.note)];
    expect(noticesOf(result)).toEqual(notes);
  });

  test('is explained where the key stands', () => {
    const result = load(files.write('where.conf', `${confHead}max_batch_size = 50\n`));
    expect(result.notices).toMatchObject([{ line: 4, column: 1 }]);
  });
});

function launch(cluster: Readonly<Record<string, string>>, image: string): LoadResult {
  files.write('launch/cluster.yaml', clusterYaml(cluster));
  const text = `cluster_name: demo\ncluster_config: cluster.yaml\nlaunch:\n  from: instance-type\n${image}`;
  return load(files.write('launch/muster.yaml', text));
}

describe('launching by a launch template', () => {
  const groups = {
    '{ Name: pg }': { name: 'pg' },
    '{ Enabled: true }': { name: null },
    '{ Enabled: false }': undefined,
  };
  test.each(Object.entries(groups))(
    'the placement group %s is known as far as it is named',
    (group, want) => {
      const change = `Networking: { PlacementGroup: ${group} }\n          MinCount: 0`;
      files.write('group/cluster.yaml', clusterYaml({ 'MinCount: 0': change }));
      const text = 'cluster_name: demo\ncluster_config: cluster.yaml\n';
      const { settings } = loaded(load(files.write('group/muster.yaml', text)));
      expect(settings.queues?.[0]?.computeResources[0]?.placementGroup).toEqual(want);
    },
  );
});

describe('launching by instance type', () => {
  const image = '  image_id: ami-12345678\n';

  test('takes the placement group, EFA and the first subnet', () => {
    const result = launch(
      {
        '          - subnet-12345678': '          - subnet-1\n          - subnet-2',
        'MinCount: 0':
          'Efa: { Enabled: true }\n          Networking: { PlacementGroup: { Name: pg } }',
      },
      image,
    );
    expect(loaded(result).settings.queues?.[0]?.computeResources[0]?.launch).toEqual({
      kind: 'instance-type',
      instanceType: 'c5.xlarge',
      imageId: 'ami-12345678',
      subnetId: 'subnet-1',
      placementGroup: 'pg',
      efa: true,
    });
    expect(noticesOf(result)).toEqual([]);
  });

  test("warns of a placement group that only ParallelCluster's templates know", () => {
    const result = launch(
      { 'MinCount: 0': 'Networking: { PlacementGroup: { Enabled: true } }' },
      image,
    );
    expect(noticesOf(result)).toEqual([
      expect.stringMatching(/^warning: launched without a placement group.*queue1\/c5xlarge/),
    ]);
  });

  test('warns when no image is named', () => {
    const result = launch({}, '');
    expect(loaded(result).settings.queues?.[0]?.computeResources[0]?.launch).toMatchObject({
      imageId: null,
    });
    expect(noticesOf(result)).toEqual([expect.stringMatching(/^warning: no `image_id` is given/)]);
  });

  test('an image without effect has a warning at its place', () => {
    const text = `cluster_name: demo\nregion: us-east-2\nlaunch:\n  from: launch-template\n${image}`;
    const result = load(files.write('image.yaml', text));
    expect(result.notices).toMatchObject([{ severity: 'warning', line: 5, column: 3 }]);
  });
});
