/**
 * From the verdicts of a look at the fleet (judge.ts) to what is done about the nodes. A look is seconds old when it is read:
 * nodes that muster has begun something with since, or that Slurm has asked for, are as they were judged no more.
 */
import { dropFromBoots, failBootNodes } from './decide-boot.ts';
import { forgetPast } from './decide-job.ts';
import { endLeases, giveBackNodes } from './decide-moves.ts';
import { loseInstances } from './decide-seen.ts';
import { settleJobs, strikeJobs } from './decide-survivors.ts';
import { leaseOf, type Draft } from './draft.ts';
import type { Event, NodesJudged } from './events.ts';
import { affairs } from './fleet-facts.ts';
import type { Verdict } from './judge.ts';
import { drainReason } from './reasons.ts';

/** A look may wait to be read, while the ledger cannot be written: where the instance has ended since, nothing is left to be done. */
const aboutInstance: ReadonlySet<Verdict> = new Set([
  'lose-instance',
  'fail-boot',
  'drain',
  'end-boot',
  'end-instance',
]);

/** What ends the wait for a slurmd; all else is about nodes that muster is not at. */
const aboutBoot: ReadonlySet<Verdict> = new Set(['fail-boot', 'end-boot']);

export function decideFleetSeen(
  draft: Draft,
  { askedAt, judged, struck, settled, past }: Extract<Event, { kind: 'FleetSeen' }>,
): void {
  if (past !== undefined) forgetPast(draft, past, askedAt);
  strikeJobs(draft, struck);
  const released = new Set(settleJobs(draft, settled));
  const affairOf = affairs(draft.state);
  for (const [index, group] of judged.entries()) {
    const affair = aboutBoot.has(group.verdict) ? 'boot' : 'none';
    const nodes = group.nodes.filter((node) => {
      const lease = draft.state.leases.get(node);
      const isNewer = lease !== undefined && Math.max(lease.leasedAt, lease.requestedAt) >= askedAt;
      if (lease === undefined && aboutInstance.has(group.verdict)) return false;
      return affairOf(node) === affair && !isNewer && !released.has(node);
    });
    if (nodes.length === 0) continue;
    const { rule, verdict, message } = group;
    draft.decisions.push({ kind: 'NodesMended', rule, verdict, message, nodes });
    mend(draft, { ...group, nodes }, `fleet-${draft.at}-${index}`);
  }
}

function mend(draft: Draft, { verdict, code, message, nodes }: NodesJudged, id: string): void {
  const why = { code, message };
  const held = nodes.filter((node) => leaseOf(draft, node) !== null);
  switch (verdict) {
    case 'leave':
      return;
    case 'lose-instance':
      return loseInstances(draft, nodes, id);
    case 'fail-boot': {
      const failed = new Set(nodes);
      for (const boot of draft.state.boots.values()) {
        // One that another boot of it has had replaced in this turn is on its way.
        const own = [...boot.awaiting.keys()].filter(
          (node) => failed.has(node) && !draft.ended.has(node),
        );
        if (own.length > 0) failBootNodes(draft, boot, own, why);
      }
      return;
    }
    case 'drain': {
      const instanceIds = nodes.map((node) => leaseOf(draft, node)?.instance.instanceId ?? '');
      const reason = drainReason(why);
      draft.effects.push({ kind: 'DrainNodes', id, nodes, instanceIds, reason });
      return;
    }
    case 'release':
      draft.effects.push({ kind: 'ReleaseNodes', id, nodes, reason: drainReason(why), code });
      return;
    case 'end-boot':
      // As the suspend does whose call was lost.
      dropFromBoots(draft, new Set(nodes), null);
      return endLeases(draft, held, code, id);
    case 'end-instance':
      return endLeases(draft, held, code, id);
    case 'give-back':
      endLeases(draft, held, code, id);
      return giveBackNodes(draft, nodes, { ...why, nodes }, `${id}/back`);
    case 'bring-back':
      draft.effects.push({ kind: 'RefreshNodes', id, nodes, evenDrained: true });
      return;
  }
  return verdict satisfies never;
}
