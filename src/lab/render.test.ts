import { describe, expect, test } from 'vitest';
import { renderDemo } from './demo.ts';
import {
  alignColumns,
  createProgressPrinter,
  formatNumber,
  renderResult,
  summarizeSinfo,
  tellingLines,
} from './render.ts';
import type { LabEvent, PhaseResult, ScenarioResult } from './world.ts';

const sinfo = `PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST
queue1*      up   infinite     94  idle% queue1-dy-queue1-c6i32xlarge-[107-200]
queue1*      up   infinite    106  idle# queue1-dy-queue1-c6i32xlarge-[1-106]
queue2       up   infinite      6  idle# queue2-dy-c5xlarge-[1-6]`;

function phase(name: string, launched: number, wasted: number, running: number): PhaseResult {
  return {
    name,
    jobs: { running, pending: 1 - running, failed: 0, completed: 0 },
    instances: { launched, terminated: launched },
    runInstancesCalls: 1,
    reservations: { made: 0, cancelled: 0 },
    instanceSecondsWithoutJob: wasted,
    sinfo: [sinfo],
    squeue: [],
    log: [],
    expected: [{ what: 'it happens', ok: true, want: 'yes', saw: 'yes' }],
  };
}

const result: ScenarioResult = {
  scenario: 'blog-2022',
  slurm: 'real',
  slurmVersion: '22.05.8',
  ok: true,
  phases: [
    phase('before', 106, 3600, 0),
    phase('after', 0, 0, 0),
    phase('capacity-rises', 200, 1234.5, 1),
    phase('no-requeue', 0, 0, 0),
  ],
};

function printed(events: readonly LabEvent[], isTty = false, isDetailed = true): string {
  let text = '';
  const print = createProgressPrinter({ write: (more) => (text += more), isTty, isDetailed });
  for (const event of events) print(event);
  return text;
}

describe('tables', () => {
  test('columns line up: names to the left, numbers to the right', () => {
    expect(
      alignColumns(
        ['phase', 'launched'],
        [
          ['before', '106'],
          ['capacity-rises', '0'],
        ],
      ),
    ).toBe(
      ['phase           launched', 'before               106', 'capacity-rises         0'].join(
        '\n',
      ),
    );
  });

  const numbers = new Map([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1234567.6, '1,234,568'],
  ]);
  test.each([...numbers])('%d is written %s', (value, want) => {
    expect(formatNumber(value)).toBe(want);
  });
});

describe('the result of a scenario', () => {
  test('says on which Slurm, the numbers of each phase, and what was shown', () => {
    const text = renderResult(result);
    expect(text).toContain('blog-2022 on a real Slurm 22.05.8: all as expected');
    expect(text).toMatch(/^before +0 +1 +0 +0 +106 +106 +1 +3,600$/m);
    expect(text).toContain('  ok   it happens');
  });

  test('says the model when it was the model', () => {
    expect(renderResult({ ...result, slurm: 'model' })).toContain('on the built-in model of Slurm');
  });

  test('a failure says what was expected and what was seen, line under line', () => {
    const failed: PhaseResult = {
      ...phase('after', 3, 0, 0),
      expected: [
        { what: 'no instance is launched', ok: false, want: '0', saw: 'three:\ni-1 i-2 i-3' },
      ],
    };
    const text = renderResult({ ...result, ok: false, phases: [failed] });
    expect(text).toContain('1 not as expected');
    expect(text).toContain(
      [
        '  NOT  no instance is launched',
        '         expected: 0',
        '         seen:     three:',
        '                   i-1 i-2 i-3',
      ].join('\n'),
    );
  });
});

describe('the demo', () => {
  test('ends with before and after: launched, wasted, at the list price', () => {
    const text = renderDemo(result);
    expect(text).toMatch(/^before .* 106 of 200 +waits +3,600 +\$5\.44$/m);
    expect(text).toMatch(/^after \(all or none\) +0 of 200 +waits +0 +\$0\.00$/m);
    expect(text).toMatch(/^after, once there is room +200 of 200 +runs +1,23[45] +\$1\.87$/m);
    expect(text).not.toMatch(/^no-requeue/m);
    // 106 instances, 10 minutes, $5.44 an hour.
    expect(text).toContain('$96.11');
    expect(text).toContain('bin/muster lab run wiki-2020');
  });

  test('says when not everything went as expected', () => {
    expect(renderDemo(result)).not.toContain('Not everything');
    expect(renderDemo({ ...result, ok: false })).toContain('Not everything went as expected');
  });
});

describe('while it runs', () => {
  test('a picture of sinfo is one line, over all partitions', () => {
    expect(summarizeSinfo(sinfo)).toBe('94 idle%, 112 idle#');
    expect(summarizeSinfo('')).toBe('');
  });

  test('a picture is written when its states are new, not when nodes have only moved', () => {
    const moved = sinfo.replace('94', '90').replace('106  idle#', '110  idle#');
    const up = sinfo.replaceAll('idle#', 'idle');
    const text = printed(
      [sinfo, moved, up].map((picture) => ({ kind: 'picture', sinfo: picture })),
    );
    expect(text).toBe('   nodes: 94 idle%, 112 idle#\n   nodes: 94 idle%, 112 idle\n');
  });

  const booting: LabEvent[] = [0, 10, 30, 40, 100].map((done) => ({
    kind: 'progress',
    text: 'nodes up',
    done,
    of: 100,
  }));

  test('progress is a line a quarter', () => {
    expect(printed(booting)).toBe(
      '   0 of 100 nodes up\n   30 of 100 nodes up\n   100 of 100 nodes up\n',
    );
  });

  test('on a terminal it is written over itself, and the next line does not run into it', () => {
    const text = printed([...booting, { kind: 'step', text: 'next' }], true);
    expect(text.split('\r')).toHaveLength(6);
    expect(text.endsWith('100 of 100 nodes up   \n   next\n')).toBe(true);
  });

  test('without detail there are phases and progress, and no pictures, moments or logs', () => {
    const events: LabEvent[] = [
      { kind: 'phase', name: 'before', text: 'soft' },
      { kind: 'picture', sinfo },
      { kind: 'moment', sinfo, squeue: 'JOBID' },
      { kind: 'log', lines: ['Successfully launched nodes (x0) []'] },
    ];
    expect(printed(events, false, false)).toBe('\n== before: soft\n');
    expect(printed(events)).toContain(`$ sinfo\n${sinfo}\n$ squeue\nJOBID\n`);
    expect(printed(events)).toContain("muster's log:\nSuccessfully launched nodes (x0) []\n");
  });

  test('of the log it shows what EC2 was asked and what came of it, and cuts what is very long', () => {
    const lines = [
      '... - DEBUG - scontrol update nodename=a',
      `... - ERROR - Failed RunInstances request: 1`,
      `... - INFO - Successfully launched nodes (x500) ${'n'.repeat(5000)}`,
    ];
    const told = tellingLines(lines);
    expect(told).toHaveLength(2);
    expect(told[0]).toBe(lines[1]);
    expect(told[1]?.length).toBeLessThan(600);
    expect(told[1]?.endsWith('...')).toBe(true);
  });
});
