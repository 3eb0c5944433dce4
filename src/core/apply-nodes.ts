/**
 * The part of `apply` that follows the nodes of a gang: which gangs claim a node, which instance a batch brought for it,
 * and whether Slurm got it. The gang's phases are the affair of `apply-gang.ts`. Only `apply` and its other parts call
 * it.
 */
import { endEffect } from './apply-effect.ts';
import type { Decision } from './decisions.ts';
import type { Batch, Gang, Refusal } from './gang.ts';
import type { Instance } from './instances.ts';
import type { State } from './state.ts';
import { leadsTo } from './waits.ts';

export type GangNodesDecision = Extract<
  Decision,
  {
    kind:
      | 'BatchHeld'
      | 'BatchRefused'
      | 'SparesTaken'
      | 'LeaseHandedOver'
      | 'NodesGiven'
      | 'NodesRefused'
      | 'NodesDropped';
  }
>;

export function applyToGangNodes(state: State, gang: Gang, decision: GangNodesDecision): void {
  switch (decision.kind) {
    case 'BatchHeld': {
      const batch = gang.batches.get(decision.effectId);
      endBatch(state, gang, decision.effectId);
      for (const { node, instance } of decision.placed) {
        state.leases.set(node, {
          node,
          instance,
          gangId: gang.id,
          pool: batch?.pool ?? '',
          zone: batch?.zone ?? null,
          requestedAt: gang.requestedAt,
          leasedAt: state.now,
          given: false,
          isRegistered: false,
        });
      }
      for (const instance of decision.spares ?? []) keepSpare(state, gang, batch, instance);
      if (decision.refusal !== null) refuseNodes(state, gang, decision.refusal);
      return;
    }
    case 'SparesTaken':
      for (const { node, instance } of decision.placed) takeSpare(state, gang, node, instance);
      return;
    case 'BatchRefused':
      endBatch(state, gang, decision.effectId);
      // A firm gang has lost none of its nodes by it: it is let go as a whole, or tries another rung.
      if (!gang.firm) refuseNodes(state, gang, decision.refusal);
      return;
    case 'LeaseHandedOver':
      return handOver(state, gang, decision);
    case 'NodesGiven':
      gang.assigning.delete(decision.effectId);
      gang.given = [...gang.given, ...decision.nodes];
      for (const node of decision.nodes) {
        const lease = state.leases.get(node);
        if (lease !== undefined) lease.given = true;
      }
      return;
    case 'NodesRefused':
      endEffect(state, decision.effectId);
      gang.assigning.delete(decision.effectId);
      refuseNodes(state, gang, decision.refusal);
      return;
    case 'NodesDropped':
      if (decision.refusal === undefined) dropNodes(state, gang, decision.nodes);
      else refuseNodes(state, gang, decision.refusal);
      return;
  }
  return decision satisfies never;
}

function keepSpare(state: State, gang: Gang, batch: Batch | undefined, instance: Instance): void {
  if (batch === undefined) return;
  const { queue, computeResource, pool, zone } = batch;
  state.spares.set(instance.instanceId, {
    instance,
    gangId: gang.id,
    queue,
    computeResource,
    pool,
    zone,
    launchedAt: state.now,
  });
}

function takeSpare(state: State, gang: Gang, node: string, instance: Instance): void {
  const spare = state.spares.get(instance.instanceId);
  state.spares.delete(instance.instanceId);
  state.leases.set(node, {
    node,
    instance,
    gangId: gang.id,
    pool: spare?.pool ?? '',
    zone: spare?.zone ?? null,
    requestedAt: gang.requestedAt,
    leasedAt: state.now,
    given: false,
    isRegistered: false,
  });
}

export function claimNodes(state: State, gang: Gang, nodes: readonly string[]): void {
  for (const node of nodes) {
    const claimants = state.claims.get(node) ?? [];
    for (const id of claimants) putInOrder(state, gang, id);
    state.claims.set(node, [...claimants, gang.id]);
    // The node's instance is counted on again: a suspend that is read late, but was called before, is past.
    const lease = state.leases.get(node);
    if (lease !== undefined) lease.requestedAt = Math.max(lease.requestedAt, gang.requestedAt);
  }
}

/** Of two gangs that want the same node one waits for the other, itself: those between them may end before. */
function putInOrder(state: State, gang: Gang, otherId: string): void {
  const other = state.gangs.get(otherId);
  if (other === undefined || gang.waitsFor.includes(otherId) || other.waitsFor.includes(gang.id))
    return;
  if (leadsTo((id) => state.gangs.get(id)?.waitsFor ?? [], gang.id, otherId))
    gang.waitsFor = [...gang.waitsFor, otherId];
  else other.waitsFor = [...other.waitsFor, gang.id];
}

export function releaseClaim(state: State, node: string, gangId: string): void {
  const left = (state.claims.get(node) ?? []).filter((claimant) => claimant !== gangId);
  if (left.length === 0) state.claims.delete(node);
  else state.claims.set(node, left);
}

function endBatch(state: State, gang: Gang, effectId: string): void {
  gang.batches.delete(effectId);
  state.batchGangs.delete(effectId);
  state.outstanding.delete(effectId);
}

/** The instance is another node's from now on, in the same pool. */
function handOver(
  state: State,
  gang: Gang,
  { fromNode, node }: Extract<Decision, { kind: 'LeaseHandedOver' }>,
): void {
  const lease = state.leases.get(fromNode);
  if (lease === undefined) return;
  state.leases.delete(fromNode);
  const { requestedAt } = gang;
  state.leases.set(node, { ...lease, node, gangId: gang.id, requestedAt });
}

/** They go back to Slurm now, which may ask for them again while the gang still waits for its others. */
function refuseNodes(state: State, gang: Gang, refusal: Refusal): void {
  gang.refused = [...gang.refused, refusal];
  dropNodes(state, gang, refusal.nodes);
}

function dropNodes(state: State, gang: Gang, nodes: readonly string[]): void {
  const dropped = new Set(nodes);
  gang.nodes = gang.nodes.filter((node) => !dropped.has(node));
  for (const node of dropped) releaseClaim(state, node, gang.id);
}
