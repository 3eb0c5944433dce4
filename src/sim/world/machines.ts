/**
 * What instances do by themselves: they boot, look for their node name in the registry, start slurmd, which registers,
 * and end. Slurm hears of an end only through silence.
 */
import type { Instant } from '../../core/units.ts';
import type { Ec2Model } from '../ec2/index.ts';
import type { SlurmModel } from '../slurm/model.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Chronicle } from './chronicle.ts';
import type { Dice } from './dice.ts';
import type { MemoryRegistry } from './stores.ts';
import type { Weather } from './weather.ts';

/** How often a boot script looks for its name: so long may a name take to be seen. */
const lookMs = 1_000;
/** slurmd tries again to register. */
const registerAgainMs = 20_000;

export interface Machines {
  /** A name was published: its instance may be waiting for it. */
  named(instanceId: string): void;
  /** The instance whose slurmd Slurm has taken for a node; undefined where it has none. */
  instanceOf(node: string): string | undefined;
  /** The last one that it took, and when, also after its end. */
  lastOf(node: string): { readonly instanceId: string; readonly at: Instant } | undefined;
  /** Instances whose end was not asked, in launch order. */
  readonly live: ReadonlySet<string>;
}

export interface MachineParts {
  readonly model: Ec2Model;
  readonly slurm: SlurmModel;
  readonly registry: Pick<MemoryRegistry, 'nameOf'>;
  readonly clock: VirtualClock;
  readonly chronicle: Chronicle;
  readonly weather: Pick<Weather, 'isOut'>;
  readonly dice: Dice;
}

export function createMachines(parts: MachineParts): Machines {
  const { model, slurm, registry, clock, chronicle, weather, dice } = parts;
  const live = new Set<string>();
  const booted = new Set<string>();
  const looking = new Set<string>();
  const joined = new Map<string, string>();
  const last = new Map<string, { instanceId: string; at: Instant }>();

  function look(instanceId: string): void {
    if (!live.has(instanceId) || looking.has(instanceId) || !booted.has(instanceId)) return;
    looking.add(instanceId);
    clock.schedule(dice.int(10, lookMs), () => {
      looking.delete(instanceId);
      if (live.has(instanceId)) startSlurmd(instanceId);
    });
  }

  function startSlurmd(instanceId: string): void {
    const node = registry.nameOf(instanceId);
    if (node === undefined) return;
    register(instanceId, node);
  }

  /** Until it has joined: slurmd asks again, as long as its machine runs. */
  function register(instanceId: string, node: string): void {
    const record = slurm.records.nodesByName.get(node);
    if (!live.has(instanceId) || record === undefined) return;
    const before = record.power;
    if (!weather.isOut('slurmctld'))
      slurm.registerNode(node, model.instance(instanceId)?.launchedAt);
    if (record.power === 'up' && (before !== 'up' || !joined.has(node))) {
      joined.set(node, instanceId);
      last.set(node, { instanceId, at: clock.now() });
      chronicle.note('slurmd', () => `${node} registers from ${instanceId}`);
      return;
    }
    clock.schedule(registerAgainMs, () => register(instanceId, node));
  }

  model.listen({
    launched(instance) {
      live.add(instance.id);
      if (instance.bootedAt === Infinity) {
        chronicle.fault('hung-boots', () => instance.id);
        return;
      }
      clock.schedule(instance.bootedAt - clock.now(), () => {
        if (!live.has(instance.id)) return;
        booted.add(instance.id);
        look(instance.id);
      });
    },
    ending(instance) {
      live.delete(instance.id);
      for (const [node, instanceId] of joined) {
        if (instanceId !== instance.id) continue;
        joined.delete(node);
        slurm.loseNode(node);
      }
    },
  });

  return {
    named: look,
    instanceOf: (node) => joined.get(node),
    lastOf: (node) => last.get(node),
    live,
  };
}
