/**
 * The lab's slurm.conf, as text. Pure. The values that differ from a production cluster are there so that one machine
 * can hold the whole cluster (a port for every node, no cgroups) and so that nobody waits (short time-outs).
 */
import type { LabQueue } from './world.ts';

export interface SlurmConfOptions {
  readonly clusterName: string;
  /** The short host name of this machine: slurmctld refuses to start under any other. */
  readonly host: string;
  readonly slurmUser: string;
  readonly slurmdUser: string;
  readonly controllerPort: number;
  readonly firstNodePort: number;
  readonly mungeSocket: string;
  readonly slurmDir: string;
  readonly nodesDir: string;
  readonly scriptsDir: string;
  readonly suspendTimeSeconds: number;
  readonly queues: readonly LabQueue[];
}

/** SuspendTimeout of the lab: how long a node given back stays `idle%` before it is usable again. */
export const SUSPEND_TIMEOUT_SECONDS = 3;

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
    'CommunicationParameters=NoAddrCache',
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
    'SlurmctldTimeout=300',
    'SlurmdTimeout=300',
    // Ended jobs stay readable for the scenario's counts.
    'MinJobAge=3600',
    `ResumeProgram=${options.scriptsDir}/resume`,
    `SuspendProgram=${options.scriptsDir}/suspend`,
    `ResumeFailProgram=${options.scriptsDir}/resume-fail`,
    'ResumeRate=0',
    'SuspendRate=0',
    'ResumeTimeout=120',
    `SuspendTimeout=${SUSPEND_TIMEOUT_SECONDS}`,
    `SuspendTime=${options.suspendTimeSeconds}`,
    ...renderNodes(options.queues, options.firstNodePort),
  ];
  return `${lines.join('\n')}\n`;
}

/** Node and partition lines; every node has a port of its own, counted up from `firstPort`. */
export function renderNodes(queues: readonly LabQueue[], firstPort: number): readonly string[] {
  const lines: string[] = [];
  let port = firstPort;
  for (const queue of queues) {
    const names: string[] = [];
    for (const resource of queue.computeResources) {
      const name = `${queue.name}-dy-${resource.name}-[1-${resource.count}]`;
      const ports = `[${port}-${port + resource.count - 1}]`;
      lines.push(`NodeName=${name} Port=${ports} CPUs=4 State=CLOUD`);
      names.push(name);
      port += resource.count;
    }
    const marks = queue.isDefault ? ' Default=YES' : '';
    lines.push(
      `PartitionName=${queue.name} Nodes=${names.join(',')}${marks} MaxTime=INFINITE State=UP OverSubscribe=YES`,
    );
  }
  return lines;
}

export function nodeCount(queues: readonly LabQueue[]): number {
  return queues
    .flatMap((queue) => queue.computeResources)
    .reduce((sum, resource) => sum + resource.count, 0);
}
