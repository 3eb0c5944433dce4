/**
 * The real Slurm as a story's world: a munged, a slurmctld and one slurmd a node, all private to one temporary
 * directory, on ports of their own, started and stopped by process id. Needs root and Debian's slurmctld, slurmd,
 * slurm-client and munge; run by hand through record.ts, never by the tests.
 */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import type {
  Action,
  HookCall,
  JobSample,
  NodeSample,
  Sample,
  StoryChange,
  StorySettings,
  World,
} from './story.ts';

const run = promisify(execFile);

export interface RealSlurm extends World {
  readonly version: string;
  readonly slurmctldAge: number;
  stop(): Promise<void>;
}

interface Cluster {
  readonly dir: string;
  readonly conf: string;
  readonly children: ChildProcess[];
  readonly slurmds: Map<string, ChildProcess>;
  readonly startedAt: number;
  hooksSeen: number;
}

/** Starts a cluster for one story. `basePort` is slurmctld's; the nodes' follow it. */
export async function startRealSlurm(
  settings: StorySettings,
  basePort: number,
): Promise<RealSlurm> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'slurm-story-'));
  fs.chmodSync(dir, 0o755);
  for (const name of ['state', 'spool', 'hooks']) fs.mkdirSync(path.join(dir, name));
  const hook = path.join(dir, 'hook');
  fs.writeFileSync(hook, hookScript(dir), { mode: 0o755 });
  for (const verb of ['resume', 'suspend', 'resume-fail']) fs.linkSync(hook, path.join(dir, verb));
  const conf = path.join(dir, 'slurm.conf');
  fs.writeFileSync(conf, slurmConf(dir, settings, basePort));
  const children: ChildProcess[] = [];
  const cluster: Cluster = {
    dir,
    conf,
    children,
    slurmds: new Map(),
    startedAt: 0,
    hooksSeen: 0,
  };
  children.push(await startMunge(dir));
  const slurmctldAt = Date.now();
  children.push(start('/usr/sbin/slurmctld', ['-D', '-c', '-f', conf], dir, 'slurmctld'));
  await waitFor(async () => (await slurm(cluster, 'sinfo', ['-h', '-N'])) !== '');
  await sleep(3);
  const { stdout } = await run('/usr/sbin/slurmctld', ['-V']);
  // Slurm's power-save thread looks on whole seconds; so the story begins a little before one.
  await sleep(((1850 - (Date.now() % 1000)) % 1000) / 1000);
  const startedAt = Date.now();
  return {
    ...world({ ...cluster, startedAt }),
    version: stdout.trim().replace('slurm-wlm ', ''),
    slurmctldAge: Math.round((startedAt - slurmctldAt) / 100) / 10,
  };
}

function world(cluster: Cluster): Omit<RealSlurm, 'version' | 'slurmctldAge'> {
  return {
    now: () => (Date.now() - cluster.startedAt) / 1000,
    sleep,
    act: (action) => act(cluster, action),
    sample: () => sample(cluster),
    picture: async () => ({
      sinfo: await slurm(cluster, 'sinfo', []),
      squeue: await slurm(cluster, 'squeue', []),
      jobs: await jobLines(cluster),
    }),
    stop: () => stop(cluster),
  };
}

async function act(cluster: Cluster, action: Action): Promise<string> {
  try {
    return await command(cluster, action);
  } catch (error: unknown) {
    const stderr = (error as { stderr?: string }).stderr ?? String(error);
    return `refused: ${stderr.trim()}`;
  }
}

async function command(cluster: Cluster, action: Action): Promise<string> {
  switch (action.kind) {
    case 'submit':
      return (await slurm(cluster, 'sbatch', sbatchArguments(action.job))).trim();
    case 'cancel':
      return (await slurm(cluster, 'scancel', [action.job])).trim();
    case 'assign':
      return update(cluster, action.nodes, [
        `nodeaddr=${action.nodes.map(() => '127.0.0.1').join(',')}`,
        `nodehostname=${action.nodes.map(() => os.hostname()).join(',')}`,
      ]);
    case 'down':
      return update(cluster, action.nodes, ['state=down', `reason=${action.reason}`]);
    case 'power-down':
      return update(cluster, action.nodes, ['state=power_down_force']);
    case 'drain':
      return update(cluster, action.nodes, ['state=drain', `reason=${action.reason}`]);
    case 'undrain':
      return update(cluster, action.nodes, ['state=undrain']);
    case 'resume':
      return update(cluster, action.nodes, ['state=resume']);
    case 'power-up':
      return update(cluster, action.nodes, ['state=power_up']);
    case 'partition': {
      const state = action.isUp ? 'up' : 'inactive';
      const words = ['update', 'partitionname=q', `state=${state}`];
      return (await slurm(cluster, 'scontrol', words)).trim();
    }
    case 'release':
      return (await slurm(cluster, 'scontrol', ['release', action.jobs.join(',')])).trim();
    case 'update':
      return updateJobs(cluster, action.jobs.join(','), action.change);
    case 'register':
      for (const name of action.nodes) {
        const child = start(
          '/usr/sbin/slurmd',
          ['-D', '-b', '-N', name, '-f', cluster.conf],
          cluster.dir,
          name,
        );
        cluster.slurmds.set(name, child);
      }
      return '';
    case 'lose':
      await killSlurmds(cluster, action.nodes);
      return '';
  }
}

async function update(cluster: Cluster, nodes: readonly string[], words: string[]) {
  return (
    await slurm(cluster, 'scontrol', ['update', `nodename=${nodes.join(',')}`, ...words])
  ).trim();
}

async function updateJobs(cluster: Cluster, jobs: string, change: StoryChange) {
  const { startAfterSeconds: after, adminComment, hold } = change;
  const startAt = new Date(Math.ceil(Date.now() / 1000 + (after ?? 0)) * 1000);
  const words = [
    ...(after === undefined ? [] : [`StartTime=${startAt.toISOString().slice(0, 19)}`]),
    ...(adminComment === undefined ? [] : [`AdminComment=${adminComment}`]),
  ];
  if (words.length > 0) await slurm(cluster, 'scontrol', ['update', `jobid=${jobs}`, ...words]);
  if (hold !== undefined)
    await slurm(cluster, 'scontrol', [hold === 'admin' ? 'hold' : 'uhold', jobs]);
  return '';
}

async function jobLines(cluster: Cluster) {
  const format = 'JobID:8,JobArrayID:8,RestartCnt:4,admin_comment:40';
  return slurm(cluster, 'squeue', [
    '--noheader',
    '--array',
    '--states=all',
    '--sort=i',
    `--Format=${format}`,
  ]);
}

function sbatchArguments(job: Extract<Action, { kind: 'submit' }>['job']): string[] {
  const words = ['--parsable', ...componentArguments(job)];
  for (const part of job.het ?? []) words.push(':', ...componentArguments({ ...job, ...part }));
  return [...words, '--wrap', `sleep ${job.seconds}`];
}

function componentArguments(job: Extract<Action, { kind: 'submit' }>['job']): string[] {
  const words = ['-p', job.partition, '-N', String(job.nodes), '-o', '/dev/null'];
  if (job.name !== undefined) words.push('-J', job.name);
  if (job.array !== undefined) words.push('-a', job.array);
  if (job.exclusive === true) words.push('--exclusive');
  if (job.contiguous === true) words.push('--contiguous');
  if (job.requeue === false) words.push('--no-requeue');
  if (job.nodelist !== undefined) words.push('-w', job.nodelist);
  if (job.oversubscribe === true) words.push('--oversubscribe');
  if (job.beginAfterSeconds !== undefined) words.push(`--begin=now+${job.beginAfterSeconds}`);
  if (job.comment !== undefined) words.push(`--comment=${job.comment}`);
  if (job.extra !== undefined) words.push(`--extra=${job.extra}`);
  if (job.hold === true) words.push('--hold');
  return words;
}

async function sample(cluster: Cluster): Promise<Sample> {
  const nodes = new Map<string, NodeSample>();
  for (const line of lines(await slurm(cluster, 'sinfo', ['-h', '-N', '-o', '%N|%t|%E']))) {
    const [name = '', state = '', reason = ''] = line.split('|');
    nodes.set(name, { state, reason: reason === 'none' ? '' : reason });
  }
  const jobs = new Map<string, JobSample>();
  const format = ['-h', '-r', '-t', 'all', '-o', '%i|%T|%r|%N'];
  for (const line of lines(await slurm(cluster, 'squeue', format))) {
    const [id = '', state = '', reason = '', where = ''] = line.split('|');
    jobs.set(id, { state, reason, nodes: where });
  }
  const hooks = readHooks(cluster);
  for (const call of hooks) {
    if (call.verb === 'suspend') await killSlurmds(cluster, await expand(cluster, call.hostlist));
  }
  return { nodes, jobs, hooks };
}

function lines(text: string) {
  return text.split('\n').filter((line) => line !== '');
}

async function expand(cluster: Cluster, hostlist: string) {
  return lines(await slurm(cluster, 'scontrol', ['show', 'hostnames', hostlist]));
}

function readHooks(cluster: Cluster): HookCall[] {
  const dir = path.join(cluster.dir, 'hooks');
  const names = fs.readdirSync(dir).filter((name) => /^\d+$/.test(name));
  names.sort((a, b) => Number(a) - Number(b));
  const fresh = names.slice(cluster.hooksSeen);
  cluster.hooksSeen = names.length;
  return fresh.map((name) => {
    const [verb = '', hostlist = '', ...rest] = fs
      .readFileSync(path.join(dir, name), 'utf8')
      .split('\n');
    const text = rest.join('\n').trim();
    return {
      verb: verb as HookCall['verb'],
      hostlist,
      file: text === '' ? null : (JSON.parse(text) as unknown),
    };
  });
}

/** Writes the verb, the argument and the resume file to hooks/N, complete when it appears. */
function hookScript(dir: string) {
  return `#!/bin/sh
n=$(/usr/bin/date +%s%N)
t=${dir}/hooks/tmp.$n
{ echo "\${0##*/}"; echo "$1"; [ -z "$SLURM_RESUME_FILE" ] || /usr/bin/cat "$SLURM_RESUME_FILE"; } > $t
/usr/bin/mv $t ${dir}/hooks/$n
`;
}

function slurmConf(dir: string, settings: StorySettings, port: number) {
  const host = os.hostname();
  return `ClusterName=story
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${dir}/munge.socket,cred_expire=${settings.credExpire}
CredType=cred/munge
StateSaveLocation=${dir}/state
SlurmdSpoolDir=${dir}/spool/%n
SlurmctldPidFile=${dir}/slurmctld.pid
SlurmdPidFile=${dir}/%n.pid
SlurmdLogFile=${dir}/%n.log
SlurmctldLogFile=${dir}/slurmctld.log
DebugFlags=power
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MailProg=/bin/true
ReturnToService=1
TreeWidth=65533
PrivateData=cloud
CommunicationParameters=NoAddrCache
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SlurmctldParameters=idle_on_node_suspend,power_save_min_interval=0
SlurmdTimeout=${settings.slurmdTimeout}
MinJobAge=${settings.minJobAge}
SchedulerParameters=sched_interval=${settings.schedInterval},bf_interval=${settings.bfInterval}
SuspendTime=${settings.suspendTime}
SuspendTimeout=${settings.suspendTimeout}
ResumeTimeout=${settings.resumeTimeout}
ResumeRate=${settings.resumeRate}
SuspendRate=0
ResumeProgram=${dir}/resume
SuspendProgram=${dir}/suspend
ResumeFailProgram=${dir}/resume-fail
NodeName=q-dy-c-[1-${settings.nodeCount}] NodeAddr=127.0.0.1 NodeHostname=${host} Port=[${port + 1}-${port + settings.nodeCount}] CPUs=4 State=CLOUD
${settings.keptNode === undefined ? '' : `SuspendExcNodes=${settings.keptNode}\n`}PartitionName=q Nodes=ALL Default=YES MaxTime=INFINITE OverSubscribe=YES
`;
}

async function startMunge(dir: string): Promise<ChildProcess> {
  const key = path.join(dir, 'munge.key');
  fs.writeFileSync(key, randomBytes(128), { mode: 0o400 });
  const socket = path.join(dir, 'munge.socket');
  const child = start(
    '/usr/sbin/munged',
    [
      '-F',
      `--socket=${socket}`,
      `--key-file=${key}`,
      `--pid-file=${dir}/munge.pid`,
      `--log-file=${dir}/munge.log`,
      `--seed-file=${dir}/munge.seed`,
    ],
    dir,
    'munged',
  );
  await waitFor(() => Promise.resolve(fs.existsSync(socket)));
  return child;
}

function start(file: string, words: string[], dir: string, name: string): ChildProcess {
  const out = fs.openSync(path.join(dir, `${name}.out`), 'a');
  const child = spawn(file, words, { stdio: ['ignore', out, out] });
  fs.closeSync(out);
  return child;
}

async function slurm(cluster: Cluster, name: string, words: string[]): Promise<string> {
  const env = { ...process.env, SLURM_CONF: cluster.conf, TZ: 'UTC0' };
  return (await run(name, words, { env, timeout: 60_000, cwd: '/' })).stdout;
}

async function killSlurmds(cluster: Cluster, names: readonly string[]) {
  for (const name of names) {
    const child = cluster.slurmds.get(name);
    cluster.slurmds.delete(name);
    if (child !== undefined) await end(child, 'SIGKILL');
  }
}

async function stop(cluster: Cluster) {
  await killSlurmds(cluster, [...cluster.slurmds.keys()]);
  for (const child of cluster.children.toReversed()) await end(child, 'SIGTERM');
  fs.rmSync(cluster.dir, { recursive: true, force: true });
}

async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}

async function waitFor(condition: () => Promise<boolean>) {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      if (await condition()) return;
    } catch (error: unknown) {
      if (tries === 99) throw error;
    }
    await sleep(0.2);
  }
  throw new Error('The cluster did not start within 20 s.');
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
