/**
 * What a listing says that is not known: listings never enter the ledger, only what is new in them does. Pure: from the
 * state and a listing to the differences, null when there is none.
 */
import { lateNodes } from './boot.ts';
import type { JobFacts } from './job-facts.ts';
import { stragglers } from './spares.ts';
import type { State } from './state.ts';
import {
  sortUnclaimed,
  type FoundInstance,
  type UnleasedInstance,
  type UseListing,
} from './takeover.ts';
import type { Instant } from './units.ts';

/** A job that has nodes. */
export interface SeenJob extends JobFacts {
  readonly nodeList: readonly string[];
  readonly isConfiguring: boolean;
}

export interface SlurmListing {
  /** When Slurm was asked: what came later it cannot tell. */
  readonly askedAt: Instant;
  readonly jobs: readonly SeenJob[];
  /** Of the nodes that are awaited, those that are up. */
  readonly up: readonly string[];
}

/** Whether a gang waits for Slurm to say whom its nodes serve. */
export function hasDoomedBoot(state: State): boolean {
  for (const boot of state.boots.values()) if (boot.doom !== null) return true;
  return false;
}

/** Gangs that are to be let go, with those of their nodes that other jobs have. */
export function doomedBoots(
  state: State,
  { jobs }: SlurmListing,
): { gangId: string; taken: string[] }[] {
  const doomed = [...state.boots.values()].filter((boot) => boot.doom !== null);
  return doomed.map(({ gangId, jobIds, nodes }) => {
    const others = jobs.filter((job) => !jobIds.includes(job.jobId));
    const taken = new Set(others.flatMap((job) => job.nodeList));
    return { gangId, taken: nodes.filter((node) => taken.has(node)) };
  });
}

/**
 * Awaited nodes that are still powering up although their deadline has passed, or although all others of their gang are up
 * and spares could take their places.
 */
export function lateAwaited(state: State, at: Instant, poweringUp: readonly string[]): string[] {
  const late = new Set<string>();
  for (const boot of state.boots.values()) {
    for (const node of lateNodes(boot, at)) late.add(node);
    for (const node of stragglers(state, boot, at)) late.add(node);
  }
  return poweringUp.filter((node) => late.has(node));
}

/** Nodes whose slurmd is awaited, without those that are being replaced. */
export function awaitedNodes(state: State): string[] {
  const nodes = new Set<string>();
  for (const boot of state.boots.values()) for (const node of boot.awaiting.keys()) nodes.add(node);
  return [...nodes];
}

/** Whether anything waits for what Slurm does. */
export function watchesSlurm(state: State): boolean {
  if (state.boots.size > 0) return true;
  for (const gang of state.gangs.values()) if (gang.jobIds.length > 0) return true;
  return false;
}

/** Configuring jobs that no gang knows, on nodes that power up for others: Slurm called nobody for them. */
export function silentJobs(state: State, { askedAt, jobs }: SlurmListing): SeenJob[] {
  if (state.settings.mode !== 'job') return [];
  const known = new Set<number>();
  for (const gang of state.gangs.values()) for (const id of gang.jobIds) known.add(id);
  for (const boot of state.boots.values()) for (const id of boot.jobIds) known.add(id);
  return jobs.filter(
    (job) =>
      job.isConfiguring &&
      !known.has(job.jobId) &&
      job.nodeList.some((node) => isOnItsWay(state, node, askedAt)),
  );
}

/** Its request was made before Slurm was asked, and it has not registered. */
export function isOnItsWay(state: State, node: string, askedAt: Instant): boolean {
  const lease = state.leases.get(node);
  if (lease !== undefined) return !lease.isRegistered && lease.requestedAt < askedAt;
  return (state.claims.get(node) ?? []).some(
    (id) => (state.gangs.get(id)?.requestedAt ?? Infinity) < askedAt,
  );
}

/** Jobs of gangs and boots that have no nodes any more: cancelled, requeued or ended. */
export function goneJobs(state: State, { askedAt, jobs }: SlurmListing): number[] {
  // Launch-batches are launched whatever jobs they are for.
  if (state.settings.mode !== 'job') return [];
  const allocated = new Set(jobs.map((job) => job.jobId));
  const gone = new Set<number>();
  const look = (jobIds: readonly number[], since: Instant): void => {
    if (since >= askedAt) return;
    for (const id of jobIds) if (!allocated.has(id)) gone.add(id);
  };
  for (const gang of state.gangs.values()) {
    if (gang.phase !== 'asking' && gang.phase !== 'releasing') look(gang.jobIds, gang.formedAt);
  }
  for (const boot of state.boots.values()) look(boot.jobIds, boot.requestedAt);
  return [...gone];
}

export interface Ec2Listing {
  readonly askedAt: Instant;
  /** Leased instances that end or have ended. */
  readonly ended: readonly string[];
  readonly unleased: readonly UnleasedInstance[];
  /** Asked for where `unclaimed` finds some. Absent: none was. */
  readonly use?: UseListing;
  /** Reservations that are held. */
  readonly reservations: readonly { readonly reservationId: string; readonly tag: string }[];
}

/** Younger ones may belong to an answer that is on its way. */
const strayAfterMs = 120_000;

export interface Ec2Differences {
  /** Leased instances, and spares, that have ended. */
  readonly ended: readonly string[];
  /** Instances of this cluster that the ledger does not know, or that it has given up. */
  readonly strays: readonly string[];
  /** Such instances that serve a node of Slurm's. Absent: there is none. */
  readonly found?: readonly FoundInstance[];
  readonly strayReservations: readonly { readonly reservationId: string; readonly tag: string }[];
}

/** Instances of this cluster for which nothing in the state accounts, those of answers that are on their way left out. */
export function unclaimed(
  state: State,
  { unleased }: Pick<Ec2Listing, 'unleased'>,
): readonly UnleasedInstance[] {
  const leased = leasedSince(state);
  const ending = new Set<string>();
  const tokens = new Set<string>();
  for (const { effect } of state.outstanding.values()) {
    if (effect.kind === 'TerminateInstances') for (const id of effect.instanceIds) ending.add(id);
    if (effect.kind === 'RunInstances') tokens.add(effect.order.clientToken);
    if (effect.kind === 'SweepLaunch') tokens.add(effect.clientToken);
  }
  return unleased.filter(
    (each) =>
      !leased.has(each.instanceId) &&
      !ending.has(each.instanceId) &&
      !tokens.has(each.clientToken ?? '') &&
      each.launchedAt >= state.since,
  );
}

/** Instances that nodes have, and spares, and since when. */
function leasedSince(state: State): ReadonlyMap<string, Instant> {
  const leased = new Map<string, Instant>();
  for (const lease of state.leases.values()) leased.set(lease.instance.instanceId, lease.leasedAt);
  for (const spare of state.spares.values())
    leased.set(spare.instance.instanceId, spare.launchedAt);
  return leased;
}

export function observeEc2(state: State, listing: Ec2Listing): Ec2Differences {
  const leased = leasedSince(state);
  const tags = new Set<string>();
  for (const { effect } of state.outstanding.values()) {
    if (effect.kind === 'CreateReservation') tags.add(effect.id);
    if (effect.kind === 'EndReservation') tags.add(effect.tag);
  }
  const isOld = ({ launchedAt }: UnleasedInstance): boolean =>
    launchedAt + strayAfterMs < listing.askedAt;
  const use = listing.use ?? { names: new Map(), nodes: null };
  const { found, useless } = sortUnclaimed(state, unclaimed(state, listing), use);
  return {
    ended: listing.ended.filter((id) => (leased.get(id) ?? Infinity) < listing.askedAt),
    strays: useless.filter(isOld).map(({ instanceId }) => instanceId),
    ...(found.length > 0 && { found }),
    strayReservations: listing.reservations.filter(
      ({ reservationId, tag }) => !state.reservations.has(reservationId) && !tags.has(tag),
    ),
  };
}
