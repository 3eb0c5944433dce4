/** What looking at Slurm and at EC2 has shown: slurmd that registered, jobs that are gone, instances that ended or are nobody's. */
import { endDoomedBoot, failBootNodes, failLateNodes, relieveStragglers } from './decide-boot.ts';
import { letGoBoot, failGang, loseFromGang } from './decide-gang.ts';
import {
  closeGang,
  endLeases,
  giveBackNodes,
  isBeingReleased,
  isLeftToOther,
  refreshLater,
  releaseNodes,
  releasingGang,
  stopLaunch,
  terminate,
} from './decide-moves.ts';
import { clearJobs } from './decide-job.ts';
import { loseSpares } from './decide-spares.ts';
import { formSilentGangs } from './decide-jobs.ts';
import { completeSet } from './decide-sets.ts';
import {
  claimantsOf,
  claimedByOther,
  leaseOf,
  openGang,
  type Draft,
  wantedByOther,
  noteFailedBoots,
} from './draft.ts';
import type { ReleaseNodes } from './effects.ts';
import type { Event } from './events.ts';
import type { Gang, GangPhase } from './gang.ts';
import { hash32 } from './hash.ts';
import { parseHostlistElements } from './hostlist.ts';
import { awaitedNodes } from './observe.ts';
import { drainReason, nodeReason } from './reasons.ts';
import type { JobFacts, Told } from './job-facts.ts';

type SlurmSeen = Extract<Event, { kind: 'SlurmSeen' }>;
type Ec2Seen = Extract<Event, { kind: 'Ec2Seen' }>;

const goneReason = drainReason({ code: 'JobGone', message: 'the job that wanted it is gone' });

export function decideSlurmSeen(draft: Draft, seen: SlurmSeen): void {
  registerNodes(draft, seen.registered, new Set(seen.gone));
  const gone = new Set(seen.gone);
  for (const { gangId, taken } of seen.doomed) endDoomedBoot(draft, gangId, taken, gone);
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
  relieveStragglers(draft, seen.late);
  if (seen.silent === null) return;
  const { asked, told } = stillSilent(draft, seen.silent);
  if (asked.length > 0) formSilentGangs(draft, `seen-${draft.at}`, asked, told);
}

/**
 * What was seen may be read late: some of the jobs may have gangs by now, and nodes of others may be given back, with which
 * those go back too.
 */
function stillSilent(
  draft: Draft,
  silent: NonNullable<SlurmSeen['silent']>,
): NonNullable<SlurmSeen['silent']> {
  // Then each is refused, and told so.
  if (draft.state.fleet.status === 'stopped') return silent;
  const { asked, told } = silent;
  const isOnItsWay = (node: string): boolean =>
    leaseOf(draft, node) !== null || claimantsOf(draft, node).length > 0;
  const lost = new Set(asked.filter((node) => !isOnItsWay(node)));
  const theirs = new Set<string>();
  const jobs = told.jobs.filter((job) => {
    const { nodes } = parseHostlistElements(job.nodes);
    if (isKnown(draft, job.jobId, []) || nodes.some((node) => lost.has(node))) return false;
    for (const node of nodes) theirs.add(node);
    return true;
  });
  return { asked: asked.filter((node) => theirs.has(node)), told: { ...told, jobs } };
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
    if (!isWhole) continue;
    clearJobs(draft, boot.gangId, jobIds, boot.requestedAt);
    completeSet(draft, boot);
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
        // Another gang that shared it is cancelled too.
        !isBeingReleased(draft, node),
    );
    const id = `${gang.id}/release`;
    if (nodes.length === 0) closeCancelled(draft, gang);
    else draft.effects.push({ kind: 'ReleaseNodes', id, nodes, reason: goneReason });
  }
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
      (node) => !up.has(node) && !wantedByOther(draft, node, '') && !isInBoot(draft, node),
    );
    releaseNodes(draft, nodes, `${boot.gangId}/boot-release`, goneReason);
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
  return draft.index.bootsWith(node).some(({ gangId }) => !draft.booted.has(gangId));
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
  if (effect.code !== undefined) return endFreed(draft, effect.code, effect, freed);
  const on = (job: JobFacts): string[] => {
    const nodes = new Set(parseHostlistElements(job.nodes).nodes);
    return effect.nodes.filter((node) => nodes.has(node));
  };
  const jobs = kept.jobs.filter((job) => !isKnown(draft, job.jobId, on(job)));
  const theirs = new Set(jobs.flatMap(on));
  const asked = effect.nodes.filter((node) => theirs.has(node));
  // Its own name would grow with every job that the nodes pass to, and EC2's tokens are short.
  const requestId = `kept-${draft.at}-${hash32(effectId).toString(16)}`;
  const leaving = openGang(draft, releasingGang(effect));
  if (asked.length > 0) formSilentGangs(draft, requestId, asked, { ...kept, jobs }, leaving);
  // After those are formed, which take over what it leaves.
  const wanted = new Set(effect.nodes);
  endReleased(
    draft,
    effect,
    freed.filter((node) => wanted.has(node)),
  );
}

/** Nodes of the fleet that are powered down now; one that a gang has taken since is that gang's. */
function endFreed(
  draft: Draft,
  code: string,
  { id, nodes }: ReleaseNodes,
  freed: readonly string[],
): void {
  const left = freed.filter(
    (node) => nodes.includes(node) && !claimedByOther(draft, node, '') && !isInBoot(draft, node),
  );
  const ends = left.filter((node) => leaseOf(draft, node) !== null);
  endLeases(draft, ends, code, id);
  // Slurm may have set them down itself, after which its backfill scheduler passes them over.
  refreshLater(draft, left, { id, soon: true });
}

/** It has a gang, or boots, which waits for these nodes of it. */
function isKnown({ state, closed, booted }: Draft, jobId: number, on: readonly string[]): boolean {
  const has = (nodes: readonly string[]): boolean => on.every((node) => nodes.includes(node));
  for (const { id, phase, jobIds, nodes, missing } of state.gangs.values()) {
    const isOpen = phase !== 'releasing' && !closed.has(id);
    if (isOpen && jobIds.includes(jobId) && has([...nodes, ...missing])) return true;
  }
  for (const { gangId, jobIds, nodes } of state.boots.values())
    if (!booted.has(gangId) && jobIds.includes(jobId) && has(nodes)) return true;
  return false;
}

/** Slurm does not let go of the nodes: what they hold ends all the same, unless another gang boots there by now. */
export function decideNotReleased(draft: Draft, effect: ReleaseNodes): void {
  // Nodes of the fleet are looked at again, and are judged as they are then.
  if (effect.code !== undefined) return;
  endReleased(
    draft,
    effect,
    effect.nodes.filter((node) => !isInBoot(draft, node)),
  );
}

function endReleased(draft: Draft, effect: ReleaseNodes, freed: readonly string[]): void {
  const gang = openGang(draft, releasingGang(effect));
  const ends = freed.filter(
    (node) => leaseOf(draft, node) !== null && !wantedByOther(draft, node, gang?.id ?? ''),
  );
  endLeases(draft, ends, 'JobGone', effect.id);
  if (gang?.phase !== 'releasing') return;
  endLeftOver(draft, gang);
  closeCancelled(draft, gang);
}

/** What it launched and nobody has taken over: who wanted a node of it was refused, or has no place in the fleet any more. */
function endLeftOver(draft: Draft, gang: Gang): void {
  const left = gang.nodes.filter((node) => {
    const lease = leaseOf(draft, node);
    const isOwn = lease !== null && lease.gangId === gang.id && !lease.given;
    return isOwn && !wantedByOther(draft, node, gang.id);
  });
  endLeases(draft, left, 'JobGone', `${gang.id}/left`);
  const message = 'the job that wanted it is gone, and the next one cannot be launched';
  const nodes = left.filter((node) => !isLeftToOther(draft, node, gang.id));
  giveBackNodes(draft, nodes, { nodes, code: 'JobGone', message }, `${gang.id}/left-back`);
}

function closeCancelled(draft: Draft, gang: Gang): void {
  const message = 'the job was cancelled or requeued while its nodes were launched';
  closeGang(draft, gang, [], [{ nodes: gang.nodes, code: 'JobGone', message }]);
}

export function decideEc2Seen(draft: Draft, seen: Ec2Seen): void {
  const ended = new Set(seen.ended);
  loseSpares(draft, ended);
  const lost = [...draft.state.leases.values()].filter(({ instance }) =>
    ended.has(instance.instanceId),
  );
  if (lost.length > 0)
    loseInstances(
      draft,
      lost.map((lease) => lease.node),
      `ended-${draft.at}`,
    );
  const found = (seen.found ?? []).filter(
    ({ node }) => leaseOf(draft, node) === null && claimantsOf(draft, node).length === 0,
  );
  if (found.length > 0) draft.decisions.push({ kind: 'LeasesFound', found });
  terminate(draft, seen.strays, `strays-${draft.at}`);
  for (const { reservationId, tag } of seen.strayReservations) {
    const id = `${tag === '' ? 'reservation' : tag}/stray-${reservationId}`;
    draft.effects.push({ kind: 'EndReservation', id, tag, reservationId });
  }
}

/** Instances of these nodes have ended by themselves, or by somebody else's hand. */
export function loseInstances(draft: Draft, nodes: readonly string[], prefix: string): void {
  const left = new Set(nodes);
  const why = { code: 'InstanceEnded', message: 'EC2 ended the instance' };
  noteFailedBoots(draft, nodes.filter(isBooting(draft)), why);
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
  endLeases(draft, up, why.code, prefix);
  const free = up.filter((node) => !isLeftToOther(draft, node, ''));
  if (free.length === 0) return;
  // Down first: of one that is only powered down Slurm waits to hear that the job is cleared away, which its slurmd
  // cannot tell any more, and until SlurmdTimeout the job does not come back to the queue.
  const id = `${prefix}/back`;
  const reason = nodeReason(refusal);
  draft.effects.push({ kind: 'GiveBackNodes', id, nodes: free, reason, onlyUp: true });
}

/** It has never been up. */
function isBooting({ state }: Draft): (node: string) => boolean {
  return (node) => state.leases.get(node)?.isRegistered === false;
}

/** Phases in which a gang counts on its nodes' instances. */
const counts: ReadonlySet<GangPhase> = new Set([
  'reserving',
  'launching',
  'assigning',
  'releasing',
]);
