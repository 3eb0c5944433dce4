/** Muster's own settings file: its schema. What it leaves out comes from ParallelCluster's files or the defaults. */
import { z } from 'zod';

import type { DurationMs } from '../core/units.ts';
import type { Findings } from './problem.ts';
import { checkSchema } from './yaml-file.ts';
import type { YamlFile } from './yaml-file.ts';
import {
  clusterNameHint,
  isClusterName,
  isRegion,
  planModes,
  regionHint,
  scalingStrategies,
} from './values.ts';

function refused(message: string, hint: string): { message: string; params: { hint: string } } {
  return { message, params: { hint } };
}

const size = z
  .number()
  .refine(
    (value) => Number.isSafeInteger(value) && value >= 1,
    refused('is not a whole number from 1 on', 'write a whole number, such as `500`'),
  );

const rate = z
  .number()
  .refine(
    (perSecond) => perSecond > 0 && perSecond <= 1000,
    refused('is not a number above 0 and up to 1000', 'write calls a second, such as `2`'),
  );

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

const duration = z.string().transform((text, context): DurationMs => {
  const parsed = parseDuration(text);
  if (parsed === null) {
    const said = refused('is not a length of time', 'write a number and its unit: 30s, 5m or 1h');
    context.addIssue({ code: 'custom', ...said });
    return z.NEVER;
  }
  return parsed;
});

const schema = z.strictObject({
  resume_config: file.optional(),
  cluster_config: file.optional(),
  cluster_name: z
    .string()
    .refine(isClusterName, refused('is not a valid cluster name', clusterNameHint))
    .optional(),
  region: z.string().refine(isRegion, refused('is not a region', regionHint)).optional(),
  mode: z.enum(planModes).optional(),
  scaling_strategy: z.enum(scalingStrategies).optional(),
  all_or_nothing_batch: z.boolean().optional(),
  max_batch_size: size.optional(),
  terminate_max_batch_size: size.optional(),
  update_node_address: z.boolean().optional(),
  launch_patience: duration.optional(),
  launch_requests: z.strictObject({ burst: size, per_second: rate }).optional(),
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
  slurm: z
    .strictObject({ scontrol: absolutePath.optional(), slurm_conf: absolutePath.optional() })
    .optional(),
  state_dir: absolutePath.optional(),
  run_dir: absolutePath.optional(),
  log_dir: absolutePath.optional(),
});

export type MusterYaml = z.output<typeof schema>;

/** Null when anything is wrong; all of it is in `findings`. */
export function readMusterYaml(yaml: YamlFile, findings: Findings): MusterYaml | null {
  return checkSchema(yaml, schema, findings);
}

/** `30s`, `5m`, `1h`, `500ms`; null for anything else. */
export function parseDuration(text: string): DurationMs | null {
  const parts = /^(\d{1,9})(ms|s|m|h)$/.exec(text);
  if (parts === null) return null;
  const factors = new Map([
    ['ms', 1],
    ['s', 1000],
    ['m', 60_000],
    ['h', 3_600_000],
  ]);
  return Number(parts[1]) * (factors.get(parts[2] ?? '') ?? 0);
}
