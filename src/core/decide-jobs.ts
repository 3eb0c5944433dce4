/**
 * Which nodes are a gang: what the resume file says, and what Slurm says when it is asked. The file does not tell which
 * jobs are components of one heterogeneous job, nor of members that are up already or that another call will ask for.
 */
import { closeGang, endLeases } from './decide-moves.ts';
import { failGang } from './decide-gang.ts';
import { missingOfSet, poolOfSet } from './decide-sets.ts';
import { launchBy } from './deadlines.ts';
import { endTelling, tellRefused } from './decide-job.ts';
import {
  claimantsOf,
  claimedByOther,
  claimNodes,
  leaseOf,
  openGang,
  waitsOn,
  type Draft,
} from './draft.ts';
import type { Gang, Refusal } from './gang.ts';
import type { Told } from './job-facts.ts';
import { placesOf, settingsFor } from './launch-policy.ts';
import { planRequest, planSilentJobs, type Plan, type PlannedGang } from './plan.ts';
import { drainReason, fleetStopped, nodeReason } from './reasons.ts';
import type { HookRequest } from './requests.ts';
import type { State } from './state.ts';
import type { DurationMs, Instant } from './units.ts';

/** Slurm answers in milliseconds; one that does not for so long is not waited for. */
export const askForMs: DurationMs = 10_000;

interface Formation {
  readonly requestId: string;
  readonly requestedAt: Instant;
  readonly plan: Plan;
  /** The gang of kind `request` in whose place the gangs come. */
  readonly asking: Gang | null;
  /** A gang whose job is gone: Slurm has put these jobs on nodes of it. */
  readonly leaving?: Gang | null;
}

/** The request's nodes are held together until Slurm has answered. */
export function askJobs(draft: Draft, request: HookRequest, plan: Plan): void {
  endTelling(
    draft,
    plan.jobs.flatMap((job) => job.jobIds),
  );
  const gangId = `${request.id}/asking`;
  const waitsFor = waitFor(draft, plan.nodes, gangId, null);
  draft.decisions.push({
    kind: 'GangFormed',
    gangId,
    requestId: request.id,
    requestedAt: request.at,
    gangKind: 'request',
    firm: false,
    jobIds: plan.jobs.flatMap((job) => job.jobIds),
    nodes: plan.nodes,
    missing: [],
    assembleBy: draft.at,
    waitsFor,
  });
  draft.effects.push({
    kind: 'AskJobs',
    id: `${request.id}/ask`,
    requestId: request.id,
    jobIds: plan.jobs.flatMap((job) => job.jobIds),
    nodes: plan.nodes,
  });
}

/** Slurm has answered; null: it does not, and the resume file has to do. */
export function decideJobsTold(draft: Draft, effectId: string, told: Told | null): void {
  const effect = draft.state.outstanding.get(effectId)?.effect;
  if (effect?.kind !== 'AskJobs') return;
  const request = draft.state.asked.get(effect.requestId);
  const asking = openGang(draft, `${effect.requestId}/asking`);
  // Slurm has powered all of its nodes down meanwhile.
  if (request === undefined || asking === null) return;
  const plan = planRequest(draft.state.settings, request.hostlist, request.resumeFile, told);
  formGangs(draft, { requestId: request.id, requestedAt: request.at, plan, asking });
}

/** Jobs that Slurm put on nodes that power up already: no call comes for them. */
export function formSilentGangs(
  draft: Draft,
  requestId: string,
  asked: readonly string[],
  told: Told,
  leaving: Gang | null = null,
): void {
  const plan = planSilentJobs(draft.state.settings, asked, told);
  if (draft.state.fleet.status === 'stopped')
    return refuseWhileStopped(draft, requestId, plan, leaving);
  const requestedAt = firstAsked(draft, asked);
  formGangs(draft, { requestId, requestedAt, plan, asking: null, leaving });
}

/** Slurm has started jobs all the same (a partition of somebody else's, or before it was told): their nodes go back at once. */
export function refuseWhileStopped(
  draft: Draft,
  requestId: string,
  plan: Plan,
  leaving: Gang | null = null,
): void {
  const { nodes, jobs } = plan;
  if (nodes.length > 0)
    rejectNodes(draft, requestId, { nodes, ...fleetStopped }, `${requestId}/stopped`, leaving);
  const leaders = jobs.map(({ jobId }) => jobId);
  tellRefused(draft, `${requestId}/stopped`, leaders, fleetStopped, nodes);
  draft.decisions.push({ kind: 'RequestSettled', requestId, given: [], failed: nodes });
}

/** When Slurm began to power up the first of the nodes that are on their way: its ResumeTimeout runs since then. */
function firstAsked({ state, at }: Draft, nodes: readonly string[]): Instant {
  let first = at;
  for (const node of nodes) {
    const lease = state.leases.get(node);
    if (lease?.isRegistered === false) first = Math.min(first, lease.requestedAt);
    for (const id of state.claims.get(node) ?? [])
      first = Math.min(first, state.gangs.get(id)?.requestedAt ?? at);
  }
  return first;
}

export function formGangs(draft: Draft, formation: Formation): void {
  const { requestId, plan, asking } = formation;
  const before = asking ?? formation.leaving ?? null;
  for (const message of plan.faults)
    draft.decisions.push({ kind: 'InputFaulty', requestId, message });
  for (const [index, refusal] of plan.rejected.entries()) {
    rejectNodes(draft, requestId, refusal, `${requestId}/rejected${index}`, before);
  }
  tellUnknownWords(draft, requestId, plan);
  const wanted = asking === null ? null : new Set(asking.nodes);
  if (asking === null)
    endTelling(
      draft,
      plan.jobs.flatMap((job) => job.jobIds),
    );
  let formed = 0;
  const refused: { index: number; planned: PlannedGang; refusal: Refusal }[] = [];
  for (const [index, planned] of plan.gangs.entries()) {
    const nodes = planned.nodes.filter((node) => wanted?.has(node) !== false);
    if (nodes.length === 0) continue;
    const refusal = whyNotFormed(plan, planned, nodes);
    if (refusal !== null) {
      refused.push({ index, planned, refusal });
      continue;
    }
    formGang(draft, formation, { ...planned, nodes }, `${requestId}/${index}`);
    formed += 1;
  }
  // After the others are formed, which may want some of the nodes.
  for (const { index, planned, refusal } of refused) {
    rejectNodes(draft, requestId, refusal, `${requestId}/dropped${index}`, before);
    tellRefused(draft, `${requestId}/${index}`, planned.jobIds.slice(0, 1), refusal, planned.nodes);
  }
  const unwanted = plan.unwanted.filter((node) => wanted?.has(node) !== false);
  if (unwanted.length > 0) releaseUnwanted(draft, requestId, unwanted, asking);
  if (asking !== null && formed > 0) {
    draft.decisions.push({ kind: 'GangDissolved', gangId: asking.id, requestId });
    draft.closed.add(asking.id);
  } else if (asking !== null) {
    closeGang(draft, asking, [], []);
  } else if (formed === 0) {
    const failed = plan.rejected.flatMap((refusal) => refusal.nodes);
    draft.decisions.push({ kind: 'RequestSettled', requestId, given: [], failed });
  }
}

/** Words that say nothing stand in no job's way; its owner is told. */
function tellUnknownWords(draft: Draft, requestId: string, { jobs }: Plan): void {
  for (const { jobId, unknownWords } of jobs) {
    if (unknownWords.length === 0) continue;
    const message = `passed over in the comment, as it says nothing: ${unknownWords.join(', ')}`;
    draft.decisions.push({ kind: 'InputFaulty', requestId, message: `job ${jobId}: ${message}` });
    const id = `${requestId}/words-${jobId}`;
    draft.effects.push({
      kind: 'TellJobs',
      id,
      jobIds: [jobId],
      note: message,
      startAt: null,
      hold: null,
      anyState: true,
    });
  }
}

/** A job of which a node cannot be launched, or was powered down again, cannot be whole: `nodes` of it are left. */
function whyNotFormed(
  plan: Plan,
  { kind, firm, nodes: all, missing }: PlannedGang,
  nodes: readonly string[],
): Refusal | null {
  if (kind !== 'job' || !firm) return null;
  const rejected = plan.rejected.find((refusal) =>
    refusal.nodes.some((node) => missing.includes(node)),
  );
  if (rejected !== undefined) return { ...rejected, nodes };
  if (nodes.length === all.length) return null;
  const message = `Slurm powered ${all.length - nodes.length} of the ${all.length} nodes down before the launch began`;
  return { nodes, code: 'PoweredDown', message };
}

/** Slurm has taken the jobs off their nodes, which power up all the same. */
function releaseUnwanted(
  draft: Draft,
  requestId: string,
  unwanted: readonly string[],
  asking: Gang | null,
): void {
  const message = 'Slurm had taken the job off its nodes before the launch began';
  const refusal = { nodes: unwanted, code: 'JobGone', message };
  draft.decisions.push({ kind: 'NodesRejected', requestId, refusal });
  const nodes = unwanted.filter(
    (node) => isFree(draft, node, asking) && !claimedByOther(draft, node, asking?.id ?? ''),
  );
  if (nodes.length === 0) return;
  const left = nodes.filter((node) => leaseOf(draft, node) !== null);
  endLeases(draft, left, 'JobGone', `${requestId}/unwanted`);
  const reason = drainReason({ code: 'JobGone', message: 'the job that wanted it is gone' });
  draft.effects.push({ kind: 'ReleaseNodes', id: `${requestId}/unwanted`, nodes, reason });
}

/** Nothing is on it but what another gang has left to this one. */
function isFree(draft: Draft, node: string, before: Gang | null): boolean {
  const lease = leaseOf(draft, node);
  return lease === null || (!lease.given && lease.gangId === before?.id);
}

/** A configuration that lost a node's place does not take the node from a gang, or an instance, of before. */
function rejectNodes(
  draft: Draft,
  requestId: string,
  refusal: Refusal,
  effectId: string,
  before: Gang | null,
): void {
  draft.decisions.push({ kind: 'NodesRejected', requestId, refusal });
  const nodes = refusal.nodes.filter(
    (node) => isFree(draft, node, before) && !claimedByOther(draft, node, before?.id ?? ''),
  );
  if (nodes.length === 0) return;
  const held = nodes.filter((node) => leaseOf(draft, node) !== null);
  endLeases(draft, held, refusal.code, effectId);
  draft.effects.push({ kind: 'GiveBackNodes', id: effectId, nodes, reason: nodeReason(refusal) });
}

function formGang(
  draft: Draft,
  { requestId, requestedAt, asking }: Formation,
  planning: PlannedGang,
  gangId: string,
): void {
  const planned = withSet(draft, planning);
  const places = placesOf([...planned.nodes, ...planned.missing]);
  const policy = settingsFor(draft.state.settings, { places, wish: planned.wish ?? {} });
  const assembleBy = draft.at + policy.assemblyPatienceMs;
  const open = assemblingGang(draft, planned);
  if (open !== null) {
    const known = new Set(open.nodes);
    const { here, missing } = sortMissing(
      draft,
      [...open.missing, ...planned.missing],
      planned.nodes,
    );
    const nodes = [...planned.nodes, ...here].filter((node) => !known.has(node));
    const waitsFor = waitFor(draft, nodes, open.id, asking);
    const jobIds = [...new Set([...open.jobIds, ...planned.jobIds])];
    draft.decisions.push({
      kind: 'GangGrew',
      gangId: open.id,
      requestId,
      jobIds,
      nodes,
      missing,
      assembleBy,
      waitsFor,
    });
    return;
  }
  // Best effort waits for nobody.
  const { here, missing } = planned.firm
    ? sortMissing(draft, planned.missing, planned.nodes)
    : { here: [], missing: [] };
  const nodes = [...planned.nodes, ...here];
  draft.decisions.push({
    kind: 'GangFormed',
    gangId,
    requestId,
    requestedAt,
    gangKind: planned.kind,
    firm: planned.firm,
    jobIds: planned.jobIds,
    nodes,
    ...(planned.jobNodes !== undefined && { jobNodes: planned.jobNodes }),
    ...(planned.priority !== undefined && { priority: planned.priority }),
    ...(planned.wish !== undefined && { wish: planned.wish }),
    ...ofSet(draft, planned),
    missing,
    assembleBy,
    waitsFor: waitFor(draft, nodes, gangId, asking),
  });
}

/** Of the members that this call does not ask for: those on their way already (`here`), and those that are yet to come. */
function sortMissing(
  draft: Draft,
  members: readonly string[],
  asked: readonly string[],
): { here: string[]; missing: string[] } {
  const known = new Set(asked);
  const here: string[] = [];
  const missing: string[] = [];
  for (const node of new Set(members)) {
    if (known.has(node)) continue;
    const isOnItsWay = leaseOf(draft, node) !== null || claimantsOf(draft, node).length > 0;
    (isOnItsWay ? here : missing).push(node);
  }
  return { here, missing };
}

/** What Slurm was told to power up with it, and has not called for, belongs to a static set too. */
function withSet(draft: Draft, planned: PlannedGang): PlannedGang {
  if (planned.set === undefined) return planned;
  return { ...planned, missing: missingOfSet(draft, planned.set, planned.nodes) };
}

/** A set that is whole or nothing is in one zone: what is missing goes where the others are. */
function ofSet(
  draft: Draft,
  { set, firm, nodes }: PlannedGang,
): { set?: string; onlyRung?: string } {
  if (set === undefined) return {};
  const onlyRung = firm ? poolOfSet(draft, set, nodes) : null;
  return { set, ...(onlyRung !== null && { onlyRung }) };
}

/** The gang of the same job, or of the same static set, that waits for its other nodes. */
function assemblingGang(draft: Draft, { kind, jobIds, set }: PlannedGang): Gang | null {
  if (kind !== 'job' && kind !== 'static-set') return null;
  for (const gang of draft.state.gangs.values()) {
    if (gang.phase !== 'assembling' || draft.closed.has(gang.id)) continue;
    if (gang.jobIds.some((id) => jobIds.includes(id))) return gang;
    if (set !== undefined && gang.set === set) return gang;
  }
  return null;
}

/** Claims the nodes for the gang; returns the gangs that have them now, which it waits for. */
function waitFor(
  draft: Draft,
  nodes: readonly string[],
  gangId: string,
  asking: Gang | null,
): string[] {
  const waitsFor = new Set(nodes.flatMap((node) => claimantsOf(draft, node)));
  claimNodes(draft, gangId, nodes);
  waitsFor.delete(gangId);
  if (asking !== null) waitsFor.delete(asking.id);
  // Who came after the request, or after the gang, already waits for it: not each for the other.
  const own = asking === null ? [gangId] : [gangId, asking.id];
  return [...waitsFor].filter((id) => !own.some((self) => waitsOn(draft, id, self)));
}

/** How long the members that are missing are waited for; later they could not boot in time. */
export function assembledBy({ settings }: State, gang: Gang): Instant {
  return Math.min(gang.assembleBy, launchBy(settings, gang));
}

/** Gangs whose missing members Slurm has not asked for in time are let go: half a job is of no use. */
export function endAssemblies(draft: Draft): void {
  for (const gang of draft.state.gangs.values()) {
    if (gang.phase !== 'assembling' || draft.closed.has(gang.id)) continue;
    if (assembledBy(draft.state, gang) > draft.at) continue;
    if (launchBy(draft.state.settings, gang) <= draft.at) {
      const so = `Slurm asked for ${gang.nodes.length} of ${gang.nodes.length + gang.missing.length} nodes in the time that ResumeTimeout leaves`;
      const message = `${so}: set ResumeRate=0 in slurm.conf`;
      failGang(draft, gang, { nodes: gang.nodes, code: 'ResumeRateTooSlow', message });
      continue;
    }
    const whose = gang.set === null ? 'the job' : 'the static set';
    const message =
      `Slurm asked for ${gang.nodes.length} of the ${gang.nodes.length + gang.missing.length} nodes of ${whose}, ` +
      `and for no more of them in ${settingsFor(draft.state.settings, gang).assemblyPatienceMs / 1000} s`;
    failGang(draft, gang, { nodes: gang.nodes, code: 'GangIncomplete', message });
  }
}
