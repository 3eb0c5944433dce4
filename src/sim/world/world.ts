/**
 * A whole cluster in one process and in virtual time: the production controller over its production core, the models
 * of EC2 and Slurm, and between them everything that can go wrong. First a phase of faults, then one in which
 * everything must settle. The same seed gives the same history, byte for byte.
 *
 * Time moves from one wake to the next. After each, `quiet` lets all that it resolved run its course; then the checkers
 * look at the world. The first broken promise ends the run.
 */
import type { Controller, ControllerPorts } from '../../controller/controller.ts';
import { parseHostlist } from '../../core/hostlist.ts';
import type { HookVerb } from '../../core/requests.ts';
import type { Settings } from '../../core/settings.ts';
import type { Instant } from '../../core/units.ts';
import { createEc2Model, type Ec2Model } from '../ec2/index.ts';
import { createSlurmModel, type SlurmModel } from '../slurm/model.ts';
import { createVirtualClock, type VirtualClock } from '../virtual-clock.ts';
import { createCheckers, type Checkers } from './checkers.ts';
import { outcomeOf } from './outcome.ts';
import { isSettled } from './settled.ts';
import { createChronicle, type Broken, type Chronicle } from './chronicle.ts';
import { createDice, type Dice } from './dice.ts';
import { createEc2Line } from './ec2-line.ts';
import type { FaultKind } from './faults.ts';
import {
  createFleetFaults,
  interruptInstance,
  withoutStrangers,
  type FleetFaults,
} from './fleet-faults.ts';
import { createLife, type Life } from './life.ts';
import { createMachines, type Machines } from './machines.ts';
import { createPeople, type People } from './people.ts';
import { createScenario, nodesOf, type Scenario } from './scenario.ts';
import { fleetPools, groupsOf } from './scenario-fleet.ts';
import { createScontrolLine } from './scontrol-line.ts';
import {
  createMemoryLedger,
  createMemoryRegistry,
  createMemorySpool,
  type MemoryLedger,
  type MemoryRegistry,
  type MemorySpool,
} from './stores.ts';
import { turnInShort } from './turn-in-short.ts';
import { createWeather, type Weather } from './weather.ts';

export interface SimulateOptions {
  /** Resolves when all that was resolved before has run its course: a turn of the real event loop. */
  readonly quiet: () => Promise<void>;
  /** Keeps the history's lines. */
  readonly trace?: boolean;
  /** Breaks muster on purpose, to test the checkers. */
  readonly sabotage?: (ports: ControllerPorts, controller: () => Controller) => ControllerPorts;
}

export interface Outcome {
  readonly seed: number;
  readonly broken: Broken | null;
  /** The history; empty unless it was asked for. */
  readonly lines: readonly string[];
  readonly steps: number;
  readonly turns: number;
  /** In virtual time. */
  readonly lastedMs: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** EC2's answers: action and outcome, with how often. */
  readonly calls: ReadonlyMap<string, number>;
  readonly jobs: number;
  readonly instances: number;
  /** Paid for, and of that: on nodes that ran nothing. */
  readonly paidSeconds: number;
  readonly idleSeconds: number;
}

/** How long everything may take to settle. */
const healingMs = 6 * 3_600_000;

/** How often an administrator looks at what is left over. */
const administerMs = 600_000;

/** Between two calls that slurmctld makes when it is back. */
const heldHooksMs = 100;

/** A run with more steps than this does not come to rest. */
const stepsMax = 200_000;

export interface World {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly chronicle: Chronicle;
  readonly weather: Weather;
  readonly model: Ec2Model;
  readonly slurm: SlurmModel;
  readonly ledger: MemoryLedger;
  readonly spool: MemorySpool;
  readonly registry: MemoryRegistry;
  readonly machines: Machines;
  readonly people: People;
  readonly checkers: Checkers;
  readonly fleetFaults: FleetFaults;
  readonly dice: Dice;
  /** Hook calls that slurmctld makes when it is back. */
  readonly heldHooks: (() => void)[];
  /** The last life of muster, dead or not. */
  life: Life | null;
  /** How often muster has started. */
  starts: number;
}

/** Runs the world of a seed to its end, or to the first broken promise. */
export async function simulate(seed: number, options: SimulateOptions): Promise<Outcome> {
  const world = createWorld(seed, options);
  const { clock, chronicle, scenario, checkers } = world;
  start(world, options);
  plan(world, options);
  const healAt = scenario.startAt + scenario.faultPhaseMs;
  clock.schedule(scenario.faultPhaseMs, () => heal(world, options));
  let steps = 0;
  for (;;) {
    await options.quiet();
    checkers.step();
    if (chronicle.broken !== null) break;
    if (clock.now() >= healAt && isSettled(world)) break;
    steps += 1;
    if (steps > stepsMax || !clock.step(healAt + healingMs)) break;
  }
  if (chronicle.broken === null) checkers.atRest();
  if (chronicle.broken === null) world.fleetFaults.atRest();
  return outcomeOf(world, steps);
}

function createWorld(seed: number, options: SimulateOptions): World {
  const scenario = createScenario(seed);
  const clock = createVirtualClock(scenario.startAt);
  const chronicle = createChronicle(() => clock.now(), options.trace === true);
  const dice = createDice(seed, 'world');
  const model = createEc2Model({ now: () => clock.now(), seed, throttle: false });
  for (const { instanceType, availabilityZone, market } of fleetPools(scenario.queues))
    model.setCapacity(instanceType, availabilityZone, null, market);
  for (const group of groupsOf(scenario.queues)) model.createPlacementGroup(group);
  const weather = createWeather({ scenario, clock, chronicle, model });
  const slurm = createSlurmModel({
    clock,
    partitions: scenario.queues.map(({ name }) => name),
    nodes: nodesOf(scenario),
    settings: scenario.slurm,
    hooks: {
      resume: (hostlist, file) => hook(world, 'resume', hostlist, file),
      suspend: (hostlist) => hook(world, 'suspend', hostlist, null),
      resumeFail(hostlist) {
        const parsed = parseHostlist(hostlist);
        if (parsed.kind === 'ok') world.checkers.resumeFailed(parsed.nodes);
        hook(world, 'resume-fail', hostlist, null);
      },
    },
  });
  const registry = createMemoryRegistry((instanceId) => world.machines.named(instanceId));
  const own = withoutStrangers(model);
  const machines = createMachines({ model: own, slurm, registry, clock, chronicle, weather, dice });
  const people = createPeople({
    ...{ scenario, clock, chronicle, weather, slurm },
    ask: (verb, argument) => spoolRequest(world, verb, argument, null),
  });
  const spool = createMemorySpool();
  const checkers = createCheckers({
    scenario,
    clock,
    chronicle,
    weather,
    model: own,
    slurm,
    registry,
    machines,
    spool,
  });
  const fleetFaults = createFleetFaults({
    ...{ scenario, clock, chronicle, model, weather, machines },
    died: checkers.died,
    ledgerSince: () => ledgerSince,
  });
  let ledgerSince: Instant | null = null;
  const world: World = {
    scenario,
    clock,
    chronicle,
    weather,
    model,
    slurm,
    registry,
    machines,
    people,
    checkers,
    fleetFaults,
    dice,
    ledger: createMemoryLedger((turn) => {
      ledgerSince ??= turn.event.at;
      chronicle.note('muster', () => turnInShort(turn));
      checkers.turn(turn);
    }),
    spool,
    heldHooks: [],
    life: null,
    starts: 0,
  };
  return world;
}

/** slurmctld calls a hook, which spools; a slurmctld that is away calls it when it is back. */
function hook(world: World, verb: HookVerb, hostlist: string, resumeFile: string | null): void {
  const { weather, chronicle } = world;
  if (weather.isOut('slurmctld')) {
    world.heldHooks.push(() => hook(world, verb, hostlist, resumeFile));
    return;
  }
  if (weather.strikes('lost-hooks', 0.05)) {
    chronicle.fault('lost-hooks', () => `${verb} ${hostlist}`);
    return;
  }
  spoolRequest(world, verb, hostlist, resumeFile);
}

/** Makes a request durable, of Slurm or of a person. */
function spoolRequest(
  world: World,
  verb: HookVerb,
  hostlist: string,
  resumeFile: string | null,
): void {
  const { weather, clock, spool, dice, chronicle } = world;
  const id = `${dice.hex8()}-${dice.hex8().slice(4)}-4000-8000-${dice.hex8()}${dice.hex8().slice(4)}`;
  const at = weather.wall();
  chronicle.note('slurm', () => `${verb} ${hostlist} (${id})`);
  clock.schedule(dice.int(2, 40), () => {
    const request = { id, verb, at, hostlist, resumeFile };
    spool.put(request);
    world.life?.spooled();
  });
}

/** Everything that happens by time: submissions, cancels, faults. */
function plan(world: World, options: SimulateOptions): void {
  const { scenario, clock, slurm, chronicle, weather, model, machines, dice } = world;
  for (const { afterMs, request, cancelAfterMs } of scenario.submissions) {
    clock.schedule(afterMs, () => {
      const submitted = slurm.submit(request).catch(() => {
        chronicle.note('user', () => `sbatch ${JSON.stringify(request)} is refused`);
        return null;
      });
      void submitted.then((id) => {
        if (id === null) return;
        chronicle.note('user', () => `sbatch ${JSON.stringify(request)}: job ${id}`);
        if (cancelAfterMs === null) return;
        clock.schedule(cancelAfterMs, () => {
          chronicle.note('user', () => `scancel ${id}`);
          void slurm.cancel(id);
        });
      });
    });
  }
  world.people.begin();
  world.fleetFaults.begin();
  weather.begin({
    crash: () => crash(world, options, 'at any moment'),
    stop: () => stop(world, options),
    slurmReturns: () => callHeldHooks(world),
    killInstance() {
      const live = [...machines.live];
      if (live.length === 0) return;
      const instanceId = dice.pick(live);
      chronicle.fault('deaths', () => instanceId);
      world.checkers.died(instanceId);
      model.perform('TerminateInstances', { instanceIds: [instanceId] });
    },
    interruptInstance: () => interruptInstance(world),
  });
}

/** One after the other: between a node's suspend and its next resume is SuspendTimeout, so that none is taken for the other. */
function callHeldHooks(world: World): void {
  for (const [index, call] of world.heldHooks.splice(0).entries()) {
    if (index === 0) call();
    else world.clock.schedule(index * heldHooksMs, call);
  }
}

/** Faults are over: whatever is away comes back, and EC2 has room. */
function heal(world: World, options: SimulateOptions): void {
  world.chronicle.note('world', () => 'the faults are over');
  world.weather.heal();
  world.people.heal();
  callHeldHooks(world);
  if (world.life?.isAlive() !== true) start(world, options);
  administer(world);
}

/**
 * Today: where the leader of a heterogeneous job goes back to the queue alone, its other components run on by
 * themselves; when it is held they would for ever, and an administrator cancels them.
 */
function administer(world: World): void {
  const { clock, slurm, life, people } = world;
  if (life !== null) people.tend(life.controller.state);
  for (const { het, state, label } of slurm.records.jobs) {
    if (state !== 'RUNNING' || het === null) continue;
    const [leader] = het.components;
    if (leader?.state === 'PENDING' && leader.hold !== null) void slurm.cancel(label);
  }
  clock.schedule(administerMs, () => {
    if (!isSettled(world)) administer(world);
  });
}

/** Muster starts from its ledger. */
function start(world: World, options: SimulateOptions): void {
  const { clock, chronicle, weather, slurm, dice, checkers, registry } = world;
  const scheduler = createScontrolLine({
    slurm: checkers.watchScheduler(slurm),
    clock,
    chronicle,
    weather,
    dice,
    isAlive: () => life.isAlive(),
  });
  const cloud = createEc2Line({
    model: world.model,
    clock,
    chronicle,
    weather,
    dice,
    refused: (gangId, code) => checkers.refused(gangId, code),
  });
  const life = createLife({
    clock,
    weather,
    ledger: world.ledger,
    spool: world.spool,
    cloud,
    scheduler,
    registry: checkers.watchRegistry(registry),
    log: (line) => checkers.logged(line),
    spoolKeeps: () => {
      if (!weather.strikes('spool', 0.08)) return false;
      chronicle.fault('spool', () => 'it keeps what is worked on');
      return true;
    },
    mayCrash: (point) => {
      if (weather.strikes('crashes', 0.006)) crash(world, options, point);
    },
    ...(options.sabotage !== undefined && { sabotage: options.sabotage }),
  });
  world.life = life;
  checkers.started(life.controller.state);
  chronicle.note('world', () => `muster starts, ${world.ledger.size()} turns in its ledger`);
  const fault = (error: unknown): void =>
    chronicle.broke('muster goes on', `its loop ended: ${String(error)}`);
  life.controller.ended.catch(fault);
  life.controller.start(settingsOf(world)).catch(fault);
  world.starts += 1;
}

function settingsOf({ scenario, starts }: World): Settings {
  const { settings, laterSettings } = scenario;
  return laterSettings[(starts - 1) % laterSettings.length] ?? settings;
}

function crash(world: World, options: SimulateOptions, point: string): void {
  const { life } = world;
  if (life === null || !life.isAlive()) return;
  world.chronicle.fault('crashes', () => point);
  life.kill();
  startLater(world, options);
}

function startLater(world: World, options: SimulateOptions): void {
  const ms = world.dice.spread(100, 200_000);
  world.weather.addDelay(ms);
  world.clock.schedule(ms, () => {
    if (!world.weather.isHealing()) start(world, options);
  });
}

/** SIGTERM: it ends in order, unless it takes too long. */
function stop(world: World, options: SimulateOptions): void {
  const { life, dice } = world;
  if (life === null || !life.isAlive()) return;
  world.chronicle.fault('stops', () => 'in order');
  void life.controller.stop(dice.pick([0, 1_000, 15_000])).then(() => {
    if (!life.isAlive()) return;
    world.chronicle.note('world', () => 'muster has stopped');
    life.kill();
    if (world.weather.isHealing()) start(world, options);
    else startLater(world, options);
  });
}
