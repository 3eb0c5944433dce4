/** EC2 as the tests of the core need it: which instances run, and which token launched them. A token launches once. */
import type { EndReservation } from '../effects.ts';
import type { Instance, LaunchOrder } from '../instances.ts';
import type { ReservationOrder } from '../orders.ts';
import type { Instant } from '../units.ts';

/** EC2's reads lag, but not for ever. */
const hiddenMsMax = 120_000;

export interface Ec2Books {
  /** Instances that run. */
  readonly alive: Set<string>;
  /** What each client token launched, ended or not. */
  readonly launchedBy: Map<string, readonly string[]>;
  /** Answers an order: a token that launched before gets what still runs of that. */
  launch(order: LaunchOrder, count: number, now: Instant): Instance[];
  terminate(instanceIds: readonly string[]): void;
  /** Terminates what a token launched, as far as EC2 shows it: nothing of a young launch, unless `sees`. */
  sweep(clientToken: string, now: Instant, sees: boolean): string[];
  /** Reservations that are held, by id: the effect that made them, and how many places. */
  readonly reserved: Map<string, { readonly tag: string; readonly count: number }>;
  /** A token reserves once. */
  reserve(order: ReservationOrder, now: Instant): string;
  /** Cancels it, or whatever has the tag as far as EC2 shows it: no young one, unless `sees`. Returns how many there were. */
  endReservation(effect: EndReservation, now: Instant, sees: boolean): number;
}

export function createEc2Books(): Ec2Books {
  let count = 0;
  const launchedAt = new Map<string, Instant>();
  const alive = new Set<string>();
  const launchedBy = new Map<string, readonly string[]>();

  const reserved = new Map<string, { readonly tag: string; readonly count: number }>();
  const reservedBy = new Map<string, string>();
  const reservedAt = new Map<string, Instant>();

  function fresh(): string {
    count += 1;
    return `i-${String(count).padStart(4, '0')}`;
  }

  return {
    alive,
    launchedBy,
    reserved,
    reserve({ clientToken, tags, count: places }, now) {
      const known = reservedBy.get(clientToken);
      if (known !== undefined) return known;
      const id = `cr-${reservedBy.size + 1}`;
      reservedBy.set(clientToken, id);
      reservedAt.set(id, now);
      reserved.set(id, { tag: tags['muster:reservation'] ?? '', count: places });
      return id;
    },
    endReservation({ tag, reservationId }, now, sees) {
      // By its id it is cancelled whether it is shown or not.
      if (reservationId !== null) return reserved.delete(reservationId) ? 1 : 0;
      const isHidden = (id: string): boolean =>
        !sees && now < (reservedAt.get(id) ?? 0) + hiddenMsMax;
      const shown = [...reserved].filter(([id, each]) => each.tag === tag && !isHidden(id));
      for (const [id] of shown) reserved.delete(id);
      return shown.length;
    },
    launch({ clientToken }, wanted, now) {
      if (!launchedBy.has(clientToken)) {
        const ids = Array.from({ length: wanted }, fresh);
        launchedBy.set(clientToken, ids);
        launchedAt.set(clientToken, now);
        for (const id of ids) alive.add(id);
      }
      return (launchedBy.get(clientToken) ?? []).filter((id) => alive.has(id)).map(instanceOf);
    },
    terminate(instanceIds) {
      for (const id of instanceIds) alive.delete(id);
    },
    sweep(clientToken, now, sees) {
      const hidden = !sees && now < (launchedAt.get(clientToken) ?? 0) + hiddenMsMax;
      const launched = hidden ? [] : (launchedBy.get(clientToken) ?? []);
      return launched.filter((id) => alive.delete(id));
    },
  };
}

/** The instance `i-0007` has the address 10.0.0.7. */
export function instanceOf(instanceId: string): Instance {
  const number = Number(instanceId.slice(2));
  const privateIp = `10.0.${number >> 8}.${number & 255}`;
  return { instanceId, privateIp, hostname: `ip-${privateIp.replaceAll('.', '-')}` };
}
