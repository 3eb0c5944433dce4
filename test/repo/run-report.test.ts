import { describe, expect, test } from 'vitest';
import { countTests, failuresOf, lastLine, stageTable, type StageResult } from '../run-report.ts';

function stage(over: Partial<StageResult>): StageResult {
  const counts = { passed: 3, failed: 0, skipped: 0 };
  return { name: 'unit', seconds: 1.25, exitCode: 0, counts, expectsTests: true, ...over };
}

function report(...files: { status: string; tests: readonly string[] }[]): string {
  const testResults = files.map(({ status, tests }) => ({
    status,
    assertionResults: tests.map((one) => ({ status: one })),
  }));
  return JSON.stringify({ testResults });
}

test('counts what passed, failed and was skipped', () => {
  const counts = countTests(
    report(
      { status: 'failed', tests: ['passed', 'failed', 'pending'] },
      { status: 'passed', tests: ['passed', 'todo'] },
    ),
  );
  expect(counts).toEqual({ passed: 2, failed: 1, skipped: 2 });
});

test('a file that could not be loaded is a failure', () => {
  expect(countTests(report({ status: 'failed', tests: [] })).failed).toBe(1);
});

describe('failures of a stage', () => {
  const cases = new Map<string, { stage: StageResult; want: number }>([
    ['all well', { stage: stage({}), want: 0 }],
    [
      'failed tests are counted, not the exit code too',
      { stage: stage({ exitCode: 1, counts: { passed: 1, failed: 2, skipped: 0 } }), want: 2 },
    ],
    ['coverage below its threshold', { stage: stage({ exitCode: 1 }), want: 1 }],
    ['a crash before the report', { stage: stage({ exitCode: 1, counts: null }), want: 1 }],
    [
      'no test ran, and the program called that good',
      { stage: stage({ counts: { passed: 0, failed: 0, skipped: 4 } }), want: 1 },
    ],
    ['lint has no tests', { stage: stage({ counts: null, expectsTests: false }), want: 0 }],
  ]);
  test.each([...cases])('%s', (_, { stage: given, want }) => {
    expect(failuresOf(given)).toBe(want);
  });
});

test('the last line sums all stages', () => {
  const skipping = stage({ counts: { passed: 2, failed: 0, skipped: 1 } });
  expect(lastLine([stage({}), skipping])).toEqual({
    text: '5 passed, 0 failed, 1 skipped',
    ok: true,
  });
  expect(lastLine([stage({}), stage({ counts: null, exitCode: 1 })])).toEqual({
    text: '3 passed, 1 failed',
    ok: false,
  });
});

test('nothing that ran is nothing that passed', () => {
  expect(lastLine([]).ok).toBe(false);
});

test('the table names the stage that failed', () => {
  const table = stageTable([stage({}), stage({ name: 'lint', counts: null, exitCode: 1 })]);
  expect(table.split('\n')).toEqual([
    'unit             1.3 s  ok      3 passed',
    'lint             1.3 s  FAILED',
  ]);
});
