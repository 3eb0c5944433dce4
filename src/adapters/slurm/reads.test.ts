import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Scheduler } from '../../ports/scheduler.ts';
import { readRows } from './rows.ts';
import { readConfigText } from './show-config.ts';
import { stateOf } from './sinfo.ts';

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

const configuring = '1|N/A|CONFIGURING|None|q|q-dy-c-[1-2]|4294901759|2|hi|(null)|\n';

describe('jobs', () => {
  test('are told field by field', async () => {
    fake.put('rows', configuring);
    expect(await slurm.listAllocatedJobs()).toEqual([
      {
        jobId: 1,
        hetJobId: null,
        state: 'CONFIGURING',
        reason: 'None',
        partition: 'q',
        nodes: ['q-dy-c-1', 'q-dy-c-2'],
        priority: 4294901759,
        restarts: 2,
        comment: 'hi',
        adminComment: '',
        extra: '',
      },
    ]);
    expect(fake.calls('squeue')[0]?.slice(1, -1)).toEqual([
      '--noheader',
      '--all',
      '--states=CONFIGURING,RUNNING,SUSPENDED,STOPPED,SIGNALING,RESIZING,STAGE_OUT,COMPLETING',
    ]);
  });

  test('with a comment that looks like another job keep it as it is', async () => {
    const nasty = `9 N/A PENDING\nJobId=9 AdminComment=x ~ : , "q" é % (null)`;
    fake.put('rows', `7|N/A|PENDING|BeginTime|q||0|0|${nasty}|(Code:X) no|\n${configuring}`);
    const jobs = await slurm.listJobs([1, 7]);
    expect(jobs.map(({ jobId, comment }) => [jobId, comment])).toEqual([
      [7, nasty],
      [1, 'hi'],
    ]);
    expect(jobs[0]).toMatchObject({ nodes: [], priority: 0, adminComment: '(Code:X) no' });
  });

  test('whose id was not asked for are left out; a leader stands for its components', async () => {
    const row = (id: number, leader: string) => `${id}|${leader}|PENDING|None|q||5|0||(null)|\n`;
    fake.put('rows', [row(4, '4'), row(5, '4'), row(12, 'N/A'), row(13, 'N/A')].join(''));
    expect((await slurm.listJobs([4, 13])).map(({ jobId }) => jobId)).toEqual([4, 5, 13]);
    expect((await slurm.listJobs([5])).map(({ jobId }) => jobId)).toEqual([5]);
  });

  test('that Slurm does not know are no error; no job is no process', async () => {
    fake.put('refusal', 'slurm_load_jobs error: Invalid job id specified\n');
    expect(await slurm.listJobs([999])).toEqual([]);
    expect(fake.calls()).toHaveLength(1);
    expect(await slurm.listJobs([])).toEqual([]);
    expect(fake.calls()).toHaveLength(1);
  });

  test('a slurmctld that is away is an error that may pass', async () => {
    fake.put(
      'refusal',
      'slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n',
    );
    await expect(slurm.listJobs([1])).rejects.toMatchObject({
      name: 'SchedulerError',
      transient: true,
      message:
        'squeue could not list jobs: slurm_load_jobs error: Unable to contact slurm controller (connect failure)',
    });
  });

  test('text that is not whole jobs is refused', async () => {
    fake.put('rows', '1|N/A|\n');
    await expect(slurm.listJobs([1])).rejects.toThrow('squeue printed what cannot be read');
    fake.put('rows', configuring.replace('1|', 'x|'));
    await expect(slurm.listJobs([1])).rejects.toThrow('"x" where a number was expected');
  });

  const words = new Map([
    ['SUSPENDED', 'RUNNING'],
    ['STAGE_OUT', 'COMPLETING'],
    ['REQUEUE_HOLD', 'PENDING'],
    ['OUT_OF_MEMORY', 'FAILED'],
    ['SOMETHING_NEW', 'RUNNING'],
  ]);
  test.each([...words])('%s counts as %s', async (word, state) => {
    fake.put('rows', configuring.replace('CONFIGURING', word));
    expect((await slurm.listAllocatedJobs())[0]).toMatchObject({ state });
  });

  test('a list of ids beyond what one argument may hold takes several processes', async () => {
    fake.put('rows', configuring);
    await slurm.listJobs(Array.from({ length: 20_000 }, (_, index) => 1_000_000 + index));
    const lists = fake
      .calls('squeue')
      .map((call) => call.find((arg) => arg.startsWith('--jobs=')) ?? '');
    expect(lists.length).toBe(3);
    for (const list of lists) expect(list.length).toBeLessThan(100 * 1024);
    expect(lists.flatMap((list) => list.slice(7).split(','))).toHaveLength(20_000);
  });

  test('rows are read back whatever the fields say', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), text, text)), (jobs) => {
        const end = '~0123456789abcdef01234567~';
        const printed = jobs.map((job) => `${job.map((field) => `${field}${end}`).join('')}\n`);
        const rows = readRows('squeue', printed.join(''), ['id', 'a', 'b'], end);
        expect(rows.map(({ id, a, b }) => [Number(id), a, b])).toEqual(jobs);
      }),
    );
  });
});

describe('what sbatch --extra said', () => {
  const json = JSON.stringify({ jobs: [{ job_id: 1, extra: 'zones: "a"' }, { job_id: 2 }, 3] });

  test('is read as JSON from 23.02 on', async () => {
    fake.put('version', '23.02.1');
    fake.put('rows', configuring);
    fake.put('json', json);
    expect(await slurm.listJobs([1])).toMatchObject([{ extra: 'zones: "a"' }]);
    expect(fake.calls('squeue').at(-1)).toEqual([
      'squeue',
      '--json',
      '--all',
      '--states=all',
      '--jobs=1',
    ]);
  });

  test('is not asked for in 22.05', async () => {
    fake.put('rows', configuring);
    expect(await slurm.listJobs([1])).toMatchObject([{ extra: '' }]);
    expect(fake.calls('squeue').filter((call) => call.includes('--json'))).toEqual([]);
  });

  test('of a job that is looked at again is not asked for again', async () => {
    fake.put('version', '24.11.5');
    fake.put('rows', configuring);
    fake.put('json', json);
    const asked = () => fake.calls('squeue').filter((call) => call.includes('--json')).length;
    await slurm.listAllocatedJobs();
    expect(await slurm.listAllocatedJobs()).toMatchObject([{ extra: 'zones: "a"' }]);
    expect(asked()).toBe(1);
    fake.put('rows', '');
    await slurm.listAllocatedJobs();
    fake.put('rows', configuring);
    await slurm.listAllocatedJobs();
    expect(asked()).toBe(2);
  });

  test('is empty where Slurm was built without JSON, which is asked once', async () => {
    fake.put('version', '24.11.5');
    fake.put('rows', configuring);
    fake.put('no-json', '');
    expect(await slurm.listJobs([1])).toMatchObject([{ extra: '' }]);
    await slurm.listJobs([1]);
    expect(fake.calls('squeue').filter((call) => call.includes('--json'))).toHaveLength(1);
  });
});

describe('nodes', () => {
  const idle = { isDown: false, isDrained: false, isFailing: false, isRebooting: false };
  const calm = { ...idle, isResponding: true, isReserved: false, isBusy: false };

  test('are told once each, those that Slurm does not know are left out', async () => {
    const line = 'q-dy-c-1|allocated+cloud+not_responding+powering_up|none|\n';
    fake.put('nodes', `${line}${line}`);
    expect(await slurm.listNodes(['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-2'])).toEqual([
      {
        ...calm,
        node: 'q-dy-c-1',
        reason: '',
        power: 'powering-up',
        isResponding: false,
        isBusy: true,
      },
    ]);
    expect(fake.calls()[0]?.slice(0, -1)).toEqual([
      'sinfo',
      '--noheader',
      '--all',
      '--nodes=q-dy-c-[1-2]',
    ]);
  });

  test('none are no process, and a name that means many is refused', async () => {
    fake.put('nodes', '');
    expect(await slurm.listNodes([])).toEqual([]);
    await expect(slurm.listNodes(['ALL'])).rejects.toThrow('is not the name of one node');
    expect(fake.calls()).toEqual([]);
  });

  test('keep their reasons, whatever stands in them', async () => {
    const nasty = `(Code:X)a "b" 'c'\nq-dy-c-9 idle+cloud none\t~ é`;
    fake.put('nodes', `q-dy-c-[1,3]|down+cloud|${nasty}|\nq-dy-c-2|idle+cloud+drain|x|\n`);
    const listed = await slurm.listNodes(['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3']);
    expect(listed.map(({ node, reason, isDown }) => [node, reason, isDown])).toEqual([
      ['q-dy-c-1', nasty, true],
      ['q-dy-c-3', nasty, true],
      ['q-dy-c-2', 'x', false],
    ]);
  });

  test('a line of another shape is refused', async () => {
    fake.put('nodes', 'q-dy-c-1|idle|\n');
    await expect(slurm.listNodes(['q-dy-c-1'])).rejects.toThrow(
      'sinfo printed what cannot be read',
    );
    fake.put('nodes', 'q-dy-c-[1|idle|none|\n');
    await expect(slurm.listNodes(['q-dy-c-1'])).rejects.toThrow(
      '"q-dy-c-[1" where nodes were expected',
    );
  });

  test('all of the cluster are one process, and those that are no cloud nodes are left out', async () => {
    // As 22.05.8 prints a fleet of 10,000.
    fake.put(
      'nodes',
      [
        'q-dy-c-[6-7]|idle+cloud+maintenance+powered_down+reserved|none|',
        'q-dy-c-4|idle+cloud+fail+powered_down|failing|',
        'login-1|idle|none|',
        'q-dy-c-[1-3,5,8-10000]|idle+cloud+powered_down|none|',
      ].join('\n'),
    );
    const fleet = await slurm.listFleet();
    expect(fleet).toHaveLength(10_000);
    expect(fleet.filter((node) => node.isReserved).map(({ node }) => node)).toEqual([
      'q-dy-c-6',
      'q-dy-c-7',
    ]);
    expect(fleet.find((node) => node.isFailing)).toEqual({
      ...calm,
      node: 'q-dy-c-4',
      power: 'saved',
      isFailing: true,
      reason: 'failing',
    });
    expect(fake.calls()).toHaveLength(1);
  });

  // As 22.05.8 and 24.11.5 print them.
  const powers = new Map([
    ['idle+cloud+powered_down', ['saved', false]],
    ['idle+cloud+power_up+powered_down', ['powering-up', false]],
    ['allocated+cloud+not_responding+powering_up', ['powering-up', false]],
    ['allocated+cloud+power_up+powered_down+not_responding+powering_up', ['powering-up', false]],
    ['allocated+cloud+power_down+not_responding+powering_up', ['powering-up', false]],
    ['allocated+cloud', ['up', false]],
    ['mixed+cloud+not_responding', ['up', false]],
    ['down+cloud+power_down+not_responding', ['down-wanted', true]],
    ['idle+cloud+drain+power_down+powered_down', ['down-wanted', false]],
    ['idle+cloud+powering_down', ['powering-down', false]],
    ['down+cloud+powering_down', ['powering-down', true]],
    ['down+cloud+drain+powered_down+not_responding', ['saved', true]],
  ]);
  test.each([...powers])('%s is %j', (text, [power, isDown]) => {
    expect(stateOf(text)).toMatchObject({ power, isDown });
  });

  const states = new Map<string, object>([
    ['idle+cloud', {}],
    ['idle+cloud+planned', {}],
    ['allocated+cloud', { isBusy: true }],
    ['mixed+cloud+drain', { isBusy: true, isDrained: true }],
    ['idle+cloud+completing', { isBusy: true }],
    ['idle+cloud+not_responding', { isResponding: false }],
    ['idle+cloud+fail', { isFailing: true }],
    ['idle+cloud+maintenance', { isReserved: true }],
    ['idle+cloud+reserved', { isReserved: true }],
    ['idle+cloud+reboot_requested', { isRebooting: true }],
    [
      'down+cloud+drain+not_responding+reboot_issued',
      { isDown: true, isDrained: true, isResponding: false, isRebooting: true },
    ],
  ]);
  test.each([...states])('%s is %j', (text, flags) => {
    expect(stateOf(text)).toEqual({ ...calm, power: 'up', ...flags });
  });
});

describe('partitions', () => {
  test('are told with their nodes; only those that start jobs are up', async () => {
    fake.put(
      'nodes',
      'q|up|q-dy-c-[1-2]|\np|inact|q-dy-c-2|\nd|down||\nr|drain|q-dy-c-1|\nq|up|r-dy-c-1|\n',
    );
    expect(await slurm.listPartitions()).toEqual([
      { name: 'q', isUp: true, nodes: ['q-dy-c-1', 'q-dy-c-2', 'r-dy-c-1'] },
      { name: 'p', isUp: false, nodes: ['q-dy-c-2'] },
      { name: 'd', isUp: false, nodes: [] },
      { name: 'r', isUp: false, nodes: ['q-dy-c-1'] },
    ]);
    expect(fake.calls()).toHaveLength(1);
  });

  test('cannot be told while slurmctld is away', async () => {
    fake.put('refusal', 'slurm_load_partitions: Unable to contact slurm controller\n');
    await expect(slurm.listPartitions()).rejects.toMatchObject({ transient: true });
  });
});

describe('the configuration', () => {
  const text = `Configuration data as of 2026-11-22T05:36:00
ResumeProgram           = /x/resume
ResumeRate              = 300 nodes/min
ResumeTimeout           = 90 sec
SLURM_VERSION           = 22.05.8
SuspendTimeout          = 4 sec
`;

  test('is read from scontrol', async () => {
    fake.put('config', text);
    expect(await slurm.readConfig()).toEqual({
      version: '22.05.8',
      resumeTimeoutMs: 90_000,
      suspendTimeoutMs: 4_000,
      resumeRate: 300,
    });
    expect(fake.calls()).toEqual([['scontrol', 'TZ=UTC0', 'show', 'config']]);
  });

  for (const key of ['ResumeRate', 'ResumeTimeout', 'SLURM_VERSION', 'SuspendTimeout']) {
    test(`without ${key} is refused, with its name`, () => {
      const without = text.replace(new RegExp(`^${key} .*\n`, 'm'), '');
      expect(() => readConfigText(without)).toThrow(`scontrol show config has no ${key}`);
    });
  }
});
