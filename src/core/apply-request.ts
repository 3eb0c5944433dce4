/**
 * The part of `apply` that keeps what was asked for: the requests of hook calls until their verdict, and the jobs that
 * were refused. Only `apply` and its other parts call it.
 */
import type { Decision } from './decisions.ts';
import { keptFor } from './launch-policy.ts';
import type { OpenRequest, State } from './state.ts';

/** A repeated spool file shows up within seconds, or after the outage that left it there. */
const takenForMs = 24 * 3_600_000;

export type RequestDecision = Extract<
  Decision,
  {
    kind:
      | 'NodesRejected'
      | 'RequestSettled'
      | 'JobRefused'
      | 'JobStarted'
      | 'JobForgotten'
      | 'JobStruck'
      | 'JobSettled';
  }
>;

export function applyToRequests(state: State, decision: RequestDecision): void {
  switch (decision.kind) {
    case 'NodesRejected':
      openRequest(state, decision.requestId).failed.push(...decision.refusal.nodes);
      return;
    case 'RequestSettled':
      state.requests.delete(decision.requestId);
      return;
    case 'JobRefused':
      return refuseJob(state, decision);
    case 'JobStarted':
    case 'JobForgotten':
      state.jobs.delete(decision.jobId);
      return;
    case 'JobStruck': {
      const { jobId, left: nodes, keptUntil } = decision;
      state.survivors.set(jobId, { jobId, nodes, keptUntil });
      return;
    }
    case 'JobSettled':
      state.survivors.delete(decision.jobId);
      return;
  }
  return decision satisfies never;
}

export function takeRequest(state: State, requestId: string): void {
  for (const [id, at] of state.taken) {
    if (state.now - at <= takenForMs) break;
    state.taken.delete(id);
  }
  state.taken.set(requestId, state.now);
}

export function openRequest(state: State, requestId: string): OpenRequest {
  let request = state.requests.get(requestId);
  if (request === undefined) {
    request = { id: requestId, openGangs: new Set(), given: [], failed: [] };
    state.requests.set(requestId, request);
  }
  return request;
}

function refuseJob(state: State, refused: Extract<Decision, { kind: 'JobRefused' }>): void {
  const { jobId, tries, nextAt, code, message, wants = null } = refused;
  const at = state.now;
  // Nothing is kept for a try that will be another one, later.
  const kept = state.survivors.get(jobId);
  if (kept !== undefined) kept.keptUntil = Math.min(kept.keptUntil, at);
  // Those that nobody has tried again for so long are gone.
  const { retry } = keptFor(state.settings);
  for (const [id, job] of state.jobs) {
    if (at - job.lastAt <= 2 * retry.forMs) break;
    state.jobs.delete(id);
  }
  const before = state.jobs.get(jobId);
  const firstAt = before?.firstAt ?? at;
  const triedAt = before?.triedAt ?? (tries > 0 ? at : null);
  state.jobs.delete(jobId);
  state.jobs.set(jobId, { tries, firstAt, lastAt: at, triedAt, nextAt, code, message, wants });
}
