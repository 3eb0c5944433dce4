/** What can be done to the instances of the model, and to the whole of it, from outside EC2's API. */
import type { DurationMs, Instant } from '../../core/units.ts';
import { unknownInstances } from './errors.ts';
import type { EventCode, ScheduledEvent } from './health-types.ts';
import type { Instance } from './instances.ts';
import { runInstances } from './launch.ts';
import { endInstance, interruptInstance } from './lifecycle.ts';
import type { Outage, World } from './world.ts';

/** Something to be scheduled for an instance. */
export interface EventSpec {
  readonly code: EventCode;
  /** Default: a sentence of EC2's own that suits the code. */
  readonly description?: string;
  /** Default: in an hour. */
  readonly notBefore?: Instant;
  readonly notAfter?: Instant;
}

/** Instances that nobody has launched through the API: another's, or some that were left behind. */
export interface PlantSpec {
  readonly instanceType: string;
  readonly subnetId: string;
  /** Default 1. */
  readonly count?: number;
  readonly tags?: Readonly<Record<string, string>>;
  readonly clientToken?: string;
  /** How long ago they were launched; default: just now. */
  readonly ageMs?: DurationMs;
}

/** Each throws Ec2ApiError when there is no instance with that id. */
export interface InstanceSettings {
  /** Makes an instance fail its status check from now on, or the check of the system under it. */
  impair(instanceId: string, check?: 'instance' | 'system'): void;
  scheduleEvent(instanceId: string, event: EventSpec): ScheduledEvent;
  /** Marks everything that is scheduled for the instance as over, as EC2 goes on telling for a week. */
  completeEvents(instanceId: string): void;
  /** Puts the text in the place of what the instance has written to its console. */
  setConsole(instanceId: string, text: string): void;
  /**
   * EC2 takes a spot instance back, after the notice time. Throws Ec2ApiError when there is none with that id, RangeError
   * for one of another market.
   */
  interrupt(instanceId: string): void;
  /**
   * The instance shuts itself down, and is terminated: stopped instances are not modelled, whatever its shutdown behaviour
   * is. Does nothing to one that is ending.
   */
  shutDown(instanceId: string): void;
  /** Answers their ids. Nothing is throttled and no fault strikes; throws Ec2ApiError when there is no room. */
  plant(spec: PlantSpec): readonly string[];
  /** Nobody is answered for that long: `reset` (default) breaks connections, `silence` leaves them open. 0: it is over. */
  setOutage(forMs: DurationMs, how?: Outage['how']): void;
}

const eventDescriptions: Readonly<Record<EventCode, string>> = {
  'instance-reboot': 'The instance is scheduled for a reboot',
  'system-reboot': 'The system is scheduled for a reboot',
  'system-maintenance': 'The system is scheduled for maintenance',
  'instance-retirement': 'The instance is running on degraded hardware',
  'instance-stop': 'The instance is running on degraded hardware',
};
const defaultNoticeMs = 3_600_000;

export function createInstanceSettings(now: () => Instant, world: () => World): InstanceSettings {
  function instanceWith(id: string): Instance {
    const instance = world().store.get(id);
    if (instance === undefined) throw unknownInstances([id]);
    return instance;
  }
  return {
    impair(instanceId, check = 'instance') {
      const instance = instanceWith(instanceId);
      if (check === 'instance') instance.impairedAt = now();
      else instance.systemImpairedAt = now();
    },
    scheduleEvent(instanceId, { code, description, notBefore, notAfter }) {
      const instance = instanceWith(instanceId);
      const event: ScheduledEvent = {
        id: `instance-event-0${world().otherIds.hex16()}`,
        code,
        description: description ?? eventDescriptions[code],
        notBefore: notBefore ?? now() + defaultNoticeMs,
        notAfter: notAfter ?? null,
      };
      instance.events = [...instance.events, event];
      return event;
    },
    completeEvents(instanceId) {
      const instance = instanceWith(instanceId);
      instance.events = instance.events.map((event) => ({
        ...event,
        description: `[Completed] ${event.description}`,
      }));
    },
    setConsole(instanceId, text) {
      instanceWith(instanceId).console = { text, at: now() };
    },
    interrupt(instanceId) {
      const instance = instanceWith(instanceId);
      if (instance.market !== 'spot') throw new RangeError(`${instanceId} is no spot instance`);
      interruptInstance(world(), instance, now() + world().times.spotNoticeMs);
    },
    shutDown(instanceId) {
      endInstance(world(), instanceWith(instanceId), now(), 'own-shutdown');
    },
    plant({ instanceType, subnetId, count = 1, tags = {}, clientToken, ageMs = 0 }) {
      const request = {
        instanceType,
        subnetId,
        imageId: 'ami-12345678',
        minCount: count,
        maxCount: count,
        tagSpecifications: [{ resourceType: 'instance', tags }],
        ...(clientToken !== undefined && { clientToken }),
      };
      const { instances } = runInstances(world(), request, null, now() - ageMs);
      return instances.map(({ id }) => id);
    },
    setOutage(forMs, how = 'reset') {
      world().outage = forMs > 0 ? { until: now() + forMs, how } : null;
    },
  };
}
