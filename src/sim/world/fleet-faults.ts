/**
 * What befalls the machines of the account besides muster's launches: checks that fail, events that EC2 schedules, and
 * instances that others start, or that somebody left behind with this cluster's tag. The latter must end; nobody else's may.
 */
import type { DurationMs, Instant } from '../../core/units.ts';
import type { Ec2Model, InstanceListener } from '../ec2/index.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Chronicle } from './chronicle.ts';
import { createDice, type Dice } from './dice.ts';
import type { Machines } from './machines.ts';
import type { Scenario } from './scenario.ts';
import type { Weather } from './weather.ts';

const strangerMeanMs: DurationMs = 200_000;
const illnessMeanMs: DurationMs = 150_000;

export interface FleetFaultParts {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly chronicle: Chronicle;
  readonly model: Ec2Model;
  readonly weather: Pick<Weather, 'isHealing'>;
  readonly machines: Pick<Machines, 'live'>;
  /**
   * When the ledger began, by the clock that muster had then, null before: what EC2 says to have launched earlier is another
   * ledger's, whatever carries the cluster's tag. Muster knows no other time.
   */
  readonly ledgerSince: () => Instant | null;
  /** EC2 ends an instance that muster has not asked to end. */
  readonly died: (instanceId: string) => void;
}

export interface FleetFaults {
  /** Begins what comes by time. */
  begin(): void;
  /** Every orphan has ended. */
  isSettled(): boolean;
  /** Tells what of the strangers should be otherwise. */
  atRest(): void;
}

/** The model as those see it who look at muster's launches alone: whatever muster launches is of a gang. */
export function withoutStrangers(model: Ec2Model): Ec2Model {
  return {
    ...model,
    listen({ launched, ending }: InstanceListener) {
      return model.listen({
        launched(instance) {
          if (!isStranger(instance)) launched?.(instance);
        },
        ending(instance) {
          if (!isStranger(instance)) ending?.(instance);
        },
      });
    },
  };
}

function isStranger({ tags }: { readonly tags: Readonly<Record<string, string>> }): boolean {
  return tags['muster:gang'] === undefined;
}

export function createFleetFaults(parts: FleetFaultParts): FleetFaults {
  const { scenario, clock, chronicle, model, weather } = parts;
  const { faults, intensity, seed, settings } = scenario;
  const dice = createDice(seed, 'fleet faults');
  /** With this cluster's tag, and when EC2 launched them. */
  const tagged = new Map<string, Instant>();
  const foreign = new Set<string>();

  /** Again and again, until healing begins. */
  function nowAndThen(meanMs: DurationMs, act: () => void): void {
    const wait = Math.max(1, Math.round(-Math.log(1 - dice.fraction()) * (meanMs / intensity)));
    clock.schedule(wait, () => {
      if (weather.isHealing()) return;
      act();
      nowAndThen(meanMs, act);
    });
  }

  function bringStranger(): void {
    const isOwn = dice.chance(0.4);
    const cluster = isOwn ? settings.clusterName : dice.pick(['', 'another']);
    const tags: Record<string, string> = cluster === '' ? {} : { 'muster:cluster': cluster };
    const [subnet] = model.subnets();
    const spec = { instanceType: 't3.nano', subnetId: subnet?.subnetId ?? '', tags };
    const [id = ''] = model.plant(spec);
    if (isOwn) tagged.set(id, clock.now());
    else foreign.add(id);
    chronicle.fault('strangers', () => `${id} with ${JSON.stringify(tags)}`);
  }

  function isOrphan(launchedAt: Instant): boolean {
    return launchedAt >= (parts.ledgerSince() ?? Infinity);
  }

  function isEnded(id: string): boolean {
    // EC2 forgets what has ended an hour ago.
    return model.instance(id)?.endAskedAt !== null;
  }

  return {
    begin() {
      if (faults.has('strangers')) nowAndThen(strangerMeanMs, bringStranger);
      if (faults.has('illness')) nowAndThen(illnessMeanMs, () => harm(parts, dice));
    },
    isSettled: () => [...tagged].every(([id, at]) => !isOrphan(at) || isEnded(id)),
    atRest() {
      for (const [id, at] of tagged) {
        if (!isOrphan(at)) foreign.add(id);
        else if (!isEnded(id))
          chronicle.broke('no stray money', `${id} has this cluster's tag and nobody, and runs`);
      }
      for (const id of foreign)
        if (isEnded(id))
          chronicle.broke('it touches its own', `${id} is somebody else's, and was ended`);
    },
  };
}

/** One of muster's instances fails a check from now on, or is to be retired, and then is. */
function harm({ machines, model, chronicle, clock, died }: FleetFaultParts, dice: Dice): void {
  const live = [...machines.live];
  if (live.length === 0) return;
  const id = dice.pick(live);
  if (dice.chance(0.6)) {
    const check = dice.pick(['instance', 'system'] as const);
    chronicle.fault('illness', () => `${id} fails its ${check} check`);
    model.impair(id, check);
    return;
  }
  const noticeMs = dice.spread(60_000, 3_600_000);
  chronicle.fault('illness', () => `${id} is to be retired in ${noticeMs / 1000} s`);
  model.scheduleEvent(id, { code: 'instance-retirement', notBefore: clock.now() + noticeMs });
  clock.schedule(noticeMs, () => {
    if (!machines.live.has(id)) return;
    died(id);
    model.perform('TerminateInstances', { instanceIds: [id] });
  });
}

export interface InterruptParts extends Pick<
  FleetFaultParts,
  'clock' | 'chronicle' | 'model' | 'machines'
> {
  readonly checkers: { died(instanceId: string): void };
  readonly dice: Dice;
}

/** EC2 gives notice to a spot instance and ends it later. */
export function interruptInstance(parts: InterruptParts): void {
  const { machines, model, chronicle, checkers, clock, dice } = parts;
  const onSpot = [...machines.live].filter((id) => model.instance(id)?.market === 'spot');
  if (onSpot.length === 0) return;
  const instanceId = dice.pick(onSpot);
  chronicle.fault('interruptions', () => instanceId);
  model.interrupt(instanceId);
  clock.schedule(model.times().spotNoticeMs, () => {
    // The model ends what is due as soon as it is asked for anything.
    if (machines.live.has(instanceId)) checkers.died(instanceId);
    model.instance(instanceId);
  });
}
