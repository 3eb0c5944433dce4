/** Broken `queues` of muster's settings, beside a cluster file that is right. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { soleError } from './test-broken.ts';
import type { Broken } from './test-broken.ts';
import { clusterYaml, createTestFiles, load } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

interface BrokenQueues extends Omit<Broken, 'name' | 'content' | 'beside'> {
  /** What stands under `queues:`, from line 2 on. */
  readonly queues: string;
  /** The market of queue1. */
  readonly spot?: boolean;
}

/** The cluster file has queue1 with c5xlarge, and gpu with p4d and p5. */
function cluster(spot: boolean): string {
  const market = spot ? 'SPOT' : 'ONDEMAND';
  return `${clusterYaml({ '      Networking:': `      CapacityType: ${market}\n      Networking:` })}    - Name: gpu
      Networking: { SubnetIds: [subnet-1] }
      ComputeResources:
        - { Name: p4d, InstanceType: p4d.24xlarge }
        - { Name: p5, InstanceType: p5.48xlarge }
`;
}

const broken: Record<string, BrokenQueues> = {
  'a misspelt queue': {
    queues: '  queue2: { spares: 1 }',
    line: 2,
    column: 3,
    message: 'unknown queue `queue2` in `queues`: the cluster file has none of that name',
    hint: 'did you mean `queue1`?',
  },
  'a queue like no other': {
    queues: '  batch-of-the-night:\n    greedy: true',
    line: 2,
    column: 3,
    message: 'unknown queue `batch-of-the-night` in `queues`',
    hint: 'valid here: queue1, gpu',
  },
  'a misspelt compute resource': {
    queues: '  gpu:\n    compute_resources:\n      p6:\n        ladder: [{ market: spot }]',
    line: 4,
    column: 7,
    message: 'unknown compute resource `p6` in `queues.gpu.compute_resources`',
    hint: 'did you mean `p5`?',
  },
  "another queue's compute resource": {
    queues: '  queue1:\n    compute_resources:\n      p4d: {}',
    line: 4,
    column: 7,
    message: 'unknown compute resource `p4d` in `queues.queue1.compute_resources`',
    hint: 'valid here: c5xlarge',
  },
  'whole sets that need not be whole': {
    queues: '  gpu:\n    static_sets: { launch: best-effort, replace: set }',
    line: 3,
    column: 18,
    message: '`queues.gpu.static_sets` replaces whole sets that need not be whole',
    hint: 'use `launch: all-or-nothing` or `replace: node`',
  },
  'a misspelt policy': {
    queues: '  gpu:\n    spare: 1',
    line: 3,
    column: 5,
    message: 'unknown key `spare` in `queues.gpu`',
    hint: 'did you mean `spares`?',
  },
  'a misspelt key of a compute resource': {
    queues: '  gpu:\n    compute_resources:\n      p5: { leader: [] }',
    line: 4,
    column: 13,
    message: 'unknown key `leader` in `queues.gpu.compute_resources.p5`',
    hint: 'did you mean `ladder`?',
  },
  'a key of a rung in the words of the API': {
    queues: '  gpu:\n    ladder:\n      - instanceType: p5.48xlarge',
    line: 4,
    column: 9,
    message: 'unknown key `instanceType` in `queues.gpu.ladder[0]`',
    hint: 'did you mean `instance_type`?',
  },
  'a strategy of no kind': {
    queues: '  gpu:\n    strategy: reserved',
    line: 3,
    column: 15,
    message: '`queues.gpu.strategy` cannot be `reserved`',
    hint: 'did you mean `reserve`?',
  },
  'a choice that is a number': {
    queues: '  gpu:\n    greedy: 1',
    line: 3,
    column: 13,
    message: '`queues.gpu.greedy` cannot be `1`',
    hint: 'write `true` or `false`',
  },
  'spares of a fraction': {
    queues: '  gpu:\n    spares: 0.5',
    line: 3,
    column: 13,
    message: '`queues.gpu.spares` is not a whole number from 0 to 1000',
    hint: 'write a whole number from 0 to 1000',
  },
  'spares below zero': {
    queues: '  gpu:\n    spares: -1',
    line: 3,
    column: 13,
    message: '`queues.gpu.spares` is not a whole number from 0 to 1000',
    hint: 'write a whole number from 0 to 1000',
  },
  'no queues': {
    queues: '',
    line: 1,
    column: 1,
    message: '`queues` has no value',
    hint: 'write a mapping',
  },
  'a queue of nothing': {
    queues: '  gpu:',
    line: 2,
    column: 3,
    message: '`queues.gpu` has no value',
    hint: 'write a mapping',
  },
  'queues that are a list': {
    queues: '  - gpu',
    line: 2,
    column: 3,
    message: '`queues` cannot be a list',
    hint: 'write a mapping',
  },
  'a ladder without rungs': {
    queues: '  gpu:\n    ladder: []',
    line: 3,
    column: 13,
    message: '`queues.gpu.ladder` cannot be a list',
    hint: 'give at least one entry',
  },
  'a ladder that is a rung': {
    queues: '  gpu:\n    ladder: { market: spot }',
    line: 3,
    column: 13,
    message: '`queues.gpu.ladder` cannot be a mapping',
    hint: 'write a list',
  },
  'an empty rung': {
    queues: '  gpu:\n    ladder:\n      - { market: spot }\n      - {}',
    line: 5,
    column: 9,
    message: '`queues.gpu.ladder[1]` is empty',
    hint: 'name at least one of instance_type, subnet, market and reservation',
  },
  "a market in ParallelCluster's words": {
    queues: '  gpu:\n    ladder: [{ market: ONDEMAND }]',
    line: 3,
    column: 24,
    message: '`queues.gpu.ladder[0].market` cannot be `ONDEMAND`',
    hint: 'did you mean `on-demand`?',
  },
  'an instance type that is none': {
    queues: '  gpu:\n    ladder: [{ instance_type: p5 }]',
    line: 3,
    column: 31,
    message: '`queues.gpu.ladder[0].instance_type` is not an instance type',
    hint: 'write a type such as `c6i.32xlarge`',
  },
  'a zone for a subnet': {
    queues: '  gpu:\n    ladder: [{ subnet: us-east-2a }]',
    line: 3,
    column: 24,
    message: '`queues.gpu.ladder[0].subnet` is not a subnet id',
    hint: 'write an id such as `subnet-12345678`',
  },
  'a reservation by another name': {
    queues: '  gpu:\n    ladder: [{ reservation: ours }]',
    line: 3,
    column: 29,
    message: '`queues.gpu.ladder[0].reservation` is not the id of a capacity reservation',
    hint: 'write an id such as `cr-0123456789abcdef0`',
  },
  'a reservation for spot instances': {
    queues: '  gpu:\n    ladder:\n      - { market: spot, reservation: cr-1 }',
    line: 4,
    column: 9,
    message: '`queues.gpu.ladder[0]` has a reservation for spot instances',
    hint: 'use `market: on-demand` or `market: capacity-block`',
  },
  'a reservation without a market in a queue of spot instances': {
    queues: '  queue1:\n    ladder:\n      - reservation: cr-1',
    spot: true,
    line: 4,
    column: 9,
    message: '`queues.queue1.ladder[0]` has a reservation, and queue `queue1` buys spot instances',
    hint: 'add `market: on-demand` or `market: capacity-block` to this rung',
  },
  'a capacity block that is not named': {
    queues:
      '  gpu:\n    compute_resources:\n      p5:\n        ladder:\n          - market: capacity-block',
    line: 6,
    column: 21,
    message: '`queues.gpu.compute_resources.p5.ladder[0]` does not say which capacity block',
    hint: 'add `reservation: cr-...`',
  },
};

function whole({ queues, spot, ...want }: BrokenQueues): Broken {
  return {
    ...want,
    name: 'muster.yaml',
    content: `queues:\n${queues}\ncluster_name: demo\ncluster_config: cluster.yaml\n`,
    beside: { 'cluster.yaml': cluster(spot ?? false) },
  };
}

describe('broken queues are refused with their place and their cure', () => {
  let files: TestFiles;
  beforeAll(() => {
    files = createTestFiles();
  });
  afterAll(() => {
    files.remove();
  });

  test.each(Object.entries(broken))('%s', (_, queues) => {
    const want = whole(queues);
    expect(soleError(files, want)).toEqual({
      file: `${files.directory}/${want.name}`,
      line: want.line,
      column: want.column,
      message: expect.stringContaining(want.message),
      hint: expect.stringContaining(want.hint),
      sourceLine: want.content.split('\n')[want.line - 1],
    });
  });

  test('all of them at once, from top to bottom', () => {
    files.write('cluster.yaml', cluster(false));
    const path = files.write(
      'muster.yaml',
      `cluster_config: cluster.yaml
queues:
  gpo: { spares: 1 }
  gpu:
    ladder: [{ market: capacity-block }]
    compute_resources: { p6: {} }
  queue1: { compute_resources: { c5: { ladder: [{ market: capacity-block }] } } }
`,
    );
    const result = load(path);
    if (result.kind !== 'refused') throw new Error('it was loaded');
    expect(result.errors.map(({ line, column }) => [line, column])).toEqual([
      [3, 3],
      [5, 24],
      [6, 26],
      [7, 34],
      [7, 59],
    ]);
  });

  test('names that are wrong are told together with what else is wrong', () => {
    files.write('cluster.yaml', cluster(false));
    const path = files.write(
      'muster.yaml',
      `cluster_config: cluster.yaml
retry: { first: 2h }
queues:
  gpo: { strategy: lanch, retry: { first: 3h } }
  queue1: { compute_resources: { c6: {} } }
`,
    );
    const result = load(path);
    if (result.kind !== 'refused') throw new Error('it was loaded');
    expect(result.errors.map(({ message, hint }) => [message, hint])).toEqual([
      [expect.stringContaining('unknown queue `gpo`'), 'did you mean `gpu`?'],
      [expect.stringContaining('strategy` cannot be `lanch`'), 'did you mean `launch`?'],
      [expect.stringContaining('unknown compute resource `c6`'), 'valid here: c5xlarge'],
    ]);
    // No schema is in the way of the times, once the word is right.
    files.write('muster.yaml', readFileSync(path, 'utf8').replace('lanch', 'launch'));
    const again = load(path);
    if (again.kind !== 'refused') throw new Error('it was loaded');
    expect(again.errors.map(({ line, message }) => [line, message])).toEqual([
      [2, expect.stringContaining('`retry.first` 2h is longer')],
      [4, expect.stringContaining('unknown queue `gpo`')],
      [5, expect.stringContaining('unknown compute resource `c6`')],
    ]);
  });

  test('says nothing of queues where the cluster file is what cannot be read', () => {
    const path = files.write('muster.yaml', 'cluster_config: lost.yaml\nqueues: { gpu: {} }\n');
    expect(load(path)).toMatchObject({
      kind: 'refused',
      errors: [{ file: `${files.directory}/lost.yaml` }],
    });
  });
});
