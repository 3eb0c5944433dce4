/**
 * The `queues` of muster's settings, as a zod schema: what the site wants for each queue beyond what ParallelCluster's
 * cluster file can say. Whether such queues and compute resources exist is checked where both files are at hand.
 */
import { z } from 'zod';

import { isInstanceType, isReservationId, isSubnetId, markets } from '../core/pool-words.ts';
import { launchKeys } from './launch-keys.ts';
import { limitsSchema } from './limits.ts';
import { instanceTypeRule, reservationRule, subnetRule } from './values.ts';
import { refused } from './yaml-values.ts';

const rung = z
  .strictObject({
    instance_type: z.string().refine(isInstanceType, instanceTypeRule).optional(),
    subnet: z.string().refine(isSubnetId, subnetRule).optional(),
    market: z.enum(markets).optional(),
    reservation: z.string().refine(isReservationId, reservationRule).optional(),
  })
  .refine(
    (keys) => Object.values(keys).some((value) => value !== undefined),
    refused('is empty', 'name at least one of instance_type, subnet, market and reservation'),
  )
  .refine(
    ({ market, reservation }) => market !== 'spot' || reservation === undefined,
    refused(
      'has a reservation for spot instances, which EC2 launches into none',
      'use `market: on-demand` or `market: capacity-block`, or remove the reservation',
    ),
  );

const ladder = z.array(rung).min(1);

const staticSets = z
  .strictObject({
    launch: z.enum(['all-or-nothing', 'best-effort']).optional(),
    replace: z.enum(['node', 'set']).optional(),
  })
  .refine(
    ({ launch, replace }) => replace !== 'set' || launch !== 'best-effort',
    refused(
      'replaces whole sets that need not be whole',
      'use `launch: all-or-nothing` or `replace: node`',
    ),
  );

const computeResource = z.strictObject({
  ...launchKeys,
  ladder: ladder.optional(),
  static_sets: staticSets.optional(),
});

const queue = z.strictObject({
  ...launchKeys,
  limits: limitsSchema.optional(),
  ladder: ladder.optional(),
  static_sets: staticSets.optional(),
  compute_resources: z.record(z.string(), computeResource).optional(),
});

/** By the queues' names. */
export const queuesSchema = z.record(z.string(), queue);

export type RungYaml = z.output<typeof rung>;
export type QueueSettingsYaml = z.output<typeof queue>;
