/**
 * Nodes and partitions, read with `sinfo`, which prints all flags of a node's state in one word, folds the nodes that have
 * the same state and reason into one line, and skips names that it does not know (`scontrol show nodes` prints free text
 * between its fields, and a paragraph a node). It shows nodes that are in a partition, each once, and powered-down ones only
 * where slurm.conf has `PrivateData=cloud`.
 */
import { foldHostlist } from '../../core/hostlist.ts';
import type { NodePower, NodeState } from '../../core/node-state.ts';
import type { SchedulerNode, SchedulerPartition } from '../../ports/scheduler.ts';
import { drawEnd, formatOf, nodesOf, readRows } from './rows.ts';
import { listBytesMax, type RunOutcome } from './run.ts';

type RunSinfo = (args: readonly string[], what: string) => Promise<RunOutcome>;

/** Those of the nodes that sinfo shows. Rejects with SchedulerError. */
export async function readNodes(
  run: RunSinfo,
  names: readonly string[],
): Promise<readonly SchedulerNode[]> {
  if (names.length === 0) return [];
  const list = foldHostlist(names);
  if (names.length > 1 && list.length > listBytesMax) {
    const middle = names.length >> 1;
    const first = await readNodes(run, names.slice(0, middle));
    return [...first, ...(await readNodes(run, names.slice(middle)))];
  }
  return nodesOfGroups(await readGroups(run, [`--nodes=${list}`], 'list nodes'));
}

/**
 * Every cloud node: others are not muster's to judge. A fleet of 10,000 nodes in a dozen different states is a dozen lines,
 * and 0.07 s of sinfo. Rejects with SchedulerError.
 */
export async function readFleet(run: RunSinfo): Promise<readonly SchedulerNode[]> {
  const groups = await readGroups(run, [], 'list the fleet');
  return nodesOfGroups(groups.filter(({ flags }) => flags.has('cloud')));
}

/** Rejects with SchedulerError. */
export async function readPartitions(run: RunSinfo): Promise<readonly SchedulerPartition[]> {
  const fields = ['PartitionName', 'Available', 'NodeList'] as const;
  const partitions = new Map<string, SchedulerPartition>();
  for (const row of await ask(run, [], fields, 'list partitions')) {
    const { PartitionName: name, Available: available } = row;
    const before = partitions.get(name)?.nodes ?? [];
    const nodes = [...before, ...nodesOf('sinfo', row.NodeList)];
    partitions.set(name, { name, isUp: available === 'up', nodes });
  }
  return [...partitions.values()];
}

/** Nodes of which Slurm says the same. */
interface NodeGroup {
  readonly nodes: readonly string[];
  readonly base: string;
  readonly flags: ReadonlySet<string>;
  readonly reason: string;
}

async function readGroups(
  run: RunSinfo,
  filter: readonly string[],
  what: string,
): Promise<readonly NodeGroup[]> {
  const fields = ['NodeList', 'StateComplete', 'Reason'] as const;
  const rows = await ask(run, filter, fields, what);
  return rows.map((row) => ({
    nodes: nodesOf('sinfo', row.NodeList),
    ...wordsOf(row.StateComplete),
    reason: row.Reason === 'none' ? '' : row.Reason,
  }));
}

async function ask<F extends string>(
  run: RunSinfo,
  filter: readonly string[],
  fields: readonly F[],
  what: string,
): Promise<Record<F, string>[]> {
  const end = drawEnd();
  const outcome = await run(['--noheader', '--all', ...filter, formatOf(fields, end)], what);
  if (outcome.kind === 'failed') throw outcome.error;
  return readRows('sinfo', outcome.stdout, fields, end);
}

/** Each node once. */
function nodesOfGroups(groups: readonly NodeGroup[]): SchedulerNode[] {
  const found = new Map<string, SchedulerNode>();
  for (const { nodes, base, flags, reason } of groups) {
    const state = nodeState(base, flags);
    for (const node of nodes) found.set(node, { node, ...state, reason });
  }
  return [...found.values()];
}

/** `state` is the base state and the flags, such as `down+cloud+power_down+not_responding`. Exported for its tests. */
export function stateOf(state: string): NodeState {
  const { base, flags } = wordsOf(state);
  return nodeState(base, flags);
}

function wordsOf(state: string): Pick<NodeGroup, 'base' | 'flags'> {
  const [base = '', ...flags] = state.toLowerCase().split('+');
  return { base, flags: new Set(flags) };
}

function nodeState(base: string, flags: ReadonlySet<string>): NodeState {
  return {
    power: powerOf(flags),
    isDown: base === 'down',
    isDrained: flags.has('drain'),
    isFailing: flags.has('fail'),
    isResponding: !flags.has('not_responding'),
    isRebooting: flags.has('reboot_requested') || flags.has('reboot_issued'),
    isReserved: flags.has('reserved') || flags.has('maintenance'),
    isBusy: base === 'allocated' || base === 'mixed' || flags.has('completing'),
  };
}

/** In the order in which sinfo chooses its one suffix: a node that powers up keeps a wish to power it down for later. */
function powerOf(flags: ReadonlySet<string>): NodePower {
  if (flags.has('powering_up') || flags.has('power_up')) return 'powering-up';
  if (flags.has('powering_down')) return 'powering-down';
  if (flags.has('power_down')) return 'down-wanted';
  return flags.has('powered_down') ? 'saved' : 'up';
}
