/**
 * A whole resume: from the hook's start until the ledger says that every node is given to Slurm, with a warm daemon,
 * for one job of n nodes, against ec2sim without delays; beside it the same RunInstances answers fetched by raw HTTP,
 * and `muster resume --wait` without a daemon (cold).
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, printTable } from './report.ts';
import {
  askFor,
  ledgerEnd,
  muster,
  openRig,
  resumeNodes,
  stop,
  suspendNodes,
  usageOf,
  verdictAfter,
  type Rig,
} from './rig.ts';

const sizes = [1, 10, 100, 500, 1000, 2000, 5000];
const rounds = 3;

interface Sample {
  readonly wallMs: number;
  readonly firstCallMs: number;
  readonly cpuSeconds: number;
  readonly rawMs: number;
  readonly calls: number;
  readonly scontrols: number;
}

export async function run(): Promise<void> {
  const rig = await openRig(Math.max(...sizes));
  try {
    const daemon = await rig.startDaemon();
    const pid = daemon.pid ?? 0;
    await resumeOnce(rig, pid, 10);
    const rows: string[][] = [];
    const firstCalls: number[] = [];
    for (const size of sizes) {
      const samples: Sample[] = [];
      for (let round = 0; round < rounds; round += 1)
        samples.push(await resumeOnce(rig, pid, size));
      const of = (key: keyof Sample): number => median(samples.map((sample) => sample[key]));
      firstCalls.push(...samples.map((sample) => sample.firstCallMs));
      rows.push([
        String(size),
        of('wallMs').toFixed(0),
        of('rawMs').toFixed(0),
        (of('wallMs') - of('rawMs')).toFixed(0),
        (of('wallMs') / of('rawMs')).toFixed(1),
        (of('cpuSeconds') * 1000).toFixed(0),
        usageOf(pid).peakMiB.toFixed(0),
        of('calls').toFixed(0),
        of('scontrols').toFixed(0),
      ]);
    }
    printTable(
      `A whole resume, warm daemon, median of ${rounds} (aim: 2,000 nodes within 800 ms beyond raw HTTP)`,
      [
        'nodes',
        'ms',
        'raw HTTP ms',
        'beyond',
        'ratio',
        'CPU ms',
        'peak MiB',
        'EC2 calls',
        'scontrol',
      ],
      rows,
    );
    printTable(
      'From the hook to the first RunInstances, warm daemon',
      ['', 'ms'],
      [[`median of ${firstCalls.length}`, median(firstCalls).toFixed(1)]],
    );
    await stop(daemon);
    await coldTable(rig);
  } finally {
    await rig.close();
  }
}

async function resumeOnce(rig: Rig, pid: number, size: number): Promise<Sample> {
  const nodes = `queue1-dy-cr-[1-${size}]`;
  const before = await rig.calls();
  const scontrols = rig.scontrols();
  const cpu = usageOf(pid).cpuSeconds;
  const since = ledgerEnd(rig.stateDir);
  const startedAt = Date.now();
  const started = performance.now();
  await resumeNodes(rig, nodes);
  await verdictAfter(rig.stateDir, since);
  const wallMs = performance.now() - started;
  const sample = {
    wallMs,
    firstCallMs: (await firstLaunch(rig, startedAt)) - startedAt,
    cpuSeconds: usageOf(pid).cpuSeconds - cpu,
    calls: total(await rig.calls()) - total(before),
    scontrols: rig.scontrols() - scontrols,
  };
  await suspend(rig, nodes);
  return { ...sample, rawMs: await rawHttp(rig, size) };
}

/** When the first instance of this round was launched, by the simulator's clock, which is this machine's. */
async function firstLaunch(rig: Rig, since: number): Promise<number> {
  const listed = (await (await fetch(`${rig.url}/_admin/instances`)).json()) as {
    instances: { launchedAt: number }[];
  };
  return Math.min(
    ...listed.instances.map(({ launchedAt }) => launchedAt).filter((at) => at >= since),
  );
}

/** The same launches and answers without muster: plain requests, all at once, bodies read and thrown away. */
async function rawHttp(rig: Rig, size: number): Promise<number> {
  const started = performance.now();
  const batches = Array.from({ length: Math.ceil(size / 500) }, (_, index) =>
    Math.min(500, size - index * 500),
  );
  const bodies = await Promise.all(batches.map((count) => launchRaw(rig, count)));
  const rawMs = performance.now() - started;
  const ids = bodies.flatMap((body) =>
    [...body.matchAll(/<instanceId>(i-[0-9a-f]+)</g)].map((match) => match[1] ?? ''),
  );
  const form = new URLSearchParams({ Action: 'TerminateInstances', Version: '2016-11-15' });
  for (const [index, id] of ids.entries()) form.set(`InstanceId.${index + 1}`, id);
  await post(rig, form);
  return rawMs;
}

function launchRaw(rig: Rig, count: number): Promise<string> {
  return post(
    rig,
    new URLSearchParams({
      Action: 'RunInstances',
      Version: '2016-11-15',
      ImageId: 'ami-12345678',
      InstanceType: 'c6i.32xlarge',
      SubnetId: 'subnet-12345678',
      MinCount: String(count),
      MaxCount: String(count),
    }),
  );
}

async function post(rig: Rig, form: URLSearchParams): Promise<string> {
  const response = await fetch(rig.url, {
    method: 'POST',
    body: form,
    headers: {
      authorization: 'AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-2/ec2/aws4_request',
    },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`raw HTTP was refused: ${text.slice(0, 300)}`);
  return text;
}

async function suspend(rig: Rig, nodes: string): Promise<void> {
  await suspendNodes(rig, nodes);
  for (;;) {
    const { stats } = (await (await fetch(`${rig.url}/_admin/state`)).json()) as {
      stats: { launched: number; terminated: number };
    };
    if (stats.launched === stats.terminated) return;
    await sleep(20);
  }
}

async function coldTable(rig: Rig): Promise<void> {
  const rows: string[][] = [];
  for (const size of [1, 2000]) {
    const nodes = `queue1-dy-cr-[1-${size}]`;
    const env = { ...rig.env, SLURM_RESUME_FILE: askFor(rig, nodes) };
    const started = performance.now();
    const { status } = spawnSync(muster, ['resume', '--wait', '--config', rig.config, nodes], {
      env,
      stdio: 'ignore',
    });
    if (status !== 0) throw new Error(`resume --wait ended with ${status}`);
    rows.push([String(size), (performance.now() - started).toFixed(0)]);
    const daemon = await rig.startDaemon();
    await suspend(rig, nodes);
    await stop(daemon);
  }
  printTable('muster resume --wait without a daemon (cold), once', ['nodes', 'ms'], rows);
}

function total(calls: Record<string, number>): number {
  return Object.values(calls).reduce((sum, count) => sum + count, 0);
}

if (import.meta.main) await run();
