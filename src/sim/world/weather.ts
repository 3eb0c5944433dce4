/**
 * Which faults happen when: chances for single calls, windows in which something is away, and what changes in EC2
 * by itself. After `heal` nothing goes wrong any more, and EC2 has room for everybody.
 */
import type { DurationMs, Instant } from '../../core/units.ts';
import type { Ec2Model } from '../ec2/index.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Chronicle } from './chronicle.ts';
import { createDice, type Dice } from './dice.ts';
import type { FaultKind } from './faults.ts';
import type { Scenario } from './scenario.ts';
import { fleetPools } from './scenario-fleet.ts';

/** What can be away for a while. */
export type Outage = 'registry' | 'ledger' | 'spool' | 'slurmctld' | 'scontrol' | 'ec2';

export interface Weather {
  /** Whether a fault of an enabled kind happens now. `chance` is for an intensity of 1. */
  strikes(kind: FaultKind, chance: number): boolean;
  isOut(what: Outage): boolean;
  /** When it came back, or will come back; 0 where it never was out. */
  outUntil(what: Outage): Instant;
  /** The head node's clock. */
  wall(): Instant;
  /** Begins the faults that come by time. `between`: what is done to muster and to instances. */
  begin(acts: WeatherActs): void;
  heal(): void;
  isHealing(): boolean;
  /** How long outages, stops of muster and jumps have lasted in all: what may delay muster by right. */
  delayedMs(): DurationMs;
  addDelay(ms: DurationMs): void;
  /** Since when nothing has been away, stopped or set: outages, stops of muster, jumps. */
  calmSince(): Instant;
}

export interface WeatherActs {
  killInstance(): void;
  interruptInstance(): void;
  crash(): void;
  stop(): void;
  /** slurmctld is back. */
  slurmReturns(): void;
}

export interface WeatherParts {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly chronicle: Chronicle;
  readonly model: Ec2Model;
}

const outages: readonly {
  readonly kind: FaultKind;
  readonly what: Outage;
  readonly longestMs: DurationMs;
}[] = [
  { kind: 'registry', what: 'registry', longestMs: 120_000 },
  { kind: 'ledger', what: 'ledger', longestMs: 120_000 },
  // Longer ones are the ledger's as well: they share a disk.
  { kind: 'spool', what: 'spool', longestMs: 3_000 },
  { kind: 'slurmctld', what: 'slurmctld', longestMs: 120_000 },
  { kind: 'scontrol', what: 'scontrol', longestMs: 120_000 },
  { kind: 'lost-answers', what: 'ec2', longestMs: 120_000 },
];

export function createWeather(parts: WeatherParts): Weather {
  const { scenario, clock, chronicle, model } = parts;
  const { faults, intensity } = scenario;
  const calls = createDice(scenario.seed, 'calls');
  const sky = createDice(scenario.seed, 'sky');
  const outUntil = new Map<Outage, Instant>();
  let healing = false;
  let offset: DurationMs = 0;
  let delayed: DurationMs = 0;
  let troubleUntil: Instant = 0;

  function trouble(ms: DurationMs, lastsMs = ms): void {
    delayed += ms;
    troubleUntil = Math.max(troubleUntil, clock.now() + lastsMs);
  }

  /** Does `act` again and again during the fault phase, at random moments that are `meanMs` apart on the average. */
  function nowAndThen(meanMs: DurationMs, act: () => void): void {
    const next = (): void => {
      const wait = Math.max(1, Math.round(-Math.log(1 - sky.fraction()) * (meanMs / intensity)));
      clock.schedule(wait, () => {
        if (healing) return;
        act();
        next();
      });
    };
    next();
  }

  function goOut({ kind, what, longestMs }: (typeof outages)[number], acts: WeatherActs): void {
    const ms = sky.spread(200, longestMs);
    outUntil.set(what, Math.max(outUntil.get(what) ?? 0, clock.now() + ms));
    trouble(ms);
    chronicle.fault(kind, () => `${what} is away for ${ms / 1000} s`);
    clock.schedule(ms, () => {
      if (what === 'slurmctld' && !isOut(what)) acts.slurmReturns();
    });
  }

  function isOut(what: Outage): boolean {
    return !healing && (outUntil.get(what) ?? 0) > clock.now();
  }

  function jump(): void {
    const size = sky.spread(100, 600_000);
    const by = sky.chance(0.5) ? size : -size;
    offset += by;
    trouble(size, 0);
    chronicle.fault('clock', () => `it jumps by ${by / 1000} s`);
  }

  function begin(acts: WeatherActs): void {
    for (const outage of outages) {
      if (faults.has(outage.kind)) nowAndThen(300_000, () => goOut(outage, acts));
    }
    if (faults.has('capacity')) {
      changeRoom(parts, sky);
      nowAndThen(60_000, () => changeRoom(parts, sky));
    }
    if (faults.has('throttling'))
      nowAndThen(90_000, () => model.setThrottling(!model.isThrottling()));
    if (faults.has('clock')) nowAndThen(300_000, jump);
    if (faults.has('deaths')) nowAndThen(120_000, () => acts.killInstance());
    if (faults.has('interruptions')) nowAndThen(100_000, () => acts.interruptInstance());
    if (faults.has('crashes')) nowAndThen(300_000, () => acts.crash());
    if (faults.has('stops')) nowAndThen(400_000, () => acts.stop());
    setUp(parts, sky);
  }

  return {
    strikes: (kind, chance) =>
      !healing && faults.has(kind) && calls.chance(Math.min(0.9, chance * intensity)),
    isOut,
    outUntil: (what) => outUntil.get(what) ?? 0,
    wall: () => clock.now() + offset,
    begin,
    isHealing: () => healing,
    delayedMs: () => delayed,
    addDelay: (ms) => trouble(ms),
    calmSince: () => troubleUntil,
    heal() {
      healing = true;
      model.clearFaults();
      model.setTimes({ consistencyMs: 0, addressDelayMs: 0 });
      for (const { instanceType, availabilityZone, market } of model.pools())
        model.setCapacity(instanceType, availabilityZone, null, market);
    },
  };
}

/** The faults that last for the whole phase. */
function setUp({ scenario: { faults, bootMs }, model, chronicle }: WeatherParts, sky: Dice): void {
  const consistencyMs = faults.has('stale-reads') ? sky.spread(1_000, 60_000) : 0;
  const addressDelayMs = faults.has('no-addresses') ? sky.spread(500, 70_000) : 0;
  if (consistencyMs > 0) chronicle.fault('stale-reads', () => `for ${consistencyMs / 1000} s`);
  if (addressDelayMs > 0) chronicle.fault('no-addresses', () => `for ${addressDelayMs / 1000} s`);
  model.setTimes({
    bootMs,
    bootJitterMs: Math.floor(bootMs / 2),
    pendingMs: 8_000,
    shutdownMs: sky.int(1, 40) * 1000,
    consistencyMs,
    addressDelayMs,
  });
  model.setThrottling(faults.has('throttling'));
  if (faults.has('hung-boots'))
    model.addFault({ kind: 'never-boots', every: sky.int(5, 60), count: null });
}

/** Room for some of the fleet, for none of it, or for all. */
function changeRoom({ scenario, model, chronicle }: WeatherParts, sky: Dice): void {
  for (const { instanceType, availabilityZone, market, size } of fleetPools(scenario.queues)) {
    if (sky.chance(0.4)) continue;
    const room = sky.chance(0.2) ? null : sky.int(0, size);
    model.setCapacity(instanceType, availabilityZone, room, market);
    chronicle.fault(
      'capacity',
      () => `room for ${room ?? 'any number of'} ${instanceType} in ${availabilityZone}, ${market}`,
    );
  }
}
