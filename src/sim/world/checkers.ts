/**
 * The promises, watched from outside: by what EC2 runs, what Slurm does, what the registry says and what the ledger has,
 * never by how `decide` works. Each broken promise is a sentence with the ids. The checks themselves are in the files
 * beside this one, by promise; here they are put together, and put where they see what they need.
 *
 * Where the engine does not hold a promise yet, the check states what holds today in a comment that begins "Today".
 */
import type { State } from '../../core/state.ts';
import type { Turn } from '../../core/turn.ts';
import type { Instant } from '../../core/units.ts';
import type { LogLine } from '../../ports/log.ts';
import type { Registry } from '../../ports/registry.ts';
import type { Scheduler } from '../../ports/scheduler.ts';
import type { Ec2Model } from '../ec2/index.ts';
import type { SlurmModel } from '../slurm/model.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { createApartChecks } from './check-apart.ts';
import { createGangChecks } from './check-gangs.ts';
import { createBootChecks } from './check-boots.ts';
import { createMoneyChecks } from './check-money.ts';
import { checkRest } from './check-rest.ts';
import { createSpareChecks } from './check-spares.ts';
import { createStopChecks } from './check-stop.ts';
import type { Chronicle } from './chronicle.ts';
import type { Machines } from './machines.ts';
import type { Scenario } from './scenario.ts';
import type { MemoryRegistry, MemorySpool } from './stores.ts';
import type { Weather } from './weather.ts';

export interface Watched {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly chronicle: Chronicle;
  readonly weather: Weather;
  readonly model: Ec2Model;
  readonly slurm: SlurmModel;
  readonly registry: MemoryRegistry;
  readonly machines: Machines;
  readonly spool: MemorySpool;
  /** What muster knows now, or knew when it ended. */
  state: Readonly<State> | null;
  /** When muster started last. */
  startedAt: Instant;
  /** Instances that ended by themselves. */
  readonly died: Set<string>;
  /** When muster decided to end an instance. */
  readonly endWanted: Map<string, Instant>;
  /** Instances that it ended because Slurm had powered their nodes down. */
  readonly suspended: Set<string>;
}

export interface Checkers {
  /** Muster starts: its state from now on. */
  started(state: Readonly<State>): void;
  /** A turn is in the ledger. */
  turn(turn: Turn): void;
  logged(line: LogLine): void;
  /** EC2 answered a gang's launch with an error. */
  refused(gangId: string, code: string): void;
  /** An instance ended by itself. */
  died(instanceId: string): void;
  /** Slurm's ResumeTimeout is over for these nodes. */
  resumeFailed(nodes: readonly string[]): void;
  watchScheduler(scheduler: Scheduler): Scheduler;
  watchRegistry(registry: Registry): Registry;
  /** After everything that one moment brought about. */
  step(): void;
  /** At the end: everything has settled, or never will. */
  atRest(): void;
  /** Instance-seconds paid for while the instance's node ran no job. */
  idleSeconds(): number;
}

export function createCheckers(
  parts: Omit<Watched, 'state' | 'startedAt' | 'died' | 'endWanted' | 'suspended'>,
): Checkers {
  const watched: Watched = {
    ...parts,
    state: null,
    startedAt: 0,
    died: new Set(),
    endWanted: new Map(),
    suspended: new Set(),
  };
  const gangs = createGangChecks(watched);
  const apart = createApartChecks(watched);
  const money = createMoneyChecks(watched);
  const boots = createBootChecks(watched);
  const spares = createSpareChecks(watched);
  const stops = createStopChecks(watched);
  return {
    started(state) {
      watched.state = state;
      watched.startedAt = parts.clock.now();
    },
    turn(turn) {
      const isSuspend = turn.event.kind === 'HookCalled' && turn.event.request.verb === 'suspend';
      for (const effect of turn.effects) {
        if (effect.kind !== 'TerminateInstances') continue;
        if (isSuspend) for (const id of effect.instanceIds) watched.suspended.add(id);
        for (const id of effect.instanceIds)
          if (!watched.endWanted.has(id)) watched.endWanted.set(id, parts.clock.now());
      }
      gangs.turn(turn);
      apart.turn(turn);
      boots.turn(turn);
      spares.turn(turn);
      stops.turn(turn);
    },
    logged(line) {
      parts.chronicle.note('log', () => `${line.level} ${line.message}`);
      if (line.source === 'muster.controller:decide')
        parts.chronicle.broke('muster judges every request', line.message);
    },
    refused: (gangId, code) => gangs.refused(gangId, code),
    resumeFailed: (nodes) => boots.resumeFailed(nodes),
    died: (instanceId) => void watched.died.add(instanceId),
    watchScheduler: (scheduler) => apart.watchScheduler(scheduler),
    watchRegistry: (registry) => ({
      publish(entries) {
        parts.chronicle.note('registry', () =>
          entries.map(({ instanceId, node }) => `${instanceId}=${node}`).join(' '),
        );
        gangs.published(entries);
        return registry.publish(entries);
      },
      remove: (instanceIds) => registry.remove(instanceIds),
      list: () => registry.list(),
    }),
    step() {
      gangs.step();
      money.step();
      spares.step();
    },
    atRest: () => checkRest(watched),
    idleSeconds: () => money.idleSeconds(),
  };
}
