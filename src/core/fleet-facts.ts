/**
 * From what is known and the two listings to the facts that `judge.ts` judges, node by node. Pure.
 */
import type { NodesJudged } from './events.ts';
import { createLocator } from './fleet.ts';
import type { Lease } from './gang.ts';
import {
  impairedForMs,
  judgeNode,
  judgeUnlisted,
  type Affair,
  type InstanceSight,
  type LeaseStage,
  type NamedRule,
  type ReasonBy,
} from './judge.ts';
import type { NodeState } from './node-state.ts';
import { isOwnReason } from './reasons.ts';
import type { State } from './state.ts';
import type { DurationMs, Instant } from './units.ts';

export interface SeenNode extends NodeState {
  readonly node: string;
  readonly reason: string;
}

export interface SeenPartition {
  readonly isUp: boolean;
  readonly nodes: readonly string[];
}

/** A look at Slurm's fleet. */
export interface FleetListing {
  readonly askedAt: Instant;
  readonly nodes: readonly SeenNode[];
  readonly partitions: readonly SeenPartition[];
}

/** An instance as EC2's last listing had it. */
export interface InstanceHealth {
  readonly isAlive: boolean;
  /** Since when EC2's checks of it fail; null: they do not. */
  readonly impairedSince: Instant | null;
  /** What AWS is going to do to it, in its own words; null: nothing. */
  readonly event: string | null;
}

/** The last look at EC2 that was answered. */
export interface HealthListing {
  readonly askedAt: Instant;
  /** By instance id. */
  readonly instances: ReadonlyMap<string, InstanceHealth>;
}

/** What was seen longer ago says nothing of how an instance is now. */
const healthKeptMs: DurationMs = 10 * 60_000;

export interface Judgement {
  readonly rule: NamedRule;
  /** More to it, for people: what AWS is going to do. Empty: nothing. */
  readonly detail: string;
}

/**
 * The nodes that are not to be left as they are. Nodes that belong to no compute resource of the fleet are not muster's, unless
 * it has launched them.
 */
export function judgeFleet(
  state: State,
  listing: FleetListing,
  health: HealthListing | null,
): Map<string, Judgement> {
  const affairOf = affairs(state);
  const shut = shutNodes(listing.partitions);
  const locate = createLocator(state.settings);
  const judged = new Map<string, Judgement>();
  let listed = 0;
  for (const seen of listing.nodes) {
    const { node } = seen;
    const lease = state.leases.get(node);
    const sight = lease === undefined ? null : sightOf(lease, health, listing.askedAt);
    const rule = judgeNode({
      slurm: slurmOf(state, seen),
      reasonBy: reasonBy(seen.reason),
      isShut: shut.has(node),
      affair: affairOf(node),
      lease: stageOf(lease),
      instance: sight ?? 'unknown',
    });
    if (lease !== undefined) listed += 1;
    else if (locate(node).kind === 'nowhere') continue;
    if (rule.verdict === 'leave') continue;
    const event =
      sight === 'event' ? health?.instances.get(lease?.instance.instanceId ?? '') : null;
    judged.set(node, { rule, detail: event?.event ?? '' });
  }
  if (listing.nodes.length > 0 && listed < state.leases.size)
    for (const [node, rule] of unlisted(state, listing, affairOf))
      judged.set(node, { rule, detail: '' });
  return judged;
}

/** Those with an instance that was theirs before Slurm was asked. */
function unlisted(
  { leases }: State,
  { nodes, askedAt }: FleetListing,
  affairOf: (node: string) => Affair,
): Map<string, NamedRule> {
  const listed = new Set(nodes.map(({ node }) => node));
  const judged = new Map<string, NamedRule>();
  for (const [node, { leasedAt }] of leases) {
    const rule = listed.has(node) || leasedAt >= askedAt ? null : judgeUnlisted(affairOf(node));
    if (rule !== null) judged.set(node, rule);
  }
  return judged;
}

/**
 * Slurm waits to hear from a node that was undrained while it was powered down, and gives it to jobs all the same (seen
 * with 22.05.8 and 24.11.5): what muster has undrained itself is in order.
 */
function slurmOf({ refreshed }: State, seen: SeenNode): NodeState {
  return seen.power === 'saved' && refreshed.has(seen.node)
    ? { ...seen, isResponding: true }
    : seen;
}

/** One entry for the nodes with which the same is the matter. */
export function judgedTogether(
  nodes: readonly string[],
  judged: ReadonlyMap<string, Judgement>,
): readonly NodesJudged[] {
  const groups = new Map<string, NodesJudged & { readonly nodes: string[] }>();
  for (const node of nodes) {
    const judgement = judged.get(node);
    if (judgement === undefined) continue;
    const { rule, detail } = judgement;
    const message = detail === '' ? rule.says : `${rule.says}: ${detail}`;
    const key = `${rule.name} ${message}`;
    const group = groups.get(key);
    if (group !== undefined) group.nodes.push(node);
    else {
      const { name, verdict, code } = rule;
      groups.set(key, { rule: name, verdict, code: code ?? '', message, nodes: [node] });
    }
  }
  return [...groups.values()];
}

function stageOf(lease: Lease | undefined): LeaseStage {
  if (lease === undefined) return 'none';
  if (lease.isRegistered) return 'registered';
  return lease.given ? 'given' : 'launched';
}

function sightOf(
  { instance, leasedAt }: Lease,
  health: HealthListing | null,
  at: Instant,
): InstanceSight {
  if (health === null || health.askedAt + healthKeptMs < at) return 'unknown';
  const seen = health.instances.get(instance.instanceId);
  if (seen === undefined) return leasedAt >= health.askedAt ? 'unknown' : 'absent';
  if (!seen.isAlive) return 'ended';
  if (seen.impairedSince !== null && at - seen.impairedSince >= impairedForMs) return 'impaired';
  return seen.event === null ? 'runs' : 'event';
}

/** Whether muster is at a node: looked up for every node of the fleet, so gathered once. */
export function affairs(state: State): (node: string) => Affair {
  const open = new Set<string>(state.claims.keys());
  const booting = new Set<string>();
  for (const boot of state.boots.values()) {
    for (const node of boot.nodes) {
      const isAwaited = boot.doom === null && boot.awaiting.has(node);
      (isAwaited ? booting : open).add(node);
    }
  }
  for (const { effect, deferredUntil } of state.outstanding.values()) {
    // What waits to be done about its last life is no affair of a node that has another instance.
    const isOfBefore = effect.kind === 'RefreshNodes' && deferredUntil !== null;
    if ('nodes' in effect)
      for (const node of effect.nodes) if (!isOfBefore || !state.leases.has(node)) open.add(node);
    if (effect.kind === 'ReleaseNodes') for (const node of effect.keep ?? []) open.add(node);
  }
  return (node) => (open.has(node) ? 'open' : booting.has(node) ? 'boot' : 'none');
}

/** A node of no partition is in none that is shut either. */
export function shutNodes(partitions: readonly SeenPartition[]): Set<string> {
  const shut = new Set(partitions.flatMap(({ isUp, nodes }) => (isUp ? [] : nodes)));
  for (const { isUp, nodes } of partitions) if (isUp) for (const node of nodes) shut.delete(node);
  return shut;
}

/**
 * What slurmctld writes itself about a machine that is gone with its instance. What else it writes (too little memory, a
 * prolog that failed) would come again with the next instance: that is a person's to mend, as what a person wrote is.
 */
const slurmReasons = [
  'resumetimeout reached',
  'not responding',
  'node unexpectedly rebooted',
  'reboot timed out',
  'kill task failed',
];

export function reasonBy(reason: string): ReasonBy {
  if (reason === '') return 'nobody';
  if (isOwnReason(reason)) return 'muster';
  const text = reason.toLowerCase();
  return slurmReasons.some((own) => text.startsWith(own)) ? 'slurm' : 'person';
}
