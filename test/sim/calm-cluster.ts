/**
 * A whole cluster in virtual time in which nothing goes wrong by chance: the production controller over its production
 * core, and the models of EC2 (its limits on calls and instances switched on) and of Slurm. For numbers: how many calls, how
 * long, how much. Faults are the business of the simulated worlds.
 */
import { createController, type Controller } from '../../src/controller/controller.ts';
import { nodeName } from '../../src/core/node-name.ts';
import type { HookVerb } from '../../src/core/requests.ts';
import { defaultSettings, type Queue, type Settings } from '../../src/core/settings.ts';
import type { Turn } from '../../src/core/turn.ts';
import type { DurationMs } from '../../src/core/units.ts';
import { createModelCloud } from '../../src/sim/ec2/cloud.ts';
import { createEc2Model, type CapacitySpec, type Ec2Model } from '../../src/sim/ec2/index.ts';
import { createSlurmModel, type SlurmModel } from '../../src/sim/slurm/model.ts';
import type { SlurmModelSettings } from '../../src/sim/slurm/types.ts';
import { createVirtualClock, type VirtualClock } from '../../src/sim/virtual-clock.ts';
import { createChronicle } from '../../src/sim/world/chronicle.ts';
import { createDice } from '../../src/sim/world/dice.ts';
import { createMachines } from '../../src/sim/world/machines.ts';
import {
  createMemoryLedger,
  createMemoryRegistry,
  createMemorySpool,
  type MemoryLedger,
} from '../../src/sim/world/stores.ts';
import { quiet } from './quiet.ts';

export interface CalmCluster {
  readonly clock: VirtualClock;
  readonly model: Ec2Model;
  readonly slurm: SlurmModel;
  readonly controller: Controller;
  /** All that is in the ledger. */
  readonly turns: readonly Turn[];
  /** Since the cluster began. */
  elapsedMs(): DurationMs;
  /** Lets time pass until `done` holds, looked at after every wake, or `limitMs` have passed since the beginning. */
  runUntil(limitMs: DurationMs, done?: () => boolean): Promise<void>;
  /**
   * Muster ends, whatever it is at, and starts again with an empty ledger. `names: false`: the registry is lost too, and the
   * ledger is one that was begun in its place (`muster ledger renew`).
   */
  loseLedger(kept?: { readonly names: boolean }): Promise<void>;
}

export interface CalmOptions {
  readonly queue: Queue;
  readonly settings: Partial<Settings>;
  readonly slurm: Partial<SlurmModelSettings> & Pick<SlurmModelSettings, 'resumeTimeoutMs'>;
  readonly capacity: readonly CapacitySpec[];
  readonly bootMs: DurationMs;
}

export const instanceType = 'c5.xlarge';
export const zone = 'us-east-2a';

/** One queue `q` of one compute resource `c`, whose nodes are `q-dy-c-1..count`. */
export function oneQueue(count: number, more: Partial<Queue> = {}): Queue {
  const launch = {
    kind: 'instance-type',
    instanceType,
    imageId: 'ami-0123456789abcdef0',
    subnetId: 'subnet-0000000000000000a',
    placementGroup: null,
    efa: false,
  } as const;
  const resource = {
    name: 'c',
    minCount: 0,
    maxCount: count,
    instanceTypes: [instanceType],
    launch,
  };
  return { name: 'q', capacityType: 'on-demand', computeResources: [resource], ...more };
}

/** Starts muster; nothing is submitted yet. */
export async function startCalmCluster(options: CalmOptions): Promise<CalmCluster> {
  const beginAt = Date.UTC(2030, 0, 1);
  const clock = createVirtualClock(beginAt);
  const model = createEc2Model({ now: () => clock.now(), capacity: options.capacity });
  model.setTimes({ pendingMs: 8_000, bootMs: options.bootMs, shutdownMs: 30_000 });
  const spool = createMemorySpool();
  let spooled = (): void => undefined;
  let calls = 0;
  function hook(verb: HookVerb, hostlist: string, resumeFile: string | null): void {
    calls += 1;
    const id = `00000000-0000-4000-8000-${String(calls).padStart(12, '0')}`;
    clock.schedule(10, () => {
      spool.put({ id, verb, at: clock.now(), hostlist, resumeFile });
      spooled();
    });
  }
  const { queue } = options;
  const slurm = createSlurmModel({
    clock,
    partitions: [queue.name],
    nodes: nodesOf(queue),
    settings: { suspendTimeMs: 600_000, resumeRate: 0, minJobAgeMs: 86_400_000, ...options.slurm },
    hooks: {
      resume: (hostlist, file) => hook('resume', hostlist, file),
      suspend: (hostlist) => hook('suspend', hostlist, null),
      resumeFail: (hostlist) => hook('resume-fail', hostlist, null),
    },
  });
  const turns: Turn[] = [];
  const registry = createMemoryRegistry((instanceId) => machines.named(instanceId));
  const machines = createMachines({
    model,
    slurm,
    registry,
    clock,
    chronicle: createChronicle(() => clock.now(), false),
    weather: { isOut: () => false },
    dice: createDice(1, 'calm'),
  });
  const settings: Settings = {
    ...defaultSettings,
    clusterName: 'calm',
    region: 'us-east-2',
    resumeTimeoutMs: options.slurm.resumeTimeoutMs,
    queues: [queue],
    ...options.settings,
  };
  const emptyLedger = (): MemoryLedger => createMemoryLedger((turn) => turns.push(turn));
  const create = (ledger: MemoryLedger): Controller =>
    createController({
      clock,
      log: { write: () => undefined },
      ledger,
      spool: {
        scan: () => Promise.resolve(spool.list()),
        remove: (ids) => Promise.resolve(spool.remove(ids)),
        setAside: (id) => Promise.reject(new Error(`request ${id} was set aside`)),
        watch(wake) {
          spooled = wake;
          return () => undefined;
        },
      },
      cloud: createModelCloud(model, { clock, latencyMs: 2_000 }),
      scheduler: slurm,
      registry,
      consoles: { append: () => undefined },
    });
  let controller = create(emptyLedger());
  await controller.start(settings);
  await quiet();
  return {
    clock,
    model,
    slurm,
    get controller() {
      return controller;
    },
    turns,
    elapsedMs: () => clock.now() - beginAt,
    async runUntil(limitMs, done = () => false) {
      while (!done() && clock.step(beginAt + limitMs)) await quiet();
    },
    async loseLedger({ names } = { names: true }) {
      const stopped = controller.stop(0);
      while (clock.step(clock.now())) await quiet();
      await stopped;
      turns.length = 0;
      const ledger = emptyLedger();
      if (!names) {
        await registry.remove([...registry.names.keys()]);
        const event = { kind: 'LedgerBegun', at: clock.now(), since: 0 } as const;
        await ledger.append([{ event, decisions: [], effects: [] }]);
      }
      controller = create(ledger);
      await controller.start(settings);
      await quiet();
    },
  };
}

function nodesOf({ name: queue, computeResources }: Queue) {
  return computeResources.flatMap(({ name: computeResource, maxCount }) =>
    Array.from({ length: maxCount }, (_, index) => ({
      name: nodeName({ queue, computeResource, nodeType: 'dynamic', index: index + 1 }),
      partitions: [queue],
    })),
  );
}

/** How often EC2 answered the action, and of that with an error. */
export function callsOf(
  { model }: Pick<CalmCluster, 'model'>,
  action: 'RunInstances' | 'TerminateInstances' | 'CreateCapacityReservation',
): { readonly all: number; readonly refused: number } {
  const answers = Object.entries(model.stats().calls[action] ?? {});
  const sum = (list: typeof answers): number => list.reduce((total, [, count]) => total + count, 0);
  return { all: sum(answers), refused: sum(answers.filter(([answer]) => answer !== 'ok')) };
}
