/**
 * What must hold after every turn, whatever EC2, Slurm and time did before it, and what must hold at rest. The checks
 * throw with a sentence; they look at the state, the turn and the world's own books, never at how `decide` works.
 */
import type { Effect, RunInstances } from '../effects.ts';
import { idleSpares } from '../spares.ts';
import type { State } from '../state.ts';
import type { Turn } from '../turn.ts';
import type { TestWorld } from './world.ts';
import { replay } from './world.ts';
import { checkGuards } from './guard-invariants.ts';
import { plainState } from './plain.ts';

/** A check that sees every turn of one world. */
export function createInvariants(): (world: TestWorld, turn: Turn) => void {
  const seen = new Set<string>();
  const tokens = new Map<string, string>();
  return (world, turn) => {
    checkIds(turn, seen);
    checkTokens(turn, tokens);
    checkLeases(world.state);
    checkSpares(world.state);
    checkBatches(world.state);
    checkMoney(world);
    checkSizes(world);
    checkReservations(world);
    checkGuards(world.state, turn);
    for (const effect of turn.effects) {
      if (effect.kind === 'RunInstances') checkLaunched(world.state, effect);
      if (effect.kind === 'AssignNodes') checkAssigned(world.state, effect);
      if (effect.kind === 'GiveBackNodes') checkGivenBack(world.state, effect);
    }
  };
}

function must(holds: boolean, sentence: () => string): void {
  if (!holds) throw new Error(sentence());
}

/** An effect's id is its own for ever; only what was queued or ran before, and is decided to run again, may carry it. */
function checkIds(turn: Turn, seen: Set<string>): void {
  for (const decision of turn.decisions) {
    if (decision.kind !== 'LaunchQueued' && decision.kind !== 'EffectPutOff') continue;
    const { id } = decision.effect;
    must(!seen.has(id), () => `launch ${id} is queued twice`);
    seen.add(id);
  }
  const repeated = new Set(
    turn.decisions.flatMap((decision) =>
      decision.kind === 'EffectRepeated' ? [decision.effectId] : [],
    ),
  );
  for (const { id } of turn.effects) {
    must(
      repeated.has(id) === seen.has(id),
      () => `effect id ${id} is used twice, or repeated unseen`,
    );
    seen.add(id);
  }
}

/** A token is one effect's: EC2 takes another one with it for the same. */
function checkTokens({ effects }: Turn, tokens: Map<string, string>): void {
  for (const effect of effects) {
    if (effect.kind !== 'RunInstances' && effect.kind !== 'CreateReservation') continue;
    const { clientToken } = effect.order;
    const owner = tokens.get(clientToken) ?? effect.id;
    must(owner === effect.id, () => `${effect.id} has the token of ${owner}`);
    tokens.set(clientToken, owner);
  }
}

function checkLeases({ leases, gangs }: State): void {
  const nodeOf = new Map<string, string>();
  for (const [node, lease] of leases) {
    const { instanceId } = lease.instance;
    must(lease.node === node, () => `the lease of ${node} says ${lease.node}`);
    must(
      lease.given || gangs.has(lease.gangId),
      () => `${node} was not given, and no gang cares for its ${instanceId}`,
    );
    must(
      !nodeOf.has(instanceId),
      () => `${instanceId} serves ${nodeOf.get(instanceId)} and ${node}`,
    );
    nodeOf.set(instanceId, node);
  }
}

/** A spare is no node's, and its gang is not over unnoticed. */
function checkSpares(state: State): void {
  const leased = new Set([...state.leases.values()].map((lease) => lease.instance.instanceId));
  const idle = new Set(idleSpares(state).map(({ instance }) => instance.instanceId));
  for (const [instanceId, { gangId }] of state.spares) {
    must(!leased.has(instanceId), () => `${instanceId} is a spare of ${gangId} and a node's`);
    const isWanted = state.gangs.has(gangId) || state.boots.has(gangId);
    must(
      isWanted || idle.has(instanceId),
      () => `${instanceId} is kept for ${gangId}, which is over`,
    );
  }
}

/** No node is being launched twice, nor while it has an instance: no more instances than nodes. */
function checkBatches({ gangs, leases }: State): void {
  const launching = new Map<string, string>();
  for (const gang of gangs.values()) {
    const members = new Set(gang.nodes);
    for (const batch of gang.batches.values()) {
      for (const node of batch.nodes.filter((wanted) => members.has(wanted))) {
        must(
          !launching.has(node),
          () => `${node} is launched by ${launching.get(node)} and ${gang.id}`,
        );
        must(!leases.has(node), () => `${node} has an instance and is launched by ${gang.id}`);
        launching.set(node, gang.id);
      }
    }
  }
}

/** EC2 is asked for nothing that nobody wants, and into no reservation of muster's that is not held. */
function checkLaunched(state: State, { id, order }: RunInstances): void {
  const gang = state.gangs.get(state.batchGangs.get(id) ?? '');
  const nodes = gang?.batches.get(id)?.nodes ?? [];
  must(
    nodes.some((node) => gang?.nodes.includes(node)),
    () => `${id} launches for nobody`,
  );
  // The site's own are none of muster's.
  if (order.reservationId === undefined || order.reservationId.startsWith('cr-site')) return;
  must(
    state.reservations.has(order.reservationId),
    () => `${id} names ${order.reservationId}, which is not held`,
  );
}

/** A gang has no more instances alive than nodes: those that it holds, and those of its launches that are out. */
function checkSizes({ state: { gangs, leases }, ec2 }: TestWorld): void {
  for (const gang of gangs.values()) {
    const wanted = new Set(gang.nodes);
    let spares = 0;
    let alive = gang.nodes.filter((node) => leases.get(node)?.gangId === gang.id).length;
    for (const { clientToken, nodes, spares: more = 0 } of gang.batches.values()) {
      for (const node of nodes) wanted.add(node);
      spares += more;
      const launched = ec2.launchedBy.get(clientToken) ?? [];
      alive += launched.filter((id) => ec2.alive.has(id)).length;
    }
    must(
      alive <= wanted.size + spares,
      () => `${gang.id} has ${alive} instances for ${wanted.size} nodes and ${spares} spares`,
    );
  }
}

/** Every reservation that is held is known, or being asked for, or looked for; none ends under its launch. */
function checkReservations({ state: { reservations, outstanding }, ec2 }: TestWorld): void {
  const tags = new Set<string>();
  const used = new Set<string>();
  const ending = new Set<string>();
  for (const { effect } of outstanding.values()) {
    if (effect.kind === 'CreateReservation') tags.add(effect.id);
    if (effect.kind === 'EndReservation' && effect.reservationId === null) tags.add(effect.tag);
    if (effect.kind === 'EndReservation' && effect.reservationId !== null)
      ending.add(effect.reservationId);
    if (effect.kind === 'RunInstances' && effect.order.reservationId !== undefined)
      used.add(effect.order.reservationId);
  }
  for (const [id, { tag }] of ec2.reserved)
    must(reservations.has(id) || tags.has(tag), () => `${id} is held, and nobody knows of it`);
  for (const id of used) must(!ending.has(id), () => `${id} ends while it is launched into`);
}

/** Every instance that runs is a node's, or on its way out, or the answer about it is still awaited. */
function checkMoney({ state, ec2 }: TestWorld): void {
  const held = [...state.leases.values(), ...state.spares.values()];
  const accounted = new Set(held.map(({ instance }) => instance.instanceId));
  for (const { effect } of state.outstanding.values()) {
    for (const id of instancesOf(effect, ec2)) accounted.add(id);
  }
  for (const id of ec2.alive) must(accounted.has(id), () => `${id} runs, and nobody knows of it`);
}

function instancesOf(effect: Effect, { launchedBy }: TestWorld['ec2']): readonly string[] {
  switch (effect.kind) {
    case 'TerminateInstances':
      return effect.instanceIds;
    case 'RunInstances':
      return launchedBy.get(effect.order.clientToken) ?? [];
    case 'SweepLaunch':
      return launchedBy.get(effect.clientToken) ?? [];
    case 'FetchConsole':
    case 'TellJobs':
    case 'RefreshNodes':
    case 'CreateReservation':
    case 'EndReservation':
    case 'DescribeSubnets':
    case 'DescribePlacementGroups':
    case 'AskJobs':
    case 'ReleaseNodes':
    case 'PowerUpNodes':
    case 'ListPartitions':
    case 'SetPartitions':
    case 'DrainNodes':
    case 'AssignNodes':
    case 'GiveBackNodes':
      return [];
  }
}

/** Slurm is told of nodes that hold these very instances, and of a firm gang's only when all of them do. */
function checkAssigned(state: State, effect: Extract<Effect, { kind: 'AssignNodes' }>): void {
  for (const [index, node] of effect.nodes.entries()) {
    must(
      state.leases.get(node)?.instance.instanceId === effect.instanceIds[index],
      () => `${effect.id} gives ${node} an instance that is not its own`,
    );
  }
  const gang = state.gangs.get(effect.gangId);
  if (gang?.firm !== true) return;
  for (const node of gang.nodes) {
    must(
      state.leases.has(node),
      () => `${effect.id} gives nodes while ${node} of the firm gang has none`,
    );
  }
}

/** A node that goes back holds nothing, and no open gang wants it; one whose job is gone only asks Slurm whom it serves. */
function checkGivenBack(state: State, effect: Extract<Effect, { kind: 'GiveBackNodes' }>): void {
  must(effect.nodes.length > 0, () => `${effect.id} gives no node back`);
  const asked = new Set(
    [...state.outstanding.values()].flatMap((out) =>
      out.effect.kind === 'ReleaseNodes' ? out.effect.nodes : [],
    ),
  );
  for (const node of effect.nodes) {
    must(!state.leases.has(node), () => `${effect.id} takes ${node} down under its instance`);
    const claims = state.claims.get(node) ?? [];
    const isWanted = claims.some((id) => state.gangs.get(id)?.phase !== 'releasing');
    must(!isWanted, () => `${effect.id} takes ${node} down although a gang wants it`);
    const isAsked = claims.length > 0 && asked.has(node);
    must(!isAsked, () => `${effect.id} takes ${node} down while Slurm is asked whom it serves`);
  }
}

/** At rest nothing is open, every instance serves a node that Slurm was told of, and every request had one verdict. */
export function checkAtRest({ state, ec2: { alive, reserved }, turns }: TestWorld): void {
  for (const name of [
    'gangs',
    'claims',
    'outstanding',
    'batchGangs',
    'requests',
    'asked',
    'reservations',
    'boots',
    'spares',
  ] as const) {
    must(
      state[name].size === 0,
      () => `at rest: ${name} still holds ${[...state[name].keys()].join(', ')}`,
    );
  }
  const leased = [...state.leases.values()];
  for (const lease of leased) {
    must(lease.given, () => `at rest: ${lease.node} holds an instance that Slurm was not told of`);
    must(alive.has(lease.instance.instanceId), () => `at rest: ${lease.node}'s instance has ended`);
  }
  must(alive.size === leased.length, () => `at rest: ${alive.size} run for ${leased.length} nodes`);
  must(reserved.size === 0, () => `at rest: ${[...reserved.keys()].join(', ')} is held`);
  checkVerdicts(turns);
}

function checkVerdicts(turns: readonly Turn[]): void {
  const verdicts = new Map<string, number>();
  for (const decision of turns.flatMap((turn) => turn.decisions)) {
    if (decision.kind === 'RequestTaken' && decision.verb === 'resume')
      verdicts.set(decision.requestId, 0);
    if (decision.kind === 'RequestSettled')
      verdicts.set(decision.requestId, (verdicts.get(decision.requestId) ?? 0) + 1);
  }
  for (const [id, count] of verdicts)
    must(count === 1, () => `request ${id} has ${count} verdicts`);
}

/** The ledger alone gives the state that is. */
export function checkReplay({ state, turns }: TestWorld): void {
  must(plainState(replay(turns)) === plainState(state), () => 'the ledger gives another state');
}
