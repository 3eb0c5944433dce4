/**
 * The admin API: JSON under `/_admin/`, to see the model and to change it while it runs. EC2 has nothing like it.
 *
 *   GET    /_admin/state              everything but the instances
 *   GET    /_admin/instances          every instance still described, with its times and cost
 *   PUT    /_admin/capacity           { instanceType, availabilityZone, market?, capacity: number | null }
 *   PUT    /_admin/placement-groups   { groupName, capacity: number | null }
 *   PUT    /_admin/offered            { instanceType, availabilityZone, offered: boolean }
 *   PUT    /_admin/quota              { market, vcpus: number | null }
 *   PUT    /_admin/times              any of the times, in milliseconds
 *   PUT    /_admin/throttle           { on: boolean }
 *   POST   /_admin/subnets            { subnetId, availabilityZone, cidr }
 *   POST   /_admin/capacity-blocks    { instanceType, availabilityZone, count, startsAt?, endsAt, tags? }
 *   POST   /_admin/launch-templates   { name, data }: made, or given a new version when the name exists
 *   POST   /_admin/faults             one fault (sim/ec2/faults.ts)
 *   DELETE /_admin/faults             forgets them all
 *   POST   /_admin/impair             { instanceId, check?: 'instance' | 'system' }
 *   POST   /_admin/events             { instanceId, code, description?, notBefore?, notAfter? }: something is scheduled
 *   DELETE /_admin/events             { instanceId }: what is scheduled for it is over
 *   PUT    /_admin/console            { instanceId, text }
 *   POST   /_admin/plant              { instanceType, subnetId, count?, tags?, clientToken?, ageMs? }
 *   PUT    /_admin/outage             { forMs, how? }: nobody is answered for so long; 0: it is over
 *   POST   /_admin/interrupt          { instanceId }: a spot instance, ended after the notice time
 *   POST   /_admin/reset              ends every instance and begins anew
 *
 * Every change is answered with the state after it; a list of bodies is a list of changes, made when all are valid.
 */
import { z } from 'zod';
import {
  blockSchema,
  capacitySchema,
  consoleSchema,
  eventSchema,
  faultSchema,
  groupSchema,
  impairSchema,
  instanceSchema,
  launchTemplateSchema,
  offeredSchema,
  outageSchema,
  plantSchema,
  quotaSchema,
  subnetSchema,
  timesSchema,
} from './admin-bodies.ts';
import type { Boots } from './boots.ts';
import {
  Ec2ApiError,
  paidMs,
  reservationIdOf,
  stateAt,
  statusAt,
  systemStatusAt,
  type CapacityBlockSpec,
  type Ec2Model,
  type EventSpec,
  type FaultSpec,
  type LaunchParameters,
  type PlantSpec,
} from '../sim/ec2/index.ts';

export interface AdminReply {
  readonly status: number;
  readonly body: unknown;
}

type Change = (model: Ec2Model, body: unknown) => void;

/** A list of bodies is checked whole before the first is acted upon. */
function changeBy<T>(schema: z.ZodType<T>, apply: (model: Ec2Model, value: T) => void): Change {
  return (model, body) => {
    const values = Array.isArray(body)
      ? body.map((each) => schema.parse(each))
      : [schema.parse(body)];
    for (const value of values) apply(model, value);
  };
}

function putLaunchTemplate(model: Ec2Model, name: string, data: LaunchParameters): void {
  try {
    model.createLaunchTemplate({ name, data });
  } catch (error: unknown) {
    if (!(error instanceof Ec2ApiError) || !error.code.endsWith('AlreadyExistsException')) {
      throw error;
    }
    model.createLaunchTemplateVersion({ template: { name }, data });
  }
}

// A value that passed its schema has no property set to undefined: the bodies are JSON. Zod's types cannot say so.
const changes: ReadonlyMap<string, Change> = new Map<string, Change>([
  [
    'PUT capacity',
    changeBy(capacitySchema, (model, { instanceType, availabilityZone, capacity, market: of }) =>
      model.setCapacity(instanceType, availabilityZone, capacity, of),
    ),
  ],
  [
    'PUT placement-groups',
    changeBy(groupSchema, (model, { groupName, capacity }) =>
      model.setGroupCapacity(groupName, capacity),
    ),
  ],
  [
    'POST capacity-blocks',
    changeBy(blockSchema, (model, block) => model.addCapacityBlock(block as CapacityBlockSpec)),
  ],
  [
    'PUT offered',
    changeBy(offeredSchema, (model, { instanceType, availabilityZone, offered }) =>
      model.setOffered(instanceType, availabilityZone, offered),
    ),
  ],
  ['PUT quota', changeBy(quotaSchema, (model, quota) => model.setQuota(quota.market, quota.vcpus))],
  [
    'PUT times',
    changeBy(timesSchema, (model, times) =>
      model.setTimes(times as Parameters<Ec2Model['setTimes']>[0]),
    ),
  ],
  [
    'PUT throttle',
    changeBy(z.strictObject({ on: z.boolean() }), (model, { on }) => model.setThrottling(on)),
  ],
  ['POST subnets', changeBy(subnetSchema, (model, subnet) => model.addSubnet(subnet))],
  [
    'POST launch-templates',
    changeBy(launchTemplateSchema, (model, { name, data }) =>
      putLaunchTemplate(model, name, data as LaunchParameters),
    ),
  ],
  ['POST faults', changeBy(faultSchema, (model, fault) => model.addFault(fault as FaultSpec))],
  ['DELETE faults', (model) => model.clearFaults()],
  [
    'POST impair',
    changeBy(impairSchema, (model, { instanceId, check }) => model.impair(instanceId, check)),
  ],
  [
    'POST events',
    changeBy(eventSchema, (model, { instanceId, ...event }) =>
      model.scheduleEvent(instanceId, event as EventSpec),
    ),
  ],
  [
    'DELETE events',
    changeBy(instanceSchema, (model, { instanceId }) => model.completeEvents(instanceId)),
  ],
  [
    'PUT console',
    changeBy(consoleSchema, (model, { instanceId, text }) => model.setConsole(instanceId, text)),
  ],
  ['POST plant', changeBy(plantSchema, (model, spec) => model.plant(spec as PlantSpec))],
  ['PUT outage', changeBy(outageSchema, (model, { forMs, how }) => model.setOutage(forMs, how))],
  [
    'POST interrupt',
    changeBy(instanceSchema, (model, { instanceId }) => model.interrupt(instanceId)),
  ],
  [
    'POST shut-down',
    changeBy(instanceSchema, (model, { instanceId }) => model.shutDown(instanceId)),
  ],
  ['POST reset', (model) => model.reset()],
]);

function stateOf(model: Ec2Model, boots: Boots | null): unknown {
  return {
    region: model.region,
    account: model.account,
    now: model.now(),
    stats: model.stats(),
    boots: boots?.counts() ?? { waiting: 0, started: 0 },
    pools: model.pools(),
    reservations: model.reservations(),
    quotas: model.quotas(),
    subnets: model.subnets(),
    times: model.times(),
    throttling: model.isThrottling(),
    faults: model.faults(),
  };
}

function instancesOf(model: Ec2Model): unknown {
  const now = model.now();
  return {
    instances: [...model.instances()].map((instance) => ({
      instanceId: instance.id,
      state: stateAt(instance, now),
      status: statusAt(instance, now),
      systemStatus: systemStatusAt(instance, now),
      events: instance.events,
      instanceType: instance.instanceType,
      availabilityZone: instance.availabilityZone,
      subnetId: instance.subnetId,
      privateIp: instance.privateIp,
      privateDnsName: instance.privateDnsName,
      placementGroup: instance.placementGroup,
      market: instance.market,
      capacityReservationId: reservationIdOf(instance),
      clientToken: instance.clientToken,
      tags: instance.tags,
      launchedAt: instance.launchedAt,
      bootedAt: instance.bootedAt === Infinity ? null : instance.bootedAt,
      interruptedAt: instance.interruptedAt === Infinity ? null : instance.interruptedAt,
      endAskedAt: instance.endAskedAt,
      seconds: paidMs(instance, now) / 1000,
    })),
  };
}

function refusal(status: number, message: string): AdminReply {
  return { status, body: { error: message } };
}

/** `route` is the path after `/_admin/`, `body` the request's text. Never throws for a wrong request. */
export function answerAdmin(
  model: Ec2Model,
  boots: Boots | null,
  request: { readonly method: string; readonly route: string; readonly body: string },
): AdminReply {
  const { method, route } = request;
  if (method === 'GET' && route === 'state') return { status: 200, body: stateOf(model, boots) };
  if (method === 'GET' && route === 'instances') return { status: 200, body: instancesOf(model) };
  const change = changes.get(`${method} ${route}`);
  if (change === undefined) {
    const known = ['GET state', 'GET instances', ...changes.keys()].join(', ');
    return refusal(404, `there is no "${method} ${route}" here; there are: ${known}`);
  }
  try {
    change(model, request.body === '' ? {} : JSON.parse(request.body));
  } catch (error: unknown) {
    if (error instanceof z.ZodError) return refusal(400, z.prettifyError(error));
    if (error instanceof SyntaxError) return refusal(400, `the body is not JSON: ${error.message}`);
    if (error instanceof RangeError || error instanceof Ec2ApiError) {
      return refusal(400, error.message);
    }
    throw error;
  }
  return { status: 200, body: stateOf(model, boots) };
}
