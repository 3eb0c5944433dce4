/**
 * CreateFleet of type `instant`: one call that may launch in several types and zones.
 *
 * A request that is wrong in itself is refused whole. Otherwise the answer has what was launched and, for each override
 * that was tried and did not give all that was wanted of it, an error; also when nothing was launched. A fleet uses its
 * client token up whatever came of it: a repeat is answered the same, so trying again takes another token. Its
 * instances have a client token of EC2's own making, and the tag `aws:ec2:fleet-id`.
 */
import type { Instant } from '../../core/units.ts';
import {
  Ec2ApiError,
  idempotentMismatch,
  invalidCombination,
  invalidFleet,
  invalidValue,
  missingParameter,
} from './errors.ts';
import { fingerprintOf } from './fingerprint.ts';
import { fleetStrategies, planFleet, type Candidate, type Failure } from './fleet-plan.ts';
import { resolveLaunch } from './launch.ts';
import { launchInstances } from './new-instances.ts';
import { tagsFor } from './tags.ts';
import type { TokenBucket } from './throttle.ts';
import type {
  CreateFleetAnswer,
  CreateFleetRequest,
  FleetError,
  FleetInstances,
  FleetMarket,
  FleetOptions,
  FleetOverride,
  LaunchParameters,
  Tags,
} from './types.ts';
import type { World } from './world.ts';

const minTargetMax = 1000;
const tokenMs = 24 * 3_600_000;

function checkOptions(market: FleetMarket, options: FleetOptions, target: number): void {
  const { minTargetCapacity, singleInstanceType, singleAvailabilityZone, strategy } = options;
  const known = fleetStrategies[market];
  if (strategy !== undefined && !known.includes(strategy)) {
    throw invalidValue(
      `Invalid value '${strategy}' for AllocationStrategy (${market}). This model has: ${known.join(', ')}.`,
    );
  }
  if (minTargetCapacity === undefined) return;
  if (singleInstanceType !== true && singleAvailabilityZone !== true) {
    throw invalidCombination(
      'MinTargetCapacity requires at least one of: SingleAvailabilityZone | SingleInstanceType.',
    );
  }
  const max = Math.min(minTargetMax, target);
  if (!Number.isInteger(minTargetCapacity) || minTargetCapacity < 1 || minTargetCapacity > max) {
    throw invalidValue(
      `Value (${minTargetCapacity}) for parameter MinTargetCapacity is invalid. It must be between 1 and ${max}.`,
    );
  }
}

/** How many instances of each market. Throws Ec2ApiError for a request that is no instant fleet, or wrong in itself. */
function targetsOf(request: CreateFleetRequest): Readonly<Record<FleetMarket, number>> {
  const { totalTargetCapacity: total, defaultMarket = 'on-demand' } = request;
  if (request.type !== 'instant') {
    throw invalidValue(
      `Invalid value '${request.type ?? 'maintain'}' for Type: only instant is modelled.`,
    );
  }
  if (defaultMarket !== 'on-demand' && defaultMarket !== 'spot') {
    throw invalidValue(`Invalid value '${defaultMarket}' for DefaultTargetCapacityType.`);
  }
  const named = {
    'on-demand': request.onDemandTargetCapacity ?? 0,
    spot: request.spotTargetCapacity ?? 0,
  };
  const rest = total - named['on-demand'] - named.spot;
  const targets = { ...named, [defaultMarket]: named[defaultMarket] + rest };
  const isCount = (value: number) => Number.isInteger(value) && value >= 0;
  if (!isCount(total) || total === 0 || rest < 0 || !Object.values(targets).every(isCount)) {
    throw invalidValue(
      `The target capacities (total ${total}, on-demand ${named['on-demand']}, spot ${named.spot}) do not add up.`,
    );
  }
  checkOptions('on-demand', request.onDemand ?? {}, targets['on-demand']);
  checkOptions('spot', request.spot ?? {}, targets.spot);
  return targets;
}

/** The override's subnet is where the template's network interfaces are. */
function overlaid(template: LaunchParameters, override: FleetOverride): LaunchParameters {
  const { instanceType, subnetId, availabilityZone, placementGroup } = override;
  const interfaces = template.networkInterfaces ?? [];
  return {
    ...template,
    ...(instanceType !== undefined && { instanceType }),
    ...(availabilityZone !== undefined && { availabilityZone }),
    ...(placementGroup !== undefined && { placementGroup }),
    ...(subnetId !== undefined &&
      (interfaces.length === 0
        ? { subnetId }
        : { networkInterfaces: interfaces.map((each) => ({ ...each, subnetId })) })),
  };
}

interface Resolved {
  readonly candidates: readonly Candidate[];
  /** Overrides that are wrong in themselves. */
  readonly failures: readonly Failure[];
}

/** Throws Ec2ApiError for a template that is not there. */
function resolveAll(
  world: World,
  request: CreateFleetRequest,
  market: FleetMarket,
  tags: Tags,
): Resolved {
  const candidates: Candidate[] = [];
  const failures: Failure[] = [];
  for (const { launchTemplate, overrides } of request.configs) {
    if (launchTemplate.version === undefined) throw missingParameter('Version');
    const { id, name, version, data } = world.templates.find(launchTemplate);
    for (const override of overrides.length > 0 ? overrides : [{}]) {
      const origin = { market, template: { id, name, version: String(version) }, override };
      try {
        const launch = resolveLaunch(world, { ...overlaid(data, override), market });
        candidates.push({
          origin,
          launch: { ...launch, tags: { ...launch.tags, ...tags } },
          choice: data.capacityReservation ?? {},
        });
      } catch (error: unknown) {
        if (!(error instanceof Ec2ApiError)) throw error;
        failures.push({ origin, error });
      }
    }
  }
  return { candidates, failures };
}

function checkPools(candidates: readonly Candidate[]): void {
  const pools = candidates.map(
    ({ launch }) => `${launch.instanceType} in ${launch.availabilityZone}`,
  );
  const twice = pools.find((pool, index) => pools.indexOf(pool) !== index);
  if (twice !== undefined) {
    throw invalidFleet(`The fleet configuration contains duplicate instance pools: ${twice}`);
  }
}

function viewFailure({ origin, error }: Failure): FleetError {
  return { ...origin, code: error.code, message: error.message };
}

/** Launches what the market's share of the target gets. */
function fill(
  world: World,
  { candidates, failures: wrong }: Resolved,
  by: {
    readonly fleetId: string;
    readonly bucket: TokenBucket | null;
    readonly now: Instant;
    readonly market: FleetMarket;
    readonly target: number;
    readonly options: FleetOptions;
  },
): Pick<CreateFleetAnswer, 'instances' | 'errors'> {
  const { portions, failures } = planFleet(world, candidates, by);
  const instances = portions.map(({ candidate, places, count }): FleetInstances => {
    const { origin, launch } = candidate;
    by.bucket?.take(count, by.now);
    const clientToken = `${by.fleetId}-${candidates.indexOf(candidate)}`;
    const launched = launchInstances(world, launch, places, { count, clientToken, now: by.now });
    return {
      ...origin,
      instanceIds: launched.instances.map((each) => each.id),
      instanceType: launch.instanceType,
      availabilityZone: launch.availabilityZone,
      subnetId: launch.subnet.spec.subnetId,
    };
  });
  return { instances, errors: [...wrong, ...failures].map(viewFailure) };
}

/** Forgets the token a day after the last of the fleet's instances has ended, or after the call where it has none. */
function scheduleTokenExpiry(
  world: World,
  token: string,
  instanceIds: readonly string[],
  now: Instant,
): void {
  const instances = instanceIds.flatMap((id) => world.store.get(id) ?? []);
  function expireOrWait(at: Instant): void {
    const ends = instances.map((each) => each.endedAt ?? Infinity);
    const expiresAt = Math.max(at, ...ends.map((end) => end + tokenMs));
    if (expiresAt === at) world.fleetTokens.delete(token);
    else world.agenda.add(expiresAt === Infinity ? at + tokenMs : expiresAt, expireOrWait);
  }
  world.agenda.add(now + tokenMs, expireOrWait);
}

/** Throws Ec2ApiError for a request that is wrong in itself; then nothing is changed. */
export function createFleet(
  world: World,
  request: CreateFleetRequest,
  bucket: TokenBucket | null,
  now: Instant,
): CreateFleetAnswer {
  const { clientToken = '' } = request;
  const fingerprint = clientToken === '' ? '' : fingerprintOf(request);
  const used = world.fleetTokens.get(clientToken);
  if (used !== undefined) {
    if (used.fingerprint !== fingerprint) throw idempotentMismatch();
    return used.answer;
  }
  const targets = targetsOf(request);
  const fleetId = `fleet-${world.otherIds.uuid()}`;
  const tags = { ...tagsFor('instance', request.tagSpecifications), 'aws:ec2:fleet-id': fleetId };
  const shares = (['on-demand', 'spot'] as const)
    .filter((market) => targets[market] > 0)
    .map((market) => ({ market, resolved: resolveAll(world, request, market, tags) }));
  for (const { resolved } of shares) checkPools(resolved.candidates);
  const filled = shares.map(({ market, resolved }) =>
    fill(world, resolved, {
      fleetId,
      bucket,
      now,
      market,
      target: targets[market],
      options: (market === 'spot' ? request.spot : request.onDemand) ?? {},
    }),
  );
  const answer = {
    fleetId,
    instances: filled.flatMap(({ instances }) => instances),
    errors: filled.flatMap(({ errors }) => errors),
  };
  if (clientToken !== '') {
    world.fleetTokens.set(clientToken, { fingerprint, answer });
    const launched = answer.instances.flatMap((each) => each.instanceIds);
    scheduleTokenExpiry(world, clientToken, launched, now);
  }
  return answer;
}
