import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createVirtualClock } from './virtual-clock.ts';

describe('virtual clock', () => {
  test('wakes come in order of time, and of asking where the time is the same', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 60 }), (delays) => {
        const clock = createVirtualClock(1000);
        const woken: { index: number; at: number }[] = [];
        for (const [index, delay] of delays.entries()) {
          clock.schedule(delay, () => woken.push({ index, at: clock.now() }));
        }
        clock.advanceTo(1050);
        const want = delays
          .map((delay, index) => ({ index, at: 1000 + delay }))
          .toSorted((a, b) => a.at - b.at || a.index - b.index);
        expect(woken).toEqual(want);
      }),
    );
  });

  test('a wake may schedule another one, which comes within the same call', () => {
    const clock = createVirtualClock(0);
    const times: number[] = [];
    clock.schedule(10, () => {
      times.push(clock.now());
      clock.schedule(5, () => times.push(clock.now()));
    });
    clock.advanceTo(14);
    expect(times).toEqual([10]);
    clock.advanceTo(15);
    expect(times).toEqual([10, 15]);
  });

  test('a cancelled wake does not come, cancelling twice does no harm', () => {
    const clock = createVirtualClock(0);
    const woken: string[] = [];
    const cancel = clock.schedule(1, () => woken.push('cancelled'));
    clock.schedule(1, () => woken.push('kept'));
    cancel();
    cancel();
    expect(clock.runUntilIdle(10)).toBe(true);
    expect(woken).toEqual(['kept']);
  });

  test('runUntilIdle stops at the last wake, or at its limit', () => {
    const clock = createVirtualClock(0);
    clock.schedule(7, () => undefined);
    expect(clock.runUntilIdle(100)).toBe(true);
    expect(clock.now()).toBe(7);
    clock.schedule(50, () => undefined);
    expect(clock.runUntilIdle(20)).toBe(false);
    expect(clock.now()).toBe(20);
    expect(clock.nextWake()).toBe(57);
  });

  test('step calls one wake at a time, so that promises run in between', async () => {
    const clock = createVirtualClock(0);
    const order: string[] = [];
    clock.schedule(1, () => void Promise.resolve().then(() => order.push('promise')));
    clock.schedule(1, () => order.push('second wake'));
    while (clock.step(10)) await Promise.resolve();
    expect(order).toEqual(['promise', 'second wake']);
    expect(clock.step(10)).toBe(false);
  });

  test('time does not run back', () => {
    const clock = createVirtualClock(100);
    expect(() => clock.advanceTo(99)).toThrow('Time does not run back');
    clock.schedule(-50, () => undefined);
    expect(clock.nextWake()).toBe(100);
  });
});
