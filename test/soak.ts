/**
 * `npm run soak [-- --slurm-root DIR]`: what takes too long for every change. The lab's scenarios one after another, those that
 * `npm test` runs and those that are too long for it, on this machine's Slurm or on that of another system in a folder.
 *
 * The last line is `N passed, N failed`; the exit code is 1 when any failed.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { ScenarioResult } from '../src/lab/world.ts';

const muster = resolve(import.meta.dirname, '../bin/muster');

const scenarios = [
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
  // Three kills each: fifty in all, and one more.
  ...Array<'crashes'>(17).fill('crashes'),
] as const;

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
  if (stdout === '') return [`exit code ${code}: ${stderr.trim().split('\n').at(-1) ?? ''}`];
  const { phases } = JSON.parse(stdout) as ScenarioResult;
  const faults = phases.flatMap((phase) =>
    phase.expected
      .filter(({ ok }) => !ok)
      .map(({ what, want, saw }) => `${phase.name}: ${what}: expected ${want}, seen ${saw}`),
  );
  return code === 0 || faults.length > 0 ? faults : [`exit code ${code}`];
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { 'slurm-root': { type: 'string' } } });
  const slurmRoot = values['slurm-root'];
  const root = slurmRoot === undefined ? [] : ['--slurm-root', slurmRoot];
  // Short, and open to munge's clients: sockets lie below it.
  const folder = mkdtempSync('/var/tmp/soak-');
  chmodSync(folder, 0o755);
  let failed = 0;
  try {
    for (const name of scenarios) {
      const labDir = join(folder, 'l');
      const started = performance.now();
      const ran = await run(['lab', 'run', name, '--json', '--lab-dir', labDir, ...root]);
      const faults = faultsOf(ran);
      const seconds = Math.round((performance.now() - started) / 1000);
      process.stdout.write(`${faults.length === 0 ? 'ok  ' : 'NOT '} ${name} (${seconds} s)\n`);
      for (const fault of faults) process.stdout.write(`       ${fault}\n`);
      if (faults.length > 0) failed += 1;
      await run(['lab', 'down', '--lab-dir', labDir]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(`${scenarios.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
