/**
 * The keys of muster's settings that say how launches are made. The same keys may stand for the cluster, in a queue and in
 * a compute resource; what the nearest of them says holds (`core/launch-policy.ts`).
 */
import { z } from 'zod';

import { gangStrategies } from '../core/pool-words.ts';
import type { LaunchPolicy } from '../core/settings.ts';
import { platforms, scalingStrategies } from './values.ts';
import { duration, positiveDuration, size, wholeUpTo } from './yaml-values.ts';

/** More spares than this for a gang are a typing error. */
const sparesMax = 1000;

/** As many boots as that may fail anywhere. */
const failuresMax = 10_000;

/** A part of a zod schema. */
export const launchKeys = {
  scaling_strategy: z.enum(scalingStrategies).optional(),
  all_or_nothing_batch: z.boolean().optional(),
  max_batch_size: size.optional(),
  strategy: z.enum(gangStrategies).optional(),
  spread: z.boolean().optional(),
  greedy: z.boolean().optional(),
  spares: wholeUpTo(sparesMax).optional(),
  launch_patience: duration.optional(),
  boot_time: positiveDuration.optional(),
  assembly_patience: duration.optional(),
  rung_patience: duration.optional(),
  retry: z
    .strictObject({
      first: positiveDuration.optional(),
      max: positiveDuration.optional(),
      tries: size.optional(),
      for: positiveDuration.optional(),
    })
    .optional(),
  capacity_memory: z
    .strictObject({ refusal: duration.optional(), success: duration.optional() })
    .optional(),
  protection: z.strictObject({ failures: wholeUpTo(failuresMax).optional() }).optional(),
  platform: z.enum(platforms).optional(),
};

const level = z.strictObject(launchKeys);

export type LaunchKeysYaml = z.output<typeof level>;

/**
 * What a level says of launches. `above` is what holds without it: what a `retry` leaves out is as it was there.
 *
 * Where launch-batches are not said to be firm or soft, on any level (`saysBatches`), a strategy that is said decides, as
 * it does for the cluster.
 */
export function launchSaid(
  says: LaunchKeysYaml | undefined,
  above: LaunchPolicy,
  saysBatches: boolean,
): Partial<LaunchPolicy> {
  if (says === undefined) return {};
  const { scaling_strategy: scaling, retry, capacity_memory: memory } = says;
  const followsStrategy = scaling !== undefined && !saysBatches;
  const firmBatches =
    says.all_or_nothing_batch ?? (followsStrategy ? scaling === 'all-or-nothing' : undefined);
  return {
    ...(scaling !== undefined && { scalingStrategy: scaling }),
    ...(firmBatches !== undefined && { allOrNothingBatch: firmBatches }),
    ...(says.max_batch_size !== undefined && { maxBatchSize: says.max_batch_size }),
    ...(says.strategy !== undefined && { strategy: says.strategy }),
    ...(says.spread !== undefined && { spread: says.spread }),
    ...(says.greedy !== undefined && { greedy: says.greedy }),
    ...(says.spares !== undefined && { spares: says.spares }),
    ...(says.launch_patience !== undefined && { launchPatienceMs: says.launch_patience }),
    ...(says.boot_time !== undefined && { bootTimeMs: says.boot_time }),
    ...(says.assembly_patience !== undefined && { assemblyPatienceMs: says.assembly_patience }),
    ...(says.rung_patience !== undefined && { rungPatienceMs: says.rung_patience }),
    ...(retry !== undefined && {
      retry: {
        firstMs: retry.first ?? above.retry.firstMs,
        maxMs: retry.max ?? above.retry.maxMs,
        tries: retry.tries ?? above.retry.tries,
        forMs: retry.for ?? above.retry.forMs,
      },
    }),
    ...(memory !== undefined && {
      capacityMemory: {
        refusalMs: memory.refusal ?? above.capacityMemory.refusalMs,
        successMs: memory.success ?? above.capacityMemory.successMs,
      },
    }),
    ...(says.protection?.failures !== undefined && {
      protection: { failures: says.protection.failures },
    }),
    ...(says.platform !== undefined && { platform: says.platform }),
  };
}
