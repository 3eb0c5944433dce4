/**
 * Whole until it runs: every node that was given must register in time. One that fails gets another instance on the rung
 * of its gang while time allows; where that is impossible the whole gang is let go and its job goes back to the queue, so
 * that the others never idle.
 */
import { type Boot, lateNodes } from './boot.ts';
import { bootAllowanceMs } from './deadlines.ts';
import { breakGangs, failGang, few, letGoBoot, loseNodes } from './decide-gang.ts';
import { tellRefused, wakeLater } from './decide-job.ts';
import { endLeases, giveBackNodes, isLeftToOther, releaseNodes } from './decide-moves.ts';
import { refuseSet } from './decide-sets.ts';
import {
  claimantsOf,
  claimedByOther,
  claimNodes,
  type Draft,
  leaseOf,
  openGang,
  noteFailedBoots,
} from './draft.ts';
import type { Refusal } from './gang.ts';
import { drainReason } from './reasons.ts';
import { matchSpares, type Spare, straggleMs, stragglers } from './spares.ts';
import { placesOf, settingsFor } from './launch-policy.ts';

type Why = Pick<Refusal, 'code' | 'message'>;

/** More than these is no accident of single machines. */
function replacementsMax(boot: Boot): number {
  return Math.max(2, Math.ceil(boot.nodes.length / 10));
}

/** Nodes that Slurm shows as not up although their time has come. */
export function failLateNodes(draft: Draft, late: readonly string[]): void {
  const nodes = new Set(late);
  for (const boot of draft.state.boots.values()) {
    // One that another gang of it has had replaced in this turn is on its way.
    const own = lateNodes(boot, draft.at).filter(
      (node) => nodes.has(node) && !draft.ended.has(node),
    );
    if (own.length === 0 || draft.booted.has(boot.gangId)) continue;
    const message = `no slurmd of ${few(own)} registered in time`;
    failBootNodes(draft, boot, own, { code: 'BootTimeout', message });
  }
}

/** Nodes of it will not come: their instances have ended, or are silent. */
export function failBootNodes(draft: Draft, boot: Boot, nodes: readonly string[], why: Why): void {
  if (boot.doom !== null || draft.booted.has(boot.gangId)) return;
  noteFailedBoots(draft, nodes, why);
  const spares = sparesFor(draft, boot, nodes);
  const others = nodes.filter((node) => !spares.has(node));
  if (others.length === 0 || mayReplace(draft, boot, others))
    return replaceNodes(draft, boot, nodes, spares, why);
  if (boot.isWhole) return letGoBoot(draft, boot, nodes, why);
  loseNodes(draft, boot, nodes, why);
}

/**
 * All others of their gang have registered: spares take the places of these. Slurm shows them as not up.
 */
export function relieveStragglers(draft: Draft, late: readonly string[]): void {
  if (draft.state.spares.size === 0) return;
  for (const boot of draft.state.boots.values()) {
    if (draft.booted.has(boot.gangId)) continue;
    const own = stragglers(draft.state, boot, draft.at).filter(
      (node) => late.includes(node) && !draft.ended.has(node),
    );
    const spares = sparesFor(draft, boot, own);
    const message = `all others of the gang have registered ${straggleMs / 1000} s before ${few(own)}`;
    replaceNodes(draft, boot, [...spares.keys()], spares, { code: 'BootTimeout', message });
  }
}

/** The spares that take these nodes' places at once, as far as there are any, and time. */
function sparesFor(draft: Draft, boot: Boot, nodes: readonly string[]): Map<string, Spare> {
  if (draft.at >= boot.registerBy) return new Map();
  const free = nodes.filter((node) => isOwn(draft, node));
  return matchSpares(draft.state, boot.gangId, free, draft.spent);
}

/** It holds an instance, and no open gang counts on that. */
function isOwn(draft: Draft, node: string): boolean {
  return claimantsOf(draft, node).length === 0 && leaseOf(draft, node) !== null;
}

function mayReplace(draft: Draft, boot: Boot, nodes: readonly string[]): boolean {
  const settings = settingsFor(draft.state.settings, { places: placesOf(nodes), wish: {} });
  if (boot.replacements + nodes.length > replacementsMax(boot)) return false;
  if (draft.at + bootAllowanceMs(settings) > boot.registerBy) return false;
  return nodes.every((node) => isOwn(draft, node));
}

/** Their instances end; those of `spares` become theirs, and for the others one is launched. */
function replaceNodes(
  draft: Draft,
  boot: Boot,
  nodes: readonly string[],
  spares: ReadonlyMap<string, Spare>,
  why: Why,
): void {
  // Each in the pool that its instance came from: a pool of its own is a rung of its own.
  const groups = new Map<string, { pool: string; nodes: string[] }>();
  for (const node of nodes) {
    const pool = draft.state.leases.get(node)?.pool ?? '';
    // What a spare is there for does not wait for a launch.
    const key = `${spares.has(node) ? 'spare' : 'launch'} ${pool}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { pool, nodes: [node] });
    else group.nodes.push(node);
  }
  endLeases(draft, nodes, why.code, boot.gangId);
  let number = boot.replacements;
  for (const group of groups.values()) {
    number += 1;
    const gangId = `${boot.gangId}r${number}`;
    formReplacement(draft, boot, gangId, group, why);
    takeSpares(draft, gangId, group.nodes, spares);
  }
}

function formReplacement(
  draft: Draft,
  boot: Boot,
  gangId: string,
  { pool, nodes }: { readonly pool: string; readonly nodes: readonly string[] },
  why: Why,
): void {
  claimNodes(draft, gangId, nodes);
  // Gangs that share a node wait for the same instance.
  for (const other of draft.state.boots.values()) {
    const shared = nodes.filter((node) => other === boot || other.awaiting.has(node));
    if (shared.length === 0 || other.doom !== null) continue;
    draft.decisions.push({
      kind: 'NodesReplaced',
      bootId: other.gangId,
      replacementId: gangId,
      nodes: shared,
      why,
    });
  }
  draft.decisions.push({
    kind: 'GangFormed',
    gangId,
    requestId: boot.requestId,
    requestedAt: boot.requestedAt,
    gangKind: 'job',
    firm: true,
    jobIds: boot.jobIds,
    nodes,
    missing: [],
    assembleBy: draft.at,
    waitsFor: [],
    onlyRung: pool,
    replaces: boot.gangId,
  });
}

/** The gang that replaces them has nothing to launch then, and gives them to Slurm at once. */
function takeSpares(
  draft: Draft,
  gangId: string,
  nodes: readonly string[],
  spares: ReadonlyMap<string, Spare>,
): void {
  const placed = nodes.flatMap((node) => {
    const instance = spares.get(node)?.instance;
    return instance === undefined ? [] : [{ node, instance }];
  });
  if (placed.length === 0) return;
  for (const { instance } of placed) draft.spent.add(instance.instanceId);
  draft.decisions.push({ kind: 'SparesTaken', gangId, placed });
}

/**
 * All of it goes, but for nodes that other jobs have (`taken`), and its job back to the queue. Where that has left by
 * itself (`gone`) Slurm may put another job at any moment on those that are up: they are let go with care.
 */
export function endDoomedBoot(
  draft: Draft,
  gangId: string,
  taken: readonly string[],
  gone: ReadonlySet<number>,
): void {
  const boot = draft.state.boots.get(gangId);
  if (boot?.doom == null || draft.booted.has(gangId)) return;
  draft.booted.add(gangId);
  const { code, message, nodes, instanceIds } = boot.doom;
  // Whoever else is on a node that does not come has nothing of it either.
  const dead = new Set(
    nodes.filter((node) => {
      const held = leaseOf(draft, node)?.instance.instanceId;
      return boot.nodes.includes(node) && (held === undefined || instanceIds.includes(held));
    }),
  );
  const shared = new Set(taken);
  const free = boot.nodes.filter(
    (node) => dead.has(node) || (!shared.has(node) && !isSharedNode(draft, boot, node)),
  );
  const refusal = { nodes: boot.nodes, code, message };
  draft.decisions.push({ kind: 'BootFailed', gangId, jobIds: boot.jobIds, refusal });
  for (const replacementId of boot.replacing.values()) {
    const gang = openGang(draft, replacementId);
    if (gang !== null) failGang(draft, gang, { ...refusal, nodes: gang.nodes });
  }
  const isDeserted = boot.jobIds.length > 0 && boot.jobIds.every((id) => gone.has(id));
  const released = isDeserted ? free.filter((node) => !dead.has(node)) : [];
  const ended = isDeserted ? free.filter((node) => dead.has(node)) : free;
  endLeases(
    draft,
    ended.filter((node) => leaseOf(draft, node) !== null),
    code,
    gangId,
  );
  breakGangs(draft, [...dead], { code, message });
  tellRefused(draft, `${gangId}/boot`, boot.jobIds.slice(0, 1), { code, message }, boot.nodes);
  wakeLater(draft, boot.jobIds);
  refuseSet(draft, boot.set, { code, message });
  releaseNodes(draft, released, `${gangId}/boot-release`, drainReason({ code, message }));
  const back = ended.filter((node) => !isLeftToOther(draft, node, boot.replacing.get(node) ?? ''));
  giveBackNodes(draft, back, refusal, `${gangId}/boot-back`, boot.jobIds.length > 1);
}

/** Another job's gang wants it, or another boot has it. */
function isSharedNode(draft: Draft, boot: Boot, node: string): boolean {
  if (claimedByOther(draft, node, boot.replacing.get(node) ?? '')) return true;
  return draft.index
    .bootsWith(node)
    .some((other) => other !== boot && !draft.booted.has(other.gangId));
}

/**
 * Nodes are powered down that were given. `failed`: why a whole gang without those that it waits for is of no use; null: Slurm
 * has them powered down for reasons of its own.
 */
export function dropFromBoots(
  draft: Draft,
  nodes: ReadonlySet<string>,
  failed: ((awaited: readonly string[]) => Why) | null,
): void {
  for (const boot of draft.state.boots.values()) {
    const dropped = boot.nodes.filter((node) => nodes.has(node));
    if (dropped.length === 0 || draft.booted.has(boot.gangId)) continue;
    const awaited = dropped.filter((node) => boot.awaiting.has(node) || boot.replacing.has(node));
    const booting = dropped.filter((node) => boot.awaiting.has(node));
    if (failed !== null) noteFailedBoots(draft, booting, failed(booting));
    if (boot.isWhole && awaited.length > 0 && failed !== null)
      letGoBoot(draft, boot, [], failed(awaited));
    draft.decisions.push({ kind: 'BootNodesDropped', gangId: boot.gangId, nodes: dropped });
  }
}
