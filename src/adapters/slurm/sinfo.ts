/**
 * Nodes, read with `sinfo`, which prints all flags of a node's state in one word and skips names that it does not know
 * (`scontrol show nodes` prints free text between its fields). It shows nodes that are in a partition, and powered-down
 * ones only where slurm.conf has `PrivateData=cloud`.
 */
import { foldHostlist } from '../../core/hostlist.ts';
import { SchedulerError, type SchedulerNode } from '../../ports/scheduler.ts';
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
  const outcome = await run(
    ['--noheader', '--all', '--Node', `--nodes=${list}`, '--Format=NodeList: ,StateComplete:'],
    'list nodes',
  );
  if (outcome.kind === 'failed') throw outcome.error;
  const nodes = new Map<string, SchedulerNode>();
  // A node has a line for each of its partitions.
  for (const line of outcome.stdout.split('\n').filter((each) => each.trim() !== '')) {
    const [node, state, ...more] = line.trim().split(/\s+/);
    if (node === undefined || state === undefined || more.length > 0) {
      const message = `sinfo printed what cannot be read: "${line.slice(0, 200)}"`;
      throw new SchedulerError(message, { transient: false });
    }
    nodes.set(node, { node, ...stateOf(state) });
  }
  return [...nodes.values()];
}

/** `state` is the base state and the flags, such as `down+cloud+power_down+not_responding`. Exported for its tests. */
export function stateOf(state: string): Omit<SchedulerNode, 'node'> {
  const [base, ...flags] = state.toLowerCase().split('+');
  const isDrained = flags.includes('drain');
  return { power: powerOf(new Set(flags)), isDown: base === 'down', isDrained };
}

/** In the order in which sinfo chooses its one suffix: a node that powers up keeps a wish to power it down for later. */
function powerOf(flags: ReadonlySet<string>): SchedulerNode['power'] {
  if (flags.has('powering_up') || flags.has('power_up')) return 'powering-up';
  if (flags.has('powering_down')) return 'powering-down';
  if (flags.has('power_down')) return 'down-wanted';
  return flags.has('powered_down') ? 'saved' : 'up';
}
