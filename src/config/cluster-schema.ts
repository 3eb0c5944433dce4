/**
 * The part of ParallelCluster's cluster file that describes the fleet, as a zod schema.
 *
 * Every key that ParallelCluster documents is valid in the parts that are read; `ignored` marks those whose content
 * does not concern the launching of nodes, `notYet` those that do and are not used so far. A key that stands in
 * neither is a spelling mistake. The rest of the file (HeadNode, SharedStorage...) is not looked at.
 */
import { z } from 'zod';

import { nodeName, parseNodeName } from '../core/node-name.ts';
import { isInstanceType, isReservationId, isSubnetId } from '../core/pool-words.ts';
import {
  instanceTypeRule,
  isRegion,
  regionHint,
  reservationRule,
  scalingStrategies,
  subnetRule,
} from './values.ts';

const ignored = z.unknown().optional();
const notYet = z.unknown().optional();

/** Keys that matter to launching and do nothing yet: one note names those that stand in a file. */
export const keysWithoutEffect: readonly string[] = [
  'AllocationStrategy',
  'CapacityReservationResourceGroupArn',
  'CustomSlurmSettings',
  'CustomSlurmSettingsIncludeFile',
  'LaunchTemplateOverrides',
  'Proxy',
  'SchedulableMemory',
  'SpotPrice',
  'Tags',
];

/** Slurm expands no more nodes than this from one range. */
const nodesMax = 65_536;

/** ParallelCluster takes numbers in quotes, too. */
function whole(min: number, max: number): z.ZodType<number> {
  const hint = `write a whole number from ${min} to ${max}`;
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
    z.number().refine((value) => Number.isInteger(value) && value >= min && value <= max, {
      message: `is not a whole number from ${min} to ${max}`,
      params: { hint },
    }),
  );
}

/** ParallelCluster takes booleans in quotes, too. */
const flag = z.preprocess((value) => {
  if (typeof value !== 'string') return value;
  const word = value.toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : value;
}, z.boolean());

const nameHint =
  'begin with a lower-case letter and use lower-case letters, digits and hyphens, at most 25 characters';

const name = z.string().refine((text) => /^[a-z][a-z0-9-]{0,24}$/.test(text), {
  message: 'is not a name that ParallelCluster takes',
  params: { hint: nameHint },
});

const queueName = name.refine((text) => text !== 'default', {
  message: 'is a word that Slurm keeps for itself',
  params: { hint: 'give the queue another name than `default`' },
});

/** A name in which Slurm's node names could not be read back: `st-x` makes `q-dy-st-x-1` a node of queue `q-dy`. */
const computeResourceName = name.refine(
  (text) => {
    const parts = { queue: 'q', nodeType: 'dynamic', computeResource: text, index: 1 } as const;
    const read = parseNodeName(nodeName(parts));
    // A name of other letters is the rule's above to refuse.
    return read.kind === 'error' || read.computeResource === text;
  },
  {
    message: 'has `st-` or `dy-` in it, so that its nodes read as those of another queue',
    params: { hint: 'choose a name without a part `st` or `dy`' },
  },
);

const instanceType = z.string().refine(isInstanceType, instanceTypeRule);

/** One of the two; a compute resource's takes the place of its queue's. */
const capacityReservationTarget = z.strictObject({
  CapacityReservationId: z.string().refine(isReservationId, reservationRule).optional(),
  CapacityReservationResourceGroupArn: notYet,
});

const placementGroup = z.strictObject({
  Enabled: flag.optional(),
  Id: z.string().optional(),
  Name: z.string().optional(),
});

const computeResource = z.strictObject({
  Name: computeResourceName,
  InstanceType: instanceType.optional(),
  Instances: z
    .array(z.strictObject({ InstanceType: instanceType }))
    .min(1)
    .optional(),
  MinCount: whole(0, nodesMax).optional(),
  MaxCount: whole(1, nodesMax).optional(),
  DynamicNodePriority: whole(1, 2 ** 31 - 1).optional(),
  StaticNodePriority: whole(1, 2 ** 31 - 1).optional(),
  DisableSimultaneousMultithreading: flag.optional(),
  Efa: z.strictObject({ Enabled: flag.optional(), GdrSupport: ignored }).optional(),
  Networking: z.strictObject({ PlacementGroup: placementGroup.optional() }).optional(),
  SpotPrice: notYet,
  SchedulableMemory: notYet,
  CapacityReservationTarget: capacityReservationTarget.optional(),
  CustomSlurmSettings: notYet,
  LaunchTemplateOverrides: notYet,
  Tags: notYet,
  HealthChecks: ignored,
});

const queue = z.strictObject({
  Name: queueName,
  CapacityType: z.enum(['ONDEMAND', 'SPOT', 'CAPACITY_BLOCK']).optional(),
  JobExclusiveAllocation: flag.optional(),
  Networking: z.strictObject({
    SubnetIds: z.array(z.string().refine(isSubnetId, subnetRule)).min(1),
    PlacementGroup: placementGroup.optional(),
    Proxy: notYet,
    AssignPublicIp: ignored,
    SecurityGroups: ignored,
    AdditionalSecurityGroups: ignored,
  }),
  ComputeResources: z.array(computeResource).min(1),
  AllocationStrategy: notYet,
  CapacityReservationTarget: capacityReservationTarget.optional(),
  CustomSlurmSettings: notYet,
  Tags: notYet,
  ComputeSettings: ignored,
  HealthChecks: ignored,
  CustomActions: ignored,
  Iam: ignored,
  Image: ignored,
});

const slurmSettings = z.strictObject({
  ScaledownIdletime: z
    .number()
    .refine((value) => Number.isInteger(value) && value >= -1, {
      message: 'is not a number of minutes',
      params: { hint: 'write whole minutes, such as `10`, or `-1` for never' },
    })
    .optional(),
  CustomSlurmSettings: notYet,
  CustomSlurmSettingsIncludeFile: notYet,
  MungeKeySecretArn: ignored,
  QueueUpdateStrategy: ignored,
  EnableMemoryBasedScheduling: ignored,
  Database: ignored,
  ExternalSlurmdbd: ignored,
  Dns: ignored,
});

const scheduling = z.strictObject({
  Scheduler: z.literal('slurm'),
  ScalingStrategy: z.enum(scalingStrategies).optional(),
  SlurmSettings: slurmSettings.optional(),
  SlurmQueues: z.array(queue).min(1),
});

/** Top level: a mapping of which two keys are read. */
export const clusterSchema = z.object({
  Region: z
    .string()
    .refine(isRegion, { message: 'is not a region', params: { hint: regionHint } })
    .optional(),
  Scheduling: scheduling,
});

export type ClusterYaml = z.output<typeof clusterSchema>;
export type QueueYaml = z.output<typeof queue>;
export type ComputeResourceYaml = z.output<typeof computeResource>;

/** ParallelCluster's top-level keys: one of them makes a YAML file a cluster file. */
export const clusterTopLevelKeys: readonly string[] = [
  'Region',
  'Scheduling',
  'Image',
  'HeadNode',
  'LoginNodes',
  'SharedStorage',
  'Monitoring',
  'Iam',
  'Imds',
  'DirectoryService',
  'Tags',
  'AdditionalPackages',
  'AdditionalResources',
  'CustomS3Bucket',
  'DeploymentSettings',
  'DevSettings',
];
