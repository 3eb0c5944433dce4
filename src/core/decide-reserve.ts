/**
 * Prepare, then commit: a gang that one call cannot hold reserves the capacity of all its calls first. When one
 * reservation is refused the others are cancelled, and no machine was ever booted; when all are held the launches go into
 * them, and the reservations are let go when every launch has been answered: the instances have taken over then.
 */
import { backoffMs } from './backoff.ts';
import { launchBy } from './deadlines.ts';
import { type PreparedLaunch, reservable, startLaunches } from './decide-calls.ts';
import { leaveRung } from './decide-gang.ts';
import { abandon, lookAgain, sweepReservation } from './decide-moves.ts';
import { hasRungLeft } from './decide-rungs.ts';
import { type Draft, heldIn, openGang } from './draft.ts';
import type { CreateReservation } from './effects.ts';
import type { Failure } from './events.ts';
import type { Place } from './fleet.ts';
import type { Gang, Reserving } from './gang.ts';
import type { Rung } from './ladder.ts';
import { settingsFor } from './launch-policy.ts';
import type { GangStrategy } from './settings.ts';
import type { OpenReservation, State } from './state.ts';
import type { DurationMs, Instant } from './units.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** A last resort, should nobody be left to cancel it: so long after the last launch that may use it. */
const outlivesMs: DurationMs = 10 * 60_000;

/** EC2's limit for one reservation. */
const reservationMax = 1000;

type ReadyLaunch = Pick<PreparedLaunch, 'effect' | 'batch'>;

const retry = { baseMs: 1_000, maxMs: 20_000 };

/** Null: it can be reserved. Empty: nobody wants it reserved. Else why AWS would not, or why it is not known how. */
export function whyNotReserve(
  draft: Draft,
  launches: readonly PreparedLaunch[],
  wished?: GangStrategy,
): string | null {
  for (const { place, pool, effect } of launches) {
    if ((wished ?? place.policy.strategy) === 'launch') return '';
    const name = `${place.queue}/${place.computeResource}`;
    if (pool.market !== 'on-demand') return `${name} is ${pool.market}: only on-demand is reserved`;
    if (pool.reservationId !== null) return '';
    const group = groupFor(draft, place);
    if (group === undefined) return whyNoGroup(draft, place, name);
    if (isUnfit(draft, name))
      return `EC2 launched nothing into the last reservation for ${name}: its image may not be of the platform ${place.policy.platform}, or its launch template names a tenancy or a placement group`;
    if (reservable(draft, place, pool) === null)
      return `the instance type or the zone of ${name} is not known`;
    if (effect.order.minCount > reservationMax)
      return `a batch of ${name} has more than ${reservationMax} instances`;
  }
  return null;
}

/** The name of the group that the place launches into; null: none; undefined: its launch template alone knows. */
function groupName({ state }: Draft, { placementGroup, launch }: Place): string | null | undefined {
  if (placementGroup === null || placementGroup.name !== null) return placementGroup?.name ?? null;
  return launch.kind === 'launch-template' ? state.templateGroups.get(launch.name) : undefined;
}

/** The ARN of the group that the place launches into, null without one; undefined where nothing can be reserved in it. */
function groupFor(draft: Draft, place: Place): string | null | undefined {
  const name = groupName(draft, place);
  return typeof name === 'string' ? (draft.state.groupArns.get(name) ?? undefined) : name;
}

function whyNoGroup(draft: Draft, place: Place, name: string): string {
  const { state } = draft;
  const group = groupName(draft, place) ?? null;
  if (group === null) return `EC2 did not tell into which placement group ${name} launches`;
  return state.groupArns.has(group)
    ? `the placement group ${group} of ${name} is no cluster group: nothing is reserved in it`
    : `EC2 did not tell of the placement group ${group} of ${name}`;
}

/** How long launches into reservations are not tried again where one did not fit. */
const unfitForMs: DurationMs = 24 * 3_600_000;

function isUnfit({ state, at }: Draft, name: string): boolean {
  const since = state.unfit.get(name);
  return since !== undefined && at - since < unfitForMs;
}

export function reserveFirst(
  draft: Draft,
  gang: Gang,
  rung: Rung,
  launches: readonly PreparedLaunch[],
): void {
  const { settings } = draft.state;
  const parts = launches.map(({ effect: launch, batch, place, pool }) => {
    const where = reservable(draft, place, pool);
    if (where === null) throw new Error(`${batch.pool} cannot be reserved`);
    const id = launch.id.replace('/launch', '/reserve');
    const effect: CreateReservation = {
      kind: 'CreateReservation',
      id,
      gangId: gang.id,
      order: {
        clientToken: `${launch.order.clientToken}-r`,
        instanceType: where.instanceType,
        platform: place.policy.platform,
        availabilityZone: where.zone,
        count: launch.order.minCount,
        placementGroupArn: groupFor(draft, place) ?? null,
        endsAt: Math.max(draft.at, launchBy(settings, gang)) + outlivesMs,
        tags: {
          'muster:cluster': settings.clusterName,
          'muster:gang': gang.id,
          'muster:reservation': id,
        },
      },
    };
    return { effect, launch, batch };
  });
  draft.decisions.push({
    kind: 'GangReserving',
    gangId: gang.id,
    rung: rung.key,
    parts: parts.map(({ effect, launch, batch }) => ({ effectId: effect.id, launch, batch })),
  });
  draft.effects.push(...parts.map(({ effect }) => effect));
}

export function decideReservationMade(draft: Draft, effectId: string, reservationId: string): void {
  const effect = draft.state.outstanding.get(effectId)?.effect;
  if (effect?.kind !== 'CreateReservation') return;
  const { gangId, order } = effect;
  draft.decisions.push({
    kind: 'ReservationHeld',
    gangId,
    effectId,
    reservationId,
    instanceType: order.instanceType,
    zone: order.availabilityZone,
    count: order.count,
  });
  const gang = openGang(draft, gangId);
  const part = gang?.reserving.get(effectId);
  // Nobody waits for it any more: the next wake lets it go.
  if (gang === null || part === undefined) return;
  const { pool } = part.batch;
  const count = heldIn(draft, gang, pool) + order.count;
  draft.decisions.push({ kind: 'CapacitySeen', pool, count, refusal: null });
  launchWhenReserved(draft, gang, effectId, reservationId);
}

/** The last answer has come: the launches go, into what is held, first those that have nothing to go into. */
function launchWhenReserved(
  draft: Draft,
  gang: Gang,
  effectId: string,
  answer: string | null,
): void {
  const bare: ReadyLaunch[] = [];
  const reserved: ReadyLaunch[] = [];
  for (const [id, part] of gang.reserving) {
    const { launch, batch, isForgone } = part;
    const reservationId = id === effectId ? answer : part.reservationId;
    const isAnswered = id === effectId || isForgone || reservationId !== null;
    if (!isAnswered) return;
    if (reservationId === null) bare.push({ effect: launch, batch });
    else {
      // There is room in it for the nodes, and for no spare.
      const { spares: _spares, ...exact } = batch;
      const maxCount = launch.order.minCount;
      const effect = { ...launch, order: { ...launch.order, maxCount, reservationId } };
      reserved.push({ effect, batch: exact });
    }
  }
  startLaunches(draft, gang, gang.rung ?? '', [...bare, ...reserved]);
}

export function decideReservationFailed(draft: Draft, effectId: string, failure: Failure): void {
  const out = draft.state.outstanding.get(effectId);
  if (out?.effect.kind !== 'CreateReservation') return;
  const { effect } = out;
  const verdict = verdictOf(failure.code);
  const gang = openGang(draft, effect.gangId);
  const part = gang?.reserving.get(effectId);
  const unknownOutcome = verdict === 'transient' || out.unknownOutcome;
  if (gang === null || part === undefined) {
    abandon(draft, effect, failure.code);
    if (unknownOutcome) sweepReservation(draft, effectId);
    return;
  }
  if (verdict === 'throttle' || verdict === 'transient') {
    const until = draft.at + backoffMs(effectId, out.tries, retry.baseMs, retry.maxMs);
    if (until <= retryBy(draft, gang, part, verdict)) {
      draft.decisions.push({
        kind: 'EffectDeferred',
        effectId,
        until,
        why: failure.code,
        unknownOutcome: verdict === 'transient',
      });
      return;
    }
  }
  if (unknownOutcome) sweepReservation(draft, effectId);
  if (!mayDoWithout(failure.code)) return leaveRung(draft, gang, part.batch, failure);
  const why = `(Code:${failure.code}) ${failure.message}`;
  draft.decisions.push({ kind: 'ReserveForgone', gangId: gang.id, why, effectId });
  launchWhenReserved(draft, gang, effectId, null);
}

/** A lost answer is not waited for so long where there is another rung. */
function retryBy(draft: Draft, gang: Gang, { askedAt }: Reserving, verdict: Verdict): Instant {
  const { settings } = draft.state;
  const by = launchBy(settings, gang);
  const mayLeave = verdict === 'transient' && hasRungLeft(draft, gang);
  const { rungPatienceMs } = settingsFor(settings, gang);
  return mayLeave ? Math.min(by, askedAt + rungPatienceMs) : by;
}

/**
 * Whether the launch may be had where the reservation is not: AWS does not let this account reserve, does not reserve the
 * type, or has reached a limit of reservations. The limits of instances count reservations too: a launch would meet them.
 */
function mayDoWithout(code: string): boolean {
  const verdict = verdictOf(code);
  if (verdict === 'quota') return code !== 'VcpuLimitExceeded' && code !== 'InstanceLimitExceeded';
  return verdict === 'configuration' || verdict === 'never-here';
}

/** Whether a gang waits to be launched on its rung again and its reservations are not over yet: they hold the room for it. */
export function isLettingGo({ reservations }: State, { id, rung, tried }: Gang): boolean {
  if (rung === null || tried.includes(rung)) return false;
  for (const { gangId } of reservations.values()) if (gangId === id) return true;
  return false;
}

/** Reservations that no gang and no launch uses any more. */
export function idleReservations(state: State): OpenReservation[] {
  if (state.reservations.size === 0) return [];
  const used = new Set<string>();
  for (const gang of state.gangs.values()) {
    for (const { reservationId } of gang.reserving.values())
      if (reservationId !== null && gang.phase !== 'assigning') used.add(reservationId);
  }
  for (const { effect } of state.outstanding.values()) {
    if (effect.kind === 'RunInstances' && effect.order.reservationId !== undefined)
      used.add(effect.order.reservationId);
    if (effect.kind === 'EndReservation' && effect.reservationId !== null)
      used.add(effect.reservationId);
  }
  return [...state.reservations.values()].filter(({ reservationId }) => !used.has(reservationId));
}

export function endIdleReservations(draft: Draft): void {
  for (const { reservationId, effectId } of idleReservations(draft.state)) {
    draft.effects.push({
      kind: 'EndReservation',
      id: `${effectId}/end-${reservationId}`,
      tag: effectId,
      reservationId,
    });
  }
}

/** EC2 has let go of it: what it has cost is told, and stands in the ledger. `found`: how many there were. */
export function decideReservationEnded(draft: Draft, effectId: string, found: number): void {
  const out = draft.state.outstanding.get(effectId);
  if (out?.effect.kind !== 'EndReservation') return;
  const { effect } = out;
  // One whose answer was lost may have been made, and not be shown yet.
  if (effect.reservationId === null && found === 0)
    return lookAgain(draft, out, 'EC2 may not show the reservation yet');
  const held = draft.state.reservations.get(effect.reservationId ?? '');
  if (held === undefined) return;
  draft.decisions.push({
    kind: 'ReservationOver',
    reservationId: held.reservationId,
    instanceType: held.instanceType,
    zone: held.zone,
    count: held.count,
    heldMs: draft.at - held.since,
  });
}
