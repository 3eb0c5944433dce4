import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JobChange, Scheduler } from '../../ports/scheduler.ts';
import { openFakeSlurm, type FakeSlurm } from './testing/fake-slurm.ts';

let fake: FakeSlurm;
let slurm: Scheduler;

beforeEach(() => {
  fake = openFakeSlurm();
  slurm = fake.slurm;
});

afterEach(() => {
  fake.close();
});

describe('a job is changed', () => {
  test('by the time in UTC, the comment, then the hold', async () => {
    fake.put('rows', '7|7|\n');
    await slurm.updateJob(7, {
      startAt: Date.UTC(2030, 0, 2, 3, 4, 5) + 1,
      adminComment: 'a "b"\n c',
      hold: 'user',
    });
    // The newline of the comment is one in the fake's record too.
    expect(fake.calls('scontrol')).toEqual([
      [
        'scontrol',
        'TZ=UTC0',
        'update',
        'jobid=7',
        'StartTime=2030-01-02T03:04:06',
        'AdminComment=a "b"',
        ' c',
      ],
      ['scontrol', 'TZ=UTC0', 'uhold', '7'],
    ]);
  });

  test('alone, where its number is also that of its array', async () => {
    fake.put('rows', '6|6_5|\n9|6_3|\n');
    await slurm.updateJob(6, { hold: 'admin' });
    expect(fake.calls('scontrol')).toEqual([['scontrol', 'TZ=UTC0', 'hold', '6_5']]);
  });

  test('by the number of the whole, where it leads a heterogeneous one', async () => {
    fake.put('rows', '8|7+1|\n7|7+0|\n');
    await slurm.updateJob(7, { hold: 'admin' });
    expect(fake.calls('scontrol')).toEqual([['scontrol', 'TZ=UTC0', 'hold', '7']]);
  });

  test('in nothing: no process', async () => {
    await slurm.updateJob(7, {});
    expect(fake.calls()).toEqual([]);
  });

  test('not, when it is gone: that will not pass', async () => {
    fake.put('refusal', 'slurm_load_jobs error: Invalid job id specified\n');
    await expect(slurm.updateJob(7, { adminComment: 'x' })).rejects.toMatchObject({
      transient: false,
      message: 'scontrol could not update job 7: Invalid job id specified',
    });
    expect(fake.calls('scontrol')).toEqual([]);
  });

  test('not, when slurmctld is away, or refuses; and later calls run', async () => {
    fake.put('refusal', 'Unable to contact slurm controller\n');
    await expect(slurm.updateJob(7, { hold: 'user' })).rejects.toMatchObject({ transient: true });
    fake.drop('refusal');
    fake.put('rows', '7|7|\n');
    fake.put('no-hold', '');
    await expect(slurm.updateJob(7, { hold: 'admin' })).rejects.toMatchObject({
      transient: false,
      message: 'scontrol could not hold job 7: Access/permission denied for job 7',
    });
    await slurm.undrainNodes(['q-dy-c-1']);
    expect(fake.calls('scontrol').at(-1)?.slice(2)).toEqual([
      'update',
      'nodename=q-dy-c-1',
      'state=undrain',
    ]);
  });

  for (const [what, text] of [
    ['has a NUL', 'a\0b'],
    ['is longer than an argument may be', 'x'.repeat(200_000)],
  ] as const) {
    test(`not, when the comment ${what}: that will not pass`, async () => {
      fake.put('rows', '7|7|\n');
      await expect(slurm.updateJob(7, { adminComment: text })).rejects.toMatchObject({
        transient: false,
      });
    });
  }
});

describe('jobs that are changed together', () => {
  const rowsOf = (count: number) =>
    Array.from({ length: count }, (_, index) => `${index + 1}|${index + 1}|\n`).join('');

  function tellAll(count: number, change: JobChange) {
    const jobs = Array.from({ length: count }, (_, index) => index + 1);
    return Promise.allSettled(jobs.map((jobId) => slurm.updateJob(jobId, change)));
  }

  function messages(outcomes: readonly PromiseSettledResult<void>[]) {
    return outcomes.map((each) => each.status === 'rejected' && (each.reason as Error).message);
  }

  test('take one squeue, one update and one hold; another change is another call', async () => {
    fake.put('rows', rowsOf(4));
    const comment = { adminComment: 'no room' };
    await Promise.all([
      slurm.updateJob(1, { ...comment, hold: 'admin' }),
      slurm.updateJob(2, comment),
      slurm.updateJob(3, { hold: 'admin', ...comment }),
      slurm.updateJob(4, comment),
    ]);
    expect(fake.calls('squeue')).toHaveLength(2);
    expect(fake.calls('scontrol').map((call) => call.slice(2))).toEqual([
      ['update', 'jobid=1,3', 'AdminComment=no room'],
      ['hold', '1,3'],
      ['update', 'jobid=2,4', 'AdminComment=no room'],
    ]);
  });

  test('a thousand in a process', async () => {
    fake.put('rows', rowsOf(2_500));
    await tellAll(2_500, { adminComment: 'x' });
    const lists = fake.calls('scontrol').map((call) => call[3]?.split(',').length);
    expect(lists).toEqual([1_000, 1_000, 500]);
  });

  test('in the order of the asking, as far as one job is concerned', async () => {
    fake.put('rows', rowsOf(2));
    await Promise.all([
      slurm.updateJob(1, { adminComment: 'a' }),
      slurm.updateJob(2, { adminComment: 'b' }),
      slurm.updateJob(2, { adminComment: 'a' }),
    ]);
    expect(fake.calls('scontrol').map((call) => call.slice(3))).toEqual([
      ['jobid=1', 'AdminComment=a'],
      ['jobid=2', 'AdminComment=b'],
      ['jobid=2', 'AdminComment=a'],
    ]);
  });

  test('are refused one by one, as scontrol tells them by name; the others are done', async () => {
    fake.put('rows', rowsOf(3));
    fake.put('told', 'Job has already finished for job 2\nslurm_suspend error: No error\n');
    expect(messages(await tellAll(4, { hold: 'user' }))).toEqual([
      false,
      'scontrol could not hold job 2: Job has already finished for job 2',
      false,
      'scontrol could not update job 4: Invalid job id specified',
    ]);
    expect(fake.calls('scontrol').map((call) => call.slice(2))).toEqual([['uhold', '1,2,3']]);
  });

  test('are asked for each on its own, when scontrol fails in other words', async () => {
    fake.put('rows', rowsOf(3));
    fake.put('told', 'Invalid job id specified for nobody\n');
    fake.put('bad', 'jobid=2');
    expect(messages(await tellAll(3, { adminComment: 'x' }))).toEqual([
      false,
      'scontrol could not update job 2: odd',
      false,
    ]);
    expect(fake.calls('scontrol').map((call) => call[3])).toEqual([
      'jobid=1,2,3',
      'jobid=1',
      'jobid=2',
      'jobid=3',
    ]);
  });

  test('may all be asked for again, when slurmctld is away, but for those it has refused', async () => {
    fake.put('rows', rowsOf(3));
    fake.put('told', 'Job has already finished for job 1\nUnable to contact slurm controller\n');
    const outcomes = await tellAll(3, { adminComment: 'x' });
    expect(fake.calls('scontrol')).toHaveLength(1);
    expect(outcomes).toMatchObject([
      { reason: { transient: false } },
      { reason: { transient: true } },
      { reason: { transient: true } },
    ]);
  });
});

describe('nodes are drained', () => {
  test('and undrained; what is asked of one node keeps its order', async () => {
    await Promise.all([
      slurm.drainNodes(['q-dy-c-1'], 'a look'),
      slurm.undrainNodes(['q-dy-c-2']),
      slurm.drainNodes(['q-dy-c-3'], 'a look'),
      slurm.drainNodes(['q-dy-c-2'], 'a look'),
    ]);
    expect(fake.calls('scontrol').map((call) => call.slice(3))).toEqual([
      ['nodename=q-dy-c-[1,3]', 'state=drain', 'reason=a look'],
      ['nodename=q-dy-c-2', 'state=undrain'],
      ['nodename=q-dy-c-2', 'state=drain', 'reason=a look'],
    ]);
  });

  test('beside reads, which wait for nobody', async () => {
    const short = openFakeSlurm({ timeoutMs: 1_000 });
    short.put('scontrol', '#!/bin/sh\nexec sleep 5\n');
    short.put('nodes', 'q-dy-c-1|idle+cloud|none|\n');
    const order: string[] = [];
    const drained = short.slurm.drainNodes(['q-dy-c-1'], 'x').catch(() => order.push('drained'));
    const listed = short.slurm.listNodes(['q-dy-c-1']).then(() => order.push('listed'));
    await Promise.all([drained, listed]);
    short.close();
    expect(order).toEqual(['listed', 'drained']);
  });
});

describe('a held job', () => {
  test('is released, alone where its number is also that of its array', async () => {
    fake.put('rows', '6|6_5|\n9|6_3|\n');
    await slurm.releaseJob(6);
    expect(fake.calls('scontrol')).toEqual([['scontrol', 'TZ=UTC0', 'release', '6_5']]);
  });

  test('that is gone is a refusal that will not pass', async () => {
    fake.put('refusal', 'slurm_load_jobs error: Invalid job id specified\n');
    await expect(slurm.releaseJob(7)).rejects.toMatchObject({ transient: false });
  });

  test('is not released before it is held by an earlier call', async () => {
    fake.put('rows', '7|7|\n');
    await Promise.all([slurm.updateJob(7, { hold: 'admin' }), slurm.releaseJob(7)]);
    expect(fake.calls('scontrol').map((call) => call[2])).toEqual(['hold', 'release']);
  });
});

describe('partitions', () => {
  test('are set one by one, since Slurm takes no list; the same wish twice is one process', async () => {
    await Promise.all([
      slurm.setPartitions(['p', 'q'], false),
      slurm.setPartitions(['q'], false),
      slurm.setPartitions(['q'], true),
    ]);
    expect(fake.calls('scontrol').map((call) => call.slice(2))).toEqual([
      ['update', 'partitionname=p', 'state=inactive'],
      ['update', 'partitionname=q', 'state=inactive'],
      ['update', 'partitionname=q', 'state=up'],
    ]);
  });

  test('that Slurm does not know are a refusal that will not pass', async () => {
    const message = 'slurm_update error: Invalid partition name specified';
    fake.put('scontrol', `#!/bin/sh\necho '${message}' >&2\nexit 1\n`);
    await expect(slurm.setPartitions(['nobody'], true)).rejects.toMatchObject({
      transient: false,
      message: `scontrol could not set partition nobody up: ${message}`,
    });
  });
});

describe('nodes are powered up', () => {
  test('by hand, many in one process', async () => {
    await Promise.all([slurm.powerUpNodes(['q-st-c-1']), slurm.powerUpNodes(['q-st-c-2'])]);
    expect(fake.calls('scontrol').map((call) => call.slice(2))).toEqual([
      ['update', 'nodename=q-st-c-[1-2]', 'state=power_up'],
    ]);
  });
});
