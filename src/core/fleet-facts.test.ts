/** From the ledger and two listings to the nodes that are not to be left as they are. */
import { describe, expect, test } from 'vitest';
import {
  affairs,
  judgeFleet,
  reasonBy,
  type FleetListing,
  type HealthListing,
  type InstanceHealth,
  type SeenNode,
} from './fleet-facts.ts';
import { checkReplay } from './testing/invariants.ts';
import { createTestWorld, testStart, type DrivenWorld } from './testing/world.ts';

const later = testStart + 60_000;

function seen(node: string, change: Partial<SeenNode> = {}): SeenNode {
  return {
    node,
    power: 'up',
    isDown: false,
    isDrained: false,
    isFailing: false,
    isResponding: true,
    isRebooting: false,
    isReserved: false,
    isBusy: false,
    reason: '',
    ...change,
  };
}

function listing(...nodes: SeenNode[]): FleetListing {
  return { askedAt: later, nodes, partitions: [] };
}

/** EC2 shows every leased instance as alive and well, but for what `change` says of it, by node. */
function health(
  one: DrivenWorld,
  change: Record<string, Partial<InstanceHealth> | null> = {},
  askedAt = later,
): HealthListing {
  const well: InstanceHealth = { isAlive: true, impairedSince: null, event: null };
  const instances = new Map<string, InstanceHealth>();
  for (const { node, instance } of one.state.leases.values()) {
    const of = change[node];
    if (of !== null) instances.set(instance.instanceId, { ...well, ...of });
  }
  return { askedAt, instances };
}

/** q-dy-c-1 and q-dy-c-2 are up for job 1. */
function upWorld(): DrivenWorld {
  const one = createTestWorld();
  one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
  one.settle();
  return one;
}

const up = [seen('q-dy-c-1'), seen('q-dy-c-2')];

/** q-dy-c-2 was suspended a moment ago. */
function suspendedWorld(): DrivenWorld {
  const one = upWorld();
  one.suspend('q-dy-c-2');
  one.finish(one.only('TerminateInstances'));
  return one;
}

function verdicts(one: DrivenWorld, from: FleetListing, ec2: HealthListing | null) {
  return Object.fromEntries(
    [...judgeFleet(one.state, from, ec2)].map(([node, { rule, detail }]) => [
      node,
      detail === '' ? rule.name : `${rule.name} (${detail})`,
    ]),
  );
}

describe('judgeFleet', () => {
  test('says nothing of nodes that are in order', () => {
    const one = upWorld();
    const all = listing(
      seen('q-dy-c-1', { isBusy: true }),
      seen('q-dy-c-2'),
      seen('q-dy-c-3', { power: 'saved' }),
    );
    expect(verdicts(one, all, health(one))).toEqual({});
  });

  test('joins a node with its lease, its instance and its reason', () => {
    const one = upWorld();
    const all = listing(
      seen('q-dy-c-1', { isDrained: true, reason: 'disk' }),
      seen('q-dy-c-2', { isBusy: true }),
      seen('q-dy-c-3'),
      seen('q-dy-c-4', { power: 'saved', isDown: true, reason: 'ResumeTimeout reached' }),
      seen('q-dy-c-5', { power: 'saved', isDown: true, reason: 'bob: broken rack' }),
    );
    const event = 'instance-retirement';
    expect(verdicts(one, all, health(one, { 'q-dy-c-2': { event } }))).toEqual({
      'q-dy-c-1': 'drained',
      'q-dy-c-2': 'event-at-work (instance-retirement)',
      'q-dy-c-3': 'nobody-behind',
      'q-dy-c-4': 'left-out',
    });
  });

  test('leaves alone what has no place in the fleet: it is none of muster’s', () => {
    const one = upWorld();
    expect(verdicts(one, listing(seen('login-1'), seen('q-dy-c-7'), ...up), health(one))).toEqual({
      'q-dy-c-7': 'nobody-behind',
    });
  });

  test('an instance whose node Slurm lists no more, while it lists others, is behind nobody', () => {
    const one = upWorld();
    expect(verdicts(one, listing(seen('q-dy-c-1')), health(one))).toEqual({
      'q-dy-c-2': 'unlisted',
    });
    expect(verdicts(one, listing(seen('q-dy-c-3', { power: 'saved' })), null)).toEqual({
      'q-dy-c-1': 'unlisted',
      'q-dy-c-2': 'unlisted',
    });
    expect(verdicts(one, listing(), health(one))).toEqual({});
    // Not what was launched since Slurm was asked.
    expect(verdicts(one, { ...listing(seen('q-dy-c-1')), askedAt: 0 }, null)).toEqual({});
  });

  test('what muster has launched is its own, also where the configuration has no such place any more', () => {
    const one = upWorld();
    one.send({ kind: 'ConfigLoaded', settings: { ...one.state.settings, queues: [] } });
    const all = listing(seen('q-dy-c-1', { power: 'saved' }), seen('q-dy-c-2'), seen('q-dy-c-3'));
    expect(verdicts(one, all, health(one))).toEqual({ 'q-dy-c-1': 'suspend-lost' });
  });

  test('takes an instance that EC2 does not show for gone, but not when it was launched since EC2 was asked', () => {
    const one = upWorld();
    const all = listing(seen('q-dy-c-1'), seen('q-dy-c-2'));
    const without = { 'q-dy-c-1': null };
    expect(verdicts(one, all, health(one, without))).toEqual({ 'q-dy-c-1': 'instance-absent' });
    expect(verdicts(one, all, health(one, without, testStart - 1))).toEqual({});
  });

  test('an instance that has ended is lost', () => {
    const one = upWorld();
    const ended = health(one, { 'q-dy-c-1': { isAlive: false } });
    expect(verdicts(one, listing(...up), ended)).toEqual({
      'q-dy-c-1': 'instance-ended',
    });
  });

  test('an impairment counts after three minutes', () => {
    const one = upWorld();
    const since = (impairedSince: number) =>
      verdicts(one, listing(...up), health(one, { 'q-dy-c-1': { impairedSince } }));
    expect(since(later - 179_999)).toEqual({});
    expect(since(later - 180_000)).toEqual({ 'q-dy-c-1': 'sick' });
  });

  test('judges no instance while EC2 has not answered, or not for ten minutes', () => {
    const one = upWorld();
    const all = listing(seen('q-dy-c-1', { isDown: true }), seen('q-dy-c-2'));
    expect(verdicts(one, all, null)).toEqual({});
    expect(verdicts(one, all, health(one, {}, later - 600_001))).toEqual({});
    expect(verdicts(one, all, health(one, {}, later - 600_000))).toEqual({ 'q-dy-c-1': 'down' });
  });

  test('a node is shut when none of its partitions is up', () => {
    const one = upWorld();
    const nodes = [seen('q-dy-c-1'), seen('q-dy-c-2')];
    const partitions = [
      { isUp: false, nodes: ['q-dy-c-1', 'q-dy-c-2'] },
      { isUp: true, nodes: ['q-dy-c-2'] },
    ];
    expect(verdicts(one, { askedAt: later, nodes, partitions }, health(one))).toEqual({
      'q-dy-c-1': 'shut',
    });
  });
});

describe('affairs', () => {
  test('a node is in hand from its request on, then boots, then is free', () => {
    const one = Object.assign(createTestWorld(), { boots: true });
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    expect(affairs(one.state)('q-dy-c-1')).toBe('open');
    one.launch(one.only('RunInstances'));
    expect(affairs(one.state)('q-dy-c-1')).toBe('open');
    one.finish(one.only('AssignNodes'));
    expect(affairs(one.state)('q-dy-c-1')).toBe('boot');
    one.registerAll();
    expect(affairs(one.state)('q-dy-c-1')).toBe('none');
  });

  test('and in hand again while it is given back, until it is as good as new', () => {
    const one = createTestWorld();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    expect(affairs(one.state)('q-dy-c-1')).toBe('open');
    one.settle();
    expect(affairs(one.state)('q-dy-c-1')).toBe('none');
  });

  test('what waits to be done about its last life does not keep it in hand when it is up again', () => {
    const one = createTestWorld();
    const launch = (jobId: number): void => {
      one.resume('q-dy-c-1', [{ job_id: jobId, nodes_resume: 'q-dy-c-1' }]);
      const [call] = one.out('RunInstances');
      if (call === undefined) throw new Error('nothing is launched');
      one.launch(call);
      for (const effect of one.out('AssignNodes')) one.finish(effect);
    };
    launch(1);
    one.advance(1_000);
    one.suspend('q-dy-c-1');
    for (const effect of one.out('TerminateInstances')) one.finish(effect);
    expect(affairs(one.state)('q-dy-c-1')).toBe('open');
    one.advance(1_000);
    launch(2);
    const waiting = [...one.state.outstanding.values()].map(({ effect }) => effect.kind);
    expect(waiting).toEqual(['RefreshNodes']);
    expect(affairs(one.state)('q-dy-c-1')).toBe('none');
  });

  test('a node of a boot that has joined before the others is in hand', () => {
    const one = Object.assign(createTestWorld(), { boots: true });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    one.sendSeen({ registered: ['q-dy-c-1'] });
    expect(affairs(one.state)('q-dy-c-1')).toBe('open');
    expect(affairs(one.state)('q-dy-c-2')).toBe('boot');
  });
});

test.each([
  ['', 'nobody'],
  ['(Code:InsufficientInstanceCapacity)Failure when resuming nodes', 'muster'],
  ['ResumeTimeout reached', 'slurm'],
  ['Not responding', 'slurm'],
  ['Kill task failed', 'slurm'],
  ['Low RealMemory (reported:100 < 100.00% of configured:200)', 'person'],
  ['bob: replacing the fan', 'person'],
  ['see (Code:X)', 'person'],
])('the reason "%s" is by %s', (reason, by) => {
  expect(reasonBy(reason)).toBe(by);
});

describe('a node that Slurm waits to hear from although it is powered down', () => {
  const silent = (node: string) =>
    listing(seen(node, { power: 'saved', isResponding: false }), seen('q-dy-c-1'));

  test('is left alone where muster has undrained it: Slurm uses it all the same', () => {
    const one = suspendedWorld();
    one.settle();
    expect(one.effects('RefreshNodes')).toMatchObject([{ nodes: ['q-dy-c-2'] }]);
    expect(verdicts(one, silent('q-dy-c-2'), null)).toEqual({});
    checkReplay(one);
  });

  test('is none of those once it has been up again, nor where muster has never had it', () => {
    const one = suspendedWorld();
    one.settle();
    one.resume('q-dy-c-2', ['q-dy-c-2']);
    one.settle();
    one.suspend('q-dy-c-2');
    one.state.outstanding.clear();
    for (const node of ['q-dy-c-2', 'q-dy-c-3'])
      expect(verdicts(one, silent(node), null)).toEqual({ [node]: 'silent-off' });
  });
});
