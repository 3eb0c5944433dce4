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

/** How many nodes are in which state by a picture of sinfo, over all partitions, such as `106 idle#, 94 idle%`. */
export function summarizeSinfo(sinfo: string): string {
  const counts = new Map<string, number>();
  for (const line of sinfo.split('\n').slice(1)) {
    const [, , , count, state] = line.trim().split(/\s+/);
    if (state !== undefined) counts.set(state, (counts.get(state) ?? 0) + Number(count));
  }
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

const LOG_LINE_MAX = 480;

/** The lines of muster's log that tell what EC2 was asked and what came of it, the long ones cut. */
export function tellingLines(log: readonly string[]): readonly string[] {
  return log
    .filter((line) =>
      /Failed RunInstances|Encountered exception|Successfully launched|Launched the following/.test(
        line,
      ),
    )
    .map((line) => (line.length > LOG_LINE_MAX ? `${line.slice(0, LOG_LINE_MAX)}...` : line));
}

export interface ProgressOptions {
  write(text: string): void;
  /** A terminal: a progress line is written over itself. */
  readonly isTty: boolean;
  /** With what sinfo, squeue and the log show; without, phases and progress alone. */
  readonly isDetailed: boolean;
}

/**
 * Writes events as lines. sinfo changes several times a second while nodes register: in between the moments that are shown
 * whole, a line is written when there are states that were not there before.
 */
export function createProgressPrinter(options: ProgressOptions): (event: LabEvent) => void {
  const { write, isTty, isDetailed } = options;
  let states = '';
  let isLineOpen = false;
  let lastQuarter = -1;
  function line(text: string): void {
    if (isLineOpen) write('\n');
    isLineOpen = false;
    write(`${text}\n`);
  }
  function picture(sinfo: string): void {
    const summary = summarizeSinfo(sinfo);
    const now = summary.replaceAll(/[0-9]+ /g, '');
    if (now !== states) line(`   nodes: ${summary}`);
    states = now;
  }
  function progress(text: string, done: number, of: number): void {
    const quarter = Math.floor((4 * done) / Math.max(1, of));
    if (isTty) {
      write(`\r   ${done} of ${of} ${text}   `);
      isLineOpen = true;
    } else if (quarter !== lastQuarter) {
      line(`   ${done} of ${of} ${text}`);
    }
    lastQuarter = quarter;
  }
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
      case 'picture':
        if (isDetailed) picture(event.sinfo);
        return;
      case 'moment':
        if (isDetailed) line(`$ sinfo\n${event.sinfo}\n$ squeue\n${event.squeue}`);
        return;
      case 'log': {
        const told = tellingLines(event.lines);
        if (isDetailed && told.length > 0) line(`muster's log:\n${told.join('\n')}`);
        return;
      }
      case 'progress':
        progress(event.text, event.done, event.of);
        return;
    }
  };
}
