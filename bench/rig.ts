/**
 * A muster to measure: ec2sim without delays and limits as a process of its own, a daemon on a configuration in a
 * temporary folder, and commands of Slurm's that return at once, so that what is measured is muster.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLedgerReader } from '../src/adapters/ledger/sqlite.ts';

const root = new URL('..', import.meta.url).pathname;
export const muster = join(root, 'bin/muster');

/** sinfo and squeue print the rows that lie beside them, where a bar stands for the word that ends a field. */
const tellingProgram = `#!/bin/sh
here=\${0%/*}
for last; do :; done
case $last in *PartitionName*) rows=partitions ;; *) rows=\${0##*/} ;; esac
sed "s/|/\${last##*:}/g" "$here/$rows.rows"
`;

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

/** ec2sim without delays and limits. */
export interface Sim {
  readonly url: string;
  /** With these the SDK finds it. */
  readonly env: NodeJS.ProcessEnv;
  /** Puts instances there that nobody launched. */
  plant(tags: Readonly<Record<string, string>>, count: number): Promise<void>;
  close(): Promise<void>;
}

const subnetId = 'subnet-12345678';

export async function openSim(): Promise<Sim> {
  const { child, line } = await startLine(
    [
      ...['ec2sim', '--json', '--no-throttle', '--region', 'us-east-2', '--pending-ms', '0'],
      ...['--boot-ms', '0', '--consistency-ms', '0', '--address-delay-ms', '0'],
      ...['--subnet', `${subnetId}@us-east-2b=10.0.0.0/16`],
    ],
    process.env,
  );
  const { url } = JSON.parse(line) as { url: string };
  return {
    url,
    env: {
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: 'bench',
      AWS_SECRET_ACCESS_KEY: 'bench',
    },
    async plant(tags, count) {
      const body = JSON.stringify({ instanceType: 'c6i.32xlarge', subnetId, tags, count });
      const response = await fetch(`${url}/_admin/plant`, { method: 'POST', body });
      if (!response.ok) throw new Error(`nothing could be planted: ${await response.text()}`);
    },
    close: () => stop(child),
  };
}

export async function openRig(nodeCount: number): Promise<Rig> {
  const dir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const stateDir = join(dir, 'state');
  mkdirSync(stateDir);
  const scontrol = join(dir, 'scontrol');
  const counter = join(dir, 'scontrol.calls');
  const programs = [
    ['scontrol', `#!/bin/sh\necho x >>${counter}\n`],
    ['sinfo', tellingProgram],
    ['squeue', tellingProgram],
  ] as const;
  for (const [name, text] of programs) writeFileSync(join(dir, name), text, { mode: 0o755 });
  for (const name of ['sinfo', 'squeue', 'partitions'])
    writeFileSync(join(dir, `${name}.rows`), '');
  writeFileSync(join(dir, 'cluster.yaml'), clusterYaml(nodeCount));
  const config = join(dir, 'muster.yaml');
  writeFileSync(config, musterYaml(dir, scontrol));
  const sim = await openSim();
  const { url } = sim;
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    ...sim.env,
    MUSTER_STATE_DIR: stateDir,
  };
  const children: ChildProcess[] = [];
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
      await sim.close();
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
launch_instances: { burst: 100000, per_second: 1000 }
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

/** CPU seconds (user and system) and memory of a process, now and at most, from /proc. */
export function usageOf(pid: number): {
  cpuSeconds: number;
  residentMiB: number;
  peakMiB: number;
} {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  // Linux counts in ticks of 1/100 s on every architecture that muster runs on.
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    residentMiB: mebibytes('VmRSS'),
    peakMiB: mebibytes('VmHWM'),
  };
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** As slurmctld calls it for one job; resolves when the hook has returned. */
export function resumeNodes(rig: Rig, nodes: string): Promise<void> {
  return spawnHook('resume', nodes, { ...rig.env, SLURM_RESUME_FILE: askFor(rig, nodes) });
}

export function suspendNodes(rig: Rig, nodes: string): Promise<void> {
  return spawnHook('suspend', nodes, rig.env);
}

/** Slurm's commands tell of one job that has these nodes, all of them up. Answers the path of its resume file. */
export function askFor(rig: Rig, nodes: string): string {
  const put = (name: string, text: string): string => {
    const path = join(dirname(rig.config), name);
    writeFileSync(path, text);
    return path;
  };
  put('squeue.rows', `1|N/A|RUNNING|None|queue1|${nodes}|1|0|||\n`);
  put('sinfo.rows', `${nodes}|allocated+cloud|none|\n`);
  put('partitions.rows', `queue1|up|${nodes}|\n`);
  return put(
    'resume.json',
    JSON.stringify({
      jobs: [{ job_id: 1, nodes_resume: nodes, nodes_alloc: nodes }],
      all_nodes_resume: nodes,
    }),
  );
}

function spawnHook(name: string, nodes: string, env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, 'hooks', name), [nodes], {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`the hook ended with ${code}`)),
    );
  });
}
