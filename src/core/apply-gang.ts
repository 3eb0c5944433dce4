/**
 * The part of `apply` that keeps the life of a gang: formed, grown, waiting, reserving, launching, assigning, closed.
 * What becomes of its nodes meanwhile is in `apply-nodes.ts`. Only `apply` calls it.
 */
import { startBoot } from './apply-boot.ts';
import { takeFromSets } from './apply-fleet.ts';
import { claimNodes, releaseClaim } from './apply-nodes.ts';
import { openRequest } from './apply-request.ts';
import type { Decision } from './decisions.ts';
import type { Event } from './events.ts';
import type { Gang, GangPhase } from './gang.ts';
import { placesOf } from './launch-policy.ts';
import type { State } from './state.ts';

export type GangDecision = Extract<
  Decision,
  {
    kind:
      | 'GangGrew'
      | 'GangWaits'
      | 'GangReserving'
      | 'ReserveForgone'
      | 'GangStarted'
      | 'GangWhole'
      | 'RungLeft'
      | 'GangCancelled'
      | 'GangClosed';
  }
>;

export function applyToGang(state: State, gang: Gang, decision: GangDecision): void {
  switch (decision.kind) {
    case 'GangGrew':
      return growGang(state, gang, decision);
    case 'GangWaits':
      gang.turnAfter = decision.turnAfter;
      gang.waitsFor = [...gang.waitsFor, decision.turnAfter];
      return;
    case 'GangReserving':
      gang.phase = 'reserving';
      gang.rung = decision.rung;
      gang.launches += decision.parts.length;
      for (const { effectId, launch, batch } of decision.parts)
        gang.reserving.set(effectId, {
          launch,
          batch,
          askedAt: state.now,
          reservationId: null,
          isForgone: false,
        });
      return;
    case 'ReserveForgone': {
      const part = gang.reserving.get(decision.effectId ?? '');
      if (part !== undefined) part.isForgone = true;
      return;
    }
    case 'GangStarted':
      if (gang.phase !== 'reserving') gang.launches += decision.batches.length;
      gang.phase = 'launching';
      gang.rung = decision.rung;
      takeOver(state, gang);
      for (const batch of decision.batches) {
        gang.batches.set(batch.effectId, {
          ...batch,
          tries: 0,
          unknownOutcome: false,
          sentAt: null,
        });
        state.batchGangs.set(batch.effectId, gang.id);
      }
      return;
    case 'GangWhole':
      gang.phase = 'assigning';
      for (const id of decision.effectIds) gang.assigning.add(id);
      return;
    case 'RungLeft':
      return leaveRung(state, gang, decision);
    case 'GangCancelled':
      for (const effectId of gang.batches.keys()) state.batchGangs.delete(effectId);
      gang.batches.clear();
      gang.reserving.clear();
      gang.phase = 'releasing';
      return;
    case 'GangClosed':
      return closeGang(state, gang, decision);
  }
  return decision satisfies never;
}

export function formGang(
  state: State,
  formed: Extract<Decision, { kind: 'GangFormed' }>,
  event: Event,
): void {
  // A replacement is its gang's affair: the request has had its verdict.
  const requestIds = formed.replaces === undefined ? [formed.requestId] : [];
  for (const id of requestIds) openRequest(state, id).openGangs.add(formed.gangId);
  const gang: Gang = {
    id: formed.gangId,
    requestIds,
    requestedAt: formed.requestedAt,
    formedAt: state.now,
    replaces: formed.replaces ?? null,
    kind: formed.gangKind,
    firm: formed.firm,
    jobIds: formed.jobIds,
    set: formed.set ?? null,
    priority: formed.priority ?? null,
    jobNodes: formed.jobNodes ?? null,
    nodes: formed.nodes,
    places: placesOf([...formed.nodes, ...formed.missing]),
    missing: formed.missing,
    assembleBy: formed.assembleBy,
    phase: phaseOf(formed),
    waitsFor: formed.waitsFor,
    batches: new Map(),
    refused: [],
    rung: null,
    tried: [],
    lastRefusal: null,
    zonesNamed: [],
    wish: formed.wish ?? {},
    onlyRung: formed.onlyRung ?? null,
    launches: 0,
    turnAfter: null,
    reserving: new Map(),
    assigning: new Set(),
    mayBeGiven: false,
    given: [],
  };
  state.gangs.set(gang.id, gang);
  if (formed.gangKind === 'request' && event.kind === 'HookCalled')
    state.asked.set(formed.requestId, event.request);
  claimNodes(state, gang, formed.nodes);
  takeFromSets(state, formed.nodes);
}

function phaseOf({
  gangKind,
  missing,
}: Pick<Extract<Decision, { kind: 'GangFormed' }>, 'gangKind' | 'missing'>): GangPhase {
  if (gangKind === 'request') return 'asking';
  return missing.length > 0 ? 'assembling' : 'waiting';
}

/** Those in its place have taken its nodes; who waited for it waits for them. */
export function dissolveGang(
  state: State,
  dissolved: Extract<Decision, { kind: 'GangDissolved' }>,
): void {
  const { gangId, requestId } = dissolved;
  const gang = state.gangs.get(gangId);
  if (gang === undefined) return;
  state.gangs.delete(gangId);
  state.asked.delete(requestId);
  for (const node of gang.nodes) releaseClaim(state, node, gangId);
  passOn(state, gang);
  openRequest(state, requestId).openGangs.delete(gangId);
  for (const waiter of state.gangs.values())
    waiter.waitsFor = waiter.waitsFor.filter((id) => id !== gangId);
}

/** Another call's nodes; when nobody is missing any more it may start. */
function growGang(state: State, gang: Gang, grew: Extract<Decision, { kind: 'GangGrew' }>): void {
  openRequest(state, grew.requestId).openGangs.add(gang.id);
  if (!gang.requestIds.includes(grew.requestId))
    gang.requestIds = [...gang.requestIds, grew.requestId];
  gang.jobIds = grew.jobIds;
  gang.nodes = [...gang.nodes, ...grew.nodes];
  gang.missing = grew.missing;
  gang.places = placesOf([...gang.nodes, ...gang.missing]);
  gang.assembleBy = grew.assembleBy;
  gang.phase = phaseOf({ gangKind: gang.kind, missing: grew.missing });
  gang.waitsFor = [...new Set([...gang.waitsFor, ...grew.waitsFor])];
  claimNodes(state, gang, grew.nodes);
  takeFromSets(state, grew.nodes);
}

/** What a gang left on its nodes before it was given belongs to the one that is there now. */
function takeOver(state: State, gang: Gang): void {
  for (const node of gang.nodes) {
    const lease = state.leases.get(node);
    if (lease !== undefined && !lease.given && !state.gangs.has(lease.gangId))
      lease.gangId = gang.id;
  }
}

/** Launches of it that still run are answered to nobody: what they bring is terminated. */
function leaveRung(state: State, gang: Gang, left: Extract<Decision, { kind: 'RungLeft' }>): void {
  for (const effectId of gang.batches.keys()) state.batchGangs.delete(effectId);
  gang.batches.clear();
  gang.reserving.clear();
  gang.phase = 'waiting';
  if (left.unfit === undefined) gang.tried = [...gang.tried, left.rung];
  else rememberUnfit(state, left.unfit);
  gang.lastRefusal = left.refusal;
  gang.zonesNamed = [...new Set([...left.zonesNamed, ...gang.zonesNamed])];
}

/** A launch template may name another placement group than when EC2 was asked: it is asked again. */
function rememberUnfit(state: State, place: string): void {
  state.unfit.set(place, state.now);
  state.templateGroups.clear();
  state.groupArns.clear();
}

/** What it leaves on its nodes, and Slurm was not told of, is the affair of who wants them next, come what may. */
function passOn(state: State, { id, nodes }: Gang): void {
  for (const node of nodes) {
    const lease = state.leases.get(node);
    const [next] = state.claims.get(node) ?? [];
    if (next !== undefined && lease?.given === false && lease.gangId === id) lease.gangId = next;
  }
}

function closeGang(
  state: State,
  gang: Gang,
  closed: Extract<Decision, { kind: 'GangClosed' }>,
): void {
  state.gangs.delete(gang.id);
  for (const effectId of gang.batches.keys()) state.batchGangs.delete(effectId);
  for (const node of gang.nodes) releaseClaim(state, node, gang.id);
  passOn(state, gang);
  startBoot(state, gang, closed.given);
  for (const requestId of gang.requestIds) {
    state.asked.delete(requestId);
    const request = state.requests.get(requestId);
    if (request === undefined) continue;
    request.openGangs.delete(gang.id);
    request.given.push(...closed.given);
    for (const refusal of closed.refusals) request.failed.push(...refusal.nodes);
  }
}
