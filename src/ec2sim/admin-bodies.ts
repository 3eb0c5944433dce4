/** What the bodies of the admin API's requests must look like. */
import { z } from 'zod';

const count = z.int().min(0);
const milliseconds = z.number().min(0);
const market = z.enum(['on-demand', 'spot', 'capacity-block']);

export const timesSchema = z
  .strictObject({
    pendingMs: milliseconds,
    bootMs: milliseconds,
    bootJitterMs: milliseconds,
    shutdownMs: milliseconds,
    consistencyMs: milliseconds,
    addressDelayMs: milliseconds,
    reservationPendingMs: milliseconds,
    spotNoticeMs: milliseconds,
  })
  .partial();

export const capacitySchema = z.strictObject({
  instanceType: z.string(),
  availabilityZone: z.string(),
  market: market.optional(),
  capacity: count.nullable(),
});

export const groupSchema = z.strictObject({
  groupName: z.string().min(1),
  capacity: count.nullable(),
});

export const blockSchema = z.strictObject({
  instanceType: z.string(),
  availabilityZone: z.string(),
  count: z.int().min(1),
  startsAt: z.number().optional(),
  endsAt: z.number(),
  tags: z.record(z.string(), z.string()).optional(),
});

export const offeredSchema = z.strictObject({
  instanceType: z.string(),
  availabilityZone: z.string(),
  offered: z.boolean(),
});

export const subnetSchema = z.strictObject({
  subnetId: z.string().regex(/^subnet-[0-9a-z]+$/),
  availabilityZone: z.string(),
  cidr: z.string(),
});

export const impairSchema = z.strictObject({
  instanceId: z.string(),
  check: z.enum(['instance', 'system']).optional(),
});

export const eventSchema = z.strictObject({
  instanceId: z.string(),
  code: z.enum([
    'instance-reboot',
    'system-reboot',
    'system-maintenance',
    'instance-retirement',
    'instance-stop',
  ]),
  description: z.string().min(1).optional(),
  notBefore: z.number().optional(),
  notAfter: z.number().optional(),
});

export const plantSchema = z.strictObject({
  instanceType: z.string(),
  subnetId: z.string(),
  count: z.int().min(1).optional(),
  tags: z.record(z.string(), z.string()).optional(),
  clientToken: z.string().min(1).max(64).optional(),
  ageMs: milliseconds.optional(),
});

export const outageSchema = z.strictObject({
  forMs: milliseconds,
  how: z.enum(['unavailable', 'reset', 'silence']).optional(),
});

const action = z.enum([
  'RunInstances',
  'DescribeInstances',
  'DescribeInstanceStatus',
  'GetConsoleOutput',
  'TerminateInstances',
  'CreateTags',
  'CreateLaunchTemplate',
  'CreateLaunchTemplateVersion',
  'DescribeLaunchTemplates',
  'DescribeLaunchTemplateVersions',
  'DescribeSubnets',
  'DescribeInstanceTypes',
  'DescribeAvailabilityZones',
  'CreateFleet',
  'CreateCapacityReservation',
  'DescribeCapacityReservations',
  'ModifyCapacityReservation',
  'CancelCapacityReservation',
  'CreatePlacementGroup',
  'DescribePlacementGroups',
]);

const faultCommon = {
  match: z
    .strictObject({
      instanceType: z.string(),
      availabilityZone: z.string(),
      tag: z.strictObject({ key: z.string(), value: z.string() }),
    })
    .partial()
    .optional(),
  count: z.int().min(1).nullable().optional(),
  every: z.int().min(1).optional(),
};

export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('refuse'),
    action,
    code: z.string().min(1),
    message: z.string().optional(),
    httpStatus: z.int().min(400).max(599).optional(),
    ...faultCommon,
  }),
  z.strictObject({
    kind: z.literal('lose-answer'),
    action,
    how: z.enum(['reset', 'silence']),
    ...faultCommon,
  }),
  z.strictObject({
    kind: z.literal('delay-answer'),
    action,
    delayMs: milliseconds,
    ...faultCommon,
  }),
  z.strictObject({ kind: z.literal('never-boots'), ...faultCommon }),
  z.strictObject({ kind: z.literal('impaired'), afterMs: milliseconds, ...faultCommon }),
  z.strictObject({ kind: z.literal('interrupted'), afterMs: milliseconds, ...faultCommon }),
  z.strictObject({
    kind: z.literal('reservation-not-usable'),
    forMs: milliseconds,
    ...faultCommon,
  }),
  z.strictObject({
    kind: z.literal('fail-override'),
    code: z.string().min(1),
    message: z.string().optional(),
    ...faultCommon,
  }),
]);

export const launchTemplateSchema = z.strictObject({
  name: z.string().min(3).max(128),
  data: z
    .strictObject({
      instanceType: z.string(),
      imageId: z.string(),
      subnetId: z.string(),
      availabilityZone: z.string(),
      placementGroup: z.string(),
      market,
      shutdownBehavior: z.enum(['stop', 'terminate']),
      tagSpecifications: z.array(
        z.strictObject({ resourceType: z.string(), tags: z.record(z.string(), z.string()) }),
      ),
      networkInterfaces: z.array(
        z.strictObject({
          deviceIndex: z.int(),
          subnetId: z.string().optional(),
          interfaceType: z.string().optional(),
        }),
      ),
    })
    .partial(),
});

export const quotaSchema = z.strictObject({ market, vcpus: count.nullable() });

export const instanceSchema = z.strictObject({ instanceId: z.string() });

export const consoleSchema = z.strictObject({ instanceId: z.string(), text: z.string() });
