/**
 * How launches are made, where the cluster, a queue, a compute resource and the job each may have a say: the nearest to
 * the job that says something wins, setting by setting. This is the only place that knows the order.
 *
 * A gang with nodes in several places has one policy all the same, since it is launched as one. It takes the stricter of
 * each setting: whole if one place wants it whole, launched unreserved if one place does not reserve, the shortest
 * patience, the fewest tries, the longest waits between them, and time for the slowest boot.
 */
import type { JobWish } from './job-wish.ts';
import { parseNodeName } from './node-name.ts';
import type { LaunchPolicy, Settings } from './settings.ts';

/** A compute resource, by name. */
export interface PlaceName {
  readonly queue: string;
  readonly computeResource: string;
}

/** What a gang's policy follows from. */
export interface PolicyOf {
  readonly places: readonly PlaceName[];
  /** What its job asks for itself. */
  readonly wish: JobWish;
}

const isPolicyKey: Readonly<Record<keyof LaunchPolicy, true>> = {
  scalingStrategy: true,
  allOrNothingBatch: true,
  maxBatchSize: true,
  strategy: true,
  spread: true,
  greedy: true,
  spares: true,
  launchPatienceMs: true,
  bootTimeMs: true,
  assemblyPatienceMs: true,
  rungPatienceMs: true,
  retry: true,
  capacityMemory: true,
  protection: true,
  platform: true,
};

/** What a level says about launches, and nothing else of it. */
function saidBy(level: Partial<LaunchPolicy> | undefined): Partial<LaunchPolicy> {
  const entries = Object.entries(level ?? {});
  return Object.fromEntries(
    entries.filter(([key, value]) => Object.hasOwn(isPolicyKey, key) && value !== undefined),
  );
}

/** Settings never change: another configuration is another value. */
const known = new WeakMap<Settings, Map<string, Settings>>();

/** The settings as they hold for a compute resource, or for a queue (`computeResource` null). */
export function settingsAt(
  settings: Settings,
  { queue, computeResource }: { queue: string; computeResource: string | null },
): Settings {
  const ofQueue = settings.queues?.find(({ name }) => name === queue);
  if (ofQueue === undefined) return settings;
  let places = known.get(settings);
  if (places === undefined) known.set(settings, (places = new Map<string, Settings>()));
  const key = `${queue}/${computeResource ?? ''}`;
  let here = places.get(key);
  if (here === undefined) {
    const resource = ofQueue.computeResources.find(({ name }) => name === computeResource);
    here = { ...settings, ...saidBy(ofQueue), ...saidBy(resource) };
    places.set(key, here);
  }
  return here;
}

/** The settings as they hold for a gang. */
export function settingsFor(settings: Settings, { places, wish }: PolicyOf): Settings {
  const [first, ...others] = new Set(places.map((place) => settingsAt(settings, place)));
  const together = others.reduce(stricter, first ?? settings);
  const wished = wishedPolicy(wish);
  return Object.keys(wished).length === 0 ? together : { ...together, ...wished };
}

function wishedPolicy({
  strategy,
  patienceMs,
  scalingStrategy,
  spread,
}: JobWish): Partial<LaunchPolicy> {
  return saidBy({
    ...(strategy !== undefined && { strategy }),
    ...(patienceMs !== undefined && { rungPatienceMs: patienceMs }),
    ...(scalingStrategy !== undefined && { scalingStrategy }),
    ...(spread !== undefined && { spread }),
  });
}

function stricter(one: Settings, other: Settings): Settings {
  return {
    ...one,
    scalingStrategy:
      one.scalingStrategy === 'best-effort' ? other.scalingStrategy : one.scalingStrategy,
    allOrNothingBatch: one.allOrNothingBatch || other.allOrNothingBatch,
    maxBatchSize: Math.min(one.maxBatchSize, other.maxBatchSize),
    strategy: one.strategy === 'launch' ? one.strategy : other.strategy,
    spread: one.spread && other.spread,
    greedy: one.greedy && other.greedy,
    spares: Math.max(one.spares, other.spares),
    launchPatienceMs: Math.min(one.launchPatienceMs, other.launchPatienceMs),
    bootTimeMs: Math.max(one.bootTimeMs, other.bootTimeMs),
    assemblyPatienceMs: Math.min(one.assemblyPatienceMs, other.assemblyPatienceMs),
    rungPatienceMs: Math.min(one.rungPatienceMs, other.rungPatienceMs),
    retry: {
      firstMs: Math.max(one.retry.firstMs, other.retry.firstMs),
      maxMs: Math.max(one.retry.maxMs, other.retry.maxMs),
      tries: Math.min(one.retry.tries, other.retry.tries),
      forMs: Math.min(one.retry.forMs, other.retry.forMs),
    },
    capacityMemory: longerMemory(one.capacityMemory, other.capacityMemory),
    // Each compute resource is counted by its own.
    protection: one.protection,
  };
}

type Ages = Settings['capacityMemory'];

function longerMemory(one: Ages, other: Ages): Ages {
  return {
    refusalMs: Math.max(one.refusalMs, other.refusalMs),
    successMs: Math.max(one.successMs, other.successMs),
  };
}

/** The compute resources of the nodes, each once. A name that is none has no place. */
export function placesOf(nodes: Iterable<string>): PlaceName[] {
  const places = new Map<string, PlaceName>();
  for (const node of nodes) {
    const parsed = parseNodeName(node);
    if (parsed.kind === 'error') continue;
    const { queue, computeResource } = parsed;
    places.set(`${queue}/${computeResource}`, { queue, computeResource });
  }
  return [...places.values()];
}

/** As long as somebody may ask: what is kept for all pools and jobs is kept for the place that wants it longest. */
export function keptFor(settings: Settings): Pick<LaunchPolicy, 'retry' | 'capacityMemory'> {
  let { retry, capacityMemory } = settings;
  for (const queue of settings.queues ?? []) {
    for (const level of [queue, ...queue.computeResources]) {
      const forMs = Math.max(retry.forMs, level.retry?.forMs ?? 0);
      retry = { ...retry, forMs };
      capacityMemory = longerMemory(capacityMemory, level.capacityMemory ?? capacityMemory);
    }
  }
  return { retry, capacityMemory };
}
