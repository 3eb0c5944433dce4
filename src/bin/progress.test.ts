import { expect, test } from 'vitest';
import { createManualClock } from '../controller/testing/fakes.ts';
import { startProgress } from './progress.ts';

function started(isTTY: boolean) {
  const clock = createManualClock(0);
  const said: string[] = [];
  const stream = { isTTY, write: (text: string) => void said.push(text) };
  const later = (time: number): void => {
    clock.time = time;
    clock.fire();
  };
  return { said, later, clock, progress: startProgress({ clock, stream }) };
}

test('on a terminal it tells who works at once, and what is waited for when that changes', () => {
  const { said, later, clock, progress } = started(true);
  progress.says('this process does the work');
  expect(said).toEqual(['muster: this process does the work\n']);
  let words = '20 nodes wait for EC2';
  progress.watch(() => words);
  expect(said).toHaveLength(1);
  later(1_000);
  later(2_000);
  words = '20 nodes wait for Slurm';
  later(3_000);
  progress.watch(() => 'calls under way end first');
  later(4_000);
  expect(said.slice(1)).toEqual([
    'muster: 20 nodes wait for EC2\n',
    'muster: 20 nodes wait for Slurm\n',
    'muster: calls under way end first\n',
  ]);
  progress.stop();
  expect(clock.timers).toEqual([]);
});

test('anywhere else it tells nothing, and looks at nothing', () => {
  const { said, clock, progress } = started(false);
  expect(progress.isShown).toBe(false);
  progress.says('this process does the work');
  progress.watch(() => 'EC2');
  expect(clock.timers).toEqual([]);
  expect(said).toEqual([]);
});
