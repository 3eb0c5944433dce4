/** How gangs end: whole, in part, or let go. Shared by the answers that bring it about. */
import type { Boot } from './boot.ts';
import { handOver } from './decide-contention.ts';
import { refuseJobs, tellRefused } from './decide-job.ts';
import {
  assignNodes,
  closeGang,
  endLeases,
  giveBackNodes,
  isInOwnReservation,
  isLeftToOther,
  stopLaunch,
} from './decide-moves.ts';
import { hasRungLeft, tooLate } from './decide-rungs.ts';
import { refuseSet } from './decide-sets.ts';
import { askedIn, claimantsOf, type Draft, leaseOf, openGang } from './draft.ts';
import type { Failure } from './events.ts';
import { createLocator } from './fleet.ts';
import type { Batch, Gang, GangPhase, Refusal } from './gang.ts';
import { foldHostlist } from './hostlist.ts';
import { zonesNamedIn } from './ladder.ts';
import { type Verdict, verdictOf } from './verdict.ts';

type Why = Pick<Refusal, 'code' | 'message'>;

/** Every batch has its answer: give Slurm what the gang holds. A firm gang is whole here, or this is not reached. */
export function concludeLaunch(draft: Draft, gang: Gang, refused: readonly Refusal[]): void {
  const held = gang.nodes.filter((node) => leaseOf(draft, node) !== null);
  if (gang.firm && held.length > 0 && held.length < gang.nodes.length) {
    const message = `instances of ${gang.nodes.length - held.length} nodes have ended meanwhile`;
    return failGang(draft, gang, { nodes: gang.nodes, code: 'InstancesVanished', message });
  }
  if (held.length === 0) {
    closeGang(draft, gang, [], refused);
    return;
  }
  assignNodes(draft, gang, held, `${gang.id}/assign`);
}

/**
 * Lets the whole gang go: all it launched is terminated at once, its nodes go back to Slurm, except those that another
 * open gang wants, that another gang's instance serves, or that Slurm powered down itself (`alreadyDown`).
 */
export function failGang(
  draft: Draft,
  gang: Gang,
  refusal: Refusal,
  alreadyDown: ReadonlySet<string> = new Set(),
): void {
  // Its job is gone: Slurm's answer about its nodes closes it.
  if (gang.phase === 'releasing') return;
  draft.closed.add(gang.id);
  letGo(draft, gang, refusal.code);
  // What it has lost in this turn was refused with its own reason.
  const dropped = draft.index.droppedBy(gang.id);
  const back = gang.nodes.filter((node) => !alreadyDown.has(node) && !dropped.has(node));
  // The node of a replacement is its gang's, which decides about it.
  if (gang.replaces === null) giveBack(draft, gang, back, refusal, `${gang.id}/back`, true);
  else replacementFailed(draft, gang, refusal, alreadyDown);
  const nodes = refusal.nodes.filter((node) => !dropped.has(node));
  closeGang(draft, gang, [], [{ ...refusal, nodes }]);
}

/** What may be otherwise on another rung. Throttling is the same everywhere. */
const rungVerdicts: ReadonlySet<Verdict> = new Set(['capacity', 'never-here', 'transient']);

/** Whether the refusal tells how many instances the pool has: not what is said of a subnet, or of a reservation of ours. */
function isAboutPool(draft: Draft, { effectId }: Pick<Batch, 'effectId'>, code: string): boolean {
  if (verdictOf(code) !== 'capacity' || code === 'InsufficientFreeAddressesInSubnet') return false;
  return !isInOwnReservation(draft, effectId);
}

/**
 * A firm gang is refused on its rung: all that it holds is let go at once. Where capacity is what is lacking, or EC2 does
 * not answer, it tries the next rung while there is time; else, or without another one, it is let go as a whole.
 */
export function leaveRung(
  draft: Draft,
  gang: Gang,
  batch: Pick<Batch, 'effectId' | 'pool' | 'zone' | 'nodes'>,
  failure: Pick<Failure, 'code' | 'message'>,
): void {
  const { code, message } = failure;
  if (isAboutPool(draft, batch, code)) {
    const count = askedIn(draft, gang, batch.pool);
    const refusal = { code, message };
    draft.decisions.push({ kind: 'CapacitySeen', pool: batch.pool, count, refusal });
  }
  const mayLeave = rungVerdicts.has(verdictOf(code)) && tooLate(draft, gang) === null;
  const unfit = unfitIn(draft, batch, code);
  if (!mayLeave || (unfit === null && !hasRungLeft(draft, gang)))
    return failGang(draft, gang, { nodes: gang.nodes, code, message });
  letGo(draft, gang, code);
  draft.decisions.push({
    kind: 'RungLeft',
    gangId: gang.id,
    rung: gang.rung ?? '',
    refusal: { code, message },
    zonesNamed: zonesNamedIn(message, batch.zone === null ? [] : [batch.zone]),
    ...(unfit !== null && { unfit }),
  });
}

/**
 * The compute resource whose launch EC2 has not let into the reservation that muster made for it, however often it was
 * asked: its launch template wants something else than what was reserved. Null: the refusal says nothing of that.
 */
function unfitIn(
  draft: Draft,
  { effectId, nodes }: Pick<Batch, 'effectId' | 'nodes'>,
  code: string,
): string | null {
  if (code !== 'ReservationCapacityExceeded' || !isInOwnReservation(draft, effectId)) return null;
  const located = createLocator(draft.state.settings)(nodes[0] ?? '');
  if (located.kind !== 'place') return null;
  return `${located.place.queue}/${located.place.computeResource}`;
}

/** Ends what the gang holds and what is out for it. */
function letGo(draft: Draft, gang: Gang, why: string): void {
  const own = gang.nodes.filter((node) => leaseOf(draft, node)?.gangId === gang.id);
  handOver(
    draft,
    gang,
    own.filter((node) => draft.state.leases.get(node)?.given === false),
  );
  const handed = new Set(own.filter((node) => draft.ended.has(node)));
  endLeases(
    draft,
    own.filter((node) => !handed.has(node)),
    why,
    gang.id,
  );
  stopLaunch(draft, gang, why);
}

/** Gives nodes back to Slurm with their reason, except those that another open gang wants or another's instance serves. */
export function giveBack(
  draft: Draft,
  gang: Gang,
  nodes: readonly string[],
  refusal: Refusal,
  effectId: string,
  isWhole = false,
): void {
  // A job that gets a part of its nodes goes back to the queue with the first that it does not get, and is told of that.
  const [leader] = gang.jobIds;
  const isToldNow = leader !== undefined && draft.index.isRefused(leader);
  const isTold = isWhole
    ? isToldNow && draft.index.droppedBy(gang.id).size > 0
    : isToldNow || gang.refused.length > 0;
  if (gang.kind !== 'job' || !isTold) refuseJobs(draft, gang, nodes, refusal);
  const free = nodes.filter(
    (node) => leaseOf(draft, node) === null && !isLeftToOther(draft, node, gang.id),
  );
  giveBackNodes(draft, free, refusal, effectId, gang.kind === 'job' && gang.jobIds.length > 1);
}

/** Instances of a gang have ended in which every node stands for itself: the others go on. */
export function loseFromGang(draft: Draft, gang: Gang, lost: Refusal): void {
  const dropped = draft.index.droppedBy(gang.id);
  const nodes = lost.nodes.filter((node) => !dropped.has(node));
  if (nodes.length === 0) return;
  const refusal = { ...lost, nodes };
  const held = nodes.filter((node) => leaseOf(draft, node) !== null);
  endLeases(draft, held, refusal.code, gang.id);
  giveBack(draft, gang, nodes, refusal, `${gang.id}/lost-${nodes[0] ?? ''}-${draft.at}`);
  draft.decisions.push({ kind: 'NodesDropped', gangId: gang.id, nodes, refusal });
}

/** No more time, or no more room: it is let go as soon as Slurm has said whom else its nodes serve. */
export function letGoBoot(draft: Draft, boot: Boot, nodes: readonly string[], why: Why): void {
  if (boot.doom !== null || draft.booted.has(boot.gangId)) return;
  draft.booted.add(boot.gangId);
  const instanceIds = nodes.flatMap((node) => leaseOf(draft, node)?.instance.instanceId ?? []);
  const doom = { ...why, nodes, instanceIds };
  draft.decisions.push({ kind: 'BootDoomed', gangId: boot.gangId, doom });
}

/** Every node stands for itself: the others go on. */
export function loseNodes(draft: Draft, boot: Boot, nodes: readonly string[], why: Why): void {
  const refusal = { nodes, ...why };
  draft.decisions.push({ kind: 'BootNodesLost', gangId: boot.gangId, refusal });
  endLeases(
    draft,
    nodes.filter((node) => leaseOf(draft, node) !== null),
    why.code,
    `${boot.gangId}-${draft.at}`,
  );
  breakGangs(draft, nodes, why);
  const lost = new Set(nodes);
  const jobIds = (boot.jobNodes ?? []).flatMap(([id, node]) => (lost.has(node) ? [id] : []));
  tellRefused(draft, `${boot.gangId}/boot-${nodes[0] ?? ''}`, jobIds, why, nodes);
  refuseSet(draft, boot.set, why);
  const free = nodes.filter((node) => !isLeftToOther(draft, node, boot.replacing.get(node) ?? ''));
  giveBackNodes(draft, free, refusal, `${boot.gangId}/boot-back-${nodes[0] ?? ''}-${draft.at}`);
}

const startedPhases: ReadonlySet<GangPhase> = new Set(['reserving', 'launching', 'assigning']);

/** Gangs that count on one of the instances, which another gang had launched, have lost it too. */
export function breakGangs(draft: Draft, nodes: readonly string[], why: Why): void {
  for (const id of new Set(nodes.flatMap((node) => claimantsOf(draft, node)))) {
    const gang = openGang(draft, id);
    if (gang === null || gang.replaces !== null || !startedPhases.has(gang.phase)) continue;
    if (gang.firm) failGang(draft, gang, { nodes: gang.nodes, ...why });
    else
      loseFromGang(draft, gang, {
        nodes: gang.nodes.filter((node) => nodes.includes(node)),
        ...why,
      });
  }
}

/** A replacement could not be launched: its gang is not whole any more. `alreadyDown`: Slurm powered these down itself. */
export function replacementFailed(
  draft: Draft,
  gang: Gang,
  why: Why,
  alreadyDown: ReadonlySet<string>,
): void {
  for (const boot of draft.state.boots.values()) {
    if (![...boot.replacing.values()].includes(gang.id) || draft.booted.has(boot.gangId)) continue;
    notReplaced(draft, boot, gang, why, alreadyDown);
  }
}

function notReplaced(
  draft: Draft,
  boot: Boot,
  gang: Gang,
  why: Why,
  alreadyDown: ReadonlySet<string>,
): void {
  const nodes = gang.nodes.filter((node) => !alreadyDown.has(node));
  const message = `no replacement for ${few(gang.nodes)}: ${why.message}`;
  if (boot.isWhole) letGoBoot(draft, boot, nodes, { code: why.code, message });
  else if (nodes.length > 0) loseNodes(draft, boot, nodes, { code: why.code, message });
}

export function few(nodes: readonly string[]): string {
  return nodes.length <= 3 ? foldHostlist(nodes) : `${nodes.length} nodes (${nodes[0]}, ...)`;
}
