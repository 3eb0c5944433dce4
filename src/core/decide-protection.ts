/**
 * Boots that keep failing stop costing money: the queue is set inactive, nothing more is launched for it, and what one of its
 * instances wrote is fetched while EC2 has it. What runs runs on. A person starts the queue again.
 */
import { backoffMs } from './backoff.ts';
import { failGang, few } from './decide-gang.ts';
import { abandon } from './decide-moves.ts';
import type { Decision } from './decisions.ts';
import type { Draft } from './draft.ts';
import type { SetPartitions } from './effects.ts';
import type { Place } from './fleet.ts';
import type { GangPhase, Refusal } from './gang.ts';
import { type PlaceName, placesOf, settingsAt } from './launch-policy.ts';
import { bootFailureCodes, isProtected } from './protection.ts';
import { longerReason } from './reasons.ts';
import type { HookRequest } from './requests.ts';

type Why = Pick<Refusal, 'code' | 'message'>;

/** The last thing in a turn: what has failed in it is counted, and ends what it must. */
export function protectQueues(draft: Draft): void {
  if (draft.failedBoots.size > 0) countFailedBoots(draft);
  nameProtection(draft);
}

function countFailedBoots(draft: Draft): void {
  const up = draft.decisions.flatMap((each) => (each.kind === 'NodesRegistered' ? each.nodes : []));
  const rowEnded = new Set(placesOf(up).map(nameOf));
  for (const [name, nodes] of failedByPlace(draft)) {
    const [place] = placesOf(nodes);
    const why = draft.failedBoots.get(nodes[0] ?? '');
    if (place === undefined || why === undefined) continue;
    draft.decisions.push({ kind: 'BootsFailed', ...place, nodes, why });
    const known = draft.state.protection.get(place.queue);
    const before = rowEnded.has(name) ? 0 : (known?.failures[place.computeResource] ?? 0);
    const { failures } = settingsAt(draft.state.settings, place).protection;
    const count = before + nodes.length;
    if (failures === 0 || count < failures || isProtectedNow(draft, place.queue)) continue;
    protect(draft, place, count, nodes, why);
  }
}

function failedByPlace(draft: Draft): Map<string, string[]> {
  const failed = new Map<string, string[]>();
  for (const node of draft.failedBoots.keys()) {
    const [place] = placesOf([node]);
    if (place === undefined) continue;
    const name = nameOf(place);
    failed.set(name, [...(failed.get(name) ?? []), node]);
  }
  return failed;
}

function nameOf({ queue, computeResource }: PlaceName): string {
  return `${queue}/${computeResource}`;
}

/** In this turn or before it. */
function isProtectedNow(draft: Draft, queue: string): boolean {
  return (
    isProtected(draft.state, queue) ||
    draft.decisions.some((each) => each.kind === 'QueueProtected' && each.queue === queue)
  );
}

/** What a gang of the queue has launched and not been given is let go; what boots has its time. */
const launchingPhases: ReadonlySet<GangPhase> = new Set(['reserving', 'launching']);

function protect(
  draft: Draft,
  place: PlaceName,
  count: number,
  nodes: readonly string[],
  last: Why,
): void {
  const { queue } = place;
  const why: Why = {
    code: 'QueueProtected',
    message: `queue ${queue} is protected: ${count} boots of ${nameOf(place)} in a row have failed, the last of ${few(nodes)} (${last.code}); an administrator starts it again: muster queue start ${queue}`,
  };
  draft.decisions.push({ kind: 'QueueProtected', queue, why });
  setPartition(draft, queue, `protect-${queue}-${draft.at}`, false);
  const [node] = nodes;
  const lease = draft.state.leases.get(node ?? '');
  if (node !== undefined && lease !== undefined) {
    const { instanceId } = lease.instance;
    const id = `console-${queue}-${draft.at}`;
    draft.effects.push({ kind: 'FetchConsole', id, queue, node, instanceId });
  }
  for (const gang of draft.state.gangs.values()) {
    const isOurs = gang.places.some((each) => each.queue === queue);
    if (!isOurs || draft.closed.has(gang.id) || !launchingPhases.has(gang.phase)) continue;
    failGang(draft, gang, { ...why, nodes: gang.nodes });
  }
}

/** The queue's own partition: one that has other queues' nodes, too, is none of its own. */
function setPartition(draft: Draft, queue: string, id: string, isUp: boolean): void {
  for (const { effect } of draft.state.outstanding.values()) {
    const isOpposite =
      effect.kind === 'SetPartitions' && effect.by === 'protection' && effect.isUp !== isUp;
    if (isOpposite && effect.partitions.includes(queue))
      abandon(draft, effect, isUp ? 'the queue is started again' : 'the queue is protected');
  }
  const effect: SetPartitions = {
    kind: 'SetPartitions',
    id,
    by: 'protection',
    partitions: [queue],
    isUp,
  };
  draft.effects.push(effect);
}

/** Why a gang with nodes to launch in these places is not launched; null: none of their queues is protected. */
export function whyProtected({ state }: Draft, places: Iterable<Place>): Why | null {
  for (const { queue } of places) {
    if (isProtected(state, queue)) return state.protection.get(queue)?.why ?? null;
  }
  return null;
}

/** On the nodes that failed it is read that their queue is protected by now. */
function nameProtection(draft: Draft): void {
  for (const [index, effect] of draft.effects.entries()) {
    if (effect.kind !== 'GiveBackNodes' || effect.reason === null) continue;
    const code = /^\(Code:(\w+)\)/.exec(effect.reason)?.[1] ?? '';
    if (!bootFailureCodes.has(code)) continue;
    const queue = placesOf(effect.nodes).find((place) => isProtectedNow(draft, place.queue))?.queue;
    if (queue === undefined) continue;
    const reason = longerReason(effect.reason, `queue ${queue} is protected`);
    draft.effects[index] = { ...effect, reason };
  }
}

/** A person starts the queue again: its boots count from nothing. */
export function decideQueueStart(draft: Draft, { id: requestId, hostlist }: HookRequest): void {
  const queue = hostlist.trim();
  const { protection, settings, fleet, sets } = draft.state;
  const known = settings.queues?.map(({ name }) => name) ?? [...protection.keys()];
  if (!known.includes(queue) && !protection.has(queue)) {
    const message = `there is no queue "${queue}" to start (there are: ${known.join(', ')})`;
    draft.decisions.push({ kind: 'InputFaulty', requestId, message });
    return;
  }
  const wasProtected = isProtected(draft.state, queue);
  draft.decisions.push({ kind: 'QueueStarted', requestId, queue, wasProtected });
  // One that muster has not set inactive may be so by somebody's will.
  if (!wasProtected) return;
  for (const set of sets.keys())
    if (set.startsWith(`${queue}/`)) draft.decisions.push({ kind: 'SetHastened', set });
  // A stopped fleet's partitions go up when it is started.
  if (fleet.status === 'stopped')
    draft.decisions.push({ kind: 'PartitionsTaken', partitions: [queue] });
  else setPartition(draft, queue, `${requestId}/up`, true);
}

const consoleTriesMax = 5;
const consoleBackoff = { baseMs: 30_000, maxMs: 240_000 };

/** EC2 shows a console minutes after it was written: one that is empty is asked for again. */
export function decideConsoleFetched(draft: Draft, effectId: string, tail: string): void {
  const out = draft.state.outstanding.get(effectId);
  if (out?.effect.kind !== 'FetchConsole') return;
  const { queue, node, instanceId } = out.effect;
  if (tail !== '') {
    draft.decisions.push({ kind: 'ConsoleKept', queue, console: { node, instanceId, tail } });
    return;
  }
  const again = askAgain(draft, effectId, out.tries, 'EC2 has no console output of it yet');
  if (again !== null) draft.decisions.push(again);
}

export function decideConsoleFailed(draft: Draft, effectId: string, message: string): void {
  const out = draft.state.outstanding.get(effectId);
  if (out?.effect.kind !== 'FetchConsole') return;
  const again = askAgain(draft, effectId, out.tries, message);
  if (again === null) abandon(draft, out.effect, message);
  else draft.decisions.push(again);
}

function askAgain(draft: Draft, effectId: string, tries: number, why: string): Decision | null {
  if (tries >= consoleTriesMax) return null;
  const { baseMs, maxMs } = consoleBackoff;
  const until = draft.at + backoffMs(effectId, tries, baseMs, maxMs);
  return { kind: 'EffectDeferred', effectId, until, why, unknownOutcome: false };
}
