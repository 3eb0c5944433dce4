import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { bootAllowanceMs, marginMs } from '../core/deadlines.ts';
import { createTestFiles, load, loaded } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

let files: TestFiles;
beforeAll(() => {
  files = createTestFiles();
});
afterAll(() => {
  files.remove();
});

interface Row {
  readonly says: string;
  /** Of each warning: its line, and what it says. */
  readonly want: readonly (readonly [number, RegExp])[];
}

const rows: Record<string, Row> = {
  'nothing is said while ResumeTimeout is not known': {
    says: 'boot_time: 10h\nrung_patience: 10h',
    want: [],
  },
  'two boots and the margin fit': {
    says: 'boot_time: 4m\ndeadline_margin: 1m\nresume_timeout: 10m',
    want: [],
  },
  'a boot and the margin do not fit': {
    says: 'boot_time: 9m\ndeadline_margin: 61s\nresume_timeout: 10m',
    want: [
      [
        3,
        /^`resume_timeout` 10m is short for `boot_time` 9m and `deadline_margin` 61s: .* muster counts on a boot of \d+s and a margin of 1m instead, .*; raise ResumeTimeout in slurm.conf/,
      ],
    ],
  },
  'the margin alone is too long': {
    says: 'boot_time: 1s\ndeadline_margin: 9m\nresume_timeout: 10m',
    want: [[3, /`boot_time` 1s and `deadline_margin` 9m: .* a boot of 1s and a margin of 1m /]],
  },
  'what is counted on instead is in whole seconds': {
    says: 'resume_timeout: 54s',
    want: [[1, /muster counts on a boot of 22s and a margin of 5s instead/]],
  },
  'the defaults do not fit': {
    says: 'resume_timeout: 5m',
    want: [[1, /is short for `boot_time` 5m and `deadline_margin` 1m: /]],
  },
  'what does not fit at all has no second warning': {
    says: 'resume_timeout: 5m\nrung_patience: 1h',
    want: [[1, /is short for/]],
  },
  'a patience fits exactly': { says: 'resume_timeout: 30m\nrung_patience: 24m', want: [] },
  'patiences that never run out': {
    says: 'resume_timeout: 30m\nlaunch_patience: 25m\nassembly_patience: 1h\nrung_patience: 1441s',
    want: [
      [
        2,
        /^`launch_patience` 25m never runs out: of `resume_timeout` 30m a boot and the margin leave 24m for launching$/,
      ],
      [3, /^`assembly_patience` 1h never/],
      [4, /^`rung_patience` 1441s never/],
    ],
  },
  'a default patience is not complained about': {
    says: 'resume_timeout: 8m\nboot_time: 3m\ndeadline_margin: 30s',
    want: [],
  },
};

describe('lengths of time that do not go together', () => {
  test.each(Object.entries(rows))('%s', (_, { says, want }) => {
    const path = files.write('muster.yaml', `${says}\ncluster_name: d\nregion: us-east-2\n`);
    const result = load(path);
    loaded(result);
    expect(result.notices).toEqual(
      want.map(([line, message]) => ({
        severity: 'warning',
        file: path,
        line,
        column: 1,
        message: expect.stringMatching(message),
      })),
    );
  });

  test('are told where the core counts on less than is set, and nowhere else', () => {
    const minutes = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(minutes, minutes, fc.integer({ min: 0, max: 10 }), (timeout, boot, margin) => {
        const says = `resume_timeout: ${timeout}m\nboot_time: ${boot}m\ndeadline_margin: ${margin}m`;
        const result = load(
          files.write('any.yaml', `${says}\ncluster_name: d\nregion: us-east-2\n`),
        );
        const { settings } = loaded(result);
        const isLess =
          bootAllowanceMs(settings) < boot * 60_000 || marginMs(settings) < margin * 60_000;
        expect(result.notices).toHaveLength(isLess ? 1 : 0);
      }),
    );
  });
});
