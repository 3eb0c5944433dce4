/** What is left of a request that a daemon has taken, and who has not done it yet: Slurm or EC2, and in which words. */
import type { Decision } from '../core/decisions.ts';
import type { OutstandingEffect, State } from '../core/state.ts';
import { counted } from './counted.ts';

/** Effects that something is left of while they are outstanding. */
type Left = readonly OutstandingEffect[];

/** `requestId` null: of a stop of the fleet, for which all that ends is its; gangs end by names of their own. */
export function leftOf({ outstanding }: State, requestId: string | null): Left {
  return [...outstanding.values()].filter(
    ({ effect }) => requestId === null || effect.id.startsWith(`${requestId}/`),
  );
}

/** Until the fleet is what it was last told to be: all that ends, or partitions that are to go up. */
export function leftOfFleet(state: State): Left {
  const left = leftOf(state, null);
  if (state.fleet.status === 'stopped') return left;
  return left.filter(({ effect }) => effect.kind === 'SetPartitions' && effect.by === 'fleet');
}

/** All zero: nothing is left. */
export interface Pending {
  readonly instances: number;
  readonly nodes: number;
  readonly partitions: number;
}

export function pendingOf(left: Left): Pending {
  const pending = { instances: 0, nodes: 0, partitions: 0 };
  for (const { effect } of left) {
    switch (effect.kind) {
      case 'TerminateInstances':
        pending.instances += effect.instanceIds.length;
        break;
      case 'GiveBackNodes':
        pending.nodes += effect.nodes.length;
        break;
      case 'SetPartitions':
        pending.partitions += effect.partitions.length;
        break;
      case 'ListPartitions':
        pending.partitions += 1;
        break;
      default:
    }
  }
  return pending;
}

export function isDone({ instances, nodes, partitions }: Pending): boolean {
  return instances + nodes + partitions === 0;
}

export function renderPending({ instances, nodes, partitions }: Pending): string {
  const parts = [
    ...(instances === 0 ? [] : [`${counted(instances, 'instance', 'instances')} to terminate`]),
    ...(nodes === 0 ? [] : [`${counted(nodes, 'node', 'nodes')} to power down`]),
    ...(partitions === 0 ? [] : ['partitions to set']),
  ];
  return `Left: ${parts.join(', ')}\n`;
}

/** Why some of it is not done yet. */
export interface Hindrance {
  readonly by: 'Slurm' | 'EC2';
  /** Times that it was asked in vain. */
  readonly tries: number;
  /** What it said; null: it said so before this was followed. */
  readonly message: string | null;
}

/** What was said of which effect, by its id: the state keeps no words. */
export function noteFailures(said: Map<string, string>, decisions: readonly Decision[]): void {
  for (const each of decisions) {
    if (each.kind === 'EffectDeferred' && each.why !== 'Restarted')
      said.set(each.effectId, each.why);
  }
}

/** At most one for each of the two. */
export function hindrancesOf(left: Left, said: ReadonlyMap<string, string>): Hindrance[] {
  const found = new Map<Hindrance['by'], Hindrance>();
  for (const { effect, tries } of left) {
    const by = whoDoes(effect.kind);
    if (by === null || tries === 0) continue;
    const before = found.get(by);
    found.set(by, {
      by,
      tries: Math.max(tries, before?.tries ?? 0),
      message: before?.message ?? said.get(effect.id) ?? null,
    });
  }
  return [...found.values()];
}

function whoDoes(kind: OutstandingEffect['effect']['kind']): Hindrance['by'] | null {
  switch (kind) {
    case 'TerminateInstances':
      return 'EC2';
    case 'GiveBackNodes':
    case 'SetPartitions':
    case 'ListPartitions':
      return 'Slurm';
    default:
      return null;
  }
}

export function renderHindrance({ by, tries, message }: Hindrance): string {
  const why = message === null ? '' : `: ${message}`;
  return `${by} has not done it after ${counted(tries, 'try', 'tries')}${why}; it is asked again.\n`;
}
