/**
 * The model of EC2: one region of one account, behind one method for each API action.
 *
 * It does no I/O and knows no time but `options.now`: a call first catches up with what became due, then acts, then
 * answers. The same model serves unit tests and the simulated world in process, and `ec2sim` behind EC2's own HTTP API.
 *
 * A call through `perform` also says how its answer travels (late, or never), for those who carry answers; the methods
 * named after the actions hand the answer over directly. It models launching, describing and ending instances with
 * limited room, reserving capacity and losing spot instances; it does not model networks beyond addresses, or volumes.
 */
import type { DurationMs, Instant } from '../../core/units.ts';
import { createControls, type Ec2Controls, type Life } from './controls.ts';
import { describeInstances, describeInstanceStatus } from './describe.ts';
import { Ec2ApiError, throttled, unavailable } from './errors.ts';
import { createFleet } from './fleet.ts';
import { getConsoleOutput } from './health.ts';
import { httpStatusOf, type LaunchFacts } from './faults.ts';
import { viewInstance } from './instances.ts';
import { launchFacts, runInstances } from './launch.ts';
import { tagsFor } from './tags.ts';
import { endInstance, terminateInstances } from './lifecycle.ts';
import { createThrottle } from './limits.ts';
import { createPlacementGroup, describePlacementGroups } from './placement-groups.ts';
import {
  cancelCapacityReservation,
  createCapacityReservation,
  describeCapacityReservations,
  modifyCapacityReservation,
} from './reservation-actions.ts';
import {
  createTags,
  describeAvailabilityZones,
  describeInstanceTypes,
  describeSubnets,
} from './resources.ts';
import { defaultSeed, type Ec2ModelOptions } from './settings.ts';
import { ec2ThrottleLimits } from './throttle.ts';
import type { ActionName, Actions } from './types.ts';
import { createLasting, createWorld, type Outage, type World } from './world.ts';

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

type ActionMethods = {
  readonly [A in ActionName as Uncapitalize<A>]: (
    request: Actions[A]['request'],
  ) => Actions[A]['answer'];
};

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
    const { reservationId, instances } = runInstances(life.world, request, bucket, now);
    return { reservationId, instances: instances.map((instance) => viewInstance(instance, now)) };
  },
  CreateFleet(life, request, now) {
    // The instances of a fleet count as those of RunInstances do.
    const bucket = life.throttle.resources('RunInstances', now);
    return createFleet(life.world, request, bucket, now);
  },
  TerminateInstances(life, request, now) {
    const bucket = life.throttle.resources('TerminateInstances', now);
    if (bucket !== null && !bucket.take(request.instanceIds.length, now)) {
      throw throttled(life.world.account, 'TerminateInstances', 'resource');
    }
    return terminateInstances(life.world, request, now);
  },
  DescribeInstances: ({ world }, request, now) => describeInstances(world, request, now),
  DescribeInstanceStatus: ({ world }, request, now) => describeInstanceStatus(world, request, now),
  GetConsoleOutput: ({ world }, request, now) => getConsoleOutput(world, request, now),
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
  DescribeSubnets: ({ world }, request, now) => describeSubnets(world, request, now),
  DescribeInstanceTypes: (_life, request) => describeInstanceTypes(request),
  DescribeAvailabilityZones: ({ world }, request) => describeAvailabilityZones(world, request),
  CreateCapacityReservation: ({ world }, request, now) =>
    createCapacityReservation(world, request, now),
  DescribeCapacityReservations: ({ world }, request, now) =>
    describeCapacityReservations(world, request, now),
  ModifyCapacityReservation: ({ world }, request, now) =>
    modifyCapacityReservation(world, request, now),
  CancelCapacityReservation: ({ world }, request, now) =>
    cancelCapacityReservation(world, request, now),
  CreatePlacementGroup: ({ world }, request) => createPlacementGroup(world, request),
  DescribePlacementGroups: ({ world }, request, now) =>
    describePlacementGroups(world, request, now),
};

/**
 * Faults are matched with what a call would launch or reserve; a launch that is wrong in itself matches by nothing.
 */
function factsOf<A extends ActionName>(
  world: World,
  action: A,
  request: Actions[A]['request'],
): LaunchFacts {
  if (action === 'CreateCapacityReservation') {
    const { instanceType, availabilityZone, tagSpecifications } =
      request as Actions['CreateCapacityReservation']['request'];
    return {
      ...(instanceType !== undefined && { instanceType }),
      ...(availabilityZone !== undefined && { availabilityZone }),
      tags: tagsFor('capacity-reservation', tagSpecifications),
    };
  }
  if (action === 'CreateFleet') {
    const { tagSpecifications } = request as Actions['CreateFleet']['request'];
    return { tags: tagsFor('instance', tagSpecifications) };
  }
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

function count({ calls }: Life, action: ActionName, word: string): void {
  const counts: Record<string, number> = calls[action] ?? {};
  calls[action] = counts;
  counts[word] = (counts[word] ?? 0) + 1;
}

function outageAnswer(
  life: Life,
  action: ActionName,
  requestId: string,
  { how }: Outage,
): Outcome<never> {
  const error = unavailable();
  error.requestId = requestId;
  count(life, action, error.code);
  const lost = how === 'unavailable' ? null : how;
  return { requestId, result: { kind: 'error', error }, delayMs: 0, lost };
}

function performIn<A extends ActionName>(
  life: Life,
  action: A,
  request: Actions[A]['request'],
  now: Instant,
): Outcome<Actions[A]['answer']> {
  const { world } = life;
  world.agenda.catchUp(now);
  const requestId = world.otherIds.uuid();
  const { outage } = world;
  if (outage !== null && now < outage.until) return outageAnswer(life, action, requestId, outage);
  const facts = factsOf(world, action, request);
  const result = answerTo(life, action, request, { facts, now });
  if (result.kind === 'error') result.error.requestId = requestId;
  count(life, action, result.kind === 'answer' ? 'ok' : result.error.code);
  const delay = world.faults.forCall('delay-answer', action, facts);
  const loss = world.faults.forCall('lose-answer', action, facts);
  return { requestId, result, delayMs: delay?.delayMs ?? 0, lost: loss?.how ?? null };
}

/** Throws RangeError for a subnet whose range is none. */
export function createEc2Model(options: Ec2ModelOptions): Ec2Model {
  const lasting = createLasting(options.seed ?? defaultSeed);
  const life: Life = {
    world: createWorld(options, lasting),
    throttle: createThrottle(options.throttle ?? ec2ThrottleLimits),
    calls: {},
  };
  function current(): Life {
    life.world.agenda.catchUp(options.now());
    return life;
  }
  function restart(): void {
    const now = options.now();
    for (const instance of current().world.store.inOrder(0)) {
      endInstance(life.world, instance, now, 'user');
    }
    life.world = createWorld(options, lasting);
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
    newRequestId: () => life.world.otherIds.uuid(),
    perform,
    runInstances: direct('RunInstances'),
    createFleet: direct('CreateFleet'),
    describeInstances: direct('DescribeInstances'),
    describeInstanceStatus: direct('DescribeInstanceStatus'),
    getConsoleOutput: direct('GetConsoleOutput'),
    terminateInstances: direct('TerminateInstances'),
    createTags: direct('CreateTags'),
    createLaunchTemplate: direct('CreateLaunchTemplate'),
    createLaunchTemplateVersion: direct('CreateLaunchTemplateVersion'),
    describeLaunchTemplates: direct('DescribeLaunchTemplates'),
    describeLaunchTemplateVersions: direct('DescribeLaunchTemplateVersions'),
    describeSubnets: direct('DescribeSubnets'),
    describeInstanceTypes: direct('DescribeInstanceTypes'),
    describeAvailabilityZones: direct('DescribeAvailabilityZones'),
    createCapacityReservation: direct('CreateCapacityReservation'),
    describeCapacityReservations: direct('DescribeCapacityReservations'),
    modifyCapacityReservation: direct('ModifyCapacityReservation'),
    cancelCapacityReservation: direct('CancelCapacityReservation'),
    createPlacementGroup: direct('CreatePlacementGroup'),
    describePlacementGroups: direct('DescribePlacementGroups'),
  };
}
