/**
 * A real Slurm on this machine: munged and slurmctld of its own, under one directory, on ports that were free. The
 * programs are this machine's or those of another system in a folder (slurm-root.ts).
 * The nodes' slurmd are not started here: an instance's boot runs `bootScript`, and that starts one.
 *
 * Nothing outside the lab's directory is written, and no process is ended that this lab did not start.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { nodeName } from '../core/node-name.ts';
import { BadUsage } from './bad-usage.ts';
import { startDetached, waitUntilReady } from './daemons.ts';
import { endLab, removeLab } from './lab-dir.ts';
import type { LabPaths, LabState } from './lab-dir.ts';
import { claimPorts } from './port-claims.ts';
import { endProcesses, LAB_ID_VARIABLE } from './processes.ts';
import type { ProcessMark } from './processes.ts';
import { run } from './programs.ts';
import {
  HOOKS,
  SETTLE_SCRIPT,
  bootScript,
  hookWrapper,
  instanceProgram,
  instanceSlurmd,
} from './scripts.ts';
import { createSlurmClient } from './slurm-client.ts';
import {
  renderCgroupConf,
  renderSlurmConf,
  resetsAddresses,
  RESUME_TIMEOUT_SECONDS,
} from './slurm-conf.ts';
import { findSlurmPrograms } from './slurm-programs.ts';
import type { SlurmPrograms } from './slurm-programs.ts';
import type { LabSlurm, WorldSpec } from './world.ts';
import { enterSlurmRoot, programsIn } from './slurm-root.ts';
import { renderSlurmNodes } from '../config/slurm-conf.ts';
import type { Config, Fleet } from '../config/config.ts';

export interface SlurmOptions {
  readonly paths: LabPaths;
  readonly state: LabState;
  /** Muster's configuration: its fleet becomes the cluster's nodes. */
  readonly config: Config;
  readonly spec: Pick<
    WorldSpec,
    | 'suspendTimeSeconds'
    | 'resumeRate'
    | 'resumeTimeoutSeconds'
    | 'withoutSlurmd'
    | 'goneAfterSeconds'
  >;
  /** The folder with muster's hooks (resume, suspend, resume-fail and what they share). */
  readonly hooksDir: string;
  /** What an instance runs: node/muster-node. */
  readonly nodeProgram: string;
  /** The folder with the system whose Slurm is used; absent: this machine's own. */
  readonly slurmRoot?: string;
}

export interface RealSlurm extends LabSlurm {
  readonly kind: 'real';
  readonly labId: string;
  readonly paths: LabPaths;
  readonly slurmConfPath: string;
  /** The command that an instance runs when it boots. */
  readonly bootCommand: readonly string[];
  /** The environment for Slurm's commands and for every process of the lab. */
  readonly env: NodeJS.ProcessEnv;
  /** Starts a long-lived process of the lab, which `down` ends. Resolves to its mark. */
  startProcess(
    role: string,
    program: string,
    args: readonly string[],
    extraEnv?: NodeJS.ProcessEnv,
  ): ProcessMark;
  /** Ends every process of the lab, the nodes' slurmd too, and removes its directory unless `keepFiles`. */
  down(options?: { readonly keepFiles: boolean }): Promise<void>;
}

/**
 * Brings a cluster up in a claimed lab directory and resolves when slurmctld answers. Rejects, with the lab removed
 * again, when a daemon does not start: the error holds the last lines of its log.
 */
export async function bringUpSlurm(options: SlurmOptions): Promise<RealSlurm> {
  try {
    return await startDaemons(options);
  } catch (error: unknown) {
    await removeLab(options.paths);
    throw error;
  }
}

async function startDaemons(options: SlurmOptions): Promise<RealSlurm> {
  const { paths, state } = options;
  const env = labEnvironment(paths, state.labId);
  const slurmUser = chooseSlurmUser(options.slurmRoot ?? '/');
  makeFolders(paths, slurmUser);
  const startProcess: RealSlurm['startProcess'] = (role, program, args, extraEnv = {}) =>
    startDetached(paths, role, program, args, { ...env, ...extraEnv });
  const programs = await choosePrograms(options, env, startProcess);
  const version = await slurmVersion(programs.slurmctld, env);
  writeScripts(options, programs);
  writeFileSync(join(paths.munge, 'key'), randomBytes(128), { mode: 0o400 });
  const socket = join(paths.munge, 'socket');
  await writeSlurmConf(options, { version, slurmUser: slurmUser.name, socket });

  const munged = startProcess('munged', programs.munged, mungeArguments(paths, socket));
  await waitUntilReady({
    what: 'munged',
    mark: munged,
    limitMs: 30_000,
    ready: () => Promise.resolve(existsSync(socket)),
    logs: [join(paths.output, 'munged.log')],
  });
  const startController = async (): Promise<ProcessMark> => {
    const mark = startProcess('slurmctld', programs.slurmctld, ['-D', '-f', paths.slurmConf]);
    await waitUntilReady({
      what: 'slurmctld',
      mark,
      limitMs: 60_000,
      ready: () => answers(programs.scontrol, env),
      logs: [join(paths.slurm, 'slurmctld.log'), join(paths.output, 'slurmctld.log')],
    });
    return mark;
  };
  let slurmctld = await startController();
  return {
    ...createSlurmClient({ version, env, programs }),
    kind: 'real',
    labId: state.labId,
    paths,
    slurmConfPath: paths.slurmConf,
    bootCommand:
      options.spec.withoutSlurmd === true ? ['/bin/true'] : [join(paths.scripts, 'boot')],
    env,
    startProcess,
    stopController: () => endProcesses([slurmctld], 30_000),
    async startController() {
      slurmctld = await startController();
    },
    down: async ({ keepFiles } = { keepFiles: false }) => {
      await (keepFiles ? endLab(paths) : removeLab(paths));
    },
  };
}

/** Slurm's programs as the lab runs them: as they are, or in a mount namespace. */
async function choosePrograms(
  options: SlurmOptions,
  env: NodeJS.ProcessEnv,
  startProcess: RealSlurm['startProcess'],
): Promise<SlurmPrograms> {
  const { paths, slurmRoot } = options;
  const nodeNames = nodeNamesOf(fleetOf(options.config));
  if (slurmRoot !== undefined) {
    const inside = programsIn(slurmRoot);
    return enterSlurmRoot({ paths, dir: slurmRoot, inside, nodeNames, startProcess });
  }
  const own = findSlurmPrograms();
  const needsNames = resetsAddresses(await slurmVersion(own.slurmctld, env));
  if (!needsNames) return own;
  return enterSlurmRoot({ paths, dir: '/', inside: own, nodeNames, startProcess });
}

function fleetOf(config: Config): Fleet {
  if (config.fleet === null)
    throw new Error('the lab needs a cluster file: it describes the nodes');
  return config.fleet;
}

/** Static nodes first, as the cluster's slurm.conf numbers each kind from one. */
function nodeNamesOf(fleet: Fleet): readonly string[] {
  return fleet.queues.flatMap((queue) =>
    queue.computeResources.flatMap(({ name, minCount, maxCount }) =>
      Array.from({ length: maxCount }, (_, index) => {
        const isStatic = index < minCount;
        return nodeName({
          queue: queue.name,
          nodeType: isStatic ? 'static' : 'dynamic',
          computeResource: name,
          index: isStatic ? index + 1 : index - minCount + 1,
        });
      }),
    ),
  );
}

/** A clean environment: a caller's SLURM_*, SBATCH_* or SQUEUE_FORMAT would change what the commands do. */
function labEnvironment(paths: LabPaths, labId: string): NodeJS.ProcessEnv {
  const mine = process.env;
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: mine['HOME'] ?? '/',
    LANG: 'C.UTF-8',
    ...(mine['TZ'] === undefined ? {} : { TZ: mine['TZ'] }),
    SLURM_CONF: paths.slurmConf,
    [LAB_ID_VARIABLE]: labId,
  };
}

interface SlurmUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The user slurm of the system that Slurm runs in, as packages make it; where there is none, the caller: root. */
function chooseSlurmUser(systemRoot: string): SlurmUser {
  const me = userInfo();
  const self = { name: me.username, uid: me.uid, gid: me.gid };
  const line = readFileSync(join(systemRoot, 'etc/passwd'), 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('slurm:'));
  const [name, , uid, gid] = (line ?? '').split(':');
  if (name === undefined || uid === undefined || gid === undefined) return self;
  return { name, uid: Number(uid), gid: Number(gid) };
}

function makeFolders(paths: LabPaths, slurmUser: SlurmUser): void {
  const folder = (path: string, mode: number, owner: SlurmUser | null = null): void => {
    mkdirSync(path, { recursive: true });
    chmodSync(path, mode);
    if (owner !== null) chownSync(path, owner.uid, owner.gid);
  };
  folder(paths.scripts, 0o755);
  folder(paths.hooks, 0o755);
  folder(paths.instance, 0o755);
  folder(paths.config, 0o755);
  folder(paths.output, 0o755);
  // munged refuses a key or a socket in a folder that others may write to; clients must be able to enter.
  folder(paths.munge, 0o755);
  folder(paths.slurm, 0o755, slurmUser);
  folder(join(paths.slurm, 'state'), 0o700, slurmUser);
  folder(paths.nodes, 0o755);
  folder(join(paths.root, 'muster'), 0o755, slurmUser);
  // The hooks, which run as SlurmUser, spool into the state folder.
  folder(paths.musterState, 0o755, slurmUser);
  for (const part of ['spool', 'spool/new', 'spool/tmp']) {
    folder(join(paths.musterState, part), 0o770, slurmUser);
  }
  folder(paths.musterRun, 0o755, slurmUser);
  folder(paths.musterLog, 0o755, slurmUser);
}

/** muster-node's own default, in seconds. */
const GONE_AFTER_SECONDS = 600;

function writeScripts(
  { paths, state, hooksDir, nodeProgram, spec }: SlurmOptions,
  { slurmd, scontrol }: SlurmPrograms,
): void {
  const write = (path: string, text: string): void => {
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  };
  for (const name of readdirSync(hooksDir)) {
    copyFileSync(join(hooksDir, name), join(paths.hooks, name));
    chmodSync(join(paths.hooks, name), 0o755);
  }
  for (const hook of HOOKS) {
    write(join(paths.scripts, hook), hookWrapper(paths, state.labId, hook));
  }
  write(
    join(paths.scripts, 'boot'),
    bootScript(paths, spec.goneAfterSeconds ?? GONE_AFTER_SECONDS),
  );
  write(join(paths.scripts, 'settle'), SETTLE_SCRIPT);
  write(join(paths.instance, 'muster-node'), readFileSync(nodeProgram, 'utf8'));
  write(join(paths.instance, 'slurmd'), instanceSlurmd(paths, slurmd));
  write(join(paths.instance, 'scontrol'), instanceProgram(scontrol));
}

async function writeSlurmConf(
  options: SlurmOptions,
  slurm: { readonly version: string; readonly slurmUser: string; readonly socket: string },
): Promise<void> {
  const { paths, spec } = options;
  const fleet = fleetOf(options.config);
  const nodes = fleet.queues
    .flatMap((queue) => queue.computeResources)
    .reduce((sum, resource) => sum + resource.maxCount, 0);
  checkSocketPaths(paths, fleet);
  const hooks = {
    resume: join(paths.scripts, 'resume'),
    suspend: join(paths.scripts, 'suspend'),
    resumeFail: join(paths.scripts, 'resume-fail'),
  };
  const firstPort = await claimPorts(nodes + 1, {
    root: paths.root,
    labId: options.state.labId,
  });
  const text = renderSlurmConf({
    version: slurm.version,
    clusterName: 'muster-lab',
    host: hostname().split('.')[0] ?? 'localhost',
    slurmUser: slurm.slurmUser,
    slurmdUser: userInfo().username,
    controllerPort: firstPort,
    mungeSocket: slurm.socket,
    slurmDir: paths.slurm,
    nodesDir: paths.nodes,
    scriptsDir: paths.scripts,
    suspendTimeSeconds: spec.suspendTimeSeconds,
    resumeRate: spec.resumeRate ?? 0,
    resumeTimeoutSeconds: spec.resumeTimeoutSeconds ?? RESUME_TIMEOUT_SECONDS,
    slurmPart:
      renderSlurmNodes(options.config, { programs: hooks, cpus: 4, firstPort: firstPort + 1 }) ??
      '',
  });
  writeFileSync(paths.slurmConf, text, { mode: 0o644 });
  const cgroupConf = renderCgroupConf(slurm.version);
  if (cgroupConf !== null) {
    writeFileSync(join(paths.slurm, 'cgroup.conf'), cgroupConf, { mode: 0o644 });
  }
}

/** The kernel's bound on the path of a Unix socket, without the byte that ends it. */
const SOCKET_PATH_MAX = 107;

/**
 * A node's slurmd makes a socket SPOOL/NODE_JOB.STEP for each step, and SPOOL ends with the node's name. Where that is too
 * long, jobs would fail when they start; said here, before anything runs.
 */
function checkSocketPaths(paths: LabPaths, fleet: Fleet): void {
  const longest = Math.max(
    ...fleet.queues.flatMap((queue) =>
      queue.computeResources.map(
        (resource) => `${queue.name}-dy-${resource.name}-${resource.maxCount}`.length,
      ),
    ),
  );
  const spool = paths.nodes.length + 1 + longest;
  const over = spool + 1 + longest + '_1234.4294967291'.length - SOCKET_PATH_MAX;
  if (over > 0) {
    throw new BadUsage(
      `the lab directory's name is too long by ${over} characters for the sockets of ${longest}-character node names: ` +
        `${paths.root}. Name a shorter one with --lab-dir, such as /var/tmp/lab`,
    );
  }
}

function mungeArguments(paths: LabPaths, socket: string): readonly string[] {
  return [
    '--foreground',
    `--key-file=${join(paths.munge, 'key')}`,
    `--socket=${socket}`,
    `--pid-file=${join(paths.munge, 'pid')}`,
    `--seed-file=${join(paths.munge, 'seed')}`,
    '--num-threads=4',
  ];
}

async function answers(scontrol: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    return (await run(scontrol, ['ping'], { env, timeoutMs: 5_000 })).includes('is UP');
  } catch {
    return false;
  }
}

async function slurmVersion(slurmctld: string, env: NodeJS.ProcessEnv): Promise<string> {
  const text = await run(slurmctld, ['-V'], { env });
  const version = /([0-9]+\.[0-9]+\.[0-9]+)/.exec(text)?.[1];
  if (version === undefined) throw new Error(`${slurmctld} -V prints no version: "${text.trim()}"`);
  return version;
}
