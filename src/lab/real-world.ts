/**
 * The world with nothing in it modelled but EC2: a real Slurm, the EC2 simulator and the muster daemon as processes of
 * their own, wired as on a head node. Slurm's hooks spool, the daemon calls EC2 by the AWS SDK, instances boot a slurmd.
 *
 * The daemon's environment is made here from nothing, so that no AWS credentials of the caller reach it: it can talk
 * to the simulator and to nothing else.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { formatProblem, loadConfig } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { countReservations } from './accounting.ts';
import { claimLabDir, labPaths, removeLab } from './lab-dir.ts';
import type { LabPaths } from './lab-dir.ts';
import { endProcesses, isAlive, killProcess } from './processes.ts';
import type { ProcessMark } from './processes.ts';
import { findProgram, run } from './programs.ts';
import { bringUpSlurm } from './real-slurm.ts';
import type { RealSlurm } from './real-slurm.ts';
import { checkSlurmRoot } from './slurm-root.ts';
import { systemClock } from './system-clock.ts';
import type {
  CloudStats,
  LabCloud,
  LabEvent,
  LabMuster,
  MusterFiles,
  OpenWorld,
  WorldSpec,
} from './world.ts';

export interface RealWorldOptions {
  readonly labDir: string;
  readonly spec: WorldSpec;
  /** Muster's launcher, `bin/muster`. */
  readonly musterProgram: string;
  /** How the person who called reaches it. */
  readonly calledAs: string;
  readonly hooksDir: string;
  /** What an instance runs, `node/muster-node`. */
  readonly nodeProgram: string;
  /** The folder with the system whose Slurm is used; absent: this machine's own. */
  readonly slurmRoot?: string;
  progress(event: LabEvent): void;
}

export interface RealWorld extends OpenWorld {
  readonly slurm: RealSlurm;
  readonly endpoint: string;
  readonly configPath: string;
}

/** The instances' addresses: loopback, so that slurmctld reaches every node's slurmd on this machine. */
const LAB_CIDR = '127.20.0.0/16';

const START_LIMIT_MS = 60_000;

/** Rejects, with everything taken down again, when a part does not start. */
export async function openRealWorld(options: RealWorldOptions): Promise<RealWorld> {
  const paths = labPaths(options.labDir);
  const { slurmRoot } = options;
  if (slurmRoot !== undefined) checkSlurmRoot(slurmRoot);
  const state = await claimLabDir(paths, options.calledAs);
  try {
    const config = writeConfig(paths, options, options.spec.files);
    const slurm = await bringUpSlurm({
      paths,
      state,
      config,
      spec: options.spec,
      hooksDir: options.hooksDir,
      nodeProgram: options.nodeProgram,
      ...(slurmRoot === undefined ? {} : { slurmRoot }),
    });
    const endpoint = await startEc2sim(slurm, options);
    const muster = createMuster(slurm, endpoint, options);
    return {
      slurm,
      cloud: createCloud(endpoint, options.spec),
      muster,
      clock: systemClock,
      progress: options.progress,
      logPaths: [
        join(paths.musterLog, 'slurm_resume.log'),
        join(paths.slurm, 'slurmctld.log'),
        paths.output,
        paths.nodes,
      ],
      endpoint,
      configPath: configPathOf(paths),
      close: (how) => slurm.down(how),
    };
  } catch (error: unknown) {
    await removeLab(paths);
    throw error;
  }
}

function configPathOf(paths: LabPaths): string {
  return join(paths.config, 'muster.yaml');
}

/** Writes the three files and reads them as muster will. Throws with every problem when they are refused. */
function writeConfig(
  paths: LabPaths,
  options: Pick<RealWorldOptions, 'slurmRoot'>,
  files: MusterFiles,
): Config {
  mkdirSync(paths.config, { recursive: true, mode: 0o755 });
  writeFileSync(join(paths.config, 'parallelcluster_slurm_resume.conf'), files.resumeConf);
  writeFileSync(join(paths.config, 'cluster.yaml'), files.clusterYaml);
  const scontrol =
    options.slurmRoot === undefined
      ? findProgram('scontrol', process.env['PATH'])
      : join(paths.programs, 'scontrol');
  writeFileSync(
    configPathOf(paths),
    [
      '# Written by "muster lab".',
      'resume_config: parallelcluster_slurm_resume.conf',
      'cluster_config: cluster.yaml',
      'launch:',
      '  from: instance-type',
      '  image_id: ami-0123456789abcdef0',
      'slurm:',
      ...(scontrol === null ? [] : [`  scontrol: ${scontrol}`]),
      `  slurm_conf: ${paths.slurmConf}`,
      `state_dir: ${paths.musterState}`,
      `run_dir: ${paths.musterRun}`,
      `log_dir: ${paths.musterLog}`,
      files.musterYaml ?? '',
    ].join('\n'),
  );
  const result = loadConfig({ path: configPathOf(paths), env: {} });
  if (result.kind === 'refused') {
    throw new Error(
      `the lab's configuration is refused:\n${result.errors.map(formatProblem).join('\n')}`,
    );
  }
  return result.config;
}

const readySchema = z.object({ url: z.string(), adminUrl: z.string() });

/** Resolves to the simulator's URL. */
async function startEc2sim(slurm: RealSlurm, options: RealWorldOptions): Promise<string> {
  const { spec } = options;
  const settings = join(slurm.paths.config, 'ec2sim.json');
  writeFileSync(
    settings,
    JSON.stringify({
      region: spec.region,
      subnets: [{ subnetId: spec.subnetId, availabilityZone: spec.zone, cidr: LAB_CIDR }],
      times: {
        pendingMs: 300,
        bootMs: spec.bootMs,
        bootJitterMs: spec.bootJitterMs ?? 0,
        shutdownMs: spec.shutdownMs ?? 300,
      },
    }),
  );
  const args = ['ec2sim', '--file', settings, '--json', '--', ...slurm.bootCommand];
  const mark = slurm.startProcess('ec2sim', options.musterProgram, args);
  const line = await firstLine(slurm, 'ec2sim', mark, 0, (text) => text.startsWith('{'));
  return readySchema.parse(JSON.parse(line)).url;
}

function createCloud(endpoint: string, spec: WorldSpec): LabCloud {
  const stateSchema = z.object({
    stats: z.object({ calls: z.record(z.string(), z.record(z.string(), z.number())) }),
    reservations: z.array(z.object({ state: z.string() })),
  });
  const instancesSchema = z.object({
    instances: z.array(
      z.object({
        instanceId: z.string(),
        instanceType: z.string(),
        launchedAt: z.number(),
        endAskedAt: z.number().nullable(),
        tags: z.record(z.string(), z.string()),
      }),
    ),
  });
  async function ask(
    method: 'GET' | 'PUT' | 'POST',
    route: string,
    body?: unknown,
  ): Promise<unknown> {
    const answer = await fetch(`${endpoint}/_admin/${route}`, {
      method,
      // A connection that is kept may be closed by the other side in the moment in which it is used again.
      headers: { connection: 'close' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the EC2 simulator refuses ${method} ${route}: ${text.trim()}`);
    return JSON.parse(text);
  }
  const listInstances = async () => instancesSchema.parse(await ask('GET', 'instances')).instances;
  return {
    async setCapacity(instanceType, zone, count) {
      await ask('PUT', 'capacity', { instanceType, availabilityZone: zone, capacity: count });
    },
    async breakBoots(count) {
      await ask('POST', 'faults', { kind: 'never-boots', count });
    },
    async plant(instanceType, tags) {
      const before = new Set((await listInstances()).map(({ instanceId }) => instanceId));
      await ask('POST', 'plant', { instanceType, subnetId: spec.subnetId, tags });
      // Others may be launched in the same moment: it is the new one with these tags.
      const planted = (await listInstances()).find(
        (one) => !before.has(one.instanceId) && isDeepStrictEqual(one.tags, tags),
      );
      if (planted === undefined) throw new Error('the EC2 simulator does not show what it planted');
      return planted.instanceId;
    },
    async goAway(forMs) {
      await ask('PUT', 'outage', { forMs });
    },
    async shutDown(instanceId) {
      await ask('POST', 'shut-down', { instanceId });
    },
    async stats(): Promise<CloudStats> {
      const [state, listed] = await Promise.all([ask('GET', 'state'), listInstances()]);
      const { stats, reservations } = stateSchema.parse(state);
      const calls = stats.calls['RunInstances'] ?? {};
      return {
        reservations: countReservations(reservations),
        runInstancesCalls: Object.values(calls).reduce((sum, count) => sum + count, 0),
        instances: listed.map((one) => ({
          instanceId: one.instanceId,
          instanceType: one.instanceType,
          launchedAt: one.launchedAt,
          terminatedAt: one.endAskedAt,
        })),
      };
    },
  };
}

function createMuster(slurm: RealSlurm, endpoint: string, options: RealWorldOptions): LabMuster {
  const { paths } = slurm;
  let daemon: ProcessMark | null = null;
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: options.spec.region,
    AWS_ACCESS_KEY_ID: 'lab',
    AWS_SECRET_ACCESS_KEY: 'lab',
    // Not even the files of the caller's home: the lab must not be able to reach an account.
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  async function start(files: MusterFiles): Promise<void> {
    if (daemon !== null) throw new Error('muster runs already');
    writeConfig(paths, options, files);
    const already = outputOf(slurm, 'muster').length;
    daemon = slurm.startProcess(
      'muster',
      options.musterProgram,
      ['daemon', '--config', configPathOf(paths)],
      env,
    );
    await firstLine(slurm, 'muster', daemon, already, (line) => line.startsWith('muster: ready'));
  }
  /** From here on nobody takes its end for one that it came to by itself. */
  function letGo(): readonly ProcessMark[] {
    const marks = daemon === null ? [] : [daemon];
    daemon = null;
    return marks;
  }
  async function stop(): Promise<void> {
    await endProcesses(letGo(), 15_000);
  }
  return {
    start,
    stop,
    async kill(files) {
      for (const mark of letGo()) await killProcess(mark);
      await start(files);
    },
    async restart(files) {
      await stop();
      await start(files);
    },
    async ask(verb, argument) {
      // As the hooks do, whose verbs are Slurm's alone.
      const script = `. '${join(paths.hooks, 'spool.sh')}'; spool_request "$1" "$2"`;
      await run('/bin/sh', ['-c', script, 'sh', verb, argument], {
        env: { MUSTER_STATE_DIR: paths.musterState },
      });
    },
    async logLines() {
      if (daemon !== null && !isAlive(daemon)) {
        const said = outputOf(slurm, 'muster').trimEnd().split('\n').slice(-15).join('\n');
        throw new Error(`the muster daemon has ended by itself. The end of what it said:\n${said}`);
      }
      return linesOf(join(paths.musterLog, 'slurm_resume.log'));
    },
    consoles: () => linesOf(join(paths.musterLog, 'compute_console_output.log')),
  };
}

async function linesOf(path: string): Promise<readonly string[]> {
  const text = existsSync(path) ? await readFile(path, 'utf8') : '';
  return text.split('\n').filter((line) => line !== '');
}

function outputOf(slurm: RealSlurm, role: string): string {
  return readFileSync(join(slurm.paths.output, `${role}.log`), { encoding: 'utf8', flag: 'a+' });
}

/** Waits for a line of a process's output that says it is ready; rejects with its output when it ends before. */
async function firstLine(
  slurm: RealSlurm,
  role: string,
  mark: ProcessMark,
  offset: number,
  wanted: (line: string) => boolean,
): Promise<string> {
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    const alive = isAlive(mark);
    const lines = outputOf(slurm, role).slice(offset).split('\n');
    // The last piece may be half a line.
    const line = lines.slice(0, -1).find(wanted);
    if (line !== undefined) return line;
    if (!alive || performance.now() > deadline) {
      const what = alive
        ? `is not ready after ${START_LIMIT_MS / 1000} s`
        : 'ended while it was starting';
      throw new Error(
        `muster's ${role} process ${what}. It said:\n${lines.slice(-20).join('\n').trim()}`,
      );
    }
    await sleep(50);
  }
}
