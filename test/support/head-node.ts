/**
 * A head node in this process: the production controller with its real ledger, spool and registry in a temporary
 * folder, EC2 through the real SDK over HTTP to the simulator. Only Slurm is a recorder: what it was told is kept, and it
 * can be made to refuse names.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLedgerWriter, type WritableLedger } from '../../src/adapters/ledger/sqlite.ts';
import { openSpool, type FileSpool } from '../../src/adapters/spool/files.ts';
import { composeController } from '../../src/bin/compose.ts';
import type { Config } from '../../src/config/config.ts';
import type { Controller } from '../../src/controller/controller.ts';
import type { Decision } from '../../src/core/decisions.ts';
import { parseHostlistElements } from '../../src/core/hostlist.ts';
import { parseResumeFile } from '../../src/core/resume-file.ts';
import { nodeUp } from '../../src/core/testing/node-state.ts';
import { defaultSettings, type ComputeResource, type Settings } from '../../src/core/settings.ts';
import { startEc2Sim, type Ec2Sim } from '../../src/ec2sim/server.ts';
import {
  SchedulerError,
  type JobChange,
  type NodeAddress,
  type Scheduler,
  type SchedulerJob,
  type SchedulerNode,
} from '../../src/ports/scheduler.ts';

export interface Verdict {
  readonly given: readonly string[];
  readonly failed: readonly string[];
}

export interface HeadNode {
  readonly sim: Ec2Sim;
  readonly slurm: Recorder;
  readonly logLines: readonly string[];
  readonly stateDir: string;
  /** Spools a request as the hook does; resolves to its id. */
  spool(
    hostlist: string,
    resumeFile: unknown,
    verb?: 'resume' | 'suspend' | 'resume-fail',
  ): Promise<string>;
  verdict(requestId: string): Promise<Verdict>;
  /** Both in one. */
  resume(hostlist: string, resumeFile: unknown): Promise<Verdict>;
  /** Instances that are not terminated or about to be. */
  alive(): number;
  /** What the registry says, instance id to node. */
  registry(): Map<string, string>;
  /** Ends the controller as a crash would, without waiting for anything, and starts another on the same ledger. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

export interface Recorder extends Scheduler {
  readonly assigned: Map<string, NodeAddress>;
  /** Node to reason. */
  readonly down: Map<string, string>;
  readonly poweredDown: Set<string>;
  /** Names that it refuses, as slurmctld refuses what it does not know. */
  readonly unknown: Set<string>;
  /** Node to reason, of those that are drained. */
  readonly drained: Map<string, string>;
  /** What it tells of jobs, by id; a test puts them there. */
  readonly jobs: Map<number, SchedulerJob>;
  readonly updates: { readonly jobId: number; readonly change: JobChange }[];
}

function createRecorder(): Recorder {
  const unknown = new Set<string>();
  const assigned = new Map<string, NodeAddress>();
  const down = new Map<string, string>();
  const poweredDown = new Set<string>();
  const drained = new Map<string, string>();
  const jobs = new Map<number, SchedulerJob>();
  const updates: Recorder['updates'] = [];
  const check = (nodes: readonly string[]): Promise<void> =>
    nodes.some((node) => unknown.has(node))
      ? Promise.reject(new SchedulerError('Invalid node name specified', { transient: false }))
      : Promise.resolve();
  return {
    unknown,
    assigned,
    down,
    poweredDown,
    drained,
    jobs,
    updates,
    async readConfig() {
      return {
        version: '22.05.8',
        resumeTimeoutMs: 600_000,
        suspendTimeoutMs: 60_000,
        resumeRate: 0,
      };
    },
    async listJobs(jobIds) {
      const isWanted = (id: number | null): boolean => id !== null && jobIds.includes(id);
      return [...jobs.values()].filter((job) => isWanted(job.jobId) || isWanted(job.hetJobId));
    },
    async listAllocatedJobs() {
      return [...jobs.values()].filter(({ nodes }) => nodes.length > 0);
    },
    async listNodes(nodes) {
      return nodes.flatMap((node): SchedulerNode[] => {
        if (unknown.has(node)) return [];
        const power = poweredDown.has(node) ? 'saved' : assigned.has(node) ? 'up' : 'powering-up';
        const [isDown, isDrained] = [down.has(node), drained.has(node)];
        const reason = down.get(node) ?? drained.get(node) ?? '';
        return [{ ...nodeUp, node, reason, power, isDown, isDrained }];
      });
    },
    async listFleet() {
      return [];
    },
    async listPartitions() {
      return [];
    },
    async setPartitions() {
      // Nothing here looks at partitions.
    },
    async releaseJob() {
      // Nor at held jobs.
    },
    async updateJob(jobId, change) {
      updates.push({ jobId, change });
    },
    async drainNodes(nodes, reason) {
      await check(nodes);
      for (const node of nodes) drained.set(node, reason);
    },
    async resumeNodes(nodes) {
      await check(nodes);
    },
    async undrainNodes(nodes) {
      await check(nodes);
      for (const node of nodes) drained.delete(node);
    },
    async assignNodes(addresses) {
      await check(addresses.map(({ node }) => node));
      for (const address of addresses) assigned.set(address.node, address);
    },
    async downNodes(nodes, reason) {
      await check(nodes);
      for (const node of nodes) down.set(node, reason);
    },
    async powerDownNodes(nodes) {
      await check(nodes);
      for (const node of nodes) poweredDown.add(node);
    },
    async powerUpNodes(nodes) {
      await check(nodes);
      for (const node of nodes) poweredDown.delete(node);
    },
  };
}

/** A compute resource launched by instance type into the one subnet. */
export function resource(name: string, instanceType: string, maxCount: number): ComputeResource {
  return {
    name,
    minCount: 0,
    maxCount,
    instanceTypes: [instanceType],
    launch: {
      kind: 'instance-type',
      instanceType,
      imageId: 'ami-0123456789abcdef0',
      subnetId: 'subnet-12345678',
      placementGroup: null,
      efa: false,
    },
  };
}

export async function openHeadNode(settings: Partial<Settings>): Promise<HeadNode> {
  const dir = mkdtempSync(join(tmpdir(), 'muster-e2e-'));
  const sim = await startEc2Sim({
    region: 'us-east-2',
    throttle: false,
    subnets: [{ subnetId: 'subnet-12345678', availabilityZone: 'us-east-2b', cidr: '10.0.0.0/16' }],
    times: { consistencyMs: 0, addressDelayMs: 0 },
  });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: sim.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const config: Config = {
    settings: { ...defaultSettings, clusterName: 'test', region: 'us-east-2', ...settings },
    stateDir: join(dir, 'state'),
    runDir: join(dir, 'run'),
    logDir: join(dir, 'log'),
    scontrolPath: null,
    slurmConf: null,
    fleet: null,
    sources: { musterConfig: null, resumeConfig: null, clusterConfig: null },
  };
  const logLines: string[] = [];
  const log = {
    write: ({ level, message }: { level: string; message: string }) =>
      void logLines.push(`${level} ${message}`),
  };
  const slurm = createRecorder();
  const spool = await openSpool({ stateDir: config.stateDir, log });
  const verdicts = new Map<string, Verdict>();
  let life = await startLife();

  async function startLife(): Promise<{ controller: Controller; ledger: WritableLedger }> {
    const writer = openLedgerWriter(config.stateDir);
    if (writer.kind === 'locked') throw new Error(writer.message);
    const controller = await composeController(
      { config, ledger: writer.ledger, log, scheduler: slurm },
      { onTurn: ({ decisions }) => keepVerdicts(verdicts, decisions) },
    );
    await controller.start(config.settings);
    return { controller, ledger: writer.ledger };
  }

  const headNode: HeadNode = {
    sim,
    slurm,
    logLines,
    stateDir: config.stateDir,
    spool(hostlist, resumeFile, verb = 'resume') {
      for (const job of jobsOf(resumeFile)) slurm.jobs.set(job.jobId, job);
      return spoolRequest(spool, verb, hostlist, resumeFile);
    },
    async verdict(requestId) {
      for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(10)) {
        const verdict = verdicts.get(requestId);
        if (verdict !== undefined) return verdict;
      }
      throw new Error(`no verdict for ${requestId}; the log:\n${logLines.slice(-20).join('\n')}`);
    },
    async resume(hostlist, resumeFile) {
      return headNode.verdict(await headNode.spool(hostlist, resumeFile));
    },
    alive: () => sim.model.stats().launched - sim.model.stats().terminated,
    registry() {
      const folder = join(config.stateDir, 'registry');
      const names = readdirSync(folder).filter((name) => name.startsWith('i-'));
      const lines = names.flatMap((name) =>
        readFileSync(join(folder, name), 'utf8').trim().split('\n'),
      );
      return new Map(lines.map((line) => line.split(' ') as [string, string]));
    },
    async crash() {
      life.ledger.close();
      // A closed ledger refuses every append: what the old controller still hears changes nothing any more.
      life = await startLife();
    },
    async close() {
      await life.controller.stop(5_000);
      life.ledger.close();
      await sim.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return headNode;
}

async function spoolRequest(
  spool: FileSpool,
  verb: 'resume' | 'suspend' | 'resume-fail',
  hostlist: string,
  resumeFile: unknown,
): Promise<string> {
  const id = randomUUID();
  const text =
    typeof resumeFile === 'string' || resumeFile === null ? resumeFile : JSON.stringify(resumeFile);
  await spool.write({ id, verb, hostlist, resumeFile: text });
  return id;
}

function keepVerdicts(verdicts: Map<string, Verdict>, decisions: readonly Decision[]): void {
  for (const decision of decisions) {
    if (decision.kind === 'RequestSettled') verdicts.set(decision.requestId, decision);
  }
}

/** Resolves when the condition holds; rejects after five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 5_000; !condition(); await sleep(10)) {
    if (Date.now() > deadline) throw new Error('the condition did not come true within 5 s');
  }
}

/** The jobs of a resume file as Slurm tells of them: they wait for their nodes. */
function jobsOf(resumeFile: unknown): SchedulerJob[] {
  const file = parseResumeFile(JSON.stringify(resumeFile));
  if (file.kind === 'unreadable') return [];
  return file.jobs.map(({ jobId, nodesResume, priority }) => ({
    jobId,
    hetJobId: null,
    state: 'CONFIGURING',
    reason: 'None',
    partition: 'queue1',
    nodes: parseHostlistElements(nodesResume).nodes,
    priority,
    restarts: 0,
    comment: '',
    adminComment: '',
    extra: '',
  }));
}
