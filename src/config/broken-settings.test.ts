/** Broken settings of muster's own: each must name the line, the column and the cure. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { soleError } from './test-broken.ts';
import type { Broken } from './test-broken.ts';
import { clusterYaml, createTestFiles } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

const broken: Record<string, Broken> = {
  'an empty settings file': {
    name: 'muster.yaml',
    content: '# nothing yet\n',
    line: 1,
    column: 1,
    message: 'the file is empty',
    hint: 'it should hold',
  },
  "ParallelCluster's cluster file in place of its slurm_resume.conf": {
    name: 'muster.yaml',
    content: 'cluster_name: demo\nresume_config: cluster.yaml\n',
    beside: { 'cluster.yaml': clusterYaml() },
    line: 2,
    column: 16,
    message: "this is ParallelCluster's cluster file: `",
    hint: 'name it with `cluster_config`',
  },
  "ParallelCluster's slurm_resume.conf in place of its cluster file": {
    name: 'muster.yaml',
    content: 'cluster_config: resume.conf\n',
    beside: { 'resume.conf': '# DO NOT MODIFY\n[slurm_resume]\nregion = us-east-2\n' },
    line: 1,
    column: 17,
    message: "this is ParallelCluster's slurm_resume.conf: `",
    hint: 'name it with `resume_config`',
  },
  'a settings file that is a list': {
    name: 'muster.yaml',
    content: '- mode: job\n',
    line: 1,
    column: 1,
    message: 'the file is a list, not a mapping of keys to values',
    hint: 'it should hold',
  },
  'a misspelt setting': {
    name: 'muster.yaml',
    content: 'cluster_name: demo\nscaling_stratgy: best-effort\n',
    line: 2,
    column: 1,
    message: 'unknown key `scaling_stratgy`',
    hint: 'did you mean `scaling_strategy`?',
  },
  'a misspelt setting in a group': {
    name: 'muster.yaml',
    content: 'slurm:\n  scontol: /usr/bin/scontrol\n',
    line: 2,
    column: 3,
    message: 'unknown key `scontol` in `slurm`',
    hint: 'did you mean `scontrol`?',
  },
  'a mode of no kind': {
    name: 'muster.yaml',
    content: 'mode: jobs\n',
    line: 1,
    column: 7,
    message: '`mode` cannot be `jobs`',
    hint: 'did you mean `job`?',
  },
  'a duration without its unit': {
    name: 'muster.yaml',
    content: 'launch_patience: "300"\n',
    line: 1,
    column: 18,
    message: '`launch_patience` is not a length of time',
    hint: 'write a number and its unit: 30s, 5m or 1h',
  },
  "a duration in Slurm's way, in seconds without saying so": {
    name: 'muster.yaml',
    content: 'resume_timeout: 1800\n',
    line: 1,
    column: 17,
    message: '`resume_timeout` is not a length of time',
    hint: 'write a number and its unit: 30s, 5m or 1h',
  },
  'a duration that is a list': {
    name: 'muster.yaml',
    content: 'boot_time: [5m]\n',
    line: 1,
    column: 12,
    message: '`boot_time` cannot be a list',
    hint: 'write text',
  },
  'a duration of nothing where that would stop the world': {
    name: 'muster.yaml',
    content: 'retry:\n  first: 0s\n',
    line: 2,
    column: 10,
    message: '`retry.first` is no time at all',
    hint: 'write a length above zero, such as `30s`',
  },
  'a wait between retries that grows downwards': {
    name: 'muster.yaml',
    content: 'retry: { first: 10m, max: 5m }\n',
    line: 1,
    column: 17,
    message: '`retry.first` 10m is longer than `retry.max` 5m',
    hint: 'set both, the smaller one first',
  },
  'a first wait above the default of the longest': {
    name: 'muster.yaml',
    content: 'retry:\n  first: 1h\n',
    line: 2,
    column: 10,
    message: '`retry.first` 1h is longer than `retry.max` 15m (its default)',
    hint: 'set both',
  },
  'a longest wait below the default of the first': {
    name: 'muster.yaml',
    content: 'retry:\n  max: 30s\n',
    line: 2,
    column: 8,
    message: '`retry.first` 1m (its default) is longer than `retry.max` 30s',
    hint: 'set both',
  },
  'no tries': {
    name: 'muster.yaml',
    content: 'retry:\n  tries: 0\n',
    line: 2,
    column: 10,
    message: '`retry.tries` is not a whole number from 1 on',
    hint: 'write a whole number',
  },
  'a misspelt key of the retries': {
    name: 'muster.yaml',
    content: 'retry:\n  trys: 5\n',
    line: 2,
    column: 3,
    message: 'unknown key `trys` in `retry`',
    hint: 'did you mean `tries`?',
  },
  'a misspelt key of the memory': {
    name: 'muster.yaml',
    content: 'capacity_memory:\n  refusals: 1m\n',
    line: 2,
    column: 3,
    message: 'unknown key `refusals` in `capacity_memory`',
    hint: 'did you mean `refusal`?',
  },
  'a limit on instances without its rate': {
    name: 'muster.yaml',
    content: 'launch_instances:\n  burst: 1000\n',
    line: 1,
    column: 1,
    message: '`per_second` is missing in `launch_instances`',
    hint: 'write a number',
  },
  'a rate of nothing': {
    name: 'muster.yaml',
    content: 'launch_instances: { burst: 1000, per_second: 0 }\n',
    line: 1,
    column: 46,
    message: '`launch_instances.per_second` is not a number above 0 and up to 1000',
    hint: 'write instances a second, such as `2`',
  },
  'a platform by the name of its product': {
    name: 'muster.yaml',
    content: 'platform: Linux\n',
    line: 1,
    column: 11,
    message: '`platform` cannot be `Linux`',
    hint: 'Linux/UNIX',
  },
  'queues without a cluster file that describes them': {
    name: 'muster.yaml',
    content: 'cluster_name: demo\nqueues:\n  compute: { spares: 1 }\n',
    line: 2,
    column: 1,
    message: '`queues` needs the cluster file that describes them',
    hint: 'add `cluster_config: FILE`',
  },
  'a relative state directory': {
    name: 'muster.yaml',
    content: 'state_dir: var/muster\n',
    line: 1,
    column: 12,
    message: '`state_dir` is not an absolute path',
    hint: 'begin the path with `/`',
  },
  'a launch from nothing': {
    name: 'muster.yaml',
    content: 'launch:\n  image_id: ami-12345678\n',
    line: 1,
    column: 1,
    message: '`from` is missing in `launch`',
    hint: 'write one of launch-template, instance-type',
  },
  'a launch by instance type without a fleet': {
    name: 'muster.yaml',
    content: 'launch:\n  from: instance-type\n  image_id: ami-12345678\n',
    line: 2,
    column: 9,
    message: '`from: instance-type` needs the instance types and subnets of a cluster file',
    hint: 'add `cluster_config: FILE`',
  },
  'an image id that is none': {
    name: 'muster.yaml',
    content: 'launch:\n  from: launch-template\n  image_id: alinux2\n',
    line: 3,
    column: 13,
    message: '`launch.image_id` is not an image id',
    hint: 'write an id such as `ami-0123456789abcdef0`',
  },
};

describe('a broken muster.yaml is refused with its place and its cure', () => {
  let files: TestFiles;
  beforeAll(() => {
    files = createTestFiles();
  });
  afterAll(() => {
    files.remove();
  });

  test.each(Object.entries(broken))('%s', (_, want) => {
    expect(soleError(files, want)).toEqual({
      file: `${files.directory}/${want.name}`,
      line: want.line,
      column: want.column,
      message: expect.stringContaining(want.message),
      hint: expect.stringContaining(want.hint),
      sourceLine: want.content.split('\n')[want.line - 1],
    });
  });
});
