/**
 * `npm run soak [-- --slurm-root DIR] [SCENARIO ...]`: what takes too long for every change. The lab's scenarios one after another,
 * those that `npm test` runs and those that are too long for it, or the ones that are named, on this machine's Slurm or on that of
 * another system in a folder.
 *
 * The last line is `N passed, N failed`; the exit code is 1 when any failed. What failed leaves its logs, and it says where.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { ScenarioResult } from '../src/lab/world.ts';

const muster = resolve(import.meta.dirname, '../bin/muster');

const scenarios: readonly string[] = [
  'blog-2022',
  'wiki-2020',
  'limits',
  'array',
  'parts',
  'het',
  'resume-rate',
  'resume-rate-long',
  'wide',
  'boots',
  'losses',
  'orphans',
  'ec2-away',
  'power',
  'slurm-away',
  'static',
  'fleet',
  'per-queue',
  'protection',
  'lost-head',
  // Three kills each: fifty in all, and one more.
  ...Array<string>(17).fill('crashes'),
];

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Ends with the exit code; one that a signal ended has -1. */
function run(args: readonly string[]): Promise<Ran> {
  return new Promise((done) => {
    const child = spawn(muster, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => (stdout += String(text)));
    child.stderr.on('data', (text) => (stderr += String(text)));
    child.once('error', (error) => done({ code: -1, stdout, stderr: String(error) }));
    child.once('close', (code) => done({ code: code ?? -1, stdout, stderr }));
  });
}

/** What was not as expected, a line each; empty when all was. */
function faultsOf({ code, stdout, stderr }: Ran): readonly string[] {
  if (stdout === '') return [`exit code ${code}:`, ...stderr.trim().split('\n').slice(-12)];
  const { phases } = JSON.parse(stdout) as ScenarioResult;
  const faults = phases.flatMap((phase) =>
    phase.expected
      .filter(({ ok }) => !ok)
      .map(({ what, want, saw }) => `${phase.name}: ${what}: expected ${want}, seen ${saw}`),
  );
  return code === 0 || faults.length > 0 ? faults : [`exit code ${code}`];
}

/** What a failure is understood by, before its lab is taken down: the next one needs its place. */
function keepLogs(labDir: string, into: string, { stdout, stderr }: Ran): void {
  mkdirSync(into);
  writeFileSync(join(into, 'result.json'), stdout);
  writeFileSync(join(into, 'said.txt'), stderr);
  for (const kept of ['muster/log', 'slurm/slurmctld.log', 'output']) {
    const from = join(labDir, kept);
    if (existsSync(from)) cpSync(from, join(into, kept), { recursive: true });
  }
}

const usage = `npm run soak -- [--slurm-root DIR] [SCENARIO ...]

The lab's scenarios one after another, for an hour or so, or those that are named; needs root and Slurm.

  --slurm-root DIR   on the Slurm of another system in a folder (docs/lab.md)

Scenarios: ${[...new Set(scenarios)].join(' ')}
`;

interface Chosen {
  readonly slurmRoot: string | undefined;
  readonly names: readonly string[];
}

/** The exit code where there is nothing to be run. */
function choose(): Chosen | number {
  try {
    const { values, positionals: names } = parseArgs({
      options: { 'slurm-root': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    const unknown = names.filter((name) => !scenarios.includes(name));
    if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(', ')}`);
    if (values.help !== true) return { slurmRoot: values['slurm-root'], names };
    process.stdout.write(usage);
    return 0;
  } catch (error: unknown) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
}

async function main(): Promise<number> {
  const choice = choose();
  if (typeof choice === 'number') return choice;
  const { slurmRoot, names: positionals } = choice;
  const chosen =
    positionals.length === 0 ? scenarios : scenarios.filter((each) => positionals.includes(each));
  const root = slurmRoot === undefined ? [] : ['--slurm-root', slurmRoot];
  // Short, and open to munge's clients: sockets lie below it.
  const folder = mkdtempSync('/var/tmp/soak-');
  chmodSync(folder, 0o755);
  let failed = 0;
  try {
    for (const [index, name] of chosen.entries()) {
      const labDir = join(folder, 'l');
      const started = performance.now();
      const ran = await run(['lab', 'run', name, '--json', '--lab-dir', labDir, ...root]);
      const faults = faultsOf(ran);
      const seconds = Math.round((performance.now() - started) / 1000);
      process.stdout.write(`${faults.length === 0 ? 'ok  ' : 'NOT '} ${name} (${seconds} s)\n`);
      for (const fault of faults) process.stdout.write(`       ${fault}\n`);
      if (faults.length > 0) {
        failed += 1;
        keepLogs(labDir, join(folder, `${index + 1}-${name}`), ran);
      }
      await run(['lab', 'down', '--lab-dir', labDir]);
    }
  } finally {
    if (failed === 0) rmSync(folder, { recursive: true, force: true });
  }
  if (failed > 0) process.stdout.write(`What failed has left its logs in ${folder}.\n`);
  process.stdout.write(`${chosen.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
