/**
 * Finds what a turn holds about a gang, a job, a node or a request. Thousands of gangs may end in one turn, and each of them
 * asks: going through all decisions, effects or boots for each one would take seconds, in which the loop stands still.
 *
 * Whoever decides only pushes. What has come since the last question is read when there is another one, and what lies in the
 * state when there is a first one: a turn pays for what it asks.
 */
import type { Boot } from './boot.ts';
import type { Decision } from './decisions.ts';
import type { Effect, ReleaseNodes } from './effects.ts';
import type { Gang } from './gang.ts';
import type { OpenRequest, State } from './state.ts';

export interface DraftIndex {
  /** Whether the gang was cancelled in this turn. */
  isCancelled(gangId: string): boolean;
  /** Nodes that the gang has lost in this turn, up to now. */
  droppedBy(gangId: string): Set<string>;
  /** Whether the job was refused in this turn. */
  isRefused(jobId: number): boolean;
  /** The verdicts of this turn on gangs of the request. */
  closingsOf(requestId: string): readonly GangClosed[];
  /** Nodes of the request that were rejected in this turn. */
  rejectedOf(requestId: string): readonly string[];
  /** Whether a gang of the request is open still. */
  hasOpenGang(request: OpenRequest): boolean;
  /** Whether this turn has an effect of that id. */
  hasEffect(id: string): boolean;
  /** Releases of the node that Slurm is being asked for, those of this turn too. */
  releasesOf(node: string): readonly ReleaseNodes[];
  /** Boots that the node was given for, those ended in this turn too. */
  bootsWith(node: string): readonly Boot[];
  /** Gangs that wait for the gang's turn to end, by what was decided before this turn. */
  waitersFor(gangId: string): readonly Gang[];
}

type GangClosed = Extract<Decision, { kind: 'GangClosed' }>;

/** Of the draft; to all of these is only added. */
interface Growing {
  readonly decisions: readonly Decision[];
  readonly effects: readonly Effect[];
  readonly closed: ReadonlySet<string>;
}

export function createDraftIndex(
  state: State,
  { decisions, effects, closed }: Growing,
): DraftIndex {
  return {
    ...indexDecisions(decisions),
    ...indexEffects(state, effects),
    ...indexState(state),
    hasOpenGang: findOpenGangs(closed),
  };
}

type DecisionIndex = Pick<
  DraftIndex,
  'isCancelled' | 'droppedBy' | 'isRefused' | 'closingsOf' | 'rejectedOf'
>;

function indexDecisions(decisions: readonly Decision[]): DecisionIndex {
  const cancelled = new Set<string>();
  const dropped = new Map<string, (readonly string[])[]>();
  const refused = new Set<number>();
  const closings = new Map<string, GangClosed[]>();
  const rejected = new Map<string, (readonly string[])[]>();
  const readOn = createReader(decisions, (each) => {
    if (each.kind === 'GangCancelled') cancelled.add(each.gangId);
    else if (each.kind === 'NodesDropped') put(dropped, each.gangId, each.nodes);
    else if (each.kind === 'JobRefused') refused.add(each.jobId);
    else if (each.kind === 'NodesRejected') put(rejected, each.requestId, each.refusal.nodes);
    else if (each.kind === 'GangClosed') for (const id of each.requestIds) put(closings, id, each);
  });
  return {
    isCancelled(gangId) {
      readOn();
      return cancelled.has(gangId);
    },
    droppedBy(gangId) {
      readOn();
      return new Set(dropped.get(gangId)?.flat());
    },
    isRefused(jobId) {
      readOn();
      return refused.has(jobId);
    },
    closingsOf(requestId) {
      readOn();
      return closings.get(requestId) ?? [];
    },
    rejectedOf(requestId) {
      readOn();
      return rejected.get(requestId)?.flat() ?? [];
    },
  };
}

function indexEffects(
  state: State,
  effects: readonly Effect[],
): Pick<DraftIndex, 'hasEffect' | 'releasesOf'> {
  const ids = new Set<string>();
  const releases = once(() => {
    const byNode = new Map<string, ReleaseNodes[]>();
    for (const { effect } of state.outstanding.values()) putRelease(byNode, effect);
    return byNode;
  });
  const readIds = createReader(effects, ({ id }) => ids.add(id));
  const readReleases = createReader(effects, (each) => putRelease(releases(), each));
  return {
    hasEffect(id) {
      readIds();
      return ids.has(id);
    },
    releasesOf(node) {
      readReleases();
      return releases().get(node) ?? [];
    },
  };
}

function putRelease(byNode: Map<string, ReleaseNodes[]>, effect: Effect): void {
  if (effect.kind === 'ReleaseNodes') for (const node of effect.nodes) put(byNode, node, effect);
}

function indexState(state: State): Pick<DraftIndex, 'bootsWith' | 'waitersFor'> {
  const boots = once(() => {
    const byNode = new Map<string, Boot[]>();
    for (const boot of state.boots.values()) for (const node of boot.nodes) put(byNode, node, boot);
    return byNode;
  });
  const waiters = once(() => {
    const byTurn = new Map<string, Gang[]>();
    for (const gang of state.gangs.values())
      if (gang.phase === 'waiting' && gang.turnAfter !== null) put(byTurn, gang.turnAfter, gang);
    return byTurn;
  });
  return {
    bootsWith: (node) => boots().get(node) ?? [],
    waitersFor: (gangId) => waiters().get(gangId) ?? [],
  };
}

/** A gang that is closed stays so: what of a request is open is looked through from where the last look ended. */
function findOpenGangs(closed: ReadonlySet<string>): DraftIndex['hasOpenGang'] {
  const left = new Map<string, string[]>();
  return ({ id, openGangs }) => {
    const gangIds = left.get(id) ?? [...openGangs];
    left.set(id, gangIds);
    while (closed.has(gangIds.at(-1) ?? '')) gangIds.pop();
    return gangIds.length > 0;
  };
}

/** Reads what has come to a list since it was called last. */
function createReader<Item>(list: readonly Item[], read: (item: Item) => void): () => void {
  let count = 0;
  return () => {
    if (count === list.length) return;
    for (const item of list.slice(count)) read(item);
    count = list.length;
  };
}

function once<Made>(make: () => Made): () => Made {
  let made: Made | null = null;
  return () => (made ??= make());
}

function put<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
