/** Plans where Slurm was asked about the jobs: components that belong together, members that the file does not name. */
import { describe, expect, test } from 'vitest';
import type { JobFacts, Told } from './job-facts.ts';
import { planRequest, planSilentJobs } from './plan.ts';
import { defaultSettings, type Settings } from './settings.ts';

function facts(jobId: number, nodes: string, more: Partial<JobFacts> = {}): JobFacts {
  const plain = { jobId, hetJobId: null, isAllocated: true, nodes, priority: null };
  return { ...plain, comment: '', extra: '', ...more };
}

/** A request for all nodes of the jobs, as the file names them, with what Slurm says. */
function plan(
  jobs: readonly (readonly [number, string])[],
  told: Told,
  settings: Partial<Settings> = {},
) {
  const file = jobs.map(([id, nodes]) => ({ job_id: id, nodes }));
  const hostlist = jobs.map(([, nodes]) => nodes).join(',');
  const text = JSON.stringify({ jobs: file });
  return planRequest({ ...defaultSettings, ...settings }, hostlist, text, told);
}

describe('a plan with what Slurm says', () => {
  test('a job whose members are all asked for is as the file has it', () => {
    const { gangs, unwanted } = plan([[1, 'q-dy-c-[1-2]']], {
      jobs: [facts(1, 'q-dy-c-[1-2]')],
      absent: '',
    });
    expect(gangs).toMatchObject([{ jobIds: [1], nodes: ['q-dy-c-1', 'q-dy-c-2'], missing: [] }]);
    expect(unwanted).toEqual([]);
  });

  test('members that are not up and not asked for are missing; those that are up are not', () => {
    const { gangs } = plan([[1, 'q-dy-c-[1-2]']], {
      jobs: [facts(1, 'q-dy-c-[1-4]')],
      absent: 'q-dy-c-[2,4]',
    });
    expect(gangs).toMatchObject([{ nodes: ['q-dy-c-1', 'q-dy-c-2'], missing: ['q-dy-c-4'] }]);
  });

  test('components of a heterogeneous job are one gang, the leader first, whatever the order', () => {
    const { jobs, gangs } = plan(
      [
        [8, 'b-dy-c-1'],
        [7, 'a-dy-c-1'],
      ],
      {
        jobs: [
          facts(8, 'b-dy-c-1', { hetJobId: 7, priority: 5 }),
          facts(7, 'a-dy-c-1', { hetJobId: 7, priority: 5 }),
        ],
        absent: '',
      },
    );
    expect(jobs).toMatchObject([{ jobId: 7, jobIds: [7, 8], priority: 5 }]);
    expect(gangs).toMatchObject([{ kind: 'job', firm: true, nodes: ['b-dy-c-1', 'a-dy-c-1'] }]);
    expect(gangs[0]?.batches).toHaveLength(2);
  });

  test('a component that the file does not have adds its nodes to the missing', () => {
    const { gangs } = plan([[7, 'a-dy-c-1']], {
      jobs: [facts(7, 'a-dy-c-1', { hetJobId: 7 }), facts(8, 'b-dy-c-[1-2]', { hetJobId: 7 })],
      absent: 'b-dy-c-2',
    });
    expect(gangs).toMatchObject([
      { kind: 'job', jobIds: [7, 8], nodes: ['a-dy-c-1'], missing: ['b-dy-c-2'] },
    ]);
  });

  test('a job of one node that misses another one stands alone', () => {
    const { gangs } = plan(
      [
        [1, 'q-dy-c-1'],
        [2, 'q-dy-c-2'],
        [3, 'q-dy-c-3'],
      ],
      {
        jobs: [facts(1, 'q-dy-c-1'), facts(2, 'q-dy-c-[2,9]'), facts(3, 'q-dy-c-3')],
        absent: 'q-dy-c-9',
      },
    );
    expect(gangs).toMatchObject([
      { kind: 'single-node-jobs', jobIds: [1, 3], firm: false },
      { kind: 'job', jobIds: [2], firm: true, missing: ['q-dy-c-9'] },
    ]);
  });

  test('priorities that Slurm tells decide the order', () => {
    const { gangs } = plan(
      [
        [1, 'q-dy-c-[1-2]'],
        [2, 'q-dy-c-[3-4]'],
      ],
      {
        jobs: [
          facts(1, 'q-dy-c-[1-2]', { priority: 1 }),
          facts(2, 'q-dy-c-[3-4]', { priority: 9 }),
        ],
        absent: '',
      },
    );
    expect(gangs.map(({ jobIds }) => jobIds)).toEqual([[2], [1]]);
  });

  test('jobs that Slurm does not know any more, or has taken off their nodes, leave those unwanted', () => {
    const { gangs, unwanted, nodes } = plan(
      [
        [1, 'q-dy-c-[1-2]'],
        [2, 'q-dy-c-[2-3]'],
        [3, 'q-dy-c-4'],
      ],
      {
        jobs: [facts(2, 'q-dy-c-[2-3]'), facts(3, '', { isAllocated: false })],
        absent: '',
      },
    );
    expect(unwanted).toEqual(['q-dy-c-1', 'q-dy-c-4']);
    expect(nodes).toEqual(['q-dy-c-2', 'q-dy-c-3']);
    expect(gangs).toMatchObject([{ jobIds: [2], nodes: ['q-dy-c-2', 'q-dy-c-3'] }]);
  });

  test('nodes of the request that belong to no job are launched by themselves, as ever', () => {
    const told = { jobs: [facts(1, 'q-dy-c-1')], absent: '' };
    const text = JSON.stringify({ jobs: [{ job_id: 1, nodes: 'q-dy-c-1' }] });
    const { gangs } = planRequest(defaultSettings, 'q-dy-c-[1-2]', text, told);
    expect(gangs.map(({ kind, nodes }) => [kind, nodes])).toEqual([
      ['job', ['q-dy-c-1']],
      ['launch-batch', ['q-dy-c-2']],
    ]);
  });

  test('what Slurm names unreadably is a fault, and the rest is used', () => {
    const { gangs, faults } = plan([[1, 'q-dy-c-1']], {
      jobs: [facts(1, 'q-dy-c-1,q-dy-c-[2')],
      absent: 'q-dy-c-[3',
    });
    expect(faults).toHaveLength(2);
    expect(faults[0]).toContain('Slurm names nodes "q-dy-c-[3"');
    expect(gangs).toHaveLength(1);
  });
});

describe('a plan for silent jobs', () => {
  test('has the nodes that are on their way, the rest is missing', () => {
    const { gangs } = planSilentJobs(defaultSettings, ['q-dy-c-1', 'q-dy-c-2'], {
      jobs: [facts(5, 'q-dy-c-[1-3]')],
      absent: 'q-dy-c-3',
    });
    expect(gangs).toMatchObject([
      { kind: 'job', jobIds: [5], nodes: ['q-dy-c-1', 'q-dy-c-2'], missing: ['q-dy-c-3'] },
    ]);
  });

  test('joins components here too', () => {
    const { gangs } = planSilentJobs(defaultSettings, ['a-dy-c-1', 'b-dy-c-1'], {
      jobs: [facts(7, 'a-dy-c-1', { hetJobId: 7 }), facts(8, 'b-dy-c-1', { hetJobId: 7 })],
      absent: '',
    });
    expect(gangs).toMatchObject([{ jobIds: [7, 8], firm: true }]);
  });
});
