/**
 * The instances of the model and the indexes that find them.
 *
 * An instance is a set of instants; its state is worked out from them whenever it is asked for, so nothing has to
 * happen for it to change:
 *
 *   launched ── visible to describes ── address shown ── running ── booted ── end asked ── ended ── forgotten
 *
 * Only what others must hear of is an event on the agenda: the end (its room and address are free again) and being
 * forgotten.
 */
import type { Instant } from '../../core/units.ts';
import type { Reservation } from './reservations.ts';
import type { InstanceState, InstanceView, Market, ScheduledEvent } from './types.ts';

export interface Instance {
  readonly sequence: number;
  readonly id: string;
  readonly reservationId: string;
  readonly launchIndex: number;
  readonly instanceType: string;
  readonly vcpus: number;
  readonly imageId: string;
  readonly subnetId: string;
  readonly vpcId: string;
  readonly availabilityZone: string;
  readonly placementGroup: string;
  readonly tenancy: string;
  readonly market: Market;
  /** The reservation that it was launched into; it uses a place of it while that is not over. */
  readonly capacityReservation: Reservation | null;
  readonly efa: boolean;
  readonly clientToken: string;
  /** Shared by the instances of a launch; replaced, never changed. */
  tags: Readonly<Record<string, string>>;
  readonly privateIp: string;
  readonly privateDnsName: string;
  readonly launchedAt: Instant;
  readonly visibleAt: Instant;
  readonly addressAt: Instant;
  readonly runningAt: Instant;
  /** Infinity when it never boots. */
  readonly bootedAt: Instant;
  /** When its status check begins to fail; Infinity when it never does. */
  impairedAt: Instant;
  /** The same of the check of the system that it runs on. */
  systemImpairedAt: Instant;
  events: readonly ScheduledEvent[];
  /** What it has written, and when it did so last; null: nothing. */
  console: { readonly text: string; readonly at: Instant } | null;
  /** When EC2 takes it back; Infinity while nobody has said so. */
  interruptedAt: Instant;
  endAskedAt: Instant | null;
  endedAt: Instant | null;
  endReason: EndReason | null;
}

/** Who ended an instance, as EC2's stateReason tells it. */
export type EndReason = 'user' | 'own-shutdown' | 'spot-interruption' | 'capacity-block-end';

const stateReasons: Readonly<
  Record<EndReason, { readonly code: string; readonly message: string }>
> = {
  user: {
    code: 'Client.UserInitiatedShutdown',
    message: 'Client.UserInitiatedShutdown: User initiated shutdown',
  },
  'own-shutdown': {
    code: 'Client.InstanceInitiatedShutdown',
    message: 'Client.InstanceInitiatedShutdown: Instance initiated shutdown',
  },
  'spot-interruption': {
    code: 'Server.SpotInstanceTermination',
    message: 'Server.SpotInstanceTermination: Spot instance termination',
  },
  // EC2's documentation names none for this.
  'capacity-block-end': {
    code: 'Server.CapacityBlockTermination',
    message: 'Server.CapacityBlockTermination: Capacity Block ended',
  },
};

/** Empty when it uses no reservation, and when its reservation is over. */
export function reservationIdOf({ capacityReservation }: Instance): string {
  return capacityReservation?.over === null ? capacityReservation.id : '';
}

export function stateAt(instance: Instance, now: Instant): InstanceState {
  if (instance.endedAt !== null && now >= instance.endedAt) return 'terminated';
  if (instance.endAskedAt !== null) return 'shutting-down';
  // The launch's own answer says pending, even where nothing takes any time.
  return now >= instance.runningAt && now > instance.launchedAt ? 'running' : 'pending';
}

/** Milliseconds paid for up to `now`: from the launch until its end was asked. EC2's minimum of 60 s is not applied. */
export function paidMs(instance: Instance, now: Instant): number {
  return (instance.endAskedAt ?? now) - instance.launchedAt;
}

export function viewInstance(instance: Instance, now: Instant): InstanceView {
  const state = stateAt(instance, now);
  const addressShown = now >= instance.addressAt && state !== 'terminated';
  return {
    instanceId: instance.id,
    reservationId: instance.reservationId,
    launchIndex: instance.launchIndex,
    state,
    privateIp: addressShown ? instance.privateIp : '',
    privateDnsName: addressShown ? instance.privateDnsName : '',
    instanceType: instance.instanceType,
    imageId: instance.imageId,
    subnetId: instance.subnetId,
    vpcId: instance.vpcId,
    availabilityZone: instance.availabilityZone,
    placementGroup: instance.placementGroup,
    tenancy: instance.tenancy,
    market: instance.market,
    capacityReservationId: reservationIdOf(instance),
    efa: instance.efa,
    clientToken: instance.clientToken,
    launchedAt: instance.launchedAt,
    tags: instance.tags,
    stateReason: instance.endReason === null ? null : stateReasons[instance.endReason],
  };
}

export interface InstanceStore {
  add(instance: Instance): void;
  forget(instance: Instance): void;
  get(id: string): Instance | undefined;
  withToken(token: string): Iterable<Instance>;
  withTag(key: string, value: string): Iterable<Instance>;
  /** At most one: the instance that had this address last; it may have ended. */
  withAddress(address: string): Iterable<Instance>;
  retag(instance: Instance, tags: Readonly<Record<string, string>>): void;
  /** In launch order, from the first whose sequence is greater than `after`. */
  inOrder(after: number): Iterable<Instance>;
  size(): number;
}

function tagKey(key: string, value: string): string {
  return `${key}\u0000${value}`;
}

function addTo(index: Map<string, Set<Instance>>, key: string, instance: Instance): void {
  const found = index.get(key);
  if (found === undefined) index.set(key, new Set([instance]));
  else found.add(instance);
}

function removeFrom(index: Map<string, Set<Instance>>, key: string, instance: Instance): void {
  const found = index.get(key);
  if (found === undefined) return;
  found.delete(instance);
  if (found.size === 0) index.delete(key);
}

/** The index of the first instance whose sequence is greater than `after`. */
function firstAfter(ordered: readonly (Instance | null)[], base: number, after: number): number {
  return Math.min(ordered.length, Math.max(0, after + 1 - base));
}

export function createInstanceStore(): InstanceStore {
  const byId = new Map<string, Instance>();
  const byToken = new Map<string, Set<Instance>>();
  const byTag = new Map<string, Set<Instance>>();
  const byAddress = new Map<string, Instance>();
  // Sequences are handed out without gaps, so an instance's place is its sequence minus the first one's.
  let ordered: (Instance | null)[] = [];
  let base = 0;
  function dropForgottenHead(): void {
    let head = 0;
    while (head < ordered.length && ordered[head] === null) head += 1;
    if (head > 1024 && head * 2 > ordered.length) {
      ordered = ordered.slice(head);
      base += head;
    }
  }
  return {
    add(instance) {
      if (ordered.length === 0) base = instance.sequence;
      ordered.push(instance);
      byId.set(instance.id, instance);
      byAddress.set(instance.privateIp, instance);
      if (instance.clientToken !== '') addTo(byToken, instance.clientToken, instance);
      for (const [key, value] of Object.entries(instance.tags)) {
        addTo(byTag, tagKey(key, value), instance);
      }
    },
    forget(instance) {
      byId.delete(instance.id);
      if (byAddress.get(instance.privateIp) === instance) byAddress.delete(instance.privateIp);
      removeFrom(byToken, instance.clientToken, instance);
      for (const [key, value] of Object.entries(instance.tags)) {
        removeFrom(byTag, tagKey(key, value), instance);
      }
      ordered[instance.sequence - base] = null;
      dropForgottenHead();
    },
    get: (id) => byId.get(id),
    withToken: (token) => byToken.get(token) ?? [],
    withTag: (key, value) => byTag.get(tagKey(key, value)) ?? [],
    withAddress(address) {
      const found = byAddress.get(address);
      return found === undefined ? [] : [found];
    },
    retag(instance, tags) {
      for (const [key, value] of Object.entries(instance.tags)) {
        if (tags[key] !== value) removeFrom(byTag, tagKey(key, value), instance);
      }
      instance.tags = tags;
      for (const [key, value] of Object.entries(tags)) addTo(byTag, tagKey(key, value), instance);
    },
    *inOrder(after) {
      for (let index = firstAfter(ordered, base, after); index < ordered.length; index += 1) {
        const instance = ordered[index];
        if (instance) yield instance;
      }
    },
    size: () => byId.size,
  };
}
