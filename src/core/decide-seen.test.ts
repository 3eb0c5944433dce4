/** What a look at Slurm or EC2 brings: jobs that are gone, jobs that nobody called for, instances that ended or are nobody's. */
import { describe, expect, test } from 'vitest';
import type { JobFacts } from './job-facts.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld, type EffectOf } from './testing/world.ts';
import type { Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';

function world(settings: Partial<Settings> = {}): DrivenWorld {
  return createTestWorld(settings, createInvariants());
}

/** A plain job as Slurm tells it. */
function facts(jobId: number, nodes: string): JobFacts {
  const plain = { jobId, hetJobId: null, isAllocated: true, priority: null };
  return { ...plain, nodes, comment: '', extra: '' };
}

/** The launch of q-dy-c-[1-4] for job 1 is out, in two calls. */
function launching(): DrivenWorld {
  const one = world({ maxBatchSize: 2 });
  one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
  return one;
}

/** The nodes q-dy-c-[1-4] are given to Slurm for job 1, and nobody has registered. */
function booting(): DrivenWorld {
  const one = Object.assign(world(), { boots: true });
  one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
  return one;
}

/** Slurm lets go of these nodes; the others are for the jobs `kept`. */
function release(
  one: DrivenWorld,
  effect: EffectOf<'ReleaseNodes'>,
  freed: readonly string[],
  ...kept: JobFacts[]
): void {
  one.running.splice(one.running.indexOf(effect), 1);
  const effectId = effect.id;
  one.send({ kind: 'NodesReleased', effectId, freed, kept: { jobs: kept, absent: '' } });
}

function rest(one: DrivenWorld): void {
  one.boots = false;
  one.registerAll();
  one.settle();
  one.registerAll();
  checkAtRest(one);
  checkReplay(one);
}

const all = ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4'];

describe('an instance of a job that is gone, on a node that another job wanted', () => {
  /** Job 1 is gone while q-dy-c-[1-4] are launched; job 2 has been put on q-dy-c-1, and its gang waits. */
  function taken(): DrivenWorld {
    const one = launching();
    one.launch(one.launchFor('q-dy-c-1'));
    one.advance(1_000);
    const told = { jobs: [facts(2, 'q-dy-c-1,q-dy-c-9')], absent: 'q-dy-c-9' };
    one.sendSeen({ silent: { asked: ['q-dy-c-1'], told } });
    one.sendSeen({ gone: [1] });
    return one;
  }

  test('ends when that job is refused before Slurm has let go of the others, and its node goes back', () => {
    const one = taken();
    expect(one.only('ReleaseNodes').nodes).not.toContain('q-dy-c-1');
    // Slurm does not ask for the other node of job 2.
    one.advance(one.state.settings.assemblyPatienceMs);
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 2, code: 'GangIncomplete' }]);
    release(one, one.only('ReleaseNodes'), one.only('ReleaseNodes').nodes);
    expect(one.givenBack().at(-1)).toMatch(/^q-dy-c-1 \(Code:JobGone\)/);
    expect([...one.state.leases.keys()]).toEqual([]);
    rest(one);
  });

  test('is that job’s where it still waits', () => {
    const one = taken();
    release(one, one.only('ReleaseNodes'), one.only('ReleaseNodes').nodes);
    expect(one.state.leases.has('q-dy-c-1')).toBe(true);
    one.settle();
    rest(one);
  });
});

describe('a job that is gone, and that shared a node with a job that is refused', () => {
  /** Job 2, which is gone, waited for job 1, which is refused; Slurm has not said whom q-dy-c-9 serves. */
  function refused(): DrivenWorld {
    const one = launching();
    one.advance(1_000);
    one.resume('q-dy-c-1,q-dy-c-9', [
      { job_id: 2, nodes_resume: 'q-dy-c-1,q-dy-c-9', priority: null },
    ]);
    one.sendSeen({ gone: [2] });
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-9']);
    one.refuse(one.launchFor('q-dy-c-1'), 'InsufficientInstanceCapacity', 'no room');
    return one;
  }

  test('the node goes back at once, down and then powered down: nobody wants it, and nobody else would give it back', () => {
    const one = refused();
    const down = one.only('GiveBackNodes');
    expect(down.nodes).toEqual(all);
    one.finish(down);
    expect(one.only('GiveBackNodes')).toMatchObject({ nodes: all, reason: null });
    release(one, one.only('ReleaseNodes'), ['q-dy-c-9']);
    rest(one);
  });

  test('it goes back after a restart, too', () => {
    const one = refused();
    one.send({ kind: 'Started' });
    expect(one.out('GiveBackNodes').at(-1)?.nodes).toEqual(all);
  });
});

describe('a job that is gone while its nodes are launched', () => {
  test('nothing more is launched, and what its launches bring ends', () => {
    const one = launching();
    const [first, second] = one.out('RunInstances');
    if (first === undefined || second === undefined) throw new Error('two launches should run');
    one.launch(first);
    one.sendSeen({ gone: [1] });
    expect(one.effects('TerminateInstances')).toEqual([]);
    expect(one.only('ReleaseNodes')).toMatchObject({ nodes: all });
    one.launch(second);
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0003', 'i-0004']);
    one.finish(one.only('ReleaseNodes'));
    expect(one.out('TerminateInstances').at(-1)?.instanceIds).toEqual(['i-0001', 'i-0002']);
    expect(one.verdict()).toEqual({ given: [], failed: all });
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
    expect(one.effects('GiveBackNodes')).toEqual([]);
    expect(one.effects('TellJobs')).toEqual([]);
  });

  test('a refusal that comes then changes nothing', () => {
    const one = launching();
    one.sendSeen({ gone: [1] });
    const launch = one.out('RunInstances')[0];
    if (launch !== undefined) one.refuse(launch, noRoom);
    expect(one.effects('GiveBackNodes')).toEqual([]);
    rest(one);
    expect(one.decisions('JobRefused')).toEqual([]);
  });

  test('a launch that waits is given up; one whose outcome is open is looked for', () => {
    const one = launching();
    const [first, second] = one.out('RunInstances');
    if (first === undefined || second === undefined) throw new Error('two launches should run');
    one.loseAnswer(first, 2);
    one.refuse(second, 'RequestLimitExceeded');
    one.sendSeen({ gone: [1] });
    expect(one.out('RunInstances')).toEqual([]);
    expect(one.out('SweepLaunch')).toHaveLength(1);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('nodes that another gang wants are not let go, and are handed over', () => {
    const one = launching();
    const second = 'q-dy-c-[3-5]';
    one.resume(second, [{ job_id: 2, nodes_resume: second }]);
    for (const launch of one.out('RunInstances').slice(0, 2)) one.launch(launch);
    one.sendSeen({ gone: [1] });
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    one.finish(one.only('ReleaseNodes'));
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-3', 'q-dy-c-4', 'q-dy-c-5']);
    expect(one.ec2.launchedBy.size).toBe(3);
  });

  test('a gang of which another one wants every node ends at once', () => {
    const one = launching();
    one.resume('q-dy-c-[1-4]', [{ job_id: 2, nodes_resume: 'q-dy-c-[1-4]' }]);
    one.sendSeen({ gone: [1] });
    expect(one.effects('ReleaseNodes')).toEqual([]);
    expect(one.verdict().failed).toEqual(all);
    rest(one);
    expect(one.verdict(1).given).toEqual(all);
  });

  for (const [name, answer] of [
    ['done', (one: DrivenWorld) => one.finish(one.only('AssignNodes'))],
    ['refused', (one: DrivenWorld) => one.fail(one.only('AssignNodes'), 'no such node', false)],
    ['put off', (one: DrivenWorld) => one.fail(one.only('AssignNodes'), 'no contact', true)],
  ] as const) {
    test(`an assignment that runs meanwhile is ${name}: the nodes go all the same`, () => {
      const one = launching();
      for (const launch of one.out('RunInstances')) one.launch(launch);
      one.sendSeen({ gone: [1] });
      answer(one);
      one.advance(10_000);
      expect(one.effects('AssignNodes')).toHaveLength(1);
      expect(one.effects('GiveBackNodes')).toEqual([]);
      rest(one);
      expect(one.verdict()).toEqual({ given: [], failed: all });
      expect(one.ec2.alive.size).toBe(0);
      expect(one.decisions('JobRefused')).toEqual([]);
    });
  }

  test('one that waits for its other calls has its nodes let go', () => {
    const one = world();
    one.slurm.jobs.set(1, { nodes: 'q-dy-c-[1-3]' });
    one.slurm.absent = 'q-dy-c-3';
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.sendSeen({ gone: [1] });
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    rest(one);
    expect(one.decisions('JobRefused')).toEqual([]);
  });

  test('one that reserves has its reservations let go, those that are answered later too', () => {
    const one = world({ maxBatchSize: 2, queues: [reservedQueue] });
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    const [first] = one.out('CreateReservation');
    if (first !== undefined) one.finish(first);
    one.sendSeen({ gone: [1] });
    rest(one);
    expect(one.ec2.reserved.size).toBe(0);
    expect(one.effects('RunInstances')).toEqual([]);
    expect(one.decisions('ReservationOver')).toHaveLength(2);
  });

  test('some of the jobs of a gang: the others are launched with it', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-1', 'q-dy-c-2']);
    one.sendSeen({ gone: [1] });
    expect(one.effects('ReleaseNodes')).toEqual([]);
    rest(one);
    expect(one.verdict().given).toHaveLength(2);
  });

  for (const reached of [true, false]) {
    test(`after a restart its nodes are let go (${reached ? 'done' : 'not done'} before)`, () => {
      const one = launching();
      const [first] = one.out('RunInstances');
      if (first !== undefined) one.launch(first);
      one.sendSeen({ gone: [1] });
      one.restart(reached);
      rest(one);
      expect(one.ec2.alive.size).toBe(0);
      expect(one.decisions('RequestSettled')).toHaveLength(1);
    });
  }
});

const reservedQueue = {
  name: 'q',
  capacityType: 'on-demand',
  subnetIds: ['subnet-a'],
  computeResources: [
    {
      name: 'c',
      minCount: 0,
      maxCount: 9,
      instanceTypes: ['c5.large'],
      launch: { kind: 'launch-template', name: 't', version: '1' },
    },
  ],
} as const;

describe('letting go of nodes', () => {
  test('ends what is on those where nobody is; the others are for the job that is there', () => {
    const one = booting();
    one.sendSeen({ gone: [1] });
    release(one, one.only('ReleaseNodes'), ['q-dy-c-1'], facts(2, 'q-dy-c-[2-4]'));
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0001']);
    expect(one.only('AssignNodes').nodes).toEqual(['q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4']);
    rest(one);
    expect(one.effects('RunInstances')).toHaveLength(1);
    expect(one.ec2.alive.size).toBe(3);
  });

  test('takes a job that is there from a node that the fleet has lost meanwhile', () => {
    const one = launching();
    for (const launch of one.out('RunInstances')) one.launch(launch);
    one.sendSeen({ gone: [1] });
    const { settings } = one.state;
    one.send({ kind: 'ConfigLoaded', settings: { ...settings, queues: [] } });
    release(one, one.only('ReleaseNodes'), ['q-dy-c-1', 'q-dy-c-2'], facts(2, 'q-dy-c-[3-4]'));
    expect(one.only('GiveBackNodes')).toMatchObject({ nodes: ['q-dy-c-3', 'q-dy-c-4'] });
    expect(one.only('GiveBackNodes').reason).toContain('(Code:UnknownQueue)');
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('leaves a job that is known already to its own gang', () => {
    const one = launching();
    for (const launch of one.out('RunInstances')) one.launch(launch);
    const told = { jobs: [facts(2, 'q-dy-c-[1-4]')], absent: '' };
    one.sendSeen({ gone: [1], silent: { asked: all, told } });
    release(one, one.only('ReleaseNodes'), [], facts(2, 'q-dy-c-[1-4]'));
    const formed = one.decisions('GangFormed').filter(({ jobIds }) => jobIds.includes(2));
    expect(formed).toHaveLength(1);
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(all);
    expect(one.ec2.launchedBy.size).toBe(2);
  });

  test('is called by Slurm back as a suspend before it has answered: the others stay', () => {
    const one = launching();
    for (const launch of one.out('RunInstances')) one.launch(launch);
    one.sendSeen({ gone: [1] });
    one.suspend('q-dy-c-[1-2]');
    expect(one.effects('GiveBackNodes')).toEqual([]);
    release(one, one.only('ReleaseNodes'), ['q-dy-c-1', 'q-dy-c-2'], facts(2, 'q-dy-c-[3-4]'));
    expect(one.out('AssignNodes').at(-1)?.nodes).toEqual(['q-dy-c-3', 'q-dy-c-4']);
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-3', 'q-dy-c-4']);
  });

  test('that Slurm refuses for good ends the instances all the same', () => {
    const one = booting();
    one.sendSeen({ gone: [1] });
    one.fail(one.only('ReleaseNodes'), 'Invalid node name specified', false);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('that fails is repeated for as long as it takes: the nodes may be drained', () => {
    const one = booting();
    one.sendSeen({ gone: [1] });
    for (let tries = 0; tries < 50; tries += 1) {
      one.fail(one.only('ReleaseNodes'), 'no contact', true);
      one.advance(60_000);
    }
    expect(one.only('ReleaseNodes').nodes).toEqual(all);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('is repeated without nodes that somebody wants by then', () => {
    const one = booting();
    one.sendSeen({ gone: [1] });
    one.fail(one.only('ReleaseNodes'), 'no contact', true);
    one.asks = true;
    one.resume('q-dy-c-[3-4]', [{ job_id: 2, nodes_resume: 'q-dy-c-[3-4]' }]);
    one.advance(10_000);
    expect(one.only('ReleaseNodes')).toMatchObject({
      nodes: ['q-dy-c-1', 'q-dy-c-2'],
      keep: ['q-dy-c-3', 'q-dy-c-4'],
    });
    one.asks = false;
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-3', 'q-dy-c-4']);
  });

  test('only undrains them when somebody wants all of them, or boots on them', () => {
    const one = booting();
    one.sendSeen({ gone: [1] });
    one.fail(one.only('ReleaseNodes'), 'no contact', true);
    one.resume('q-dy-c-[1-4]', [{ job_id: 2, nodes_resume: 'q-dy-c-[1-4]' }]);
    one.finish(one.only('AssignNodes'));
    one.advance(10_000);
    expect(one.only('ReleaseNodes')).toMatchObject({ nodes: [], keep: all });
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(all);
  });

  test('is not repeated for nodes that Slurm has powered down since, nor answered for their next life', () => {
    const one = booting();
    one.sendSeen({ gone: [1] });
    const first = one.only('ReleaseNodes');
    one.suspend('q-dy-c-[1-2]');
    one.advance(1_000);
    one.resume('q-dy-c-1', [{ job_id: 2, nodes_resume: 'q-dy-c-1' }]);
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    release(one, first, all);
    expect(one.state.leases.get('q-dy-c-1')?.instance.instanceId).toBe('i-0005');
    rest(one);
    expect([...one.ec2.alive]).toEqual(['i-0005']);
  });

  test('that fails after Slurm has powered all of them down only undrains them', () => {
    const one = booting();
    one.sendSeen({ gone: [1] });
    one.suspend('q-dy-c-[1-4]');
    one.fail(one.only('ReleaseNodes'), 'no contact', true);
    one.advance(2_000);
    expect(one.only('ReleaseNodes')).toMatchObject({ nodes: [], keep: all });
    one.fail(one.only('ReleaseNodes'), 'no contact', true);
    one.advance(10_000);
    expect(one.only('ReleaseNodes')).toMatchObject({ nodes: [], keep: all });
    rest(one);
  });

  test('makes no name longer however often the nodes pass from one job to the next', () => {
    const one = booting();
    const lengths: number[] = [];
    for (let jobId = 1; jobId < 9; jobId += 1) {
      one.sendSeen({ gone: [jobId] });
      release(one, one.only('ReleaseNodes'), [], facts(jobId + 1, 'q-dy-c-[1-4]'));
      one.finish(one.only('AssignNodes'));
      const { gangId } = one.decisions('GangFormed').at(-1) ?? {};
      lengths.push(gangId?.length ?? Infinity);
      one.advance(1_000);
    }
    // EC2 takes tokens of 64 characters: the gang's name and the numbers of its launches.
    expect(Math.max(...lengths)).toBeLessThan(50);
    expect(new Set(one.decisions('GangFormed').map(({ gangId }) => gangId)).size).toBe(10);
    rest(one);
  });

  test('answers of two such effects in one moment make gangs of their own', () => {
    const one = world();
    one.slurm.jobs.set(1, null);
    one.slurm.jobs.set(2, null);
    one.resume('q-dy-c-1', [{ job_id: 1, nodes_resume: 'q-dy-c-1' }]);
    one.resume('q-dy-c-2', [{ job_id: 2, nodes_resume: 'q-dy-c-2' }]);
    const [first, second] = one.out('ReleaseNodes');
    if (first === undefined || second === undefined) throw new Error('two effects should run');
    release(one, first, [], facts(3, 'q-dy-c-1'));
    release(one, second, [], facts(4, 'q-dy-c-2'));
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-1', 'q-dy-c-2']);
  });
});

describe('a job that is gone while its nodes boot', () => {
  test('those that are awaited are let go, those that have registered idle as Slurm has it', () => {
    const one = booting();
    one.sendSeen({ registered: ['q-dy-c-1'] });
    one.sendSeen({ registered: ['q-dy-c-2'], gone: [1] });
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-3', 'q-dy-c-4']);
    expect(one.state.boots.size).toBe(0);
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    expect(one.decisions('BootCancelled')).toHaveLength(1);
  });

  test('a replacement that is on its way is stopped', () => {
    const one = booting();
    one.ec2.terminate(['i-0001']);
    one.send({ kind: 'Ec2Seen', ended: ['i-0001'], strays: [], strayReservations: [] });
    one.sendSeen({ gone: [1] });
    one.launch(one.only('RunInstances'));
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
    expect(one.state.leases.size).toBe(0);
  });

  test('nodes that another gang boots on, or wants, stay', () => {
    const one = booting();
    one.slurm.absent = 'q-dy-c-[1-2]';
    one.slurm.jobs.set(2, { nodes: 'q-dy-c-[1-2],q-dy-c-5' });
    one.resume('q-dy-c-5', [{ job_id: 2, nodes_resume: 'q-dy-c-5' }]);
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    one.asks = true;
    one.resume('q-dy-c-3', [{ job_id: 3, nodes_resume: 'q-dy-c-3' }]);
    one.sendSeen({ gone: [1] });
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-4']);
    one.asks = false;
    rest(one);
    expect(one.state.leases.size).toBe(4);
  });

  test('all nodes registered in the same look: nothing is let go', () => {
    const one = booting();
    one.sendSeen({ registered: all, gone: [1] });
    expect(one.effects('ReleaseNodes')).toEqual([]);
    rest(one);
    expect(one.state.leases.size).toBe(4);
  });
});
