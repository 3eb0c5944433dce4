/** What EC2 refused a moment ago is not asked for again: by pool and by size. */
import { describe, expect, test } from 'vitest';
import { queueOf } from './testing/fleet.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';
import type { Queue, Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';
const pool = 'c5.large us-east-1a on-demand';
const oneZone = { a: ['c5.large us-east-1a'], b: ['c5.large us-east-1a'] };

function world(
  settings: Partial<Settings> = {},
  resources: Readonly<Record<string, readonly string[]>> = oneZone,
  queue: Partial<Queue> = {},
): DrivenWorld {
  return createTestWorld(
    {
      launchRequests: { burst: 100, perSecond: 2 },
      capacityMemory: { refusalMs: 120_000, successMs: 3_600_000 },
      queues: [queueOf(resources, queue)],
      ...settings,
    },
    createInvariants(),
  );
}

let nextNode = 0;
/** A job on so many nodes that nobody had before. */
function ask(one: DrivenWorld, count: number, resource = 'a'): void {
  const nodes = `q-dy-${resource}-[${nextNode + 1}-${nextNode + count}]`;
  nextNode += count;
  one.resume(nodes, [nodes]);
}

function calls(one: DrivenWorld): number[] {
  return one.effects('RunInstances').map(({ order }) => order.maxCount);
}

/** The counts that are remembered of the pool: given, refused. */
function remembered(one: DrivenWorld, name = pool): (number | undefined)[] {
  const memory = one.state.memory.get(name);
  return [memory?.success?.count, memory?.refusal?.count];
}

describe('a size that EC2 has refused', () => {
  test('is not asked for again for a while, and the refusal says so', () => {
    const one = world();
    ask(one, 200);
    one.refuse(one.only('RunInstances'), noRoom, 'no room for c5.large');
    one.advance(30_000);
    ask(one, 200);
    expect(calls(one)).toEqual([200]);
    expect(one.givenBack().at(-1)).toContain(
      `(Code:${noRoom})Failure when resuming nodes: EC2 refused 200 30 s ago and was not asked again: no room for c5.large`,
    );
    one.advance(90_000);
    ask(one, 200);
    expect(calls(one)).toEqual([200, 200]);
    one.settle();
    checkAtRest(one);
  });

  test('holds up no smaller one', () => {
    const one = world();
    ask(one, 200);
    one.refuse(one.only('RunInstances'), noRoom);
    ask(one, 2);
    expect(calls(one)).toEqual([200, 2]);
    one.launch(one.only('RunInstances'));
    expect(remembered(one)).toEqual([2, 200]);
    one.settle();
    checkAtRest(one);
  });

  test('is known for every compute resource that has its instances there, together', () => {
    const one = world({ maxBatchSize: 500 });
    ask(one, 10);
    one.refuse(one.only('RunInstances'), noRoom);
    one.resume('q-dy-a-[901-905],q-dy-b-[1-5]', ['q-dy-a-[901-905],q-dy-b-[1-5]']);
    expect(one.givenBack().at(-1)).toContain('EC2 refused 10');
    ask(one, 9, 'b');
    expect(calls(one)).toEqual([10, 9]);
  });

  test('is known only of its zone: the next rung is asked', () => {
    const one = world({}, { a: ['c5.large us-east-1a', 'c5.large us-east-1b'] });
    ask(one, 10);
    one.refuse(one.only('RunInstances'), noRoom);
    one.finish(one.only('RunInstances'));
    ask(one, 10);
    expect(one.effects('RunInstances').map(({ order }) => order.subnetId)).toEqual([
      'subnet-us-east-1a',
      'subnet-us-east-1b',
      'subnet-us-east-1b',
    ]);
  });

  test('is known after a restart', () => {
    const one = world();
    ask(one, 10);
    one.refuse(one.only('RunInstances'), noRoom);
    one.restart();
    ask(one, 10);
    expect(calls(one)).toEqual([10]);
    one.settle();
    checkReplay(one);
  });

  test('is not lowered by what a gang is given in several calls: they count together', () => {
    const one = world({ maxBatchSize: 5 }, oneZone, { strategy: 'launch' });
    ask(one, 10);
    for (const each of one.out('RunInstances')) one.launch(each);
    expect(remembered(one)).toEqual([10, undefined]);
  });

  test('is larger by what was let go of the pool since', () => {
    const one = world();
    ask(one, 5);
    one.settle();
    const mine = nextNode;
    ask(one, 10);
    one.refuse(one.only('RunInstances'), noRoom);
    one.advance(1);
    one.suspend(`q-dy-a-[${mine - 4}-${mine}]`);
    expect(remembered(one)).toEqual([5, 15]);
    ask(one, 14);
    expect(calls(one)).toEqual([5, 10, 14]);
    one.settle();
    checkAtRest(one);
  });

  test('is not larger by what the refused gang itself gave up', () => {
    const one = world({ maxBatchSize: 5 }, oneZone, { strategy: 'launch' });
    ask(one, 10);
    const [first, second] = one.out('RunInstances');
    if (first === undefined || second === undefined) throw new Error('two calls are expected');
    one.launch(first);
    one.refuse(second, noRoom);
    expect(remembered(one)).toEqual([5, 10]);
    one.settle();
    checkAtRest(one);
  });
});

describe('a gang of several calls is remembered as one', () => {
  test('refused while its other calls are out: there is not room for all of them', () => {
    const one = world({ maxBatchSize: 5 }, oneZone, { strategy: 'launch' });
    ask(one, 10);
    const [, second] = one.out('RunInstances');
    if (second === undefined) throw new Error('two calls are expected');
    one.refuse(second, noRoom);
    expect(remembered(one)).toEqual([undefined, 10]);
  });

  test('refused before its other calls went out: that one was too large', () => {
    const one = world({ maxBatchSize: 5, launchRequests: { burst: 1, perSecond: 1 } }, oneZone, {
      strategy: 'launch',
    });
    ask(one, 10);
    one.refuse(one.only('RunInstances'), noRoom);
    expect(remembered(one)).toEqual([undefined, 5]);
  });

  test('reserved whole, or refused in part: what is held counts', () => {
    const one = world({ maxBatchSize: 500 });
    ask(one, 1_000);
    const [first, second] = one.out('CreateReservation');
    if (first === undefined || second === undefined) throw new Error('two are expected');
    one.finish(first);
    expect(remembered(one)).toEqual([500, undefined]);
    one.refuse(second, noRoom);
    expect(remembered(one)).toEqual([500, 1_000]);
    one.settle();
    // Room for 700: what fits is not held up by it.
    ask(one, 600);
    expect(one.out('CreateReservation').map(({ order }) => order.count)).toEqual([500, 100]);
    one.settle();
    expect(remembered(one)).toEqual([600, 1_000]);
    expect(one.ec2.alive.size).toBe(600);
    checkAtRest(one);
  });

  test('one reservation refused and one that AWS does not make: only the first is lack of room', () => {
    const one = world({ maxBatchSize: 5 });
    ask(one, 15);
    const [first, second, third] = one.out('CreateReservation');
    if (first === undefined || second === undefined || third === undefined)
      throw new Error('three are expected');
    one.refuse(first, 'ResourceLimitExceeded');
    expect(remembered(one)).toEqual([undefined, undefined]);
    one.refuse(second, noRoom);
    expect(remembered(one)).toEqual([undefined, 10]);
    one.finish(third);
    one.settle();
    checkAtRest(one);
  });
});

describe('nothing is remembered', () => {
  test.each(['RequestLimitExceeded', 'VcpuLimitExceeded', 'Unsupported', 'NeverHeardOf'])(
    'of %s: it is not about room',
    (code) => {
      const one = world();
      ask(one, 10);
      one.refuse(one.only('RunInstances'), code);
      expect(one.state.memory.size).toBe(0);
    },
  );

  test('of a subnet without addresses: another one has some', () => {
    const one = world({}, { a: ['c5.large us-east-1a', 'c5.large us-east-1a+2'] });
    ask(one, 10);
    one.refuse(one.only('RunInstances'), 'InsufficientFreeAddressesInSubnet');
    expect(one.state.memory.size).toBe(0);
    expect(one.only('RunInstances').order.subnetId).toBe('subnet-us-east-1a+2');
  });

  test('where the settings say so: every size is asked for every time', () => {
    const one = world({ capacityMemory: { refusalMs: 0, successMs: 0 } });
    ask(one, 10);
    one.refuse(one.only('RunInstances'), noRoom);
    ask(one, 10);
    expect(calls(one)).toEqual([10, 10]);
  });
});

describe('nodes that stand for themselves', () => {
  const soft = { scalingStrategy: 'best-effort' } as const;

  test('that were given a part have emptied the pool: not even one more is asked for', () => {
    const one = world(soft);
    ask(one, 10);
    one.launch(one.only('RunInstances'), 4);
    expect(remembered(one)).toEqual([undefined, 1]);
    ask(one, 3);
    expect(calls(one)).toEqual([10]);
    expect(one.givenBack().at(-1)).toContain('EC2 refused 1 1 s ago');
    one.settle();
    checkAtRest(one);
  });

  test('that were given nothing, too', () => {
    const one = world(soft);
    ask(one, 10);
    one.refuse(one.only('RunInstances'), noRoom);
    expect(remembered(one)).toEqual([undefined, 1]);
    one.settle();
    checkAtRest(one);
  });

  test('are asked for where more were refused: how many of them there are only EC2 knows', () => {
    const one = world();
    ask(one, 10);
    one.refuse(one.only('RunInstances'), noRoom);
    one.resume(
      'q-dy-b-[1-20]',
      Array.from({ length: 20 }, (_, index) => `q-dy-b-${index + 1}`),
    );
    expect(calls(one)).toEqual([10, 20]);
    one.settle();
    checkAtRest(one);
  });

  test('are asked for again when one of the pool has been let go', () => {
    const one = world(soft);
    ask(one, 10);
    const first = nextNode - 9;
    one.launch(one.only('RunInstances'), 4);
    one.settle();
    one.advance(1);
    one.suspend(`q-dy-a-${first}`);
    ask(one, 3);
    expect(calls(one)).toEqual([10, 3]);
    one.settle();
    checkAtRest(one);
  });
});

test('twenty gangs of fifty with room for seven hundred: fourteen run, one is refused, five are not asked for', () => {
  const one = world();
  let held = 0;
  for (let job = 0; job < 20; job += 1) {
    ask(one, 50);
    for (const launch of one.out('RunInstances')) {
      if (held + 50 > 700) one.refuse(launch, noRoom);
      else {
        held += 50;
        one.launch(launch);
      }
    }
  }
  expect(calls(one)).toHaveLength(15);
  one.settle();
  expect(one.ec2.alive.size).toBe(700);
  expect(one.decisions('JobRefused')).toHaveLength(6);
  checkAtRest(one);
});
