/**
 * What Slurm waits for: from a hook's start to its return, against the least a shell and a bare Node take, in turn in
 * one run, so that the machine's mood hits all three alike.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, printTable } from './report.ts';

const rounds = 40;

/** Milliseconds that a command takes, started without a shell. */
function timeOf(argv: readonly string[], env: Record<string, string>): number {
  const [program = '', ...args] = argv;
  const started = process.hrtime.bigint();
  const { status } = spawnSync(program, args, { env, stdio: 'ignore' });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}`);
  return Number(process.hrtime.bigint() - started) / 1e6;
}

export function run(): void {
  const stateDir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const hook = new URL('../hooks/resume', import.meta.url).pathname;
  const resumeFile = new URL('../test/fixtures/resume-file-22.05.json', import.meta.url).pathname;
  const commands = {
    'sh -c :': { argv: ['/bin/sh', '-c', ':'], env: {} },
    'hook resume': {
      argv: [hook, 'queue1-dy-queue1-c6i32xlarge-[1-200]'],
      env: { MUSTER_STATE_DIR: stateDir, SLURM_RESUME_FILE: resumeFile },
    },
    'node -e 0': { argv: [process.execPath, '-e', '0'], env: {} },
  };
  const times = Object.fromEntries(Object.keys(commands).map((name) => [name, [] as number[]]));
  try {
    for (let round = 0; round < rounds + 2; round += 1) {
      for (const [name, { argv, env }] of Object.entries(commands)) {
        const ms = timeOf(argv, env);
        // The first two rounds fill the caches.
        if (round >= 2) times[name]?.push(ms);
      }
    }
  } finally {
    rmSync(stateDir, { recursive: true });
  }
  const bare = median(times['sh -c :'] ?? []);
  printTable(
    `A hook's return, median of ${rounds} (aim: within 20 ms of sh -c :)`,
    ['command', 'ms', 'beyond sh -c :', 'ratio'],
    Object.entries(times).map(([name, samples]) => {
      const ms = median(samples);
      return [name, ms.toFixed(1), (ms - bare).toFixed(1), (ms / bare).toFixed(1)];
    }),
  );
}

if (import.meta.main) run();
