/**
 * The look at EC2: by the listing that says least, of everything in the region, and by describing only what is new in it.
 *
 * Reading an instance of DescribeInstanceStatus costs a third of what a described one does, and whose it is never changes:
 * it is asked once, and remembered while the instance is listed. What a lease has needs no description at all. An
 * instance that a lease has and that is not listed is asked for by its id before anybody may think it gone: EC2's
 * listings lag behind by seconds to minutes, and not all of them alike.
 */
import type { Event } from '../core/events.ts';
import type { HealthListing } from '../core/fleet-facts.ts';
import { observeEc2, unclaimed, type Ec2Listing } from '../core/observe.ts';
import type { State } from '../core/state.ts';
import type { DurationMs, Instant } from '../core/units.ts';
import type { UnleasedInstance, UseListing } from '../core/takeover.ts';
import { verdictOf } from '../core/verdict.ts';
import {
  CloudError,
  type InstanceStatus,
  type ListedInstance,
  type Reservation,
} from '../ports/cloud.ts';
import type { World } from './effects.ts';
import { healthOf } from './fleet-watch.ts';

const lookMs: DurationMs = 30_000;
/** Where muster holds nothing: what is there all the same (a launch that EC2 was late with) costs that long at most. */
const idleLookMs: DurationMs = 10 * 60_000;
/** A hundred times what it takes to read one listed instance: looking costs a hundredth of a core at most. */
const lookMsEach = 3;

/** For so long it is not believed that all instances are gone at once: it may be another account that answers. */
const noneBelievedMs: DurationMs = 30 * 60_000;

const tagOfCluster = 'muster:cluster';

export interface Ec2Look {
  /** How long until the next look. */
  interval(): DurationMs;
  /** What is new; null: nothing. Rejects where EC2 does not answer, or answers what cannot be. */
  look(): Promise<Event | null>;
  /** How the leased instances were when EC2 last answered: those that it knows. Null: nothing yet. */
  health(): HealthListing | null;
}

export function createEc2Look(
  { cloud, clock, registry, scheduler }: Pick<World, 'cloud' | 'clock' | 'registry' | 'scheduler'>,
  state: Readonly<State>,
): Ec2Look {
  let health: HealthListing | null = null;
  /** Instances that the last look listed. After a start EC2 is looked at in any case: a crash may have left something. */
  let listedCount: number | null = null;
  /** Alive and of no lease when they were listed last: those of this cluster as they were described; null: foreign. */
  let known: ReadonlyMap<string, UnleasedInstance | null> = new Map();
  /** Some of those are this cluster's: what becomes of them is not decided yet. */
  let hasOwn = false;
  let noneSince: Instant | null = null;

  /** Describes what is new among these, and remembers of the others what is known. */
  async function ownOf(
    ids: readonly string[],
    clusterName: string,
  ): Promise<readonly UnleasedInstance[]> {
    const told = await describe(ids.filter((id) => !known.has(id)));
    const next = new Map<string, UnleasedInstance | null>();
    const own: UnleasedInstance[] = [];
    for (const id of ids) {
      const instance = known.get(id);
      const found = told.get(id);
      // One that is listed and not described yet is new the next time too.
      if (instance === undefined && found === undefined) continue;
      const one = instance ?? (found === undefined ? null : unleased(found, clusterName));
      next.set(id, one);
      if (one !== null) own.push(one);
    }
    known = next;
    hasOwn = own.length > 0;
    return own;
  }

  async function describe(ids: readonly string[]): Promise<ReadonlyMap<string, ListedInstance>> {
    if (ids.length === 0) return new Map();
    const found = await cloud.describeInstances(ids);
    return new Map(found.map((each) => [each.instanceId, each]));
  }

  /** The leased instances that are not listed, as far as EC2 knows them by their ids. */
  async function unlisted(
    leased: ReadonlySet<string>,
    listed: ReadonlySet<string>,
  ): Promise<readonly InstanceStatus[]> {
    const missing = [...leased].filter((id) => !listed.has(id));
    const found = await describe(missing);
    const isNone = missing.length > 1 && missing.length === leased.size && found.size === 0;
    if (!isNone) noneSince = null;
    else believe(missing.length, (noneSince ??= clock.now()));
    return [...found.values()].map(({ instanceId, state: phase }) => ({
      instanceId,
      state: phase,
      impairedSince: null,
      event: null,
    }));
  }

  function believe(count: number, since: Instant): void {
    if (clock.now() - since >= noneBelievedMs) return;
    throw new Error(
      `EC2 lists none of the ${count} instances that muster has launched, as if it were another account or region. ` +
        'Nothing is judged by that for half an hour',
    );
  }

  return {
    health: () => health,
    interval() {
      const { leases, spares, gangs, boots, reservations } = state;
      const held = leases.size + spares.size + reservations.size;
      const isIdle = held + gangs.size + boots.size === 0;
      const ms = isIdle && listedCount !== null && !hasOwn ? idleLookMs : lookMs;
      return Math.max(ms, (listedCount ?? 0) * lookMsEach);
    },
    async look() {
      const askedAt = clock.now();
      const { clusterName } = state.settings;
      const listed = await cloud.listStatus();
      // As the leases are now: what was leased meanwhile is known, though it may not be listed yet.
      const leased = leasedInstances(state);
      const ids = new Set(listed.map(({ instanceId }) => instanceId));
      const others = listed.filter((each) => isAlive(each) && !leased.has(each.instanceId));
      const seen = [
        ...listed.filter(({ instanceId }) => leased.has(instanceId)),
        ...(await unlisted(leased, ids)),
      ];
      const own = await ownOf(
        others.map(({ instanceId }) => instanceId),
        clusterName,
      );
      const reservations = await listReservations(cloud, clusterName);
      health = healthOf(seen, askedAt);
      listedCount = listed.length;
      const listing: Ec2Listing = {
        askedAt,
        ended: seen.filter((each) => !isAlive(each)).map(({ instanceId }) => instanceId),
        unleased: own,
        reservations: reservations
          .filter((each) => each.state === 'pending' || each.state === 'active')
          .map((each) => ({
            reservationId: each.reservationId,
            tag: each.tags['muster:reservation'] ?? '',
          })),
      };
      const use = unclaimed(state, listing).length > 0 && (await listUse(registry, scheduler));
      const differences = observeEc2(state, { ...listing, ...(use !== false && { use }) });
      const { ended, strays, found = [], strayReservations } = differences;
      if (ended.length + strays.length + found.length + strayReservations.length === 0) return null;
      return { kind: 'Ec2Seen', at: clock.now(), ...differences };
    },
  };
}

function isAlive({ state }: InstanceStatus): boolean {
  return state === 'pending' || state === 'running';
}

/** Spares count too: nobody's node yet, and muster's all the same. */
function leasedInstances({ leases, spares }: Readonly<State>): ReadonlySet<string> {
  const leased = new Set<string>(spares.keys());
  for (const { instance } of leases.values()) leased.add(instance.instanceId);
  return leased;
}

/** Who uses instances that the ledger does not know. Where Slurm does not answer the look goes on: nothing is judged by it. */
async function listUse(
  registry: World['registry'],
  scheduler: World['scheduler'],
): Promise<UseListing> {
  const [names, nodes] = await Promise.all([
    registry.list(),
    scheduler.listFleet().catch(() => null),
  ]);
  return { names, nodes };
}

/** Null for one of somebody else's. */
function unleased(instance: ListedInstance, clusterName: string): UnleasedInstance | null {
  if (instance.tags[tagOfCluster] !== clusterName) return null;
  const { instanceId, privateIp, hostname, clientToken, launchedAt } = instance;
  return { instanceId, privateIp, hostname, clientToken, launchedAt };
}

async function listReservations(
  cloud: World['cloud'],
  clusterName: string,
): Promise<readonly Reservation[]> {
  try {
    return await cloud.describeReservations({ [tagOfCluster]: clusterName });
  } catch (error: unknown) {
    // Who may not reserve has none: the look at the instances goes on.
    if (error instanceof CloudError && verdictOf(error.code) === 'configuration') return [];
    throw error;
  }
}
