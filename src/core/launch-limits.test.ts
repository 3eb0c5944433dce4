/** The runaway guard: what a limit lets through, what it refuses and why, and when that is tried again. */
import { describe, expect, test } from 'vitest';
import { defaultSettings, type LaunchLimits, type Queue, type Settings } from './settings.ts';
import { queueOf } from './testing/fleet.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld, type Jobs } from './testing/world.ts';

const minute = 60_000;
const noLimits: LaunchLimits = { instances: null, launchesPerHour: null, dollarsPerHour: null };

function limited(limits: Partial<LaunchLimits>): { limits: LaunchLimits } {
  return { limits: { ...noLimits, ...limits } };
}

/** Queues `p` and `q`, each with `a` (c5.large) and `b` (c6i.large, else c5.large). */
function fleet(ofP: Partial<Queue> = {}): Queue[] {
  const types = {
    a: ['c5.large us-east-1a'],
    b: ['c6i.large us-east-1a', 'c5.large us-east-1a'],
  };
  return [queueOf(types, { name: 'p', ...ofP }), queueOf(types, { name: 'q' })];
}

function world(settings: Partial<Settings>): DrivenWorld {
  return createTestWorld({ queues: fleet(), ...settings }, createInvariants());
}

/** One job a hostlist, numbered from `first`. */
function submit(one: DrivenWorld, first: number, ...hostlists: readonly string[]): void {
  const jobs: Jobs = hostlists.map((nodes, index) => ({
    job_id: first + index,
    nodes_resume: nodes,
  }));
  one.resume(hostlists.join(','), jobs);
}

function run(one: DrivenWorld): void {
  for (const kind of ['CreateReservation', 'RunInstances', 'AssignNodes'] as const)
    for (const effect of one.out(kind)) one.finish(effect);
}

/** Job, code, and what becomes of it. */
function refusals(one: DrivenWorld): unknown[] {
  return one
    .decisions('JobRefused')
    .map(({ jobId, code, hold, nextAt }) => [
      jobId,
      code,
      hold ?? Math.round(((nextAt ?? 0) - one.now) / minute),
    ]);
}

function messages(one: DrivenWorld): string[] {
  return one.decisions('JobRefused').map(({ message }) => message);
}

function launched(one: DrivenWorld): number {
  return one.effects('RunInstances').reduce((sum, { order }) => sum + order.maxCount, 0);
}

function rest(one: DrivenWorld): void {
  one.settle();
  checkAtRest(one);
  checkReplay(one);
}

describe('a limit on instances', () => {
  test('lets whole jobs in until it is reached, and tells the next one what runs', () => {
    const one = world(limited({ instances: 5 }));
    submit(one, 1, 'p-dy-a-[1-3]', 'q-dy-a-[1-3]', 'q-dy-a-[4-5]');
    expect(launched(one)).toBe(5);
    expect(messages(one)).toEqual([
      'limits.instances of the cluster is 5: 3 run or are being launched, and it needs 3; it may fit when others have ended',
    ]);
    expect(refusals(one)).toMatchObject([[2, 'InstanceLimitReached', expect.any(Number)]]);
    run(one);
    // What boots and what runs counts, too.
    submit(one, 4, 'p-dy-a-4');
    expect(refusals(one).at(-1)).toMatchObject([4, 'InstanceLimitReached', expect.any(Number)]);
    one.suspend('p-dy-a-[1-3]');
    submit(one, 4, 'p-dy-a-4');
    expect(launched(one)).toBe(6);
    rest(one);
  });

  test('of a queue is its own: another one goes on', () => {
    const one = world({ queues: fleet(limited({ instances: 2 })) });
    submit(one, 1, 'p-dy-a-[1-2]', 'p-dy-a-3', 'q-dy-a-[1-9]');
    expect(launched(one)).toBe(11);
    expect(messages(one)).toEqual([expect.stringContaining('limits.instances of queue p is 2')]);
    rest(one);
  });

  test('holds a job that is larger than it: no wait helps that', () => {
    const one = world(limited({ instances: 5 }));
    submit(one, 1, 'p-dy-a-[1-6]');
    expect(refusals(one)).toEqual([[1, 'LargerThanLimit', 'admin']]);
    expect(messages(one)).toEqual(['limits.instances of the cluster is 5, and it needs 6']);
    expect(launched(one)).toBe(0);
    rest(one);
  });

  test('counts a job over two queues for both', () => {
    const one = world({ queues: fleet(limited({ instances: 2 })), ...limited({ instances: 5 }) });
    submit(one, 1, 'p-dy-a-[1-2],q-dy-a-[1-3]');
    run(one);
    submit(one, 2, 'q-dy-a-4');
    submit(one, 3, 'p-dy-a-4');
    expect(messages(one)).toEqual([
      expect.stringContaining('of the cluster is 5: 5 run'),
      expect.stringContaining('of the cluster is 5: 5 run'),
    ]);
    rest(one);
  });

  test('lets as many jobs of one node in as fit, and refuses the others', () => {
    const one = world(limited({ instances: 3 }));
    submit(one, 1, 'p-dy-a-1', 'p-dy-a-2', 'p-dy-a-3', 'p-dy-a-4', 'p-dy-a-5');
    expect(launched(one)).toBe(3);
    expect(refusals(one).map((each) => (each as unknown[]).slice(0, 2))).toEqual([
      [4, 'InstanceLimitReached'],
      [5, 'InstanceLimitReached'],
    ]);
    rest(one);
  });

  test('lets as much of a soft launch-batch in as fits', () => {
    const one = world({ mode: 'node-list', ...limited({ instances: 3 }) });
    one.resume('p-dy-a-[1-5]', null);
    expect(launched(one)).toBe(3);
    expect(one.effects('GiveBackNodes')[0]).toMatchObject({
      nodes: ['p-dy-a-4', 'p-dy-a-5'],
      reason: expect.stringContaining('(Code:InstanceLimitReached)') as string,
    });
    rest(one);
  });

  test('refuses all of a soft launch-batch where nothing fits', () => {
    const one = world({ mode: 'node-list', ...limited({ instances: 3 }) });
    one.resume('p-dy-a-[1-3]', null);
    one.resume('p-dy-a-[4-5]', null);
    expect(launched(one)).toBe(3);
    expect(one.decisions('GangClosed').at(-1)?.refusals[0]?.code).toBe('InstanceLimitReached');
    rest(one);
  });

  test('counts what is being reserved', () => {
    const one = world({ maxBatchSize: 2, ...limited({ instances: 5 }) });
    submit(one, 1, 'p-dy-a-[1-4]');
    expect(one.out('CreateReservation')).toHaveLength(2);
    submit(one, 2, 'q-dy-a-[1-2]');
    expect(messages(one)).toEqual([expect.stringContaining('4 run or are being launched')]);
    rest(one);
  });

  test('has no room for spares where they would exceed it, and counts those that run', () => {
    const queues = fleet({ spares: 2 });
    const one = world({ queues, ...limited({ instances: 5 }) });
    submit(one, 1, 'p-dy-a-[1-3]');
    expect(one.only('RunInstances').order).toMatchObject({ minCount: 3, maxCount: 5 });
    one.boots = true;
    run(one);
    submit(one, 2, 'q-dy-a-1');
    expect(messages(one)).toEqual([expect.stringContaining('5 run or are being launched')]);
    one.registerAll();
    const tight = world({ queues, ...limited({ instances: 4 }) });
    submit(tight, 1, 'p-dy-a-[1-3]');
    expect(tight.only('RunInstances').order).toMatchObject({ minCount: 3, maxCount: 3 });
    for (const each of [one, tight]) rest(each);
  });

  test('is no try, so that the job is not held for it', () => {
    const retry = { ...defaultSettings.retry, tries: 1 };
    const one = world({ retry, ...limited({ instances: 3 }) });
    submit(one, 1, 'p-dy-a-[1-3]');
    for (let times = 0; times < 3; times += 1) submit(one, 2, 'p-dy-a-[4-5]');
    expect(one.decisions('JobRefused').map(({ tries, hold }) => [tries, hold])).toEqual([
      [0, null],
      [0, null],
      [0, null],
    ]);
    rest(one);
  });
});

describe('a limit on launches an hour', () => {
  test('refuses until the oldest are an hour old, and says when that is', () => {
    const one = world(limited({ launchesPerHour: 4 }));
    submit(one, 1, 'p-dy-a-[1-3]');
    // Those without an answer count.
    submit(one, 2, 'q-dy-a-[1-2]');
    expect(messages(one)).toEqual([expect.stringContaining('it may fit within the hour')]);
    run(one);
    one.suspend('p-dy-a-[1-3]');
    one.advance(10 * minute);
    submit(one, 2, 'q-dy-a-[1-2]');
    const last = one.decisions('JobRefused').at(-1);
    expect(last?.code).toBe('LaunchRateLimitReached');
    expect(last?.message).toContain('3 were launched in the last hour, and it needs 2');
    const nextAt = last?.nextAt ?? 0;
    expect(nextAt - one.now).toBeGreaterThan(48 * minute);
    expect(nextAt - one.now).toBeLessThanOrEqual(50 * minute);
    one.advance(nextAt - one.now);
    submit(one, 2, 'q-dy-a-[1-2]');
    expect(launched(one)).toBe(5);
    rest(one);
  });

  test('holds a job that is larger than it', () => {
    const one = world({ queues: fleet(limited({ launchesPerHour: 4 })) });
    submit(one, 1, 'p-dy-a-[1-5]');
    expect(refusals(one)).toEqual([[1, 'LargerThanLimit', 'admin']]);
    expect(messages(one)).toEqual(['limits.launches_per_hour of queue p is 4, and it needs 5']);
    rest(one);
  });
});

describe('a limit on dollars an hour', () => {
  const prices = { 'c5.large': 1, 'c6i.large': 3 };

  test('refuses what would cost more, and says what runs', () => {
    const one = world({ prices, ...limited({ dollarsPerHour: 4 }) });
    submit(one, 1, 'p-dy-a-[1-3]');
    run(one);
    submit(one, 2, 'p-dy-a-[4-5]');
    expect(messages(one)).toEqual([
      'limits.dollars_per_hour of the cluster is 4: what runs or is being launched costs 3.00, and it costs 2.00; it may fit when others have ended',
    ]);
    expect(refusals(one)).toMatchObject([[2, 'CostLimitReached', expect.any(Number)]]);
    rest(one);
  });

  test('takes a cheaper rung where the first one costs too much', () => {
    const one = world({ prices, ...limited({ dollarsPerHour: 4 }) });
    submit(one, 1, 'p-dy-b-[1-3]');
    expect(one.only('RunInstances').order.instanceType).toBe('c5.large');
    rest(one);
  });

  test('holds a job that no rung is cheap enough for', () => {
    const one = world({ prices, ...limited({ dollarsPerHour: 4 }) });
    submit(one, 1, 'p-dy-b-[1-5]');
    expect(refusals(one)).toEqual([[1, 'LargerThanLimit', 'admin']]);
    expect(messages(one)).toEqual([expect.stringContaining('it costs 5.00 by itself')]);
    rest(one);
  });

  test('does not hold a job for a rung that is too dear, while another one has no room', () => {
    const capacityMemory = { refusalMs: 10 * minute, successMs: 0 };
    const one = world({ prices, capacityMemory, ...limited({ dollarsPerHour: 4 }) });
    for (const jobId of [1, 2]) {
      submit(one, jobId, `p-dy-b-[1-3]`);
      for (const launch of one.out('RunInstances'))
        one.refuse(launch, 'InsufficientInstanceCapacity');
    }
    expect(one.decisions('JobRefused').map(({ code, hold }) => [code, hold])).toEqual([
      ['InsufficientInstanceCapacity', null],
      ['InsufficientInstanceCapacity', null],
    ]);
    rest(one);
  });

  test('launches nothing of a type that has no price', () => {
    const one = world({ prices: { 'c6i.large': 3 }, ...limited({ dollarsPerHour: 4 }) });
    submit(one, 1, 'p-dy-a-1');
    expect(refusals(one)).toEqual([[1, 'LargerThanLimit', 'admin']]);
    expect(messages(one)).toEqual([
      'limits.dollars_per_hour of the cluster is 4, and there is no price for c5.large: add it to prices in muster.yaml',
    ]);
    rest(one);
  });

  test('counts what runs without a price as the dearest there is one for', () => {
    const one = world({ prices: { 'c6i.large': 3 } });
    submit(one, 1, 'p-dy-a-1');
    run(one);
    const settings = { ...one.state.settings, ...limited({ dollarsPerHour: 5 }) };
    one.send({ kind: 'ConfigLoaded', settings });
    submit(one, 2, 'p-dy-b-1');
    expect(messages(one)).toEqual([expect.stringContaining('costs 3.00, and it costs 3.00')]);
    rest(one);
  });

  test('counts what a launch template names, while it is launched, as the dearest', () => {
    const one = world({ queues: null, prices });
    submit(one, 1, 'p-dy-a-1');
    const settings = { ...one.state.settings, queues: fleet(), ...limited({ dollarsPerHour: 5 }) };
    one.send({ kind: 'ConfigLoaded', settings });
    submit(one, 2, 'q-dy-b-1');
    expect(one.effects('RunInstances').at(-1)?.order.instanceType).toBe('c5.large');
    expect(one.decisions('JobRefused')).toEqual([]);
    submit(one, 3, 'q-dy-b-[2-3]');
    expect(messages(one)).toEqual([expect.stringContaining('costs 4.00, and it costs 2.00')]);
    rest(one);
  });

  test('does not know the price of what a launch template alone names', () => {
    const one = world({ queues: null, ...limited({ dollarsPerHour: 4 }) });
    submit(one, 1, 'p-dy-a-1');
    expect(messages(one)).toEqual([expect.stringContaining('no price for p/a')]);
    rest(one);
  });
});
