/** From a gang that waits for nobody to its calls: the rung it is launched on, reserved first or launched at once. */
import { knownRefusal } from './capacity-memory.ts';
import { launchBy, resumeTimeoutFor } from './deadlines.ts';
import { type PreparedLaunch, startLaunches } from './decide-calls.ts';
import { holderOf } from './decide-contention.ts';
import { concludeLaunch, failGang, giveBack } from './decide-gang.ts';
import { endLeases } from './decide-moves.ts';
import { whyProtected } from './decide-protection.ts';
import { isLookingUp } from './decide-lookups.ts';
import { isLettingGo, reserveFirst, whyNotReserve } from './decide-reserve.ts';
import { gangRungs, tooLate } from './decide-rungs.ts';
import { sparesOf } from './decide-spares.ts';
import type { BatchStarted } from './decisions.ts';
import { type Draft, leaseOf, openGang } from './draft.ts';
import type { RunInstances } from './effects.ts';
import { createLocator, type Place } from './fleet.ts';
import type { Gang, Lease, Refusal } from './gang.ts';
import { poolKey, type Rung, rungsOf, zoneOf } from './ladder.ts';
import { settingsFor } from './launch-policy.ts';
import { refillMs } from './launch-bucket.ts';
import { type LimitBooks, openLimitBooks, overLimit, take, takeWhatFits } from './launch-limits.ts';
import { instancesAhead, tokenWaitMs } from './launch-schedule.ts';
import { cutBatches, type PlannedBatch } from './plan.ts';
import { aheadOf, behind, type Waiting, waitingJobs } from './queue-order.ts';
import type { Pool, Settings } from './settings.ts';
import type { DurationMs } from './units.ts';

type Why = Pick<Refusal, 'code' | 'message' | 'retryAt'>;

/** Starts every gang that waits for no open gang any more. */
export function startGangs(draft: Draft): void {
  if (isLookingUp(draft.state)) return;
  const ready = [...draft.state.gangs.values()].filter(
    (gang) => gang.phase === 'waiting' && !draft.closed.has(gang.id),
  );
  if (ready.length === 0) return;
  const line: Line = {
    locate: createLocator(draft.state.settings),
    ahead: instancesAhead(draft.state),
    turns: [],
    waiting: waitingJobs(draft),
    limits: openLimitBooks(draft),
  };
  for (const gang of ready) {
    if (draft.closed.has(gang.id)) continue;
    if (gang.waitsFor.some((id) => openGang(draft, id) !== null)) continue;
    if (isLettingGo(draft.state, gang) && tooLate(draft, gang) === null) continue;
    startGang(draft, gang, line);
  }
}

/** The gangs that start in one turn, one behind the other. */
interface Line {
  readonly locate: ReturnType<typeof createLocator>;
  /** Instances whose tokens are spoken for. */
  ahead: number;
  /** Gangs of several calls that have their turn. */
  readonly turns: { readonly gangId: string; readonly pools: readonly string[] }[];
  /** Jobs that wait for their next try. */
  readonly waiting: readonly Waiting[];
  readonly limits: LimitBooks | null;
}

function startGang(draft: Draft, gang: Gang, line: Line): void {
  const places = new Map<string, Place>();
  for (const node of gang.nodes) {
    if (leaseOf(draft, node) !== null) continue;
    const located = line.locate(node);
    // Only a configuration loaded since the request can take a node's place away.
    if (located.kind === 'nowhere') {
      const { code, message } = located;
      return failGang(draft, gang, { code, message, nodes: gang.nodes });
    }
    places.set(node, located.place);
  }
  if (places.size === 0) {
    draft.decisions.push({ kind: 'GangStarted', gangId: gang.id, rung: '', batches: [] });
    return concludeLaunch(draft, gang, []);
  }
  const guarded = whyProtected(draft, places.values());
  if (guarded !== null) return failGang(draft, gang, { ...guarded, nodes: gang.nodes });
  const late = tooLate(draft, gang) ?? waitTooLong(draft, gang, line.ahead, places.size);
  if (late !== null) return failGang(draft, gang, { ...late, nodes: gang.nodes });
  const rung = chooseRung(draft, gang, [...places.values()], line);
  if ('code' in rung) return failGang(draft, gang, { ...rung, nodes: gang.nodes });
  if (endElsewhere(draft, gang, rung)) return startGang(draft, gang, line);
  const wanted = gang.firm ? places : dropOverLimit(draft, gang, places, rung, line);
  const launches = prepareLaunches(draft, gang, wanted, rung, line);
  if (gang.firm && launches.length > 1) {
    const pools = launches.map(({ batch }) => batch.pool);
    const turnAfter =
      line.turns.find((turn) => turn.pools.some((pool) => pools.includes(pool)))?.gangId ??
      holderOf(draft, gang, pools)?.id;
    if (turnAfter !== undefined) {
      draft.decisions.push({ kind: 'GangWaits', gangId: gang.id, turnAfter });
      return;
    }
    line.turns.push({ gangId: gang.id, pools });
  }
  for (const { effect } of launches) line.ahead += effect.order.maxCount;
  if (gang.firm) take(line.limits, rung, countsOf(launches));
  if (gang.firm && launches.length > 1) {
    const why = whyNotReserve(draft, launches, gang.wish.strategy);
    if (why === null) return reserveFirst(draft, gang, rung, launches);
    if (why !== '') draft.decisions.push({ kind: 'ReserveForgone', gangId: gang.id, why });
  }
  startLaunches(draft, gang, rung.key, launches);
}

/**
 * The first rung that was not tried yet, which the limits allow, which no job before it waits for, and on which EC2 is not
 * known to be short; else why there is none.
 */
function chooseRung(
  draft: Draft,
  gang: Gang,
  ofNodes: readonly Place[],
  { waiting, limits }: Line,
): Rung | Why {
  const { memory, zones, settings } = draft.state;
  const ages = settingsFor(settings, gang).capacityMemory;
  const counts = new Map<Place, number>();
  for (const place of ofNodes) counts.set(place, (counts.get(place) ?? 0) + 1);
  const places = [...counts.keys()];
  const rungs = gangRungs(draft, gang, places);
  if (rungs.length === 0 && gang.onlyRung === null && rungsOf(places, zones).length > 0)
    return nothingWished(gang);
  let known: Why | null = gang.lastRefusal;
  for (const rung of rungs) {
    if (gang.tried.includes(rung.key)) continue;
    const over = overLimit(limits, rung, counts, gang.firm);
    if (over !== null) {
      known = orElse(known, over);
      continue;
    }
    const first = aheadOf(draft, gang, rung, waiting);
    if (first !== null) {
      known = orElse(known, behind(draft, first));
      continue;
    }
    const wanted = new Map<string, number>();
    for (const [place, pool] of rung.pools) {
      const key = poolKey(place, pool, zones);
      wanted.set(key, (wanted.get(key) ?? 0) + (counts.get(place) ?? 0));
    }
    // What every node stands for itself may get a part of it: how much there is, only EC2 knows.
    const refusals = [...wanted].flatMap(([key, count]) => {
      const asked = gang.firm ? count : 1;
      return knownRefusal(memory.get(key), asked, draft.at, ages) ?? [];
    });
    const [refusal] = refusals;
    if (refusal === undefined) return rung;
    known = orElse(known, {
      code: refusal.code,
      message: `EC2 refused ${refusal.count} ${Math.max(1, seconds(draft.at - refusal.at))} s ago and was not asked again: ${refusal.message}`,
    });
  }
  return known ?? noRung(gang, rungs.length);
}

/**
 * Instances that another gang handed over, and that are not of this rung: the gang would be in two zones. They end, and it is
 * chosen anew for all of its nodes. Returns whether there were any.
 */
function endElsewhere(draft: Draft, gang: Gang, rung: Rung): boolean {
  if (!gang.firm || settingsFor(draft.state.settings, gang).spread) return false;
  const { zones } = draft.state;
  const pools = new Set([...rung.pools].map(([place, pool]) => poolKey(place, pool, zones)));
  const elsewhere = gang.nodes.filter((node) => {
    const lease = draft.state.leases.get(node);
    const isOwn = leaseOf(draft, node)?.gangId === gang.id && lease?.given === false;
    return isOwn && !isOfRung(lease, rung, pools);
  });
  endLeases(draft, elsewhere, 'OnAnotherRung', gang.id);
  return elsewhere.length > 0;
}

function isOfRung({ pool, zone }: Lease, rung: Rung, pools: ReadonlySet<string>): boolean {
  return pools.has(pool) || (zone !== null && rung.zones.length === 1 && rung.zones[0] === zone);
}

/** The first is told, unless it is that no wait helps: on another rung one does. */
function orElse(known: Why | null, why: Why): Why {
  return known === null || known.code === 'LargerThanLimit' ? why : known;
}

/** What is not launched for want of a limit's room goes back; the gang goes on with the others. */
function dropOverLimit(
  draft: Draft,
  gang: Gang,
  places: ReadonlyMap<string, Place>,
  rung: Rung,
  { limits }: Line,
): ReadonlyMap<string, Place> {
  const { fit, over } = takeWhatFits(limits, rung, places);
  if (over === null) return fit;
  const nodes = [...places.keys()].filter((node) => !fit.has(node));
  const refusal = { ...over, nodes };
  giveBack(draft, gang, nodes, refusal, `${gang.id}/over-limit`);
  draft.decisions.push({ kind: 'NodesDropped', gangId: gang.id, nodes, refusal });
  return fit;
}

function nothingWished({ wish }: Gang): Why {
  const { markets = [], instanceTypes = [], zones = [] } = wish;
  const words = [...markets, ...instanceTypes, ...zones].join(', ');
  const message = `the job asks for ${words} in its comment, and its queue has no such rung`;
  return { code: 'NothingWished', message };
}

function noRung({ onlyRung }: Gang, count: number): Why {
  if (onlyRung !== null && count === 0) {
    const message = `the ladder has been changed since its gang was launched on ${onlyRung}`;
    return { code: 'LadderChanged', message };
  }
  const message =
    count === 0
      ? 'the compute resources of the job have no zone in common; let the queue be spread, or add subnets'
      : 'every rung of the ladder was tried';
  return { code: 'NoCommonZone', message };
}

/**
 * Whether the last of a firm gang's instances would have its token too late to boot in time. Where so many would even if
 * nobody were before them, no other try helps: the ResumeTimeout that would is told. What is soft gets what comes in time.
 */
function waitTooLong(draft: Draft, gang: Gang, ahead: number, count: number): Why | null {
  const settings = settingsFor(draft.state.settings, gang);
  const waitMs = tokenWaitMs(draft.state, draft.at, ahead + count);
  if (!gang.firm || waitMs === 0) return null;
  const { burst, perSecond } = settings.launchInstances;
  const aloneMs = refillMs(settings.launchInstances, count - burst) + stepsMs;
  const limits = `EC2 launches ${burst} instances at once and ${perSecond} a second then`;
  if (gang.requestedAt + aloneMs > launchBy(settings, gang)) {
    const needs = `${limits}, so ${count} take ${seconds(aloneMs)} s`;
    return {
      // Slurm may tell a longer one in a moment: then another try helps.
      code: settings.resumeTimeoutMs === null ? 'LaunchTooLate' : 'ResumeTimeoutTooShort',
      message: `${needs}: ${longerTimeout(settings, aloneMs)}`,
    };
  }
  if (draft.at + waitMs + spareMs <= launchBy(settings, gang)) return null;
  return tokensTooLate(draft, gang, count);
}

/** A moment counted in tokens may be off by a rounding. */
const spareMs = 1_000;

/** What comes before a launch takes time too: asking Slurm about the job, reserving, a try that is throttled. */
const stepsMs: DurationMs = 30_000;

function longerTimeout(settings: Settings, launchMs: DurationMs): string {
  const { resumeTimeoutMs, launchPatienceMs } = settings;
  return resumeTimeoutMs === null
    ? `ResumeTimeout is not known, so launch_patience counts: set it to ${seconds(launchMs)} at least (it is ${seconds(launchPatienceMs)})`
    : `set ResumeTimeout to ${seconds(resumeTimeoutFor(settings, launchMs))} at least (it is ${seconds(resumeTimeoutMs)})`;
}

function seconds(ms: DurationMs): number {
  return Math.ceil(ms / 1000);
}

/** Others are before it: later there will be tokens. */
export function tokensTooLate(draft: Draft, gang: Gang, count: number): Why {
  const leftMs = launchBy(draft.state.settings, gang) - draft.at;
  const message =
    `EC2 launches ${draft.state.settings.launchInstances.perSecond} instances a second, and others are before these ${count}: ` +
    `their turn does not come within the ${seconds(leftMs)} s that are left`;
  return { code: 'LaunchTooLate', message };
}

function prepareLaunches(
  draft: Draft,
  gang: Gang,
  places: ReadonlyMap<string, Place>,
  rung: Rung,
  { ahead, limits }: Line,
): PreparedLaunch[] {
  const placeOf = (node: string): Place => {
    const place = places.get(node);
    if (place === undefined) throw new Error(`node ${node} was located and lost`);
    return place;
  };
  const batches = cutBatches([...places.keys()], placeOf, () => gang.firm);
  const calls = batches.map((planned) => {
    const pool = rung.pools.get(planned.place);
    if (pool === undefined) throw new Error(`rung ${rung.key} has no pool for a place`);
    return { planned, pool };
  });
  const wished = sparesOf(draft, gang, calls, ahead);
  const withSpares = calls.map(
    ({ planned }, index) => [planned.place, planned.nodes.length + (wished[index] ?? 0)] as const,
  );
  // They are worth less than the room that a limit has left for others.
  const hasRoom = !gang.firm || overLimit(limits, rung, withSpares, true) === null;
  const spareCounts = hasRoom ? wished : [];
  const launches = calls.map(({ planned, pool }, index) => {
    const spares = spareCounts[index] ?? 0;
    const call = { ...planned, maxCount: planned.maxCount + spares };
    const effect = launchEffect(draft, gang, call, pool, gang.launches + index);
    const batch: BatchStarted = {
      effectId: effect.id,
      queue: planned.place.queue,
      computeResource: planned.place.computeResource,
      nodes: planned.nodes,
      clientToken: effect.order.clientToken,
      pool: poolKey(planned.place, pool, draft.state.zones),
      zone: zoneOf(planned.place, pool, draft.state.zones),
      ...(spares > 0 && { spares }),
    };
    return { effect, batch, place: planned.place, pool };
  });
  return gang.firm ? launches.sort(byScarcity(draft)) : launches;
}

/** The part of which EC2 has given the least lately goes first: its refusal costs the least. */
function byScarcity(draft: Draft) {
  const room = ({ batch }: PreparedLaunch): number =>
    draft.state.memory.get(batch.pool)?.refusal?.count ?? Infinity;
  return (a: PreparedLaunch, b: PreparedLaunch): number => {
    const [left, right] = [room(a), room(b)];
    return left === right ? 0 : left - right;
  };
}

/** Instances by place, the spares too. */
function countsOf(launches: readonly PreparedLaunch[]): [Place, number][] {
  return launches.map(({ place, effect }) => [place, effect.order.maxCount]);
}

function launchEffect(
  draft: Draft,
  gang: Gang,
  batch: PlannedBatch,
  pool: Pool,
  index: number,
): RunInstances {
  const { queue, computeResource, launch } = batch.place;
  const [requestId, gangIndex] = gang.id.split('/');
  return {
    kind: 'RunInstances',
    id: `${gang.id}/launch${index}`,
    batchId: `${gang.id}/launch${index}`,
    order: {
      // At most 64 characters, and never the same for another batch: EC2 takes a repetition for the same launch.
      clientToken: `${requestId}-${gangIndex}-${index}`,
      minCount: batch.minCount,
      maxCount: batch.maxCount,
      launch,
      market: pool.market,
      ...(pool.instanceType !== null && { instanceType: pool.instanceType }),
      ...(pool.subnetId !== null && { subnetId: pool.subnetId }),
      ...(pool.reservationId !== null && { reservationId: pool.reservationId }),
      tags: {
        'muster:cluster': draft.state.settings.clusterName,
        'muster:queue': queue,
        'muster:compute-resource': computeResource,
        'muster:gang': gang.id,
        ...(gang.jobIds.length > 0 ? { 'muster:job': jobTag(gang.jobIds) } : {}),
      },
    },
  };
}

/** Job ids in one tag value, which EC2 limits to 256 characters. */
function jobTag(jobIds: readonly number[]): string {
  const all = jobIds.join(' ');
  return all.length <= 256 ? all : `${all.slice(0, all.lastIndexOf(' ', 252))} ...`;
}
