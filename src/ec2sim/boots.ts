/**
 * What happens when an instance has booted: something of the caller's is started, and stopped when the instance ends.
 *
 * Boots that fall due together are started one at a time with a short pause between them: starting a process holds
 * Node's loop for some milliseconds, and the API must go on answering meanwhile.
 */
import type { Ec2Model, Instance } from '../sim/ec2/index.ts';

/** Stops what was started at boot. The promise resolves when it is gone. */
export type StopBoot = () => void | Promise<void>;

/**
 * Called when an instance has booted. What it returns is called when the instance ends or the simulator closes; what it is
 * given besides shuts the instance down from inside, which ends it.
 */
export type OnBoot = (instance: BootedInstance, shutDown: () => void) => StopBoot | void;

/** What a booting instance knows of itself. */
export interface BootedInstance {
  readonly instanceId: string;
  readonly privateIp: string;
  /** The first label of its private DNS name. */
  readonly hostname: string;
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly region: string;
  /** The simulator's URL. */
  readonly endpoint: string;
}

export interface Boots {
  /** Instances that wait for their boot, and those whose boot was started. */
  counts(): { readonly waiting: number; readonly started: number };
  /** Stops everything started; starts nothing more. */
  close(): Promise<void>;
}

const pauseBetweenBootsMs = 2;
/** How often the model is asked to catch up with what EC2 does of itself: take a spot instance back, end a block. */
const lookMs = 250;

export function watchBoots(model: Ec2Model, endpoint: string, onBoot: OnBoot): Boots {
  const timers = new Map<string, NodeJS.Timeout>();
  const started = new Map<string, StopBoot>();
  const stopping = new Set<Promise<void>>();
  const due = new Map<string, Instance>();
  let pump: NodeJS.Timeout | null = null;
  let open = true;

  function bootNext(): void {
    pump = null;
    const [instance] = due.values();
    if (instance === undefined) return;
    due.delete(instance.id);
    const booted = {
      instanceId: instance.id,
      privateIp: instance.privateIp,
      hostname: instance.privateDnsName.split('.')[0] ?? '',
      instanceType: instance.instanceType,
      availabilityZone: instance.availabilityZone,
      region: model.region,
      endpoint,
    };
    const stop = onBoot(booted, () => {
      if (started.has(instance.id)) model.shutDown(instance.id);
    });
    started.set(instance.id, stop ?? (() => undefined));
    if (due.size > 0) pump = setTimeout(bootNext, pauseBetweenBootsMs);
  }
  function stopBoot(id: string): void {
    const stop = started.get(id);
    if (stop === undefined) return;
    started.delete(id);
    const stopped = Promise.resolve(stop()).finally(() => stopping.delete(stopped));
    stopping.add(stopped);
  }
  const stopListening = model.listen({
    launched(instance) {
      if (instance.bootedAt === Infinity) return;
      const timer = setTimeout(
        () => {
          timers.delete(instance.id);
          due.set(instance.id, instance);
          if (open) pump ??= setTimeout(bootNext, 0);
        },
        // The same for all of a launch, so that their timers fire in order.
        instance.bootedAt - instance.launchedAt,
      );
      timers.set(instance.id, timer);
    },
    ending({ id }) {
      clearTimeout(timers.get(id));
      timers.delete(id);
      due.delete(id);
      stopBoot(id);
    },
  });
  const looking = setInterval(() => model.instance(''), lookMs);
  return {
    counts: () => ({ waiting: timers.size + due.size, started: started.size }),
    async close() {
      open = false;
      stopListening();
      clearInterval(looking);
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      due.clear();
      if (pump !== null) clearTimeout(pump);
      for (const id of started.keys()) stopBoot(id);
      await Promise.all(stopping);
    },
  };
}
