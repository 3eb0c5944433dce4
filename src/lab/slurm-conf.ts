/**
 * The lab's slurm.conf and cgroup.conf, as text, and all that differs in them between Slurm's versions. Pure. The values
 * that differ from a production cluster are there so that one machine can hold the whole cluster (a port for every node,
 * no cgroups) and so that nobody waits (short time-outs).
 */

export interface SlurmConfOptions {
  /** Of the Slurm that reads it, such as `24.11.5`. */
  readonly version: string;
  readonly clusterName: string;
  /** The short host name of this machine: slurmctld refuses to start under any other. */
  readonly host: string;
  readonly slurmUser: string;
  readonly slurmdUser: string;
  readonly controllerPort: number;
  readonly mungeSocket: string;
  readonly slurmDir: string;
  readonly nodesDir: string;
  readonly scriptsDir: string;
  readonly suspendTimeSeconds: number;
  /** Nodes a minute; 0: no limit. */
  readonly resumeRate: number;
  readonly resumeTimeoutSeconds: number;
  /** What muster writes for this fleet (`renderSlurmNodes`), with a port for every node. */
  readonly slurmPart: string;
}

/** SuspendTimeout of the lab: how long a node given back stays `idle%` before it is usable again. */
export const SUSPEND_TIMEOUT_SECONDS = 3;

/** ResumeTimeout of the lab, unless a scenario wants another. */
export const RESUME_TIMEOUT_SECONDS = 300;

/** Longest wait of a requeued job (reason BeginTime): cred_expire + 1 s. */
export const CRED_EXPIRE_SECONDS = 15;

export function renderSlurmConf(options: SlurmConfOptions): string {
  const { slurmDir, nodesDir } = options;
  const lines = [
    '# Written by "muster lab"; gone with "muster lab down".',
    `ClusterName=${options.clusterName}`,
    `SlurmctldHost=${options.host}(127.0.0.1)`,
    `SlurmctldPort=${options.controllerPort}`,
    `SlurmUser=${options.slurmUser}`,
    `SlurmdUser=${options.slurmdUser}`,
    'AuthType=auth/munge',
    'CredType=cred/munge',
    // A requeued job waits for cred_expire + 1 s; the default of 120 s would have everybody sit.
    `AuthInfo=socket=${options.mungeSocket},cred_expire=${CRED_EXPIRE_SECONDS}`,
    `StateSaveLocation=${slurmDir}/state`,
    `SlurmctldPidFile=${slurmDir}/slurmctld.pid`,
    `SlurmctldLogFile=${slurmDir}/slurmctld.log`,
    'SlurmctldDebug=info',
    'DebugFlags=power',
    `SlurmdSpoolDir=${nodesDir}/%n`,
    `SlurmdPidFile=${nodesDir}/%n/slurmd.pid`,
    `SlurmdLogFile=${nodesDir}/%n/slurmd.log`,
    'SlurmdDebug=info',
    'SlurmdParameters=config_overrides',
    'SlurmctldParameters=idle_on_node_suspend,power_save_min_interval=0',
    // Nodes get new addresses. From 23.11 on Slurm keeps no old ones and each command warns of the word.
    ...(atLeast(options.version, 23, 11) ? [] : ['CommunicationParameters=NoAddrCache']),
    'PrivateData=cloud',
    'ProctrackType=proctrack/linuxproc',
    'TaskPlugin=task/none',
    'JobAcctGatherType=jobacct_gather/none',
    'SwitchType=switch/none',
    'MpiDefault=none',
    'PropagateResourceLimits=NONE',
    'MailProg=/bin/true',
    'TreeWidth=65533',
    'ReturnToService=1',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_CPU',
    'SchedulerType=sched/backfill',
    'SchedulerParameters=sched_interval=2,sched_min_interval=100000,bf_interval=2,batch_sched_delay=0,max_rpc_cnt=0',
    'PriorityType=priority/basic',
    'KillWait=2',
    // slurmd runs it before it registers for the first time; by itself slurmctld asks for it twice a day.
    `HealthCheckProgram=${options.scriptsDir}/settle`,
    'HealthCheckInterval=65535',
    'SlurmctldTimeout=300',
    'SlurmdTimeout=300',
    // Ended jobs stay readable for the scenario's counts.
    'MinJobAge=3600',
    `ResumeProgram=${options.scriptsDir}/resume`,
    `SuspendProgram=${options.scriptsDir}/suspend`,
    `ResumeFailProgram=${options.scriptsDir}/resume-fail`,
    `ResumeRate=${options.resumeRate}`,
    'SuspendRate=0',
    `ResumeTimeout=${options.resumeTimeoutSeconds}`,
    `SuspendTimeout=${SUSPEND_TIMEOUT_SECONDS}`,
    `SuspendTime=${options.suspendTimeSeconds}`,
    ...nodeLines(options.slurmPart),
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * Whether a node that is powered down has its own name for an address again. Then the names must resolve (slurm-root.ts): for each
 * that does not, slurmctld tries for ten seconds when it must tell the node that its job was requeued.
 */
export function resetsAddresses(version: string): boolean {
  return atLeast(version, 23, 11);
}

/** The cgroup.conf that must stand beside slurm.conf; null where this version needs none. */
export function renderCgroupConf(version: string): string | null {
  // Slurmds that know it refuse to start where cgroup v2 is not mounted, unless told so; the lab needs no cgroups.
  return atLeast(version, 23, 11) ? 'CgroupPlugin=disabled\n' : null;
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
}

/**
 * The lines of muster's own slurm.conf part that describe nodes and partitions, and which of them stay up; the rest of its
 * power saving is production's.
 *
 * Nodes that were never up get an address that resolves. Without one, slurmctld stalls for ten seconds for each node that it
 * must tell something, such as that its job was requeued (getaddrinfo, tried ten times), and answers nobody meanwhile. Where it does not last (`resetsAddresses`), the names themselves resolve.
 */
function nodeLines(slurmPart: string): readonly string[] {
  return slurmPart
    .split('\n')
    .filter((line) => /^(NodeName|NodeSet|PartitionName|SuspendExcNodes)=/.test(line))
    .map((line) => (line.startsWith('NodeName=') ? `${line} NodeAddr=127.0.0.1` : line));
}
