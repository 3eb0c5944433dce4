/**
 * The model of EC2: one region of one account, behind one method for each API action.
 *
 * It does no I/O and knows no time but `options.now`: a call first catches up with what became due, then acts, then
 * answers. The same model serves unit tests and the simulated world in process, and `ec2sim` behind EC2's own HTTP API.
 *
 * A call through `perform` also says how its answer travels (late, or never), for those who carry answers; the methods
 * named after the actions hand the answer over directly. It models launching, describing and ending instances with
 * limited room; it does not model networks beyond addresses, volumes, fleets or reservations.
 */
import type { DurationMs, Instant } from '../../core/units.ts';
import { describeInstances, describeInstanceStatus } from './describe.ts';
import { Ec2ApiError, throttled, unknownInstances } from './errors.ts';
import { httpStatusOf, type FaultSpec, type FaultStatus, type LaunchFacts } from './faults.ts';
import { stateAt, viewInstance, type Instance } from './instances.ts';
import { launchFacts, runInstances } from './launch.ts';
import { endInstance, terminateInstances } from './lifecycle.ts';
import { createThrottle, type Throttle } from './limits.ts';
import type { PoolStatus } from './pools.ts';
import {
  createTags,
  describeAvailabilityZones,
  describeInstanceTypes,
  describeSubnets,
} from './resources.ts';
import type { Ec2ModelOptions, Times } from './settings.ts';
import { createSubnet, viewSubnet, type SubnetSpec } from './subnets.ts';
import { ec2ThrottleLimits } from './throttle.ts';
import type { ActionName, Actions, InstanceState, Market, SubnetView } from './types.ts';
import {
  createStreams,
  createWorld,
  totalPaidMs,
  type InstanceListener,
  type World,
} from './world.ts';

/** What became of a call, and how the answer travels. */
export interface Outcome<A> {
  readonly requestId: string;
  readonly result:
    | { readonly kind: 'answer'; readonly answer: A }
    | { readonly kind: 'error'; readonly error: Ec2ApiError };
  /** How long the answer is held back. */
  readonly delayMs: DurationMs;
  /** How the answer is lost; null when it is not. */
  readonly lost: 'reset' | 'silence' | null;
}

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
}

type ActionMethods = {
  readonly [A in ActionName as Uncapitalize<A>]: (
    request: Actions[A]['request'],
  ) => Actions[A]['answer'];
};

/** What can be set and seen from outside EC2's API. */
export interface Ec2Controls {
  /** Null: unlimited. */
  setCapacity(instanceType: string, availabilityZone: string, capacity: number | null): void;
  setOffered(instanceType: string, availabilityZone: string, offered: boolean): void;
  /** Null: no quota. */
  setQuota(market: Market, vcpus: number | null): void;
  setTimes(times: Partial<Times>): void;
  times(): Times;
  /** Switching on fills every bucket. */
  setThrottling(on: boolean): void;
  isThrottling(): boolean;
  /** Adds a subnet; one that exists stays as it is. Throws RangeError for a range that is none. */
  addSubnet(spec: SubnetSpec): void;
  addFault(fault: FaultSpec): void;
  clearFaults(): void;
  faults(): readonly FaultStatus[];
  /** Makes an instance fail its status check from now on. Throws Ec2ApiError when there is none with that id. */
  impair(instanceId: string): void;
  /** The instance as the model keeps it; undefined when it is not (or no longer) known. */
  instance(instanceId: string): Instance | undefined;
  /** Every instance still described, in launch order. */
  instances(): Iterable<Instance>;
  pools(): readonly PoolStatus[];
  quotas(): Readonly<Record<Market, { readonly limit: number | null; readonly used: number }>>;
  subnets(): readonly SubnetView[];
  stats(): Ec2Stats;
  /** Calls back for every launch and every end, at once. Returns a function that stops it. */
  listen(listener: InstanceListener): () => void;
  /** Ends every instance and begins anew, as the options say. Ids go on: none is used twice. */
  reset(): void;
}

/** The methods named after an action throw Ec2ApiError. */
export interface Ec2Model extends ActionMethods, Ec2Controls {
  readonly region: string;
  readonly account: string;
  now(): Instant;
  newRequestId(): string;
  /** The action by its name. Never throws Ec2ApiError: it is in the outcome. */
  perform<A extends ActionName>(
    action: A,
    request: Actions[A]['request'],
  ): Outcome<Actions[A]['answer']>;
}

/** The model's moving parts; `world` and `throttle` are replaced by a reset. */
interface Life {
  world: World;
  throttle: Throttle;
  calls: Partial<Record<ActionName, Record<string, number>>>;
  readonly listeners: Set<InstanceListener>;
}

type Handlers = {
  readonly [A in ActionName]: (
    life: Life,
    request: Actions[A]['request'],
    now: Instant,
  ) => Actions[A]['answer'];
};

const handlers: Handlers = {
  RunInstances(life, request, now) {
    const bucket = life.throttle.resources('RunInstances', now);
    const { reservationId, instances, isNew } = runInstances(life.world, request, bucket, now);
    if (isNew) {
      for (const listener of life.listeners) instances.forEach((each) => listener.launched?.(each));
    }
    return { reservationId, instances: instances.map((instance) => viewInstance(instance, now)) };
  },
  TerminateInstances(life, request, now) {
    const bucket = life.throttle.resources('TerminateInstances', now);
    if (bucket !== null && !bucket.take(request.instanceIds.length, now)) {
      throw throttled(life.world.account, 'TerminateInstances', 'resource');
    }
    const { changes, ended } = terminateInstances(life.world, request, now);
    for (const listener of life.listeners) ended.forEach((each) => listener.ending?.(each));
    return { changes };
  },
  DescribeInstances: ({ world }, request, now) => describeInstances(world, request, now),
  DescribeInstanceStatus: ({ world }, request, now) => describeInstanceStatus(world, request, now),
  CreateTags: ({ world }, request) => createTags(world, request),
  CreateLaunchTemplate: ({ world }, { name, data }, now) => world.templates.create(name, data, now),
  CreateLaunchTemplateVersion: ({ world }, { template, data }, now) =>
    world.templates.addVersion(template, data, now),
  DescribeLaunchTemplates: ({ world }, request) => ({
    templates: world.templates.describe(request),
  }),
  DescribeLaunchTemplateVersions: ({ world }, { template, versions }) => ({
    versions: world.templates.versions(template, versions ?? []),
  }),
  DescribeSubnets: ({ world }, request) => describeSubnets(world, request),
  DescribeInstanceTypes: (_life, request) => describeInstanceTypes(request),
  DescribeAvailabilityZones: ({ world }, request) => describeAvailabilityZones(world, request),
};

function requestIdFrom(world: World): string {
  const high = world.otherIds.hex16();
  const low = world.otherIds.hex16();
  return `${high.slice(0, 8)}-${high.slice(8, 12)}-${high.slice(12)}-${low.slice(0, 4)}-${low.slice(4)}`;
}

/** Faults of a launch are matched with what it would launch; a launch that is wrong in itself matches by nothing. */
function factsOf<A extends ActionName>(
  world: World,
  action: A,
  request: Actions[A]['request'],
): LaunchFacts {
  if (action !== 'RunInstances') return {};
  try {
    return launchFacts(world, request as Actions['RunInstances']['request']);
  } catch (error: unknown) {
    if (error instanceof Ec2ApiError) return {};
    throw error;
  }
}

function answerTo<A extends ActionName>(
  life: Life,
  action: A,
  request: Actions[A]['request'],
  of: { facts: LaunchFacts; now: Instant },
): Outcome<Actions[A]['answer']>['result'] {
  const { world, throttle } = life;
  try {
    if (!throttle.admits(action, request, of.now)) {
      throw throttled(world.account, action, 'request');
    }
    const refusal = world.faults.forCall('refuse', action, of.facts);
    if (refusal !== null) {
      throw new Ec2ApiError(
        refusal.code,
        refusal.message ?? `${refusal.code} (asked for by a fault)`,
        refusal.httpStatus ?? httpStatusOf(refusal.code),
      );
    }
    return { kind: 'answer', answer: handlers[action](life, request, of.now) };
  } catch (error: unknown) {
    if (error instanceof Ec2ApiError) return { kind: 'error', error };
    throw error;
  }
}

function performIn<A extends ActionName>(
  life: Life,
  action: A,
  request: Actions[A]['request'],
  now: Instant,
): Outcome<Actions[A]['answer']> {
  const { world } = life;
  world.agenda.catchUp(now);
  const requestId = requestIdFrom(world);
  const facts = factsOf(world, action, request);
  const result = answerTo(life, action, request, { facts, now });
  if (result.kind === 'error') result.error.requestId = requestId;
  const counts: Record<string, number> = life.calls[action] ?? {};
  life.calls[action] = counts;
  const word = result.kind === 'answer' ? 'ok' : result.error.code;
  counts[word] = (counts[word] ?? 0) + 1;
  const delay = world.faults.forCall('delay-answer', action, facts);
  const loss = world.faults.forCall('lose-answer', action, facts);
  return { requestId, result, delayMs: delay?.delayMs ?? 0, lost: loss?.how ?? null };
}

function statsOf({ world, calls }: Life, now: Instant): Ec2Stats {
  const states = { pending: 0, running: 0, 'shutting-down': 0, terminated: 0 };
  for (const instance of world.store.inOrder(0)) states[stateAt(instance, now)] += 1;
  return {
    calls: structuredClone(calls),
    launched: world.totals.launched,
    terminated: world.totals.terminated,
    states,
    instanceSeconds: totalPaidMs(world.totals, now) / 1000,
  };
}

/** `current` answers the life as it is now, caught up with time. */
function createControls(
  options: Ec2ModelOptions,
  current: () => Life,
  restart: () => void,
): Ec2Controls {
  const world = () => current().world;
  return {
    setCapacity: (type, zone, capacity) => world().pools.setCapacity(type, zone, capacity),
    setOffered: (type, zone, offered) => world().pools.setOffered(type, zone, offered),
    setQuota: (market, vcpus) => world().pools.setQuota(market, vcpus),
    setTimes(times) {
      world().times = { ...world().times, ...times };
    },
    times: () => world().times,
    setThrottling: (on) => current().throttle.switch(on),
    isThrottling: () => current().throttle.isOn(),
    addSubnet(spec) {
      const created = createSubnet(spec);
      if (!world().subnets.has(spec.subnetId)) world().subnets.set(spec.subnetId, created);
    },
    addFault: (fault) => world().faults.add(fault),
    clearFaults: () => world().faults.clear(),
    faults: () => world().faults.list(),
    impair(instanceId) {
      const instance = world().store.get(instanceId);
      if (instance === undefined) throw unknownInstances([instanceId]);
      instance.impairedAt = options.now();
    },
    instance: (instanceId) => world().store.get(instanceId),
    instances: () => world().store.inOrder(0),
    pools: () => world().pools.list(),
    quotas() {
      const { pools } = world();
      const of = (market: Market) => ({
        limit: pools.quota(market),
        used: pools.vcpusUsed(market),
      });
      return {
        'on-demand': of('on-demand'),
        spot: of('spot'),
        'capacity-block': of('capacity-block'),
      };
    },
    subnets: () => [...world().subnets.values()].map((each) => viewSubnet(each, world().vpcId)),
    stats: () => statsOf(current(), options.now()),
    listen(listener) {
      const { listeners } = current();
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reset: restart,
  };
}

/** Throws RangeError for a subnet whose range is none. */
export function createEc2Model(options: Ec2ModelOptions): Ec2Model {
  const streams = createStreams(options.seed ?? 1);
  const life: Life = {
    world: createWorld(options, streams),
    throttle: createThrottle(options.throttle ?? ec2ThrottleLimits),
    calls: {},
    listeners: new Set(),
  };
  function current(): Life {
    life.world.agenda.catchUp(options.now());
    return life;
  }
  function restart(): void {
    const now = options.now();
    for (const instance of current().world.store.inOrder(0)) {
      if (!endInstance(life.world, instance, now)) continue;
      for (const listener of life.listeners) listener.ending?.(instance);
    }
    life.world = createWorld(options, streams);
    life.throttle = createThrottle(options.throttle ?? ec2ThrottleLimits);
    life.calls = {};
  }
  function perform<A extends ActionName>(action: A, request: Actions[A]['request']) {
    return performIn(life, action, request, options.now());
  }
  function direct<A extends ActionName>(action: A) {
    return (request: Actions[A]['request']): Actions[A]['answer'] => {
      const { result } = perform(action, request);
      if (result.kind === 'error') throw result.error;
      return result.answer;
    };
  }
  return {
    ...createControls(options, current, restart),
    region: life.world.region,
    account: life.world.account,
    now: options.now,
    newRequestId: () => requestIdFrom(life.world),
    perform,
    runInstances: direct('RunInstances'),
    describeInstances: direct('DescribeInstances'),
    describeInstanceStatus: direct('DescribeInstanceStatus'),
    terminateInstances: direct('TerminateInstances'),
    createTags: direct('CreateTags'),
    createLaunchTemplate: direct('CreateLaunchTemplate'),
    createLaunchTemplateVersion: direct('CreateLaunchTemplateVersion'),
    describeLaunchTemplates: direct('DescribeLaunchTemplates'),
    describeLaunchTemplateVersions: direct('DescribeLaunchTemplateVersions'),
    describeSubnets: direct('DescribeSubnets'),
    describeInstanceTypes: direct('DescribeInstanceTypes'),
    describeAvailabilityZones: direct('DescribeAvailabilityZones'),
  };
}
