/** The single moves of which decisions are made: an effect repeated or given up, leases ended, nodes given back, a gang closed. */
import { refuseSet } from './decide-sets.ts';
import { claimedByOther, type Draft, leaseOf, wantedByOther } from './draft.ts';
import type { Effect, ReleaseNodes } from './effects.ts';
import type { Gang, Refusal } from './gang.ts';
import { nodeReason } from './reasons.ts';
import type { OutstandingEffect } from './state.ts';

/** Runs an outstanding effect (again). */
export function again(draft: Draft, effect: Effect): void {
  draft.decisions.push({ kind: 'EffectRepeated', effectId: effect.id });
  draft.effects.push(effect);
}

/** Ends an outstanding effect that runs no more. */
export function abandon(draft: Draft, effect: Effect, why: string): void {
  draft.decisions.push({ kind: 'EffectAbandoned', effectId: effect.id, why });
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
  if (draft.index.hasEffect(id)) return;
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

/** Whether the launch goes into a reservation that muster made for it. */
export function isInOwnReservation({ state }: Draft, effectId: string): boolean {
  const effect = state.outstanding.get(effectId)?.effect;
  if (effect?.kind !== 'RunInstances' || effect.order.reservationId === undefined) return false;
  return state.reservations.has(effect.order.reservationId);
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

/** Whether Slurm is being asked whom the node serves, and to power it down if nobody; not for the gang `except`. */
export function isBeingReleased(draft: Draft, node: string, except?: string): boolean {
  return draft.index.releasesOf(node).some((effect) => releasingGang(effect) !== except);
}

/** The id of the gang whose job is gone, where it is a gang's release. */
export function releasingGang({ id }: ReleaseNodes): string {
  return id.replace(/\/release'*$/, '');
}

/**
 * Whether the node is not this gang's to give back: another one wants it, or has asked Slurm whom it serves. One whose job is gone
 * and that has not asked for this node does neither, and would leave it to nobody.
 */
export function isLeftToOther(draft: Draft, node: string, gangId: string): boolean {
  if (!claimedByOther(draft, node, gangId)) return false;
  return wantedByOther(draft, node, gangId) || isBeingReleased(draft, node, gangId);
}

/** Has Slurm let go of those of the nodes on which nobody is. */
export function releaseNodes(
  draft: Draft,
  nodes: readonly string[],
  id: string,
  reason: string,
): void {
  const left = nodes.filter((node) => !isBeingReleased(draft, node));
  if (left.length > 0) draft.effects.push({ kind: 'ReleaseNodes', id, nodes: left, reason });
}

/** So long a node that was given back shows why. */
const reasonKeptMs = 10 * 60_000;

/** What was down is made as good as new once it is powered down. That takes the reason with it, which people come to read. */
export function refreshLater(
  draft: Draft,
  nodes: readonly string[],
  { id, soon = false }: { readonly id: string; readonly soon?: boolean },
): void {
  if (nodes.length === 0) return;
  const effect: Effect = { kind: 'RefreshNodes', id: `${id}/fresh`, nodes };
  draft.decisions.push({
    kind: 'EffectPutOff',
    effect,
    until: draft.at + (soon ? 0 : reasonKeptMs),
  });
}

/** Nodes in one AssignNodes effect: keeps a turn's record within 300 KB. */
const assignNodesMax = 2000;

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

/** A reservation that is not wanted any more: one that waits for its retry may have been made all the same. */
export function dropReserving(draft: Draft, effectId: string): void {
  const out = draft.state.outstanding.get(effectId);
  // One that runs now is answered later, and is let go then.
  if (out?.effect.kind !== 'CreateReservation' || out.deferredUntil === null) return;
  abandon(draft, out.effect, 'its gang does without');
  if (out.unknownOutcome) sweepReservation(draft, effectId);
}

export function sweepReservation(draft: Draft, effectId: string): void {
  const id = `${effectId}/end`;
  if (draft.index.hasEffect(id)) return;
  draft.effects.push({ kind: 'EndReservation', id, tag: effectId, reservationId: null });
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
  const [refused] = refusals;
  if (refused !== undefined) refuseSet(draft, gang.set, refused);
  for (const requestId of gang.requestIds) settleRequest(draft, requestId);
}

function settleRequest(draft: Draft, requestId: string): void {
  const request = draft.state.requests.get(requestId);
  if (request === undefined) return;
  if (draft.index.hasOpenGang(request)) return;
  const closings = draft.index.closingsOf(request.id);
  const allGiven = new Set([...request.given, ...closings.flatMap((closing) => closing.given)]);
  const allFailed = new Set([
    ...request.failed,
    ...draft.index.rejectedOf(request.id),
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
