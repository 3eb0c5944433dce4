/**
 * `npm test`: every check, one stage after another, and what came of them.
 *
 * All stages run even when one fails. The last line is `N passed, N failed` (`, N skipped` when some were): the tests
 * of vitest's own reports, and one failure for each stage that failed otherwise (format, lint, types, coverage, a crash).
 * Slurm's packages are installed where that may be done (root on Debian or Ubuntu, MUSTER_NO_INSTALL=1 forbids it).
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureSlurm } from '../src/lab/ensure-slurm.ts';
import { countTests, lastLine, stageTable, type Counts, type StageResult } from './run-report.ts';

const root = join(import.meta.dirname, '..');
const programs = join(root, 'node_modules/.bin');

interface Stage {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  /** The name of its vitest project, for stages that run tests. */
  readonly project?: string;
}

const stages: readonly Stage[] = [
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { name: 'lint', command: ['oxlint'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'unit', command: ['vitest', 'run', '--coverage'], project: 'unit' },
  { name: 'contract', command: ['vitest', 'run'], project: 'contract' },
  { name: 'simulation', command: ['vitest', 'run'], project: 'simulation' },
  { name: 'end to end', command: ['vitest', 'run'], project: 'e2e' },
];

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Resolves to the exit code; a program that cannot be started or was killed counts as failed. */
function runProgram(
  [program, ...args]: Stage['command'],
  extra: readonly string[],
): Promise<number> {
  const env = { ...process.env, PATH: `${programs}:${process.env['PATH'] ?? ''}` };
  return new Promise((resolve) => {
    const child = spawn(join(programs, program), [...args, ...extra], {
      cwd: root,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.once('error', (error) => {
      say(`${program} could not be started: ${error.message}`);
      resolve(1);
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
}

function readCounts(report: string): Counts | null {
  try {
    return countTests(readFileSync(report, 'utf8'));
  } catch {
    // The run ended before it could report; its exit code counts as one failure.
    return null;
  }
}

async function runStage(stage: Stage, reports: string): Promise<StageResult> {
  say(`\n=== ${stage.name}`);
  const started = performance.now();
  const report = join(reports, `${stage.name}.json`);
  const extra =
    stage.project === undefined
      ? []
      : [
          '--project',
          stage.project,
          '--reporter=default',
          '--reporter=json',
          `--outputFile=${report}`,
        ];
  const exitCode = await runProgram(stage.command, extra);
  const seconds = (performance.now() - started) / 1000;
  const counts = stage.project === undefined ? null : readCounts(report);
  const expectsTests = stage.project !== undefined;
  return { name: stage.name, seconds, exitCode, counts, expectsTests };
}

async function main(): Promise<number> {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 24) {
    say(
      `npm test needs the Node 24 that "npm ci" brings; this is ${process.version}. Run "npm ci".`,
    );
    return 1;
  }
  const slurm = await ensureSlurm({ allowInstall: true, env: process.env, announce: say });
  say(
    slurm.kind === 'real'
      ? 'Slurm: real, of this machine.'
      : `Slurm: ${slurm.why} Its model is used.`,
  );
  const reports = mkdtempSync(join(tmpdir(), 'muster-test-'));
  const results: StageResult[] = [];
  try {
    for (const stage of stages) results.push(await runStage(stage, reports));
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  say(`\n${stageTable(results)}\n`);
  const line = lastLine(results);
  say(line.text);
  return line.ok ? 0 : 1;
}

process.exitCode = await main();
