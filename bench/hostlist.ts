/**
 * Hostlists: expanding and folding here against `scontrol show hostnames` and `scontrol show hostlist`, in one run.
 *
 * Text in, text or names out on both sides. Ours runs in this process, warm, as it does in the daemon; scontrol's time
 * is a whole process, which is what a launcher that asks scontrol pays. `scontrol, one name` is that process alone.
 * One argument of a process holds at most 131,071 bytes: the list to fold is given to scontrol as a file.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foldHostlist, foldSorted, parseHostlist } from '../src/core/hostlist.ts';

export interface BenchRow {
  readonly name: string;
  /** Median, in milliseconds. */
  readonly oursMs: number;
  /** Median of whole processes, in milliseconds; null where there is no scontrol, or it cannot do this. */
  readonly scontrolMs: number | null;
}

const rounds = 5;
const stem = 'queue1-dy-queue1-c6i32xlarge-';

export async function run(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  try {
    const slurmConf = join(folder, 'slurm.conf');
    writeFileSync(
      slurmConf,
      'ClusterName=b\nSlurmctldHost=localhost\nNodeName=n1\nPartitionName=p Nodes=n1\n',
    );
    return measure(folder, slurmConf);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measure(folder: string, slurmConf: string): BenchRow[] {
  const neighbours = names(100_000, 1);
  const apart = names(100_000, 2);
  const folded = foldHostlist(neighbours);
  const foldedApart = foldHostlist(apart);
  const foldedFewer = foldHostlist(apart.slice(0, 18_000));
  const scontrol = (what: string, list: string): number | null =>
    timeScontrol(slurmConf, what, list);
  const file = (name: string, nodes: readonly string[]): string => {
    const path = join(folder, name);
    writeFileSync(path, nodes.join(','));
    return path;
  };
  return [
    {
      name: 'scontrol, one name',
      oursMs: time(() => expand('n1')),
      scontrolMs: scontrol('hostnames', 'n1'),
    },
    {
      name: 'expand 100,000 neighbours',
      oursMs: time(() => expand(folded)),
      scontrolMs: scontrol('hostnames', folded),
    },
    {
      name: 'expand 18,000 with gaps',
      oursMs: time(() => expand(foldedFewer)),
      scontrolMs: scontrol('hostnames', foldedFewer),
    },
    // Too long for an argument of scontrol.
    { name: 'expand 100,000 with gaps', oursMs: time(() => expand(foldedApart)), scontrolMs: null },
    {
      name: 'fold 100,000 neighbours',
      oursMs: time(() => foldHostlist(expand(neighbours.join(',')))),
      scontrolMs: scontrol('hostlist', file('neighbours', neighbours)),
    },
    {
      name: 'fold 100,000 with gaps',
      oursMs: time(() => foldHostlist(expand(apart.join(',')))),
      scontrolMs: scontrol('hostlist', file('apart', apart)),
    },
    {
      name: 'sort and fold 100,000 reversed',
      oursMs: time(() => foldSorted(expand(apart.toReversed().join(',')))),
      scontrolMs: scontrol('hostlistsorted', file('reversed', apart.toReversed())),
    },
  ];
}

function names(count: number, step: number): string[] {
  return Array.from({ length: count }, (_, index) => stem + String(1 + index * step));
}

function expand(text: string): string[] {
  const result = parseHostlist(text);
  if (result.kind === 'error') throw new Error(result.error.message);
  return result.nodes;
}

function time(work: () => unknown): number {
  work();
  return median(() => {
    const before = performance.now();
    work();
    return performance.now() - before;
  });
}

function timeScontrol(slurmConf: string, what: string, list: string): number | null {
  const env = { PATH: process.env['PATH'], SLURM_CONF: slurmConf };
  const once = (): number => {
    const before = performance.now();
    const child = spawnSync('scontrol', ['show', what, list], {
      env,
      maxBuffer: 2 ** 28,
      timeout: 60_000,
    });
    if (child.error !== undefined) throw child.error;
    if (child.status !== 0 || child.stdout.length === 0)
      throw new Error(`scontrol show ${what} failed: ${child.stderr.toString()}`);
    return performance.now() - before;
  };
  try {
    return median(once);
  } catch (error: unknown) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function median(measureOnce: () => number): number {
  const times = Array.from({ length: rounds }, measureOnce).sort((a, b) => a - b);
  return times[Math.floor(rounds / 2)] ?? NaN;
}

function print(rows: readonly BenchRow[]): void {
  console.log(
    `${'hostlists'.padEnd(32)}${'ours ms'.padStart(10)}${'scontrol ms'.padStart(13)}${'ratio'.padStart(8)}`,
  );
  for (const { name, oursMs, scontrolMs } of rows) {
    const theirs = scontrolMs === null ? '-' : scontrolMs.toFixed(1);
    const ratio = scontrolMs === null ? '-' : (oursMs / scontrolMs).toFixed(2);
    console.log(
      `${name.padEnd(32)}${oursMs.toFixed(2).padStart(10)}${theirs.padStart(13)}${ratio.padStart(8)}`,
    );
  }
}

if (import.meta.main) print(await run());
