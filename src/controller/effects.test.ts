import { describe, expect, test } from 'vitest';
import type { AssignNodes, Effect, RunInstances } from '../core/effects.ts';
import type { Event } from '../core/events.ts';
import { CloudError, type ListedInstance } from '../ports/cloud.ts';
import { SchedulerError } from '../ports/scheduler.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { createEffectRunner } from './effects.ts';
import { createFakePorts, hold, quiet } from './testing/fakes.ts';

const start = Date.UTC(2022, 5, 21);

const launch: RunInstances = {
  kind: 'RunInstances',
  id: 'launch',
  batchId: 'launch',
  order: {
    clientToken: 'token',
    minCount: 1,
    maxCount: 2,
    launch: { kind: 'launch-template', name: 'demo-q-c', version: '$Latest' },
    market: 'on-demand',
    tags: {},
  },
};
const assign: AssignNodes = {
  kind: 'AssignNodes',
  id: 'assign',
  gangId: 'gang',
  updateAddress: true,
  nodes: ['q-dy-c-1', 'q-dy-c-2'],
  instanceIds: ['i-1', 'i-2'],
  addresses: ['10.0.0.1', '10.0.0.2'],
  hostnames: ['h1', 'h2'],
};
const terminate: Effect = { kind: 'TerminateInstances', id: 'end', instanceIds: ['i-1', 'i-2'] };
const sweep: Effect = { kind: 'SweepLaunch', id: 'sweep', clientToken: 'token' };
const giveBack: Effect = {
  kind: 'GiveBackNodes',
  id: 'back',
  nodes: ['q-dy-c-1'],
  reason: '(Code:X)y',
};

function listed(
  instanceId: string,
  privateIp: string,
  state: ListedInstance['state'] = 'pending',
): ListedInstance {
  return {
    instanceId,
    privateIp,
    hostname: 'h',
    state,
    clientToken: 'token',
    tags: {},
    launchedAt: start,
  };
}

function setUp() {
  const clock = createVirtualClock(start);
  const ports = createFakePorts(clock);
  /** Nodes that are nobody's any more. */
  const lost = new Set<string>();
  const run = createEffectRunner(ports, ({ nodes }) => nodes.filter((node) => !lost.has(node)));
  const events: Event[] = [];
  return {
    lost,
    clock,
    ports,
    events,
    run: (effect: Effect) => run(effect, (event) => void events.push(event)),
    /** Lets time pass in steps, promises in between. */
    async pass(ms: number) {
      const until = clock.now() + ms;
      await quiet();
      while (clock.step(until)) await quiet();
      clock.advanceTo(until);
      await quiet();
    },
  };
}

/** Runs one effect to its event. */
async function outcome(effect: Effect, prepare: (world: ReturnType<typeof setUp>) => void) {
  const world = setUp();
  prepare(world);
  world.run(effect);
  await quiet();
  return { journal: world.ports.journal, event: world.events[0], count: world.events.length };
}

const nothing = (): void => undefined;
const refused = new SchedulerError('Invalid node name specified', { transient: false });
const away = new SchedulerError('no contact', { transient: true });

describe('an assignment that Slurm takes its time for', () => {
  function telling() {
    const world = setUp();
    const told = hold<undefined>();
    world.ports.assign = () => told.promise;
    world.run(assign);
    return { world, told };
  }

  test('tells no name to an instance that has lost its gang, or its node, meanwhile', async () => {
    const { world, told } = telling();
    await quiet();
    world.lost.add('q-dy-c-1');
    told.resolve(undefined);
    await quiet();
    expect(world.ports.journal.at(-1)).toBe('publish i-2=q-dy-c-2');
    expect(world.events.map(({ kind }) => kind)).toEqual(['NodesAssigned']);
  });

  test('has not been done when that is all of them', async () => {
    const { world, told } = telling();
    await quiet();
    for (const node of assign.nodes) world.lost.add(node);
    told.resolve(undefined);
    await quiet();
    expect(world.ports.journal.filter((line) => line.startsWith('publish'))).toEqual([]);
    expect(world.events).toMatchObject([{ kind: 'EffectFailed', effectId: 'assign' }]);
  });
});

describe('an effect asks the world', () => {
  const table = new Map<string, [Effect, string[], Partial<Event>]>([
    [
      'launch: one RunInstances call',
      [launch, ['run token'], { kind: 'LaunchAnswered', effectId: 'launch', requestId: 'r-1' }],
    ],
    [
      'assign: Slurm first, the instances after it',
      [
        assign,
        ['assign q-dy-c-1=10.0.0.1/h1 q-dy-c-2=10.0.0.2/h2', 'publish i-1=q-dy-c-1 i-2=q-dy-c-2'],
        { kind: 'NodesAssigned', effectId: 'assign' },
      ],
    ],
    [
      'assign without addresses: the instances alone',
      [
        { ...assign, updateAddress: false },
        ['publish i-1=q-dy-c-1 i-2=q-dy-c-2'],
        { kind: 'NodesAssigned' },
      ],
    ],
    [
      'terminate: the names away, then the instances',
      [
        terminate,
        ['unpublish i-1 i-2', 'terminate i-1 i-2'],
        { kind: 'InstancesTerminated', effectId: 'end' },
      ],
    ],
    [
      'give back: down with the reason, and no more',
      [giveBack, ['down q-dy-c-1 (Code:X)y'], { kind: 'NodesGivenBack', effectId: 'back' }],
    ],
    [
      'give back what is down already: powered down alone',
      [{ ...giveBack, reason: null }, ['power-down q-dy-c-1'], { kind: 'NodesGivenBack' }],
    ],
    [
      'sweep with nothing to be found: a look and no more',
      [sweep, ['describe token'], { kind: 'LaunchSwept', effectId: 'sweep', instanceIds: [] }],
    ],
  ]);
  for (const [name, [effect, journal, event]] of table) {
    test(name, async () => {
      const got = await outcome(effect, nothing);
      expect(got.journal).toEqual(journal);
      expect(got.event).toMatchObject(event);
      expect(got.event?.at).toBe(start);
      expect(got.count).toBe(1);
    });
  }

  test('sweep: what runs is terminated, what has ended is left', async () => {
    const got = await outcome(sweep, ({ ports }) => {
      ports.describe = async () => [
        listed('i-1', '10.0.0.1', 'running'),
        listed('i-2', '', 'pending'),
        listed('i-3', '', 'terminated'),
        listed('i-4', '', 'shutting-down'),
      ];
    });
    expect(got.journal).toEqual(['describe token', 'terminate i-1 i-2']);
    expect(got.event).toMatchObject({ kind: 'LaunchSwept', instanceIds: ['i-1', 'i-2'] });
  });
});

describe('what goes wrong is an event', () => {
  const cloudError = new CloudError('InsufficientInstanceCapacity', 'no room', {
    requestId: 'b816',
  });
  const table = new Map<string, [Effect, (world: ReturnType<typeof setUp>) => void, unknown]>([
    [
      "a refused launch with EC2's code and request id",
      [
        launch,
        ({ ports }) => (ports.run = () => Promise.reject(cloudError)),
        {
          kind: 'LaunchFailed',
          failure: { code: 'InsufficientInstanceCapacity', message: 'no room', requestId: 'b816' },
        },
      ],
    ],
    [
      'a launch that failed on our side, whose outcome is open',
      [
        launch,
        ({ ports }) => (ports.run = () => Promise.reject(new TypeError('no socket'))),
        {
          kind: 'LaunchFailed',
          failure: { code: 'ConnectionError', message: 'no socket', requestId: null },
        },
      ],
    ],
    [
      'an assignment that Slurm refuses',
      [
        assign,
        ({ ports }) => (ports.assign = () => Promise.reject(refused)),
        { kind: 'EffectFailed', transient: false },
      ],
    ],
    [
      'an assignment that Slurm may take later',
      [
        assign,
        ({ ports }) => (ports.assign = () => Promise.reject(away)),
        { kind: 'EffectFailed', transient: true },
      ],
    ],
    [
      'a give-back that Slurm refuses',
      [
        giveBack,
        ({ ports }) => (ports.down = () => Promise.reject(refused)),
        { kind: 'EffectFailed', transient: false },
      ],
    ],
    [
      'a termination that EC2 does not take now',
      [
        terminate,
        // oxlint-disable-next-line prefer-promise-reject-errors
        ({ ports }) => (ports.terminate = () => Promise.reject('broken')),
        { kind: 'EffectFailed', effectId: 'end', message: 'broken', transient: true },
      ],
    ],
    [
      'a sweep that sees nothing of EC2',
      [
        sweep,
        ({ ports }) => (ports.describe = () => Promise.reject(cloudError)),
        { kind: 'EffectFailed', transient: true },
      ],
    ],
  ]);
  for (const [name, [effect, prepare, want]] of table) {
    test(name, async () => {
      const got = await outcome(effect, prepare);
      expect(got.event).toMatchObject(want as object);
      expect(got.count).toBe(1);
    });
  }

  test('nothing is published when Slurm does not know the address', async () => {
    const got = await outcome(
      assign,
      ({ ports }) => (ports.assign = () => Promise.reject(refused)),
    );
    expect(got.journal.join()).not.toContain('publish');
  });

  test('a registry that cannot be written keeps no instance running', async () => {
    const got = await outcome(terminate, ({ ports }) => {
      Object.assign(ports.registry, { remove: () => Promise.reject(new Error('EROFS')) });
    });
    expect(got.journal).toEqual(['terminate i-1 i-2']);
    expect(got.event).toMatchObject({ kind: 'EffectFailed', transient: true });
    expect(got.event).toHaveProperty('message', expect.stringContaining('EROFS'));
  });
});

describe('instances without a private address', () => {
  const bare = [
    { instanceId: 'i-1', privateIp: '10.0.0.1', hostname: 'h' },
    { instanceId: 'i-2', privateIp: '', hostname: '' },
  ];

  function launched() {
    const world = setUp();
    world.ports.run = async () => ({ requestId: 'r-1', instances: bare });
    world.run(launch);
    return world;
  }

  test('are looked up each second until EC2 shows it', async () => {
    const world = launched();
    await world.pass(2_500);
    expect(world.ports.journal).toEqual(['run token', 'describe token', 'describe token']);
    expect(world.events).toEqual([]);
    world.ports.describe = async () => [listed('i-2', '10.0.0.2')];
    await world.pass(1_000);
    expect(world.events[0]).toMatchObject({
      kind: 'LaunchAnswered',
      instances: [bare[0], { instanceId: 'i-2', privateIp: '10.0.0.2', hostname: 'h' }],
    });
  });

  test('make the launch one without an answer after a minute', async () => {
    const world = launched();
    await world.pass(65_000);
    expect(world.events).toMatchObject([{ kind: 'LaunchFailed', failure: { code: 'Timeout' } }]);
  });

  test('are not taken for a refusal when the look-up itself is refused', async () => {
    const world = launched();
    world.ports.describe = () =>
      Promise.reject(new CloudError('UnauthorizedOperation', 'You may not describe.'));
    await world.pass(65_000);
    expect(world.events).toMatchObject([{ kind: 'LaunchFailed', failure: { code: 'Timeout' } }]);
    expect(JSON.stringify(world.events)).toContain('You may not describe.');
  });

  test('survive a look-up that is throttled once', async () => {
    const world = launched();
    world.ports.describe = () => Promise.reject(new CloudError('RequestLimitExceeded', 'slow'));
    await world.pass(1_500);
    world.ports.describe = async () => [listed('i-2', '10.0.0.2')];
    await world.pass(1_000);
    expect(world.events[0]?.kind).toBe('LaunchAnswered');
  });
});

describe('lanes', () => {
  test('hold back launches beyond sixteen, and no termination for them', async () => {
    const world = setUp();
    const answers = Array.from({ length: 20 }, () => hold<{ requestId: string; instances: [] }>());
    let asked = 0;
    world.ports.run = () => {
      asked += 1;
      return (answers[asked - 1] ?? hold<never>()).promise;
    };
    for (let index = 0; index < 20; index += 1) world.run({ ...launch, id: `launch${index}` });
    world.run(terminate);
    await quiet();
    expect(asked).toBe(16);
    expect(world.events).toMatchObject([{ kind: 'InstancesTerminated' }]);
    answers[0]?.resolve({ requestId: 'r', instances: [] });
    answers[1]?.reject(new CloudError('InternalError', 'x'));
    await quiet();
    expect(asked).toBe(18);
  });

  test('are not kept by launches whose instances lack their addresses', async () => {
    const world = setUp();
    const bare = [{ instanceId: 'i-1', privateIp: '', hostname: '' }];
    let asked = 0;
    world.ports.run = async () => {
      asked += 1;
      return { requestId: 'r-1', instances: bare };
    };
    for (let index = 0; index < 20; index += 1) world.run({ ...launch, id: `launch${index}` });
    await quiet();
    expect(asked).toBe(20);
    expect(world.events).toEqual([]);
  });

  test('hold back terminations beyond eight, first come first served', async () => {
    const world = setUp();
    const first = hold<undefined>();
    world.ports.terminate = () => first.promise;
    for (let index = 0; index < 10; index += 1)
      world.run({ kind: 'TerminateInstances', id: `end${index}`, instanceIds: [`i-${index}`] });
    await quiet();
    const asked = (): string[] =>
      world.ports.journal.filter((line) => line.startsWith('terminate'));
    expect(asked()).toHaveLength(8);
    // Their names do not wait: the nodes may have their next life before EC2 has answered.
    expect(world.ports.journal).toContain('unpublish i-9');
    first.resolve(undefined);
    await quiet();
    expect(asked().at(-1)).toBe('terminate i-9');
  });
});
