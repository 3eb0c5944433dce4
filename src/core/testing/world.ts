/**
 * A world for tests of the core: it feeds events to `decide` and `apply` in virtual time, and answers effects by hand.
 *
 * EC2 is a set of instances and what each client token launched; Slurm only says yes or no. After every event the
 * world wakes the core for as long as it wants to be woken, as the controller does. It runs nothing by itself: an
 * effect stays in `running` until the test answers it, or `settle` answers all that are left. Its parts are the files
 * `world-*.ts`: answers, hooks, and what a test asks.
 */
import { apply } from '../apply.ts';
import { lateNodes } from '../boot.ts';
import { decide, nextWake } from '../decide.ts';
import type { Event } from '../events.ts';
import { awaitedNodes } from '../observe.ts';
import { defaultSettings, type Settings } from '../settings.ts';
import { straggleAt, stragglers } from '../spares.ts';
import { emptyState, type State } from '../state.ts';
import type { Turn } from '../turn.ts';
import type { DurationMs, Instant } from '../units.ts';
import { createEc2Books } from './ec2-books.ts';
import { plainState } from './plain.ts';
import type { EventBody, TestWorld } from './test-world.ts';
import { answersOf } from './world-answers.ts';
import { hooksOf } from './world-hooks.ts';
import { queriesOf } from './world-queries.ts';

export type { EffectOf, TestWorld } from './test-world.ts';
export { resumeFile, type Jobs } from './world-hooks.ts';

export type TurnCheck = (world: TestWorld, turn: Turn) => void;

export const testStart: Instant = Date.UTC(2022, 5, 21, 23, 37, 55, 845);

export function createTestWorld(settings: Partial<Settings> = {}, check?: TurnCheck) {
  const ec2 = createEc2Books();
  const world: TestWorld = {
    state: emptyState(),
    now: testStart,
    turns: [],
    running: [],
    ec2,
    groups: null,
    asks: false,
    boots: false,
    slurm: { jobs: new Map(), absent: '' },
  };

  const answers = answersOf(world, send, () => (world.boots ? lastTurn() : registerAll()));

  /** One event with its turn, and the wakes that it brings about. Slurm answers at once, unless `asks` is true. */
  function send(body: EventBody): Turn {
    const turn = takeTurn({ ...body, at: world.now });
    wakeWhileDue();
    for (const effect of [...world.running]) {
      const isQuestion =
        effect.kind === 'AskJobs' ||
        effect.kind === 'DescribePlacementGroups' ||
        effect.kind === 'DescribeSubnets' ||
        effect.kind === 'TellJobs';
      // Answering one may have answered others.
      if (isQuestion && !world.asks && world.running.includes(effect)) answers.finish(effect);
    }
    if (
      [...world.state.boots.values()].some(({ doom }) => doom !== null) &&
      body.kind !== 'SlurmSeen'
    )
      lookAtBoots();
    return turn;
  }

  /** Every slurmd that is awaited registers. */
  function registerAll(): Turn {
    const registered = awaitedNodes(world.state);
    if (registered.length === 0) return lastTurn();
    return sendSeen({ registered });
  }

  /** What a look at Slurm shows. */
  function sendSeen(seen: Partial<Omit<Extract<EventBody, { kind: 'SlurmSeen' }>, 'kind'>>): Turn {
    const nothing = { registered: [], late: [], doomed: [], gone: [], silent: null };
    return send({ kind: 'SlurmSeen', ...nothing, ...seen });
  }

  /** Slurm shows deadlines that have passed, and that nobody else is on the nodes of a gang that is let go. */
  function lookAtBoots(): void {
    const boots = [...world.state.boots.values()];
    const late = boots.flatMap((boot) => [
      ...lateNodes(boot, world.now),
      ...stragglers(world.state, boot, world.now),
    ]);
    if (late.length > 0) sendSeen({ late });
    const doomed = [...world.state.boots.values()].filter(({ doom }) => doom !== null);
    if (doomed.length > 0)
      sendSeen({ doomed: doomed.map(({ gangId }) => ({ gangId, taken: [] })) });
  }

  function nextDeadline(): Instant | null {
    const all = [...world.state.boots.values()].flatMap((boot) => [
      ...boot.awaiting.values(),
      straggleAt(world.state, boot) ?? 0,
    ]);
    const times = all.filter((at) => at > world.now);
    return times.length === 0 ? null : Math.min(...times);
  }

  function lastTurn(): Turn {
    const turn = world.turns.at(-1);
    if (turn === undefined) throw new Error('nothing has happened yet');
    return turn;
  }

  function takeTurn(event: Event): Turn {
    const before = plainState(world.state);
    const turn = decide(world.state, event);
    if (plainState(world.state) !== before)
      throw new Error(`decide changed the state: ${event.kind}`);
    apply(world.state, turn);
    world.turns.push(turn);
    world.running.push(...turn.effects);
    check?.(world, turn);
    return turn;
  }

  function wakeWhileDue(): void {
    for (let wakes = 0; ; wakes += 1) {
      const wake = nextWake(world.state);
      if (wake === null || wake > world.now) return;
      if (wakes > 1000) throw new Error('the core wants to be woken for ever');
      takeTurn({ kind: 'Woke', at: world.now });
    }
  }

  /** Moves time, waking the core whenever it asked for it. */
  function advance(ms: DurationMs): void {
    const to = world.now + ms;
    lookAtBoots();
    for (;;) {
      const wake = nextWake(world.state);
      const deadline = nextDeadline();
      const next = Math.min(wake ?? Infinity, deadline ?? Infinity);
      if (next > to) break;
      world.now = Math.max(world.now, next);
      wakeWhileDue();
      lookAtBoots();
    }
    world.now = to;
  }

  /** Ends muster where it stands and starts it from its ledger. `reached`: what it asked last was still done. */
  function restart(reached = true): void {
    if (reached) {
      for (const effect of world.running) {
        if (effect.kind === 'RunInstances')
          ec2.launch(effect.order, effect.order.maxCount, world.now);
        if (effect.kind === 'TerminateInstances') ec2.terminate(effect.instanceIds);
        if (effect.kind === 'CreateReservation') ec2.reserve(effect.order, world.now);
        if (effect.kind === 'EndReservation') ec2.endReservation(effect, world.now, true);
      }
    }
    world.running.length = 0;
    world.state = replay(world.turns);
    send({ kind: 'Started' });
  }

  /** Answers everything with success and lets time pass until nothing is left to do. */
  function settle(): void {
    for (let step = 0; step < 10_000; step += 1) {
      const effect = world.running[0];
      if (effect !== undefined) {
        answers.finish(effect);
        continue;
      }
      const wake = nextWake(world.state) ?? nextDeadline();
      const turns = world.turns.length;
      advance(Math.max(0, (wake ?? 0) - world.now));
      if (wake === null && world.turns.length === turns) return;
    }
    throw new Error('muster does not come to rest');
  }

  // EC2's memory is for the tests that turn it on.
  const forgetful = { refusalMs: 0, successMs: 0 };
  send({
    kind: 'ConfigLoaded',
    settings: { ...defaultSettings, capacityMemory: forgetful, ...settings },
  });
  return Object.assign(world, {
    send,
    advance,
    restart,
    settle,
    registerAll,
    sendSeen,
    ...answers,
    ...queriesOf(world),
    ...hooksOf(world, send),
  });
}

export type DrivenWorld = ReturnType<typeof createTestWorld>;

/** The state that a ledger with these turns gives, by way of their JSON. */
export function replay(turns: readonly Turn[]): State {
  const state = emptyState();
  for (const turn of turns) apply(state, JSON.parse(JSON.stringify(turn)) as Turn);
  return state;
}
