/** What the actions of the model share: its parts, one value for each life of the model (a reset begins another). */
import type { Instant } from '../../core/units.ts';
import { createAgenda, type Agenda } from './agenda.ts';
import { createFaults, type Faults } from './faults.ts';
import { createInstanceStore, type Instance, type InstanceStore } from './instances.ts';
import { createPools, type Pools } from './pools.ts';
import { createRandomStream, type RandomStream } from './random.ts';
import { defaultRegion, defaultTimes, type Ec2ModelOptions, type Times } from './settings.ts';
import { createReservationBook, type ReservationBook } from './reservations.ts';
import { createSubnet, defaultSubnets, type Subnet } from './subnets.ts';
import { createLaunchTemplates, type LaunchTemplates } from './templates.ts';
import type { CreateFleetAnswer, PlacementGroupView } from './types.ts';

/** A used client token: what it was used for, and what came of it. */
export interface TokenRecord {
  readonly fingerprint: string;
  readonly reservationId: string;
  readonly instances: readonly Instance[];
  /** Instances of it that have not ended. */
  live: number;
}

/** A client token that a fleet has used, though it may have launched nothing. */
export interface FleetRecord {
  readonly fingerprint: string;
  readonly answer: CreateFleetAnswer;
}

/** The sums that answer what was launched and what it cost; all in milliseconds and counts. */
export interface Totals {
  launched: number;
  terminated: number;
  /** Instances whose end was not asked. */
  paying: number;
  /** Sum of the launch instants of those. */
  payingSince: number;
  /** Paid for by the others. */
  paidMs: number;
}

export interface InstanceListener {
  /** Called at once when an instance is launched. */
  launched?(instance: Instance): void;
  /** Called at once when its end is asked. */
  ending?(instance: Instance): void;
}

export interface World extends Lasting {
  readonly region: string;
  readonly account: string;
  readonly vpcId: string;
  readonly images: ReadonlySet<string> | null;
  times: Times;
  readonly subnets: Map<string, Subnet>;
  readonly pools: Pools;
  readonly store: InstanceStore;
  readonly templates: LaunchTemplates;
  readonly reservations: ReservationBook;
  readonly placementGroups: Map<string, PlacementGroupView>;
  readonly tokens: Map<string, TokenRecord>;
  readonly fleetTokens: Map<string, FleetRecord>;
  readonly faults: Faults;
  readonly agenda: Agenda;
  readonly totals: Totals;
  nextSequence: number;
  /** While it lasts nobody is answered, and nothing is done. */
  outage: Outage | null;
}

export interface Outage {
  readonly until: Instant;
  /** `unavailable`: every call is refused with that code; else its connection breaks, or stays open without an answer. */
  readonly how: 'unavailable' | 'reset' | 'silence';
}

/** What a reset leaves as it is: the streams, so that no id is used twice, and who listens. */
export interface Lasting {
  readonly instanceIds: RandomStream;
  readonly otherIds: RandomStream;
  readonly jitter: RandomStream;
  readonly listeners: Set<InstanceListener>;
}

export function createLasting(seed: number): Lasting {
  return {
    instanceIds: createRandomStream(seed, 'instance ids'),
    otherIds: createRandomStream(seed, 'other ids'),
    jitter: createRandomStream(seed, 'boot jitter'),
    listeners: new Set(),
  };
}

export function createWorld(options: Ec2ModelOptions, lasting: Lasting): World {
  const region = options.region ?? defaultRegion;
  const { otherIds } = lasting;
  const world: World = {
    region,
    account: options.account ?? '123456789012',
    vpcId: `vpc-0${otherIds.hex16()}`,
    images: options.images === undefined ? null : new Set(options.images),
    times: { ...defaultTimes, ...options.times },
    subnets: new Map(),
    pools: createPools(),
    store: createInstanceStore(),
    templates: createLaunchTemplates(() => `lt-0${otherIds.hex16()}`),
    reservations: createReservationBook(),
    placementGroups: new Map(),
    tokens: new Map(),
    fleetTokens: new Map(),
    faults: createFaults(),
    agenda: createAgenda(),
    totals: { launched: 0, terminated: 0, paying: 0, payingSince: 0, paidMs: 0 },
    ...lasting,
    nextSequence: 1,
    outage: null,
  };
  for (const spec of options.subnets ?? defaultSubnets(region)) {
    world.subnets.set(spec.subnetId, createSubnet(spec));
  }
  for (const spec of options.capacity ?? []) {
    world.pools.setCapacity({ ...spec, market: spec.market ?? 'on-demand' }, spec.capacity);
  }
  for (const spec of options.notOffered ?? []) {
    world.pools.setOffered(spec.instanceType, spec.availabilityZone, false);
  }
  for (const market of ['on-demand', 'spot', 'capacity-block'] as const) {
    world.pools.setQuota(market, options.quotas?.[market] ?? null);
  }
  for (const fault of options.faults ?? []) world.faults.add(fault);
  return world;
}

export function zonesOf(world: World): readonly string[] {
  return [...new Set([...world.subnets.values()].map((each) => each.spec.availabilityZone))].sort();
}

/** The sum of what all instances cost up to `now`, in milliseconds. */
export function totalPaidMs(totals: Totals, now: Instant): number {
  return totals.paidMs + totals.paying * now - totals.payingSince;
}
