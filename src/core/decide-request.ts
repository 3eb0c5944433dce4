/** What a hook call, or a person's request, sets going. */
import { dropFromBoots } from './decide-boot.ts';
import { askJobs, formGangs, refuseWhileStopped } from './decide-jobs.ts';
import { leaseOf, type Draft } from './draft.ts';
import { endGiveBacks } from './decide-effects.ts';
import { closeGang, endLeases, refreshLater } from './decide-moves.ts';
import { failGang, few } from './decide-gang.ts';
import { isWholeKind } from './decide-sets.ts';
import type { Gang, GangPhase, Refusal } from './gang.ts';
import { parseHostlistElements } from './hostlist.ts';
import { planRequest } from './plan.ts';
import type { HookRequest } from './requests.ts';
import type { Instant } from './units.ts';

type Why = Pick<Refusal, 'code' | 'message'>;

/** ResumeProgram: forms the gangs, after Slurm was asked about the jobs; they start in the turn that follows at once. */
export function decideResume(draft: Draft, request: HookRequest): void {
  const plan = planRequest(draft.state.settings, request.hostlist, request.resumeFile);
  if (draft.state.fleet.status === 'stopped') return refuseWhileStopped(draft, request.id, plan);
  if (plan.mode === 'job' && plan.jobs.length > 0) return askJobs(draft, request, plan);
  formGangs(draft, { requestId: request.id, requestedAt: request.at, plan, asking: null });
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
  const suspended = new Set(nodes.filter((node) => !askedSince(draft, node, request)));
  endGiveBacks(draft, suspended);
  dropFromBoots(draft, suspended, request.verb === 'resume-fail' ? lateFor : null);
  dropFromGangs(draft, suspended, null);
  const leased = [...suspended].filter((node) => leaseOf(draft, node) !== null);
  endLeases(draft, leased, request.verb, request.id);
  // One that Slurm had set down itself, for a slurmd that had died, is passed over by its backfill scheduler until then.
  if (request.verb === 'suspend') refreshLater(draft, leased, request);
  if (request.verb !== 'resume-fail' || suspended.size === 0) return;
  const id = `${request.id}/back`;
  draft.effects.push({ kind: 'GiveBackNodes', id, nodes: [...suspended], reason: null });
}

function lateFor(awaited: readonly string[]): Why {
  return { code: 'BootTimeout', message: `${few(awaited)} did not register within ResumeTimeout` };
}

/**
 * The operator knows better than the memory: EC2 is asked again. Jobs that were refused keep the time of their next try.
 * A pool that is not remembered (any more) is no fault: nothing is left to forget.
 */
export function decideForget(draft: Draft, request: HookRequest): void {
  const known = [...draft.state.memory.keys()];
  const pools = request.hostlist === '' ? known : known.filter((pool) => pool === request.hostlist);
  draft.decisions.push({ kind: 'CapacityForgotten', pools });
}

/** Requests may be read in another order than they were made: one older than the node's last resume is about its life before. */
function askedSince({ state }: Draft, node: string, { at }: HookRequest): boolean {
  const since = (asked: { readonly requestedAt: Instant } | undefined): boolean =>
    asked !== undefined && asked.requestedAt > at;
  const claims = state.claims.get(node) ?? [];
  return since(state.leases.get(node)) || claims.some((id) => since(state.gangs.get(id)));
}

function gangsOf(draft: Draft, nodes: ReadonlySet<string>): Gang[] {
  const ids = new Set<string>();
  for (const node of nodes) for (const id of draft.state.claims.get(node) ?? []) ids.add(id);
  return [...ids].flatMap((id) => draft.state.gangs.get(id) ?? []);
}

/** Takes nodes out of the open gangs that want them; `why` null: Slurm powers them down by itself. */
export function dropFromGangs(draft: Draft, nodes: ReadonlySet<string>, why: Why | null): void {
  for (const gang of gangsOf(draft, nodes)) dropFromGang(draft, gang, nodes, why);
}

/** No answer that will come would close it. */
const mayClose: ReadonlySet<GangPhase> = new Set(['asking', 'assembling', 'waiting', 'reserving']);

/**
 * A job's gang, or a static set's, cannot be whole without the nodes and is let go; in every other gang a node stands for itself, and in one
 * that may have been given before a restart: its other nodes may be at work.
 */
function dropFromGang(
  draft: Draft,
  gang: Gang,
  suspended: ReadonlySet<string>,
  why: Why | null,
): void {
  const dropped = gang.nodes.filter((node) => suspended.has(node));
  const refusal: Refusal = {
    nodes: dropped,
    code: 'PoweredDown',
    message: `Slurm powered ${dropped.length} of the ${gang.nodes.length} nodes down before the launch was whole`,
    ...why,
  };
  // One that is let go is not whole any more: what is not suspended may be another job's.
  if (isWholeKind(gang) && !gang.mayBeGiven && gang.phase !== 'releasing') {
    failGang(draft, gang, { ...refusal, nodes: gang.nodes }, suspended);
    return;
  }
  draft.decisions.push({ kind: 'NodesDropped', gangId: gang.id, nodes: dropped });
  if (!mayClose.has(gang.phase)) return;
  if (dropped.length === gang.nodes.length) closeGang(draft, gang, [], [refusal]);
}
