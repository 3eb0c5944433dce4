/** Conversations with Slurm: which commands, in which order, and what is made of the answers. */
import { describe, expect, test } from 'vitest';
import type { ReleaseNodes, TellJobs } from '../core/effects.ts';
import {
  SchedulerError,
  type JobChange,
  type SchedulerJob,
  type SchedulerNode,
} from '../ports/scheduler.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { askJobs, refreshNodes, releaseNodes, tellJobs } from './slurm-talk.ts';
import { createFakePorts, type FakePorts } from './testing/fakes.ts';

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
      node,
      power: up.includes(node) ? 'up' : 'powering-up',
      isDown: false,
      isDrained: false,
    }));
  return ports;
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
        node,
        power: 'saved',
        isDown: false,
        isDrained: false,
        ...nodes[node],
      }));
    return ports;
  }

  test('undrains what is powered down, and takes back into service what is down as well', async () => {
    const { scheduler, journal } = showing({ n2: { isDown: true } });
    await refreshNodes(scheduler, ['n1', 'n2', 'n3']);
    expect(journal).toEqual(['list-nodes n1 n2 n3', 'resume n2', 'undrain n1 n3']);
  });

  test('leaves alone what works again, and what an administrator has drained', async () => {
    const { scheduler, journal } = showing({
      n1: { power: 'up' },
      n2: { power: 'powering-up' },
      n3: { isDrained: true },
    });
    await refreshNodes(scheduler, ['n1', 'n2', 'n3']);
    expect(journal).toEqual(['list-nodes n1 n2 n3']);
  });

  test('does what it can, and is to come again, while others are still powering down', async () => {
    const { scheduler, journal } = showing({ n2: { power: 'powering-down', isDown: true } });
    await expect(refreshNodes(scheduler, ['n1', 'n2'])).rejects.toMatchObject({ transient: true });
    expect(journal).toEqual(['list-nodes n1 n2', 'undrain n1']);
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
    const released = await releaseNodes(scheduler, effect);
    expect(released.freed).toEqual(['n1', 'n3']);
    expect(released.kept).toMatchObject({ jobs: [{ jobId: 5, nodes: 'n[2,9]' }], absent: 'n2' });
    expect(journal).toEqual([
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
    expect(await releaseNodes(scheduler, effect)).toMatchObject({ freed: [] });
    expect(journal.filter((line) => line.startsWith('power-down'))).toEqual([]);
    expect(journal).toContain('undrain n1 n2 n3');
  });

  test('waits for a job that completes there', async () => {
    const { scheduler, journal } = slurm([job(5, 'COMPLETING', 'n2')]);
    await expect(releaseNodes(scheduler, effect)).rejects.toMatchObject({ transient: true });
    expect(journal).toEqual(['list-allocated-jobs']);
  });

  test('does not wait for a job that completes elsewhere', async () => {
    const { scheduler } = slurm([job(5, 'COMPLETING', 'n7')]);
    expect(await releaseNodes(scheduler, effect)).toMatchObject({ freed: ['n1', 'n2', 'n3'] });
  });

  test('undrains first what somebody wants by now, and does no more where that is all', async () => {
    const some = slurm([]);
    await releaseNodes(some.scheduler, { ...effect, nodes: ['n1'], keep: ['n2', 'n3'] });
    expect(some.journal.slice(0, 3)).toEqual([
      'undrain n2 n3',
      'list-allocated-jobs',
      'drain n1 the job is gone',
    ]);
    const none = slurm([]);
    const released = await releaseNodes(none.scheduler, { ...effect, nodes: [], keep: ['n1'] });
    expect(released).toEqual({ freed: [], kept: { jobs: [], absent: '' } });
    expect(none.journal).toEqual(['undrain n1']);
  });

  test('may be repeated: the same commands in the same order', async () => {
    const ports = slurm([job(5, 'CONFIGURING', 'n2')]);
    await releaseNodes(ports.scheduler, effect);
    const first = [...ports.journal];
    ports.journal.length = 0;
    await releaseNodes(ports.scheduler, effect);
    expect(ports.journal).toEqual(first);
  });

  test('a command that fails ends it there', async () => {
    const ports = slurm([]);
    const error = new SchedulerError('no contact', { transient: true });
    Object.assign(ports.scheduler, { powerDownNodes: () => Promise.reject(error) });
    await expect(releaseNodes(ports.scheduler, effect)).rejects.toBe(error);
    expect(ports.journal.at(-1)).toBe('list-allocated-jobs');
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
