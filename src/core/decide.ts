/**
 * The whole of muster's judgement: a pure function from what is known and what happened to what is decided and what is
 * asked of the world. It reads the state and never changes it; `apply` does, from the turn alone.
 */
import { createDraft, type Draft } from './draft.ts';
import {
  decideEffectFailed,
  decideGivenBack,
  decideStarted,
  decideSwept,
  repeatDueEffects,
} from './decide-effects.ts';
import { assembledBy, decideJobsTold, endAssemblies } from './decide-jobs.ts';
import { decideLaunchAnswered, decideLaunchFailed, decideNodesAssigned } from './decide-launch.ts';
import { decideConsoleFetched, decideQueueStart, protectQueues } from './decide-protection.ts';
import { releaseLaunches } from './decide-queue.ts';
import {
  decideReservationEnded,
  decideReservationFailed,
  decideReservationMade,
  endIdleReservations,
  idleReservations,
  isLettingGo,
} from './decide-reserve.ts';
import { launchBy } from './deadlines.ts';
import { isLookingUp, lookUp } from './decide-lookups.ts';
import { startGangs } from './decide-start.ts';
import {
  decideFleetStart,
  decideFleetStop,
  decidePartitionsSet,
  decidePartitionsTold,
} from './decide-fleet-status.ts';
import { decideReleaseNode, decideReplaceNode } from './decide-hand.ts';
import { decideForget, decideResume, decideSuspend } from './decide-request.ts';
import { decideSetsSeen } from './decide-sets.ts';
import { decideFleetSeen } from './decide-fleet.ts';
import { decideEc2Seen, decideReleased, decideSlurmSeen } from './decide-seen.ts';
import { endIdleSpares } from './decide-spares.ts';
import type { Event } from './events.ts';
import { nextLaunchAt } from './launch-schedule.ts';
import type { HookRequest } from './requests.ts';
import { idleSpares } from './spares.ts';
import type { State } from './state.ts';
import type { Turn } from './turn.ts';
import type { Instant } from './units.ts';

export function decide(state: State, event: Event): Turn {
  const draft = createDraft(state, event.at);
  decideInto(draft, event);
  protectQueues(draft);
  return { event, decisions: draft.decisions, effects: draft.effects };
}

/** When the state wants to be looked at again: now or earlier means at once; null: only an event can move it. */
export function nextWake(state: State): Instant | null {
  if (idleReservations(state).length > 0 || idleSpares(state).length > 0) return state.now;
  let mayStart = false;
  let next: Instant | null = null;
  for (const gang of state.gangs.values()) {
    if (gang.phase === 'assembling') next = earlier(next, assembledBy(state, gang));
    else if (gang.phase !== 'waiting' || gang.waitsFor.some((id) => state.gangs.has(id))) continue;
    else if (isLettingGo(state, gang)) next = earlier(next, launchBy(state.settings, gang) + 1);
    else mayStart = true;
  }
  if (mayStart && !isLookingUp(state)) return state.now;
  let hasLaunches = false;
  for (const { effect, deferredUntil } of state.outstanding.values()) {
    if (deferredUntil === null) continue;
    if (effect.kind === 'RunInstances') hasLaunches = true;
    else next = earlier(next, deferredUntil);
  }
  const launchAt = hasLaunches ? nextLaunchAt(state) : null;
  return launchAt === null ? next : earlier(next, launchAt);
}

function earlier(one: Instant | null, other: Instant): Instant {
  return one === null ? other : Math.min(one, other);
}

function decideRequest(draft: Draft, request: HookRequest): void {
  switch (request.verb) {
    case 'resume':
      lookUp(draft);
      return decideResume(draft, request);
    case 'suspend':
    case 'resume-fail':
      return decideSuspend(draft, request);
    case 'forget-capacity':
      return decideForget(draft, request);
    case 'fleet-stop':
      return decideFleetStop(draft, request);
    case 'fleet-start':
      return decideFleetStart(draft, request);
    case 'release-node':
      return decideReleaseNode(draft, request);
    case 'replace-node':
      return decideReplaceNode(draft, request);
    case 'queue-start':
      return decideQueueStart(draft, request);
  }
}

function decideInto(draft: Draft, event: Event): void {
  switch (event.kind) {
    case 'LedgerBegun':
    case 'ConfigLoaded':
    case 'InstancesTerminated':
    case 'JobsInformed':
    case 'NodesRefreshed':
    case 'NodesPoweredUp':
    case 'NodesDrained':
    case 'SubnetsTold':
    case 'PlacementGroupsTold':
      return;
    case 'ConsoleFetched':
      return decideConsoleFetched(draft, event.effectId, event.tail);
    case 'ReservationMade':
      return decideReservationMade(draft, event.effectId, event.reservationId);
    case 'ReservationFailed':
      return decideReservationFailed(draft, event.effectId, event.failure);
    case 'ReservationEnded':
      return decideReservationEnded(draft, event.effectId, event.found);
    case 'NodesGivenBack':
      return decideGivenBack(draft, event.effectId);
    case 'Started':
      decideStarted(draft);
      return lookUp(draft);
    case 'HookCalled':
      if (draft.state.taken.has(event.request.id)) return;
      draft.decisions.push({
        kind: 'RequestTaken',
        requestId: event.request.id,
        verb: event.request.verb,
      });
      return decideRequest(draft, event.request);
    case 'LaunchAnswered':
      return decideLaunchAnswered(draft, event.effectId, event.instances);
    case 'LaunchFailed':
      return decideLaunchFailed(draft, event.effectId, event.failure);
    case 'NodesAssigned':
      return decideNodesAssigned(draft, event.effectId);
    case 'EffectFailed':
      return decideEffectFailed(draft, event.effectId, event.message, event.transient);
    case 'LaunchSwept':
      return decideSwept(draft, event.effectId);
    case 'JobsTold':
      return decideJobsTold(draft, event.effectId, event.told);
    case 'NodesReleased':
      return decideReleased(draft, event.effectId, event.freed, event.kept);
    case 'SlurmSeen':
      return decideSlurmSeen(draft, event);
    case 'PartitionsTold':
      return decidePartitionsTold(draft, event.effectId, event.up);
    case 'PartitionsSet':
      return decidePartitionsSet(draft, event.effectId);
    case 'Ec2Seen':
      return decideEc2Seen(draft, event);
    case 'FleetSeen':
      decideFleetSeen(draft, event);
      return decideSetsSeen(draft, event.needs);
    case 'Woke':
      repeatDueEffects(draft);
      endAssemblies(draft);
      endIdleReservations(draft);
      endIdleSpares(draft);
      startGangs(draft);
      return releaseLaunches(draft);
  }
}
