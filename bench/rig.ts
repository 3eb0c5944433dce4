/**
 * A muster to measure: ec2sim without delays and limits as a process of its own, a daemon on a configuration in a
 * temporary folder, and a scontrol that returns at once, so that what is measured is muster.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLedgerReader } from '../src/adapters/ledger/sqlite.ts';

const root = new URL('..', import.meta.url).pathname;
export const muster = join(root, 'bin/muster');

export interface Rig {
  readonly stateDir: string;
  readonly config: string;
  readonly url: string;
  readonly env: NodeJS.ProcessEnv;
  startDaemon(): Promise<ChildProcess>;
  /** RunInstances, TerminateInstances, ... answered so far. */
  calls(): Promise<Record<string, number>>;
  /** scontrol processes started so far. */
  scontrols(): number;
  close(): Promise<void>;
}

export async function openRig(nodeCount: number): Promise<Rig> {
  const dir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const stateDir = join(dir, 'state');
  mkdirSync(stateDir);
  const scontrol = join(dir, 'scontrol');
  const counter = join(dir, 'scontrol.calls');
  writeFileSync(scontrol, `#!/bin/sh\necho x >>${counter}\n`);
  chmodSync(scontrol, 0o755);
  writeFileSync(join(dir, 'cluster.yaml'), clusterYaml(nodeCount));
  const config = join(dir, 'muster.yaml');
  writeFileSync(config, musterYaml(dir, scontrol));
  const sim = await startLine(
    [
      ...['ec2sim', '--json', '--no-throttle', '--region', 'us-east-2', '--pending-ms', '0'],
      ...['--boot-ms', '0', '--consistency-ms', '0', '--address-delay-ms', '0'],
      ...['--subnet', 'subnet-12345678@us-east-2b=10.0.0.0/16'],
    ],
    process.env,
  );
  const { url } = JSON.parse(sim.line) as { url: string };
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    MUSTER_STATE_DIR: stateDir,
  };
  const children: ChildProcess[] = [sim.child];
  return {
    stateDir,
    config,
    url,
    env,
    async startDaemon() {
      const { child } = await startLine(['daemon', '--config', config], env);
      children.push(child);
      return child;
    },
    async calls() {
      const state = (await (await fetch(`${url}/_admin/state`)).json()) as {
        stats: { calls: Record<string, Record<string, number>> };
      };
      return Object.fromEntries(
        Object.entries(state.stats.calls).map(([action, outcomes]) => [
          action,
          Object.values(outcomes).reduce((sum, count) => sum + count, 0),
        ]),
      );
    },
    scontrols: () => readOr(counter).split('\n').length - 1,
    async close() {
      for (const child of children.toReversed()) await stop(child);
      rmSync(dir, { recursive: true });
    },
  };
}

function clusterYaml(nodeCount: number): string {
  return `Region: us-east-2
Scheduling:
  Scheduler: slurm
  SlurmQueues:
    - Name: queue1
      ComputeResources:
        - Name: cr
          InstanceType: c6i.32xlarge
          MinCount: 0
          MaxCount: ${nodeCount}
      Networking:
        SubnetIds: [subnet-12345678]
`;
}

function musterYaml(dir: string, scontrol: string): string {
  return `cluster_name: bench
cluster_config: cluster.yaml
launch: { from: instance-type, image_id: ami-12345678 }
launch_requests: { burst: 100, per_second: 100 }
slurm: { scontrol: ${scontrol} }
state_dir: ${dir}/state
run_dir: ${dir}/run
log_dir: ${dir}/log
`;
}

async function startLine(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(muster, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('a pipe was asked for');
  for await (const line of createInterface(child.stdout)) return { child, line };
  throw new Error(`muster ${args[0]} ended before it was ready`);
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** Resolves when the ledger holds the verdict of a request for these nodes, in milliseconds of the wall. */
export async function verdictAfter(stateDir: string, since: number): Promise<void> {
  const reader = openLedgerReader(stateDir);
  if (reader === null) throw new Error('there is no ledger');
  try {
    for (let sequence = since; ; await sleep(2)) {
      for await (const recorded of reader.read(sequence)) {
        sequence = recorded.sequence;
        for (const decision of recorded.turn.decisions) {
          if (decision.kind !== 'RequestSettled') continue;
          if (decision.failed.length > 0) throw new Error('the launch to be measured failed');
          return;
        }
      }
    }
  } finally {
    reader.close();
  }
}

export function ledgerEnd(stateDir: string): number {
  const reader = openLedgerReader(stateDir);
  const last = reader?.last() ?? 0;
  reader?.close();
  return last;
}

/** CPU seconds (user and system) and peak memory in MiB of a process, from /proc. */
export function usageOf(pid: number): { cpuSeconds: number; peakMiB: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  // Linux counts in ticks of 1/100 s on every architecture that muster runs on.
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    peakMiB: Number(peak ?? 0) / 1024,
  };
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
