/**
 * Changes the state by one turn: the only code that does. It reads the turn and nothing else, so that replaying the
 * ledger gives the state that was, whatever today's `decide` would decide.
 */
import type { Boot } from './boot.ts';
import { bootAllowanceMs, registerBy } from './deadlines.ts';
import type { Decision } from './decisions.ts';
import type { Event } from './events.ts';
import type { Gang, GangPhase, Refusal } from './gang.ts';
import { rememberRefusal, rememberRelease, rememberSuccess } from './capacity-memory.ts';
import { emptyUntil, takeTokens } from './launch-bucket.ts';
import { instanceTokens } from './launch-schedule.ts';
import { defaultSettings, type Settings } from './settings.ts';
import type { State } from './state.ts';
import type { Turn } from './turn.ts';
import type { Instant } from './units.ts';
import { leadsTo } from './waits.ts';

/** A repeated spool file shows up within seconds, or after the outage that left it there. */
const takenForMs = 24 * 3_600_000;

export function apply(state: State, turn: Turn): void {
  const { event } = turn;
  state.now = Math.max(state.now, event.at);
  if (event.kind === 'ConfigLoaded') loadSettings(state, event.settings);
  if (event.kind === 'SubnetsTold')
    for (const [id, zone] of Object.entries(event.zones)) state.zones.set(id, zone);
  if (event.kind === 'HookCalled') takeRequest(state, event.request.id);
  if (event.kind === 'LaunchSwept' || event.kind === 'ReservationEnded')
    countLook(state, event.effectId);
  for (const decision of turn.decisions) applyDecision(state, decision, event);
  const deferred = turn.decisions.some(
    (decision) =>
      decision.kind === 'EffectDeferred' &&
      'effectId' in event &&
      decision.effectId === event.effectId,
  );
  if ('effectId' in event && !deferred) endEffect(state, event.effectId);
  for (const effect of turn.effects) {
    if (state.outstanding.has(effect.id)) continue;
    state.outstanding.set(effect.id, {
      effect,
      tries: 0,
      looks: 0,
      deferredUntil: null,
      unknownOutcome: false,
    });
  }
}

/** A ledger's older settings lack what was added since. A bucket that nothing was taken from yet is full. */
function loadSettings(state: State, loaded: Settings): void {
  state.settings = { ...defaultSettings, ...loaded };
  const { launchRequests, launchInstances } = state.settings;
  if (state.launchBucket.at === 0) state.launchBucket = { tokens: launchRequests.burst, at: 0 };
  if (state.instanceBucket.at === 0)
    state.instanceBucket = { tokens: launchInstances.burst, at: 0 };
}

function countLook(state: State, effectId: string): void {
  const out = state.outstanding.get(effectId);
  if (out !== undefined) out.looks += 1;
}

function takeRequest(state: State, requestId: string): void {
  for (const [id, at] of state.taken) {
    if (state.now - at <= takenForMs) break;
    state.taken.delete(id);
  }
  state.taken.set(requestId, state.now);
}

function applyDecision(state: State, decision: Decision, event: Event): void {
  switch (decision.kind) {
    case 'RequestTaken':
    case 'InputFaulty':
    case 'NodesLost':
    case 'AnswerLate':
      return;
    case 'NodesRejected':
      openRequest(state, decision.requestId).failed.push(...decision.refusal.nodes);
      return;
    case 'GangFormed':
      return formGang(state, decision, event);
    case 'GangDissolved':
      return dissolveGang(state, decision);
    case 'EffectDeferred':
      return deferEffect(state, decision);
    case 'EffectRepeated':
      return repeatEffect(state, decision.effectId);
    case 'EffectNarrowed':
      return narrowEffect(state, decision.effectId, decision.nodes);
    case 'EffectPutOff':
      state.outstanding.set(decision.effect.id, {
        effect: decision.effect,
        tries: 0,
        looks: 0,
        deferredUntil: decision.until,
        unknownOutcome: false,
      });
      return;
    case 'LaunchQueued':
      state.outstanding.set(decision.effect.id, {
        effect: decision.effect,
        tries: 0,
        looks: 0,
        deferredUntil: state.now,
        unknownOutcome: false,
      });
      return;
    case 'LaunchesThrottled': {
      const rate = state.settings.launchRequests;
      state.launchBucket = emptyUntil(rate, state.now, decision.readyAt);
      return;
    }
    case 'EffectAbandoned':
      return endEffect(state, decision.effectId);
    case 'LeasesEnded':
      for (const node of decision.nodes) endLease(state, node);
      return;
    case 'RequestSettled':
      state.requests.delete(decision.requestId);
      return;
    case 'CapacitySeen':
      return seeCapacity(state, decision);
    case 'CapacityForgotten':
      for (const pool of decision.pools) state.memory.delete(pool);
      return;
    case 'ReservationHeld':
      return holdReservation(state, decision);
    case 'ReservationOver':
      state.reservations.delete(decision.reservationId);
      return;
    case 'JobRefused':
      return refuseJob(state, decision);
    case 'JobStarted':
      state.jobs.delete(decision.jobId);
      return;
    case 'NodesRegistered':
      return registerNodes(state, decision.nodes);
    case 'NodesReplaced': {
      const boot = state.boots.get(decision.bootId);
      if (boot === undefined) return;
      boot.replacements += decision.nodes.length;
      for (const node of decision.nodes) {
        boot.awaiting.delete(node);
        boot.replacing.set(node, decision.replacementId);
      }
      return;
    }
    case 'BootDoomed': {
      const boot = state.boots.get(decision.gangId);
      if (boot !== undefined) boot.doom = decision.doom;
      return;
    }
    case 'BootFailed':
    case 'BootCancelled':
      state.boots.delete(decision.gangId);
      return;
    case 'BootNodesLost':
      return dropBootNodes(state, decision.gangId, decision.refusal.nodes);
    case 'BootNodesDropped':
      return dropBootNodes(state, decision.gangId, decision.nodes);
    case 'GangCancelled':
    case 'GangGrew':
    case 'GangReserving':
    case 'GangWaits':
    case 'LeaseHandedOver':
    case 'ReserveForgone':
    case 'RungLeft':
    case 'GangStarted':
    case 'BatchHeld':
    case 'BatchRefused':
    case 'GangWhole':
    case 'NodesGiven':
    case 'NodesRefused':
    case 'NodesDropped':
    case 'GangClosed': {
      const gang = state.gangs.get(decision.gangId);
      if (gang !== undefined) applyToGang(state, gang, decision);
      return;
    }
  }
}

function formGang(
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
    priority: formed.priority ?? null,
    jobNodes: formed.jobNodes ?? null,
    nodes: formed.nodes,
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
}

function phaseOf({
  gangKind,
  missing,
}: Pick<Extract<Decision, { kind: 'GangFormed' }>, 'gangKind' | 'missing'>): GangPhase {
  if (gangKind === 'request') return 'asking';
  return missing.length > 0 ? 'assembling' : 'waiting';
}

function claimNodes(state: State, gang: Gang, nodes: readonly string[]): void {
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

/** Those in its place have taken its nodes; who waited for it waits for them. */
function dissolveGang(state: State, dissolved: Extract<Decision, { kind: 'GangDissolved' }>): void {
  const { gangId, requestId } = dissolved;
  const gang = state.gangs.get(gangId);
  if (gang === undefined) return;
  state.gangs.delete(gangId);
  state.asked.delete(requestId);
  for (const node of gang.nodes) releaseClaim(state, node, gangId);
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
  gang.assembleBy = grew.assembleBy;
  gang.phase = phaseOf({ gangKind: gang.kind, missing: grew.missing });
  gang.waitsFor = [...new Set([...gang.waitsFor, ...grew.waitsFor])];
  claimNodes(state, gang, grew.nodes);
}

/** What ran in the pool, and ends, is room for others. */
function endLease(state: State, node: string): void {
  const lease = state.leases.get(node);
  state.leases.delete(node);
  const memory = state.memory.get(lease?.pool ?? '');
  if (lease?.given === true && memory !== undefined)
    state.memory.set(lease.pool, rememberRelease(memory, 1));
}

function seeCapacity(state: State, seen: Extract<Decision, { kind: 'CapacitySeen' }>): void {
  const { pool, count, refusal } = seen;
  const ages = state.settings.capacityMemory;
  const before = state.memory.get(pool);
  const at = state.now;
  state.memory.set(
    pool,
    refusal === null
      ? rememberSuccess(before, { count, at }, ages)
      : rememberRefusal(before, { ...refusal, count, at }, ages),
  );
}

function refuseJob(state: State, refused: Extract<Decision, { kind: 'JobRefused' }>): void {
  const { jobId, tries, nextAt, code, message, wants = null } = refused;
  const at = state.now;
  // Those that nobody has tried again for so long are gone.
  for (const [id, job] of state.jobs) {
    if (at - job.lastAt <= 2 * state.settings.retry.forMs) break;
    state.jobs.delete(id);
  }
  const firstAt = state.jobs.get(jobId)?.firstAt ?? at;
  state.jobs.delete(jobId);
  state.jobs.set(jobId, { tries, firstAt, lastAt: at, nextAt, code, message, wants });
}

function holdReservation(state: State, held: Extract<Decision, { kind: 'ReservationHeld' }>): void {
  const { reservationId, effectId, gangId, instanceType, zone, count } = held;
  const since = state.now;
  state.reservations.set(reservationId, {
    reservationId,
    effectId,
    gangId,
    instanceType,
    zone,
    count,
    since,
  });
  const part = state.gangs.get(gangId)?.reserving.get(effectId);
  if (part !== undefined) part.reservationId = reservationId;
}

function openRequest(state: State, requestId: string) {
  let request = state.requests.get(requestId);
  if (request === undefined) {
    request = { id: requestId, openGangs: new Set(), given: [], failed: [] };
    state.requests.set(requestId, request);
  }
  return request;
}

function deferEffect(state: State, deferred: Extract<Decision, { kind: 'EffectDeferred' }>): void {
  const out = state.outstanding.get(deferred.effectId);
  if (out === undefined) return;
  out.unknownOutcome ||= deferred.unknownOutcome;
  out.tries += 1;
  out.deferredUntil = deferred.until;
  if (out.effect.kind === 'AssignNodes' && deferred.unknownOutcome) {
    const assigned = state.gangs.get(out.effect.gangId);
    if (assigned !== undefined) assigned.mayBeGiven = true;
  }
  const gang = state.gangs.get(state.batchGangs.get(deferred.effectId) ?? '');
  const batch = gang?.batches.get(deferred.effectId);
  if (batch === undefined) return;
  batch.tries += 1;
  batch.unknownOutcome ||= deferred.unknownOutcome;
}

function narrowEffect(state: State, effectId: string, nodes: readonly string[]): void {
  const out = state.outstanding.get(effectId);
  if (out?.effect.kind === 'GiveBackNodes') out.effect = { ...out.effect, nodes };
  if (out?.effect.kind !== 'ReleaseNodes') return;
  // It may have drained them.
  const left = out.effect.nodes.filter((node) => !nodes.includes(node));
  out.effect = { ...out.effect, nodes, keep: [...(out.effect.keep ?? []), ...left] };
}

function repeatEffect(state: State, effectId: string): void {
  const out = state.outstanding.get(effectId);
  if (out === undefined) return;
  out.deferredUntil = null;
  if (out.effect.kind !== 'RunInstances') return;
  const { launchRequests, launchInstances } = state.settings;
  state.launchBucket = takeTokens(state.launchBucket, launchRequests, state.now, 1);
  const batch = state.gangs.get(state.batchGangs.get(effectId) ?? '')?.batches.get(effectId);
  if (batch !== undefined) batch.sentAt ??= state.now;
  if (out.tries > 0) return;
  const count = instanceTokens(state, { effect: out.effect });
  state.instanceBucket = takeTokens(state.instanceBucket, launchInstances, state.now, count);
}

function endEffect(state: State, effectId: string): void {
  const effect = state.outstanding.get(effectId)?.effect;
  state.outstanding.delete(effectId);
  if (effect?.kind === 'AssignNodes') state.gangs.get(effect.gangId)?.assigning.delete(effectId);
}

type GangDecision = Extract<Decision, { gangId: string }>;

function applyToGang(state: State, gang: Gang, decision: GangDecision): void {
  switch (decision.kind) {
    case 'GangGrew':
      return growGang(state, gang, decision);
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
    case 'GangCancelled':
      for (const effectId of gang.batches.keys()) state.batchGangs.delete(effectId);
      gang.batches.clear();
      gang.reserving.clear();
      gang.phase = 'releasing';
      return;
    case 'ReserveForgone': {
      const part = gang.reserving.get(decision.effectId ?? '');
      if (part !== undefined) part.isForgone = true;
      return;
    }
    case 'GangWaits':
      gang.turnAfter = decision.turnAfter;
      gang.waitsFor = [...gang.waitsFor, decision.turnAfter];
      return;
    case 'LeaseHandedOver':
      return handOver(state, gang, decision);
    case 'RungLeft':
      return leaveRung(state, gang, decision);
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
      if (decision.refusal !== null) refuseNodes(state, gang, decision.refusal);
      return;
    }
    case 'BatchRefused':
      endBatch(state, gang, decision.effectId);
      // A firm gang has lost none of its nodes by it: it is let go as a whole, or tries another rung.
      if (!gang.firm) refuseNodes(state, gang, decision.refusal);
      return;
    case 'GangWhole':
      gang.phase = 'assigning';
      for (const id of decision.effectIds) gang.assigning.add(id);
      return;
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
    case 'GangClosed':
      return closeGang(state, gang, decision);
    case 'GangFormed':
    case 'GangDissolved':
    case 'ReservationHeld':
    case 'BootDoomed':
    case 'BootFailed':
    case 'BootNodesLost':
    case 'BootNodesDropped':
    case 'BootCancelled':
      return;
  }
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

/** What a gang left on its nodes before it was given belongs to the one that is there now. */
function takeOver(state: State, gang: Gang): void {
  for (const node of gang.nodes) {
    const lease = state.leases.get(node);
    if (lease !== undefined && !lease.given && !state.gangs.has(lease.gangId))
      lease.gangId = gang.id;
  }
}

function registerNodes(state: State, nodes: readonly string[]): void {
  for (const node of nodes) {
    const lease = state.leases.get(node);
    if (lease !== undefined) lease.isRegistered = true;
  }
  for (const boot of state.boots.values()) {
    for (const node of nodes) boot.awaiting.delete(node);
    endBootIfWhole(state, boot);
  }
}

function dropBootNodes(state: State, gangId: string, nodes: readonly string[]): void {
  const boot = state.boots.get(gangId);
  if (boot === undefined) return;
  const dropped = new Set(nodes);
  boot.nodes = boot.nodes.filter((node) => !dropped.has(node));
  keepJobs(boot, boot.nodes);
  for (const node of dropped) {
    boot.awaiting.delete(node);
    boot.replacing.delete(node);
  }
  endBootIfWhole(state, boot);
}

/** Where every job has a node of its own, those without one are not its affair any more. */
function keepJobs(boot: Boot, nodes: readonly string[]): void {
  if (boot.jobNodes === null) return;
  boot.jobNodes = boot.jobNodes.filter(([, node]) => nodes.includes(node));
  boot.jobIds = boot.jobNodes.map(([jobId]) => jobId);
}

function endBootIfWhole(state: State, boot: Boot): void {
  // One that is let go is ended by that.
  if (boot.doom !== null) return;
  if (boot.awaiting.size === 0 && boot.replacing.size === 0) state.boots.delete(boot.gangId);
}

/** What was given must register: within what a boot is allowed, and in time for ResumeTimeout. */
function startBoot(state: State, gang: Gang, given: readonly string[]): void {
  const { settings, now } = state;
  const registerAllBy = registerBy(settings, gang.requestedAt, now);
  const by = Math.min(registerAllBy, now + bootAllowanceMs(settings));
  const awaited = given.filter((node) => state.leases.get(node)?.isRegistered === false);
  if (gang.replaces !== null) return endReplacing(state, gang, awaited, by);
  if (awaited.length === 0) return;
  const boot: Boot = {
    gangId: gang.id,
    requestId: gang.requestIds[0] ?? '',
    jobIds: gang.jobIds,
    jobNodes: gang.jobNodes,
    isWhole: gang.firm && gang.kind === 'job',
    nodes: given,
    awaiting: new Map(awaited.map((node) => [node, by])),
    requestedAt: gang.requestedAt,
    registerBy: registerAllBy,
    replacing: new Map(),
    replacements: 0,
    doom: null,
  };
  keepJobs(boot, given);
  state.boots.set(gang.id, boot);
}

/** Gangs that share the node have waited for the same instance. */
function endReplacing(
  state: State,
  { id, nodes }: Gang,
  awaited: readonly string[],
  by: Instant,
): void {
  for (const boot of state.boots.values()) {
    const own = nodes.filter((node) => boot.replacing.get(node) === id);
    if (own.length === 0) continue;
    for (const node of own) boot.replacing.delete(node);
    for (const node of own) if (awaited.includes(node)) boot.awaiting.set(node, by);
    endBootIfWhole(state, boot);
  }
}

/** Launches of it that still run are answered to nobody: what they bring is terminated. */
function leaveRung(state: State, gang: Gang, left: Extract<Decision, { kind: 'RungLeft' }>): void {
  for (const effectId of gang.batches.keys()) state.batchGangs.delete(effectId);
  gang.batches.clear();
  gang.reserving.clear();
  gang.phase = 'waiting';
  gang.tried = [...gang.tried, left.rung];
  gang.lastRefusal = left.refusal;
  gang.zonesNamed = [...new Set([...left.zonesNamed, ...gang.zonesNamed])];
}

function endBatch(state: State, gang: Gang, effectId: string): void {
  gang.batches.delete(effectId);
  state.batchGangs.delete(effectId);
  state.outstanding.delete(effectId);
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

function releaseClaim(state: State, node: string, gangId: string): void {
  const left = (state.claims.get(node) ?? []).filter((claimant) => claimant !== gangId);
  if (left.length === 0) state.claims.delete(node);
  else state.claims.set(node, left);
}

function closeGang(
  state: State,
  gang: Gang,
  closed: Extract<Decision, { kind: 'GangClosed' }>,
): void {
  state.gangs.delete(gang.id);
  for (const effectId of gang.batches.keys()) state.batchGangs.delete(effectId);
  for (const node of gang.nodes) releaseClaim(state, node, gang.id);
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
