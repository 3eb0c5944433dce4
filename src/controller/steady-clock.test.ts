import { expect, test } from 'vitest';
import { createSteadyClock } from './steady-clock.ts';
import { createManualClock } from './testing/fakes.ts';

test('goes with its clock, and on from where it was when that is set back', () => {
  const manual = createManualClock(10_000);
  const clock = createSteadyClock(manual);
  const told = [0, 500, -3_000, 200, 0, -1, 4_000].map((by) => {
    manual.time += by;
    return clock.now();
  });
  expect(told).toEqual([10_000, 10_500, 10_500, 10_700, 10_700, 10_700, 14_700]);
});

test('goes on from what an earlier life has seen', () => {
  const manual = createManualClock(10_000);
  const clock = createSteadyClock(manual);
  clock.notBefore(12_000);
  expect(clock.now()).toBe(12_000);
  manual.time += 300;
  expect(clock.now()).toBe(12_300);
  clock.notBefore(5_000);
  expect(clock.now()).toBe(12_300);
});

test('a moment told by its clock after that was set back is later than one told before', () => {
  const manual = createManualClock(10_000);
  const clock = createSteadyClock(manual);
  const before = clock.translate(manual.time);
  manual.time -= 8_000;
  clock.now();
  manual.time += 100;
  expect(clock.translate(manual.time - 40)).toBe(before + 60);
});

test('a moment is never later than now', () => {
  const manual = createManualClock(10_000);
  const clock = createSteadyClock(manual);
  expect(clock.translate(11_000)).toBe(10_000);
  expect(clock.translate(9_000)).toBe(9_000);
});

test('a moment is never before what an earlier life has seen', () => {
  const manual = createManualClock(10_000);
  const clock = createSteadyClock(manual);
  clock.notBefore(20_000);
  manual.time += 5_000;
  expect(clock.translate(9_000)).toBe(20_000);
});

test('a moment to come is told by the clock that others read', () => {
  const manual = createManualClock(10_000);
  const clock = createSteadyClock(manual);
  expect(clock.asTold(70_000)).toBe(70_000);
  manual.time -= 8_000;
  expect(clock.asTold(clock.now() + 60_000)).toBe(manual.time + 60_000);
  clock.notBefore(90_000);
  expect(clock.asTold(clock.now() + 60_000)).toBe(manual.time + 60_000);
});

test('timers are those of its clock', () => {
  const manual = createManualClock(10_000);
  const clock = createSteadyClock(manual);
  clock.notBefore(20_000);
  clock.schedule(500, () => undefined);
  expect(manual.timers.map(({ at }) => at)).toEqual([10_500]);
});
