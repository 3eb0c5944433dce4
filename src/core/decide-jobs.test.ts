/** Slurm is asked about a request's jobs: the nodes are held meanwhile, and what it says decides who belongs together. */
import { describe, expect, test } from 'vitest';
import { nextWake } from './decide.ts';
import { askForMs } from './decide-jobs.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, testStart, type DrivenWorld } from './testing/world.ts';
import type { JobFacts } from './job-facts.ts';
import type { Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';

function world(settings: Partial<Settings> = {}): DrivenWorld {
  return createTestWorld(settings, createInvariants());
}

/** A world in which Slurm answers when the test says so. */
function asking(settings: Partial<Settings> = {}): DrivenWorld {
  return Object.assign(world(settings), { asks: true });
}

/** Slurm answers the question that is out. */
function tell(one: DrivenWorld): void {
  one.finish(one.only('AskJobs'));
}

/** A plain job as Slurm tells it. */
function facts(jobId: number, nodes: string): JobFacts {
  const plain = { jobId, hetJobId: null, isAllocated: true, priority: null };
  return { ...plain, nodes, comment: '', extra: '' };
}

function rest(one: DrivenWorld): void {
  one.settle();
  checkAtRest(one);
  checkReplay(one);
}

describe('while Slurm is asked', () => {
  test('the nodes are held, and nothing is launched', () => {
    const one = asking();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.advance(60_000);
    expect(one.only('AskJobs')).toMatchObject({ jobIds: [1], nodes: ['q-dy-c-1', 'q-dy-c-2'] });
    expect([...one.state.claims.keys()]).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    expect(one.effects('RunInstances')).toEqual([]);
    tell(one);
    expect(one.only('RunInstances').order.minCount).toBe(2);
    rest(one);
    expect(one.verdict()).toEqual({ given: ['q-dy-c-1', 'q-dy-c-2'], failed: [] });
  });

  test('a request without jobs asks nothing and is launched at once', () => {
    const one = asking();
    one.resume('q-dy-c-[1-2]', []);
    expect(one.effects('AskJobs')).toEqual([]);
    expect(one.effects('RunInstances')).toHaveLength(1);
    rest(one);
  });

  test('a launch-batch belongs to no job, so nothing is asked', () => {
    const one = asking({ mode: 'node-list' });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    expect(one.effects('AskJobs')).toEqual([]);
    rest(one);
  });

  test('a failure that may pass is repeated for ten seconds, then the resume file decides', () => {
    const one = asking();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    const moments: number[] = [];
    while (one.effects('RunInstances').length === 0 && moments.length < 50) {
      moments.push(one.now - testStart);
      one.fail(one.only('AskJobs'), 'slurmctld is away', true);
      if (one.out('RunInstances').length === 0) one.advance((nextWake(one.state) ?? 0) - one.now);
    }
    expect(moments.length).toBeGreaterThan(3);
    expect(moments.slice(0, -1).every((ms) => ms < askForMs)).toBe(true);
    expect(moments.at(-1)).toBeGreaterThanOrEqual(askForMs);
    rest(one);
    expect(one.verdict().given).toHaveLength(2);
  });

  test('a failure for good lets the resume file decide at once', () => {
    const one = asking();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.fail(one.only('AskJobs'), 'squeue: no such option', false);
    expect(one.now).toBe(testStart);
    expect(one.only('RunInstances').order.minCount).toBe(2);
    rest(one);
  });

  test('a request that was read late waits as long for a Slurm that is away: it may boot with muster', () => {
    const one = asking();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]'], { at: testStart - 6 * askForMs });
    one.fail(one.only('AskJobs'), 'slurmctld is away', true);
    expect(one.out('RunInstances')).toEqual([]);
    one.advance((nextWake(one.state) ?? 0) - one.now);
    one.fail(one.only('AskJobs'), 'slurmctld is away', true);
    expect(one.out('RunInstances')).toEqual([]);
    one.advance(askForMs);
    one.fail(one.only('AskJobs'), 'slurmctld is away', true);
    expect(one.out('RunInstances')).toHaveLength(1);
    rest(one);
  });

  test('a suspend of all nodes ends it while Slurm is away', () => {
    const one = asking();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.suspend('q-dy-c-[1-2]');
    one.fail(one.only('AskJobs'), 'slurmctld is away', true);
    expect(one.out('AskJobs')).toEqual([]);
    rest(one);
    expect(one.effects('RunInstances')).toEqual([]);
  });

  test('a suspend of one of the nodes lets the job go: the other one goes back', () => {
    const one = asking();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.suspend('q-dy-c-1');
    tell(one);
    expect(one.effects('RunInstances')).toEqual([]);
    expect(one.givenBack()).toEqual([
      'q-dy-c-2 (Code:PoweredDown)Failure when resuming nodes: Slurm powered 1 of the 2 nodes down before the launch began',
    ]);
    rest(one);
    expect(one.verdict()).toEqual({ given: [], failed: ['q-dy-c-2'] });
    expect(one.effects('TellJobs')).toEqual([]);
  });

  test('a suspend of one job of the request leaves the others', () => {
    const one = asking();
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-2]', 'q-dy-c-[3-4]']);
    one.suspend('q-dy-c-[1-2]');
    tell(one);
    expect(one.effects('GiveBackNodes')).toEqual([]);
    rest(one);
    expect(one.verdict()).toEqual({ given: ['q-dy-c-3', 'q-dy-c-4'], failed: [] });
    expect(one.ec2.launchedBy.size).toBe(1);
  });

  test('a suspend of one of several jobs of one node each takes out that node', () => {
    const one = asking();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-1', 'q-dy-c-2']);
    one.suspend('q-dy-c-1');
    tell(one);
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-2']);
  });

  test('a suspend of all nodes ends the request, and the answer comes to nobody', () => {
    const one = asking();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.suspend('q-dy-c-[1-2]');
    expect(one.verdict()).toEqual({ given: [], failed: ['q-dy-c-1', 'q-dy-c-2'] });
    tell(one);
    expect(one.turns.at(-1)).toMatchObject({ decisions: [], effects: [] });
    rest(one);
    expect(one.effects('RunInstances')).toEqual([]);
  });

  test('a failure that comes after all nodes were suspended is the end of it', () => {
    const one = asking();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.suspend('q-dy-c-[1-2]');
    one.fail(one.only('AskJobs'), 'slurmctld is away', true);
    expect(one.state.outstanding.size).toBe(0);
    rest(one);
  });

  for (const first of [0, 1]) {
    test(`another request for the same nodes waits for it, whichever is answered first (${first})`, () => {
      const one = asking();
      one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
      one.resume('q-dy-c-[2-3]', [{ job_id: 2, nodes_resume: 'q-dy-c-[2-3]' }]);
      const questions = one.out('AskJobs');
      for (const index of [first, 1 - first]) {
        const question = questions[index];
        if (question !== undefined) one.finish(question);
      }
      expect(one.only('RunInstances').order.maxCount).toBe(2);
      rest(one);
      expect(one.effects('RunInstances').map(({ order }) => order.maxCount)).toEqual([2, 1]);
      expect(one.verdict(0).given).toEqual(['q-dy-c-1', 'q-dy-c-2']);
      expect(one.verdict(1).given).toEqual(['q-dy-c-2', 'q-dy-c-3']);
    });
  }

  for (const reached of [true, false]) {
    test(`a restart asks again (${reached ? 'answered' : 'unheard'} before)`, () => {
      const one = asking();
      one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
      one.restart(reached);
      tell(one);
      one.restart(reached);
      one.settle();
      expect(one.verdict().given).toHaveLength(2);
      expect(one.ec2.alive.size).toBe(2);
      checkAtRest(one);
    });
  }

  test('a restart after all nodes were suspended asks to no purpose, and comes to rest', () => {
    const one = asking();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.suspend('q-dy-c-[1-2]');
    one.restart();
    rest(one);
    expect(one.decisions('RequestSettled')).toHaveLength(1);
  });
});

describe('jobs that are gone by the time Slurm answers', () => {
  for (const [name, fact] of [
    ['unknown to Slurm', null],
    ['without nodes', { isAllocated: false }],
  ] as const) {
    test(`${name}: their nodes are let go and not launched`, () => {
      const one = world();
      one.slurm.jobs.set(1, fact);
      one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
      expect(one.only('ReleaseNodes')).toMatchObject({ nodes: ['q-dy-c-1', 'q-dy-c-2'] });
      expect(one.effects('RunInstances')).toEqual([]);
      expect(one.verdict()).toEqual({ given: [], failed: ['q-dy-c-1', 'q-dy-c-2'] });
      rest(one);
      expect(one.effects('GiveBackNodes')).toEqual([]);
    });
  }

  test('beside one that is not: that one is launched, the nodes of the other are failed', () => {
    const one = world();
    one.slurm.jobs.set(2, null);
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-2]', 'q-dy-c-[3-4]']);
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-3', 'q-dy-c-4']);
    expect(one.only('RunInstances').order.maxCount).toBe(2);
    rest(one);
    expect(one.verdict()).toEqual({
      given: ['q-dy-c-1', 'q-dy-c-2'],
      failed: ['q-dy-c-3', 'q-dy-c-4'],
    });
  });

  test('a node that another job of the request shares is launched for that one', () => {
    const one = world();
    one.slurm.jobs.set(1, null);
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-2]', 'q-dy-c-[2-3]']);
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-1']);
    rest(one);
    expect(one.verdict().given).toEqual(['q-dy-c-2', 'q-dy-c-3']);
  });

  test('a node that is up, or that another request wants, is not let go', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.settle();
    one.resume('q-dy-c-2', [{ job_id: 2, nodes_resume: 'q-dy-c-2' }]);
    one.slurm.jobs.set(3, null);
    one.resume('q-dy-c-[1-3]', [{ job_id: 3, nodes_resume: 'q-dy-c-[1-3]' }]);
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-3']);
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-1', 'q-dy-c-2']);
  });

  test('a node that was suspended meanwhile is neither let go nor counted as failed', () => {
    const one = asking();
    one.slurm.jobs.set(1, null);
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.suspend('q-dy-c-1');
    tell(one);
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-2']);
    expect(one.verdict()).toEqual({ given: [], failed: ['q-dy-c-2'] });
    rest(one);
  });

  test('who is on the nodes by then is served instead', () => {
    const one = world();
    one.slurm.jobs.set(1, null);
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    const release = one.only('ReleaseNodes');
    one.send({
      kind: 'NodesReleased',
      effectId: release.id,
      freed: ['q-dy-c-1'],
      kept: { jobs: [facts(9, 'q-dy-c-2')], absent: '' },
    });
    one.running.splice(0, 1);
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-2']);
  });
});

describe('a node that cannot be launched', () => {
  test("lets the whole job go at once, with that node's reason, and the job is told", () => {
    const one = world();
    one.slurm.jobs.set(1, { nodes: 'q-dy-c-[1-2],strange' });
    one.slurm.absent = 'strange';
    one.resume('q-dy-c-[1-2],strange', ['q-dy-c-[1-2],strange']);
    expect(one.effects('RunInstances')).toEqual([]);
    expect(one.givenBack()).toHaveLength(2);
    expect(one.decisions('JobRefused')).toMatchObject([
      { jobId: 1, code: 'InvalidNodenameError', hold: 'admin' },
    ]);
    rest(one);
    expect(one.verdict().failed.toSorted()).toEqual(['q-dy-c-1', 'q-dy-c-2', 'strange']);
  });
});

describe('words in the comment of a job', () => {
  test('that say nothing stand in no way, and its owner is told', () => {
    const one = world();
    one.slurm.jobs.set(1, { comment: 'muster:colour=blue' });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    expect(one.decisions('InputFaulty')).toMatchObject([
      { message: expect.stringContaining('colour') as string },
    ]);
    expect(one.effects('TellJobs')).toMatchObject([
      { jobIds: [1], anyState: true, startAt: null, hold: null },
    ]);
    rest(one);
    expect(one.verdict().given).toHaveLength(2);
  });
});

describe('heterogeneous jobs', () => {
  /** Components 2 and 3 of job 2, on queues a and b. */
  function het(one: DrivenWorld): DrivenWorld {
    one.slurm.jobs.set(2, { hetJobId: 2 });
    one.slurm.jobs.set(3, { hetJobId: 2 });
    return one;
  }
  const components = [
    { job_id: 3, nodes_resume: 'b-dy-c-[1-2]' },
    { job_id: 2, nodes_resume: 'a-dy-c-[1-2]' },
  ];

  test('the components of one request are one gang: all are given together', () => {
    const one = het(world());
    one.resume('b-dy-c-[1-2],a-dy-c-[1-2]', components);
    expect(one.decisions('GangFormed').slice(1)).toMatchObject([
      { jobIds: [2, 3], firm: true, nodes: ['b-dy-c-1', 'b-dy-c-2', 'a-dy-c-1', 'a-dy-c-2'] },
    ]);
    const [first, second] = one.out('RunInstances');
    if (first === undefined || second === undefined) throw new Error('two launches should run');
    one.launch(first);
    expect(one.effects('AssignNodes')).toEqual([]);
    one.launch(second);
    expect(one.only('AssignNodes').nodes).toHaveLength(4);
    rest(one);
  });

  test('one component refused, all refused; told by the id of the leader', () => {
    const one = het(world());
    one.resume('b-dy-c-[1-2],a-dy-c-[1-2]', components);
    one.launch(one.launchFor('b-dy-c-1'));
    one.refuse(one.launchFor('a-dy-c-1'), noRoom);
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0001', 'i-0002']);
    expect(one.only('GiveBackNodes').nodes).toHaveLength(4);
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 2, tries: 1 }]);
    expect(one.effects('TellJobs').map(({ jobIds }) => jobIds)).toEqual([[2]]);
    rest(one);
  });

  test('are told once more when they may be tried again: on a quiet cluster Slurm would not look at them', () => {
    const one = Object.assign(het(world()), { boots: true });
    one.resume('b-dy-c-[1-2],a-dy-c-[1-2]', components);
    one.launch(one.launchFor('b-dy-c-1'));
    one.refuse(one.launchFor('a-dy-c-1'), noRoom);
    const [told] = one.effects('TellJobs');
    const nextAt = told?.startAt ?? Infinity;
    one.asks = true;
    one.advance(nextAt - one.now + 1_999);
    expect(one.out('TellJobs')).toEqual([]);
    one.advance(1);
    expect(one.only('TellJobs')).toMatchObject({ jobIds: [2], note: told?.note, startAt: null });
    one.asks = false;
    rest(one);
  });

  test('are not, when they are held, or have started again before', () => {
    const one = Object.assign(het(world()), { asks: true });
    one.resume('b-dy-c-[1-2],a-dy-c-[1-2]', components);
    tell(one);
    one.refuse(one.launchFor('a-dy-c-1'), 'VcpuLimitExceeded');
    expect(one.decisions('EffectPutOff')).toEqual([]);
    one.asks = false;
    one.settle();
    const other = het(world());
    other.resume('b-dy-c-[1-2],a-dy-c-[1-2]', components);
    other.refuse(other.launchFor('a-dy-c-1'), noRoom);
    other.resume('b-dy-c-[1-2],a-dy-c-[1-2]', components);
    expect(other.decisions('EffectAbandoned').map(({ effectId }) => effectId)).toContainEqual(
      expect.stringMatching(/wake$/),
    );
    rest(other);
  });

  test('the components of several calls are one gang, each call with its own verdict', () => {
    const one = het(world());
    one.slurm.jobs.set(2, { hetJobId: 2, nodes: 'a-dy-c-[1-2]' });
    one.slurm.jobs.set(3, { hetJobId: 2, nodes: 'b-dy-c-[1-2]' });
    one.slurm.absent = 'b-dy-c-[1-2]';
    one.asks = true;
    one.resume('a-dy-c-[1-2]', [{ job_id: 2, nodes_resume: 'a-dy-c-[1-2]' }]);
    tell(one);
    expect(one.effects('RunInstances')).toEqual([]);
    one.slurm.absent = 'a-dy-c-[1-2]';
    one.advance(3_000);
    one.resume('b-dy-c-[1-2]', [{ job_id: 3, nodes_resume: 'b-dy-c-[1-2]' }]);
    tell(one);
    expect(one.out('RunInstances')).toHaveLength(2);
    one.refuse(one.launchFor('b-dy-c-1'), noRoom);
    expect(one.decisions('RequestSettled')).toHaveLength(2);
    expect(one.effects('TellJobs').map(({ jobIds }) => jobIds)).toEqual([[2]]);
    rest(one);
  });
});

describe('members', () => {
  test('that are up already count and are not launched', () => {
    const one = world();
    one.slurm.jobs.set(1, { nodes: 'q-dy-c-[1-4]' });
    one.resume('q-dy-c-[3-4]', ['q-dy-c-[3-4]']);
    expect(one.only('RunInstances').order).toMatchObject({ minCount: 2, maxCount: 2 });
    rest(one);
    expect(one.verdict().given).toEqual(['q-dy-c-3', 'q-dy-c-4']);
  });

  test('on their way for another job are waited for', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.slurm.jobs.set(2, { nodes: 'q-dy-c-[2-3]' });
    one.slurm.absent = 'q-dy-c-2';
    one.resume('q-dy-c-3', [{ job_id: 2, nodes_resume: 'q-dy-c-3' }]);
    expect(one.only('RunInstances').order.maxCount).toBe(2);
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    one.launch(one.only('RunInstances'));
    expect(one.only('AssignNodes').nodes).toEqual(['q-dy-c-3', 'q-dy-c-2']);
    rest(one);
    expect(one.ec2.alive.size).toBe(3);
  });

  test('that nobody asks for do not hold up best effort', () => {
    const one = world({ scalingStrategy: 'best-effort' });
    one.slurm.jobs.set(1, { nodes: 'q-dy-c-[1-3]' });
    one.slurm.absent = 'q-dy-c-3';
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    expect(one.only('RunInstances').order.maxCount).toBe(2);
    rest(one);
  });

  test('that Slurm names unreadably are faults of the input, and the rest is used', () => {
    const one = world();
    one.slurm.absent = 'q-dy-c-[3';
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    expect(one.decisions('InputFaulty')).toMatchObject([
      { message: expect.stringContaining('Slurm names nodes "q-dy-c-[3"') as string },
    ]);
    rest(one);
    expect(one.verdict().given).toHaveLength(2);
  });
});
