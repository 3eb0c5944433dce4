/**
 * Changes the state by one turn: the only code that does. It reads the turn and nothing else, so that replaying the
 * ledger gives the state that was, whatever today's `decide` would decide.
 *
 * `apply` is the one entry. The files beside it (`apply-request.ts`, `apply-gang.ts`, `apply-nodes.ts`, `apply-boot.ts`,
 * `apply-effect.ts`, `apply-capacity.ts`, `apply-fleet.ts`) are its parts: each takes the decisions about one subject.
 */
import { applyToBoots, type BootDecision } from './apply-boot.ts';
import { applyToCapacity, bookAnswer, type CapacityDecision } from './apply-capacity.ts';
import {
  applyToEffects,
  countLook,
  type EffectDecision,
  endEffect,
  noteRefreshed,
  putOutstanding,
} from './apply-effect.ts';
import { applyToFleet, type FleetDecision, keepSets } from './apply-fleet.ts';
import { applyToGang, dissolveGang, formGang } from './apply-gang.ts';
import { applyToGangNodes } from './apply-nodes.ts';
import { applyToProtection, type ProtectionDecision } from './apply-protection.ts';
import { applyToRequests, takeRequest } from './apply-request.ts';
import type { Decision } from './decisions.ts';
import type { Event } from './events.ts';
import { defaultSettings, type Settings } from './settings.ts';
import type { State } from './state.ts';
import type { Turn } from './turn.ts';

export function apply(state: State, turn: Turn): void {
  const { event } = turn;
  if (state.begunAt === 0) {
    state.begunAt = event.at;
    state.since = event.kind === 'LedgerBegun' ? event.since : event.at;
  }
  state.now = Math.max(state.now, event.at);
  if (event.kind === 'ConfigLoaded') loadSettings(state, event.settings);
  if (event.kind === 'SubnetsTold')
    for (const [id, zone] of Object.entries(event.zones)) state.zones.set(id, zone);
  if (event.kind === 'PlacementGroupsTold') {
    for (const [name, arn] of Object.entries(event.arns)) state.groupArns.set(name, arn);
    for (const [name, group] of Object.entries(event.templates))
      state.templateGroups.set(name, group);
  }
  if (event.kind === 'HookCalled') takeRequest(state, event.request.id);
  if (event.kind === 'NodesRefreshed') noteRefreshed(state, event.effectId);
  if (event.kind === 'LaunchAnswered') bookAnswer(state, event);
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
    putOutstanding(state, effect, null);
  }
}

/**
 * A ledger's older settings lack what was added since. A bucket that nothing was taken from yet is full. Until Slurm has told
 * its ResumeTimeout again, after a start or a reload, it is what it was.
 */
function loadSettings(state: State, loaded: Settings): void {
  const resumeTimeoutMs = loaded.resumeTimeoutMs ?? state.settings.resumeTimeoutMs;
  state.settings = { ...defaultSettings, ...loaded, resumeTimeoutMs };
  keepSets(state);
  const { launchRequests, launchInstances } = state.settings;
  if (state.launchBucket.at === 0) state.launchBucket = { tokens: launchRequests.burst, at: 0 };
  if (state.instanceBucket.at === 0)
    state.instanceBucket = { tokens: launchInstances.burst, at: 0 };
}

function applyDecision(state: State, decision: Decision, event: Event): void {
  switch (decision.kind) {
    case 'RequestTaken':
    case 'InputFaulty':
    case 'NodesLost':
    case 'NodesMended':
    case 'AnswerLate':
    case 'NodesTakenByHand':
      return;
    case 'NodesRejected':
    case 'RequestSettled':
    case 'JobRefused':
    case 'JobStarted':
    case 'JobForgotten':
    case 'JobStruck':
    case 'JobSettled':
      return applyToRequests(state, decision);
    case 'GangFormed':
      return formGang(state, decision, event);
    case 'GangDissolved':
      return dissolveGang(state, decision);
    case 'GangGrew':
    case 'GangWaits':
    case 'GangReserving':
    case 'ReserveForgone':
    case 'GangStarted':
    case 'GangWhole':
    case 'RungLeft':
    case 'GangCancelled':
    case 'GangClosed': {
      const gang = state.gangs.get(decision.gangId);
      if (gang !== undefined) applyToGang(state, gang, decision);
      return;
    }
    case 'BatchHeld':
    case 'BatchRefused':
    case 'SparesTaken':
    case 'LeaseHandedOver':
    case 'NodesGiven':
    case 'NodesRefused':
    case 'NodesDropped': {
      const gang = state.gangs.get(decision.gangId);
      if (gang !== undefined) applyToGangNodes(state, gang, decision);
      return;
    }
    default:
      return applyBeyondGangs(state, decision);
  }
}

/** The decisions about what outlives a gang, or is none's. */
function applyBeyondGangs(
  state: State,
  decision: BootDecision | EffectDecision | CapacityDecision | FleetDecision | ProtectionDecision,
): void {
  switch (decision.kind) {
    case 'BootsFailed':
    case 'QueueProtected':
    case 'QueueStarted':
    case 'ConsoleKept':
      return applyToProtection(state, decision);
    case 'NodesRegistered':
    case 'NodesReplaced':
    case 'BootDoomed':
    case 'BootFailed':
    case 'BootCancelled':
    case 'BootNodesLost':
    case 'BootNodesDropped':
      return applyToBoots(state, decision);
    case 'EffectDeferred':
    case 'EffectRepeated':
    case 'EffectNarrowed':
    case 'EffectPutOff':
    case 'LaunchQueued':
    case 'LaunchesThrottled':
    case 'EffectAbandoned':
      return applyToEffects(state, decision);
    case 'LeasesFound':
    case 'LeasesEnded':
    case 'SparesEnded':
    case 'CapacitySeen':
    case 'CapacityForgotten':
    case 'ReservationHeld':
    case 'ReservationOver':
      return applyToCapacity(state, decision);
    case 'FleetStopped':
    case 'FleetStarted':
    case 'PartitionsTaken':
    case 'PartitionsRestored':
    case 'SetPoweredUp':
    case 'SetRefused':
    case 'SetWhole':
    case 'SetHastened':
      return applyToFleet(state, decision);
  }
  return decision satisfies never;
}
