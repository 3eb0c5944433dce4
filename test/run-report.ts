/** What `npm test` makes of its stages: counts, a table, the last line. Pure; `run.ts` runs the stages. */

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface StageResult {
  readonly name: string;
  readonly seconds: number;
  readonly exitCode: number;
  /** Null where the stage has no tests, or did not get as far as a report. */
  readonly counts: Counts | null;
  readonly expectsTests: boolean;
}

/** The tests in vitest's JSON report. A file that could not be loaded is one failed test. */
export function countTests(report: string): Counts {
  const { testResults } = JSON.parse(report) as {
    testResults: readonly {
      status: string;
      assertionResults: readonly { status: string }[];
    }[];
  };
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for (const file of testResults) {
    const failedBefore = failed;
    for (const { status } of file.assertionResults) {
      if (status === 'passed') passed += 1;
      else if (status === 'failed') failed += 1;
      else skipped += 1;
    }
    if (file.status === 'failed' && failed === failedBefore) failed += 1;
  }
  return { passed, failed, skipped };
}

/** Failures of a stage: its failed tests, or one when it failed otherwise, or ran no test where it should have. */
export function failuresOf(stage: StageResult): number {
  const failed = stage.counts?.failed ?? 0;
  if (failed > 0) return failed;
  const ran = (stage.counts?.passed ?? 0) > 0;
  return stage.exitCode !== 0 || (stage.expectsTests && !ran) ? 1 : 0;
}

export function stageTable(stages: readonly StageResult[]): string {
  const rows = stages.map((stage) => {
    const { counts } = stage;
    const tests =
      counts === null
        ? ''
        : `${counts.passed} passed${counts.failed > 0 ? `, ${counts.failed} failed` : ''}${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`;
    const result = failuresOf(stage) === 0 ? 'ok' : 'FAILED';
    return `${stage.name.padEnd(12)}${stage.seconds.toFixed(1).padStart(8)} s  ${result.padEnd(8)}${tests}`;
  });
  return rows.map((row) => row.trimEnd()).join('\n');
}

/** `N passed, N failed`, and whether the whole run may be called good. */
export function lastLine(stages: readonly StageResult[]): { text: string; ok: boolean } {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for (const stage of stages) {
    passed += stage.counts?.passed ?? 0;
    skipped += stage.counts?.skipped ?? 0;
    failed += failuresOf(stage);
  }
  const text = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  return { text, ok: failed === 0 && passed > 0 };
}
