import { expect, test } from 'vitest';
import type { SchedulerError } from '../../ports/scheduler.ts';
import { createUpdateLane, type NodeCall } from './update-lane.ts';

function call(node: string, waitsMs: number): NodeCall {
  return {
    kind: 'nodes',
    merge: node,
    what: `change ${node}`,
    items: [{ node, address: '', hostname: '' }],
    argsOf: () => [node],
    waitsMs,
  };
}

test('a call that has waited too long for its turn is not made, and those behind it are', async () => {
  const made: string[] = [];
  const answers: (() => void)[] = [];
  const run = ([node = '']: readonly string[]): Promise<SchedulerError | null> => {
    made.push(node);
    return new Promise((resolve) => answers.push(() => resolve(null)));
  };
  const lane = createUpdateLane(run, async () => new Map());
  const first = lane.enqueue(call('n1', Infinity));
  const late = lane.enqueue(call('n2', 5)).catch((error: unknown) => error);
  const last = lane.enqueue(call('n3', Infinity));
  await expect.poll(() => made).toEqual(['n1']);
  await new Promise((resolve) => setTimeout(resolve, 20));
  answers[0]?.();
  await first;
  expect(await late).toMatchObject({ name: 'SchedulerError', transient: true });
  await expect.poll(() => made).toEqual(['n1', 'n3']);
  answers[1]?.();
  await last;
});
