/** Broken files of ParallelCluster's: each must name the file, the line, the column and the cure. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { soleError } from './test-broken.ts';
import type { Broken } from './test-broken.ts';
import { clusterYaml, createTestFiles, fixture } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

const conf = 'parallelcluster_slurm_resume.conf';
const page = fixture('wiki-2020.conf');
const post = fixture('blog-2022.yaml');

function changed(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the text has no ${from}`);
  return text.replace(from, to);
}

const broken: Record<string, Broken> = {
  'a misspelt key of the page': {
    name: conf,
    content: changed(page, 'max_batch_size', 'max_bacth_size'),
    line: 14,
    column: 1,
    message: 'unknown key `max_bacth_size`',
    hint: 'did you mean `max_batch_size`?',
  },
  'a key like no other': {
    name: conf,
    content: `${page}colour = blue\n`,
    line: 15,
    column: 1,
    message: 'unknown key `colour`',
    hint: 'valid here: cluster_name, region, scaling_strategy',
  },
  'a boolean that is none': {
    name: conf,
    content: changed(page, 'batch = True`', 'batch = Ture`'),
    line: 13,
    column: 25,
    message: '`all_or_nothing_batch` cannot be `Ture`',
    hint: 'write `True` or `False`',
  },
  'a batch size of zero': {
    name: conf,
    content: changed(page, '= 100 ', '=  0 '),
    line: 14,
    column: 19,
    message: '`max_batch_size` cannot be `0`',
    hint: 'write a whole number from 1 on, such as `500`',
  },
  'a key without a value': {
    name: conf,
    content: changed(page, 'region = us-east-2', 'region ='),
    line: 4,
    column: 9,
    message: '`region` has no value',
    hint: 'write a region such as `us-east-2`',
  },
  'a strategy that ParallelCluster would silently take for another': {
    name: conf,
    content: `${page}scaling_strategy = best-efort\n`,
    line: 15,
    column: 20,
    message: '`scaling_strategy` cannot be `best-efort`',
    hint: 'did you mean `best-effort`?',
  },
  'the prompt of the page pasted with the file': {
    name: conf,
    content: `$ cat /etc/parallelcluster/slurm_plugin/parallelcluster_slurm_resume.conf\n${page}`,
    line: 1,
    column: 1,
    message: 'this is a command typed at a shell prompt, not a part of the file',
    hint: 'remove line 1',
  },
  'a prompt with user, host and directory': {
    name: conf,
    content: `[root@ip-10-0-0-1 ~]# cat parallelcluster_slurm_resume.conf\n${page}`,
    line: 1,
    column: 1,
    message: 'this is a command typed at a shell prompt',
    hint: 'remove line 1',
  },
  'no section header': {
    name: conf,
    content: changed(page, '[slurm_resume]\n', ''),
    line: 2,
    column: 1,
    message: '`cluster_name` stands before any section',
    hint: 'put a line `[slurm_resume]` above line 2',
  },
  'a misspelt section': {
    name: conf,
    content: changed(page, '[slurm_resume]', '[slurm-resume]'),
    line: 2,
    column: 1,
    message: 'unknown section [slurm-resume]',
    hint: 'did you mean `[slurm_resume]`?',
  },
  'a section that is not closed': {
    name: conf,
    content: changed(page, '[slurm_resume]', '[slurm_resume'),
    line: 2,
    column: 1,
    message: 'a section header without its closing bracket',
    hint: 'write `[slurm_resume]`',
  },
  'a section without a name': {
    name: conf,
    content: changed(page, '[slurm_resume]', '[]'),
    line: 2,
    column: 1,
    message: 'an empty section header',
    hint: 'write `[slurm_resume]`',
  },
  'a line that is nothing': {
    name: conf,
    content: `${page}all or nothing\n`,
    line: 15,
    column: 1,
    message: 'this line is neither a section, a comment nor `key = value`',
    hint: 'write `key = value`',
  },
  'a value without a key': {
    name: conf,
    content: `${page}= True\n`,
    line: 15,
    column: 1,
    message: 'a value without a key before its `=`',
    hint: 'write `key = value`',
  },
  'a line appended to a file without a last newline': {
    name: conf,
    content: `[slurm_resume]\nregion = us-east-2\ncluster_name = demo\nlogging_config = /etc/l.confall_or_nothing_batch = True\n`,
    line: 4,
    column: 29,
    message: '`all_or_nothing_batch` stands in the middle of `logging_config`',
    hint: 'begin a new line before `all_or_nothing_batch`',
  },
  'a line appended behind a number without a newline': {
    name: conf,
    content: `[slurm_resume]\nregion = us-east-2\ncluster_name = demo\nlaunch_max_batch_size = 100launch_max_batch_size=50\n`,
    line: 4,
    column: 28,
    message: '`launch_max_batch_size` stands in the middle of `launch_max_batch_size`',
    hint: 'begin a new line before `launch_max_batch_size`',
  },
  'a line appended below another section': {
    name: conf,
    content: `${page}\n[clustermgtd]\nregion = us-east-2\nall_or_nothing_batch = True\n`,
    line: 18,
    column: 1,
    message: '`all_or_nothing_batch` stands in section [clustermgtd], where it does nothing',
    hint: 'move it below [slurm_resume] (line 2)',
  },
  'a file of another program': {
    name: conf,
    content: `# comment\n[clustermgtd]\nregion = us-east-2\n`,
    line: 2,
    column: 1,
    message: 'the file has no section [slurm_resume]',
    hint: 'put a line `[slurm_resume]`',
  },
  'an empty conf': {
    name: conf,
    content: '',
    line: 1,
    column: 1,
    message: 'the file has no section [slurm_resume]',
    hint: 'put a line `[slurm_resume]`',
  },
  'an indented line, which configparser joins to the one before': {
    name: conf,
    content: changed(page, 'proxy = NONE', '  proxy = NONE'),
    line: 5,
    column: 3,
    message:
      "this line is indented deeper than the one before, so ParallelCluster reads it as more of `region`'s value",
    hint: 'remove the white space at its beginning',
  },
  'a region of no cloud': {
    name: conf,
    content: changed(page, 'us-east-2', 'us_east_2'),
    line: 4,
    column: 10,
    message: '`region` cannot be `us_east_2`',
    hint: 'write a region such as `us-east-2`',
  },
  'a cluster name with a blank': {
    name: conf,
    content: changed(page, 'cluster_name = demo', 'cluster_name: my demo'),
    line: 3,
    column: 15,
    message: '`cluster_name` cannot be `my demo`',
    hint: 'begin with a letter and use letters, digits and hyphens',
  },
  'a number of retries below zero': {
    name: conf,
    content: `${page}boto3_retry = -1\n`,
    line: 15,
    column: 15,
    message: '`boto3_retry` cannot be `-1`',
    hint: 'write a whole number from 0 on',
  },

  'a misspelt key of a compute resource': {
    name: 'cluster.yaml',
    content: changed(post, 'MaxCount', 'MaxCuont'),
    line: 26,
    column: 11,
    message: 'unknown key `MaxCuont` in `Scheduling.SlurmQueues[0].ComputeResources[0]`',
    hint: 'did you mean `MaxCount`?',
  },
  'a key in the wrong case': {
    name: 'cluster.yaml',
    content: changed(post, 'SubnetIds', 'subnetIds'),
    line: 32,
    column: 9,
    message: 'unknown key `subnetIds` in `Scheduling.SlurmQueues[0].Networking`',
    hint: 'did you mean `SubnetIds`?',
  },
  'more static nodes than nodes': {
    name: 'cluster.yaml',
    content: changed(post, 'MinCount: 0', 'MinCount: 201'),
    line: 25,
    column: 21,
    message: '`MinCount` 201 is more than `MaxCount` 200',
    hint: 'set `MaxCount` to 201 or more, or `MinCount` to 200 or less',
  },
  'a MaxCount that counts nothing, and that alone': {
    name: 'cluster.yaml',
    content: clusterYaml({ 'MaxCount: 8': 'MaxCount: -1' }),
    line: 13,
    column: 21,
    message: 'is not a whole number from 1 to 65536',
    hint: 'write a whole number from 1 to 65536',
  },
  'more static nodes than the default of MaxCount': {
    name: 'cluster.yaml',
    content: clusterYaml({ 'MinCount: 0\n          MaxCount: 8': 'MinCount: 11' }),
    line: 12,
    column: 21,
    message: '`MinCount` 11 is more than `MaxCount` 10 (its default)',
    hint: 'set `MaxCount` to 11 or more',
  },
  'a strategy of no kind': {
    name: 'cluster.yaml',
    content: changed(
      post,
      '  Scheduler: slurm\n',
      '  Scheduler: slurm\n  ScalingStrategy: all-or-nothin\n',
    ),
    line: 21,
    column: 20,
    message: '`Scheduling.ScalingStrategy` cannot be `all-or-nothin`',
    hint: 'did you mean `all-or-nothing`?',
  },
  'no subnet': {
    name: 'cluster.yaml',
    content: clusterYaml({ '\n          - subnet-12345678': ' []' }),
    line: 7,
    column: 20,
    message: '`Scheduling.SlurmQueues[0].Networking.SubnetIds` cannot be a list',
    hint: 'give at least one entry',
  },
  'no networking': {
    name: 'cluster.yaml',
    content: clusterYaml({
      '      Networking:\n        SubnetIds:\n          - subnet-12345678\n': '',
    }),
    line: 5,
    column: 7,
    message: '`Networking` is missing in `Scheduling.SlurmQueues[0]`',
    hint: 'write a mapping',
  },
  'a subnet id that is none': {
    name: 'cluster.yaml',
    content: clusterYaml({ 'subnet-12345678': 'sg-12345678' }),
    line: 8,
    column: 13,
    message: '`Scheduling.SlurmQueues[0].Networking.SubnetIds[0]` is not a subnet id',
    hint: 'write an id such as `subnet-12345678`',
  },
  'a queue name that ParallelCluster refuses': {
    name: 'cluster.yaml',
    content: clusterYaml({ 'Name: queue1': 'Name: Queue_1' }),
    line: 5,
    column: 13,
    message: '`Scheduling.SlurmQueues[0].Name` is not a name that ParallelCluster takes',
    hint: 'at most 25 characters',
  },
  "a queue named by Slurm's own word": {
    name: 'cluster.yaml',
    content: clusterYaml({ 'Name: queue1': 'Name: default' }),
    line: 5,
    column: 13,
    message: '`Scheduling.SlurmQueues[0].Name` is a word that Slurm keeps for itself',
    hint: 'give the queue another name',
  },
  'a compute resource whose nodes would read as those of another queue': {
    name: 'cluster.yaml',
    content: clusterYaml({ 'Name: c5xlarge': 'Name: c5-dy-large' }),
    line: 10,
    column: 17,
    message:
      '`Scheduling.SlurmQueues[0].ComputeResources[0].Name` has `st-` or `dy-` in it, so that its nodes read as those of another queue',
    hint: 'choose a name without a part `st` or `dy`',
  },
  'two queues of one name': {
    name: 'cluster.yaml',
    content: `${clusterYaml()}    - Name: queue1
      Networking: { SubnetIds: [subnet-1] }
      ComputeResources: [{ Name: a, InstanceType: c5.large }]
`,
    line: 14,
    column: 13,
    message: '`queue1` is already the name of a queue (line 5)',
    hint: 'give each its own name',
  },
  'two compute resources of one name': {
    name: 'cluster.yaml',
    content: `${clusterYaml()}        - Name: c5xlarge\n          InstanceType: c5.large\n`,
    line: 14,
    column: 17,
    message: '`c5xlarge` is already the name of a compute resource of this queue (line 10)',
    hint: 'give each its own name',
  },
  'no instance type': {
    name: 'cluster.yaml',
    content: clusterYaml({ '          InstanceType: c5.xlarge\n': '' }),
    line: 10,
    column: 11,
    message: '`Scheduling.SlurmQueues[0].ComputeResources[0]` has no instance type',
    hint: 'add `InstanceType: c6i.32xlarge`',
  },
  'an instance type given in both ways': {
    name: 'cluster.yaml',
    content: clusterYaml({
      'MinCount: 0': 'Instances: [{ InstanceType: c5.large }]',
    }),
    line: 11,
    column: 11,
    message: 'has both `InstanceType` and `Instances`',
    hint: 'keep one',
  },
  'a placement group with both of its names': {
    name: 'cluster.yaml',
    content: clusterYaml({
      '        SubnetIds:': '        PlacementGroup: { Name: a, Id: b }\n        SubnetIds:',
    }),
    line: 7,
    column: 36,
    message: '`Scheduling.SlurmQueues[0].Networking.PlacementGroup` has both `Id` and `Name`',
    hint: 'keep `Name`',
  },
  'a reservation and a group of them': {
    name: 'cluster.yaml',
    content: clusterYaml({
      '      Networking:':
        '      CapacityReservationTarget: { CapacityReservationId: cr-1, CapacityReservationResourceGroupArn: a }\n      Networking:',
    }),
    line: 6,
    column: 65,
    message:
      '`Scheduling.SlurmQueues[0].CapacityReservationTarget` has both `CapacityReservationId`',
    hint: 'keep one',
  },
  'a reservation id that is none': {
    name: 'cluster.yaml',
    content: clusterYaml({
      'MinCount: 0': 'CapacityReservationTarget: { CapacityReservationId: my-block }',
    }),
    line: 12,
    column: 63,
    message: 'CapacityReservationId` is not the id of a capacity reservation',
    hint: 'write an id such as `cr-0123456789abcdef0`',
  },
  'a misspelt key of a reservation target': {
    name: 'cluster.yaml',
    content: clusterYaml({
      'MinCount: 0': 'CapacityReservationTarget: { CapacityReservationID: cr-1 }',
    }),
    line: 12,
    column: 40,
    message: 'unknown key `CapacityReservationID`',
    hint: 'did you mean `CapacityReservationId`?',
  },
  'a count that is a word': {
    name: 'cluster.yaml',
    content: clusterYaml({ 'MaxCount: 8': 'MaxCount: many' }),
    line: 13,
    column: 21,
    message: '`Scheduling.SlurmQueues[0].ComputeResources[0].MaxCount` cannot be `many`',
    hint: 'write a number',
  },
  'a count that is no node': {
    name: 'cluster.yaml',
    content: clusterYaml({ 'MaxCount: 8': 'MaxCount: 0' }),
    line: 13,
    column: 21,
    message: 'is not a whole number from 1 to 65536',
    hint: 'write a whole number from 1 to 65536',
  },
  'a capacity type in the words of the API': {
    name: 'cluster.yaml',
    content: clusterYaml({
      '      Networking:': '      CapacityType: ON-DEMAND\n      Networking:',
    }),
    line: 6,
    column: 21,
    message: '`Scheduling.SlurmQueues[0].CapacityType` cannot be `ON-DEMAND`',
    hint: 'did you mean `ONDEMAND`?',
  },
  'another scheduler': {
    name: 'cluster.yaml',
    content: clusterYaml({ 'Scheduler: slurm': 'Scheduler: awsbatch' }),
    line: 3,
    column: 14,
    message: '`Scheduling.Scheduler` cannot be `awsbatch`',
    hint: 'valid here: slurm',
  },
  'queues that are a mapping': {
    name: 'cluster.yaml',
    content:
      'Region: us-east-2\nScheduling:\n  Scheduler: slurm\n  SlurmQueues:\n    Name: queue1\n',
    line: 5,
    column: 5,
    message: '`Scheduling.SlurmQueues` cannot be a mapping',
    hint: 'write a list',
  },
  'an empty list of queues': {
    name: 'cluster.yaml',
    content: 'Region: us-east-2\nScheduling:\n  Scheduler: slurm\n  SlurmQueues:\n',
    line: 4,
    column: 3,
    message: '`Scheduling.SlurmQueues` has no value',
    hint: 'write a list',
  },
  'a key given twice': {
    name: 'cluster.yaml',
    content: clusterYaml({ 'MaxCount: 8': 'MaxCount: 8\n          MinCount: 1' }),
    line: 14,
    column: 11,
    message: 'this key is given twice',
    hint: 'keep one of them',
  },
  'a tab as indentation': {
    name: 'cluster.yaml',
    content: 'Region: us-east-2\nScheduling:\n\tScheduler: slurm\n',
    line: 3,
    column: 1,
    message: 'a tab is used for indentation',
    hint: 'indent with spaces',
  },
  'a bracket that is not closed': {
    name: 'cluster.yaml',
    content: 'Scheduling:\n  SlurmQueues: [a, b\nRegion: us-east-2\n',
    line: 3,
    column: 1,
    message: 'not valid YAML',
    hint: 'check ',
  },
  'two documents': {
    name: 'cluster.yaml',
    content: `${clusterYaml()}---\nRegion: us-east-1\n`,
    line: 14,
    column: 1,
    message: 'a second YAML document begins here',
    hint: 'keep one document',
  },
  'a cluster file without Scheduling': {
    name: 'cluster.yaml',
    content: 'Region: us-east-2\nHeadNode:\n  InstanceType: c5.large\n',
    line: 1,
    column: 1,
    message: '`Scheduling` is missing',
    hint: 'add `Scheduling:`',
  },
  'a misspelt Scheduling': {
    name: 'cluster.yaml',
    content: clusterYaml({ 'Scheduling:': 'Sheduling:' }),
    line: 2,
    column: 1,
    message: 'unknown key `Sheduling`',
    hint: 'did you mean `Scheduling`?',
  },
  'a misspelt Region': {
    name: 'cluster.yaml',
    content: clusterYaml({ 'Region:': 'Regon:' }),
    line: 1,
    column: 1,
    message: 'unknown key `Regon`',
    hint: 'did you mean `Region`?',
  },
  'a Scheduling that is a word': {
    name: 'cluster.yaml',
    content: 'Scheduling: slurm\n',
    line: 1,
    column: 13,
    message: '`Scheduling` cannot be `slurm`',
    hint: 'write a mapping',
  },
  'a negative idle time': {
    name: 'cluster.yaml',
    content: clusterYaml({
      '  SlurmQueues:': '  SlurmSettings:\n    ScaledownIdletime: -5\n  SlurmQueues:',
    }),
    line: 5,
    column: 24,
    message: '`Scheduling.SlurmSettings.ScaledownIdletime` is not a number of minutes',
    hint: 'or `-1` for never',
  },
};

describe('a broken file of ParallelCluster is refused with its place and its cure', () => {
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
