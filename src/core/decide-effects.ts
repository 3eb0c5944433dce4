/** Effects that failed, that are due again, or that an earlier life of muster left behind. */
import { backoffMs } from './backoff.ts';
import {
  abandon,
  again,
  assignNodes,
  dropReserving,
  isLeftToOther,
  lookAgain,
  refreshLater,
  releasingGang,
} from './decide-moves.ts';
import { failGang } from './decide-gang.ts';
import { restorePartitions } from './decide-fleet-status.ts';
import { askForMs, decideJobsTold } from './decide-jobs.ts';
import { decideConsoleFailed } from './decide-protection.ts';
import { refuseNodes, settleAssignment } from './decide-launch.ts';
import { launchBy } from './deadlines.ts';
import { refuseSet } from './decide-sets.ts';
import { decideNotReleased, isInBoot } from './decide-seen.ts';
import { leaseOf, openGang, type Draft, wantedByOther } from './draft.ts';
import type {
  AssignNodes,
  CreateReservation,
  DrainNodes,
  GiveBackNodes,
  PowerUpNodes,
  RefreshNodes,
  ReleaseNodes,
  SetPartitions,
  TerminateInstances,
} from './effects.ts';
import { settingsFor } from './launch-policy.ts';
import type { OutstandingEffect } from './state.ts';

const retryBackoff = { baseMs: 1_000, maxMs: 60_000 };

/** Slurm's tools answer within seconds; after this many tries nodes are left to ResumeTimeout. */
const giveBackTriesMax = 20;
const lookupTriesMax = 5;

/** A start after a stop or a crash: whatever was out is run again, at once; each effect is idempotent. */
export function decideStarted(draft: Draft): void {
  for (const [effectId, { effect, deferredUntil }] of draft.state.outstanding) {
    if (deferredUntil !== null) continue;
    draft.decisions.push({
      kind: 'EffectDeferred',
      effectId,
      until: draft.at,
      why: 'Restarted',
      unknownOutcome:
        effect.kind === 'RunInstances' ||
        effect.kind === 'CreateReservation' ||
        effect.kind === 'AssignNodes',
    });
  }
}

/** Runs deferred effects, other than launches, whose time has come, unless what they were for has passed. */
export function repeatDueEffects(draft: Draft): void {
  for (const out of draft.state.outstanding.values()) {
    if (out.deferredUntil === null || out.deferredUntil > draft.at) continue;
    repeat(draft, out);
  }
}

function repeat(draft: Draft, out: OutstandingEffect): void {
  const { effect } = out;
  if (effect.kind === 'CreateReservation' && isForgotten(draft, effect))
    return dropReserving(draft, effect.id);
  switch (effect.kind) {
    // Waits for more than its moment: decide-queue.ts.
    case 'RunInstances':
      return;
    case 'AssignNodes':
      return repeatAssign(draft, effect);
    case 'GiveBackNodes':
      return repeatGiveBack(draft, effect);
    case 'ReleaseNodes':
      return repeatRelease(draft, effect);
    case 'RefreshNodes':
      return repeatRefresh(draft, effect);
    case 'PowerUpNodes':
      return repeatPowerUp(draft, effect);
    case 'DrainNodes':
      return repeatDrain(draft, effect);
    case 'FetchConsole':
    case 'ListPartitions':
    case 'SetPartitions':
    case 'TellJobs':
    case 'AskJobs':
    case 'CreateReservation':
    case 'EndReservation':
    case 'DescribeSubnets':
    case 'DescribePlacementGroups':
    case 'TerminateInstances':
    case 'SweepLaunch':
      return again(draft, effect);
  }
}

/** Its gang has closed, or is on another rung. */
function isForgotten(draft: Draft, { id, gangId }: CreateReservation): boolean {
  return openGang(draft, gangId)?.reserving.has(id) !== true;
}

/** Slurm must not be told of an instance that a suspend has ended since. */
function repeatAssign(draft: Draft, effect: AssignNodes): void {
  const gang = openGang(draft, effect.gangId);
  if (gang === null || gang.phase === 'releasing')
    return abandon(draft, effect, 'its gang is closed');
  const members = new Set(gang.nodes);
  const nodes = effect.nodes.filter((node) => members.has(node));
  if (nodes.length === effect.nodes.length) return again(draft, effect);
  abandon(draft, effect, 'Slurm powered nodes of it down');
  if (nodes.length > 0) assignNodes(draft, gang, nodes, `${effect.id}'`);
  else settleAssignment(draft, gang, gang.given);
}

/** Nodes that are at work again are as good as new. */
function repeatRefresh(draft: Draft, effect: RefreshNodes): void {
  const nodes = effect.nodes.filter(
    (node) => leaseOf(draft, node) === null && !draft.state.claims.has(node),
  );
  if (nodes.length === effect.nodes.length) return again(draft, effect);
  abandon(draft, effect, 'nodes of it are wanted again');
  if (nodes.length > 0) draft.effects.push({ ...effect, id: `${effect.id}'`, nodes });
}

/** What Slurm has called for, since, it powers up. */
function repeatPowerUp(draft: Draft, effect: PowerUpNodes): void {
  const nodes = effect.nodes.filter(
    (node) => leaseOf(draft, node) === null && !draft.state.claims.has(node),
  );
  if (nodes.length === effect.nodes.length) return again(draft, effect);
  abandon(draft, effect, 'Slurm has called for nodes of it');
  if (nodes.length > 0) draft.effects.push({ ...effect, id: `${effect.id}'`, nodes });
}

/** What was wrong with an instance is not with the node's next one. */
function repeatDrain(draft: Draft, effect: DrainNodes): void {
  const kept = effect.nodes.flatMap((node, index) => {
    const instanceId = effect.instanceIds[index] ?? '';
    return leaseOf(draft, node)?.instance.instanceId === instanceId ? [{ node, instanceId }] : [];
  });
  if (kept.length === effect.nodes.length) return again(draft, effect);
  abandon(draft, effect, 'instances of it have ended');
  if (kept.length === 0) return;
  const nodes = kept.map(({ node }) => node);
  const instanceIds = kept.map(({ instanceId }) => instanceId);
  draft.effects.push({ ...effect, id: `${effect.id}'`, nodes, instanceIds });
}

/** Nodes that are wanted again since must not be taken down by an old give-back. */
function stillUnwanted(draft: Draft, { nodes }: GiveBackNodes): string[] {
  return nodes.filter((node) => leaseOf(draft, node) === null && !isLeftToOther(draft, node, ''));
}

function repeatGiveBack(draft: Draft, effect: GiveBackNodes): void {
  const nodes = stillUnwanted(draft, effect);
  if (nodes.length > 0 && nodes.length === effect.nodes.length) return again(draft, effect);
  abandon(draft, effect, 'nodes of it are wanted again, or powered down by Slurm');
  if (nodes.length > 0) draft.effects.push({ ...effect, id: `${effect.id}'`, nodes });
  else refreshLater(draft, overtaken(draft, effect), effect);
}

/** What Slurm has powered down by itself and nobody wants. */
function overtaken(draft: Draft, effect: GiveBackNodes): string[] {
  return stillUnwanted(draft, { ...effect, nodes: effect.overtaken ?? [] });
}

/** Nodes that somebody else wants by now are not let go. */
function repeatRelease(draft: Draft, effect: ReleaseNodes): void {
  const gangId = releasingGang(effect);
  const nodes = effect.nodes.filter(
    (node) => !wantedByOther(draft, node, gangId) && !isInBoot(draft, node),
  );
  if (nodes.length === effect.nodes.length) return again(draft, effect);
  abandon(draft, effect, 'nodes of it are wanted again');
  const keep = [...(effect.keep ?? []), ...effect.nodes.filter((node) => !nodes.includes(node))];
  draft.effects.push({ ...effect, id: `${effect.id}'`, nodes, keep });
}

/** What is down is powered down next. */
export function decideGivenBack(draft: Draft, effectId: string): void {
  const effect = draft.state.outstanding.get(effectId)?.effect;
  if (effect?.kind !== 'GiveBackNodes') return;
  const nodes = stillUnwanted(draft, effect);
  if (effect.reason === null)
    return refreshLater(draft, [...nodes, ...overtaken(draft, effect)], effect);
  refreshLater(draft, overtaken(draft, effect), effect);
  if (nodes.length === 0) return;
  const soon = effect.soon === true && { soon: true };
  const id = `${effectId}/off`;
  draft.effects.push({ ...soon, kind: 'GiveBackNodes', id, nodes, reason: null });
}

/**
 * Slurm powers these nodes down, or gives up on them: what an older give-back or release was for has come about, and its
 * repetition would hit their next life. One that runs goes on, and is repeated for the others alone: its answer is waited
 * for, as what it takes down while that powers down would stay down.
 */
export function endGiveBacks(draft: Draft, suspended: ReadonlySet<string>): void {
  for (const { effect } of draft.state.outstanding.values()) {
    if (effect.kind !== 'GiveBackNodes' && effect.kind !== 'ReleaseNodes') continue;
    const nodes = effect.nodes.filter((node) => !suspended.has(node));
    if (nodes.length < effect.nodes.length)
      draft.decisions.push({ kind: 'EffectNarrowed', effectId: effect.id, nodes });
  }
}

function defer(draft: Draft, out: OutstandingEffect, why: string): void {
  const { id } = out.effect;
  draft.decisions.push({
    kind: 'EffectDeferred',
    effectId: id,
    until: draft.at + backoffMs(id, out.tries, retryBackoff.baseMs, retryBackoff.maxMs),
    why,
    unknownOutcome: false,
  });
}

export function decideEffectFailed(
  draft: Draft,
  effectId: string,
  message: string,
  transient: boolean,
): void {
  const out = draft.state.outstanding.get(effectId);
  if (out === undefined) return;
  const { effect } = out;
  switch (effect.kind) {
    case 'DescribeSubnets':
    case 'DescribePlacementGroups':
      // What is not known is done without: no reservations, and rungs by subnet.
      return transient && out.tries < lookupTriesMax
        ? defer(draft, out, message)
        : abandon(draft, effect, message);
    case 'TerminateInstances':
      if (!transient && mayHalve(draft, effect)) return halveTermination(draft, effect, message);
      return defer(draft, out, message);
    case 'SweepLaunch':
    case 'RunInstances':
    case 'CreateReservation':
    case 'EndReservation':
      // An instance that muster started is never forgotten, however long EC2 refuses to take it back.
      return defer(draft, out, message);
    case 'FetchConsole':
      return decideConsoleFailed(draft, effectId, message);
    case 'AskJobs': {
      // Since the first question: a request may have waited in the spool for a head node to boot, and slurmctld boots with it.
      const since = openGang(draft, `${effect.requestId}/asking`)?.formedAt ?? 0;
      if (transient && draft.at < since + askForMs) return defer(draft, out, message);
      return decideJobsTold(draft, effectId, null);
    }
    case 'RefreshNodes':
    case 'DrainNodes':
    case 'TellJobs':
      if (transient && out.tries < giveBackTriesMax) return defer(draft, out, message);
      return abandon(draft, effect, message);
    case 'PowerUpNodes':
      if (transient && out.tries < giveBackTriesMax) return defer(draft, out, message);
      abandon(draft, effect, message);
      return refuseSet(draft, effect.set, { code: 'PowerUpRefused', message });
    case 'ListPartitions':
      // A fleet that is stopped stays so, however long Slurm is away.
      return defer(draft, out, message);
    case 'SetPartitions':
      return partitionsFailed(draft, out, effect, message, transient);
    case 'ReleaseNodes':
      // Nodes may be drained by now: nobody else would take that back.
      if (transient) return defer(draft, out, message);
      abandon(draft, effect, message);
      return decideNotReleased(draft, effect);
    case 'GiveBackNodes':
      if (transient && out.tries < giveBackTriesMax) return defer(draft, out, message);
      abandon(draft, effect, message);
      refreshLater(draft, overtaken(draft, effect), effect);
      // scontrol refuses a whole list for one unknown name: halve until only that one is left.
      if (transient || effect.nodes.length < 2) return;
      for (const [half, nodes] of halves(stillUnwanted(draft, effect))) {
        draft.effects.push({ ...effect, id: `${effect.id}${half}`, nodes, overtaken: [] });
      }
      return;
    case 'AssignNodes':
      return assignFailed(draft, out, effect, message, transient);
  }
}

/** Slurm refuses a whole list for one partition that it has no more. */
function partitionsFailed(
  draft: Draft,
  out: OutstandingEffect,
  effect: SetPartitions,
  message: string,
  transient: boolean,
): void {
  if (transient) return defer(draft, out, message);
  abandon(draft, effect, message);
  if (effect.partitions.length < 2) return restorePartitions(draft, effect);
  for (const [half, partitions] of halves(effect.partitions))
    draft.effects.push({ ...effect, id: `${effect.id}${half}`, partitions });
}

function assignFailed(
  draft: Draft,
  out: OutstandingEffect,
  effect: AssignNodes,
  message: string,
  transient: boolean,
): void {
  const gang = openGang(draft, effect.gangId);
  // Its job is gone: whether its nodes go is being asked.
  if (gang === null || gang.phase === 'releasing') return abandon(draft, effect, message);
  const settings = settingsFor(draft.state.settings, gang);
  // A gang that had to wait for EC2, or a replacement, has used up its patience before.
  const deadline = Math.max(gang.requestedAt + settings.launchPatienceMs, launchBy(settings, gang));
  // Where it may have been done before a restart its nodes may be at work: their end is Slurm's to say.
  if (transient && (draft.at < deadline || gang.mayBeGiven)) return defer(draft, out, message);
  const members = new Set(gang.nodes);
  const nodes = effect.nodes.filter((node) => members.has(node));
  // They were given for another gang, and may be at work: Slurm does not want to be told again what it knows.
  if (!transient && nodes.every((node) => leaseOf(draft, node)?.given === true)) {
    abandon(draft, effect, message);
    return settleAssignment(draft, gang, [...gang.given, ...nodes]);
  }
  // What a repetition is refused says nothing of the try before the restart: whether its nodes come, their boot tells.
  if (gang.mayBeGiven && (gang.firm || nodes.length < 2)) {
    abandon(draft, effect, message);
    draft.decisions.push({ kind: 'NodesGiven', gangId: gang.id, effectId: effect.id, nodes });
    return settleAssignment(draft, gang, [...gang.given, ...nodes]);
  }
  const refusal = { nodes, code: 'NodeAddressRefused', message };
  if (gang.firm) {
    abandon(draft, effect, message);
    return failGang(draft, gang, { ...refusal, nodes: gang.nodes });
  }
  // Only a refusal may be about one node of many.
  if (transient || nodes.length < 2) return refuseNodes(draft, gang, effect.id, refusal);
  abandon(draft, effect, message);
  for (const [half, part] of halves(nodes)) assignNodes(draft, gang, part, `${effect.id}${half}`);
}

/** Where all are refused, by a permission that is lacking, calls for each would be many, and in vain. */
const terminationsMax = 40;

function mayHalve({ state }: Draft, { instanceIds }: TerminateInstances): boolean {
  let count = 0;
  for (const { effect } of state.outstanding.values())
    if (effect.kind === 'TerminateInstances') count += 1;
  return instanceIds.length > 1 && count < terminationsMax;
}

/** EC2 refuses a whole call for one instance that may not be terminated: the others must not run on for it. */
function halveTermination(draft: Draft, effect: TerminateInstances, message: string): void {
  abandon(draft, effect, message);
  for (const [half, instanceIds] of halves(effect.instanceIds))
    draft.effects.push({ ...effect, id: `${effect.id}${half}`, instanceIds });
}

/** A list of one node stays whole. */
function halves(nodes: readonly string[]): [string, readonly string[]][] {
  const middle = nodes.length >> 1;
  const cut: [string, readonly string[]][] = [
    ['a', nodes.slice(0, middle)],
    ['b', nodes.slice(middle)],
  ];
  return cut.filter(([, half]) => half.length > 0);
}

export function decideSwept(draft: Draft, effectId: string): void {
  const out = draft.state.outstanding.get(effectId);
  if (out !== undefined) lookAgain(draft, out, 'EC2 may not show every instance yet');
}
