/** From a gang that Slurm was given to one whose every slurmd has registered: replacements, and the end of the whole. */
import { describe, expect, test } from 'vitest';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, testStart, type DrivenWorld, type Jobs } from './testing/world.ts';
import type { Settings } from './settings.ts';

/** An instance has five minutes to boot, a gang 29 of Slurm's 30 minutes. */
const settings: Partial<Settings> = { resumeTimeoutMs: 1_800_000, bootTimeMs: 300_000 };
const noRoom = 'InsufficientInstanceCapacity';

/** A world in which nobody registers unless the test says so. */
function world(more: Partial<Settings> = {}): DrivenWorld {
  return Object.assign(createTestWorld({ ...settings, ...more }, createInvariants()), {
    boots: true,
  });
}

/** The nodes q-dy-c-[1-4] are given to Slurm, for job 1 unless other jobs are named; nobody has registered. */
function given(more: Partial<Settings> = {}, jobs: Jobs = ['q-dy-c-[1-4]']): DrivenWorld {
  const one = world(more);
  one.resume('q-dy-c-[1-4]', jobs);
  one.advance(5_000);
  for (const launch of one.out('RunInstances')) one.launch(launch);
  for (const assign of one.out('AssignNodes')) one.finish(assign);
  return one;
}

function register(one: DrivenWorld, ...numbers: number[]): void {
  const registered = numbers.map((number) => `q-dy-c-${number}`);
  one.sendSeen({ registered });
}

function end(one: DrivenWorld, ...instanceIds: string[]): void {
  one.ec2.terminate(instanceIds);
  one.send({ kind: 'Ec2Seen', ended: instanceIds, strays: [], strayReservations: [] });
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

/** All register but the fourth, for which an instance is launched again when its time is over. */
function replacing(more: Partial<Settings> = {}): DrivenWorld {
  const one = given(more);
  register(one, 1, 2, 3);
  one.advance(300_000);
  return one;
}

/** The gang's job is back in the queue: nothing of it runs, all four nodes go back with this code. */
function letGo(one: DrivenWorld, code: string): void {
  expect(one.decisions('BootFailed')).toMatchObject([{ jobIds: [1], refusal: { code } }]);
  expect(one.only('GiveBackNodes')).toMatchObject({
    nodes: ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4'],
    reason: expect.stringContaining(`(Code:${code})`) as string,
  });
  expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 1, code, tries: 1 }]);
  rest(one);
  expect(one.ec2.alive.size).toBe(0);
}

describe('a gang that was given', () => {
  test('is whole when every slurmd has registered, however late the last one', () => {
    const one = given();
    register(one, 1, 2);
    one.advance(299_999);
    expect([...one.state.boots.keys()]).toHaveLength(1);
    register(one, 3, 4);
    expect(one.state.boots.size).toBe(0);
    one.advance(3_600_000);
    rest(one);
    expect(one.effects('RunInstances')).toHaveLength(1);
    expect(one.effects('TerminateInstances')).toEqual([]);
  });

  test('has its verdict when it is given: what happens later is no second one', () => {
    const one = replacing();
    expect(one.verdict().given).toHaveLength(4);
    one.refuse(one.only('RunInstances'), noRoom);
    rest(one);
    expect(one.decisions('RequestSettled')).toHaveLength(1);
  });

  for (const [name, more] of [
    ['ResumeTimeout is known', {}],
    ['it is not', { resumeTimeoutMs: null }],
  ] as const) {
    test(`gets another instance for one that is silent (${name})`, () => {
      const one = replacing(more);
      expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0004']);
      expect(one.decisions('NodesReplaced')).toMatchObject([
        { nodes: ['q-dy-c-4'], why: { code: 'BootTimeout' } },
      ]);
      one.launch(one.only('RunInstances'));
      one.finish(one.only('AssignNodes'));
      expect(one.state.leases.get('q-dy-c-4')?.instance.instanceId).toBe('i-0005');
      register(one, 4);
      expect(one.state.boots.size).toBe(0);
      rest(one);
      expect(one.effects('GiveBackNodes')).toEqual([]);
      expect(one.ec2.alive.size).toBe(4);
    });
  }

  test('gets it on the rung that the others are on, and on no other', () => {
    const pool = (subnetId: string) =>
      ({ instanceType: null, subnetId, market: 'on-demand', reservationId: null }) as const;
    const launch = { kind: 'launch-template', name: 't', version: '1' } as const;
    const resource = { name: 'c', minCount: 0, maxCount: 9, instanceTypes: ['c5.large'], launch };
    const pools = [pool('subnet-a'), pool('subnet-b')];
    const queues = [
      {
        name: 'q',
        capacityType: 'on-demand',
        computeResources: [{ ...resource, pools }],
      } as const,
    ];
    const one = world({ queues });
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    one.refuse(one.only('RunInstances'), noRoom);
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    one.advance(60_000);
    end(one, 'i-0002');
    expect(one.only('RunInstances').order.subnetId).toBe('subnet-b');
    one.refuse(one.only('RunInstances'), noRoom);
    letGo(one, noRoom);
  });

  test('is let go whole when the time is over in which a second replacement would boot', () => {
    const one = replacing({ resumeTimeoutMs: null });
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    one.finish(one.only('TerminateInstances'));
    one.advance(300_000);
    letGo(one, 'BootTimeout');
    expect(one.decisions('NodesReplaced')).toHaveLength(1);
  });

  test('is let go whole when two replacements were silent too', () => {
    const one = replacing();
    for (const terminated of ['i-0004', 'i-0005']) {
      const [last] = one.out('TerminateInstances');
      expect(last?.instanceIds).toEqual([terminated]);
      if (last !== undefined) one.finish(last);
      one.launch(one.only('RunInstances'));
      one.finish(one.only('AssignNodes'));
      one.advance(300_000);
    }
    letGo(one, 'BootTimeout');
    // Ten minutes more until its nodes are made as good as new.
    expect(one.now).toBe(testStart + 905_000 + 600_000);
  });

  test('is let go whole when too many fail at once', () => {
    const one = given();
    register(one, 1);
    one.advance(300_000);
    letGo(one, 'BootTimeout');
    expect(one.decisions('NodesReplaced')).toEqual([]);
    expect(one.givenBack()[0]).toContain('no slurmd of q-dy-c-[2-4] registered in time');
  });

  test('names only the first of many that are silent', () => {
    const one = world();
    one.resume('q-dy-c-[1-9]', ['q-dy-c-[1-9]']);
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    one.advance(300_000);
    expect(one.givenBack()[0]).toContain('no slurmd of 9 nodes (q-dy-c-1, ...) registered in time');
    rest(one);
  });

  test('is let go whole when ResumeTimeout leaves no time for another boot', () => {
    const one = world({ resumeTimeoutMs: 500_000 });
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    one.launch(one.only('RunInstances'));
    one.advance(60_000);
    one.finish(one.only('AssignNodes'));
    one.advance(200_000);
    end(one, 'i-0004');
    expect(one.decisions('NodesReplaced')).toEqual([]);
    letGo(one, 'InstanceEnded');
  });
});

describe('an instance that ends before its slurmd has registered', () => {
  test('is replaced at once', () => {
    const one = given();
    one.advance(10_000);
    end(one, 'i-0003');
    expect(one.now).toBe(testStart + 15_000);
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    rest(one);
    expect(one.state.leases.get('q-dy-c-3')?.instance.instanceId).toBe('i-0005');
  });

  test('lets its gang go when the launch of another one is refused, and the job is told', () => {
    const one = given();
    register(one, 1);
    end(one, 'i-0003');
    one.finish(one.only('TerminateInstances'));
    one.refuse(one.only('RunInstances'), noRoom);
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0001', 'i-0002', 'i-0004']);
    letGo(one, noRoom);
    expect(one.givenBack()[0]).toContain('no replacement for q-dy-c-3: EC2 says');
  });

  test('lets its gang go when the replacement ends too before it is given', () => {
    const one = given();
    end(one, 'i-0003');
    one.finish(one.only('TerminateInstances'));
    one.launch(one.only('RunInstances'));
    end(one, 'i-0005');
    letGo(one, 'InstanceEnded');
    expect(one.ec2.alive.size).toBe(0);
  });

  test('after its slurmd has registered: the job cannot start any more, and the gang is let go', () => {
    const one = given();
    register(one, 3);
    end(one, 'i-0003');
    letGo(one, 'InstanceEnded');
    expect(one.ec2.alive.size).toBe(0);
  });

  test('when the gang is whole and up: its node goes down, the others are left to Slurm', () => {
    const one = given();
    register(one, 1, 2, 3, 4);
    end(one, 'i-0003');
    expect(one.only('GiveBackNodes')).toMatchObject({ nodes: ['q-dy-c-3'] });
    rest(one);
    expect(one.ec2.alive.size).toBe(3);
  });

  test('while a replacement is launched for another one, which comes too late then', () => {
    const one = replacing();
    end(one, 'i-0002');
    expect(one.decisions('BootFailed')).toHaveLength(1);
    const launch = one.only('RunInstances');
    one.launch(launch);
    expect(one.out('AssignNodes')).toEqual([]);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });
});

describe('a gang that is let go while replacements are on their way', () => {
  for (const stage of ['launching', 'assigning'] as const) {
    test(`ends those too (${stage})`, () => {
      const one = given();
      end(one, 'i-0001');
      if (stage === 'assigning') one.launch(one.only('RunInstances'));
      one.advance(300_000);
      expect(one.decisions('BootFailed')).toHaveLength(1);
      expect([...one.state.gangs.keys()]).toEqual([]);
      rest(one);
      expect(one.ec2.alive.size).toBe(0);
      expect(one.givenBack()[0]).toMatch(/^q-dy-c-1 q-dy-c-2 q-dy-c-3 q-dy-c-4 /);
    });
  }
});

describe('nodes that stand for themselves', () => {
  test('of a best-effort job: one that fails to boot for good is lost alone', () => {
    const one = given({ scalingStrategy: 'best-effort' });
    register(one, 1, 2, 3);
    end(one, 'i-0004');
    one.refuse(one.only('RunInstances'), noRoom);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-4']);
    expect(one.decisions('BootFailed')).toEqual([]);
    rest(one);
    expect(one.ec2.alive.size).toBe(3);
  });

  const singles = ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4'];

  test('of jobs of one node each: many silent ones are lost, and their jobs are told', () => {
    const one = given({}, singles);
    register(one, 1);
    one.advance(300_000);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4']);
    expect(one.decisions('JobRefused').map(({ jobId }) => jobId)).toEqual([2, 3, 4]);
    rest(one);
    expect(one.decisions('JobStarted')).toEqual([]);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-1']);
  });

  test('a job of one node that was refused stays refused when the others are up', () => {
    const one = world();
    one.resume('q-dy-c-[1-4]', singles);
    one.launch(one.only('RunInstances'), 3);
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 4, tries: 1 }]);
    one.finish(one.only('AssignNodes'));
    register(one, 1, 2, 3);
    expect(one.decisions('JobStarted')).toEqual([]);
    rest(one);
    expect(one.state.jobs.get(4)?.tries).toBe(1);
  });

  test('a resume-fail of one takes out that one', () => {
    const one = given({}, singles);
    register(one, 1, 2, 3);
    one.resumeFail('q-dy-c-4');
    expect(one.only('GiveBackNodes')).toMatchObject({ nodes: ['q-dy-c-4'], reason: null });
    rest(one);
    expect(one.ec2.alive.size).toBe(3);
  });
});
