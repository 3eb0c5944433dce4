/** How gangs end: whole, in part, or let go. Shared by the answers that bring it about. */
import { replacementFailed } from './decide-boot.ts';
import { refuseJobs } from './decide-job.ts';
import { handOver } from './decide-contention.ts';
import { dropReserving } from './decide-reserve.ts';
import { hasRungLeft, tooLate } from './decide-start.ts';
import { askedIn, claimedByOther, leaseOf, type Draft } from './draft.ts';
import { nodeReason } from './reasons.ts';
import type { Effect } from './effects.ts';
import type { Failure } from './events.ts';
import type { Batch, Gang, Refusal } from './gang.ts';
import { zonesNamedIn } from './ladder.ts';
import type { OutstandingEffect } from './state.ts';
import { verdictOf, type Verdict } from './verdict.ts';

/** Nodes in one AssignNodes effect: keeps a turn's record within 300 KB. */
const assignNodesMax = 2000;

/** Every batch has its answer: give Slurm what the gang holds. A firm gang is whole here, or this is not reached. */
export function concludeLaunch(draft: Draft, gang: Gang, refused: readonly Refusal[]): void {
  const held = gang.nodes.filter((node) => leaseOf(draft, node) !== null);
  if (gang.firm && held.length > 0 && held.length < gang.nodes.length) {
    const message = `instances of ${gang.nodes.length - held.length} nodes have ended meanwhile`;
    return failGang(draft, gang, { nodes: gang.nodes, code: 'InstancesVanished', message });
  }
  if (held.length === 0) {
    closeGang(draft, gang, [], refused);
    return;
  }
  assignNodes(draft, gang, held, `${gang.id}/assign`);
}

/** Asks Slurm to take the nodes' addresses; ids are `prefix` and a number. */
export function assignNodes(
  draft: Draft,
  gang: Gang,
  nodes: readonly string[],
  prefix: string,
): void {
  const effectIds: string[] = [];
  for (let from = 0; from < nodes.length; from += assignNodesMax) {
    const chunk = nodes.slice(from, from + assignNodesMax);
    const instances = chunk.map((node) => {
      const lease = leaseOf(draft, node);
      if (lease === null) throw new Error(`node ${node} is assigned without a lease`);
      return lease.instance;
    });
    const id = `${prefix}${effectIds.length}`;
    effectIds.push(id);
    draft.effects.push({
      kind: 'AssignNodes',
      id,
      gangId: gang.id,
      updateAddress: draft.state.settings.updateNodeAddress,
      nodes: chunk,
      instanceIds: instances.map((instance) => instance.instanceId),
      addresses: instances.map((instance) => instance.privateIp),
      hostnames: instances.map((instance) => instance.hostname),
    });
  }
  draft.decisions.push({ kind: 'GangWhole', gangId: gang.id, effectIds });
}

/**
 * Lets the whole gang go: all it launched is terminated at once, its nodes go back to Slurm, except those that another
 * open gang wants, that another gang's instance serves, or that Slurm powered down itself (`alreadyDown`).
 */
export function failGang(
  draft: Draft,
  gang: Gang,
  refusal: Refusal,
  alreadyDown: ReadonlySet<string> = new Set(),
): void {
  // Its job is gone: Slurm's answer about its nodes closes it.
  if (gang.phase === 'releasing') return;
  draft.closed.add(gang.id);
  letGo(draft, gang, refusal.code);
  const back = gang.nodes.filter((node) => !alreadyDown.has(node));
  // The node of a replacement is its gang's, which decides about it.
  if (gang.replaces === null) giveBack(draft, gang, back, refusal, `${gang.id}/back`, true);
  else replacementFailed(draft, gang, refusal, alreadyDown);
  closeGang(draft, gang, [], [refusal]);
}

/** What may be otherwise on another rung. Throttling is the same everywhere. */
const rungVerdicts: ReadonlySet<Verdict> = new Set(['capacity', 'never-here', 'transient']);

/** Whether the refusal tells how many instances the pool has: not what is said of a subnet, or of a reservation of ours. */
function isAboutPool(draft: Draft, { effectId }: Pick<Batch, 'effectId'>, code: string): boolean {
  if (verdictOf(code) !== 'capacity' || code === 'InsufficientFreeAddressesInSubnet') return false;
  return !isInOwnReservation(draft, effectId);
}

/** Whether the launch goes into a reservation that muster made for it. */
export function isInOwnReservation({ state }: Draft, effectId: string): boolean {
  const effect = state.outstanding.get(effectId)?.effect;
  if (effect?.kind !== 'RunInstances' || effect.order.reservationId === undefined) return false;
  return state.reservations.has(effect.order.reservationId);
}

/**
 * A firm gang is refused on its rung: all that it holds is let go at once. Where capacity is what is lacking, or EC2 does
 * not answer, it tries the next rung while there is time; else, or without another one, it is let go as a whole.
 */
export function leaveRung(
  draft: Draft,
  gang: Gang,
  batch: Pick<Batch, 'effectId' | 'pool' | 'zone' | 'nodes'>,
  failure: Pick<Failure, 'code' | 'message'>,
): void {
  const { code, message } = failure;
  if (isAboutPool(draft, batch, code)) {
    const count = askedIn(draft, gang, batch.pool);
    const refusal = { code, message };
    draft.decisions.push({ kind: 'CapacitySeen', pool: batch.pool, count, refusal });
  }
  const mayLeave = rungVerdicts.has(verdictOf(code)) && tooLate(draft, gang) === null;
  if (!mayLeave || !hasRungLeft(draft, gang))
    return failGang(draft, gang, { nodes: gang.nodes, code, message });
  letGo(draft, gang, code);
  draft.decisions.push({
    kind: 'RungLeft',
    gangId: gang.id,
    rung: gang.rung ?? '',
    refusal: { code, message },
    zonesNamed: zonesNamedIn(message, batch.zone === null ? [] : [batch.zone]),
  });
}

/** Ends what the gang holds and what is out for it. */
function letGo(draft: Draft, gang: Gang, why: string): void {
  const own = gang.nodes.filter((node) => leaseOf(draft, node)?.gangId === gang.id);
  handOver(
    draft,
    gang,
    own.filter((node) => draft.state.leases.get(node)?.given === false),
  );
  const handed = new Set(own.filter((node) => draft.ended.has(node)));
  endLeases(
    draft,
    own.filter((node) => !handed.has(node)),
    why,
    gang.id,
  );
  stopLaunch(draft, gang, why);
}

/** Launches and reservations that wait are given up; those that run are answered later, to nobody. */
export function stopLaunch(draft: Draft, gang: Gang, why: string): void {
  for (const batch of gang.batches.values()) {
    const out = draft.state.outstanding.get(batch.effectId);
    // One that runs now is answered later, and what it brings is terminated then.
    if (out?.deferredUntil == null) continue;
    draft.decisions.push({ kind: 'EffectAbandoned', effectId: batch.effectId, why });
    if (batch.unknownOutcome) sweepLaunch(draft, batch.effectId, batch.clientToken);
  }
  for (const effectId of gang.reserving.keys()) dropReserving(draft, effectId);
}

/** Gives nodes back to Slurm with their reason, except those that another open gang wants or another's instance serves. */
export function giveBack(
  draft: Draft,
  gang: Gang,
  nodes: readonly string[],
  refusal: Refusal,
  effectId: string,
  isWhole = false,
): void {
  if (isWhole || gang.kind !== 'job') refuseJobs(draft, gang, nodes, refusal);
  const free = nodes.filter(
    (node) => leaseOf(draft, node) === null && !claimedByOther(draft, node, gang.id),
  );
  giveBackNodes(draft, free, refusal, effectId, gang.kind === 'job' && gang.jobIds.length > 1);
}

/** Instances of a gang have ended in which every node stands for itself: the others go on. */
export function loseFromGang(draft: Draft, gang: Gang, refusal: Refusal): void {
  const { nodes } = refusal;
  const held = nodes.filter((node) => leaseOf(draft, node) !== null);
  endLeases(draft, held, refusal.code, gang.id);
  giveBack(draft, gang, nodes, refusal, `${gang.id}/lost-${nodes[0] ?? ''}-${draft.at}`);
  draft.decisions.push({ kind: 'NodesDropped', gangId: gang.id, nodes, refusal });
}

/** Gives nodes that nobody wants any more back to Slurm: down with the reason, then powered down. */
export function giveBackNodes(
  draft: Draft,
  nodes: readonly string[],
  refusal: Refusal,
  effectId: string,
  isHeterogeneous = false,
): void {
  if (nodes.length === 0) return;
  const reason = nodeReason(refusal);
  const soon = isHeterogeneous && { soon: true };
  draft.effects.push({ ...soon, kind: 'GiveBackNodes', id: effectId, nodes, reason });
}

/** Ends leases and terminates their instances, in calls of at most terminate_max_batch_size. */
export function endLeases(
  draft: Draft,
  nodes: readonly string[],
  why: string,
  idPrefix: string,
): void {
  const instanceIds = nodes.map((node) => {
    const lease = leaseOf(draft, node);
    if (lease === null) throw new Error(`node ${node} has no lease to end`);
    return lease.instance.instanceId;
  });
  if (nodes.length === 0) return;
  for (const node of nodes) draft.ended.add(node);
  draft.decisions.push({ kind: 'LeasesEnded', nodes, instanceIds, why });
  terminate(draft, instanceIds, idPrefix);
}

export function terminate(draft: Draft, instanceIds: readonly string[], idPrefix: string): void {
  const size = draft.state.settings.terminateMaxBatchSize;
  for (let from = 0; from < instanceIds.length; from += size) {
    const chunk = instanceIds.slice(from, from + size);
    // Named after an instance: a gang may terminate more than once, an instance is terminated once.
    draft.effects.push({
      kind: 'TerminateInstances',
      id: `${idPrefix}/end-${chunk[0]}`,
      instanceIds: chunk,
    });
  }
}

export function sweepLaunch(draft: Draft, effectId: string, clientToken: string): void {
  const id = `${effectId}/sweep`;
  if (draft.effects.some((effect) => effect.id === id)) return;
  draft.effects.push({ kind: 'SweepLaunch', id, clientToken });
}

/**
 * When something of which the answer was lost is looked for: EC2's reads lag by seconds, rarely by minutes, so that one
 * look that finds nothing proves nothing.
 */
const lookDelaysMs = [10_000, 60_000, 300_000];

/** Runs a look again later, unless it was the last one. */
export function lookAgain(draft: Draft, { effect, looks }: OutstandingEffect, why: string): void {
  const delay = lookDelaysMs[looks];
  if (delay === undefined) return;
  const until = draft.at + delay;
  const effectId = effect.id;
  draft.decisions.push({ kind: 'EffectDeferred', effectId, until, why, unknownOutcome: false });
}

/** The verdict. Every node that is still the gang's and was not given counts as failed. */
export function closeGang(
  draft: Draft,
  gang: Gang,
  given: readonly string[],
  refusals: readonly Refusal[],
): void {
  draft.closed.add(gang.id);
  draft.decisions.push({
    kind: 'GangClosed',
    gangId: gang.id,
    requestIds: gang.requestIds,
    jobIds: gang.jobIds,
    given,
    // What was refused for nodes that had all been powered down before is nobody's.
    refusals: refusals.filter(({ nodes }) => nodes.length > 0),
  });
  for (const requestId of gang.requestIds) settleRequest(draft, requestId);
}

function settleRequest(draft: Draft, requestId: string): void {
  const request = draft.state.requests.get(requestId);
  if (request === undefined) return;
  if ([...request.openGangs].some((id) => !draft.closed.has(id))) return;
  const closings = draft.decisions.flatMap((decision) =>
    decision.kind === 'GangClosed' && decision.requestIds.includes(request.id) ? [decision] : [],
  );
  const rejected = draft.decisions.flatMap((decision) =>
    decision.kind === 'NodesRejected' && decision.requestId === request.id
      ? decision.refusal.nodes
      : [],
  );
  const allGiven = new Set([...request.given, ...closings.flatMap((closing) => closing.given)]);
  const allFailed = new Set([
    ...request.failed,
    ...rejected,
    ...closings.flatMap((closing) => closing.refusals.flatMap((refused) => refused.nodes)),
  ]);
  draft.decisions.push({
    kind: 'RequestSettled',
    requestId: request.id,
    given: [...allGiven],
    // A node shared by a gang that failed and one that did not is up.
    failed: [...allFailed].filter((node) => !allGiven.has(node)),
  });
}

/** Runs an outstanding effect (again). */
export function again(draft: Draft, effect: Effect): void {
  draft.decisions.push({ kind: 'EffectRepeated', effectId: effect.id });
  draft.effects.push(effect);
}

/** Ends an outstanding effect that runs no more. */
export function abandon(draft: Draft, effect: Effect, why: string): void {
  draft.decisions.push({ kind: 'EffectAbandoned', effectId: effect.id, why });
}
