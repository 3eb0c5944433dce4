/** Spares: how many are asked for, whose places they take, and when they end. */
import { describe, expect, test } from 'vitest';
import { observeEc2, lateAwaited } from './observe.ts';
import { idleSpares } from './spares.ts';
import { queueOf } from './testing/fleet.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld, type Jobs } from './testing/world.ts';
import type { Queue, Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';
const oneType = { c: ['c5.large us-east-1a'] };
const twoTypes = { c: ['c5.large us-east-1a'], d: ['m5.large us-east-1a'] };

interface Options {
  readonly settings?: Partial<Settings>;
  readonly queue?: Partial<Queue>;
  readonly resources?: Readonly<Record<string, readonly string[]>>;
}

/** A world in which nobody registers unless the test says so; the queue has one spare a gang. */
function world({ settings = {}, queue = {}, resources = oneType }: Options = {}): DrivenWorld {
  const one = createTestWorld(
    {
      resumeTimeoutMs: 1_800_000,
      bootTimeMs: 300_000,
      launchRequests: { burst: 100, perSecond: 2 },
      queues: [queueOf(resources, { spares: 1, ...queue })],
      ...settings,
    },
    createInvariants(),
  );
  return Object.assign(one, { boots: true });
}

/** The nodes q-dy-c-[1-4] are given to Slurm for job 1, with the instances i-0001 to i-0004; i-0005 and on are spares. */
function given(options: Options = {}, jobs: Jobs = ['q-dy-c-[1-4]']): DrivenWorld {
  const one = world(options);
  one.resume('q-dy-c-[1-4]', jobs);
  for (const launch of one.out('RunInstances')) one.launch(launch);
  for (const assign of one.out('AssignNodes')) one.finish(assign);
  return one;
}

function register(one: DrivenWorld, ...numbers: number[]): void {
  one.sendSeen({ registered: numbers.map((number) => `q-dy-c-${number}`) });
}

function end(one: DrivenWorld, ...instanceIds: string[]): void {
  one.ec2.terminate(instanceIds);
  one.send({ kind: 'Ec2Seen', ended: instanceIds, strays: [], strayReservations: [] });
}

function instanceOf(one: DrivenWorld, node: string): string | undefined {
  return one.state.leases.get(node)?.instance.instanceId;
}

/** Answers everything; whoever is awaited then registers. */
function rest(one: DrivenWorld): void {
  one.boots = false;
  one.settle();
  one.registerAll();
  one.settle();
  checkAtRest(one);
  checkReplay(one);
}

/** How many instances each call asks for: at least, and at most. */
function asked(one: DrivenWorld): number[][] {
  return one.out('RunInstances').map(({ order }) => [order.minCount, order.maxCount]);
}

function launched(nodes: string, jobs: Jobs, options: Options = {}): number[][] {
  const one = world(options);
  one.resume(nodes, jobs);
  return asked(one);
}

describe('a launch', () => {
  const four = 'q-dy-c-[1-4]';

  test('asks for spares beyond its nodes, and is whole without them', () => {
    expect(launched(four, [four])).toEqual([[4, 5]]);
    expect(launched(four, [four], { queue: { spares: 3 } })).toEqual([[4, 7]]);
    expect(launched(four, [four], { queue: { spares: 0 } })).toEqual([[4, 4]]);
  });

  test('has them in the ledger before it is made', () => {
    const one = world({ queue: { spares: 2 } });
    one.resume(four, [four]);
    expect(one.decisions('GangStarted')).toMatchObject([{ batches: [{ spares: 2 }] }]);
  });

  test('asks for no more than max_batch_size', () => {
    const options = { settings: { maxBatchSize: 5 }, queue: { spares: 3 } };
    expect(launched(four, [four], options)).toEqual([[4, 5]]);
    expect(launched(four, [four], { ...options, settings: { maxBatchSize: 4 } })).toEqual([[4, 4]]);
  });

  test('waits for no token because of them', () => {
    const bucket = (burst: number) => ({
      settings: { launchInstances: { burst, perSecond: 1 } },
      queue: { spares: 3 },
    });
    expect(launched(four, [four], bucket(6))).toEqual([[4, 6]]);
    expect(launched(four, [four], bucket(4))).toEqual([[4, 4]]);
  });

  test('leaves tokens to those that start with it', () => {
    const one = world({
      settings: { launchInstances: { burst: 8, perSecond: 1 } },
      queue: { spares: 3 },
    });
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-2]', 'q-dy-c-[3-4]']);
    expect(asked(one)).toEqual([
      [2, 5],
      [2, 3],
    ]);
  });

  test('of nodes that stand for themselves asks for none', () => {
    const best: Options = { settings: { scalingStrategy: 'best-effort' } };
    expect(launched(four, [four], best)).toEqual([[1, 4]]);
    expect(launched(four, ['q-dy-c-[1-2]', 'q-dy-c-3', 'q-dy-c-4'])).toEqual([
      [2, 3],
      [1, 2],
    ]);
    const batches: Options = { settings: { mode: 'node-list', allOrNothingBatch: true } };
    expect(launched(four, [four], batches)).toEqual([[4, 4]]);
  });

  test("into a reservation of the site's own asks for none", () => {
    const resources = { c: ['c5.large us-east-1a cr-site'] };
    expect(launched(four, [four], { resources })).toEqual([[4, 4]]);
  });

  test('of several in one pool asks for none: another call may need the room', () => {
    const options: Options = { settings: { maxBatchSize: 3 }, queue: { strategy: 'launch' } };
    expect(launched(four, [four], options)).toEqual([
      [3, 3],
      [1, 1],
    ]);
  });

  test('of several, each in a pool of its own, asks for spares in each', () => {
    const nodes = 'q-dy-c-[1-2],q-dy-d-[1-3]';
    const options: Options = { resources: twoTypes, queue: { strategy: 'launch' } };
    expect(launched(nodes, [nodes], options)).toEqual([
      [2, 3],
      [3, 4],
    ]);
  });

  test('into reservations that muster makes asks for none; one that does without asks for its own', () => {
    const nodes = 'q-dy-c-[1-2],q-dy-d-[1-3]';
    const one = world({ resources: twoTypes });
    one.resume(nodes, [nodes]);
    const [first, second] = one.out('CreateReservation');
    if (first === undefined || second === undefined) throw new Error('two are to be reserved');
    expect([first.order.count, second.order.count]).toEqual([2, 3]);
    one.refuse(first, 'Unsupported');
    one.finish(second);
    expect(asked(one)).toEqual([
      [2, 3],
      [3, 3],
    ]);
    for (const launch of one.out('RunInstances')) one.launch(launch);
    expect([...one.state.spares.values()]).toMatchObject([{ computeResource: 'c' }]);
    rest(one);
  });
});

describe('an answer', () => {
  test('gives the nodes theirs first; what is beyond is kept, and nobody learns its name', () => {
    const one = given({ queue: { spares: 2 } });
    expect([...one.state.leases.values()].map(({ instance }) => instance.instanceId)).toEqual([
      'i-0001',
      'i-0002',
      'i-0003',
      'i-0004',
    ]);
    expect([...one.state.spares.keys()]).toEqual(['i-0005', 'i-0006']);
    expect(one.effects('AssignNodes').flatMap(({ instanceIds }) => instanceIds)).toHaveLength(4);
    expect(one.effects('TerminateInstances')).toEqual([]);
  });

  test('without spares is as good', () => {
    const one = world();
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    one.launch(one.only('RunInstances'), 4);
    expect(one.state.spares.size).toBe(0);
    expect(one.verdict.bind(one)).toThrow('no verdict yet');
    one.finish(one.only('AssignNodes'));
    expect(one.verdict().given).toHaveLength(4);
    rest(one);
  });

  test('repeated without an instance that has ended is filled up from the spares', () => {
    const one = world();
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    const launch = one.only('RunInstances');
    one.loseAnswer(launch, 5);
    one.ec2.terminate(['i-0002']);
    one.advance(60_000);
    one.launch(one.only('RunInstances'));
    expect(instanceOf(one, 'q-dy-c-4')).toBe('i-0005');
    expect(one.state.spares.size).toBe(0);
    one.finish(one.only('AssignNodes'));
    rest(one);
  });

  test('counts them as held: what EC2 then refuses it refuses beside them', () => {
    const one = world({
      resources: twoTypes,
      queue: { strategy: 'launch' },
      settings: { capacityMemory: { refusalMs: 120_000, successMs: 3_600_000 } },
    });
    one.resume('q-dy-c-[1-2],q-dy-d-1', ['q-dy-c-[1-2],q-dy-d-1']);
    one.launch(one.launchFor('q-dy-c-1'));
    expect(one.state.memory.get('c5.large us-east-1a on-demand')?.success?.count).toBe(3);
    one.refuse(one.launchFor('q-dy-d-1'), noRoom);
    expect(one.decisions('SparesEnded')).toMatchObject([{ instanceIds: ['i-0003'] }]);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });
});

describe('a node that does not come', () => {
  test('gets a spare at once when its instance ends, and nothing is launched', () => {
    const one = given();
    end(one, 'i-0002');
    expect(one.out('RunInstances')).toEqual([]);
    expect(one.decisions('SparesTaken')).toMatchObject([
      { placed: [{ node: 'q-dy-c-2', instance: { instanceId: 'i-0005' } }] },
    ]);
    expect(one.only('AssignNodes')).toMatchObject({
      nodes: ['q-dy-c-2'],
      instanceIds: ['i-0005'],
    });
    expect(one.state.spares.size).toBe(0);
    one.finish(one.only('AssignNodes'));
    register(one, 1, 2, 3, 4);
    expect(one.state.boots.size).toBe(0);
    rest(one);
    expect(one.effects('RunInstances')).toHaveLength(1);
    expect(one.ec2.alive.size).toBe(4);
  });

  test('gets it when it is silent', () => {
    const one = given();
    register(one, 1, 2);
    one.advance(300_000);
    expect(one.decisions('NodesReplaced')).toMatchObject([
      { nodes: ['q-dy-c-3'], why: { code: 'BootTimeout' } },
      { nodes: ['q-dy-c-4'], why: { code: 'BootTimeout' } },
    ]);
    expect(instanceOf(one, 'q-dy-c-3')).toBe('i-0005');
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    rest(one);
    expect(one.ec2.alive.size).toBe(4);
  });

  test('gets it where a launch would come too late', () => {
    const one = given({ settings: { resumeTimeoutMs: 400_000 }, queue: { spares: 2 } });
    one.advance(150_000);
    end(one, 'i-0001');
    one.finish(one.only('AssignNodes'));
    one.now += 100_000;
    end(one, 'i-0005');
    expect(one.out('RunInstances')).toEqual([]);
    expect(instanceOf(one, 'q-dy-c-1')).toBe('i-0006');
  });

  test('gets none when the time for all of them is over', () => {
    const one = given({ settings: { resumeTimeoutMs: 400_000, bootTimeMs: 1_000_000 } });
    register(one, 1, 2);
    one.now += 360_000;
    end(one, 'i-0003');
    expect(one.decisions('SparesTaken')).toEqual([]);
    expect(one.decisions('BootFailed')).toHaveLength(1);
    rest(one);
  });

  test('beyond the spares has one launched, apart: a spare waits for no launch', () => {
    const one = given();
    end(one, 'i-0001', 'i-0002');
    expect(one.only('AssignNodes').nodes).toEqual(['q-dy-c-1']);
    expect(one.only('RunInstances').order).toMatchObject({ minCount: 1, maxCount: 1 });
    rest(one);
    expect(one.ec2.alive.size).toBe(4);
  });

  test('of another compute resource gets none', () => {
    const one = world({ resources: twoTypes, queue: { strategy: 'launch' } });
    const nodes = 'q-dy-c-[1-2],q-dy-d-1';
    one.resume(nodes, [nodes]);
    const [first, second] = one.out('RunInstances');
    if (first === undefined || second === undefined) throw new Error('two launches are expected');
    one.launch(first);
    one.launch(second, 1);
    one.finish(one.only('AssignNodes'));
    end(one, instanceOf(one, 'q-dy-d-1') ?? '');
    expect(one.decisions('SparesTaken')).toEqual([]);
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    rest(one);
  });

  test('that another gang waits for too gets none of the first one', () => {
    const one = given();
    one.asks = true;
    one.resume('q-dy-c-[4-5]', [{ job_id: 9, nodes_resume: 'q-dy-c-[4-5]' }]);
    end(one, 'i-0004');
    expect(one.decisions('SparesTaken')).toEqual([]);
    one.asks = false;
    rest(one);
  });
});

describe('the last ones of a gang', () => {
  test('are not waited for when all others have been up for half a minute and a spare is there', () => {
    const one = given();
    register(one, 1, 2, 3);
    one.advance(29_999);
    expect(one.decisions('SparesTaken')).toEqual([]);
    one.advance(1);
    expect(one.decisions('NodesReplaced')).toMatchObject([
      { nodes: ['q-dy-c-4'], why: { code: 'BootTimeout' } },
    ]);
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0004']);
    one.finish(one.only('AssignNodes'));
    register(one, 4);
    expect(one.state.boots.size).toBe(0);
    rest(one);
  });

  test('are waited for while there are fewer spares than they are, or nobody is up', () => {
    const one = given();
    one.advance(120_000);
    register(one, 1, 2);
    one.advance(60_000);
    register(one, 3);
    one.advance(29_000);
    expect(one.decisions('SparesTaken')).toEqual([]);
    register(one, 4);
    rest(one);
  });

  test('have as long again with the spare, and then the next one takes over', () => {
    const one = given({ queue: { spares: 2 } });
    register(one, 1, 2, 3);
    one.advance(30_000);
    one.finish(one.only('AssignNodes'));
    one.advance(29_000);
    expect(one.decisions('SparesTaken')).toHaveLength(1);
    one.advance(2_000);
    expect(one.decisions('SparesTaken')).toHaveLength(2);
    one.finish(one.only('AssignNodes'));
    one.advance(60_000);
    expect(one.decisions('NodesReplaced')).toHaveLength(2);
    rest(one);
  });

  test('are shown by a look at Slurm, if Slurm has them still powering up', () => {
    const one = given();
    register(one, 1, 2, 3);
    const at = one.now + 30_000;
    expect(lateAwaited(one.state, at - 1, ['q-dy-c-4'])).toEqual([]);
    expect(lateAwaited(one.state, at, ['q-dy-c-4'])).toEqual(['q-dy-c-4']);
    expect(lateAwaited(one.state, at, [])).toEqual([]);
  });

  test('one that registers in the same look keeps its instance', () => {
    const one = given();
    register(one, 1, 2, 3);
    one.now += 30_000;
    one.sendSeen({ registered: ['q-dy-c-4'], late: [] });
    expect(one.decisions('SparesTaken')).toEqual([]);
    rest(one);
  });
});

describe('spares end', () => {
  test('as soon as the gang is up, and the ledger has what they cost', () => {
    const one = given({ queue: { spares: 2 } });
    one.advance(90_000);
    register(one, 1, 2, 3, 4);
    expect(one.decisions('SparesEnded')).toMatchObject([
      { instanceIds: ['i-0005', 'i-0006'], why: 'SpareNotNeeded', heldMs: 180_000 },
    ]);
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0005', 'i-0006']);
    rest(one);
    expect(one.ec2.alive.size).toBe(4);
  });

  test('when their gang is let go, before Slurm has said whom its nodes serve', () => {
    const one = given();
    register(one, 1, 2, 3, 4);
    const other = given();
    register(other, 1);
    other.ec2.terminate(['i-0001']);
    other.send({ kind: 'Ec2Seen', ended: ['i-0001'], strays: [], strayReservations: [] });
    expect(other.decisions('SparesEnded')).toMatchObject([{ instanceIds: ['i-0005'] }]);
    rest(one);
    rest(other);
    expect(other.ec2.alive.size).toBe(0);
  });

  test('when the job is gone, while it launches and while it boots', () => {
    const one = given();
    one.sendSeen({ gone: [1] });
    expect(one.decisions('SparesEnded')).toHaveLength(1);
    rest(one);
    const other = world();
    other.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    other.launch(other.only('RunInstances'));
    expect(idleSpares(other.state)).toEqual([]);
    other.sendSeen({ gone: [1] });
    expect(other.decisions('SparesEnded')).toHaveLength(1);
    rest(other);
    expect(other.ec2.alive.size).toBe(0);
  });

  test('when Slurm powers all of its nodes down', () => {
    const one = given();
    one.advance(1_000);
    one.suspend('q-dy-c-[1-4]');
    expect(one.decisions('SparesEnded')).toHaveLength(1);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('when the gang leaves their rung', () => {
    const one = world({
      resources: {
        c: ['c5.large us-east-1a', 'c5.large us-east-1b'],
        d: ['m5.large us-east-1a', 'm5.large us-east-1b'],
      },
      queue: { strategy: 'launch' },
    });
    const nodes = 'q-dy-c-[1-2],q-dy-d-1';
    one.resume(nodes, [nodes]);
    one.launch(one.launchFor('q-dy-c-1'));
    one.refuse(one.launchFor('q-dy-d-1'), noRoom);
    expect(one.decisions('RungLeft')).toHaveLength(1);
    expect(one.decisions('SparesEnded')).toMatchObject([{ instanceIds: ['i-0003'] }]);
    expect(one.out('RunInstances').map(({ order }) => order.subnetId)).toEqual([
      'subnet-us-east-1b',
      'subnet-us-east-1b',
    ]);
    rest(one);
  });

  test('by themselves: another is not launched, and the job does not notice', () => {
    const one = given({ queue: { spares: 2 } });
    end(one, 'i-0005');
    expect(one.decisions('SparesEnded')).toMatchObject([
      { instanceIds: ['i-0005'], why: 'InstanceEnded' },
    ]);
    expect(one.state.boots.size).toBe(1);
    end(one, 'i-0006', 'i-0001');
    expect(one.decisions('SparesTaken')).toEqual([]);
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    rest(one);
  });

  test('with an answer that comes when nobody waits for it any more', () => {
    const one = world();
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    const launch = one.only('RunInstances');
    one.advance(1_000);
    one.suspend('q-dy-c-[1-4]');
    one.launch(launch);
    expect(one.decisions('AnswerLate')).toMatchObject([{ instanceIds: { length: 5 } }]);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('and a start after a crash has forgotten none', () => {
    const one = given({ queue: { spares: 2 } });
    end(one, 'i-0002');
    one.restart();
    expect([...one.state.spares.keys()]).toEqual(['i-0006']);
    expect(instanceOf(one, 'q-dy-c-2')).toBe('i-0005');
    one.advance(0);
    one.finish(one.only('AssignNodes'));
    register(one, 1, 2, 3, 4);
    rest(one);
    expect(one.ec2.alive.size).toBe(4);
  });
});

test('a spare is no stray, and its end is seen', () => {
  const one = given();
  const listing = { askedAt: one.now + 300_000, reservations: [], ended: [], unleased: [] };
  const spare = {
    instanceId: 'i-0005',
    privateIp: '10.0.0.5',
    hostname: 'h',
    clientToken: 'x',
    launchedAt: one.now,
  };
  const running = { ...listing, unleased: [spare] };
  expect(observeEc2(one.state, running)).toMatchObject({ ended: [], strays: [] });
  const over = { ...listing, ended: ['i-0005'] };
  expect(observeEc2(one.state, over)).toMatchObject({ ended: ['i-0005'], strays: [] });
});
