import { describe, expect, test } from 'vitest';
import { planWarnings } from './plan-warnings.ts';
import { planRequest } from './plan.ts';
import { resumeFile, type Jobs } from './testing/world.ts';
import { defaultSettings, type Settings } from './settings.ts';

const firm: Partial<Settings> = { mode: 'node-list', allOrNothingBatch: true };

function warnings(settings: Partial<Settings>, hostlist: string, jobs: Jobs | null): string[] {
  const all = { ...defaultSettings, ...settings };
  return planWarnings(planRequest(all, hostlist, jobs === null ? null : resumeFile(jobs)));
}

describe("the page's advice on max_batch_size", () => {
  test('limit 1: a launch-batch that holds several jobs fails them together', () => {
    const jobs: Jobs = ['q-dy-c-[1-4]', 'q-dy-c-[5-6]', 'q-dy-c-[7-8]'];
    expect(warnings({ ...firm, maxBatchSize: 10 }, 'q-dy-c-[1-8]', jobs)).toEqual([
      'launch-batch 1 holds nodes of 3 jobs (1, 2, 3): if it fails, all of them fail.',
      'max_batch_size is 10, the largest job needs 4 instances of one compute resource: set max_batch_size = 4, or use mode: job, which launches each job whole.',
    ]);
  });

  test('limit 2: a job on two compute resources is never one launch-batch', () => {
    const jobs: Jobs = ['queue1-dy-c5xlarge-[1-4],queue1-dy-t2micro-1'];
    expect(warnings({ ...firm, maxBatchSize: 10 }, jobs.join(), jobs)[0]).toBe(
      'job 1 (5 nodes) is cut into 2 launch-batches: it is not launched all-or-nothing.',
    );
  });

  test('limit 3: jobs that do not lie side by side, whatever the batch size', () => {
    const jobs: Jobs = ['q-dy-c-[1,3-4]', 'q-dy-c-[2,5-6]'];
    expect(warnings({ ...firm, maxBatchSize: 3 }, 'q-dy-c-[1-6]', jobs)).toEqual([
      'job 1 (3 nodes) is cut into 2 launch-batches: it is not launched all-or-nothing.',
      'job 2 (3 nodes) is cut into 2 launch-batches: it is not launched all-or-nothing.',
      'launch-batch 1 holds nodes of 2 jobs (1, 2): if it fails, all of them fail.',
      'launch-batch 2 holds nodes of 2 jobs (1, 2): if it fails, all of them fail.',
      "max_batch_size (3) is the largest job's size, but the jobs' nodes do not lie batch by batch: submit with --contiguous, or use mode: job, which launches each job whole.",
    ]);
  });

  test('a job larger than the batch', () => {
    const got = warnings({ ...firm, maxBatchSize: 4 }, 'q-dy-c-[1-9]', ['q-dy-c-[1-9]']);
    expect(got[0]).toContain('cut into 3 launch-batches');
    expect(got[1]).toContain('set max_batch_size = 9');
  });

  test('many jobs in a batch: the first eight are named', () => {
    const jobs = Array.from({ length: 9 }, (_, index) => `q-dy-c-${index + 1}`);
    expect(warnings({ ...firm, maxBatchSize: 10 }, 'q-dy-c-[1-9]', jobs)[0]).toBe(
      'launch-batch 1 holds nodes of 9 jobs (1, 2, 3, 4, 5, 6, 7, 8, ...): if it fails, all of them fail.',
    );
  });
});

describe('nothing is to be said', () => {
  const jobs: Jobs = ['q-dy-c-[1-50]', 'q-dy-c-[51-100]'];
  const both = 'q-dy-c-[1-100]';
  const table = new Map<string, [Partial<Settings>, Jobs | null]>([
    [
      'when each job is exactly one launch-batch, as on the page',
      [{ ...firm, maxBatchSize: 50 }, jobs],
    ],
    ['of soft launch-batches', [{ mode: 'node-list', maxBatchSize: 500 }, jobs]],
    ['in job mode', [{ maxBatchSize: 7, allOrNothingBatch: true }, jobs]],
    ['when the jobs are unknown', [{ ...firm, maxBatchSize: 7 }, null]],
  ]);
  for (const [name, [settings, file]] of table) {
    test(name, () => {
      expect(warnings(settings, both, file)).toEqual([]);
    });
  }
});
