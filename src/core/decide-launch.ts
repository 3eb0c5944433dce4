/** From a gang formed to a gang given: its launches, their answers, and Slurm's. */
import { backoffMs } from './backoff.ts';
import { bootAllowanceMs, launchBy, marginMs } from './deadlines.ts';
import type { BatchStarted, PlacedInstance } from './decisions.ts';
import {
  concludeLaunch,
  closeGang,
  endLeases,
  failGang,
  giveBack,
  sweepLaunch,
  terminate,
} from './decide-gang.ts';
import { assignmentsOut, batchesOut, leaseOf, openGang, refusedOf, type Draft } from './draft.ts';
import type { RunInstances } from './effects.ts';
import type { Failure } from './events.ts';
import { createLocator, type Place } from './fleet.ts';
import type { Batch, Gang, Refusal } from './gang.ts';
import type { Instance } from './instances.ts';
import { tokenWaitMs } from './launch-schedule.ts';
import { cutBatches, type PlannedBatch } from './plan.ts';
import type { Instant } from './units.ts';
import { verdictOf } from './verdict.ts';

/** EC2 refills launch requests at about 2 a second, so a throttled one is worth asking again after a second. */
const throttleBackoff = { baseMs: 1_000, maxMs: 20_000 };
/** A lost answer is usually a broken connection: the next one tells soon. */
const transientBackoff = { baseMs: 500, maxMs: 10_000 };

/** Starts every gang that waits for no open gang any more. */
export function startGangs(draft: Draft): void {
  const locate = createLocator(draft.state.settings);
  for (const gang of draft.state.gangs.values()) {
    if (gang.phase !== 'waiting' || draft.closed.has(gang.id)) continue;
    if (gang.waitsFor.some((id) => openGang(draft, id) !== null)) continue;
    startGang(draft, gang, locate);
  }
}

function startGang(draft: Draft, gang: Gang, locate: ReturnType<typeof createLocator>): void {
  const places = new Map<string, Place>();
  for (const node of gang.nodes) {
    if (leaseOf(draft, node) !== null) continue;
    const located = locate(node);
    // Only a configuration loaded since the request can take a node's place away.
    if (located.kind === 'nowhere') {
      const { code, message } = located;
      return failGang(draft, gang, { code, message, nodes: gang.nodes });
    }
    places.set(node, located.place);
  }
  const late =
    places.size > 0 ? (tooLate(draft, gang) ?? waitTooLong(draft, gang, places.size)) : null;
  if (late !== null) return failGang(draft, gang, { ...late, nodes: gang.nodes });
  const placeOf = (node: string): Place => {
    const place = places.get(node);
    if (place === undefined) throw new Error(`node ${node} was located and lost`);
    return place;
  };
  const batches = cutBatches(draft.state.settings, [...places.keys()], placeOf, gang.firm);
  const started: BatchStarted[] = [];
  const effects: RunInstances[] = [];
  for (const [index, batch] of batches.entries()) {
    const effect = launchEffect(draft, gang, batch, index);
    effects.push(effect);
    started.push({
      effectId: effect.id,
      queue: batch.place.queue,
      computeResource: batch.place.computeResource,
      nodes: batch.nodes,
      clientToken: effect.order.clientToken,
    });
  }
  draft.decisions.push({ kind: 'GangStarted', gangId: gang.id, batches: started });
  for (const effect of effects) draft.decisions.push({ kind: 'LaunchQueued', effect });
  draft.queued.push(...effects);
  if (started.length === 0) concludeLaunch(draft, gang, []);
}

/** Slurm's ResumeTimeout runs from the request: what is found long after it must not be launched any more. */
export function tooLate(draft: Draft, gang: Gang): Pick<Refusal, 'code' | 'message'> | null {
  const by = launchBy(draft.state.settings, gang);
  if (draft.at <= by) return null;
  const seconds = Math.round((by - gang.requestedAt) / 1000);
  const message = `muster could not ask EC2 within ${seconds} s of the request`;
  return { code: 'LaunchTooLate', message };
}

/** Whether instances that must wait for EC2's launch tokens would boot within ResumeTimeout; if not, what would be enough. */
function waitTooLong(
  draft: Draft,
  gang: Gang,
  count: number,
): Pick<Refusal, 'code' | 'message'> | null {
  const { settings } = draft.state;
  if (settings.resumeTimeoutMs === null) return null;
  const queued = draft.queued.reduce((sum, { order }) => sum + order.maxCount, 0);
  const waitMs = tokenWaitMs(draft.state, draft.at, queued, count);
  if (waitMs === 0 || draft.at + waitMs <= launchBy(settings, gang)) return null;
  const spentMs = draft.at - gang.requestedAt;
  const needMs = spentMs + waitMs + bootAllowanceMs(settings) + marginMs(settings);
  const { burst, perSecond } = settings.launchInstances;
  const seconds = (ms: number): number => Math.ceil(ms / 1000);
  const message =
    `EC2 launches ${burst} instances at once and ${perSecond} a second then, so ${count} take ${seconds(waitMs)} s: ` +
    `set ResumeTimeout to ${seconds(needMs)} at least (it is ${seconds(settings.resumeTimeoutMs)})`;
  return { code: 'ResumeTimeoutTooShort', message };
}

function launchEffect(draft: Draft, gang: Gang, batch: PlannedBatch, index: number): RunInstances {
  const { queue, computeResource, launch, market } = batch.place;
  const [requestId, gangIndex] = gang.id.split('/');
  return {
    kind: 'RunInstances',
    id: `${gang.id}/launch${index}`,
    batchId: `${gang.id}/launch${index}`,
    order: {
      // At most 64 characters, and never the same for another batch: EC2 takes a repetition for the same launch.
      clientToken: `${requestId}-${gangIndex}-${index}`,
      minCount: batch.minCount,
      maxCount: batch.maxCount,
      launch,
      market,
      tags: {
        'muster:cluster': draft.state.settings.clusterName,
        'muster:queue': queue,
        'muster:compute-resource': computeResource,
        'muster:gang': gang.id,
        ...(gang.jobIds.length > 0 ? { 'muster:job': jobTag(gang.jobIds) } : {}),
      },
    },
  };
}

/** Job ids in one tag value, which EC2 limits to 256 characters. */
function jobTag(jobIds: readonly number[]): string {
  const all = jobIds.join(' ');
  return all.length <= 256 ? all : `${all.slice(0, all.lastIndexOf(' ', 252))} ...`;
}

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
  const surplus = instances.slice(wanted.length).map((instance) => instance.instanceId);
  const short = wanted.slice(placed.length);
  const refusal = short.length === 0 ? null : shortRefusal(gang, batch, short, instances.length);
  for (const place of placed) draft.placed.set(place.node, { ...place, gangId: gang.id });
  draft.decisions.push({ kind: 'BatchHeld', gangId: gang.id, effectId, placed, surplus, refusal });
  terminate(draft, surplus, effectId);
  if (refusal !== null && gang.firm)
    return failGang(draft, gang, { ...refusal, nodes: gang.nodes });
  if (refusal !== null) giveBack(draft, gang, short, refusal, `${effectId}/back`);
  settleBatch(draft, gang);
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
  const verdict = verdictOf(failure.code);
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
    if (until <= retryBy(draft, gang, batch)) {
      // A throttled launch keeps its place: it is the first to go when there is a token again.
      if (verdict === 'throttle')
        draft.decisions.push({ kind: 'LaunchesThrottled', readyAt: until });
      const again = verdict === 'throttle' ? draft.at : until;
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

/** Patience counts from when EC2 was first asked: instances of a large gang wait for their tokens before that. */
function retryBy(draft: Draft, gang: Gang, batch: Batch): Instant {
  const { settings } = draft.state;
  const patient = (batch.sentAt ?? gang.requestedAt) + settings.launchPatienceMs;
  return settings.resumeTimeoutMs === null ? patient : Math.min(patient, launchBy(settings, gang));
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
  if (gang.firm) return failGang(draft, gang, { ...refusal, nodes: gang.nodes });
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
