/** From a gang formed to a gang given: its launches, their answers, and Slurm's. */
import { backoffMs } from './backoff.ts';
import { launchBy } from './deadlines.ts';
import type { PlacedInstance } from './decisions.ts';
import { concludeLaunch, failGang, giveBack, leaveRung } from './decide-gang.ts';
import {
  closeGang,
  endLeases,
  isInOwnReservation,
  sweepLaunch,
  terminate,
} from './decide-moves.ts';
import { hasRungLeft } from './decide-rungs.ts';
import {
  assignmentsOut,
  batchesOut,
  heldIn,
  leaseOf,
  openGang,
  refusedOf,
  type Draft,
} from './draft.ts';
import type { Failure } from './events.ts';
import type { Batch, Gang, Refusal } from './gang.ts';
import type { Instance } from './instances.ts';
import { settingsFor } from './launch-policy.ts';
import type { DurationMs, Instant } from './units.ts';
import { verdictOf, type Verdict } from './verdict.ts';

/** EC2 refills launch requests at about 2 a second, so a throttled one is worth asking again after a second. */
const throttleBackoff = { baseMs: 1_000, maxMs: 20_000 };
/** A lost answer is usually a broken connection: the next one tells soon. */
const transientBackoff = { baseMs: 500, maxMs: 10_000 };

export function decideLaunchAnswered(
  draft: Draft,
  effectId: string,
  instances: readonly Instance[],
): void {
  const gang = openGang(draft, draft.state.batchGangs.get(effectId));
  const batch = gang?.batches.get(effectId);
  if (gang === null || batch === undefined) {
    const instanceIds = instances.map((instance) => instance.instanceId);
    draft.decisions.push({ kind: 'AnswerLate', effectId, instanceIds });
    terminate(draft, instanceIds, effectId);
    return;
  }
  const members = new Set(gang.nodes);
  const wanted = batch.nodes.filter((node) => members.has(node));
  const placed: PlacedInstance[] = [];
  for (const [index, node] of wanted.entries()) {
    const instance = instances[index];
    if (instance !== undefined) placed.push({ node, instance });
  }
  const beyond = instances.slice(wanted.length);
  const spares = beyond.slice(0, batch.spares ?? 0);
  const surplus = beyond.slice(spares.length).map((instance) => instance.instanceId);
  const short = wanted.slice(placed.length);
  const refusal = short.length === 0 ? null : shortRefusal(gang, batch, short, instances.length);
  for (const place of placed) draft.placed.set(place.node, { ...place, gangId: gang.id });
  draft.decisions.push({
    kind: 'BatchHeld',
    gangId: gang.id,
    effectId,
    placed,
    surplus,
    ...(spares.length > 0 && { spares }),
    refusal,
  });
  if (refusal === null || !gang.firm) rememberHeld(draft, gang, batch, instances.length);
  terminate(draft, surplus, effectId);
  if (refusal !== null && gang.firm)
    return failGang(draft, gang, { ...refusal, nodes: gang.nodes });
  if (refusal !== null) giveBack(draft, gang, short, refusal, `${effectId}/back`);
  settleBatch(draft, gang);
}

/** What the gang holds in the pool now counts: it is what EC2 gave. */
function rememberHeld(draft: Draft, gang: Gang, batch: Batch, count: number): void {
  const { pool } = batch;
  const held = heldIn(draft, gang, pool) + count;
  draft.decisions.push({ kind: 'CapacitySeen', pool, count: held, refusal: null });
  if (count >= batch.nodes.length) return;
  const message = `EC2 launched ${count} of ${batch.nodes.length} instances`;
  const refusal = { code: 'InsufficientInstanceCapacity', message };
  draft.decisions.push({ kind: 'CapacitySeen', pool, count: 1, refusal });
}

/** A soft batch got fewer than it asked for; a firm one only when a repeated answer names instances that have ended. */
function shortRefusal(gang: Gang, batch: Batch, short: readonly string[], got: number): Refusal {
  return gang.firm
    ? {
        nodes: short,
        code: 'InstancesVanished',
        message: `EC2 repeated an answer of which ${got} of ${batch.nodes.length} instances still exist`,
      }
    : {
        nodes: short,
        code: 'LimitedInstanceCapacity',
        message: `EC2 launched ${got} of ${batch.nodes.length} instances`,
      };
}

/** One batch less is out; the last one's answer concludes the launch. */
function settleBatch(draft: Draft, gang: Gang): void {
  if (batchesOut(draft, gang) === 0) concludeLaunch(draft, gang, refusedOf(draft, gang));
}

export function decideLaunchFailed(draft: Draft, effectId: string, failure: Failure): void {
  const verdict = verdictInPlace(draft, effectId, failure.code);
  const unknownOutcome = verdict === 'transient';
  const gang = openGang(draft, draft.state.batchGangs.get(effectId));
  const batch = gang?.batches.get(effectId);
  if (gang === null || batch === undefined) {
    draft.decisions.push({ kind: 'EffectAbandoned', effectId, why: failure.code });
    const out = draft.state.outstanding.get(effectId);
    if (out?.effect.kind !== 'RunInstances') return;
    // The gang's own book of the batch is gone: after an attempt that failed, any of them may have launched.
    if (unknownOutcome || out.tries > 0) sweepLaunch(draft, effectId, out.effect.order.clientToken);
    return;
  }
  if (verdict === 'throttle' || verdict === 'transient') {
    const { baseMs, maxMs } = verdict === 'throttle' ? throttleBackoff : transientBackoff;
    const until = draft.at + backoffMs(effectId, batch.tries, baseMs, maxMs);
    const isThrottled = verdictOf(failure.code) === 'throttle';
    if (until <= retryBy(draft, gang, batch, isThrottled)) {
      // A throttled launch keeps its place: it is the first to go when there is a token again.
      if (isThrottled) draft.decisions.push({ kind: 'LaunchesThrottled', readyAt: until });
      const again = isThrottled ? draft.at : until;
      draft.decisions.push({
        kind: 'EffectDeferred',
        effectId,
        until: again,
        why: failure.code,
        unknownOutcome,
      });
      return;
    }
  }
  refuseBatch(draft, gang, batch, failure, unknownOutcome);
}

/**
 * What is reserved is there: EC2 only does not let it be used yet, and the same call tells when it does. A reservation
 * that is over is another matter.
 */
function verdictInPlace(draft: Draft, effectId: string, code: string): Verdict {
  const verdict = verdictOf(code);
  if (verdict !== 'capacity' || code.startsWith('InvalidCapacityReservationState')) return verdict;
  return isInOwnReservation(draft, effectId) ? 'throttle' : verdict;
}

/** What is reserved can be used at once. A launch that EC2 still refuses after this does not fit. */
const fitsWithinMs: DurationMs = 60_000;

/**
 * Patience counts from when EC2 was first asked: instances of a large gang wait for their tokens before that. A rung has
 * less of it where there is another one, unless EC2 throttles, as it would there too.
 */
function retryBy(draft: Draft, gang: Gang, batch: Batch, isThrottled: boolean): Instant {
  const settings = settingsFor(draft.state.settings, gang);
  const sentAt = batch.sentAt ?? gang.requestedAt;
  if (!isThrottled && isInOwnReservation(draft, batch.effectId)) return sentAt + fitsWithinMs;
  const mayLeave = !isThrottled && gang.firm && hasRungLeft(draft, gang);
  const patience = mayLeave
    ? Math.min(settings.launchPatienceMs, settings.rungPatienceMs)
    : settings.launchPatienceMs;
  if (settings.resumeTimeoutMs === null) return sentAt + patience;
  return Math.min(sentAt + patience, launchBy(settings, gang));
}

/** The batch gets nothing: the end of a firm gang, a loss of nodes for a soft one. */
export function refuseBatch(
  draft: Draft,
  gang: Gang,
  batch: Batch,
  failure: Pick<Failure, 'code' | 'message'>,
  unknownOutcome: boolean,
): void {
  const members = new Set(gang.nodes);
  const refusal: Refusal = {
    nodes: batch.nodes.filter((node) => members.has(node)),
    code: failure.code,
    message: failure.message,
  };
  draft.decisions.push({
    kind: 'BatchRefused',
    gangId: gang.id,
    effectId: batch.effectId,
    refusal,
  });
  // An earlier attempt may have launched although this one was refused.
  if (unknownOutcome || batch.unknownOutcome) sweepLaunch(draft, batch.effectId, batch.clientToken);
  if (gang.firm) return leaveRung(draft, gang, batch, failure);
  if (verdictOf(failure.code) === 'capacity')
    draft.decisions.push({ kind: 'CapacitySeen', pool: batch.pool, count: 1, refusal: failure });
  giveBack(draft, gang, refusal.nodes, refusal, `${batch.effectId}/back`);
  settleBatch(draft, gang);
}

export function decideNodesAssigned(draft: Draft, effectId: string): void {
  const effect = draft.state.outstanding.get(effectId)?.effect;
  if (effect?.kind !== 'AssignNodes') return;
  const gang = openGang(draft, effect.gangId);
  if (gang === null) return;
  const members = new Set(gang.nodes);
  const nodes = effect.nodes.filter((node) => members.has(node));
  draft.decisions.push({ kind: 'NodesGiven', gangId: gang.id, effectId, nodes });
  // Its job is gone: whether its nodes go is being asked.
  if (gang.phase === 'releasing') return;
  settleAssignment(draft, gang, [...gang.given, ...nodes]);
}

/** One assignment less is out; the last one's answer is the verdict. */
export function settleAssignment(draft: Draft, gang: Gang, given: readonly string[]): void {
  if (assignmentsOut(draft, gang) === 0) closeGang(draft, gang, given, refusedOf(draft, gang));
}

/** Slurm refuses a node of a soft gang: that node's instance goes, the others stay. */
export function refuseNodes(draft: Draft, gang: Gang, effectId: string, refusal: Refusal): void {
  const own = refusal.nodes.filter((node) => leaseOf(draft, node)?.gangId === gang.id);
  endLeases(draft, own, refusal.code, effectId);
  giveBack(draft, gang, refusal.nodes, refusal, `${effectId}/back`);
  draft.decisions.push({ kind: 'NodesRefused', gangId: gang.id, effectId, refusal });
  settleAssignment(draft, gang, gang.given);
}
