/** Muster's own settings file: its schema. What it leaves out comes from ParallelCluster's files or the defaults. */
import { z } from 'zod';

import { launchKeys } from './launch-keys.ts';
import { limitsSchema, pricesSchema } from './limits.ts';
import { queuesSchema } from './muster-yaml-queues.ts';
import { nearest } from './nearest.ts';
import type { Findings } from './problem.ts';
import { clusterNameHint, isClusterName, isRegion, planModes, regionHint } from './values.ts';
import { checkSchema, isRecord } from './yaml-file.ts';
import type { YamlFile } from './yaml-file.ts';
import { duration, positiveDuration, rateOf, refused, size } from './yaml-values.ts';

const absolutePath = z
  .string()
  .refine(
    (path) => path.startsWith('/'),
    refused('is not an absolute path', 'begin the path with `/`'),
  );

const file = z
  .string()
  .refine(
    (path) => path !== '',
    refused('is empty', 'write the path of a file, or remove the key'),
  );

/** Where the parts of muster's work are. */
const placeKeys = {
  slurm: z
    .strictObject({ scontrol: absolutePath.optional(), slurm_conf: absolutePath.optional() })
    .optional(),
  state_dir: absolutePath.optional(),
  run_dir: absolutePath.optional(),
  log_dir: absolutePath.optional(),
};

const schema = z.strictObject({
  resume_config: file.optional(),
  cluster_config: file.optional(),
  cluster_name: z
    .string()
    .refine(isClusterName, refused('is not a valid cluster name', clusterNameHint))
    .optional(),
  region: z.string().refine(isRegion, refused('is not a region', regionHint)).optional(),
  mode: z.enum(planModes).optional(),
  ...launchKeys,
  terminate_max_batch_size: size.optional(),
  update_node_address: z.boolean().optional(),
  launch_requests: z.strictObject({ burst: size, per_second: rateOf('calls') }).optional(),
  launch_instances: z.strictObject({ burst: size, per_second: rateOf('instances') }).optional(),
  resume_timeout: positiveDuration.optional(),
  deadline_margin: duration.optional(),
  limits: limitsSchema.optional(),
  prices: pricesSchema.optional(),
  queues: queuesSchema.optional(),
  launch: z
    .strictObject({
      from: z.enum(['launch-template', 'instance-type']),
      image_id: z
        .string()
        .refine(
          (id) => /^ami-[0-9a-zA-Z]+$/.test(id),
          refused('is not an image id', 'write an id such as `ami-0123456789abcdef0`'),
        )
        .optional(),
    })
    .optional(),
  ...placeKeys,
});

export type MusterYaml = z.output<typeof schema>;

/** What it says of places. */
export type PlacesYaml = Pick<MusterYaml, keyof typeof placeKeys>;

/** Null when anything is wrong; all of it is in `findings`. */
export function readMusterYaml(yaml: YamlFile, findings: Findings): MusterYaml | null {
  return checkSchema(yaml, schema, findings);
}

const places = z.object(placeKeys);

/**
 * What the file says of places, whatever else is wrong with it. Null: a mistake may concern just these, and a default in
 * place of what was meant would be another cluster's folder.
 */
export function readPlaces({ value }: YamlFile): PlacesYaml | null {
  const isMisspelt = Object.keys(value).some((key) => {
    if (Object.hasOwn(schema.shape, key)) return false;
    return Object.hasOwn(placeKeys, nearest(key, Object.keys(schema.shape)) ?? '');
  });
  // Indented by mistake, it has slipped into the mapping above it.
  const isIndented = Object.values(value).some(
    (each) => isRecord(each) && Object.hasOwn(each, 'state_dir'),
  );
  if (isMisspelt || isIndented) return null;
  return places.safeParse(value).data ?? null;
}
