/**
 * A world for tests of the core: it feeds events to `decide` and `apply` in virtual time, and answers effects by hand.
 *
 * EC2 is a set of instances and what each client token launched; Slurm only says yes or no. After every event the
 * world wakes the core for as long as it wants to be woken, as the controller does. It runs nothing by itself: an
 * effect stays in `running` until the test answers it, or `settle` answers all that are left.
 */
import { apply } from '../apply.ts';
import { lateNodes } from '../boot.ts';
import { decide, nextWake } from '../decide.ts';
import type { Decision } from '../decisions.ts';
import type { AskJobs, CreateReservation, Effect, RunInstances } from '../effects.ts';
import type { Event } from '../events.ts';
import type { JobFacts, Told } from '../job-facts.ts';
import { awaitedNodes } from '../observe.ts';
import type { HookRequest, HookVerb } from '../requests.ts';
import { parseResumeFile } from '../resume-file.ts';
import { defaultSettings, type Settings } from '../settings.ts';
import { emptyState, type State } from '../state.ts';
import type { Turn } from '../turn.ts';
import type { DurationMs, Instant } from '../units.ts';
import { createEc2Books, type Ec2Books } from './ec2-books.ts';
import { zoneIn } from './fleet.ts';
import { plainState } from './plain.ts';

type WithoutTime<T> = T extends unknown ? Omit<T, 'at'> : never;
export type EventBody = WithoutTime<Event>;
export type EffectOf<K extends Effect['kind']> = Extract<Effect, { kind: K }>;
export type DecisionOf<K extends Decision['kind']> = Extract<Decision, { kind: K }>;

export interface HookCall {
  readonly id?: string;
  /** When the hook ran; now unless another moment is given. */
  readonly at?: Instant;
}

/** The jobs of a resume file: hostlists, or objects as Slurm writes them. */
export type Jobs = readonly (string | Readonly<Record<string, unknown>>)[];

export interface TestWorld {
  state: State;
  now: Instant;
  readonly turns: Turn[];
  /** Effects that were asked for and not answered yet. */
  readonly running: Effect[];
  readonly ec2: Ec2Books;
  /** True: the test answers AskJobs itself. */
  asks: boolean;
  /** True: the test says which slurmd register; else all do, at once. */
  boots: boolean;
  /** What Slurm says beside the resume file; null: it does not know the job. */
  readonly slurm: { readonly jobs: Map<number, Partial<JobFacts> | null>; absent: string };
}

export type TurnCheck = (world: TestWorld, turn: Turn) => void;

export const testStart: Instant = Date.UTC(2022, 5, 21, 23, 37, 55, 845);

export function createTestWorld(settings: Partial<Settings> = {}, check?: TurnCheck) {
  let requests = 0;
  const ec2 = createEc2Books();
  const world: TestWorld = {
    state: emptyState(),
    now: testStart,
    turns: [],
    running: [],
    ec2,
    asks: false,
    boots: false,
    slurm: { jobs: new Map(), absent: '' },
  };

  /** One event with its turn, and the wakes that it brings about. Slurm answers at once, unless `asks` is true. */
  function send(body: EventBody): Turn {
    const turn = takeTurn({ ...body, at: world.now });
    wakeWhileDue();
    for (const effect of [...world.running]) {
      const isQuestion =
        effect.kind === 'AskJobs' ||
        effect.kind === 'DescribeSubnets' ||
        effect.kind === 'TellJobs';
      // Answering one may have answered others.
      if (isQuestion && !world.asks && world.running.includes(effect)) finish(effect);
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
    const late = boots.flatMap((boot) => lateNodes(boot, world.now));
    if (late.length > 0) sendSeen({ late });
    const doomed = [...world.state.boots.values()].filter(({ doom }) => doom !== null);
    if (doomed.length > 0)
      sendSeen({ doomed: doomed.map(({ gangId }) => ({ gangId, taken: [] })) });
  }

  function nextDeadline(): Instant | null {
    const all = [...world.state.boots.values()].flatMap((boot) => [...boot.awaiting.values()]);
    const times = all.filter((at) => at > world.now);
    return times.length === 0 ? null : Math.min(...times);
  }

  function lastTurn(): Turn {
    const turn = world.turns.at(-1);
    if (turn === undefined) throw new Error('nothing has happened yet');
    return turn;
  }

  /**
   * What Slurm says of jobs, with the components of heterogeneous ones: as the test has it, else that they are what the
   * resume file says.
   */
  function tell({ requestId, jobIds }: AskJobs): Told {
    const file = parseResumeFile(world.state.asked.get(requestId)?.resumeFile ?? '');
    const inFile = file.kind === 'read' ? file.jobs : [];
    const leaders = new Set(jobIds.flatMap((id) => world.slurm.jobs.get(id)?.hetJobId ?? []));
    const components = [...world.slurm.jobs].flatMap(([id, fact]) =>
      leaders.has(fact?.hetJobId ?? 0) ? [id] : [],
    );
    const jobs = [...new Set([...jobIds, ...components])].flatMap((jobId): JobFacts[] => {
      const nodes = inFile.find((job) => job.jobId === jobId)?.nodesResume ?? '';
      const fact = world.slurm.jobs.get(jobId);
      const plain = { jobId, hetJobId: null, isAllocated: true, nodes, priority: null };
      return fact === null ? [] : [{ ...plain, comment: '', extra: '', ...fact }];
    });
    return { jobs, absent: world.slurm.absent };
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

  function hook(verb: HookVerb, hostlist: string, file: string | null, call: HookCall) {
    requests += 1;
    const id = call.id ?? `00000000-0000-4000-8000-${String(requests).padStart(12, '0')}`;
    const request: HookRequest = { id, verb, at: call.at ?? world.now, hostlist, resumeFile: file };
    send({ kind: 'HookCalled', request });
    return id;
  }

  /** Takes an effect out of the running ones; it must be there. */
  function take(effect: Effect): void {
    const index = world.running.findIndex((running) => running.id === effect.id);
    if (index === -1) throw new Error(`${effect.id} does not run`);
    world.running.splice(index, 1);
  }

  function launch(effect: RunInstances, count = effect.order.maxCount): Turn {
    take(effect);
    return send({
      kind: 'LaunchAnswered',
      effectId: effect.id,
      requestId: `request-of-${effect.id}`,
      instances: ec2.launch(effect.order, count, world.now),
    });
  }

  function refuse(
    effect: RunInstances | CreateReservation,
    code: string,
    message = `EC2 says ${code}.`,
  ): Turn {
    take(effect);
    return send({
      kind: effect.kind === 'RunInstances' ? 'LaunchFailed' : 'ReservationFailed',
      effectId: effect.id,
      failure: { code, message, requestId: `request-of-${effect.id}` },
    });
  }

  /** The answer is lost; EC2 launched or reserved `count` all the same. */
  function loseAnswer(effect: RunInstances | CreateReservation, count: number): Turn {
    take(effect);
    const failure = { code: 'Timeout', message: 'no answer within 30 s', requestId: null };
    if (effect.kind === 'RunInstances') {
      if (count > 0) ec2.launch(effect.order, count, world.now);
      return send({ kind: 'LaunchFailed', effectId: effect.id, failure });
    }
    if (count > 0) ec2.reserve(effect.order, world.now);
    return send({ kind: 'ReservationFailed', effectId: effect.id, failure });
  }

  function fail(effect: Effect, message: string, transient: boolean): Turn {
    take(effect);
    return send({ kind: 'EffectFailed', effectId: effect.id, message, transient });
  }

  /** The effect does what it is for. `sees`: false for a sweep to which EC2 does not show a young launch yet. */
  function finish(effect: Effect, sees = true): Turn {
    const { id: effectId } = effect;
    switch (effect.kind) {
      case 'RunInstances':
        return launch(effect);
      case 'AssignNodes':
        take(effect);
        send({ kind: 'NodesAssigned', effectId });
        return world.boots ? lastTurn() : registerAll();
      case 'GiveBackNodes':
        take(effect);
        return send({ kind: 'NodesGivenBack', effectId });
      case 'TerminateInstances':
        take(effect);
        ec2.terminate(effect.instanceIds);
        return send({ kind: 'InstancesTerminated', effectId });
      case 'SweepLaunch': {
        take(effect);
        const instanceIds = ec2.sweep(effect.clientToken, world.now, sees);
        return send({ kind: 'LaunchSwept', effectId, instanceIds });
      }
      case 'RefreshNodes':
        take(effect);
        return send({ kind: 'NodesRefreshed', effectId });
      case 'TellJobs':
        take(effect);
        return send({ kind: 'JobsInformed', effectId });
      case 'CreateReservation':
        take(effect);
        return send({
          kind: 'ReservationMade',
          effectId,
          reservationId: ec2.reserve(effect.order, world.now),
        });
      case 'EndReservation':
        take(effect);
        return send({
          kind: 'ReservationEnded',
          effectId,
          found: ec2.endReservation(effect, world.now, sees),
        });
      case 'DescribeSubnets': {
        take(effect);
        const zones = Object.fromEntries(effect.subnetIds.map((id) => [id, zoneIn(id)]));
        return send({ kind: 'SubnetsTold', effectId, zones });
      }
      case 'AskJobs':
        take(effect);
        return send({ kind: 'JobsTold', effectId, told: tell(effect) });
      case 'ReleaseNodes':
        take(effect);
        return send({
          kind: 'NodesReleased',
          effectId,
          freed: effect.nodes,
          kept: { jobs: [], absent: '' },
        });
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
        finish(effect);
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
    launch,
    refuse,
    loseAnswer,
    fail,
    finish,
    advance,
    restart,
    settle,
    registerAll,
    sendSeen,
    ...queriesOf(world),
    /** ResumeProgram; `jobs` null: without a resume file. Returns the request's id. */
    resume: (hostlist: string, jobs: Jobs | null, call: HookCall = {}): string =>
      hook('resume', hostlist, jobs === null ? null : resumeFile(jobs), call),
    suspend: (hostlist: string, call: HookCall = {}): string =>
      hook('suspend', hostlist, null, call),
    resumeFail: (hostlist: string, call: HookCall = {}): string =>
      hook('resume-fail', hostlist, null, call),
    /** `muster capacity --clear`; an empty `pool`: all. */
    forget: (pool: string, call: HookCall = {}): string =>
      hook('forget-capacity', pool, null, call),
  });
}

/** What happened in the world, and what runs, by kind. */
function queriesOf(world: TestWorld) {
  const { turns, running } = world;
  function out<K extends Effect['kind']>(kind: K): EffectOf<K>[] {
    return running.filter((effect): effect is EffectOf<K> => effect.kind === kind);
  }
  return {
    out,
    /** The one effect of its kind that runs. */
    only<K extends Effect['kind']>(kind: K): EffectOf<K> {
      const [effect, second] = out(kind);
      if (effect === undefined || second !== undefined)
        throw new Error(`one ${kind} should run, there are ${out(kind).length}`);
      return effect;
    },
    /** The launch that runs for a node. */
    launchFor(node: string): RunInstances {
      const { gangs, batchGangs } = world.state;
      const launch = out('RunInstances').find(({ id }) =>
        gangs
          .get(batchGangs.get(id) ?? '')
          ?.batches.get(id)
          ?.nodes.includes(node),
      );
      if (launch === undefined) throw new Error(`no launch for ${node} runs`);
      return launch;
    },
    /** The verdict on the request that was settled first, or on a later one. */
    verdict(index = 0): { readonly given: readonly string[]; readonly failed: readonly string[] } {
      const settled = turns
        .flatMap((turn) => turn.decisions)
        .filter((decision) => decision.kind === 'RequestSettled')[index];
      if (settled === undefined) throw new Error('no verdict yet');
      return { given: settled.given, failed: settled.failed };
    },
    /** Every give-back so far: the nodes and their reason. */
    givenBack(): string[] {
      return turns
        .flatMap((turn) => turn.effects)
        .flatMap((effect) =>
          effect.kind === 'GiveBackNodes' ? [`${effect.nodes.join(' ')} ${effect.reason}`] : [],
        );
    },
    decisions<K extends Decision['kind']>(kind: K): DecisionOf<K>[] {
      return turns
        .flatMap((turn) => turn.decisions)
        .filter((decision): decision is DecisionOf<K> => decision.kind === kind);
    },
    effects<K extends Effect['kind']>(kind: K): EffectOf<K>[] {
      return turns
        .flatMap((turn) => turn.effects)
        .filter((effect): effect is EffectOf<K> => effect.kind === kind);
    },
  };
}

export type DrivenWorld = ReturnType<typeof createTestWorld>;

/** The state that a ledger with these turns gives, by way of their JSON. */
export function replay(turns: readonly Turn[]): State {
  const state = emptyState();
  for (const turn of turns) apply(state, JSON.parse(JSON.stringify(turn)) as Turn);
  return state;
}

/** A resume file in the shape of Slurm 23.02; a job given as a hostlist gets the next number. */
export function resumeFile(jobs: Jobs): string {
  return JSON.stringify({
    jobs: jobs.map((job, index) =>
      typeof job === 'string'
        ? { job_id: index + 1, nodes_resume: job, nodes_alloc: job, extra: null }
        : job,
    ),
  });
}
