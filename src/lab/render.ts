/** What people read of a scenario: its result as tables, and lines while it runs. Pure, apart from the writer it is given. */
import type { LabEvent, PhaseResult, ScenarioResult } from './world.ts';

/** The result of a scenario: the numbers of each phase, then what each had to show. */
export function renderResult(result: ScenarioResult): string {
  const on =
    result.slurm === 'real'
      ? `on a real Slurm ${result.slurmVersion}`
      : `on the built-in model of Slurm ${result.slurmVersion}`;
  const failed = result.phases.flatMap((phase) => phase.expected).filter((one) => !one.ok).length;
  const verdict = result.ok ? 'all as expected' : `${failed} not as expected`;
  return [
    `${result.scenario} ${on}: ${verdict}`,
    '',
    alignColumns(
      [
        'phase',
        'running',
        'pending',
        'failed',
        'completed',
        'launched',
        'terminated',
        'RunInstances calls',
        'instance-seconds without a job',
      ],
      result.phases.map((phase) => [
        phase.name,
        String(phase.jobs.running),
        String(phase.jobs.pending),
        String(phase.jobs.failed),
        String(phase.jobs.completed),
        String(phase.instances.launched),
        String(phase.instances.terminated),
        String(phase.runInstancesCalls),
        formatNumber(phase.instanceSecondsWithoutJob),
      ]),
    ),
    '',
    ...result.phases.flatMap(renderExpectations),
    '',
  ].join('\n');
}

function renderExpectations(phase: PhaseResult): readonly string[] {
  return [
    phase.name,
    ...phase.expected.map(({ what, ok, want, saw }) =>
      ok
        ? `  ok   ${what}`
        : `  NOT  ${what}\n         expected: ${want}\n         seen:     ${indent(saw, 19)}`,
    ),
  ];
}

function indent(text: string, by: number): string {
  return text.replaceAll('\n', `\n${' '.repeat(by)}`);
}

/** A table: the first column to the left, the others (numbers) to the right. */
export function alignColumns(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, column) => {
        const cell = cells[column] ?? '';
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return [titles, ...rows].map(line).join('\n');
}

/** Such as `12,345`; a fraction is rounded away. */
export function formatNumber(value: number): string {
  return String(Math.round(value)).replaceAll(/\B(?=([0-9]{3})+$)/g, ',');
}

/** The distinct states in a picture of sinfo, in its order, such as `idle~ alloc#`. */
export function statesIn(sinfo: string): string {
  const states = sinfo
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/)[4])
    .filter((state) => state !== undefined);
  return [...new Set(states)].join(' ');
}

export interface ProgressOptions {
  write(text: string): void;
  /** A terminal: a progress line is written over itself. */
  readonly isTty: boolean;
  /** sinfo pictures: those that show a new mix of states, or none. */
  readonly pictures: boolean;
}

/**
 * Writes events as lines. Of the pictures of sinfo, which follow each other several times a second while nodes register, it
 * writes those that show states which the one before did not.
 */
export function createProgressPrinter(options: ProgressOptions): (event: LabEvent) => void {
  const { write, isTty } = options;
  let states = '';
  let openLine = false;
  let lastQuarter = -1;
  const line = (text: string): void => {
    if (openLine) write('\n');
    openLine = false;
    write(`${text}\n`);
  };
  return (event) => {
    switch (event.kind) {
      case 'phase':
        lastQuarter = -1;
        line(`\n== ${event.name}: ${event.text}`);
        return;
      case 'step':
        line(`   ${event.text}`);
        return;
      case 'command':
        line(`$ ${event.text}`);
        return;
      case 'picture': {
        if (!options.pictures || event.source !== 'sinfo') return;
        const now = statesIn(event.text);
        if (now !== states) line(`$ sinfo\n${event.text}`);
        states = now;
        return;
      }
      case 'progress': {
        const quarter = Math.floor((4 * event.done) / Math.max(1, event.of));
        if (isTty) {
          write(`\r   ${event.done} of ${event.of} ${event.text}   `);
          openLine = true;
        } else if (quarter !== lastQuarter) {
          line(`   ${event.done} of ${event.of} ${event.text}`);
        }
        lastQuarter = quarter;
        return;
      }
    }
  };
}
