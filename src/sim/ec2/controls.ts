/** What can be set and seen of the model from outside EC2's API. Changes hold from then on. */
import type { Instant } from '../../core/units.ts';
import { addCapacityBlock, type CapacityBlockSpec } from './capacity-blocks.ts';
import type { FaultSpec, FaultStatus } from './faults.ts';
import { createInstanceSettings, type InstanceSettings } from './health-controls.ts';
import { stateAt, type Instance } from './instances.ts';
import type { Throttle } from './limits.ts';
import type { PoolStatus } from './pools.ts';
import { accrue, viewReservation } from './reservations.ts';
import type { Ec2ModelOptions, Times } from './settings.ts';
import { createSubnet, viewSubnet, type SubnetSpec } from './subnets.ts';
import type { ActionName, InstanceState, Market, ReservationView, SubnetView } from './types.ts';
import { totalPaidMs, type InstanceListener, type World } from './world.ts';

/** Counts since the model was made or reset. */
export interface Ec2Stats {
  /** For each action, how often it was answered with each outcome: `ok` or an error code. */
  readonly calls: Readonly<Partial<Record<ActionName, Readonly<Record<string, number>>>>>;
  readonly launched: number;
  /** Instances whose end was asked. */
  readonly terminated: number;
  /** Instances by state, of those still described. */
  readonly states: Readonly<Record<InstanceState, number>>;
  /** Of all instances ever, from launch until the end was asked. EC2's minimum of 60 s is not applied. */
  readonly instanceSeconds: number;
  /** Of all places ever reserved, from creation until the reservation was over, while no instance paid for them. */
  readonly reservedSecondsUnused: number;
}

/** A reservation with its charge so far. */
export interface ReservationStatus extends ReservationView {
  readonly secondsUnused: number;
}

/** What can be set while the model runs; a change holds from then on. */
interface Ec2Settings extends InstanceSettings {
  /** Null: unlimited. Each market has room of its own; `on-demand` when none is named. */
  setCapacity(
    instanceType: string,
    availabilityZone: string,
    capacity: number | null,
    market?: Market,
  ): void;
  /** How many instances and reserved places a placement group can hold. Null: unlimited. */
  setGroupCapacity(placementGroup: string, capacity: number | null): void;
  setOffered(instanceType: string, availabilityZone: string, offered: boolean): void;
  /** Null: none. */
  setQuota(market: Market, vcpus: number | null): void;
  setTimes(times: Partial<Times>): void;
  /** Switching on fills every bucket. */
  setThrottling(on: boolean): void;
  /** Adds a subnet; one that exists stays as it is. Throws RangeError for a range that is none. */
  addSubnet(spec: SubnetSpec): void;
  /** Throws RangeError for a type that is none, and for a block that ends before it starts. */
  addCapacityBlock(spec: CapacityBlockSpec): ReservationView;
  addFault(fault: FaultSpec): void;
  clearFaults(): void;
}

/** What can be seen of the model besides what EC2 tells. */
interface Ec2Sights {
  times(): Times;
  isThrottling(): boolean;
  faults(): readonly FaultStatus[];
  /** The instance as the model keeps it; undefined when it is not (or no longer) known. */
  instance(instanceId: string): Instance | undefined;
  /** Every instance still described, in launch order. */
  instances(): Iterable<Instance>;
  pools(): readonly PoolStatus[];
  /** Every reservation still described, in the order of creation. */
  reservations(): readonly ReservationStatus[];
  quotas(): Readonly<Record<Market, { readonly limit: number | null; readonly used: number }>>;
  subnets(): readonly SubnetView[];
  stats(): Ec2Stats;
  /** Calls back for every launch and every end, at once. Returns a function that stops it. */
  listen(listener: InstanceListener): () => void;
}

export interface Ec2Controls extends Ec2Settings, Ec2Sights {
  /** Ends every instance and begins anew, as the options say. Ids go on: none is used twice. */
  reset(): void;
}

/** The model's moving parts; `world` and `throttle` are replaced by a reset. */
export interface Life {
  world: World;
  throttle: Throttle;
  calls: Partial<Record<ActionName, Record<string, number>>>;
}

function statsOf({ world, calls }: Life, now: Instant): Ec2Stats {
  const { reservations: book } = world;
  for (const reservation of book.byId.values()) accrue(book, reservation, now);
  const states = { pending: 0, running: 0, 'shutting-down': 0, terminated: 0 };
  for (const instance of world.store.inOrder(0)) states[stateAt(instance, now)] += 1;
  return {
    calls: structuredClone(calls),
    launched: world.totals.launched,
    terminated: world.totals.terminated,
    states,
    instanceSeconds: totalPaidMs(world.totals, now) / 1000,
    reservedSecondsUnused: book.unusedMs / 1000,
  };
}

/** `current` answers the life as it is now, caught up with time. */
function createSettings(now: () => Instant, current: () => Life): Ec2Settings {
  const world = () => current().world;
  return {
    setCapacity(instanceType, availabilityZone, capacity, market = 'on-demand') {
      world().pools.setCapacity({ instanceType, availabilityZone, market }, capacity);
    },
    setGroupCapacity: (group, capacity) => world().pools.setGroupCapacity(group, capacity),
    setOffered: (type, zone, offered) => world().pools.setOffered(type, zone, offered),
    setQuota: (market, vcpus) => world().pools.setQuota(market, vcpus),
    setTimes(times) {
      world().times = { ...world().times, ...times };
    },
    setThrottling: (on) => current().throttle.switch(on),
    addSubnet(spec) {
      const created = createSubnet(spec);
      if (!world().subnets.has(spec.subnetId)) world().subnets.set(spec.subnetId, created);
    },
    addCapacityBlock: (spec) => addCapacityBlock(world(), spec, now()),
    addFault: (fault) => world().faults.add(fault),
    clearFaults: () => world().faults.clear(),
    ...createInstanceSettings(now, world),
  };
}

function quotasOf({ pools }: World): ReturnType<Ec2Sights['quotas']> {
  const of = (market: Market) => ({ limit: pools.quota(market), used: pools.vcpusUsed(market) });
  return {
    'on-demand': of('on-demand'),
    spot: of('spot'),
    'capacity-block': of('capacity-block'),
  };
}

function createSights(now: () => Instant, current: () => Life): Ec2Sights {
  const world = () => current().world;
  return {
    times: () => world().times,
    isThrottling: () => current().throttle.isOn(),
    faults: () => world().faults.list(),
    instance: (instanceId) => world().store.get(instanceId),
    instances: () => world().store.inOrder(0),
    pools: () => world().pools.list(),
    reservations() {
      const reservations = [...world().reservations.byId.values()];
      return reservations.map((each) => {
        accrue(world().reservations, each, now());
        return { ...viewReservation(each, now()), secondsUnused: each.unusedMs / 1000 };
      });
    },
    quotas: () => quotasOf(world()),
    subnets: () => [...world().subnets.values()].map((each) => viewSubnet(each, world().vpcId)),
    stats: () => statsOf(current(), now()),
    listen(listener) {
      const { listeners } = world();
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function createControls(
  options: Ec2ModelOptions,
  current: () => Life,
  restart: () => void,
): Ec2Controls {
  return {
    ...createSettings(options.now, current),
    ...createSights(options.now, current),
    reset: restart,
  };
}
