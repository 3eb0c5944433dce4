import { describe, expect, test } from 'vitest';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import { createVirtualClock } from '../virtual-clock.ts';
import { createSlurmModel } from './model.ts';
import type { SlurmModelSettings } from './types.ts';

const start = Date.UTC(2030, 0, 1);

function createCluster(nodeCount: number, settings: Partial<SlurmModelSettings> = {}) {
  const clock = createVirtualClock(start);
  const calls: string[] = [];
  const files: string[] = [];
  const model = createSlurmModel({
    clock,
    partitions: ['q', 'other'],
    nodes: Array.from({ length: nodeCount }, (_, index) => ({
      name: `q-dy-c-${index + 1}`,
      partitions: ['q'],
    })),
    settings: { resumeRate: 0, ...settings },
    hooks: {
      resume: (hostlist, file) => {
        calls.push(`resume ${hostlist}`);
        files.push(file);
      },
      suspend: (hostlist) => calls.push(`suspend ${hostlist}`),
      resumeFail: (hostlist) => calls.push(`resume-fail ${hostlist}`),
    },
  });
  return {
    model,
    clock,
    calls,
    files,
    pass: (seconds: number) => clock.advanceTo(clock.now() + seconds * 1000),
    submit: (request: Partial<JobRequest> = {}) =>
      model.submit({ partition: 'q', nodes: 1, seconds: 60, exclusive: true, ...request }),
    state: async (number: number) => (await model.nodes())[number - 1]?.state,
    job: async (id: string) => (await model.jobs()).find((job) => job.id === id),
    register: (...numbers: number[]) => {
      for (const number of numbers) model.registerNode(`q-dy-c-${number}`);
    },
  };
}

type Cluster = ReturnType<typeof createCluster>;
const one = ['q-dy-c-1'];

const steps = {
  submit: (cluster: Cluster) => cluster.submit({ seconds: 600 }),
  share: (cluster: Cluster) => cluster.submit({ exclusive: false }),
  cancel: (cluster: Cluster) => cluster.model.cancel('1'),
  register: (cluster: Cluster) => cluster.register(1),
  lose: (cluster: Cluster) => cluster.model.loseNode('q-dy-c-1'),
  down: (cluster: Cluster) => cluster.model.downNodes(one, 'why'),
  force: (cluster: Cluster) => cluster.model.powerDownNodes(one),
  '1 s': (cluster: Cluster) => cluster.pass(1),
  '15 s': (cluster: Cluster) => cluster.pass(15),
  '45 s': (cluster: Cluster) => cluster.pass(45),
  '60 s': (cluster: Cluster) => cluster.pass(60),
  '120 s': (cluster: Cluster) => cluster.pass(120),
} as const;

type StepName = keyof typeof steps;

const rising: StepName[] = ['submit', '1 s', '1 s'];
const running: StepName[] = [...rising, 'register', '60 s'];

describe('what node 1 looks like', () => {
  const settings = { suspendTimeMs: 40_000, suspendTimeoutMs: 4000, slurmdTimeoutMs: 60_000 };
  const table = new Map<StepName[], string>([
    [[], 'idle~'],
    [['submit', '1 s'], 'alloc~'],
    [rising, 'alloc#'],
    [['share', '1 s', '1 s'], 'mix#'],
    [[...rising, 'register'], 'alloc'],
    [running, 'alloc'],
    [[...rising, 'cancel'], 'idle#'],
    [[...rising, 'cancel', 'register'], 'idle'],
    [[...rising, 'cancel', 'register', '45 s'], 'idle%'],
    [[...rising, 'cancel', 'register', '45 s', '15 s'], 'idle~'],
    [[...rising, 'down'], 'down#'],
    [[...rising, 'down', 'register'], 'down'],
    [[...rising, 'down', 'force'], 'down!'],
    [[...rising, 'down', 'force', '1 s'], 'idle%'],
    [[...rising, 'down', 'force', '1 s', '15 s'], 'idle~'],
    [[...rising, 'force'], 'idle!'],
    [[...running, 'force'], 'idle!'],
    [[...running, 'lose', '15 s'], 'alloc'],
    [[...running, 'lose', '15 s', '15 s', '15 s'], 'alloc*'],
    [[...running, 'lose', '60 s', '15 s'], 'down*'],
    [[...running, 'lose', '15 s', 'register', '120 s'], 'alloc'],
    [['down'], 'down~'],
    [['down', 'force'], 'down!'],
    [['down', 'force', '1 s'], 'idle%'],
    [['force'], 'idle!'],
    [['force', '1 s'], 'idle%'],
    [['force', '1 s', 'force'], 'idle%'],
    [['force', '1 s', 'down'], 'down%'],
    [['force', '1 s', 'down', '15 s'], 'down~'],
    [['force', '1 s', 'register'], 'idle%'],
    [['register'], 'idle'],
    [['submit', '1 s', 'register'], 'alloc'],
    [[...rising, '120 s'], 'down~'],
  ]);

  test.each([...table])('after %j it is %s', async (words, want) => {
    const cluster = createCluster(1, settings);
    for (const word of words) await steps[word](cluster);
    expect(await cluster.state(1)).toBe(want);
  });
});

describe('commands', () => {
  test('an unknown node name refuses the whole call', async () => {
    const { model, state } = createCluster(2);
    const list = ['q-dy-c-1', 'nobody'];
    await expect(model.downNodes(list, 'why')).rejects.toThrow(
      'Invalid node name specified (nobody)',
    );
    await expect(model.powerDownNodes(list)).rejects.toMatchObject({ transient: false });
    const addresses = list.map((node) => ({ node, address: '10.0.0.1', hostname: 'ip-10-0-0-1' }));
    await expect(model.assignNodes(addresses)).rejects.toThrow('nobody');
    expect(await state(1)).toBe('idle~');
    expect(model.addressOf('q-dy-c-1')).toBe('q-dy-c-1');
    expect(() => model.registerNode('nobody')).toThrow('nobody');
  });

  test('a node down needs a reason', async () => {
    const { model, state } = createCluster(1);
    await expect(model.downNodes(one, '')).rejects.toThrow('reason');
    expect(await state(1)).toBe('idle~');
  });

  test('assignNodes gives an address', async () => {
    const { model } = createCluster(1);
    await model.assignNodes([{ node: 'q-dy-c-1', address: '10.0.0.7', hostname: 'ip-10-0-0-7' }]);
    expect(model.addressOf('q-dy-c-1')).toBe('10.0.0.7');
  });

  const refused = new Map<string, [Partial<JobRequest>, string]>([
    ['a partition that is none', [{ partition: 'nil' }, 'Invalid partition name specified']],
    ['a node that is none', [{ nodelist: 'q-dy-c-9' }, 'Invalid node name specified']],
    ['a nodelist that cannot be read', [{ nodelist: 'q-dy-c-[1' }, 'Invalid node name specified']],
    [
      'a node of another partition',
      [{ partition: 'other', nodelist: 'q-dy-c-1' }, 'not available'],
    ],
    ['an array that cannot be read', [{ array: '1-' }, 'Invalid job array specification']],
    ['no node at all', [{ nodes: 0 }, 'Node count specification invalid']],
  ]);

  test.each([...refused])('sbatch refuses %s', async (_, [request, text]) => {
    const cluster = createCluster(2);
    await expect(cluster.submit(request)).rejects.toThrow(text);
    expect(await cluster.model.jobs()).toEqual([]);
  });

  test('cancelling a job that is not known does nothing', async () => {
    const { model } = createCluster(1);
    await expect(model.cancel('77')).resolves.toBeUndefined();
  });

  test('cancelling one task of an array leaves the others, cancelling the array ends all', async () => {
    const cluster = createCluster(4);
    expect(await cluster.submit({ array: '1-3' })).toBe('1');
    cluster.pass(2);
    await cluster.model.cancel('1_2');
    const states = async () =>
      (await cluster.model.jobs()).map(({ id, state }) => `${id} ${state}`);
    expect(await states()).toEqual(['1_1 CONFIGURING', '1_2 CANCELLED', '1_3 CONFIGURING']);
    await cluster.model.cancel('1');
    expect(await states()).toEqual(['1_1 CANCELLED', '1_2 CANCELLED', '1_3 CANCELLED']);
  });

  test('an ended job is forgotten after MinJobAge', async () => {
    const cluster = createCluster(1, { minJobAgeMs: 100_000 });
    await cluster.submit();
    await cluster.model.cancel('1');
    cluster.pass(99);
    expect(await cluster.job('1')).toMatchObject({ state: 'CANCELLED' });
    cluster.pass(2);
    expect(await cluster.job('1')).toBeUndefined();
  });
});

describe('jobs', () => {
  test('a slurmd whose machine booted before the power-up does not join', async () => {
    const cluster = createCluster(1);
    await cluster.submit();
    cluster.pass(2);
    cluster.model.registerNode('q-dy-c-1', start);
    expect(await cluster.state(1)).toBe('alloc#');
    cluster.model.registerNode('q-dy-c-1', start + 2000);
    expect(await cluster.state(1)).toBe('alloc');
  });

  test('the call for a job that is cancelled before the power-save thread looks is not made', async () => {
    const cluster = createCluster(2);
    await cluster.submit();
    cluster.pass(1);
    await cluster.model.cancel('1');
    cluster.pass(30);
    expect(cluster.calls).toEqual([]);
  });

  test('a job on idle# nodes and new ones: the file has the new ones in 22.05, and both later', async () => {
    const files = async (resumeFileShape: SlurmModelSettings['resumeFileShape']) => {
      const cluster = createCluster(3, { resumeFileShape });
      await cluster.submit({ nodes: 1 });
      cluster.pass(2);
      await cluster.model.cancel('1');
      await cluster.submit({ nodes: 3 });
      cluster.pass(2);
      expect(cluster.calls).toEqual(['resume q-dy-c-1', 'resume q-dy-c-[2-3]']);
      return JSON.parse(cluster.files[1] ?? '') as unknown;
    };
    expect(await files('22.05')).toEqual({
      jobs: [{ job_id: 2, nodes: 'q-dy-c-[2-3]' }],
      all_nodes: 'q-dy-c-[2-3]',
    });
    const job = {
      extra: null,
      job_id: 2,
      features: null,
      nodes_alloc: 'q-dy-c-[1-3]',
      nodes_resume: 'q-dy-c-[2-3]',
      oversubscribe: 'NO',
      partition: 'q',
      reservation: null,
    };
    expect(await files('23.02')).toEqual({ all_nodes_resume: 'q-dy-c-[2-3]', jobs: [job] });
    const newest = { ...job, exclusive: true, priority: expect.any(Number) as number };
    expect(await files('26.05')).toEqual({ all_nodes_resume: 'q-dy-c-[2-3]', jobs: [newest] });
  });

  test('a requeued job goes back to its place before jobs that came later', async () => {
    const cluster = createCluster(2, { credExpireMs: 15_000 });
    await cluster.submit({ nodes: 2 });
    cluster.pass(2);
    await cluster.submit({ nodes: 2, seconds: 1 });
    await cluster.model.powerDownNodes(['q-dy-c-1', 'q-dy-c-2']);
    cluster.pass(1);
    expect(await cluster.job('1')).toMatchObject({ state: 'PENDING', reason: 'BeginTime' });
    expect(
      (await cluster.model.squeue()).split('\n').map((line) => line.trim().split(/\s+/)[0]),
    ).toEqual(['JOBID', '1', '2', '']);
  });

  test('a wide job without time limits is passed by in the backfill pass only', async () => {
    const cluster = createCluster(3);
    await cluster.submit({ nodes: 2, seconds: 600 });
    cluster.pass(2);
    await cluster.submit({ nodes: 2 });
    await cluster.submit({ nodes: 1 });
    cluster.pass(3);
    expect(await cluster.job('3')).toMatchObject({ state: 'PENDING', reason: 'Priority' });
    cluster.pass(30);
    expect(await cluster.job('2')).toMatchObject({ state: 'PENDING', reason: 'Resources' });
    expect(await cluster.job('3')).toMatchObject({ state: 'CONFIGURING', nodes: ['q-dy-c-3'] });
  });
});

describe('the whole', () => {
  test('the same commands at the same moments give the same history', async () => {
    const history = async () => {
      const cluster = createCluster(40, { credExpireMs: 15_000, suspendTimeMs: 30_000 });
      const seen: unknown[] = [];
      await cluster.submit({ array: '1-20', nodes: 3 });
      for (let turn = 0; turn < 60; turn += 1) {
        cluster.pass(2.5);
        if (turn % 7 === 3) await cluster.model.downNodes([`q-dy-c-${(turn % 40) + 1}`], 'gone');
        if (turn % 7 === 4) await cluster.model.powerDownNodes([`q-dy-c-${((turn - 1) % 40) + 1}`]);
        for (let number = 1; number <= 40; number += turn % 3 === 0 ? 1 : 4)
          cluster.register(number);
        seen.push(await cluster.model.sinfo(), await cluster.model.squeue());
      }
      return [...seen, ...cluster.calls, ...cluster.files];
    };
    expect(await history()).toEqual(await history());
  });

  test('a cluster that has run all its jobs comes to rest, all nodes powered down', async () => {
    const cluster = createCluster(30, {
      suspendTimeMs: 20_000,
      suspendTimeoutMs: 5000,
      minJobAgeMs: 3_600_000,
    });
    await cluster.submit({ array: '1-25', nodes: 4, seconds: 7 });
    for (let turn = 0; turn < 400; turn += 1) {
      cluster.pass(1);
      for (let number = 1; number <= 30; number += 1) cluster.register(number);
    }
    expect(cluster.clock.runUntilIdle(start + 3_600_000)).toBe(true);
    expect((await cluster.model.jobs()).length).toBe(25);
    expect((await cluster.model.jobs()).every(({ state }) => state === 'COMPLETED')).toBe(true);
    expect(await cluster.model.sinfo()).toBe(
      [
        'PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST',
        'q*           up   infinite     30  idle~ q-dy-c-[1-30]',
        'other        up   infinite      0    n/a',
        '',
      ].join('\n'),
    );
  });

  test('a job that can never start does not keep the clock busy', async () => {
    const cluster = createCluster(2);
    await cluster.submit({ nodes: 3 });
    expect(cluster.clock.runUntilIdle(start + 600_000)).toBe(true);
    expect(await cluster.job('1')).toMatchObject({
      state: 'PENDING',
      reason: 'PartitionNodeLimit',
    });
  });
});
