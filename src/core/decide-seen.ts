/** What looking at Slurm and at EC2 has shown: slurmd that registered, jobs that are gone, instances that ended or are nobody's. */
import { endDoomedBoot, failBootNodes, failLateNodes } from './decide-boot.ts';
import { letGoBoot, failGang, loseFromGang } from './decide-gang.ts';
import { closeGang, endLeases, stopLaunch, terminate } from './decide-moves.ts';
import { clearJobs } from './decide-job.ts';
import { formSilentGangs } from './decide-jobs.ts';
import { claimedByOther, leaseOf, openGang, type Draft, wantedByOther } from './draft.ts';
import type { ReleaseNodes } from './effects.ts';
import type { Event } from './events.ts';
import type { Gang, GangPhase } from './gang.ts';
import { hash32 } from './hash.ts';
import { parseHostlistElements } from './hostlist.ts';
import { awaitedNodes } from './observe.ts';
import type { Told } from './job-facts.ts';

type SlurmSeen = Extract<Event, { kind: 'SlurmSeen' }>;
type Ec2Seen = Extract<Event, { kind: 'Ec2Seen' }>;

const goneReason = 'the job that wanted it is gone';

export function decideSlurmSeen(draft: Draft, seen: SlurmSeen): void {
  registerNodes(draft, seen.registered, new Set(seen.gone));
  for (const { gangId, taken } of seen.doomed) endDoomedBoot(draft, gangId, taken);
  const gone = new Set(seen.gone);
  if (gone.size > 0) {
    const gangs = [...draft.state.gangs.values()].filter(
      ({ phase, replaces, jobIds }) =>
        phase !== 'asking' &&
        phase !== 'releasing' &&
        replaces === null &&
        jobIds.length > 0 &&
        jobIds.every((id) => gone.has(id)),
    );
    cancelGangs(draft, gangs);
    cancelBoots(draft, gone, new Set(seen.registered));
  }
  // For a job that is gone nothing is replaced.
  failLateNodes(draft, seen.late);
  if (seen.silent === null) return;
  const { asked, told } = seen.silent;
  formSilentGangs(draft, `seen-${draft.at}`, asked, told);
}

/** A gang of which nobody is awaited any more is whole and up. */
function registerNodes(draft: Draft, seen: readonly string[], gone: ReadonlySet<number>): void {
  // What was seen of one that gets another instance is the old one.
  const awaited = new Set(awaitedNodes(draft.state));
  const nodes = seen.filter((node) => awaited.has(node));
  if (nodes.length === 0) return;
  draft.decisions.push({ kind: 'NodesRegistered', nodes });
  const up = new Set(nodes);
  for (const boot of draft.state.boots.values()) {
    if (boot.doom !== null) continue;
    const isWhole =
      boot.replacing.size === 0 && [...boot.awaiting.keys()].every((node) => up.has(node));
    // One that is gone has not started, and what it was told still holds.
    const jobIds = boot.jobIds.filter((id) => !gone.has(id));
    if (isWhole) clearJobs(draft, boot.gangId, jobIds, boot.requestedAt);
  }
}

/** Their jobs are gone: nothing more is launched; their nodes go, unless Slurm has put another job on them. */
function cancelGangs(draft: Draft, gangs: readonly Gang[]): void {
  for (const gang of gangs) {
    stopLaunch(draft, gang, 'JobGone');
    draft.decisions.push({ kind: 'GangCancelled', gangId: gang.id });
  }
  for (const gang of gangs) {
    const nodes = gang.nodes.filter(
      (node) =>
        !wantedByOther(draft, node, gang.id) &&
        !isInBoot(draft, node) &&
        !isBeingReleased(draft, node),
    );
    const id = `${gang.id}/release`;
    if (nodes.length === 0) closeCancelled(draft, gang);
    else draft.effects.push({ kind: 'ReleaseNodes', id, nodes, reason: goneReason });
  }
}

/** Another gang that shared it is cancelled too. */
function isBeingReleased(draft: Draft, node: string): boolean {
  const outstanding = [...draft.state.outstanding.values()].map(({ effect }) => effect);
  return [...outstanding, ...draft.effects].some(
    (effect) => effect.kind === 'ReleaseNodes' && effect.nodes.includes(node),
  );
}

/** The awaited nodes go, as far as nobody else wants them; what has registered idles as Slurm has it. */
function cancelBoots(draft: Draft, gone: ReadonlySet<number>, up: ReadonlySet<string>): void {
  for (const boot of draft.state.boots.values()) {
    if (draft.booted.has(boot.gangId)) continue;
    if (boot.jobIds.length === 0 || !boot.jobIds.every((id) => gone.has(id))) continue;
    draft.booted.add(boot.gangId);
    draft.decisions.push({ kind: 'BootCancelled', gangId: boot.gangId });
    for (const replacementId of boot.replacing.values()) {
      const gang = openGang(draft, replacementId);
      if (gang !== null && !isAwaitedElsewhere(draft, gang)) cancelGangs(draft, [gang]);
    }
    const nodes = [...boot.awaiting.keys()].filter(
      (node) =>
        !up.has(node) &&
        !wantedByOther(draft, node, '') &&
        !isInBoot(draft, node) &&
        !isBeingReleased(draft, node),
    );
    if (nodes.length === 0) continue;
    const id = `${boot.gangId}/boot-release`;
    draft.effects.push({ kind: 'ReleaseNodes', id, nodes, reason: goneReason });
  }
}

/** Whether a gang that still boots waits for what this one launches. */
function isAwaitedElsewhere(draft: Draft, { id }: Gang): boolean {
  for (const boot of draft.state.boots.values())
    if (!draft.booted.has(boot.gangId) && [...boot.replacing.values()].includes(id)) return true;
  return false;
}

/** Whether it was given for a gang that still boots. */
export function isInBoot(draft: Draft, node: string): boolean {
  for (const boot of draft.state.boots.values())
    if (!draft.booted.has(boot.gangId) && boot.nodes.includes(node)) return true;
  return false;
}

/** Nodes on which nobody was are powered down: what they hold ends. The others are for the jobs that Slurm has put there. */
export function decideReleased(
  draft: Draft,
  effectId: string,
  freed: readonly string[],
  kept: Told,
): void {
  const effect = draft.state.outstanding.get(effectId)?.effect;
  if (effect?.kind !== 'ReleaseNodes') return;
  const jobs = kept.jobs.filter((job) => !isKnown(draft, job.jobId));
  const theirs = new Set(jobs.flatMap((job) => parseHostlistElements(job.nodes).nodes));
  const asked = effect.nodes.filter((node) => theirs.has(node));
  // Its own name would grow with every job that the nodes pass to, and EC2's tokens are short.
  const requestId = `kept-${draft.at}-${hash32(effectId).toString(16)}`;
  if (asked.length > 0) formSilentGangs(draft, requestId, asked, { ...kept, jobs });
  // After those are formed, which take over what it leaves.
  const wanted = new Set(effect.nodes);
  endReleased(
    draft,
    effect,
    freed.filter((node) => wanted.has(node)),
  );
}

/** It has a gang, or boots: those nodes are among the ones that it waits for. */
function isKnown({ state, closed, booted }: Draft, jobId: number): boolean {
  for (const gang of state.gangs.values()) {
    const isOpen = gang.phase !== 'releasing' && !closed.has(gang.id);
    if (isOpen && gang.jobIds.includes(jobId)) return true;
  }
  for (const boot of state.boots.values())
    if (!booted.has(boot.gangId) && boot.jobIds.includes(jobId)) return true;
  return false;
}

/** Slurm does not let go of the nodes: what they hold ends all the same, unless another gang boots there by now. */
export function decideNotReleased(draft: Draft, effect: ReleaseNodes): void {
  endReleased(
    draft,
    effect,
    effect.nodes.filter((node) => !isInBoot(draft, node)),
  );
}

function endReleased(draft: Draft, effect: ReleaseNodes, freed: readonly string[]): void {
  const gang = openGang(draft, effect.id.replace(/\/release'*$/, ''));
  const ends = freed.filter(
    (node) => leaseOf(draft, node) !== null && !wantedByOther(draft, node, gang?.id ?? ''),
  );
  endLeases(draft, ends, 'JobGone', effect.id);
  if (gang?.phase === 'releasing') closeCancelled(draft, gang);
}

function closeCancelled(draft: Draft, gang: Gang): void {
  const message = 'the job was cancelled or requeued while its nodes were launched';
  closeGang(draft, gang, [], [{ nodes: gang.nodes, code: 'JobGone', message }]);
}

export function decideEc2Seen(draft: Draft, seen: Ec2Seen): void {
  const ended = new Set(seen.ended);
  const lost = [...draft.state.leases.values()].filter(({ instance }) =>
    ended.has(instance.instanceId),
  );
  if (lost.length > 0)
    loseInstances(
      draft,
      lost.map((lease) => lease.node),
    );
  terminate(draft, seen.strays, `strays-${draft.at}`);
  for (const { reservationId, tag } of seen.strayReservations) {
    const id = `${tag === '' ? 'reservation' : tag}/stray-${reservationId}`;
    draft.effects.push({ kind: 'EndReservation', id, tag, reservationId });
  }
}

/** Instances of these nodes have ended by themselves, or by somebody else's hand. */
function loseInstances(draft: Draft, nodes: readonly string[]): void {
  const left = new Set(nodes);
  const why = { code: 'InstanceEnded', message: 'EC2 ended the instance' };
  for (const gang of draft.state.gangs.values()) {
    // Others will launch what they need when it is their turn.
    if (draft.closed.has(gang.id) || !counts.has(gang.phase)) continue;
    const own = gang.nodes.filter((node) => left.has(node));
    if (own.length === 0) continue;
    // One that may be at work with the others since before a restart is not judged until that is known.
    const isOpen = gang.firm && gang.mayBeGiven;
    for (const node of own)
      if (isOpen || leaseOf(draft, node)?.gangId === gang.id) left.delete(node);
    if (isOpen || gang.phase === 'releasing') continue;
    if (gang.firm) failGang(draft, gang, { ...why, nodes: gang.nodes });
    else loseFromGang(draft, gang, { ...why, nodes: own });
  }
  for (const boot of draft.state.boots.values()) {
    const own = boot.nodes.filter((node) => left.has(node));
    const awaited = own.filter((node) => boot.awaiting.has(node));
    // A node that had joined is up for Slurm: another instance would not be waited for.
    if (boot.isWhole && awaited.length < own.length) letGoBoot(draft, boot, own, why);
    else if (awaited.length > 0) failBootNodes(draft, boot, awaited, why);
    else continue;
    for (const node of own) left.delete(node);
  }
  // They were up: Slurm would take SlurmdTimeout to see that they are not any more.
  const up = [...left].filter((node) => leaseOf(draft, node) !== null);
  if (up.length === 0) return;
  const refusal = { ...why, nodes: up };
  draft.decisions.push({ kind: 'NodesLost', refusal });
  endLeases(draft, up, why.code, `ended-${draft.at}`);
  const free = up.filter((node) => !claimedByOther(draft, node, ''));
  if (free.length === 0) return;
  // Powered down alone: Slurm may be powering one down by itself, and one that is taken down meanwhile stays down.
  const id = `ended-${draft.at}/back`;
  draft.effects.push({ kind: 'GiveBackNodes', id, nodes: free, reason: null });
}

/** Phases in which a gang counts on its nodes' instances. */
const counts: ReadonlySet<GangPhase> = new Set([
  'reserving',
  'launching',
  'assigning',
  'releasing',
]);
