/**
 * Slurm through its own commands: `scontrol` for what changes it, one process at a time and merged (update-lane.ts);
 * `squeue`, `sinfo` and `scontrol show` for what it tells, which run beside. Argument arrays, never a shell.
 */
import { foldHostlist } from '../../core/hostlist.ts';
import type { DurationMs } from '../../core/units.ts';
import { SchedulerError, type NodeAddress, type Scheduler } from '../../ports/scheduler.ts';
import { programBeside } from './find-scontrol.ts';
import { runCommand, type RunOptions, type RunOutcome } from './run.ts';
import { readConfigText } from './show-config.ts';
import { readFleet, readNodes, readPartitions } from './sinfo.ts';
import { createJobReader } from './squeue.ts';
import { createJobUpdater } from './update-jobs.ts';
import { createUpdateLane } from './update-lane.ts';

const defaultTimeoutMs = 60_000;

/**
 * What scontrol takes for one node. `ALL` is every node of the cluster to it, and braces call functions that name many
 * (nodespec_to_hostlist in slurmctld): a misprint must not take down what nobody named.
 */
function isOneNode(name: string): boolean {
  return /^[A-Za-z0-9._-]+$/.test(name) && name.toUpperCase() !== 'ALL';
}

export interface ScontrolOptions {
  /** Absolute path, or a name to be found in PATH; squeue and sinfo are looked for beside it. */
  readonly scontrol: string;
  /** SLURM_CONF for the commands; null leaves it to Slurm's default. */
  readonly slurmConf: string | null;
  /** How long one process may take; default 60 s. */
  readonly timeoutMs?: number;
  /** Told of every process started, by its arguments and its name (`scontrol`, `squeue`, `sinfo`): for counting. */
  readonly started?: (args: readonly string[], program: string) => void;
}

export function createScontrol(options: ScontrolOptions): Scheduler {
  const runOptions: RunOptions = {
    slurmConf: options.slurmConf,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    started: options.started ?? (() => undefined),
  };
  const runner = (program: string, path: string) => (args: readonly string[], what: string) =>
    runCommand(runOptions, { path, program, args, what });
  const scontrol = runner('scontrol', options.scontrol);
  const sinfo = runner('sinfo', programBeside(options.scontrol, 'sinfo'));
  const jobs = createJobReader(runner('squeue', programBeside(options.scontrol, 'squeue')));
  const update = async (args: readonly string[], what: string): Promise<SchedulerError | null> => {
    const outcome = await scontrol(args, what);
    return outcome.kind === 'done' ? null : outcome.error;
  };
  const lane = createUpdateLane(update, createJobUpdater(jobs, scontrol));

  async function updateNodes(
    merge: string,
    what: string,
    items: readonly NodeAddress[],
    argsOf: (items: readonly NodeAddress[]) => readonly string[],
    waitsMs: DurationMs = Infinity,
  ): Promise<void> {
    checkNames(items, what);
    await lane.enqueue({ kind: 'nodes', merge, what, items, argsOf, waitsMs });
  }

  return {
    readConfig: async () =>
      readConfigText(told(await scontrol(['show', 'config'], 'show the configuration'))),
    listJobs: jobs.listJobs,
    listAllocatedJobs: jobs.listAllocatedJobs,
    async listNodes(nodes) {
      checkNames(asItems(nodes), 'list nodes');
      return readNodes(sinfo, [...new Set(nodes)]);
    },
    listFleet: () => readFleet(sinfo),
    listPartitions: () => readPartitions(sinfo),
    async setPartitions(names, isUp) {
      await Promise.all(names.map((name) => lane.enqueue({ kind: 'partition', name, isUp })));
    },
    updateJob: (jobId, change) => lane.enqueue({ kind: 'job', jobId, change }),
    releaseJob: (jobId) => lane.enqueue({ kind: 'job', jobId, change: { hold: 'none' } }),
    drainNodes: (nodes, reason, waitsMs) =>
      updateNodes(
        `drain ${reason}`,
        'drain nodes',
        asItems(nodes),
        (items) => [...updateOf(items), 'state=drain', `reason=${reason}`],
        waitsMs,
      ),
    resumeNodes: (nodes) =>
      updateNodes('resume', 'resume nodes', asItems(nodes), (items) => [
        ...updateOf(items),
        'state=resume',
      ]),
    undrainNodes: (nodes) =>
      updateNodes('undrain', 'undrain nodes', asItems(nodes), (items) => [
        ...updateOf(items),
        'state=undrain',
      ]),
    assignNodes: (items) => updateNodes('assign', 'set node addresses', items, assignArgs),
    downNodes: (nodes, reason, waitsMs) =>
      updateNodes(
        `down ${reason}`,
        'set nodes down',
        asItems(nodes),
        (items) => [...updateOf(items), 'state=down', `reason=${reason}`],
        waitsMs,
      ),
    powerDownNodes: (nodes, waitsMs) =>
      updateNodes(
        'power-down',
        'power nodes down',
        asItems(nodes),
        (items) => [...updateOf(items), 'state=power_down_force'],
        waitsMs,
      ),
    powerUpNodes: (nodes) =>
      updateNodes('power-up', 'power nodes up', asItems(nodes), (items) => [
        ...updateOf(items),
        'state=power_up',
      ]),
  };
}

function told(outcome: RunOutcome): string {
  if (outcome.kind === 'failed') throw outcome.error;
  return outcome.stdout;
}

function checkNames(items: readonly NodeAddress[], what: string): void {
  const many = items.find(({ node }) => !isOneNode(node));
  if (many === undefined) return;
  const why = `"${many.node}" is not the name of one node to scontrol`;
  throw new SchedulerError(`scontrol was not asked to ${what}: ${why}`, { transient: false });
}

function asItems(nodes: readonly string[]): NodeAddress[] {
  return nodes.map((node) => ({ node, address: '', hostname: '' }));
}

function updateOf(items: readonly NodeAddress[]): string[] {
  return ['update', `nodename=${foldHostlist(items.map((item) => item.node))}`];
}

/**
 * Slurm reads all three as hostlists and pairs them in order; folding keeps the order. Some versions sort the names
 * first, and the addresses not: sent in that order, they are paired right by both.
 */
function assignArgs(unsorted: readonly NodeAddress[]): string[] {
  const items = sortedAsSlurmDoes(unsorted);
  return [
    ...updateOf(items),
    `nodeaddr=${foldHostlist(items.map((item) => item.address))}`,
    `nodehostname=${foldHostlist(items.map((item) => item.hostname))}`,
  ];
}

/** By what stands before the number at the end, then by that number. */
function sortedAsSlurmDoes(items: readonly NodeAddress[]): NodeAddress[] {
  const keyed = items.map((item) => {
    const head = item.node.replace(/\d+$/, '');
    return { item, head, number: Number(item.node.slice(head.length)) };
  });
  keyed.sort((a, b) => (a.head === b.head ? a.number - b.number : a.head < b.head ? -1 : 1));
  return keyed.map(({ item }) => item);
}
