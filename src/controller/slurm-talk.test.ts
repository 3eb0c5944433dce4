/** Conversations with Slurm: which commands, in which order, and what is made of the answers. */
import { describe, expect, test } from 'vitest';
import type { DrainNodes, GiveBackNodes, ReleaseNodes, TellJobs } from '../core/effects.ts';
import { nodeUp } from '../core/testing/node-state.ts';
import {
  SchedulerError,
  type JobChange,
  type SchedulerJob,
  type SchedulerNode,
} from '../ports/scheduler.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import {
  askJobs,
  drainNodes,
  giveBack,
  refreshNodes,
  releaseNodes,
  tellJobs,
} from './slurm-talk.ts';
import { createFakePorts, type FakePorts } from './testing/fakes.ts';

const clock = createVirtualClock(0);

function job(jobId: number, state: SchedulerJob['state'], ...nodes: string[]): SchedulerJob {
  return {
    jobId,
    hetJobId: null,
    state,
    reason: 'None',
    partition: 'q',
    nodes,
    priority: 7,
    restarts: 0,
    comment: 'c',
    adminComment: '',
    extra: 'x',
  };
}

/** A Slurm with these jobs; nodes in `up` are up, all others power up. */
function slurm(jobs: readonly SchedulerJob[], up: readonly string[] = []): FakePorts {
  const ports = createFakePorts(createVirtualClock(0));
  ports.jobs = async () => jobs;
  ports.nodes = async (names) =>
    names.map((node) => ({
      ...nodeUp,
      node,
      reason: '',
      power: up.includes(node) ? 'up' : 'powering-up',
    }));
  return ports;
}

/** A Slurm whose nodes are up, but for what is said of them. */
function withNodes(
  nodes: Record<string, Partial<SchedulerNode>>,
  jobs: readonly SchedulerJob[] = [],
): FakePorts {
  const ports = slurm(jobs);
  ports.nodes = async (names) =>
    names.map((node) => ({ ...nodeUp, node, reason: '', ...nodes[node] }));
  return ports;
}

/** What takes so long on the clock. */
async function taking<T>(ms: number, value: T): Promise<T> {
  clock.advanceTo(clock.now() + ms);
  return value;
}

describe('askJobs', () => {
  test('tells of the jobs, and which of their nodes beyond the asked ones are not up', async () => {
    const { scheduler, journal } = slurm([job(1, 'CONFIGURING', 'n1', 'n2', 'n3')], ['n2']);
    expect(await askJobs(scheduler, [1], ['n1'])).toEqual({
      jobs: [
        {
          jobId: 1,
          hetJobId: null,
          isAllocated: true,
          nodes: 'n[1-3]',
          priority: 7,
          comment: 'c',
          extra: 'x',
        },
      ],
      absent: 'n3',
    });
    expect(journal).toEqual(['list-jobs 1', 'list-nodes n2 n3']);
  });

  test('does not ask about nodes when there are no others', async () => {
    const { scheduler, journal } = slurm([job(1, 'CONFIGURING', 'n1')]);
    expect(await askJobs(scheduler, [1], ['n1'])).toMatchObject({ absent: '' });
    expect(journal).toEqual(['list-jobs 1']);
  });

  test('brings the components of a heterogeneous job that were not asked for, each once', async () => {
    const component = { hetJobId: 2 };
    const { scheduler, journal } = slurm([
      { ...job(2, 'CONFIGURING', 'a1'), ...component },
      { ...job(3, 'CONFIGURING', 'b1'), ...component },
      job(9, 'CONFIGURING', 'z'),
    ]);
    const told = await askJobs(scheduler, [3], ['b1']);
    expect(told.jobs.map(({ jobId }) => jobId)).toEqual([3, 2]);
    expect(told.absent).toBe('a1');
    expect(journal.slice(0, 2)).toEqual(['list-jobs 3', 'list-jobs 2']);
  });

  const allocated: ReadonlyMap<SchedulerJob, boolean> = new Map([
    [job(1, 'CONFIGURING', 'n1'), true],
    [job(2, 'RUNNING', 'n1'), true],
    [job(3, 'CONFIGURING'), false],
    [job(4, 'COMPLETING', 'n1'), false],
    [job(5, 'PENDING'), false],
    [job(6, 'CANCELLED', 'n1'), false],
  ]);
  for (const [each, want] of allocated) {
    test(`a job that is ${each.state} on ${each.nodes.length} nodes ${want ? 'wants' : 'does not want'} them`, async () => {
      const { scheduler } = slurm([each]);
      const { jobs } = await askJobs(scheduler, [each.jobId], ['n1']);
      expect(jobs).toMatchObject([{ isAllocated: want }]);
    });
  }

  test('leaves out jobs that Slurm does not know', async () => {
    const { scheduler } = slurm([]);
    expect(await askJobs(scheduler, [1], ['n1'])).toEqual({ jobs: [], absent: '' });
  });
});

describe('refreshNodes', () => {
  function showing(nodes: Record<string, Partial<SchedulerNode>>): FakePorts {
    const ports = slurm([]);
    ports.nodes = async (names) =>
      names.map((node) => ({
        ...nodeUp,
        node,
        reason: '',
        power: 'saved',
        ...nodes[node],
      }));
    return ports;
  }

  test('undrains what is powered down, and takes back into service what is down as well', async () => {
    const { scheduler, journal } = showing({ n2: { isDown: true } });
    await refreshNodes(scheduler, ['n1', 'n2', 'n3'], clock);
    expect(journal).toEqual(['list-nodes n1 n2 n3', 'resume n2', 'undrain n1 n3']);
  });

  test('leaves alone what works again, and what an administrator has drained or set down', async () => {
    const { scheduler, journal } = showing({
      n1: { power: 'up' },
      n2: { power: 'powering-up' },
      n3: { isDrained: true, reason: 'disk' },
      n4: { isDown: true, reason: 'bad disk' },
    });
    await refreshNodes(scheduler, ['n1', 'n2', 'n3', 'n4'], clock);
    expect(journal).toEqual(['list-nodes n1 n2 n3 n4']);
  });

  test('takes back what muster or Slurm itself has put out of service', async () => {
    const { scheduler, journal } = showing({
      n1: { isDown: true, reason: '(Code:BootTimeout)Failure when resuming nodes' },
      n2: { isDrained: true, reason: '(Code:JobGone)the job that wanted it is gone' },
      n3: { isDown: true, reason: 'ResumeTimeout reached' },
      n4: { isDown: true, reason: 'Not responding' },
    });
    await refreshNodes(scheduler, ['n1', 'n2', 'n3', 'n4'], clock);
    expect(journal).toEqual(['list-nodes n1 n2 n3 n4', 'resume n1 n2 n3 n4']);
  });

  test('does what it can, and is to come again, while others are still powering down', async () => {
    const { scheduler, journal } = showing({ n2: { power: 'powering-down', isDown: true } });
    await expect(refreshNodes(scheduler, ['n1', 'n2'], clock)).rejects.toMatchObject({
      transient: true,
    });
    expect(journal).toEqual(['list-nodes n1 n2', 'undrain n1']);
  });
});

describe('refreshNodes of nodes that nobody else has put out of service', () => {
  test('takes back the drained ones too, and powers down once more what Slurm waits to hear from', async () => {
    const { scheduler, journal } = withNodes({
      n1: { power: 'saved', isDrained: true },
      n2: { power: 'saved', isFailing: true },
      n3: { power: 'saved', isResponding: false },
      n4: { power: 'saved' },
      n5: { power: 'up', isDrained: true },
    });
    await refreshNodes(scheduler, ['n1', 'n2', 'n3', 'n4', 'n5'], clock, true);
    expect(journal).toEqual(['list-nodes n1 n2 n3 n4 n5', 'resume n1 n2', 'power-down n3']);
  });
});

describe('giveBack', () => {
  const effect: GiveBackNodes = {
    kind: 'GiveBackNodes',
    id: 'e',
    nodes: ['n1', 'n2'],
    reason: 'r',
  };

  test('takes down with the reason, or powers down', async () => {
    const { scheduler, journal } = withNodes({});
    await giveBack(scheduler, effect, clock);
    await giveBack(scheduler, { ...effect, reason: null }, clock);
    expect(journal).toEqual(['down n1 n2 r', 'power-down n1 n2']);
  });

  test('or takes down those alone that are up: what Slurm powers down itself would stay down', async () => {
    const { scheduler, journal } = withNodes({ n2: { power: 'powering-down' } });
    await giveBack(scheduler, { ...effect, onlyUp: true }, clock);
    await giveBack(scheduler, { ...effect, nodes: ['n2'], onlyUp: true }, clock);
    expect(journal).toEqual(['list-nodes n1 n2', 'down n1 r', 'list-nodes n2']);
  });
});

describe('nodes of which Slurm took too long to tell', () => {
  const nodes = ['n1'];

  /** They were up a minute ago; what they are by now nobody knows. */
  function slow(state: Partial<SchedulerNode>): FakePorts {
    const ports = withNodes({ n1: state });
    const { listNodes } = ports.scheduler;
    Object.assign(ports.scheduler, {
      listNodes: async (names: readonly string[]) => taking(60_000, await listNodes(names)),
    });
    return ports;
  }

  test('are not taken down, drained or taken back into service', async () => {
    const up = slow({});
    const back = { kind: 'GiveBackNodes', id: 'e', nodes, reason: 'r', onlyUp: true } as const;
    await expect(giveBack(up.scheduler, back, clock)).rejects.toMatchObject({ transient: true });
    const drain = { kind: 'DrainNodes', id: 'e', nodes, instanceIds: [], reason: 'r' } as const;
    await expect(drainNodes(up.scheduler, drain, clock)).rejects.toMatchObject({ transient: true });
    expect(up.journal).toEqual(['list-nodes n1', 'list-nodes n1']);
    const off = slow({ power: 'saved', isDown: true });
    await expect(refreshNodes(off.scheduler, nodes, clock)).rejects.toMatchObject({
      transient: true,
    });
    expect(off.journal).toEqual(['list-nodes n1']);
  });
});

describe('drainNodes', () => {
  test('drains what is up and in service, and nothing that a person keeps for himself', async () => {
    const { scheduler, journal } = withNodes({
      n2: { power: 'saved' },
      n3: { isDrained: true, reason: 'disk' },
      n4: { isReserved: true },
    });
    const nodes = ['n1', 'n2', 'n3', 'n4'];
    const effect: DrainNodes = { kind: 'DrainNodes', id: 'e', nodes, instanceIds: [], reason: 'r' };
    await drainNodes(scheduler, effect, clock);
    await drainNodes(scheduler, { ...effect, nodes: ['n3'] }, clock);
    expect(journal).toEqual(['list-nodes n1 n2 n3 n4', 'drain n1 r', 'list-nodes n3']);
  });
});

describe('releaseNodes of nodes of the fleet', () => {
  const effect: ReleaseNodes = {
    kind: 'ReleaseNodes',
    id: 'e',
    nodes: ['n1', 'n2', 'n3', 'n4', 'n5'],
    reason: '(Code:X)why',
    code: 'X',
  };

  test('powers down those that are up and empty; who is out by another hand is not drained, nor undrained', async () => {
    const { scheduler, journal } = withNodes(
      {
        n1: { isDown: true, reason: 'Not responding' },
        n2: { isDrained: true, reason: '(Code:X)an earlier try' },
        n4: { power: 'powering-up' },
        n5: { isReserved: true },
      },
      [job(1, 'RUNNING', 'n3')],
    );
    const released = await releaseNodes(scheduler, effect, clock);
    expect(released).toEqual({ freed: ['n1', 'n2'], kept: { jobs: [], absent: '' } });
    expect(journal.filter((line) => !line.startsWith('list'))).toEqual([
      'drain n2 (Code:X)why',
      'power-down n1 n2',
      'undrain n2 n3',
    ]);
  });

  test('finds nothing to do where nothing is up any more', async () => {
    const { scheduler, journal } = withNodes({ n1: { power: 'saved' } });
    expect(await releaseNodes(scheduler, { ...effect, nodes: ['n1'] }, clock)).toMatchObject({
      freed: [],
    });
    expect(journal.filter((line) => !line.startsWith('list'))).toEqual([]);
  });
});

describe('releaseNodes', () => {
  const effect: ReleaseNodes = {
    kind: 'ReleaseNodes',
    id: 'e',
    nodes: ['n1', 'n2', 'n3'],
    reason: 'the job is gone',
  };

  test('looks, drains the empty ones, looks again, powers them down, undrains all, and tells who is on the others', async () => {
    const { scheduler, journal } = slurm(
      [job(5, 'CONFIGURING', 'n2', 'n9'), job(6, 'RUNNING', 'n8')],
      ['n9'],
    );
    const released = await releaseNodes(scheduler, effect, clock);
    expect(released.freed).toEqual(['n1', 'n3']);
    expect(released.kept).toMatchObject({ jobs: [{ jobId: 5, nodes: 'n[2,9]' }], absent: 'n2' });
    expect(journal).toEqual([
      'list-nodes n1 n2 n3',
      'list-allocated-jobs',
      'drain n1 n3 the job is gone',
      'list-allocated-jobs',
      'power-down n1 n3',
      'undrain n1 n2 n3',
      'list-nodes n2 n9',
    ]);
  });

  test('powers nothing down where somebody is on every node', async () => {
    const { scheduler, journal } = slurm([job(5, 'RUNNING', 'n1', 'n2', 'n3')]);
    expect(await releaseNodes(scheduler, effect, clock)).toMatchObject({ freed: [] });
    expect(journal.filter((line) => line.startsWith('power-down'))).toEqual([]);
    expect(journal).toContain('undrain n1 n2 n3');
  });

  test('waits for a job that completes there', async () => {
    const { scheduler, journal } = slurm([job(5, 'COMPLETING', 'n2')]);
    await expect(releaseNodes(scheduler, effect, clock)).rejects.toMatchObject({ transient: true });
    expect(journal).toEqual(['list-nodes n1 n2 n3', 'list-allocated-jobs']);
  });

  test('does not wait for a job that completes elsewhere', async () => {
    const { scheduler } = slurm([job(5, 'COMPLETING', 'n7')]);
    expect(await releaseNodes(scheduler, effect, clock)).toMatchObject({
      freed: ['n1', 'n2', 'n3'],
    });
  });

  test('undrains first what somebody wants by now, and does no more where that is all', async () => {
    const some = slurm([]);
    await releaseNodes(some.scheduler, { ...effect, nodes: ['n1'], keep: ['n2', 'n3'] }, clock);
    expect(some.journal.slice(0, 4)).toEqual([
      'list-nodes n2 n3 n1',
      'undrain n2 n3',
      'list-allocated-jobs',
      'drain n1 the job is gone',
    ]);
    const none = slurm([]);
    const released = await releaseNodes(
      none.scheduler,
      { ...effect, nodes: [], keep: ['n1'] },
      clock,
    );
    expect(released).toEqual({ freed: [], kept: { jobs: [], absent: '' } });
    expect(none.journal).toEqual(['list-nodes n1', 'undrain n1']);
  });

  test('what a person keeps out of service is powered down where it is empty, and stays out', async () => {
    const { scheduler, journal } = withNodes({
      n1: { power: 'powering-up', isDrained: true, reason: 'bad disk' },
      n2: { power: 'powering-up', isDown: true, reason: 'ResumeTimeout reached' },
      n3: { power: 'powering-up', isDrained: true, reason: '(Code:JobGone)an earlier try' },
      n4: { isDrained: true, reason: 'bad disk' },
    });
    const released = await releaseNodes(scheduler, { ...effect, keep: ['n4'] }, clock);
    expect(released.freed).toEqual(['n1', 'n2', 'n3']);
    expect(journal.filter((line) => !line.startsWith('list'))).toEqual([
      'drain n2 n3 the job is gone',
      'power-down n1 n2 n3',
      'undrain n2 n3',
    ]);
  });

  test('with nothing but such nodes nothing is drained or undrained', async () => {
    const { scheduler, journal } = withNodes({ n1: { isDrained: true, reason: 'bad disk' } });
    await releaseNodes(scheduler, { ...effect, nodes: ['n1'] }, clock);
    expect(journal.filter((line) => !line.startsWith('list'))).toEqual(['power-down n1']);
  });

  test('may be repeated: the same commands in the same order', async () => {
    const ports = slurm([job(5, 'CONFIGURING', 'n2')]);
    await releaseNodes(ports.scheduler, effect, clock);
    const first = [...ports.journal];
    ports.journal.length = 0;
    await releaseNodes(ports.scheduler, effect, clock);
    expect(ports.journal).toEqual(first);
  });

  test('a command that fails ends it there', async () => {
    const ports = slurm([]);
    const error = new SchedulerError('no contact', { transient: true });
    Object.assign(ports.scheduler, { powerDownNodes: () => Promise.reject(error) });
    await expect(releaseNodes(ports.scheduler, effect, clock)).rejects.toBe(error);
    expect(ports.journal.at(-1)).toBe('list-allocated-jobs');
  });

  test('powers nothing down by what Slurm took too long to tell', async () => {
    const ports = slurm([]);
    const { listAllocatedJobs } = ports.scheduler;
    let looks = 0;
    Object.assign(ports.scheduler, {
      async listAllocatedJobs() {
        looks += 1;
        return taking(looks === 2 ? 3_001 : 3_000, await listAllocatedJobs());
      },
    });
    await expect(releaseNodes(ports.scheduler, effect, clock)).rejects.toMatchObject({
      transient: true,
    });
    expect(ports.journal.filter((line) => line.startsWith('power-down'))).toEqual([]);
    expect(await releaseNodes(ports.scheduler, effect, clock)).toMatchObject({
      freed: effect.nodes,
    });
  });
});

describe('tellJobs', () => {
  const effect: TellJobs = {
    kind: 'TellJobs',
    id: 'e',
    jobIds: [1, 2, 3],
    note: 'refused',
    startAt: 5_000,
    hold: null,
  };

  test('changes those that wait: when they start, and their comment beside what stands there', async () => {
    const waiting = { ...job(1, 'PENDING'), adminComment: 'theirs [muster: old]' };
    const { scheduler, journal } = slurm([waiting, job(2, 'RUNNING', 'n1'), job(3, 'CANCELLED')]);
    await tellJobs(scheduler, effect);
    expect(journal).toEqual([
      'list-jobs 1 2 3',
      'update-job 1 {"startAt":5000,"adminComment":"theirs [muster: refused]"}',
    ]);
  });

  test('holds them where it is told to', async () => {
    const { scheduler, journal } = slurm([job(1, 'PENDING')]);
    await tellJobs(scheduler, { ...effect, startAt: null, hold: 'user' });
    expect(journal.at(-1)).toBe('update-job 1 {"hold":"user","adminComment":"[muster: refused]"}');
  });

  test('ends the wait of a requeued job, unless Slurm does, or it comes back again and again', async () => {
    const { scheduler, journal } = slurm([
      { ...job(1, 'PENDING'), reason: 'BeginTime', restarts: 3 },
      { ...job(2, 'PENDING'), reason: 'BeginTime', restarts: 4 },
      { ...job(3, 'PENDING'), reason: 'Resources', restarts: 1 },
      { ...job(4, 'PENDING'), restarts: 1 },
    ]);
    await tellJobs(scheduler, { ...effect, jobIds: [1, 2, 3, 4], endsWait: true });
    const comment = '"adminComment":"[muster: refused]"';
    expect(journal.slice(1)).toEqual([
      `update-job 1 {"startAt":5000,${comment}}`,
      `update-job 2 {${comment}}`,
      `update-job 3 {${comment}}`,
      `update-job 4 {"startAt":5000,${comment}}`,
    ]);
  });

  test('speaks to the leader of a heterogeneous job, once, whichever component is meant', async () => {
    const { scheduler, journal } = slurm([
      { ...job(2, 'PENDING'), hetJobId: 1 },
      { ...job(3, 'PENDING'), hetJobId: 1 },
    ]);
    await tellJobs(scheduler, { ...effect, jobIds: [2, 3] });
    expect(journal).toEqual([
      'list-jobs 2 3',
      'update-job 1 {"startAt":5000,"adminComment":"[muster: refused]"}',
    ]);
  });

  test("takes back muster's hold of a job that has started again, and nobody else's", async () => {
    const held = { priority: 0, adminComment: 'theirs [muster: held]' };
    const { scheduler, journal } = slurm([
      { ...job(1, 'RUNNING', 'n1'), ...held },
      { ...job(2, 'RUNNING', 'n2'), ...held, priority: 7 },
      { ...job(3, 'PENDING'), ...held, adminComment: 'theirs' },
    ]);
    await tellJobs(scheduler, {
      ...effect,
      startAt: null,
      note: null,
      anyState: true,
      release: true,
    });
    expect(journal).toEqual([
      'list-jobs 1 2 3',
      'release-job 1',
      'update-job 1 {"adminComment":"theirs"}',
    ]);
  });

  for (const state of ['CONFIGURING', 'COMPLETING'] as const) {
    test(`tells those that wait and asks to be repeated for one that is ${state}`, async () => {
      const { scheduler, journal } = slurm([job(1, 'PENDING'), job(2, state, 'n1')]);
      await expect(tellJobs(scheduler, effect)).rejects.toMatchObject({ transient: true });
      expect(journal.filter((line) => line.startsWith('update-job'))).toHaveLength(1);
    });
  }

  /** What Slurm answers to a change of the first job, which it takes from the second. */
  function refusing(error: SchedulerError, ...more: SchedulerJob[]): FakePorts {
    const ports = slurm([job(1, 'PENDING'), ...more]);
    const { updateJob } = ports.scheduler;
    Object.assign(ports.scheduler, {
      updateJob: (jobId: number, change: JobChange) =>
        jobId === 1 ? Promise.reject(error) : updateJob(jobId, change),
    });
    return ports;
  }
  const gone = new SchedulerError('Job has already finished', { transient: false });
  const away = new SchedulerError('no contact', { transient: true });

  test('one that ends meanwhile is refused after the others are told', async () => {
    const { scheduler, journal } = refusing(gone, job(2, 'PENDING'));
    await expect(tellJobs(scheduler, effect)).rejects.toBe(gone);
    expect(journal.at(-1)).toContain('update-job 2');
  });

  test('one that ends meanwhile does not end it for one that is not back in the queue yet', async () => {
    const { scheduler } = refusing(gone, job(2, 'COMPLETING', 'n1'));
    await expect(tellJobs(scheduler, effect)).rejects.toMatchObject({ transient: true });
  });

  test('a Slurm that is away is asked again', async () => {
    const { scheduler } = refusing(away, job(2, 'PENDING'));
    await expect(tellJobs(scheduler, effect)).rejects.toBe(away);
  });

  test('a leader is told while another component runs, for which Slurm refuses the same', async () => {
    const late = new SchedulerError('Job is no longer pending execution for job 1', {
      transient: false,
    });
    const part = { ...job(2, 'RUNNING', 'n1'), hetJobId: 1 };
    await tellJobs(refusing(late, part).scheduler, { ...effect, jobIds: [1] });
    const told = tellJobs(refusing(late).scheduler, { ...effect, jobIds: [1] });
    await expect(told).rejects.toBe(late);
    const other = tellJobs(refusing(gone, part).scheduler, { ...effect, jobIds: [1] });
    await expect(other).rejects.toBe(gone);
  });

  test('is content when the jobs are gone', async () => {
    const { scheduler, journal } = slurm([]);
    await tellJobs(scheduler, effect);
    expect(journal).toEqual(['list-jobs 1 2 3']);
  });

  test('takes the note out of jobs that start and run too, and waits for nobody', async () => {
    const noted = { adminComment: 'theirs [muster: old]' };
    const { scheduler, journal } = slurm([
      { ...job(1, 'RUNNING', 'n1'), ...noted },
      { ...job(2, 'PENDING'), ...noted },
      { ...job(3, 'CONFIGURING', 'n2'), ...noted },
    ]);
    await tellJobs(scheduler, { ...effect, note: null, startAt: null, anyState: true });
    expect(journal.slice(1)).toEqual([
      'update-job 1 {"adminComment":"theirs"}',
      'update-job 2 {"adminComment":"theirs"}',
      'update-job 3 {"adminComment":"theirs"}',
    ]);
  });

  test('leaves a leader its note that waits while a component of it has started by itself', async () => {
    const noted = { adminComment: '[muster: held]', hetJobId: 1 };
    const started = { ...job(2, 'RUNNING', 'n1'), ...noted };
    const over = { ...effect, jobIds: [2], note: null, startAt: null, anyState: true };
    const one = slurm([{ ...job(1, 'PENDING'), ...noted }, started]);
    await tellJobs(one.scheduler, over);
    expect(one.journal).toEqual(['list-jobs 2', 'list-jobs 1']);
    const other = slurm([{ ...job(1, 'RUNNING', 'n2'), ...noted }, started]);
    await tellJobs(other.scheduler, over);
    expect(other.journal.at(-1)).toBe('update-job 1 {"adminComment":""}');
  });

  test('acts on the leader of a heterogeneous job alone', async () => {
    const { scheduler, journal } = slurm([
      { ...job(1, 'PENDING'), hetJobId: 1 },
      { ...job(2, 'PENDING'), hetJobId: 1 },
    ]);
    await tellJobs(scheduler, { ...effect, jobIds: [1] });
    expect(journal.filter((line) => line.startsWith('update-job'))).toEqual([
      'update-job 1 {"startAt":5000,"adminComment":"[muster: refused]"}',
    ]);
  });
});
