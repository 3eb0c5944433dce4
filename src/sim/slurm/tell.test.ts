import { describe, expect, test } from 'vitest';
import { nodeUp } from '../../core/testing/node-state.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import { createVirtualClock } from '../virtual-clock.ts';
import { createSlurmModel } from './model.ts';
import type { SlurmModelSettings } from './types.ts';

const start = Date.UTC(2030, 0, 1);

function createCluster(nodeCount: number, settings: Partial<SlurmModelSettings> = {}) {
  const clock = createVirtualClock(start);
  const files: string[] = [];
  const model = createSlurmModel({
    clock,
    partitions: ['q'],
    nodes: Array.from({ length: nodeCount }, (_, index) => ({
      name: `q-dy-c-${index + 1}`,
      partitions: ['q'],
    })),
    settings: { resumeRate: 0, credExpireMs: 15_000, ...settings },
    hooks: {
      resume: (_, file) => void files.push(file),
      suspend: () => undefined,
      resumeFail: () => undefined,
    },
  });
  return {
    model,
    clock,
    files,
    pass: (seconds: number) => clock.advanceTo(clock.now() + seconds * 1000),
    submit: (request: Partial<JobRequest> = {}) =>
      model.submit({ partition: 'q', nodes: 1, seconds: 60, exclusive: true, ...request }),
    job: async (id: number) => (await model.listJobs([id])).find(({ jobId }) => jobId === id),
    states: async () => (await model.jobs()).map(({ id, state }) => `${id} ${state}`),
    node: async (number: number) => (await model.nodes())[number - 1],
    register: (...numbers: number[]) => {
      for (const number of numbers) model.registerNode(`q-dy-c-${number}`);
    },
  };
}

describe('a job is told', () => {
  test('with what was asked and where it is', async () => {
    const cluster = createCluster(3);
    await cluster.submit({ nodes: 2, comment: 'mine', extra: 'unknown to 22.05' });
    cluster.pass(2);
    const told = {
      jobId: 1,
      hetJobId: null,
      state: 'CONFIGURING',
      reason: 'None',
      partition: 'q',
      nodes: ['q-dy-c-1', 'q-dy-c-2'],
      priority: 4_294_901_759,
      restarts: 0,
      comment: 'mine',
      adminComment: '',
      extra: '',
    };
    expect(await cluster.model.listJobs([1, 99])).toEqual([told]);
    expect(await cluster.model.listAllocatedJobs()).toEqual([told]);
    await cluster.model.powerDownNodes(['q-dy-c-1']);
    expect(await cluster.job(1)).toMatchObject({ state: 'PENDING', nodes: [], restarts: 1 });
    expect(await cluster.model.listAllocatedJobs()).toEqual([]);
  });

  test('with --extra where that is known, in the resume file too', async () => {
    const cluster = createCluster(1, { resumeFileShape: '23.02' });
    await cluster.submit({ extra: 'zones: a' });
    cluster.pass(2);
    expect(await cluster.job(1)).toMatchObject({ extra: 'zones: a' });
    expect(JSON.parse(cluster.files[0] ?? '')).toMatchObject({ jobs: [{ extra: 'zones: a' }] });
  });

  test('once for all tasks of an array that wait, then one by one', async () => {
    const cluster = createCluster(1);
    await cluster.submit({ array: '1-3' });
    expect((await cluster.model.listJobs([1, 2])).map(({ jobId }) => jobId)).toEqual([1]);
    cluster.pass(2);
    expect(
      (await cluster.model.listJobs([1, 2])).map(({ jobId, state }) => `${jobId} ${state}`),
    ).toEqual(['2 CONFIGURING', '1 PENDING']);
  });
});

test('nodes are told that Slurm knows, by their power', async () => {
  const cluster = createCluster(3);
  await cluster.submit({ nodes: 2 });
  cluster.pass(2);
  cluster.register(2);
  await cluster.model.downNodes(['q-dy-c-3'], 'x');
  expect(
    await cluster.model.listNodes(['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3', 'q-dy-c-3', 'nobody']),
  ).toEqual([
    {
      ...nodeUp,
      node: 'q-dy-c-1',
      reason: '',
      power: 'powering-up',
      isResponding: false,
      isBusy: true,
    },
    { ...nodeUp, node: 'q-dy-c-2', reason: '', isBusy: true },
    { ...nodeUp, node: 'q-dy-c-3', reason: 'x', power: 'saved', isDown: true },
  ]);
  const fleet = await cluster.model.listFleet();
  expect(fleet.map(({ node, isBusy }) => [node, isBusy])).toEqual([
    ['q-dy-c-1', true],
    ['q-dy-c-2', true],
    ['q-dy-c-3', false],
  ]);
});

describe('a partition that is inactive', () => {
  test('takes no job and starts none; what runs there goes on', async () => {
    const cluster = createCluster(3);
    await cluster.submit();
    cluster.pass(2);
    cluster.register(1);
    cluster.pass(30);
    await cluster.submit({ nodes: 3 });
    await cluster.model.setPartitions(['q'], false);
    cluster.pass(120);
    expect(await cluster.states()).toEqual(['1 COMPLETED', '2 PENDING']);
    expect(await cluster.job(2)).toMatchObject({ reason: 'PartitionInactive' });
    await expect(cluster.submit()).rejects.toThrow('Required partition not available');
    expect(await cluster.model.listPartitions()).toEqual([
      { name: 'q', isUp: false, nodes: ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3'] },
    ]);
    expect(await cluster.model.sinfo()).toContain('q*        inact   infinite');
    await cluster.model.setPartitions(['q'], true);
    cluster.pass(2);
    expect(await cluster.states()).toEqual(['1 COMPLETED', '2 CONFIGURING']);
  });

  test('of another name than Slurm knows is refused', async () => {
    const { model } = createCluster(1);
    await expect(model.setPartitions(['nobody'], true)).rejects.toMatchObject({ transient: false });
  });
});

describe('a node that is powered up by hand', () => {
  test('comes in no job of the resume file, and with the nodes of jobs in one call', async () => {
    const cluster = createCluster(4);
    await cluster.model.powerUpNodes(['q-dy-c-4']);
    expect(await cluster.model.listNodes(['q-dy-c-4'])).toMatchObject([{ power: 'powering-up' }]);
    cluster.pass(3);
    await cluster.submit({ nodelist: 'q-dy-c-[1,4]', nodes: 2 });
    cluster.pass(3);
    expect(cluster.files.map((file) => JSON.parse(file) as unknown)).toEqual([
      { jobs: [], all_nodes: 'q-dy-c-4' },
      { jobs: [{ job_id: 1, nodes: 'q-dy-c-1' }], all_nodes: 'q-dy-c-1' },
    ]);
  });

  test('counts in the resume rate', async () => {
    const cluster = createCluster(4, { resumeRate: 2 });
    await cluster.model.powerUpNodes(['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3']);
    cluster.pass(2);
    expect(cluster.files).toHaveLength(1);
    expect(await cluster.node(3)).toMatchObject({ state: 'idle~' });
    cluster.pass(60);
    expect(cluster.files).toHaveLength(2);
  });

  test('is asked for once more while it powers up, and has its whole time again', async () => {
    const cluster = createCluster(2, { resumeTimeoutMs: 60_000 });
    await cluster.model.powerUpNodes(['q-dy-c-1', 'q-dy-c-2']);
    cluster.pass(40);
    await cluster.model.powerUpNodes(['q-dy-c-1']);
    cluster.pass(40);
    expect(cluster.files).toHaveLength(2);
    expect(await cluster.node(1)).toMatchObject({ state: 'idle#' });
    expect(await cluster.node(2)).toMatchObject({ state: 'down~' });
  });

  test('is passed over while it powers down', async () => {
    const cluster = createCluster(1);
    await cluster.model.powerDownNodes(['q-dy-c-1']);
    cluster.pass(2);
    await cluster.model.powerUpNodes(['q-dy-c-1']);
    cluster.pass(60);
    expect(cluster.files).toEqual([]);
    expect(await cluster.node(1)).toMatchObject({ state: 'idle~' });
  });

  test('is not powered down for being idle where it is kept', async () => {
    const clock = createVirtualClock(start);
    const suspended: string[] = [];
    const model = createSlurmModel({
      clock,
      partitions: ['q'],
      nodes: ['st', 'dy'].map((kind) => ({
        name: `q-${kind}-c-1`,
        partitions: ['q'],
        isKept: kind === 'st',
      })),
      hooks: {
        resume: () => undefined,
        suspend: (hostlist) => void suspended.push(hostlist),
        resumeFail: () => undefined,
      },
    });
    await model.powerUpNodes(['q-st-c-1', 'q-dy-c-1']);
    clock.advanceTo(start + 5_000);
    for (const name of ['q-st-c-1', 'q-dy-c-1']) model.registerNode(name);
    clock.advanceTo(start + 3_600_000);
    expect(suspended).toEqual(['q-dy-c-1']);
  });
});

test('a job that is held is released, and stands last in the queue', async () => {
  const cluster = createCluster(1);
  await cluster.submit({ hold: true });
  await cluster.submit({ beginAfterSeconds: 60 });
  cluster.pass(2);
  await cluster.model.releaseJob(1);
  expect((await cluster.job(1))?.priority).toBeLessThan((await cluster.job(2))?.priority ?? 0);
  cluster.pass(2);
  const running = ['1 CONFIGURING', '2 PENDING'];
  expect(await cluster.states()).toEqual(running);
  await cluster.model.releaseJob(1);
  expect(await cluster.states()).toEqual(running);
  await expect(cluster.model.releaseJob(9)).rejects.toThrow('Invalid job id specified');
  await cluster.model.cancel('1');
  await expect(cluster.model.releaseJob(1)).rejects.toThrow('Job has already finished');
});

test('the configuration is that of the settings', async () => {
  const { model } = createCluster(1, { resumeTimeoutMs: 90_000, suspendTimeoutMs: 4_000 });
  expect(await model.readConfig()).toEqual({
    version: '22.05',
    resumeTimeoutMs: 90_000,
    suspendTimeoutMs: 4_000,
    resumeRate: 0,
  });
});

describe('a job is changed', () => {
  test('to start later, and sooner', async () => {
    const cluster = createCluster(1, { scheduleIntervalMs: 5_000, backfillIntervalMs: 5_000 });
    await cluster.submit();
    await cluster.model.updateJob(1, { startAt: start + 100_500, adminComment: 'no room' });
    cluster.pass(90);
    expect(await cluster.job(1)).toMatchObject({
      state: 'PENDING',
      reason: 'BeginTime',
      adminComment: 'no room',
    });
    cluster.pass(20);
    expect(await cluster.job(1)).toMatchObject({ state: 'CONFIGURING', adminComment: 'no room' });
    await cluster.model.powerDownNodes(['q-dy-c-1']);
    cluster.pass(60);
    expect((await cluster.node(1))?.state).toBe('alloc#');
    await cluster.model.powerDownNodes(['q-dy-c-1']);
    await cluster.model.updateJob(1, { startAt: start });
    cluster.pass(3);
    expect((await cluster.job(1))?.reason).not.toBe('BeginTime');
  });

  test('to start later on nodes that were down: the main pass takes them, after a backfill pass that does not', async () => {
    const cluster = createCluster(1, { scheduleIntervalMs: 60_000, backfillIntervalMs: 30_000 });
    await cluster.submit();
    cluster.pass(5);
    await cluster.model.downNodes(['q-dy-c-1'], 'it failed');
    await cluster.model.powerDownNodes(['q-dy-c-1']);
    cluster.pass(1);
    await cluster.model.updateJob(1, { startAt: start + 125_000 });
    cluster.pass(155);
    expect((await cluster.job(1))?.state).toBe('PENDING');
    cluster.pass(25);
    expect((await cluster.job(1))?.state).toBe('CONFIGURING');
  });

  for (const [hold, reason] of [
    ['admin', 'JobHeldAdmin'],
    ['user', 'JobHeldUser'],
  ] as const) {
    test(`to be held (${hold}): it does not start, and holds nobody back`, async () => {
      const cluster = createCluster(1);
      await cluster.submit();
      await cluster.model.updateJob(1, { hold });
      await cluster.submit();
      cluster.pass(45);
      expect(await cluster.job(1)).toMatchObject({ state: 'PENDING', reason, priority: 0 });
      expect(await cluster.job(2)).toMatchObject({ state: 'CONFIGURING' });
    });
  }

  test('to be held while it launches: it is held once it is back in the queue', async () => {
    const cluster = createCluster(1);
    await cluster.submit();
    cluster.pass(2);
    await cluster.model.updateJob(1, { hold: 'admin' });
    expect(await cluster.job(1)).toMatchObject({ state: 'CONFIGURING', reason: 'JobHeldAdmin' });
    await cluster.model.powerDownNodes(['q-dy-c-1']);
    cluster.pass(200);
    expect(await cluster.job(1)).toMatchObject({ state: 'PENDING', reason: 'JobHeldAdmin' });
  });

  test('by sbatch --hold, as its user would', async () => {
    const cluster = createCluster(1);
    await cluster.submit({ hold: true });
    await cluster.submit();
    expect(await cluster.job(1)).toMatchObject({ reason: 'JobHeldUser' });
    const rows = (await cluster.model.squeue())
      .split('\n')
      .map((line) => line.trim().split(/\s+/)[0]);
    expect(rows).toEqual(['JOBID', '2', '1', '']);
    expect(cluster.clock.runUntilIdle(start + 3_600_000)).toBe(true);
  });

  test('not, when it is not known, has ended, or has nodes and is to start later', async () => {
    const cluster = createCluster(1);
    const later = { startAt: start + 60_000, adminComment: 'x' };
    await expect(cluster.model.updateJob(9, later)).rejects.toMatchObject({
      transient: false,
      message: 'Invalid job id specified for job 9',
    });
    await cluster.submit();
    cluster.pass(2);
    await expect(cluster.model.updateJob(1, later)).rejects.toThrow(
      'Job is no longer pending execution for job 1',
    );
    // As Slurm does: what it could change it has.
    expect(await cluster.job(1)).toMatchObject({ adminComment: 'x' });
    await cluster.model.cancel('1');
    await expect(cluster.model.updateJob(1, later)).rejects.toThrow('Job has already finished');
  });
});

describe('a drained node', () => {
  test('takes no new job and keeps what it has', async () => {
    const cluster = createCluster(2, { suspendTimeMs: 3_600_000 });
    await cluster.submit({ seconds: 600 });
    cluster.pass(2);
    cluster.register(1);
    cluster.pass(60);
    await cluster.model.drainNodes(['q-dy-c-1', 'q-dy-c-2'], 'a look');
    await cluster.submit();
    cluster.pass(2);
    expect(await cluster.states()).toEqual(['1 RUNNING', '2 PENDING']);
    expect([await cluster.node(1), await cluster.node(2)]).toMatchObject([
      { state: 'drng', reason: 'a look' },
      { state: 'drain~', reason: 'a look' },
    ]);
    await cluster.model.cancel('1');
    expect(await cluster.node(1)).toMatchObject({ state: 'drain' });
    await cluster.model.undrainNodes(['q-dy-c-1']);
    cluster.pass(3);
    expect(await cluster.states()).toEqual(['1 CANCELLED', '2 RUNNING']);
    expect((await cluster.node(1))?.state).toBe('alloc');
  });

  test('that powers up for a job sends it back to the queue, and is of no use until it registers', async () => {
    const cluster = createCluster(1);
    await cluster.submit();
    cluster.pass(2);
    await cluster.model.drainNodes(['q-dy-c-1'], 'a look');
    expect(await cluster.job(1)).toMatchObject({ state: 'PENDING', restarts: 1 });
    await cluster.model.undrainNodes(['q-dy-c-1']);
    cluster.pass(50);
    expect(await cluster.states()).toEqual(['1 PENDING']);
    cluster.register(1);
    cluster.pass(35);
    expect(await cluster.states()).toEqual(['1 RUNNING']);
  });

  test('is passed over for another', async () => {
    const cluster = createCluster(2);
    await cluster.model.drainNodes(['q-dy-c-1'], 'a look');
    await cluster.submit();
    cluster.pass(2);
    expect(await cluster.job(1)).toMatchObject({ nodes: ['q-dy-c-2'] });
  });

  test('is usable again after it was powered down by force', async () => {
    const cluster = createCluster(1, { suspendTimeoutMs: 4_000 });
    await cluster.model.drainNodes(['q-dy-c-1'], 'a look');
    await cluster.model.powerDownNodes(['q-dy-c-1']);
    expect((await cluster.node(1))?.state).toBe('drain!');
    cluster.pass(1);
    expect((await cluster.node(1))?.state).toBe('idle%');
    cluster.pass(15);
    expect((await cluster.node(1))?.state).toBe('idle~');
  });

  test('needs a reason, and a name that is known', async () => {
    const { model, node } = createCluster(1);
    await expect(model.drainNodes(['q-dy-c-1'], '')).rejects.toThrow('You must specify a reason');
    await expect(model.drainNodes(['q-dy-c-1', 'nobody'], 'x')).rejects.toThrow('nobody');
    await expect(model.undrainNodes(['nobody'])).rejects.toThrow('nobody');
    expect((await node(1))?.state).toBe('idle~');
  });
});

describe('a heterogeneous job', () => {
  const het = { het: [{ partition: 'q', nodes: 2 }] };

  test('starts whole, on nodes of its own for each component, with an entry for each', async () => {
    const cluster = createCluster(4);
    await cluster.submit(het);
    cluster.pass(35);
    expect(
      (await cluster.model.listJobs([1])).map(({ jobId, hetJobId, nodes }) => [
        jobId,
        hetJobId,
        nodes.length,
      ]),
    ).toEqual([
      [1, 1, 1],
      [2, 1, 2],
    ]);
    expect((await cluster.model.listJobs([2])).map(({ jobId }) => jobId)).toEqual([2]);
    expect(JSON.parse(cluster.files[0] ?? '')).toEqual({
      jobs: [
        { job_id: 1, nodes: 'q-dy-c-1' },
        { job_id: 2, nodes: 'q-dy-c-[2-3]' },
      ],
      all_nodes: 'q-dy-c-[1-3]',
    });
    expect(await cluster.states()).toEqual(['1+0 CONFIGURING', '1+1 CONFIGURING']);
    expect(await cluster.submit()).toBe('3');
  });

  test('runs where a component has all its nodes, its script when all have; it ends as one', async () => {
    const cluster = createCluster(3);
    await cluster.submit({ ...het, seconds: 10 });
    cluster.pass(35);
    cluster.register(1, 2);
    cluster.pass(40);
    expect(await cluster.states()).toEqual(['1+0 RUNNING', '1+1 CONFIGURING']);
    cluster.register(3);
    cluster.pass(41);
    expect(await cluster.states()).toEqual(['1+0 COMPLETED', '1+1 COMPLETED']);
  });

  test('waits while one component finds no room', async () => {
    const cluster = createCluster(3);
    await cluster.submit({ seconds: 6_000 });
    cluster.pass(2);
    await cluster.submit(het);
    cluster.pass(45);
    expect(await cluster.states()).toEqual(['1 CONFIGURING', '2+0 PENDING', '2+1 PENDING']);
    expect((await cluster.node(2))?.state).toBe('idle~');
  });

  test('goes back to the queue whole for one lost node, and starts whole again', async () => {
    const cluster = createCluster(6);
    await cluster.submit(het);
    cluster.pass(35);
    await cluster.model.downNodes(['q-dy-c-3'], 'gone');
    expect(await cluster.states()).toEqual(['1+0 PENDING', '1+1 PENDING']);
    expect((await cluster.model.listJobs([1])).map(({ restarts }) => restarts)).toEqual([1, 1]);
    cluster.pass(60);
    expect(await cluster.states()).toEqual(['1+0 CONFIGURING', '1+1 CONFIGURING']);
  });

  test('ends whole for one lost node where it may not go back', async () => {
    const cluster = createCluster(3);
    await cluster.submit({ ...het, requeue: false });
    cluster.pass(35);
    await cluster.model.powerDownNodes(['q-dy-c-1']);
    expect(await cluster.states()).toEqual(['1+0 NODE_FAIL', '1+1 NODE_FAIL']);
  });

  test('is changed by its leader, a component by its own number; one held component holds all', async () => {
    const cluster = createCluster(3);
    await cluster.submit(het);
    await cluster.model.updateJob(1, { adminComment: 'whole' });
    await cluster.model.updateJob(2, { adminComment: 'part', hold: 'admin' });
    expect((await cluster.model.listJobs([1])).map(({ adminComment }) => adminComment)).toEqual([
      'whole',
      'part',
    ]);
    cluster.pass(100);
    expect(await cluster.states()).toEqual(['1+0 PENDING', '1+1 PENDING']);
  });

  test('is cancelled by its leader', async () => {
    const cluster = createCluster(3);
    await cluster.submit(het);
    await cluster.model.cancel('1');
    expect(await cluster.states()).toEqual(['1+0 CANCELLED', '1+1 CANCELLED']);
  });

  for (const id of ['2', '1+1']) {
    test(`is cancelled by ${id} in part, once it has started`, async () => {
      const cluster = createCluster(3);
      await cluster.submit(het);
      await expect(cluster.model.cancel(id)).rejects.toThrow(
        'not permitted on individual component',
      );
      cluster.pass(35);
      await cluster.model.cancel(id);
      expect(await cluster.states()).toEqual(['1+0 CONFIGURING', '1+1 CANCELLED']);
    });
  }

  test('lets nobody of its partition pass it', async () => {
    const cluster = createCluster(2);
    await cluster.submit();
    await cluster.submit({ het: [{ partition: 'q', nodes: 1 }] });
    await cluster.submit();
    cluster.pass(100);
    const waiting = ['2+0 PENDING', '2+1 PENDING', '4 PENDING'];
    expect(await cluster.states()).toEqual(['1 CONFIGURING', ...waiting]);
  });

  test('goes back to the queue in part where the leader loses a node before it runs', async () => {
    const cluster = createCluster(6);
    await cluster.submit(het);
    cluster.pass(35);
    await cluster.model.downNodes(['q-dy-c-1'], 'gone');
    expect(await cluster.states()).toEqual(['1+0 PENDING', '1+1 CONFIGURING']);
    cluster.pass(60);
    expect(await cluster.states()).toEqual(['1+0 CONFIGURING', '1+1 CONFIGURING']);
  });

  test('never goes back to nodes that were down, until they are undrained', async () => {
    const cluster = createCluster(3, { suspendTimeoutMs: 4_000 });
    const nodes = ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3'];
    await cluster.submit(het);
    cluster.pass(35);
    await cluster.model.downNodes(nodes, 'no room');
    await cluster.model.powerDownNodes(nodes);
    cluster.pass(600);
    expect(await cluster.states()).toEqual(['1+0 PENDING', '1+1 PENDING']);
    await cluster.model.undrainNodes(nodes);
    cluster.pass(35);
    expect(await cluster.states()).toEqual(['1+0 CONFIGURING', '1+1 CONFIGURING']);
  });

  test('is refused as a whole when a component is wrong', async () => {
    const cluster = createCluster(3);
    const wrong = { het: [{ partition: 'nil', nodes: 1 }] };
    await expect(cluster.submit(wrong)).rejects.toThrow('Invalid partition name specified');
    await expect(cluster.submit({ ...het, array: '1-2' })).rejects.toThrow('array');
    expect(await cluster.states()).toEqual([]);
    expect(await cluster.submit()).toBe('1');
  });
});
