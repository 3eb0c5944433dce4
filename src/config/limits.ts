/**
 * The runaway guard in muster's settings: limits of the cluster and of queues, and the prices that a limit in dollars needs.
 * A type without a price is not launched where dollars are limited, so its absence is told before that happens.
 */
import { z } from 'zod';

import { instanceTypeOf } from '../core/ladder.ts';
import { createLocator } from '../core/fleet.ts';
import { isInstanceType } from '../core/pool-words.ts';
import type { LaunchLimits, Settings } from '../core/settings.ts';
import type { FilesRead } from './join.ts';
import type { Findings } from './problem.ts';
import { placeOf, yamlProblem } from './yaml-file.ts';
import { refused, size } from './yaml-values.ts';

const dollars = z
  .number()
  .refine(
    (value) => value > 0 && Number.isFinite(value),
    refused('is not a number above 0', 'write dollars an hour, such as `12.5`'),
  );

export const limitsSchema = z.strictObject({
  instances: size.optional(),
  launches_per_hour: size.optional(),
  dollars_per_hour: dollars.optional(),
});

/** By instance type, dollars an hour. */
export const pricesSchema = z.record(z.string(), dollars);

type LimitsYaml = z.output<typeof limitsSchema>;

export function joinLimits(says: LimitsYaml | undefined): LaunchLimits {
  return {
    instances: says?.instances ?? null,
    launchesPerHour: says?.launches_per_hour ?? null,
    dollarsPerHour: says?.dollars_per_hour ?? null,
  };
}

export function checkLimits(files: FilesRead, settings: Settings, findings: Findings): void {
  const { muster } = files;
  if (muster === null) return;
  for (const type of Object.keys(settings.prices)) {
    if (isInstanceType(type)) continue;
    findings.errors.push(
      yamlProblem(muster.yaml, ['prices', type], {
        message: `\`${type}\` in \`prices\` is not an instance type`,
        hint: 'write a type such as `c6i.32xlarge`, and its price an hour in dollars',
        at: 'key',
      }),
    );
  }
  const unpriced = unpricedIn(settings);
  if (unpriced.length === 0) return;
  const ofCluster = settings.limits.dollarsPerHour !== null;
  const queue = settings.queues?.find(({ limits }) => (limits?.dollarsPerHour ?? null) !== null);
  const path = ofCluster ? [] : ['queues', queue?.name ?? ''];
  const message = `dollars are limited, and there is no price for ${unpriced.join(', ')}: muster refuses to launch what it has no price for; add it to \`prices\``;
  findings.notices.push({
    severity: 'warning',
    file: muster.file,
    ...placeOf(muster.yaml, [...path, 'limits', 'dollars_per_hour'], 'key'),
    message,
  });
}

/** Types, or compute resources whose type nobody names, that a limit in dollars concerns and that have no price. */
function unpricedIn(settings: Settings): string[] {
  const unpriced = new Set<string>();
  const locate = createLocator(settings);
  for (const { name: queue, limits, computeResources } of settings.queues ?? []) {
    const own = limits?.dollarsPerHour ?? null;
    if (own === null && settings.limits.dollarsPerHour === null) continue;
    for (const { name, minCount } of computeResources) {
      const located = locate(`${queue}-${minCount > 0 ? 'st' : 'dy'}-${name}-1`);
      if (located.kind !== 'place') continue;
      for (const pool of located.place.pools) {
        const type = instanceTypeOf(located.place, pool);
        if (type === null) unpriced.add(`${queue}/${name}`);
        else if (settings.prices[type] === undefined) unpriced.add(type);
      }
    }
  }
  return [...unpriced];
}
