/**
 * The runaway guard: limits on instances, on launches an hour and on dollars an hour, for the cluster and for a queue. A
 * gang is held against them where it starts, before EC2 is asked for anything: what does not fit is refused, and says so.
 *
 * What counts: every instance that is held, and every one that a gang has asked for and has no answer about yet. Dollars
 * are list prices of the site's own (`prices`), the same for every market: spot costs no more. A type without a price is
 * not launched where dollars are limited, since nobody could say what it does to the limit; one that runs all the same,
 * from before, counts as the dearest type there is a price for.
 */
import type { Draft } from './draft.ts';
import type { RunInstances } from './effects.ts';
import type { Place } from './fleet.ts';
import type { Refusal } from './gang.ts';
import { instanceTypeOf, type Rung, typeOfPool } from './ladder.ts';
import { forgottenAt, launchedInHour } from './launch-books.ts';
import { placesOf } from './launch-policy.ts';
import type { LaunchLimits, Settings } from './settings.ts';

export type Why = Pick<Refusal, 'code' | 'message' | 'retryAt'>;

/** What runs or is asked for, of the cluster or of one queue. */
interface Usage {
  instances: number;
  dollars: number;
  /** Asked for without an answer yet: those count as launched now. */
  asked: number;
}

/** The books of one turn: what its gangs start is added as they do. */
export interface LimitBooks {
  readonly draft: Draft;
  readonly cluster: Usage;
  readonly queues: Map<string, Usage>;
}

/** Null: nothing is limited, and nothing need be counted. */
export function openLimitBooks(draft: Draft): LimitBooks | null {
  const { state } = draft;
  if (!hasLimits(state.settings)) return null;
  const books: LimitBooks = { draft, cluster: noUsage(), queues: new Map() };
  for (const { node, pool } of state.leases.values()) {
    if (draft.ended.has(node)) continue;
    count(books, queueOf(node), priceOfHeld(state.settings, pool), 1, false);
  }
  for (const { queue, pool } of state.spares.values())
    count(books, queue, priceOfHeld(state.settings, pool), 1, false);
  // Those of a gang that was let go meanwhile launch all the same, until EC2 has answered.
  for (const { effect } of state.outstanding.values())
    if (effect.kind === 'RunInstances') countOrder(books, effect);
  for (const gang of state.gangs.values()) {
    if (draft.closed.has(gang.id) || gang.phase !== 'reserving') continue;
    for (const { batch } of gang.reserving.values())
      count(books, batch.queue, priceOfHeld(state.settings, batch.pool), batch.nodes.length, true);
  }
  return books;
}

function countOrder(books: LimitBooks, { id, order }: RunInstances): void {
  const { state } = books.draft;
  const batch = state.gangs.get(state.batchGangs.get(id) ?? '')?.batches.get(id);
  const { launch } = order;
  const named = launch.kind === 'instance-type' ? launch.instanceType : undefined;
  const type = order.instanceType ?? named ?? typeOfPool(batch?.pool ?? '');
  const queue = order.tags['muster:queue'] ?? '';
  count(books, queue, priceOf(state.settings, type), order.maxCount, true);
}

function noUsage(): Usage {
  return { instances: 0, dollars: 0, asked: 0 };
}

function hasLimits({ limits, queues }: Settings): boolean {
  const all = [limits, ...(queues ?? []).map((queue) => queue.limits)];
  return all.some((each) => Object.values(each ?? {}).some((limit) => limit !== null));
}

function queueOf(node: string): string {
  return placesOf([node])[0]?.queue ?? '';
}

function usageOf(books: LimitBooks, queue: string): Usage {
  let usage = books.queues.get(queue);
  if (usage === undefined) books.queues.set(queue, (usage = noUsage()));
  return usage;
}

function count(
  books: LimitBooks,
  queue: string,
  price: number,
  instances: number,
  isAsked: boolean,
): void {
  for (const usage of [books.cluster, usageOf(books, queue)]) {
    usage.instances += instances;
    usage.dollars += instances * price;
    if (isAsked) usage.asked += instances;
  }
}

function priceOfHeld(settings: Settings, pool: string): number {
  return priceOf(settings, typeOfPool(pool));
}

/** The dearest, where there is none. */
function priceOf({ prices }: Settings, type: string): number {
  return prices[type] ?? Math.max(0, ...Object.values(prices));
}

/** What a gang wants on a rung: instances, place by place. */
type Wanted = Iterable<readonly [Place, number]>;

/**
 * Why a gang may not have what it wants on the rung; null: it may. `firm`: all of it, else at least one. One that exceeds a
 * limit by itself is told so: no wait helps it.
 */
export function overLimit(
  books: LimitBooks | null,
  rung: Rung,
  wanted: Wanted,
  firm: boolean,
): Why | null {
  if (books === null) return null;
  const all = [...wanted];
  if (firm) return refusedBy(books, rung, all);
  const ones = all.map((each) => refusedBy(books, rung, [[each[0], 1]]));
  return ones.includes(null) ? null : (ones[0] ?? null);
}

/** Of the nodes of a soft gang those that fit on the rung, in order, which are in the books then, and why the others do not. */
export function takeWhatFits(
  books: LimitBooks | null,
  rung: Rung,
  places: ReadonlyMap<string, Place>,
): { readonly fit: ReadonlyMap<string, Place>; readonly over: Why | null } {
  if (books === null) return { fit: places, over: null };
  const fit = new Map<string, Place>();
  let over: Why | null = null;
  for (const [node, place] of places) {
    const why = refusedBy(books, rung, [[place, 1]]);
    if (why === null) {
      fit.set(node, place);
      take(books, rung, [[place, 1]]);
    } else over ??= why;
  }
  return { fit, over };
}

/** A gang starts: who comes after it in the turn finds it in the books. */
export function take(books: LimitBooks | null, rung: Rung, wanted: Wanted): void {
  if (books === null) return;
  for (const [place, instances] of wanted)
    count(books, place.queue, priceOn(books, rung, place) ?? 0, instances, true);
}

function priceOn({ draft }: LimitBooks, rung: Rung, place: Place): number | null {
  const pool = rung.pools.get(place);
  const type = pool === undefined ? null : instanceTypeOf(place, pool);
  return draft.state.settings.prices[type ?? ''] ?? null;
}

function refusedBy(
  books: LimitBooks,
  rung: Rung,
  wanted: readonly (readonly [Place, number])[],
): Why | null {
  const { settings } = books.draft.state;
  const whole = ownOf(books, rung, wanted);
  const ofCluster = refusal(books, settings.limits, null, whole);
  if (ofCluster !== null) return ofCluster;
  for (const queue of new Set(wanted.map(([place]) => place.queue))) {
    const limits = settings.queues?.find(({ name }) => name === queue)?.limits;
    const own = ownOf(
      books,
      rung,
      wanted.filter(([place]) => place.queue === queue),
    );
    const ofQueue = limits === undefined ? null : refusal(books, limits, queue, own);
    if (ofQueue !== null) return ofQueue;
  }
  return null;
}

interface Own {
  readonly instances: number;
  readonly dollars: number;
  /** Types that nobody has given a price for. */
  readonly unpriced: readonly string[];
}

function ownOf(books: LimitBooks, rung: Rung, wanted: readonly (readonly [Place, number])[]): Own {
  let [instances, dollars] = [0, 0];
  const unpriced = new Set<string>();
  for (const [place, nodes] of wanted) {
    const price = priceOn(books, rung, place);
    const pool = rung.pools.get(place);
    const name = `${place.queue}/${place.computeResource}`;
    if (price === null) unpriced.add((pool && instanceTypeOf(place, pool)) ?? name);
    instances += nodes;
    dollars += nodes * (price ?? 0);
  }
  return { instances, dollars, unpriced: [...unpriced] };
}

function refusal(
  books: LimitBooks,
  limits: LaunchLimits,
  queue: string | null,
  own: Own,
): Why | null {
  const used = queue === null ? books.cluster : usageOf(books, queue);
  const whose = nameOf(queue);
  return (
    overInstances(limits, used, whose, own) ??
    overLaunches(books, limits, queue, used, own) ??
    overDollars(limits, used, whose, own)
  );
}

function nameOf(queue: string | null): string {
  return queue === null ? 'the cluster' : `queue ${queue}`;
}

function overInstances(
  { instances: limit }: LaunchLimits,
  used: Usage,
  whose: string,
  own: Own,
): Why | null {
  if (limit === null || used.instances + own.instances <= limit) return null;
  const so = `limits.instances of ${whose} is ${limit}`;
  if (own.instances > limit) return larger(`${so}, and it needs ${own.instances}`);
  const message = `${so}: ${used.instances} run or are being launched, and it needs ${own.instances}; it may fit when others have ended`;
  return { code: 'InstanceLimitReached', message };
}

function overLaunches(
  { draft: { state, at } }: LimitBooks,
  { launchesPerHour: limit }: LaunchLimits,
  queue: string | null,
  used: Usage,
  own: Own,
): Why | null {
  if (limit === null) return null;
  const ofQueues = queue === null ? [...state.launches.values()] : [state.launches.get(queue)];
  const launched = ofQueues.reduce((sum, book) => sum + launchedInHour(book, at), used.asked);
  if (launched + own.instances <= limit) return null;
  const whose = nameOf(queue);
  const so = `limits.launches_per_hour of ${whose} is ${limit}`;
  if (own.instances > limit) return larger(`${so}, and it needs ${own.instances}`);
  const retryAt = forgottenAt(ofQueues, launched + own.instances - limit, at);
  const when = retryAt === null ? 'within the hour' : `at ${new Date(retryAt).toISOString()}`;
  const message = `${so}: ${launched} were launched in the last hour, and it needs ${own.instances}; it may fit ${when}`;
  return { code: 'LaunchRateLimitReached', message, ...(retryAt !== null && { retryAt }) };
}

function overDollars(
  { dollarsPerHour: limit }: LaunchLimits,
  used: Usage,
  whose: string,
  own: Own,
): Why | null {
  if (limit === null) return null;
  const so = `limits.dollars_per_hour of ${whose} is ${limit}`;
  if (own.unpriced.length > 0) {
    const types = own.unpriced.join(', ');
    return larger(`${so}, and there is no price for ${types}: add it to prices in muster.yaml`);
  }
  if (used.dollars + own.dollars <= limit) return null;
  if (own.dollars > limit) return larger(`${so}, and it costs ${money(own.dollars)} by itself`);
  const message = `${so}: what runs or is being launched costs ${money(used.dollars)}, and it costs ${money(own.dollars)}; it may fit when others have ended`;
  return { code: 'CostLimitReached', message };
}

function larger(message: string): Why {
  return { code: 'LargerThanLimit', message };
}

function money(dollars: number): string {
  return dollars.toFixed(2);
}
