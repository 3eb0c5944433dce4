import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldHostlist } from './hostlist.ts';
import { planRequest, type Plan } from './plan.ts';
import { resumeFile, type Jobs } from './testing/world.ts';
import { defaultSettings, type LaunchSource, type Queue, type Settings } from './settings.ts';

const template: LaunchSource = { kind: 'launch-template', name: 't', version: '$Latest' };

function resource(
  name: string,
  minCount: number,
  maxCount: number,
): Queue['computeResources'][number] {
  return { name, minCount, maxCount, instanceTypes: [name], launch: template };
}

const fleet: readonly Queue[] = [
  {
    name: 'queue1',
    capacityType: 'on-demand',
    computeResources: [resource('c5xlarge', 2, 12), resource('t2micro', 0, 4)],
  },
  { name: 'queue2', capacityType: 'spot', computeResources: [resource('c5xlarge', 0, 10)] },
];

const pageRequest = 'queue1-dy-c5xlarge-[1-5],queue1-dy-t2micro-2,queue2-dy-c5xlarge-[1-3]';

function plan(
  settings: Partial<Settings>,
  hostlist: string,
  jobs: Jobs | string | null = null,
): Plan {
  const text = typeof jobs === 'string' || jobs === null ? jobs : resumeFile(jobs);
  return planRequest({ ...defaultSettings, ...settings }, hostlist, text);
}

/** A line a RunInstances call: the gang's number, what it is for, the counts and the nodes. */
function calls({ gangs }: Plan): string[] {
  return gangs.flatMap((gang, index) =>
    gang.batches.map(
      ({ minCount, maxCount, nodes }) =>
        `${index} ${gang.kind}${gang.firm ? '' : ' soft'} [${gang.jobIds.join(' ')}] ${minCount}..${maxCount} ${foldHostlist(nodes)}`,
    ),
  );
}

describe('node-list: the workflow example of the page', () => {
  const nodeList = { mode: 'node-list', maxBatchSize: 4 } as const;

  test('max_batch_size = 4 gives exactly four launch-batches, firm', () => {
    expect(calls(plan({ ...nodeList, allOrNothingBatch: true }, pageRequest))).toEqual([
      '0 launch-batch [] 4..4 queue1-dy-c5xlarge-[1-4]',
      '1 launch-batch [] 1..1 queue1-dy-c5xlarge-5',
      '2 launch-batch [] 1..1 queue1-dy-t2micro-2',
      '3 launch-batch [] 3..3 queue2-dy-c5xlarge-[1-3]',
    ]);
  });

  test('and soft: at least one instance each', () => {
    expect(calls(plan(nodeList, pageRequest))).toEqual([
      '0 launch-batch soft [] 1..4 queue1-dy-c5xlarge-[1-4]',
      '1 launch-batch soft [] 1..1 queue1-dy-c5xlarge-5',
      '2 launch-batch soft [] 1..1 queue1-dy-t2micro-2',
      '3 launch-batch soft [] 1..3 queue2-dy-c5xlarge-[1-3]',
    ]);
  });

  for (const mode of ['node-list', 'job'] as const) {
    test(`the misprint without the hyphen is one clear error for those three, mode ${mode}`, () => {
      const misprint = pageRequest.replace('queue2-dy-c5xlarge-[', 'queue2-dy-c5xlarge[');
      const got = plan({ ...nodeList, mode }, misprint);
      expect(got.gangs).toHaveLength(3);
      expect(got.rejected).toHaveLength(1);
      expect(got.rejected[0]?.nodes).toEqual([
        'queue2-dy-c5xlarge1',
        'queue2-dy-c5xlarge2',
        'queue2-dy-c5xlarge3',
      ]);
      expect(got.rejected[0]?.code).toBe('InvalidNodenameError');
      expect(got.rejected[0]?.message).toContain('was queue2-dy-c5xlarge-1 meant?');
    });
  }

  test("nodes in Slurm's order, not sorted, and each once", () => {
    const got = plan({ ...nodeList, maxBatchSize: 2 }, 'q-dy-a-3,q-dy-b-1,q-dy-a-[1,3],q-dy-a-2');
    expect(calls(got)).toEqual([
      '0 launch-batch soft [] 1..2 q-dy-a-[3,1]',
      '1 launch-batch soft [] 1..1 q-dy-a-2',
      '2 launch-batch soft [] 1..1 q-dy-b-1',
    ]);
    expect(got.gangs[0]?.nodes).toEqual(['q-dy-a-3', 'q-dy-a-1']);
    expect(got.nodes).toEqual(['q-dy-a-3', 'q-dy-b-1', 'q-dy-a-1', 'q-dy-a-2']);
  });

  test('the jobs of a resume file change no batch, they are told with it', () => {
    const jobs: Jobs = ['q-dy-c-[1,3-4]', 'q-dy-c-[2,5-6]'];
    expect(calls(plan({ ...nodeList, maxBatchSize: 3 }, 'q-dy-c-[1-6]', jobs))).toEqual([
      '0 launch-batch soft [1 2] 1..3 q-dy-c-[1-3]',
      '1 launch-batch soft [1 2] 1..3 q-dy-c-[4-6]',
    ]);
  });
});

describe('job: every job is a gang', () => {
  const table = new Map<string, [Partial<Settings>, string, Jobs, string[]]>([
    ['one job, one call', [{}, 'q-dy-c-[1-4]', ['q-dy-c-[1-4]'], ['0 job [1] 4..4 q-dy-c-[1-4]']]],
    [
      'two jobs in one call of ResumeProgram are apart',
      [
        {},
        'q-dy-c-[1-6]',
        ['q-dy-c-[1,3-4]', 'q-dy-c-[2,5-6]'],
        ['0 job [1] 3..3 q-dy-c-[1,3-4]', '1 job [2] 3..3 q-dy-c-[2,5-6]'],
      ],
    ],
    [
      'a job wider than max_batch_size is cut into calls of one gang',
      [
        { maxBatchSize: 3 },
        'q-dy-c-[1-7]',
        ['q-dy-c-[1-7]'],
        ['0 job [1] 3..3 q-dy-c-[1-3]', '0 job [1] 3..3 q-dy-c-[4-6]', '0 job [1] 1..1 q-dy-c-7'],
      ],
    ],
    [
      'a job on several compute resources is one gang, a call each',
      [
        {},
        'q-dy-a-[1-2],q-dy-b-1',
        ['q-dy-a-[1-2],q-dy-b-1'],
        ['0 job [1] 2..2 q-dy-a-[1-2]', '0 job [1] 1..1 q-dy-b-1'],
      ],
    ],
    [
      'best-effort takes what EC2 gives',
      [
        { scalingStrategy: 'best-effort' },
        'q-dy-c-[1-2]',
        ['q-dy-c-[1-2]'],
        ['0 job soft [1] 1..2 q-dy-c-[1-2]'],
      ],
    ],
    [
      'greedy-all-or-nothing is whole or nothing, too',
      [
        { scalingStrategy: 'greedy-all-or-nothing' },
        'q-dy-c-[1-2]',
        ['q-dy-c-[1-2]'],
        ['0 job [1] 2..2 q-dy-c-[1-2]'],
      ],
    ],
    [
      'jobs of one node each share a soft call',
      [
        {},
        'q-dy-c-[1-3]',
        ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3'],
        ['0 single-node-jobs soft [1 2 3] 1..3 q-dy-c-[1-3]'],
      ],
    ],
    [
      'a lone job of one node is a job like any other',
      [{}, 'q-dy-c-1', ['q-dy-c-1'], ['0 job [1] 1..1 q-dy-c-1']],
    ],
    [
      'jobs of one node each on several compute resources: a call for each of these',
      [
        {},
        'q-dy-a-[1-2],q-dy-b-[1-2]',
        ['q-dy-a-1', 'q-dy-b-1', 'q-dy-a-2', 'q-dy-b-2'],
        [
          '0 single-node-jobs soft [1 3] 1..2 q-dy-a-[1-2]',
          '1 single-node-jobs soft [2 4] 1..2 q-dy-b-[1-2]',
        ],
      ],
    ],
    [
      'jobs on one node share its instance',
      [{}, 'q-dy-c-1', ['q-dy-c-1', 'q-dy-c-1'], ['0 single-node-jobs soft [1 2] 1..1 q-dy-c-1']],
    ],
    [
      'jobs sharing a node share its instance: the first launches it',
      [
        {},
        'q-dy-c-[1-3]',
        ['q-dy-c-[1-2]', 'q-dy-c-[2-3]'],
        ['0 job [1] 2..2 q-dy-c-[1-2]', '1 job [2] 1..1 q-dy-c-3'],
      ],
    ],
    [
      'a job whose every node another launches makes no call',
      [{}, 'q-dy-c-[1-2]', ['q-dy-c-[1-2]', 'q-dy-c-[1-2]'], ['0 job [1] 2..2 q-dy-c-[1-2]']],
    ],
    [
      'a job of one node that a wider one has does not make the other small ones wait',
      [
        {},
        'q-dy-c-[1-4]',
        ['q-dy-c-[1-2]', 'q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4'],
        ['0 job [1] 2..2 q-dy-c-[1-2]', '2 single-node-jobs soft [3 4] 1..2 q-dy-c-[3-4]'],
      ],
    ],
    [
      'small jobs join across a wider one when the file has no priorities',
      [
        {},
        'q-dy-c-[1-4]',
        ['q-dy-c-1', 'q-dy-c-[2-3]', 'q-dy-c-4'],
        ['0 single-node-jobs soft [1 3] 1..2 q-dy-c-[1,4]', '1 job [2] 2..2 q-dy-c-[2-3]'],
      ],
    ],
    [
      'the job of the highest priority is first',
      [
        {},
        'q-dy-c-[1-6]',
        [
          { job_id: 7, nodes_resume: 'q-dy-c-[1-2]', priority: 10 },
          { job_id: 8, nodes_resume: 'q-dy-c-[3-4]', priority: 30 },
          { job_id: 9, nodes_resume: 'q-dy-c-[5-6]', priority: 10 },
        ],
        [
          '0 job [8] 2..2 q-dy-c-[3-4]',
          '1 job [7] 2..2 q-dy-c-[1-2]',
          '2 job [9] 2..2 q-dy-c-[5-6]',
        ],
      ],
    ],
    [
      'no small job overtakes a wider one of higher priority',
      [
        {},
        'q-dy-c-[1-4]',
        [
          { job_id: 1, nodes_resume: 'q-dy-c-1', priority: 30 },
          { job_id: 2, nodes_resume: 'q-dy-c-[2-3]', priority: 20 },
          { job_id: 3, nodes_resume: 'q-dy-c-4', priority: 10 },
        ],
        ['0 job [1] 1..1 q-dy-c-1', '1 job [2] 2..2 q-dy-c-[2-3]', '2 job [3] 1..1 q-dy-c-4'],
      ],
    ],
    [
      'a job that lists its nodes in another order gets them in the order of the request',
      [
        { maxBatchSize: 2 },
        'q-dy-c-[1-3]',
        ['q-dy-c-[3,1,2]'],
        ['0 job [1] 2..2 q-dy-c-[1-2]', '0 job [1] 1..1 q-dy-c-3'],
      ],
    ],
    [
      'only the nodes of the argument, where the file has more (power-action groups)',
      [{}, 'q-dy-c-[1-2]', ['q-dy-c-[1-4]', 'q-dy-c-[5-6]'], ['0 job [1] 2..2 q-dy-c-[1-2]']],
    ],
    [
      'nodes of no job go as a node list',
      [
        { maxBatchSize: 2 },
        'q-dy-c-[1-5]',
        ['q-dy-c-[1-2]'],
        [
          '0 job [1] 2..2 q-dy-c-[1-2]',
          '1 launch-batch soft [] 1..2 q-dy-c-[3-4]',
          '2 launch-batch soft [] 1..1 q-dy-c-5',
        ],
      ],
    ],
    [
      'nodes of no job go firm where the configuration says so',
      [{ allOrNothingBatch: true }, 'q-dy-c-[1-2]', [], ['0 launch-batch [] 2..2 q-dy-c-[1-2]']],
    ],
  ]);
  for (const [name, [settings, hostlist, jobs, want]] of table) {
    test(name, () => {
      const got = plan(settings, hostlist, jobs);
      expect(calls(got)).toEqual(want);
      expect(got.faults).toEqual([]);
    });
  }

  test('a gang whose nodes another launches still counts them as its own', () => {
    const got = plan({}, 'q-dy-c-[1-3]', ['q-dy-c-[1-2]', 'q-dy-c-[2-3]']);
    expect(got.gangs[1]?.nodes).toEqual(['q-dy-c-2', 'q-dy-c-3']);
  });
});

describe('every node of a request is planned exactly once', () => {
  const nodes = Array.from(
    { length: 9 },
    (_, index) => `q-dy-${index < 6 ? 'a' : 'b'}-${index + 1}`,
  );
  // Slurm names a job once; what becomes of a second entry is told elsewhere.
  const jobs = fc.uniqueArray(
    fc.record({
      job_id: fc.nat(),
      nodes_resume: fc.subarray(nodes).map((list) => list.join(',')),
      priority: fc.option(fc.nat({ max: 3 })),
    }),
    { selector: ({ job_id: id }) => id },
  );
  test('in calls of at most max_batch_size, of one compute resource, MinCount 1 or all', () => {
    fc.assert(
      fc.property(
        fc.subarray(nodes, { minLength: 1 }),
        jobs,
        fc.record({
          mode: fc.constantFrom('job' as const, 'node-list' as const),
          maxBatchSize: fc.integer({ min: 1, max: 5 }),
          allOrNothingBatch: fc.boolean(),
        }),
        (asked, list, settings) => {
          const got = plan(settings, asked.join(','), list);
          const batches = got.gangs.flatMap((gang) =>
            gang.batches.map((batch) => ({ gang, batch })),
          );
          const launched = batches.flatMap(({ batch }) => batch.nodes);
          expect(launched.toSorted()).toEqual(asked.toSorted());
          for (const { gang, batch } of batches) {
            expect(batch.nodes.length).toBeLessThanOrEqual(settings.maxBatchSize);
            expect(batch.maxCount).toBe(batch.nodes.length);
            expect(batch.minCount).toBe(gang.firm ? batch.nodes.length : 1);
            expect(new Set(batch.nodes.map((node) => node[5])).size).toBe(1);
          }
          for (const job of list.filter((each) => each.nodes_resume !== '')) {
            const wants = job.nodes_resume.split(',').filter((node) => asked.includes(node));
            if (settings.mode !== 'job' || wants.length === 0) continue;
            const own = got.gangs.filter(
              ({ jobIds, nodes: members }) =>
                jobIds.includes(job.job_id) && wants.every((node) => members.includes(node)),
            );
            expect(own.length).toBeGreaterThan(0);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('the fleet', () => {
  const settings: Partial<Settings> = { queues: fleet, clusterName: 'demo' };
  const table = new Map<string, [string, string, string]>([
    ['a queue that it does not have', ['queue9-dy-c5xlarge-1', 'UnknownQueue', 'queue1, queue2']],
    [
      'a compute resource that the queue does not have',
      ['queue2-dy-t2micro-1', 'UnknownComputeResource', '(it has: c5xlarge)'],
    ],
    [
      'a dynamic node beyond the count',
      ['queue1-dy-c5xlarge-11', 'NodeOutsideFleet', 'queue1/c5xlarge has 10 dynamic nodes'],
    ],
    [
      'a static node beyond the count',
      ['queue1-st-c5xlarge-3', 'NodeOutsideFleet', 'queue1/c5xlarge has 2 static nodes'],
    ],
    [
      'a node numbered zero',
      ['queue1-dy-t2micro-0', 'NodeOutsideFleet', 'queue1/t2micro has 4 dynamic nodes'],
    ],
    ['a name of another form', ['login-node', 'InvalidNodenameError', 'a node name is <queue>']],
  ]);
  for (const [name, [node, code, part]] of table) {
    test(`refuses ${name}, and launches the others`, () => {
      const got = plan(settings, `queue1-dy-c5xlarge-1,${node},queue2-dy-c5xlarge-1`);
      expect(got.rejected).toMatchObject([{ nodes: [node], code }]);
      expect(got.rejected[0]?.message).toContain(part);
      expect(got.nodes).toEqual(['queue1-dy-c5xlarge-1', 'queue2-dy-c5xlarge-1']);
    });
  }

  test('refuses many nodes for one reason in one go', () => {
    const got = plan(settings, 'queue1-dy-c5xlarge-[9-5000],other[1-5000],other1');
    expect(got.rejected.map(({ code, nodes }) => [code, nodes.length])).toEqual([
      ['NodeOutsideFleet', 4990],
      ['InvalidNodenameError', 5000],
    ]);
  });

  test('takes the last nodes that it has, static ones too', () => {
    const got = plan(settings, 'queue1-dy-c5xlarge-10,queue1-st-c5xlarge-2,queue1-dy-t2micro-4');
    expect(got.rejected).toEqual([]);
    expect(got.nodes).toHaveLength(3);
  });

  test("is launched by its own source and market, or by ParallelCluster's template where nothing describes it", () => {
    const known = plan(settings, 'queue2-dy-c5xlarge-1').gangs[0]?.batches[0]?.place;
    expect(known).toMatchObject({ launch: template, pools: [{ market: 'spot' }], queue: 'queue2' });
    const unknown = plan({ clusterName: 'demo' }, 'queue2-dy-c5xlarge-1').gangs[0]?.batches[0]
      ?.place;
    expect(unknown).toMatchObject({
      launch: { kind: 'launch-template', name: 'demo-queue2-c5xlarge', version: '$Latest' },
      pools: [{ market: 'on-demand' }],
    });
  });
});

describe('input that cannot be used is told, and the rest goes on', () => {
  test('no resume file: a node list', () => {
    const got = plan({}, 'q-dy-c-[1-2]');
    expect(calls(got)).toEqual(['0 launch-batch soft [] 1..2 q-dy-c-[1-2]']);
    expect(got.faults).toEqual([
      'no SLURM_RESUME_FILE: the nodes are launched as a node list, jobs unknown',
    ]);
  });

  test('a truncated resume file: a node list', () => {
    const whole = resumeFile(['q-dy-c-[1-2]']);
    const got = plan({}, 'q-dy-c-[1-2]', whole.slice(0, 40));
    expect(calls(got)).toEqual(['0 launch-batch soft [] 1..2 q-dy-c-[1-2]']);
    expect(got.faults[0]).toContain('SLURM_RESUME_FILE is not whole JSON (40 characters');
  });

  test('an entry of the resume file: its nodes as a node list, the other jobs as jobs', () => {
    const got = plan({}, 'q-dy-c-[1-4]', [
      'q-dy-c-[1-2]',
      { job_id: 'x', nodes_resume: 'q-dy-c-3' },
    ]);
    expect(calls(got)).toEqual([
      '0 job [1] 2..2 q-dy-c-[1-2]',
      '1 launch-batch soft [] 1..2 q-dy-c-[3-4]',
    ]);
    expect(got.faults).toEqual(['SLURM_RESUME_FILE jobs[1]: has no job_id that is a whole number']);
  });

  test("a bad hostlist of a job: what of it can be read is the job's", () => {
    const got = plan({}, 'q-dy-c-[1-2]', ['q-dy-c-1,q-dy-c-[2']);
    expect(calls(got)[0]).toBe('0 job [1] 1..1 q-dy-c-1');
    expect(got.faults[0]).toContain('SLURM_RESUME_FILE job 1: nodes "q-dy-c-[2"');
  });

  test('an element of the hostlist', () => {
    const got = plan({}, 'q-dy-c-1,q-dy-c-[3-2],q-dy-c-4', []);
    expect(got.nodes).toEqual(['q-dy-c-1', 'q-dy-c-4']);
    expect(got.faults).toHaveLength(1);
    expect(got.faults[0]).toMatch(/^hostlist element "q-dy-c-\[3-2\]": .+\(column \d+\); .+/);
  });

  for (const empty of ['', ' , ']) {
    test(`an empty hostlist (${JSON.stringify(empty)})`, () => {
      const got = plan({}, empty, []);
      expect(got).toMatchObject({
        nodes: [],
        gangs: [],
        faults: ['the hostlist is empty: nothing to do'],
      });
    });
  }

  test('an expansion bomb', () => {
    const got = plan({}, 'n[1-999999999],q-dy-c-1', []);
    expect(got.nodes).toEqual(['q-dy-c-1']);
    expect(got.faults[0]).toContain('at most 262144 are expanded');
  });

  test('whatever the resume file is, planning does not throw', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((jobs) => JSON.stringify({ jobs })),
    );
    fc.assert(
      fc.property(anything, (text) => {
        expect(plan({}, 'q-dy-c-[1-2]', text).nodes).toHaveLength(2);
      }),
    );
  });
});
