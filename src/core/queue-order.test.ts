/** Who goes first where EC2 has too little: by the behaviour of queues that are greedy, and of those that are not. */
import { describe, expect, test } from 'vitest';
import { checkAtRest, createInvariants } from './testing/invariants.ts';
import { queueOf } from './testing/fleet.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';
import type { Queue, Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';
const minute = 60_000;

/** A try every two minutes, so that passing others is over after four. */
const retry = { firstMs: 2 * minute, maxMs: 2 * minute, tries: 50, forMs: 24 * 3_600_000 };

function world(greedy: boolean, settings: Partial<Settings> = {}): DrivenWorld {
  const queues = [queueOf({ a: ['c5.large us-east-1a'], b: ['c5.large us-east-1b'] }, { greedy })];
  return createTestWorld(
    { launchRequests: { burst: 100, perSecond: 2 }, retry, queues, ...settings },
    createInvariants(),
  );
}

/** One job's request; its priority as Slurm tells it. */
function ask(one: DrivenWorld, jobId: number, nodes: string, priority: number | null = null): void {
  one.slurm.jobs.set(jobId, { nodes, priority });
  one.resume(nodes, [{ job_id: jobId, nodes_resume: nodes, nodes_alloc: nodes }]);
}

/** Job 1 over the compute resource's first nodes, refused by EC2. */
function refuseBigJob(one: DrivenWorld, resource = 'a', priority: number | null = null): void {
  ask(one, 1, `q-dy-${resource}-[1-9]`, priority);
  one.refuse(one.only('RunInstances'), noRoom);
  settleBack(one);
}

/** Slurm takes back what muster gives back. */
function settleBack(one: DrivenWorld): void {
  for (const back of one.out('GiveBackNodes')) one.finish(back);
}

/** What has become of a job: its last refusal, or null where it was asked for at EC2. */
function refusalOf(one: DrivenWorld, jobId: number) {
  return one.decisions('JobRefused').findLast((decision) => decision.jobId === jobId) ?? null;
}

function nextTryOf(one: DrivenWorld, jobId: number): number {
  return one.state.jobs.get(jobId)?.nextAt ?? Number.NaN;
}

describe('while a job that EC2 refused waits, a later one that wants the same pool', () => {
  test('launches in a greedy queue', () => {
    const one = world(true);
    refuseBigJob(one);
    ask(one, 2, 'q-dy-a-[11-12]');
    expect(one.only('RunInstances').order.maxCount).toBe(2);
    expect(refusalOf(one, 2)).toBeNull();
  });

  test('is refused at once in one that is not, without a call, and told behind whom', () => {
    const one = world(false);
    refuseBigJob(one);
    ask(one, 2, 'q-dy-a-[11-12]');
    expect(one.out('RunInstances')).toEqual([]);
    expect(refusalOf(one, 2)).toMatchObject({ code: 'BehindAnother', hold: null });
    expect(one.givenBack().at(-1)).toBe(
      'q-dy-a-11 q-dy-a-12 (Code:BehindAnother)Failure when resuming nodes: job 1, which EC2 had no room for, waits for 9 instances of the same capacity and goes first',
    );
    const [told] = one.effects('TellJobs').filter(({ jobIds }) => jobIds.includes(2));
    expect(told?.note).toMatch(/^refused .* \(Code:BehindAnother\) job 1, .*; next try .*greedy/);
    one.settle();
    checkAtRest(one);
  });

  test('is tried half a minute after it, and then launches', () => {
    const one = world(false);
    refuseBigJob(one);
    ask(one, 2, 'q-dy-a-[11-12]');
    settleBack(one);
    expect(nextTryOf(one, 2)).toBe(nextTryOf(one, 1) + 30_000);
    one.advance(nextTryOf(one, 1) - one.now);
    ask(one, 1, 'q-dy-a-[1-9]');
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    one.advance(30_000);
    ask(one, 2, 'q-dy-a-[11-12]');
    expect(one.only('RunInstances').order.maxCount).toBe(2);
  });

  test('waits on when that try is refused, too', () => {
    const one = world(false);
    refuseBigJob(one);
    ask(one, 2, 'q-dy-a-[11-12]');
    settleBack(one);
    one.advance(nextTryOf(one, 1) - one.now);
    refuseBigJob(one);
    one.advance(30_000);
    ask(one, 2, 'q-dy-a-[11-12]');
    expect(one.out('RunInstances')).toEqual([]);
    expect(nextTryOf(one, 2)).toBe(nextTryOf(one, 1) + 30_000);
  });

  test('launches as soon as the first one is held whole', () => {
    const one = world(false);
    refuseBigJob(one);
    one.advance(1_000);
    ask(one, 1, 'q-dy-a-[1-9]');
    one.launch(one.only('RunInstances'));
    ask(one, 2, 'q-dy-a-[11-12]');
    expect(one.only('RunInstances').order.maxCount).toBe(2);
  });

  test('launches when the first one does not come back at its time: it may be cancelled', () => {
    const one = world(false);
    refuseBigJob(one);
    one.advance(nextTryOf(one, 1) + 29_999 - one.now);
    ask(one, 2, 'q-dy-a-11');
    expect(one.out('RunInstances')).toEqual([]);
    settleBack(one);
    one.advance(1);
    ask(one, 3, 'q-dy-a-12');
    expect(one.out('RunInstances')).toHaveLength(1);
  });

  test('launches when the first one is held for a person: nobody knows when that comes', () => {
    const one = world(false, { retry: { ...retry, tries: 1 } });
    refuseBigJob(one);
    ask(one, 2, 'q-dy-a-11');
    expect(one.out('RunInstances')).toHaveLength(1);
  });
});

describe('in a queue that is not greedy, what is not held up', () => {
  const free: Record<string, (one: DrivenWorld) => void> = {
    'a job on another pool': (one) => ask(one, 2, 'q-dy-b-1'),
    'a job of more priority': (one) => ask(one, 2, 'q-dy-a-11', 101),
    'nodes of no job': (one) => one.resume('q-dy-a-11', null),
    'the job itself': (one) => ask(one, 1, 'q-dy-a-[1-9]', 100),
  };
  test.each(Object.entries(free))('%s', (_name, next) => {
    const one = world(false);
    refuseBigJob(one, 'a', 100);
    next(one);
    expect(one.out('RunInstances')).toHaveLength(1);
  });

  const heldUp: Record<string, number | null> = {
    'a job of the same priority is': 100,
    'a job of less priority is': 99,
    'a job whose priority nobody tells is': null,
  };
  test.each(Object.entries(heldUp))('%s', (_name, priority) => {
    const one = world(false);
    refuseBigJob(one, 'a', 100);
    ask(one, 2, 'q-dy-a-11', priority);
    expect(one.out('RunInstances')).toEqual([]);
  });

  test('a job that was refused before the one that waits', () => {
    const one = world(false);
    refuseBigJob(one, 'a', 100);
    one.advance(1_000);
    ask(one, 2, 'q-dy-a-[11-12]', 101);
    one.refuse(one.only('RunInstances'), noRoom);
    settleBack(one);
    expect(one.state.jobs.get(2)?.wants).not.toBeNull();
    ask(one, 1, 'q-dy-a-[1-9]', 100);
    expect(one.only('RunInstances').order.maxCount).toBe(9);
  });

  test('a job before the one that stands behind it', () => {
    const one = world(false);
    refuseBigJob(one);
    ask(one, 2, 'q-dy-a-[11-12]');
    settleBack(one);
    ask(one, 1, 'q-dy-a-[1-9]');
    expect(one.only('RunInstances').order.maxCount).toBe(9);
  });

  test('a replacement for a node that does not boot', () => {
    const one = world(false, { resumeTimeoutMs: 60 * minute });
    one.boots = true;
    ask(one, 2, 'q-dy-a-[11-12]');
    one.finish(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    refuseBigJob(one);
    const lost = one.state.leases.get('q-dy-a-11')?.instance.instanceId ?? '';
    one.send({ kind: 'Ec2Seen', ended: [lost], strays: [], strayReservations: [] });
    expect(one.only('RunInstances').order.maxCount).toBe(1);
  });

  test('a job behind one that was refused for something else', () => {
    const one = world(false);
    ask(one, 1, 'q-dy-a-[1-9]');
    one.refuse(one.only('RunInstances'), 'SomethingNew');
    settleBack(one);
    ask(one, 2, 'q-dy-a-11');
    expect(one.out('RunInstances')).toHaveLength(1);
  });
});

describe('a job with a ladder', () => {
  function ladder(words: readonly string[]): Queue {
    return queueOf({ a: words }, { greedy: false });
  }

  test('takes the rung that nobody waits for', () => {
    const queues = [
      ladder(['c5.large us-east-1a']),
      { ...ladder(['c5.large us-east-1a', 'c5.large us-east-1b']), name: 'wide' },
    ];
    const one = world(false, { queues });
    refuseBigJob(one);
    ask(one, 2, 'wide-dy-a-1');
    expect(one.only('RunInstances').order.subnetId).toBe('subnet-us-east-1b');
  });

  test('that waits is waited for on all its rungs', () => {
    const queues = [ladder(['c5.large us-east-1a', 'c5.large us-east-1b'])];
    const one = world(false, { queues });
    ask(one, 1, 'q-dy-a-[1-9]');
    one.refuse(one.only('RunInstances'), noRoom);
    one.refuse(one.only('RunInstances'), noRoom);
    settleBack(one);
    expect(one.state.jobs.get(1)?.wants).toMatchObject({
      pools: ['c5.large us-east-1a on-demand', 'c5.large us-east-1b on-demand'],
      count: 9,
    });
    ask(one, 2, 'q-dy-a-11');
    expect(one.out('RunInstances')).toEqual([]);
  });

  test('refused by EC2 on its own rung is told so, not that it stands behind another', () => {
    const queues = [
      ladder(['c5.large us-east-1a']),
      { ...ladder(['c5.large us-east-1b', 'c5.large us-east-1a']), name: 'wide' },
    ];
    const one = world(false, { queues });
    refuseBigJob(one);
    ask(one, 2, 'wide-dy-a-[1-2]');
    one.refuse(one.only('RunInstances'), noRoom);
    expect(refusalOf(one, 2)).toMatchObject({ code: noRoom, tries: 1 });
  });
});

describe('to stand behind another', () => {
  test('is no try of EC2, and goes on for as long as tries do', () => {
    const one = world(false, { retry: { ...retry, tries: 2, forMs: 60 * minute } });
    refuseBigJob(one);
    for (let times = 0; times < 3; times += 1) {
      ask(one, 2, 'q-dy-a-11');
      settleBack(one);
    }
    expect(refusalOf(one, 2)).toMatchObject({ tries: 0, hold: null });
    one.advance(60 * minute);
    ask(one, 3, 'q-dy-a-[21-29]');
    one.refuse(one.only('RunInstances'), noRoom);
    settleBack(one);
    // Refused before job 3 was: job 2 goes first now.
    ask(one, 2, 'q-dy-a-11');
    expect(one.out('RunInstances')).toHaveLength(1);
  });

  test('keeps a wide job in its place that was refused before', () => {
    const one = world(false);
    refuseBigJob(one);
    one.advance(1_000);
    ask(one, 2, 'q-dy-b-[1-9]');
    one.refuse(one.only('RunInstances'), noRoom);
    settleBack(one);
    const before = one.state.jobs.get(2)?.wants;
    ask(one, 2, 'q-dy-a-[11-12]');
    settleBack(one);
    expect(refusalOf(one, 2)?.code).toBe('BehindAnother');
    expect(one.state.jobs.get(2)?.wants).toEqual(before);
  });
});

describe('a job that greedy queues pass', () => {
  /** At its time it is tried, and refused. */
  function tryAgain(one: DrivenWorld): void {
    one.advance(nextTryOf(one, 1) - one.now);
    refuseBigJob(one);
  }

  /** Whether a small job launches now. */
  function passes(one: DrivenWorld, jobId: number): boolean {
    ask(one, jobId, `q-dy-a-${100 + jobId}`);
    const mayPass = one.out('RunInstances').length > 0;
    for (let effect = one.running[0]; effect !== undefined; effect = one.running[0])
      one.finish(effect);
    return mayPass;
  }

  test('goes first, until its next try, after two of the longest back-offs; then it is passed again', () => {
    const one = world(true);
    refuseBigJob(one);
    const start = one.now;
    const firstFrom: number[] = [];
    for (let times = 0; times < 12; times += 1) {
      if (!passes(one, 10 + times)) firstFrom.push(one.now - start);
      tryAgain(one);
    }
    // It is tried every one to two minutes.
    const pauses = firstFrom.map((at, index) => at - (firstFrom[index - 1] ?? 0));
    expect(pauses.length).toBeGreaterThanOrEqual(2);
    for (const pause of pauses) {
      expect(pause).toBeGreaterThan(4 * minute);
      expect(pause).toBeLessThanOrEqual(6 * minute);
    }
  });

  test('starts to count anew when it was refused for something else', () => {
    const one = world(true);
    refuseBigJob(one);
    one.advance(5 * minute);
    ask(one, 1, 'q-dy-a-[1-9]');
    one.refuse(one.only('RunInstances'), 'SomethingNew');
    settleBack(one);
    refuseBigJob(one);
    expect(one.state.jobs.get(1)?.wants).toMatchObject({ isFirst: false, passedSince: one.now });
  });
});

test('jobs of one node each are held up together, each told', () => {
  const one = world(false);
  refuseBigJob(one);
  one.resume('q-dy-a-[11-12]', [
    { job_id: 2, nodes_resume: 'q-dy-a-11' },
    { job_id: 3, nodes_resume: 'q-dy-a-12' },
  ]);
  expect(one.out('RunInstances')).toEqual([]);
  expect([refusalOf(one, 2)?.code, refusalOf(one, 3)?.code]).toEqual([
    'BehindAnother',
    'BehindAnother',
  ]);
  one.settle();
  checkAtRest(one);
});

test('a job of one node that waits is waited for, too', () => {
  const one = world(false);
  one.resume('q-dy-a-[11-12]', [
    { job_id: 2, nodes_resume: 'q-dy-a-11' },
    { job_id: 3, nodes_resume: 'q-dy-a-12' },
  ]);
  one.refuse(one.only('RunInstances'), noRoom);
  settleBack(one);
  expect(one.state.jobs.get(3)?.wants).toMatchObject({ count: 1 });
  ask(one, 4, 'q-dy-a-13');
  expect(refusalOf(one, 4)?.message).toContain('waits for 1 instance of');
});

describe('of two jobs that were refused in one moment', () => {
  function bothRefused(): DrivenWorld {
    const one = world(false);
    one.resume('q-dy-a-[11-12]', [
      { job_id: 2, nodes_resume: 'q-dy-a-11' },
      { job_id: 3, nodes_resume: 'q-dy-a-12' },
    ]);
    one.refuse(one.only('RunInstances'), noRoom);
    settleBack(one);
    return one;
  }

  test('the one with the lower number goes first', () => {
    const one = bothRefused();
    ask(one, 3, 'q-dy-a-12');
    expect(one.out('RunInstances')).toEqual([]);
    ask(one, 2, 'q-dy-a-11');
    expect(one.out('RunInstances')).toHaveLength(1);
  });

  test('neither waits for the other when they are tried together', () => {
    const one = bothRefused();
    one.resume('q-dy-a-[11-12]', [
      { job_id: 2, nodes_resume: 'q-dy-a-11' },
      { job_id: 3, nodes_resume: 'q-dy-a-12' },
    ]);
    expect(one.only('RunInstances').order.maxCount).toBe(2);
  });
});

test('a gang to which another one hands over what it held goes on', () => {
  const one = world(false, { maxBatchSize: 2, launchRequests: { burst: 100, perSecond: 2 } });
  const queues = one.state.settings.queues?.map((queue) => ({
    ...queue,
    strategy: 'launch' as const,
  }));
  one.send({ kind: 'ConfigLoaded', settings: { ...one.state.settings, queues: queues ?? null } });
  one.resume('q-dy-a-[1-7]', ['q-dy-a-[1-4]', 'q-dy-a-[5-7]']);
  const [held, refused] = one.out('RunInstances');
  if (held === undefined || refused === undefined) throw new Error('two launches should run');
  one.launch(held);
  one.refuse(refused, noRoom);
  expect(one.state.jobs.get(1)?.wants).toMatchObject({ count: 4 });
  expect(one.only('RunInstances').order.maxCount).toBe(1);
  expect(one.effects('TerminateInstances')).toEqual([]);
});

test('the order survives a restart', () => {
  const one = world(false);
  refuseBigJob(one, 'a', 100);
  one.restart();
  ask(one, 2, 'q-dy-a-11', 50);
  expect(refusalOf(one, 2)?.code).toBe('BehindAnother');
});
