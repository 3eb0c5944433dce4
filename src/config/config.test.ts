import { CapacityReservationInstancePlatform } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { defaultSettings } from '../core/settings.ts';
import { loadConfig } from './config.ts';
import type { LoadResult } from './config.ts';
import { clusterYaml, createTestFiles, fixture, fixturePath, load, loaded } from './test-files.ts';
import type { TestFiles } from './test-files.ts';
import { platforms } from './values.ts';

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

test('an empty name is told as one', () => {
  for (const env of [{}, { MUSTER_CONFIG: '/etc/muster/muster.yaml' }]) {
    expect(loadConfig({ path: '', env })).toMatchObject({
      kind: 'refused',
      errors: [{ file: '--config', line: null, message: 'the name of the file is empty' }],
    });
  }
});

describe('one file alone', () => {
  test("the page's conf gives the page's behaviour", () => {
    const path = fixturePath('wiki-2020.conf');
    const config = loaded(load(path));
    expect(config.settings).toEqual({
      ...defaultSettings,
      clusterName: 'demo',
      region: 'us-east-2',
      mode: 'node-list',
      allOrNothingBatch: true,
      maxBatchSize: 100,
    });
    expect(config).toMatchObject({
      stateDir: '/var/lib/muster',
      runDir: '/run/muster',
      logDir: '/var/log/parallelcluster',
      scontrolPath: null,
      slurmConf: null,
      fleet: null,
      sources: { musterConfig: null, resumeConfig: path, clusterConfig: null },
    });
  });

  test("the post's cluster file gives its fleet, and the cluster the file's name, with a note", () => {
    const result = load(fixturePath('blog-2022.yaml'));
    const { settings, sources } = loaded(result);
    expect(settings).toEqual({
      ...defaultSettings,
      clusterName: 'blog-2022',
      allOrNothingBatch: true,
      region: 'us-east-2',
      queues: [
        {
          name: 'queue1',
          capacityType: 'on-demand',
          subnetIds: ['subnet-12345678'],
          computeResources: [
            {
              name: 'queue1-c6i32xlarge',
              minCount: 0,
              maxCount: 200,
              instanceTypes: ['c6i.32xlarge'],
              launch: {
                kind: 'launch-template',
                name: 'blog-2022-queue1-queue1-c6i32xlarge',
                version: '$Latest',
              },
              placementGroup: { name: null },
            },
          ],
        },
      ],
    });
    expect(sources.clusterConfig).toBe(fixturePath('blog-2022.yaml'));
    expect(noticesOf(result)).toEqual([
      expect.stringMatching(
        /^note: the cluster is named `blog-2022` after the file blog-2022.yaml/,
      ),
    ]);
  });

  test('settings of muster alone, every key of them', () => {
    const path = files.write(
      'all/muster.yaml',
      `resume_config: resume.conf
cluster_config: sub/cluster.yaml
cluster_name: demo
region: eu-west-1
mode: node-list
scaling_strategy: best-effort
all_or_nothing_batch: true
max_batch_size: 7
terminate_max_batch_size: 70
update_node_address: no
launch_patience: 2m
launch_requests: { burst: 6, per_second: 0.5 }
launch_instances: { burst: 2000, per_second: 4 }
resume_timeout: 30m
boot_time: 4m
deadline_margin: 90s
assembly_patience: 40s
rung_patience: 3m
retry: { first: 2m, max: 20m, tries: 7, for: 5h }
capacity_memory: { refusal: 50s, success: 2h }
platform: Red Hat Enterprise Linux
queues: { queue1: { spares: 3 } }
launch: { from: instance-type, image_id: ami-12345678 }
slurm: { scontrol: /opt/slurm/bin/scontrol, slurm_conf: /etc/slurm/slurm.conf }
state_dir: /s
run_dir: /r
log_dir: /l
`,
    );
    const conf = files.write('all/resume.conf', confHead);
    const cluster = files.write('all/sub/cluster.yaml', clusterYaml());
    const config = loaded(load(path));
    expect(config).toMatchObject({
      settings: {
        clusterName: 'demo',
        region: 'eu-west-1',
        mode: 'node-list',
        scalingStrategy: 'best-effort',
        allOrNothingBatch: true,
        maxBatchSize: 7,
        terminateMaxBatchSize: 70,
        updateNodeAddress: false,
        launchPatienceMs: 120_000,
        launchRequests: { burst: 6, perSecond: 0.5 },
        launchInstances: { burst: 2000, perSecond: 4 },
        resumeTimeoutMs: 1_800_000,
        bootTimeMs: 240_000,
        deadlineMarginMs: 90_000,
        assemblyPatienceMs: 40_000,
        rungPatienceMs: 180_000,
        retry: { firstMs: 120_000, maxMs: 1_200_000, tries: 7, forMs: 18_000_000 },
        capacityMemory: { refusalMs: 50_000, successMs: 7_200_000 },
        platform: 'Red Hat Enterprise Linux',
        queues: [{ name: 'queue1', spares: 3 }],
      },
      stateDir: '/s',
      runDir: '/r',
      logDir: '/l',
      scontrolPath: '/opt/slurm/bin/scontrol',
      slurmConf: '/etc/slurm/slurm.conf',
      sources: { musterConfig: path, resumeConfig: conf, clusterConfig: cluster },
    });
    expect(config.settings.queues?.[0]?.computeResources[0]?.launch).toEqual({
      kind: 'instance-type',
      instanceType: 'c5.xlarge',
      imageId: 'ami-12345678',
      subnetId: 'subnet-12345678',
      placementGroup: null,
      efa: false,
    });
  });

  test('is recognised by its content where its name says nothing', () => {
    const conf = files.write('resume-settings', fixture('wiki-2020.conf'));
    expect(loaded(load(conf)).sources.resumeConfig).toBe(conf);
    const cluster = files.write('the-cluster', fixture('blog-2022.yaml'));
    expect(loaded(load(cluster)).sources.clusterConfig).toBe(cluster);
  });

  test('what a group of settings leaves out is the default', () => {
    const path = files.write(
      'part.yaml',
      'retry: { tries: 3 }\ncapacity_memory: { success: 10m }\n',
    );
    const { settings } = loaded(load(path));
    const { retry, capacityMemory } = defaultSettings;
    expect(settings.retry).toEqual({ ...retry, tries: 3 });
    expect(settings.capacityMemory).toEqual({ ...capacityMemory, successMs: 600_000 });
  });

  test("platforms are those of EC2's own list", () => {
    expect(platforms.toSorted()).toEqual(
      Object.values(CapacityReservationInstancePlatform).toSorted(),
    );
    const path = files.write('platform.yaml', 'platform: "SUSE Linux"\n');
    expect(loaded(load(path)).settings.platform).toBe('SUSE Linux');
  });

  test('durations have units', () => {
    const lengths = { '500ms': 500, '30s': 30_000, '5m': 300_000, '1h': 3_600_000 };
    for (const [text, want] of Object.entries(lengths)) {
      const path = files.write('patience.yaml', `launch_patience: ${text}\n`);
      expect(loaded(load(path)).settings.launchPatienceMs).toBe(want);
    }
  });
});

describe('where the configuration is looked for', () => {
  const muster = 'cluster_name: demo\nregion: us-east-2\n';

  test('the path given comes before MUSTER_CONFIG, that before the usual places', () => {
    const given = files.write('given.yaml', muster);
    const named = files.write('named.yaml', muster);
    const usual = files.write('usual.yaml', muster);
    const usualPaths = [files.directory + '/absent.yaml', usual];
    const source = (path: string | null, env: Record<string, string>): string | null =>
      loaded(loadConfig({ path, env, usualPaths })).sources.musterConfig;
    expect(source(given, { MUSTER_CONFIG: named })).toBe(given);
    expect(source(null, { MUSTER_CONFIG: named })).toBe(named);
    expect(source(null, { MUSTER_CONFIG: '' })).toBe(usual);
    expect(source(null, {})).toBe(usual);
  });

  test('a file that is there and cannot be read is an error, not passed over', () => {
    const usual = files.write('behind.yaml', muster);
    const result = loadConfig({ path: null, env: {}, usualPaths: [files.directory, usual] });
    expect(result).toMatchObject({
      kind: 'refused',
      errors: [{ file: files.directory, message: 'cannot be read: it is a directory' }],
    });
  });

  test('no configuration anywhere is an error that names the places', () => {
    const result = loadConfig({ path: null, env: {}, usualPaths: ['/absent/a', '/absent/b'] });
    expect(result).toMatchObject({
      kind: 'refused',
      errors: [
        {
          file: 'configuration',
          line: null,
          message: 'there is no configuration: neither /absent/a nor /absent/b exists',
          hint: expect.stringContaining('--config FILE or MUSTER_CONFIG'),
        },
      ],
    });
  });
});

describe('the folders', () => {
  test('of the environment come before those of muster.yaml', () => {
    const path = files.write('dirs.yaml', 'state_dir: /s\nrun_dir: /r\nlog_dir: /l\n');
    const env = { MUSTER_STATE_DIR: '/S', MUSTER_RUN_DIR: '/R', MUSTER_LOG_DIR: '/L' };
    expect(loaded(loadConfig({ path, env }))).toMatchObject({
      stateDir: '/S',
      runDir: '/R',
      logDir: '/L',
    });
    expect(loaded(loadConfig({ path, env: { MUSTER_RUN_DIR: '' } })).runDir).toBe('/r');
  });

  test('must be absolute, because the daemon has no working directory of its own', () => {
    const path = files.write('dirs.yaml', 'state_dir: /s\n');
    const result = loadConfig({ path, env: { MUSTER_STATE_DIR: 'state' } });
    expect(result).toMatchObject({
      kind: 'refused',
      errors: [
        {
          file: 'environment',
          message: 'MUSTER_STATE_DIR is not an absolute path: `state`',
          hint: 'begin the path with `/`, or unset MUSTER_STATE_DIR',
        },
      ],
    });
  });
});

describe('errors', () => {
  test('of all three files are in one report, each file from top to bottom', () => {
    const conf = files.write('three/resume.conf', `${confHead}colour = blue\nmax_batch_size = 0\n`);
    const cluster = files.write(
      'three/c.yaml',
      clusterYaml({ 'subnet-12345678': 'sg-1', 'MinCount: 0': 'MinCont: 99' }),
    );
    const muster = files.write(
      'three/muster.yaml',
      'mode: jobs\nresume_config: resume.conf\ncluster_config: c.yaml\nlaunch_patience: 5\n',
    );
    const result = load(muster);
    if (result.kind !== 'refused') throw new Error('it was loaded');
    expect(result.errors.map((error) => [error.file, error.line])).toEqual([
      [muster, 1],
      [muster, 4],
      [conf, 4],
      [conf, 5],
      [cluster, 8],
      [cluster, 12],
    ]);
  });

  test('of a file that is named and missing say which', () => {
    const path = files.write('lost.yaml', 'cluster_config: lost/cluster.yaml\n');
    expect(load(path)).toMatchObject({
      kind: 'refused',
      errors: [
        {
          file: `${files.directory}/lost/cluster.yaml`,
          message: 'cannot be read: no such file (ENOENT)',
          hint: expect.stringContaining('cluster configuration'),
        },
      ],
    });
  });

  test('warnings are reported with the errors', () => {
    const path = files.write('both.conf', `${confHead}proxy = a\nproxy = b\ncolour = blue\n`);
    const result = load(path);
    expect(result.kind).toBe('refused');
    expect(noticesOf(result)[0]).toMatch(/^warning: given twice/);
  });
});
