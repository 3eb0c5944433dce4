/**
 * The part of `apply` that keeps the books of effects: which are outstanding, how often each was tried, until when it
 * waits, and what EC2's token buckets have left. Only `apply` and its other parts call it.
 */
import type { Decision } from './decisions.ts';
import type { Effect } from './effects.ts';
import { emptyUntil, takeTokens } from './launch-bucket.ts';
import { instanceTokens } from './launch-schedule.ts';
import type { State } from './state.ts';
import type { Instant } from './units.ts';

export type EffectDecision = Extract<
  Decision,
  {
    kind:
      | 'EffectDeferred'
      | 'EffectRepeated'
      | 'EffectNarrowed'
      | 'EffectPutOff'
      | 'LaunchQueued'
      | 'LaunchesThrottled'
      | 'EffectAbandoned';
  }
>;

export function applyToEffects(state: State, decision: EffectDecision): void {
  switch (decision.kind) {
    case 'EffectDeferred':
      return deferEffect(state, decision);
    case 'EffectRepeated':
      return repeatEffect(state, decision.effectId);
    case 'EffectNarrowed':
      return narrowEffect(state, decision.effectId, decision.nodes);
    case 'EffectPutOff':
      putOutstanding(state, decision.effect, decision.until);
      return;
    case 'LaunchQueued':
      putOutstanding(state, decision.effect, state.now);
      return;
    case 'LaunchesThrottled': {
      const rate = state.settings.launchRequests;
      state.launchBucket = emptyUntil(rate, state.now, decision.readyAt);
      return;
    }
    case 'EffectAbandoned':
      return endEffect(state, decision.effectId);
  }
  return decision satisfies never;
}

/** `deferredUntil` null: it runs. */
export function putOutstanding(state: State, effect: Effect, deferredUntil: Instant | null): void {
  state.outstanding.set(effect.id, {
    effect,
    tries: 0,
    looks: 0,
    deferredUntil,
    why: null,
    unknownOutcome: false,
  });
}

/** As the effect is now: nodes that were wanted again are not of it any more. */
export function noteRefreshed(state: State, effectId: string): void {
  const effect = state.outstanding.get(effectId)?.effect;
  if (effect?.kind === 'RefreshNodes') for (const node of effect.nodes) state.refreshed.add(node);
}

export function countLook(state: State, effectId: string): void {
  const out = state.outstanding.get(effectId);
  if (out !== undefined) out.looks += 1;
}

function deferEffect(state: State, deferred: Extract<Decision, { kind: 'EffectDeferred' }>): void {
  const out = state.outstanding.get(deferred.effectId);
  if (out === undefined) return;
  out.unknownOutcome ||= deferred.unknownOutcome;
  out.tries += 1;
  out.deferredUntil = deferred.until;
  out.why = deferred.why;
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
  if (out?.effect.kind !== 'GiveBackNodes' && out?.effect.kind !== 'ReleaseNodes') return;
  const left = out.effect.nodes.filter((node) => !nodes.includes(node));
  if (out.effect.kind === 'GiveBackNodes')
    out.effect = { ...out.effect, nodes, overtaken: [...(out.effect.overtaken ?? []), ...left] };
  // It may have drained them.
  else out.effect = { ...out.effect, nodes, keep: [...(out.effect.keep ?? []), ...left] };
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

export function endEffect(state: State, effectId: string): void {
  const effect = state.outstanding.get(effectId)?.effect;
  state.outstanding.delete(effectId);
  if (effect?.kind === 'AssignNodes') state.gangs.get(effect.gangId)?.assigning.delete(effectId);
}
