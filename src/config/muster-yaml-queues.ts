/**
 * The `queues` of muster's settings, as a zod schema: what the site wants for each queue beyond what ParallelCluster's
 * cluster file can say. Whether such queues and compute resources exist is checked where both files are at hand.
 */
import { z } from 'zod';

import {
  gangStrategies,
  isInstanceType,
  isReservationId,
  isSubnetId,
  markets,
} from '../core/pool-words.ts';
import { instanceTypeRule, reservationRule, subnetRule } from './values.ts';
import { refused, wholeUpTo } from './yaml-values.ts';

/** More spares than this for a gang are a typing error. */
const sparesMax = 1000;

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

const computeResource = z.strictObject({
  ladder: ladder.optional(),
});

const queue = z.strictObject({
  strategy: z.enum(gangStrategies).optional(),
  spread: z.boolean().optional(),
  greedy: z.boolean().optional(),
  spares: wholeUpTo(sparesMax).optional(),
  ladder: ladder.optional(),
  compute_resources: z.record(z.string(), computeResource).optional(),
});

/** By the queues' names. */
export const queuesSchema = z.record(z.string(), queue);

export type RungYaml = z.output<typeof rung>;
export type QueueSettingsYaml = z.output<typeof queue>;
