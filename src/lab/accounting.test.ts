import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { JobState, JobStatus } from '../ports/slurm-commands.ts';
import {
  busyNodeCount,
  busySeconds,
  countJobs,
  countReservations,
  hasEnded,
  paidSeconds,
} from './accounting.ts';
import type { LabInstance } from './world.ts';

function instance(launchedAt: number, terminatedAt: number | null): LabInstance {
  return { instanceId: `i-${launchedAt}`, instanceType: 'c5.xlarge', launchedAt, terminatedAt };
}

function job(state: JobState, nodes: readonly string[] = [], id = '1'): JobStatus {
  return { id, state, reason: 'None', nodes, adminComment: '' };
}

describe('instance-seconds paid', () => {
  const cases = new Map<string, [LabInstance[], from: number, to: number, want: number]>([
    ['nothing launched', [[], 0, 10_000, 0]],
    ['one that lives', [[instance(2_000, null)], 0, 10_000, 8]],
    ['one that ended', [[instance(2_000, 5_000)], 0, 10_000, 3]],
    ['one that was there before', [[instance(0, null)], 4_000, 10_000, 6]],
    ['one that had ended before', [[instance(0, 3_000)], 4_000, 10_000, 0]],
    ['one that is launched after', [[instance(11_000, null)], 4_000, 10_000, 0]],
    [
      'several',
      [[instance(0, 1_000), instance(1_000, 4_000), instance(8_000, null)], 0, 10_000, 6],
    ],
  ]);
  test.each([...cases])('%s', (_, [instances, from, to, want]) => {
    expect(paidSeconds(instances, from, to)).toBe(want);
  });

  test('a stretch of time costs what its two halves cost', () => {
    const anyInstance = fc
      .tuple(fc.nat(10_000), fc.option(fc.nat(10_000)))
      .map(([start, life]) => instance(start, life === null ? null : start + life));
    fc.assert(
      fc.property(fc.array(anyInstance), fc.nat(20_000), (instances, middle) => {
        const whole = paidSeconds(instances, 0, 20_000);
        const halves = paidSeconds(instances, 0, middle) + paidSeconds(instances, middle, 20_000);
        expect(halves).toBeCloseTo(whole, 6);
      }),
    );
  });
});

describe('node-seconds with a job', () => {
  test('a start and an end are put half-way between the looks around them', () => {
    const samples = [
      { at: 0, busyNodes: 0 },
      { at: 1_000, busyNodes: 4 },
      { at: 2_000, busyNodes: 4 },
      { at: 3_000, busyNodes: 0 },
    ];
    expect(busySeconds(samples, 0, 1_000)).toBe(2);
    expect(busySeconds(samples, 2_000, 3_000)).toBe(2);
    expect(busySeconds(samples, 0, 3_000)).toBe(8);
  });

  test('only what lies between the two moments counts', () => {
    const samples = [
      { at: 0, busyNodes: 2 },
      { at: 10_000, busyNodes: 2 },
    ];
    expect(busySeconds(samples, 4_000, 7_000)).toBe(6);
    expect(busySeconds(samples, 11_000, 12_000)).toBe(0);
  });

  test('a node that two jobs share is one busy node, and only running jobs make it busy', () => {
    const jobs = [
      job('RUNNING', ['n1', 'n2']),
      job('RUNNING', ['n2', 'n3'], '2'),
      job('CONFIGURING', ['n4'], '3'),
      job('COMPLETED', ['n5'], '4'),
    ];
    expect(busyNodeCount(jobs)).toBe(3);
  });
});

describe('jobs', () => {
  const columns = new Map<JobState, 'running' | 'pending' | 'failed' | 'completed' | null>([
    ['PENDING', 'pending'],
    ['CONFIGURING', 'pending'],
    ['RUNNING', 'running'],
    ['COMPLETING', 'running'],
    ['COMPLETED', 'completed'],
    ['FAILED', 'failed'],
    ['NODE_FAIL', 'failed'],
    ['TIMEOUT', 'failed'],
    ['CANCELLED', null],
  ]);
  test.each([...columns])('%s counts as %s', (state, column) => {
    const none = { running: 0, pending: 0, failed: 0, completed: 0 };
    const want = column === null ? none : { ...none, [column]: 1 };
    expect(countJobs([job(state)])).toEqual(want);
    expect(hasEnded(job(state))).toBe(
      column === 'failed' || column === 'completed' || column === null,
    );
  });
});

test('a reservation that EC2 refused was never made, and one that expired was not cancelled', () => {
  const listed = ['active', 'failed', 'cancelled', 'expired'].map((state) => ({ state }));
  expect(countReservations(listed)).toEqual({ made: 3, cancelled: 1 });
});
