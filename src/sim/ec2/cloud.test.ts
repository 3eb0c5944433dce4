/** How answers travel from the model to the port when a clock is given; the rest is the contract's. */
import { describe, expect, test } from 'vitest';
import type { LaunchOrder } from '../../core/instances.ts';
import type { Clock } from '../../ports/clock.ts';
import { createModelCloud } from './cloud.ts';
import { createEc2Model, type FaultSpec } from './index.ts';

const order: LaunchOrder = {
  clientToken: 't',
  minCount: 1,
  maxCount: 1,
  market: 'on-demand',
  tags: {},
  launch: {
    kind: 'instance-type',
    instanceType: 'c5.xlarge',
    imageId: 'ami-1',
    subnetId: 'subnet-0000000000000000a',
    placementGroup: null,
    efa: false,
  },
};

/** A clock that jumps to what is scheduled next. */
function createJumpingClock() {
  let now = 0;
  const scheduled: { at: number; wake: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    schedule(after, wake) {
      const entry = { at: now + after, wake };
      scheduled.push(entry);
      return () => scheduled.splice(scheduled.indexOf(entry), 1);
    },
  };
  return {
    clock,
    jump(): void {
      const [next] = scheduled.sort((left, right) => left.at - right.at);
      if (next === undefined) return;
      scheduled.shift();
      now = next.at;
      next.wake();
    },
  };
}

describe('an answer of the model', () => {
  const cases = new Map<string, { faults: FaultSpec[]; at: number; outcome: string }>([
    ['takes the latency', { faults: [], at: 20, outcome: 'answered' }],
    [
      'comes late when a fault delays it',
      {
        faults: [{ kind: 'delay-answer', action: 'RunInstances', delayMs: 5000 }],
        at: 5020,
        outcome: 'answered',
      },
    ],
    [
      'is a time-out when it comes too late',
      {
        faults: [{ kind: 'delay-answer', action: 'RunInstances', delayMs: 60_000 }],
        at: 30_000,
        outcome: 'Timeout',
      },
    ],
    [
      'is a time-out when it never comes',
      {
        faults: [{ kind: 'lose-answer', action: 'RunInstances', how: 'silence' }],
        at: 30_000,
        outcome: 'Timeout',
      },
    ],
    [
      'breaks where the connection does',
      {
        faults: [{ kind: 'lose-answer', action: 'RunInstances', how: 'reset' }],
        at: 20,
        outcome: 'ConnectionError',
      },
    ],
    [
      'can be a refusal',
      {
        faults: [{ kind: 'refuse', action: 'RunInstances', code: 'InternalError' }],
        at: 20,
        outcome: 'InternalError',
      },
    ],
  ]);
  for (const [name, { faults, at, outcome }] of cases) {
    test(name, async () => {
      const { clock, jump } = createJumpingClock();
      const model = createEc2Model({ now: clock.now, throttle: false, faults });
      const cloud = createModelCloud(model, { clock, latencyMs: 20 });
      const ended = cloud.runInstances(order).then(
        () => 'answered',
        (error: unknown) => (error as { code: string }).code,
      );
      expect(model.stats().launched).toBe(outcome === 'InternalError' ? 0 : 1);
      jump();
      expect(await ended).toBe(outcome);
      expect(clock.now()).toBe(at);
    });
  }
});
