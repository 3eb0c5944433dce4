/**
 * Capacity blocks: reservations bought for a stretch of time, which can be neither changed nor cancelled. The model's
 * owner makes them; their places are beside the on-demand pool, and only launches of the market `capacity-block` that
 * name the block use them. As in EC2 its instances are ended half an hour before it ends.
 */
import type { Instant } from '../../core/units.ts';
import { lookUpInstanceType } from './catalogue.ts';
import { endInstance } from './lifecycle.ts';
import { addReservation, viewReservation } from './reservations.ts';
import type { ReservationView, Tags } from './types.ts';
import type { World } from './world.ts';

const windDownMs = 30 * 60_000;

export interface CapacityBlockSpec {
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly count: number;
  /** Absent: at once. */
  readonly startsAt?: Instant;
  readonly endsAt: Instant;
  readonly tags?: Tags;
}

/** Throws RangeError for a type that is none, and for a block that ends before it starts. */
export function addCapacityBlock(
  world: World,
  spec: CapacityBlockSpec,
  now: Instant,
): ReservationView {
  const type = lookUpInstanceType(spec.instanceType);
  if (type === null) throw new RangeError(`"${spec.instanceType}" is no instance type`);
  const startsAt = spec.startsAt ?? now;
  if (!(spec.endsAt > Math.max(startsAt, now))) {
    throw new RangeError('a capacity block must end after its start, and after now');
  }
  const block = addReservation(
    world,
    {
      market: 'capacity-block',
      instanceType: spec.instanceType,
      vcpus: type.vcpus,
      availabilityZone: spec.availabilityZone,
      placementGroup: '',
      placementGroupArn: '',
      platform: 'Linux/UNIX',
      tenancy: 'default',
      matchCriteria: 'targeted',
      tags: spec.tags ?? {},
      clientToken: '',
      startsAt,
      endsAt: spec.endsAt,
      total: spec.count,
    },
    now,
    null,
  );
  world.agenda.add(Math.max(now, spec.endsAt - windDownMs), (at) => {
    for (const instance of world.store.inOrder(0)) {
      if (instance.capacityReservation === block) {
        endInstance(world, instance, at, 'capacity-block-end');
      }
    }
  });
  return viewReservation(block, now);
}
