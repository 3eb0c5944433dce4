/** The keys of launches on every level: what the core gets, what is wrong, and where `config show` says it comes from. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { settingsAt } from '../core/launch-policy.ts';
import type { Settings } from '../core/settings.ts';
import type { LoadResult } from './config.ts';
import { effectiveSettings, parseEffectiveOf } from './effective.ts';
import { formatProblem } from './problem.ts';
import { clusterYaml, createTestFiles, load, loaded } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

let files: TestFiles;
beforeAll(() => {
  files = createTestFiles();
});
afterAll(() => {
  files.remove();
});

/** `queue1` with the compute resource `c5xlarge`, muster.yaml beside it. */
function joined(lines: readonly string[], cluster = clusterYaml()): LoadResult {
  files.write('cluster.yaml', cluster);
  const head = ['cluster_config: cluster.yaml', 'cluster_name: demo'];
  return load(files.write('muster.yaml', `${[...head, ...lines].join('\n')}\n`));
}

const everyKey = [
  'scaling_strategy: best-effort',
  'all_or_nothing_batch: true',
  'max_batch_size: 7',
  'strategy: launch',
  'spread: true',
  'greedy: false',
  'spares: 3',
  'launch_patience: 11s',
  'boot_time: 12s',
  'assembly_patience: 13s',
  'rung_patience: 14s',
  'retry: { first: 1s, max: 2s, tries: 3, for: 4s }',
  'capacity_memory: { refusal: 5s, success: 6s }',
  'platform: SUSE Linux',
  'protection: { failures: 3 }',
];

const everySetting: Partial<Settings> = {
  scalingStrategy: 'best-effort',
  allOrNothingBatch: true,
  maxBatchSize: 7,
  strategy: 'launch',
  spread: true,
  greedy: false,
  spares: 3,
  launchPatienceMs: 11_000,
  bootTimeMs: 12_000,
  assemblyPatienceMs: 13_000,
  rungPatienceMs: 14_000,
  retry: { firstMs: 1_000, maxMs: 2_000, tries: 3, forMs: 4_000 },
  capacityMemory: { refusalMs: 5_000, successMs: 6_000 },
  platform: 'SUSE Linux',
  protection: { failures: 3 },
};

const levels: Record<string, readonly string[]> = {
  cluster: everyKey,
  queue: ['queues:', '  queue1:', ...everyKey.map((line) => `    ${line}`)],
  'compute resource': [
    'queues:',
    '  queue1:',
    '    compute_resources:',
    '      c5xlarge:',
    ...everyKey.map((line) => `        ${line}`),
  ],
};

const computeResource = { queue: 'queue1', computeResource: 'c5xlarge' };

describe('every setting of a launch', () => {
  test.each(Object.entries(levels))('can be set for a %s', (_level, lines) => {
    const { settings } = loaded(joined(lines));
    expect(settingsAt(settings, computeResource)).toMatchObject(everySetting);
  });

  test.each(Object.entries(levels))('is shown with its line, for a %s', (_level, lines) => {
    const result = joined(lines);
    if (result.kind === 'refused') throw new Error('refused');
    const shown = effectiveSettings(result, computeResource);
    const launches = shown.filter(({ name }) => !/^(limits\.|static_sets\.|ladder$)/.test(name));
    expect(launches.filter(({ from }) => from === null)).toEqual([]);
    const first = lines.length - everyKey.length + 3;
    expect(shown.find(({ name }) => name === 'scaling_strategy')).toMatchObject({
      value: 'best-effort',
      from: { line: first, key: null },
    });
    expect(shown.find(({ name }) => name === 'retry.for')).toMatchObject({
      value: '4s',
      from: { line: first + 11 },
    });
  });
});

describe('a level that says a part', () => {
  test('leaves the rest as it is above', () => {
    const { settings } = loaded(
      joined([
        'retry: { tries: 7 }',
        'queues: { queue1: { retry: { first: 2m }, compute_resources: { c5xlarge: { capacity_memory: { refusal: 1m } } } } }',
      ]),
    );
    expect(settingsAt(settings, computeResource)).toMatchObject({
      retry: { firstMs: 120_000, maxMs: 900_000, tries: 7, forMs: 86_400_000 },
      capacityMemory: { refusalMs: 60_000, successMs: 3_600_000 },
    });
  });

  const rows: Record<string, { lines: readonly string[]; isFirm: boolean }> = {
    'its strategy decides for its launch-batches, too': {
      lines: ['mode: node-list', 'queues: { queue1: { scaling_strategy: all-or-nothing } }'],
      isFirm: true,
    },
    'unless the cluster says of launch-batches what they are': {
      lines: [
        'mode: node-list',
        'all_or_nothing_batch: false',
        'queues: { queue1: { scaling_strategy: all-or-nothing } }',
      ],
      isFirm: false,
    },
    'or it does itself': {
      lines: [
        'mode: node-list',
        'queues: { queue1: { scaling_strategy: all-or-nothing, all_or_nothing_batch: false } }',
      ],
      isFirm: false,
    },
  };
  test.each(Object.entries(rows))('%s', (_name, { lines, isFirm }) => {
    const { settings } = loaded(joined(lines));
    expect(settingsAt(settings, computeResource).allOrNothingBatch).toBe(isFirm);
  });

  test('is refused where its first wait is longer than what holds above for the last', () => {
    const result = joined(['queues: { queue1: { retry: { first: 20m } } }']);
    if (result.kind !== 'refused') throw new Error('not refused');
    expect(result.errors.map(formatProblem).join('\n')).toContain(
      'muster.yaml:3:37: `retry.first` 20m is longer than `retry.max` 15m (as it is elsewhere)',
    );
  });

  test('is warned of a time that never runs out, and of boots that do not fit', () => {
    const result = joined([
      'resume_timeout: 20m',
      'queues:',
      '  queue1:',
      '    rung_patience: 1h',
      '    compute_resources: { c5xlarge: { boot_time: 30m } }',
    ]);
    expect(result.notices.map(formatProblem)).toEqual([
      expect.stringMatching(/muster\.yaml:6:5: warning: `rung_patience` 1h never runs out/),
      expect.stringMatching(
        /muster\.yaml:7:38: warning: `resume_timeout` 20m is short for .* in `queues\.queue1\.compute_resources\.c5xlarge`/,
      ),
    ]);
  });
});

describe('where a setting comes from', () => {
  function from(result: LoadResult, name: string): unknown {
    if (result.kind === 'refused') throw new Error('refused');
    const shown = effectiveSettings(result, null);
    const found = shown.find((each) => each.name === name)?.from ?? null;
    return found === null ? null : { ...found, file: found.file.replace(/^.*\//, '') };
  }

  test("is ParallelCluster's file where that says it, under that file's name for it", () => {
    files.write(
      'resume.conf',
      '[slurm_resume]\nregion = us-east-2\nmax_batch_size = 9\nlaunch_max_batch_size = 8\n',
    );
    const result = joined(['resume_config: resume.conf']);
    expect(from(result, 'region')).toEqual({ file: 'resume.conf', line: 2, column: 1, key: null });
    expect(from(result, 'max_batch_size')).toMatchObject({ file: 'resume.conf' });
  });

  test('is the cluster file for what it says, and for what follows from that', () => {
    const strategy = 'ScalingStrategy: all-or-nothing';
    const cluster = clusterYaml({ '  Scheduler: slurm': `  Scheduler: slurm\n  ${strategy}` });
    const result = joined([], cluster);
    const place = { file: 'cluster.yaml', line: 4, column: 3, key: 'ScalingStrategy' };
    expect(from(result, 'scaling_strategy')).toEqual(place);
    expect(from(result, 'all_or_nothing_batch')).toEqual(place);
    expect(from(result, 'region')).toEqual({
      file: 'cluster.yaml',
      line: null,
      column: null,
      key: null,
    });
  });

  test('is nobody for a default', () => {
    expect(from(joined([]), 'greedy')).toBeNull();
  });
});

describe('whose settings are asked for', () => {
  const rows: Record<string, { text: string; want: object }> = {
    'a queue': { text: 'queue1', want: { of: { queue: 'queue1', computeResource: null } } },
    'a compute resource': { text: 'queue1/c5xlarge', want: { of: computeResource } },
    'a queue that is none': {
      text: 'queue11',
      want: { message: 'there is no queue `queue11`', hint: 'did you mean `queue1`?' },
    },
    'a compute resource that is none': {
      text: 'queue1/gpu',
      want: {
        message: 'queue `queue1` has no compute resource `gpu`',
        hint: 'valid here: c5xlarge',
      },
    },
  };
  test.each(Object.entries(rows))('%s', (_name, { text, want }) => {
    expect(parseEffectiveOf(loaded(joined([])).settings, text)).toEqual(want);
  });

  test('is nobody where no cluster file describes the queues', () => {
    const { settings } = loaded(
      load(files.write('alone.yaml', 'cluster_name: demo\nregion: us-east-2\n')),
    );
    expect(parseEffectiveOf(settings, 'queue1')).toMatchObject({
      message: expect.stringContaining('no cluster file') as string,
    });
  });
});
