import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { defaultSettings } from '../core/settings.ts';
import { loadConfig } from './config.ts';
import type { LoadResult } from './config.ts';
import { formatProblem } from './problem.ts';
import { clusterYaml, createTestFiles, fixture, fixturePath, load, loaded } from './test-files.ts';
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

describe('any text', () => {
  const words = fc.constantFrom(
    '[slurm_resume]',
    '[',
    ']',
    '\n',
    '  ',
    '\t',
    '=',
    ':',
    '#',
    ';',
    '`',
    '- ',
    '{',
    '}',
    '"',
    '&a ',
    '*a',
    '<<: ',
    '!!set ',
    '? ',
    '|',
    '---\n',
    '%YAML',
    '\\',
    '\r',
    '\u0000',
    '\uFEFF',
    '$ cat',
    'max_batch_size',
    'all_or_nothing_batch',
    'region',
    'us-east-2',
    'True',
    '1e9',
    '-1',
    'launch',
    'Scheduling',
    'SlurmQueues',
    'ComputeResources',
    'Name',
    'MinCount',
    '__proto__',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc
      .array(fc.oneof(words, fc.string({ maxLength: 4 })), { maxLength: 40 })
      .map((all) => all.join('')),
  );
  const names = ['any.conf', 'any.yaml', 'any'];

  test('is loaded or refused with a place and a cure, and never throws', () => {
    fc.assert(
      fc.property(text, fc.constantFrom(...names), (content, name) => {
        const path = files.write(name, content);
        const result = load(path);
        if (result.kind === 'loaded') return;
        expect(result.errors.length).toBeGreaterThan(0);
        for (const error of result.errors) {
          expect(error.file).toBe(path);
          expect(error.hint).not.toBe('');
          expect(error.line ?? 1).toBeGreaterThanOrEqual(1);
          expect(error.column ?? 1).toBeGreaterThanOrEqual(1);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('is refused when a part of a good file is cut out of it, or it still loads', () => {
    const good = clusterYaml();
    const cut = fc.tuple(fc.nat(good.length), fc.nat(30));
    fc.assert(
      fc.property(cut, ([start, length]) => {
        const path = files.write('cut.yaml', good.slice(0, start) + good.slice(start + length));
        expect(['loaded', 'refused']).toContain(load(path).kind);
      }),
      { numRuns: 300 },
    );
  });

  test('nested too deep for the parser is refused, in few words', () => {
    const path = files.write('deep.yaml', 'a: ' + '['.repeat(100_000));
    const result = load(path);
    if (result.kind !== 'refused') throw new Error('it was loaded');
    expect(result.errors.length).toBeLessThanOrEqual(20);
    expect(result.errors[0]).toMatchObject({ file: path, line: 1 });
    expect(result.errors.map(formatProblem).join('').slice(0, 20_000).length).toBeLessThan(20_000);
  });

  test('whose aliases multiply without end is refused', () => {
    const levels = Array.from({ length: 12 }, (_, n) => {
      const previous =
        n === 0
          ? '[x]'
          : `[${Array(10)
              .fill(`*a${n - 1}`)
              .join(',')}]`;
      return `a${n}: &a${n} ${previous}`;
    });
    const path = files.write('bomb.yaml', `${levels.join('\n')}\n`);
    expect(load(path)).toMatchObject({
      kind: 'refused',
      errors: [{ file: path, line: 1, message: expect.stringContaining('cannot be read as YAML') }],
    });
  });
});
