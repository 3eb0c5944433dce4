/** A request from the hook to its verdict: whole, refused, in part, throttled, unanswered. */
import { describe, expect, test } from 'vitest';
import { checkAtRest, createInvariants } from './testing/invariants.ts';
import { createTestWorld, testStart, type DrivenWorld } from './testing/world.ts';
import type { Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';

function world(settings: Partial<Settings> = {}): DrivenWorld {
  return createTestWorld(
    { clusterName: 'demo', launchRequests: { burst: 100, perSecond: 2 }, ...settings },
    createInvariants(),
  );
}

describe('a gang that EC2 gives whole', () => {
  test('is launched by one order with a token, tags and both counts', () => {
    const one = world();
    const id = one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    expect(one.only('RunInstances')).toEqual({
      kind: 'RunInstances',
      id: `${id}/0/launch0`,
      batchId: `${id}/0/launch0`,
      order: {
        clientToken: `${id}-0-0`,
        minCount: 3,
        maxCount: 3,
        launch: { kind: 'launch-template', name: 'demo-q-c', version: '$Latest' },
        market: 'on-demand',
        tags: {
          'muster:cluster': 'demo',
          'muster:queue': 'q',
          'muster:compute-resource': 'c',
          'muster:gang': `${id}/0`,
          'muster:job': '1',
        },
      },
    });
    expect(one.only('RunInstances').order.clientToken.length).toBeLessThanOrEqual(64);
  });

  test('is given to Slurm in one assignment, node by node', () => {
    const one = world();
    const id = one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.launch(one.only('RunInstances'));
    expect(one.only('AssignNodes')).toEqual({
      kind: 'AssignNodes',
      id: `${id}/0/assign0`,
      gangId: `${id}/0`,
      updateAddress: true,
      nodes: ['q-dy-c-1', 'q-dy-c-2'],
      instanceIds: ['i-0001', 'i-0002'],
      addresses: ['10.0.0.1', '10.0.0.2'],
      hostnames: ['ip-10-0-0-1', 'ip-10-0-0-2'],
    });
    expect(one.decisions('RequestSettled')).toEqual([]);
    one.finish(one.only('AssignNodes'));
    expect(one.verdict()).toEqual({ given: ['q-dy-c-1', 'q-dy-c-2'], failed: [] });
    expect(one.state.leases.get('q-dy-c-2')).toEqual({
      node: 'q-dy-c-2',
      instance: { instanceId: 'i-0002', privateIp: '10.0.0.2', hostname: 'ip-10-0-0-2' },
      gangId: `${id}/0`,
      pool: 'q/c any zone on-demand',
      zone: null,
      requestedAt: testStart,
      leasedAt: testStart,
      given: true,
      isRegistered: true,
    });
    checkAtRest(one);
  });

  test('of several calls: no node is given before the last of them is held', () => {
    const one = world({ maxBatchSize: 2 });
    one.resume('q-dy-a-[1-3],q-dy-b-1', ['q-dy-a-[1-3],q-dy-b-1']);
    expect(one.out('RunInstances')).toHaveLength(3);
    one.launch(one.launchFor('q-dy-b-1'));
    one.launch(one.launchFor('q-dy-a-1'));
    expect(one.out('AssignNodes')).toEqual([]);
    one.launch(one.launchFor('q-dy-a-3'));
    expect(one.only('AssignNodes').nodes).toEqual(['q-dy-a-1', 'q-dy-a-2', 'q-dy-a-3', 'q-dy-b-1']);
  });

  test('of more than two thousand nodes: several assignments, one verdict when all are done', () => {
    const one = world({ maxBatchSize: 5000, launchInstances: { burst: 5000, perSecond: 2 } });
    one.resume('q-dy-c-[1-4500]', ['q-dy-c-[1-4500]']);
    one.launch(one.only('RunInstances'));
    const assignments = one.out('AssignNodes');
    expect(assignments.map(({ nodes }) => nodes.length)).toEqual([2000, 2000, 500]);
    for (const each of assignments) {
      expect(one.decisions('RequestSettled')).toEqual([]);
      one.finish(each);
    }
    expect(one.verdict().given).toHaveLength(4500);
    checkAtRest(one);
  });

  test('keeps the addresses that Slurm has, where the configuration says so', () => {
    const one = world({ updateNodeAddress: false });
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.launch(one.only('RunInstances'));
    expect(one.only('AssignNodes').updateAddress).toBe(false);
  });

  test('of very many jobs: their tag stays within what EC2 takes', () => {
    const one = world();
    one.resume(
      'q-dy-c-[1-100]',
      Array.from({ length: 100 }, (_, index) => `q-dy-c-${index + 1}`),
    );
    const tag = one.only('RunInstances').order.tags['muster:job'] ?? '';
    expect(tag).toMatch(/^1 2 3 4 .* \d+ \.\.\.$/);
    expect(tag.length).toBeLessThanOrEqual(256);
    const jobless = world();
    jobless.resume('q-dy-c-1', null);
    expect(jobless.only('RunInstances').order.tags).not.toHaveProperty('muster:job');
  });
});

describe('a firm gang that EC2 refuses', () => {
  test("goes back to Slurm at once, with EC2's code in the reason", () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.refuse(one.only('RunInstances'), noRoom, 'We currently do not have "sufficient" capacity.');
    expect(one.givenBack()).toEqual([
      'q-dy-c-1 q-dy-c-2 (Code:InsufficientInstanceCapacity)Failure when resuming nodes: We currently do not have sufficient capacity.',
    ]);
    expect(one.verdict()).toEqual({ given: [], failed: ['q-dy-c-1', 'q-dy-c-2'] });
    expect(one.out('TerminateInstances')).toEqual([]);
    one.settle();
    checkAtRest(one);
  });

  test('of two calls, one refused: what the other brought is terminated at once', () => {
    const one = world({ maxBatchSize: 2 });
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    one.launch(one.launchFor('q-dy-c-1'));
    one.refuse(one.launchFor('q-dy-c-3'), noRoom);
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0001', 'i-0002']);
    expect(one.state.leases.size).toBe(0);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3']);
    one.settle();
    checkAtRest(one);
  });

  test('of two calls, one refused first: what the other answers later is terminated then', () => {
    const one = world({ maxBatchSize: 2 });
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    const late = one.launchFor('q-dy-c-1');
    one.refuse(one.launchFor('q-dy-c-3'), noRoom);
    expect(one.verdict().failed).toHaveLength(3);
    one.launch(late);
    expect(one.decisions('AnswerLate')).toMatchObject([{ instanceIds: ['i-0001', 'i-0002'] }]);
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0001', 'i-0002']);
    one.settle();
    checkAtRest(one);
  });

  test('of two calls, both refused: one verdict, nodes given back once', () => {
    const one = world({ maxBatchSize: 2 });
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    const late = one.launchFor('q-dy-c-1');
    one.refuse(one.launchFor('q-dy-c-3'), noRoom);
    one.refuse(late, 'VcpuLimitExceeded');
    expect(one.effects('GiveBackNodes')).toHaveLength(1);
    expect(one.effects('SweepLaunch')).toEqual([]);
    one.settle();
    checkAtRest(one);
  });

  test('hurts no other gang of the request', () => {
    const one = world();
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-2]', 'q-dy-c-[3-4]']);
    one.refuse(one.launchFor('q-dy-c-1'), noRoom);
    one.launch(one.launchFor('q-dy-c-3'));
    one.settle();
    expect(one.verdict()).toEqual({
      given: ['q-dy-c-3', 'q-dy-c-4'],
      failed: ['q-dy-c-1', 'q-dy-c-2'],
    });
    checkAtRest(one);
  });

  for (const code of [
    'VcpuLimitExceeded',
    'UnauthorizedOperation',
    'Unsupported',
    'NeverHeardOf',
  ]) {
    test(`with ${code} is not tried again`, () => {
      const one = world();
      one.resume('q-dy-c-1', ['q-dy-c-1']);
      one.refuse(one.only('RunInstances'), code);
      one.settle();
      expect(one.effects('RunInstances')).toHaveLength(1);
      expect(one.verdict().failed).toEqual(['q-dy-c-1']);
    });
  }

  test('whose repeated answer names instances that have ended: nothing of it is kept', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.loseAnswer(one.only('RunInstances'), 2);
    one.ec2.terminate(['i-0001']);
    one.advance(2_000);
    one.launch(one.only('RunInstances'));
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0002']);
    expect(one.givenBack()[0]).toContain('(Code:InstancesVanished)');
    one.settle();
    checkAtRest(one);
  });
});

describe('a soft launch-batch', () => {
  const soft = { mode: 'node-list' } as const;

  test('with room for one: the first node gets it, the others go down', () => {
    const one = world({ ...soft, maxBatchSize: 4 });
    one.resume('queue1-dy-c5xlarge-[1-5],queue1-dy-t2micro-2,queue2-dy-c5xlarge-[1-3]', null);
    expect(one.out('RunInstances')).toHaveLength(4);
    one.launch(one.launchFor('queue2-dy-c5xlarge-2'), 1);
    expect(one.only('AssignNodes').nodes).toEqual(['queue2-dy-c5xlarge-1']);
    expect(one.givenBack()).toEqual([
      'queue2-dy-c5xlarge-2 queue2-dy-c5xlarge-3 (Code:LimitedInstanceCapacity)Failure when resuming nodes: EC2 launched 1 of 3 instances',
    ]);
    one.settle();
    expect(one.verdict().failed).toEqual(['queue2-dy-c5xlarge-2', 'queue2-dy-c5xlarge-3']);
    expect(one.verdict().given).toHaveLength(7);
    checkAtRest(one);
  });

  test('that is firm launches none of the three', () => {
    const one = world({ ...soft, maxBatchSize: 4, allOrNothingBatch: true });
    one.resume('queue1-dy-c5xlarge-[1-5],queue1-dy-t2micro-2,queue2-dy-c5xlarge-[1-3]', null);
    one.refuse(one.launchFor('queue2-dy-c5xlarge-1'), noRoom);
    one.settle();
    expect(one.verdict().failed).toHaveLength(3);
    expect(one.ec2.alive.size).toBe(6);
    checkAtRest(one);
  });

  test('that is refused whole is closed with nothing', () => {
    const one = world(soft);
    one.resume('q-dy-c-[1-2]', null);
    one.refuse(one.only('RunInstances'), noRoom);
    expect(one.verdict().failed).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    expect(one.effects('AssignNodes')).toEqual([]);
    one.settle();
    checkAtRest(one);
  });

  test('of a best-effort job: what was refused goes back at once, while the rest is waited for', () => {
    const one = world({ scalingStrategy: 'best-effort', maxBatchSize: 2 });
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    one.refuse(one.launchFor('q-dy-c-1'), noRoom);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    expect(one.decisions('RequestSettled')).toEqual([]);
    // Slurm may ask for them again before the old gang has its verdict.
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.launch(one.launchFor('q-dy-c-1'));
    expect(one.only('AssignNodes').nodes).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    one.settle();
    expect(one.verdict(1)).toEqual({
      given: ['q-dy-c-3', 'q-dy-c-4'],
      failed: ['q-dy-c-1', 'q-dy-c-2'],
    });
    checkAtRest(one);
  });
});

describe('a launch that is throttled', () => {
  test('is asked again with the same token, and no other goes before it', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    const { order } = one.only('RunInstances');
    one.refuse(one.only('RunInstances'), 'RequestLimitExceeded');
    one.resume('q-dy-c-2', ['q-dy-c-2']);
    expect(one.out('RunInstances')).toEqual([]);
    one.advance(1_000);
    expect(one.out('RunInstances')[0]?.order).toEqual(order);
    expect(one.decisions('LaunchesThrottled')).toHaveLength(1);
    one.settle();
    expect(one.decisions('RequestSettled').map(({ given }) => given)).toEqual([
      ['q-dy-c-1'],
      ['q-dy-c-2'],
    ]);
    expect(one.effects('SweepLaunch')).toEqual([]);
    checkAtRest(one);
  });

  test('for longer than a launch may take is refused, and not swept: it never happened', () => {
    const one = world({ launchPatienceMs: 10_000 });
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    for (let round = 0; one.out('RunInstances').length > 0 && round < 100; round += 1) {
      one.refuse(one.only('RunInstances'), 'RequestLimitExceeded');
      if (one.decisions('RequestSettled').length === 0) one.advance(20_000 / 8);
    }
    expect(one.verdict().failed).toEqual(['q-dy-c-1']);
    expect(one.effects('SweepLaunch')).toEqual([]);
    expect(one.now).toBeLessThanOrEqual(testStart + 15_000);
    one.settle();
    checkAtRest(one);
  });
});

describe("launches beyond EC2's limit", () => {
  const limited = { launchRequests: { burst: 2, perSecond: 1 }, maxBatchSize: 1 };

  test('wait for their turn in the order of the request', () => {
    const one = world(limited);
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    const asked = (): string[] => one.effects('RunInstances').map(({ id }) => id.slice(-1));
    expect(asked()).toEqual(['0', '1']);
    one.advance(999);
    expect(asked()).toHaveLength(2);
    one.advance(1);
    expect(asked()).toEqual(['0', '1', '2']);
    one.advance(1_000);
    expect(asked()).toEqual(['0', '1', '2', '3']);
    one.settle();
    expect(one.verdict().given).toHaveLength(4);
  });

  test('are never made when their gang is refused before', () => {
    const one = world(limited);
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    one.refuse(one.launchFor('q-dy-c-1'), noRoom);
    one.settle();
    expect(one.effects('RunInstances')).toHaveLength(2);
    expect(one.effects('SweepLaunch')).toEqual([]);
    checkAtRest(one);
  });

  test('are refused when their turn does not come in time', () => {
    const one = world({ ...limited, launchPatienceMs: 3_000 });
    one.resume('q-dy-c-[1-20]', ['q-dy-c-[1-20]']);
    for (let round = 0; round < 10; round += 1) {
      for (const launch of one.out('RunInstances')) one.launch(launch);
      one.advance(1_000);
    }
    expect(one.verdict().failed).toHaveLength(20);
    expect(one.givenBack()[0]).toContain('(Code:LaunchTooLate)');
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });
});

describe('a launch whose answer is lost', () => {
  test('is repeated with the same token: no more instances than nodes', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.loseAnswer(one.only('RunInstances'), 2);
    expect(one.out('RunInstances')).toEqual([]);
    one.advance(1_000);
    one.launch(one.only('RunInstances'));
    one.settle();
    expect([...one.ec2.alive]).toEqual(['i-0001', 'i-0002']);
    expect(one.verdict().given).toHaveLength(2);
    checkAtRest(one);
  });

  test('and refused when repeated is swept: the first attempt may have launched', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    const { clientToken } = one.only('RunInstances').order;
    one.loseAnswer(one.only('RunInstances'), 2);
    one.advance(1_000);
    one.refuse(one.only('RunInstances'), 'IdempotentParameterMismatch');
    expect(one.only('SweepLaunch').clientToken).toBe(clientToken);
    expect(one.only('GiveBackNodes').nodes).toHaveLength(2);
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('for longer than a launch may take is refused and swept', () => {
    const one = world({ launchPatienceMs: 3_000 });
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    for (let round = 0; one.decisions('RequestSettled').length === 0; round += 1) {
      one.loseAnswer(one.only('RunInstances'), 1);
      if (one.decisions('RequestSettled').length === 0) one.advance(2_500);
      expect(round).toBeLessThan(10);
    }
    expect(one.givenBack()[0]).toContain(
      '(Code:Timeout)Failure when resuming nodes: no answer within 30 s',
    );
    expect(one.out('SweepLaunch')).toHaveLength(1);
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('after the gang was refused is swept, too', () => {
    const one = world({ maxBatchSize: 1 });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    const late = one.launchFor('q-dy-c-1');
    one.refuse(one.launchFor('q-dy-c-2'), noRoom);
    one.loseAnswer(late, 1);
    expect(one.only('SweepLaunch').clientToken).toBe(late.order.clientToken);
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('and throttled when repeated, after the gang was refused, is not forgotten', () => {
    const one = world({ maxBatchSize: 1 });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.loseAnswer(one.launchFor('q-dy-c-1'), 1);
    one.advance(1_000);
    const repeated = one.launchFor('q-dy-c-1');
    one.refuse(one.launchFor('q-dy-c-2'), noRoom);
    one.refuse(repeated, 'RequestLimitExceeded');
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });

  test('while it waits to be repeated, and its gang is refused: swept at once', () => {
    const one = world({ maxBatchSize: 1 });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    const lost = one.launchFor('q-dy-c-1');
    one.loseAnswer(lost, 1);
    one.refuse(one.launchFor('q-dy-c-2'), noRoom);
    expect(one.only('SweepLaunch').clientToken).toBe(lost.order.clientToken);
    one.settle();
    expect(one.effects('RunInstances')).toHaveLength(2);
    expect(one.ec2.alive.size).toBe(0);
    checkAtRest(one);
  });
});
