/**
 * What people do to a fleet: administrators drain nodes and set partitions inactive, operators stop the fleet or take nodes
 * away. When the faults are over, they take back what they have done.
 */
import type { HookVerb } from '../../core/requests.ts';
import type { State } from '../../core/state.ts';
import type { DurationMs } from '../../core/units.ts';
import { isProtected } from '../../core/protection.ts';
import type { SlurmModel } from '../slurm/model.ts';
import type { NodeRecord } from '../slurm/types.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Chronicle } from './chronicle.ts';
import { createDice } from './dice.ts';
import type { FaultKind } from './faults.ts';
import type { Scenario } from './scenario.ts';
import type { Weather } from './weather.ts';

export interface People {
  begin(): void;
  /** Takes back what people have done. */
  heal(): void;
  /** What an administrator mends, again and again, once the faults are over. */
  tend(state: Readonly<State>): void;
}

export interface PeopleParts {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly chronicle: Chronicle;
  readonly weather: Weather;
  readonly slurm: SlurmModel;
  /** A person asks muster for something. */
  readonly ask: (verb: HookVerb, argument: string) => void;
}

/** What an administrator writes. */
const byHand = 'by hand: maintenance';

export function createPeople(parts: PeopleParts): People {
  const { scenario, clock, chronicle, weather, slurm, ask } = parts;
  const dice = createDice(scenario.seed, 'people');
  let hasStopped = false;

  /** Now and then during the phase of faults, `meanMs` apart on the average, where that kind happens at all. */
  function nowAndThen(kind: FaultKind, meanMs: DurationMs, act: () => void): void {
    if (!scenario.faults.has(kind)) return;
    const next = (): void => {
      const mean = meanMs / scenario.intensity;
      clock.schedule(Math.max(1, Math.round(-Math.log(1 - dice.fraction()) * mean)), () => {
        if (weather.isHealing()) return;
        act();
        next();
      });
    };
    next();
  }

  function tryIt(act: Promise<void>): void {
    // Slurm refuses what does not fit the node's state, as it would a person.
    act.catch(() => undefined);
  }

  function administer(): void {
    if (weather.isOut('slurmctld')) return;
    if (dice.chance(0.2)) return shutPartition(dice.pick(scenario.queues).name);
    const node = dice.pick(slurm.records.nodes).name;
    const state = dice.pick(['drain', 'drain', 'down', 'power_down_force', 'power_up'] as const);
    chronicle.fault('administrators', () => `scontrol update nodename=${node} state=${state}`);
    tryIt(slurm.updateNodes([node], state, state.startsWith('power') ? '' : byHand));
    const untilMs = dice.spread(10_000, 900_000);
    clock.schedule(untilMs, () => {
      const record = slurm.records.nodesByName.get(node);
      if (record !== undefined && !weather.isHealing() && !weather.isOut('slurmctld')) undo(record);
    });
  }

  function undo({ name, reason, isDown, isDrained }: Readonly<NodeRecord>): void {
    if (reason !== byHand || !(isDown || isDrained)) return;
    chronicle.note('admin', () => `takes ${name} back`);
    tryIt(slurm.updateNodes([name], 'resume'));
    if (slurm.records.nodesByName.get(name)?.isDrained === true) tryIt(slurm.undrainNodes([name]));
  }

  function shutPartition(name: string): void {
    chronicle.fault('administrators', () => `partition ${name} is inactive`);
    tryIt(slurm.setPartitions([name], false));
    clock.schedule(dice.spread(10_000, 600_000), () => {
      if (!weather.isHealing()) tryIt(slurm.setPartitions([name], true));
    });
  }

  function operate(): void {
    if (dice.chance(0.3)) {
      hasStopped = true;
      chronicle.fault('operators', () => 'the fleet is stopped');
      ask('fleet-stop', '');
      clock.schedule(dice.spread(1_000, 300_000), () => {
        if (!weather.isHealing()) ask('fleet-start', '');
      });
      return;
    }
    const node = dice.pick(slurm.records.nodes).name;
    const verb = dice.pick(['release-node', 'replace-node'] as const);
    chronicle.fault('operators', () => `${verb} ${node}`);
    ask(verb, node);
  }

  return {
    begin() {
      nowAndThen('administrators', 150_000, administer);
      nowAndThen('operators', 300_000, operate);
    },
    heal() {
      for (const record of slurm.records.nodes) undo(record);
      if (scenario.faults.has('administrators'))
        tryIt(
          slurm.setPartitions(
            scenario.queues.map(({ name }) => name),
            true,
          ),
        );
      if (hasStopped) ask('fleet-start', '');
    },
    tend(state) {
      for (const record of slurm.records.nodes) undo(record);
      for (const queue of state.protection.keys())
        if (isProtected(state, queue)) ask('queue-start', queue);
    },
  };
}
