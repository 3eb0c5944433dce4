import { describe, expect, test } from 'vitest';
import { sbatchArguments, sbatchLine } from './slurm-client.ts';
import { parseJobs, parseNodes } from './slurm-text.ts';
import { withoutTimes } from './watch.ts';

describe('squeue', () => {
  test('gives jobs and the tasks of arrays, with their nodes expanded', () => {
    const text = [
      '12|0|N/A|PENDING|BeginTime||[muster: try 1 | refused]|',
      '872_5|0|N/A|CONFIGURING|None|scheduled2-dy-c5xlarge-[201-203]|(null)|',
      '9|0|N/A|NODE_FAIL|NodeDown|queue1-dy-c5xlarge-[1,3],queue1-dy-t2micro-1||',
      '',
    ].join('\n');
    expect(parseJobs(text)).toEqual([
      {
        id: '12',
        state: 'PENDING',
        reason: 'BeginTime',
        nodes: [],
        adminComment: '[muster: try 1 | refused]',
      },
      {
        id: '872_5',
        state: 'CONFIGURING',
        reason: 'None',
        nodes: [
          'scheduled2-dy-c5xlarge-201',
          'scheduled2-dy-c5xlarge-202',
          'scheduled2-dy-c5xlarge-203',
        ],
        adminComment: '',
      },
      {
        id: '9',
        state: 'NODE_FAIL',
        reason: 'NodeDown',
        nodes: ['queue1-dy-c5xlarge-1', 'queue1-dy-c5xlarge-3', 'queue1-dy-t2micro-1'],
        adminComment: '',
      },
    ]);
  });

  test('components of a heterogeneous job have the name that squeue shows', () => {
    const text = '7|7|0|RUNNING|None|cpu-dy-c-1||\n8|7|1|RUNNING|None|gpu-dy-g-1||\n';
    expect(parseJobs(text).map((job) => job.id)).toEqual(['7+0', '7+1']);
  });

  const words = new Map([
    ['REQUEUED', 'PENDING'],
    ['SUSPENDED', 'RUNNING'],
    ['BOOT_FAIL', 'NODE_FAIL'],
    ['OUT_OF_MEMORY', 'FAILED'],
    ['PREEMPTED', 'CANCELLED'],
  ]);
  test.each([...words])('%s is told as %s', (word, state) => {
    expect(parseJobs(`1|0|N/A|${word}|None|||\n`)[0]?.state).toBe(state);
  });

  test('an empty queue has no jobs', () => {
    expect(parseJobs('')).toEqual([]);
  });

  test('a line or a state of another kind is an error, never an empty queue', () => {
    expect(() => parseJobs('12 PENDING\n')).toThrow('another shape: "12 PENDING"');
    expect(() => parseJobs('12|0|N/A|DREAMING|None|||\n')).toThrow('not known: "DREAMING"');
    expect(() => parseJobs('12|0|N/A|RUNNING|None|n[1-||\n')).toThrow('cannot be read: "n[1-"');
  });

  test('its picture without times is the same a second later', () => {
    const at = (time: string): string =>
      `     JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)
         2    queue1   job.sh     root  R ${time.padStart(10)}    200 queue1-dy-c5xlarge-[1-200]`;
    expect(withoutTimes(at('0:09'))).toBe(withoutTimes(at('0:10')));
    expect(withoutTimes(at('59:59'))).toBe(withoutTimes(at('1:00:00')));
    expect(withoutTimes(at('23:59:59'))).toBe(withoutTimes(at('1-00:00:00')));
    expect(withoutTimes(at('0:09'))).not.toBe(withoutTimes(at('0:09').replace(' R ', ' CG ')));
  });
});

describe('sinfo', () => {
  test('gives every node once, whatever partitions it is in, with its reason', () => {
    const text = [
      'q-dy-c-[1-2]|idle~|none',
      'q-dy-c-3|down!|(Code:InsufficientInstanceCapacity)We have | no room',
      'q-dy-c-[2-3]|idle~|none',
      '',
    ].join('\n');
    expect(parseNodes(text)).toEqual([
      { name: 'q-dy-c-1', state: 'idle~', reason: '' },
      { name: 'q-dy-c-2', state: 'idle~', reason: '' },
      {
        name: 'q-dy-c-3',
        state: 'down!',
        reason: '(Code:InsufficientInstanceCapacity)We have | no room',
      },
    ]);
  });
});

describe('sbatch', () => {
  const page = {
    partition: 'scheduled2',
    nodes: 50,
    seconds: 300,
    array: '1-20',
    exclusive: true,
    requeue: false,
    contiguous: true,
  };

  test("is shown as the page's own command", () => {
    expect(sbatchLine(page)).toBe(
      'sbatch -p scheduled2 -N 50 -a 1-20 --exclusive --no-requeue --contiguous --wrap "sleep 300"',
    );
  });

  test('is called with the same arguments, each its own, and answers with the bare id', () => {
    const args = sbatchArguments(page);
    expect(args.slice(-9)).toEqual(sbatchLine(page).split(' ').slice(1, 10));
    expect(args).toContain('--parsable');
    expect(args).toContain('--wrap=sleep 300');
  });

  test('the components of a heterogeneous job stand between colons, each with all the words', () => {
    const het = [{ partition: 'gpu', nodes: 2 }];
    expect(
      sbatchLine({
        partition: 'cpu',
        nodes: 4,
        seconds: 1,
        exclusive: true,
        comment: 'run 7',
        het,
      }),
    ).toBe(
      'sbatch -p cpu -N 4 --exclusive "--comment=run 7" : -p gpu -N 2 --exclusive "--comment=run 7" --wrap "sleep 1"',
    );
  });

  test('a plain job may be requeued and shares its nodes as the partition says', () => {
    const args = sbatchArguments({ partition: 'q', nodes: 1, seconds: 1 });
    expect(args.join(' ')).not.toMatch(/requeue|exclusive|contiguous|nodelist|begin|-a /);
  });
});
