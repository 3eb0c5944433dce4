/** What a hook call sets going. */
import { claimedByOther, leaseOf, openGang, type Draft } from './draft.ts';
import { closeGang, endLeases, failGang } from './decide-gang.ts';
import type { Gang, Refusal } from './gang.ts';
import { parseHostlistElements } from './hostlist.ts';
import { planRequest } from './plan.ts';
import { nodeReason } from './reasons.ts';
import type { HookRequest } from './requests.ts';

/** ResumeProgram: forms the gangs; they start in the turn that follows at once. */
export function decideResume(draft: Draft, request: HookRequest): void {
  const plan = planRequest(draft.state.settings, request.hostlist, request.resumeFile);
  for (const message of plan.faults) {
    draft.decisions.push({ kind: 'InputFaulty', requestId: request.id, message });
  }
  for (const [index, refusal] of plan.rejected.entries()) {
    draft.decisions.push({ kind: 'NodesRejected', requestId: request.id, refusal });
    // A configuration that lost a node's place does not take the node from a gang, or an instance, of before.
    const nodes = refusal.nodes.filter(
      (node) => leaseOf(draft, node) === null && !claimedByOther(draft, node, ''),
    );
    if (nodes.length === 0) continue;
    const id = `${request.id}/rejected${index}`;
    draft.effects.push({ kind: 'GiveBackNodes', id, nodes, reason: nodeReason(refusal) });
  }
  const claims = new Map<string, string[]>();
  for (const [index, planned] of plan.gangs.entries()) {
    const gangId = `${request.id}/${index}`;
    const waitsFor = new Set<string>();
    for (const node of planned.nodes) {
      const local = claims.get(node) ?? [];
      for (const claimant of [...(draft.state.claims.get(node) ?? []), ...local])
        waitsFor.add(claimant);
      claims.set(node, [...local, gangId]);
    }
    draft.decisions.push({
      kind: 'GangFormed',
      gangId,
      requestId: request.id,
      requestedAt: request.at,
      gangKind: planned.kind,
      firm: planned.firm,
      jobIds: planned.jobIds,
      nodes: planned.nodes,
      waitsFor: [...waitsFor],
    });
  }
  if (plan.gangs.length === 0) {
    const failed = plan.rejected.flatMap((refusal) => refusal.nodes);
    draft.decisions.push({ kind: 'RequestSettled', requestId: request.id, given: [], failed });
  }
}

/**
 * SuspendProgram and ResumeFailProgram: the nodes' instances are terminated, launches for them come to nothing. Slurm
 * also calls it for nodes that muster has just given back: those hold nothing, and nothing happens.
 */
export function decideSuspend(draft: Draft, request: HookRequest): void {
  const { nodes, errors } = parseHostlistElements(request.hostlist);
  for (const { element, error } of errors) {
    draft.decisions.push({
      kind: 'InputFaulty',
      requestId: request.id,
      message: `hostlist element "${element}": ${error.message} (column ${error.column}); ${error.hint}`,
    });
  }
  const suspended = new Set(nodes);
  for (const gang of gangsOf(draft, suspended)) {
    // A gang that was asked for after this suspend is the nodes' next life.
    if (gang.requestedAt > request.at) continue;
    dropFromGang(draft, gang, suspended);
  }
  const leased = [...suspended].filter((node) => {
    const lease = draft.state.leases.get(node);
    return lease !== undefined && lease.requestedAt <= request.at && leaseOf(draft, node) !== null;
  });
  endLeases(draft, leased, request.verb, request.id);
  if (request.verb !== 'resume-fail') return;
  const idle = [...suspended].filter(
    (node) => leaseOf(draft, node) === null && !askedSince(draft, node, request),
  );
  if (idle.length === 0) return;
  const id = `${request.id}/back`;
  draft.effects.push({ kind: 'GiveBackNodes', id, nodes: idle, reason: null });
}

/** Whether an open gang wants the node in a life that began after this request. */
function askedSince(draft: Draft, node: string, request: HookRequest): boolean {
  return (draft.state.claims.get(node) ?? []).some((id) => {
    const gang = openGang(draft, id);
    return gang !== null && gang.requestedAt > request.at;
  });
}

function gangsOf(draft: Draft, nodes: ReadonlySet<string>): Gang[] {
  const ids = new Set<string>();
  for (const node of nodes) for (const id of draft.state.claims.get(node) ?? []) ids.add(id);
  return [...ids].flatMap((id) => draft.state.gangs.get(id) ?? []);
}

/** A job's gang cannot be whole without the nodes and is let go; in every other gang a node stands for itself. */
function dropFromGang(draft: Draft, gang: Gang, suspended: ReadonlySet<string>): void {
  const dropped = gang.nodes.filter((node) => suspended.has(node));
  const refusal: Refusal = {
    nodes: dropped,
    code: 'PoweredDown',
    message: `Slurm powered ${dropped.length} of the ${gang.nodes.length} nodes down before the launch was whole`,
  };
  if (gang.kind === 'job' && gang.firm) {
    failGang(draft, gang, { ...refusal, nodes: gang.nodes }, suspended);
    return;
  }
  draft.decisions.push({ kind: 'NodesDropped', gangId: gang.id, nodes: dropped });
  if (gang.phase === 'waiting' && dropped.length === gang.nodes.length) {
    closeGang(draft, gang, [], [refusal]);
  }
}
