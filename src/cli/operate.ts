/**
 * What a person is told who stops or starts the fleet, or takes nodes away: what will end, before it is asked whether that is
 * meant; what came of it.
 */
import type { Decision } from '../core/decisions.ts';
import { createLocator } from '../core/fleet.ts';
import { partitionsUp, type SeenPartition } from '../core/fleet-partitions.ts';
import { foldHostlist } from '../core/hostlist.ts';
import type { State } from '../core/state.ts';
import { counted } from './counted.ts';
import { isDone, renderHindrance, renderPending, type Hindrance, type Pending } from './pending.ts';
import { renderUntaken, type Untaken } from './untaken.ts';

export type OperatorVerb = 'fleet-stop' | 'fleet-start' | 'release-node' | 'replace-node';

/** What Slurm tells of what a request is about. */
export interface SlurmSays {
  /** Jobs with nodes. */
  readonly jobs: readonly { readonly jobId: number; readonly nodes: readonly string[] }[];
  readonly partitions: readonly SeenPartition[];
}

/** What a request would end. */
export interface Toll {
  readonly instances: number;
  /** Gangs that are under way, and let go. */
  readonly gangs: number;
  /** Null: Slurm could not be asked. */
  readonly jobs: readonly number[] | null;
  /** Those that go inactive. Null: Slurm could not be asked. Absent: no partition is touched. */
  readonly partitions?: readonly string[] | null;
}

/** `nodes` null: all of the fleet. `slurm` null: it could not be asked. */
export function tollOf(
  state: State,
  nodes: readonly string[] | null,
  slurm: SlurmSays | null,
): Toll {
  const { gangs, boots, leases, spares, settings } = state;
  const locate = createLocator(settings);
  const named = nodes === null ? null : new Set(nodes);
  const isMeant = (node: string): boolean => named?.has(node) ?? locate(node).kind === 'place';
  const underWay = [...gangs.values(), ...boots.values()].filter((gang) =>
    gang.nodes.some(isMeant),
  );
  const held = [...leases.keys()].filter((node) => named?.has(node) ?? true);
  const queues = settings.queues?.map(({ name }) => name) ?? null;
  return {
    instances: held.length + (named === null ? spares.size : 0),
    gangs: underWay.length,
    jobs: slurm?.jobs.flatMap((job) => (job.nodes.some(isMeant) ? [job.jobId] : [])) ?? null,
    ...(named === null && {
      partitions: slurm === null ? null : partitionsUp(slurm.partitions, queues),
    }),
  };
}

/** Jobs, or partitions. */
const namesShown = 10;

/** Such as `106 instances are terminated; 2 jobs go back to the queue, or end if they may not be requeued: 12, 13.` */
export function renderToll({ instances, gangs, jobs, partitions }: Toll): string {
  const parts = [
    instances === 0
      ? 'No instance is terminated'
      : `${counted(instances, 'instance is', 'instances are')} terminated`,
    ...(gangs === 0 ? [] : [`${counted(gangs, 'gang', 'gangs')} under way let go`]),
    jobsWords(jobs),
    ...(partitions === undefined ? [] : [partitionsWords(partitions)]),
  ];
  return `${parts.join('; ')}.\n`;
}

function jobsWords(jobs: readonly number[] | null): string {
  if (jobs === null) return 'Slurm does not answer: jobs that run there are not known';
  if (jobs.length === 0) return 'no job runs there';
  return jobs.length === 1
    ? `job ${some(jobs)} goes back to the queue, or ends if it may not be requeued`
    : `${jobs.length} jobs go back to the queue, or end if they may not be requeued: ${some(jobs)}`;
}

function partitionsWords(partitions: readonly string[] | null): string {
  if (partitions === null) return 'every partition of the fleet goes inactive';
  if (partitions.length === 0) return 'no partition of the fleet is up';
  return partitions.length === 1
    ? `partition ${some(partitions)} goes inactive`
    : `${partitions.length} partitions go inactive: ${some(partitions)}`;
}

function some(names: readonly (string | number)[]): string {
  const more = names.length > namesShown ? ` and ${names.length - namesShown} more` : '';
  return `${names.slice(0, namesShown).join(', ')}${more}`;
}

export function questionOf(verb: OperatorVerb, nodes: readonly string[]): string {
  const which = foldHostlist(nodes);
  switch (verb) {
    case 'fleet-stop':
      return 'Stop the fleet';
    case 'fleet-start':
      return 'Start the fleet';
    case 'release-node':
      return `Release ${which}`;
    case 'replace-node':
      return `Replace ${which}`;
  }
}

/** What a daemon has decided about a request. */
export type Verdict = Extract<
  Decision,
  { kind: 'FleetStopped' | 'FleetStarted' | 'NodesTakenByHand' }
>;

export function verdictIn(decisions: readonly Decision[], requestId: string): Verdict | null {
  for (const each of decisions) {
    const isOurs =
      each.kind === 'FleetStopped' ||
      each.kind === 'FleetStarted' ||
      each.kind === 'NodesTakenByHand';
    if (isOurs && each.requestId === requestId) return each;
  }
  return null;
}

export function renderVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'FleetStopped':
      return verdict.wasRunning
        ? 'The fleet is stopped: nothing is launched until it is started.\n'
        : 'The fleet was stopped already; what had come up since ends.\n';
    case 'FleetStarted': {
      const { partitions, wasRunning } = verdict;
      const up =
        partitions.length === 0
          ? 'no partition was set inactive by it'
          : `its partitions go up: ${partitions.join(', ')}`;
      return wasRunning
        ? `The fleet was running already; ${up}.\n`
        : `The fleet is started; ${up}.\n`;
    }
    case 'NodesTakenByHand':
      return handWords(verdict);
  }
}

function handWords(verdict: Extract<Verdict, { kind: 'NodesTakenByHand' }>): string {
  const { released, replaced, passedOver } = verdict;
  const lines = [
    ...(released.length === 0 ? [] : [`Released: ${foldHostlist(released)}`]),
    ...(replaced.length === 0
      ? []
      : [`Another instance is launched in place of the one of: ${foldHostlist(replaced)}`]),
    ...passedOver.map(({ nodes, why }) => `Left as it is: ${nodes.join(',')}, ${why}`),
  ];
  return `${lines.join('\n')}\n`;
}

export interface Outcome extends Untaken {
  /** Null: no daemon has taken the request. */
  readonly verdict: Verdict | null;
  /** What was left when it was no longer waited for, and why. */
  readonly pending: Pending;
  readonly hindrances: readonly Hindrance[];
}

/** Behind the verdict, which was printed when it came. */
export function renderOutcome(outcome: Outcome): string {
  const { verdict, pending, hindrances } = outcome;
  if (verdict === null) return renderUntaken(outcome);
  if (isDone(pending)) return isVain(verdict) ? '' : 'Done.\n';
  const why = hindrances.map(renderHindrance).join('');
  return `${renderPending(pending)}${why}It goes on; 'muster status' and the log show how far it is.\n`;
}

/** None of the nodes that were named could be taken. */
export function isVain(verdict: Verdict): boolean {
  return (
    verdict.kind === 'NodesTakenByHand' &&
    verdict.released.length === 0 &&
    verdict.replaced.length === 0
  );
}

export function renderOutcomeJson(verb: OperatorVerb, outcome: Outcome): string {
  const { verdict, pending, hindrances, spool } = outcome;
  const value = {
    request: verb,
    taken: verdict !== null,
    done: verdict !== null && isDone(pending),
    verdict: verdict === null ? null : withoutIds(verdict),
    pending,
    hindrances,
    spool,
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function withoutIds(verdict: Verdict): object {
  const { kind: _kind, requestId: _requestId, ...rest } = verdict;
  return rest;
}
