/**
 * Whole until it runs: every node that was given must register in time. One that fails gets another instance on the rung
 * of its gang while time allows; where that is impossible the whole gang is let go and its job goes back to the queue, so
 * that the others never idle.
 */
import { type Boot, lateNodes } from './boot.ts';
import { bootAllowanceMs } from './deadlines.ts';
import { breakGangs, failGang, few, letGoBoot, loseNodes } from './decide-gang.ts';
import { tellRefused } from './decide-job.ts';
import { endLeases, giveBackNodes } from './decide-moves.ts';
import { claimantsOf, claimedByOther, claimNodes, type Draft, leaseOf, openGang } from './draft.ts';
import type { Refusal } from './gang.ts';

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
  if (mayReplace(draft, boot, nodes)) return replaceNodes(draft, boot, nodes, why);
  if (boot.isWhole) return letGoBoot(draft, boot, nodes, why);
  loseNodes(draft, boot, nodes, why);
}

function mayReplace(draft: Draft, boot: Boot, nodes: readonly string[]): boolean {
  const { settings } = draft.state;
  if (boot.replacements + nodes.length > replacementsMax(boot)) return false;
  if (draft.at + bootAllowanceMs(settings) > boot.registerBy) return false;
  return nodes.every(
    (node) => claimantsOf(draft, node).length === 0 && leaseOf(draft, node) !== null,
  );
}

function replaceNodes(draft: Draft, boot: Boot, nodes: readonly string[], why: Why): void {
  // Each in the pool that its instance came from: a pool of its own is a rung of its own.
  const byPool = new Map<string, string[]>();
  for (const node of nodes) {
    const pool = draft.state.leases.get(node)?.pool ?? '';
    byPool.set(pool, [...(byPool.get(pool) ?? []), node]);
  }
  endLeases(draft, nodes, why.code, boot.gangId);
  for (const [pool, group] of byPool) {
    const number = boot.replacements + [...byPool.keys()].indexOf(pool) + 1;
    const gangId = `${boot.gangId}r${number}`;
    claimNodes(draft, gangId, group);
    // Gangs that share a node wait for the same instance.
    for (const other of draft.state.boots.values()) {
      const shared = group.filter((node) => other === boot || other.awaiting.has(node));
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
      nodes: group,
      missing: [],
      assembleBy: draft.at,
      waitsFor: [],
      onlyRung: pool,
      replaces: boot.gangId,
    });
  }
}

/** All of it goes, but for nodes that other jobs have (`taken`), and its job back to the queue. */
export function endDoomedBoot(draft: Draft, gangId: string, taken: readonly string[]): void {
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
  endLeases(
    draft,
    free.filter((node) => leaseOf(draft, node) !== null),
    code,
    gangId,
  );
  breakGangs(draft, [...dead], { code, message });
  tellRefused(draft, `${gangId}/boot`, boot.jobIds.slice(0, 1), { code, message });
  const back = free.filter((node) => !claimedByOther(draft, node, boot.replacing.get(node) ?? ''));
  giveBackNodes(draft, back, refusal, `${gangId}/boot-back`, boot.jobIds.length > 1);
}

/** Another job's gang wants it, or another boot has it. */
function isSharedNode(draft: Draft, boot: Boot, node: string): boolean {
  if (claimedByOther(draft, node, boot.replacing.get(node) ?? '')) return true;
  for (const other of draft.state.boots.values()) {
    if (other === boot || draft.booted.has(other.gangId)) continue;
    if (other.nodes.includes(node)) return true;
  }
  return false;
}

/** Slurm powers nodes of it down itself: a whole gang without them is of no use. */
export function dropFromBoots(
  draft: Draft,
  nodes: ReadonlySet<string>,
  isResumeFail: boolean,
): void {
  for (const boot of draft.state.boots.values()) {
    const dropped = boot.nodes.filter((node) => nodes.has(node));
    if (dropped.length === 0 || draft.booted.has(boot.gangId)) continue;
    const awaited = dropped.filter((node) => boot.awaiting.has(node) || boot.replacing.has(node));
    if (boot.isWhole && awaited.length > 0 && isResumeFail) {
      const message = `${few(awaited)} did not register within ResumeTimeout`;
      letGoBoot(draft, boot, [], { code: 'BootTimeout', message });
    }
    draft.decisions.push({ kind: 'BootNodesDropped', gangId: boot.gangId, nodes: dropped });
  }
}
