/** What Slurm does to a gang that boots: powers nodes down, gives up on them, takes its job away, puts others on its nodes. */
import { describe, expect, test } from 'vitest';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';

const noRoom = 'InsufficientInstanceCapacity';

/** The nodes q-dy-c-[1-4] are given to Slurm for job 1; nobody registers unless the test says so. */
function given(scalingStrategy: 'all-or-nothing' | 'best-effort' = 'all-or-nothing'): DrivenWorld {
  const one = Object.assign(
    createTestWorld(
      { resumeTimeoutMs: 1_800_000, bootTimeMs: 300_000, scalingStrategy },
      createInvariants(),
    ),
    { boots: true },
  );
  one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
  return one;
}

function register(one: DrivenWorld, ...numbers: number[]): void {
  one.sendSeen({ registered: numbers.map((number) => `q-dy-c-${number}`) });
}

function end(one: DrivenWorld, ...instanceIds: string[]): void {
  one.ec2.terminate(instanceIds);
  one.send({ kind: 'Ec2Seen', ended: instanceIds, strays: [], strayReservations: [] });
}

/** The first node gets another instance, which is launched. */
function replacing(): DrivenWorld {
  const one = given();
  register(one, 2, 3);
  one.advance(10_000);
  end(one, 'i-0001');
  one.finish(one.only('TerminateInstances'));
  return one;
}

function bootOf(one: DrivenWorld) {
  const [boot] = [...one.state.boots.values()];
  if (boot === undefined) throw new Error('nobody boots');
  return boot;
}

/** Answers everything; whoever is awaited then registers. */
function rest(one: DrivenWorld): void {
  one.boots = false;
  one.registerAll();
  one.settle();
  one.registerAll();
  one.settle();
  checkAtRest(one);
  checkReplay(one);
}

describe('a suspend while a gang boots', () => {
  test('of a node that is awaited: it ends, and is awaited no more', () => {
    const one = given();
    register(one, 1, 2, 3);
    one.suspend('q-dy-c-4');
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0004']);
    expect(one.state.boots.size).toBe(0);
    rest(one);
    expect(one.effects('GiveBackNodes')).toEqual([]);
    expect(one.ec2.alive.size).toBe(3);
  });

  test('of all nodes ends everything, and Slurm gets nothing back', () => {
    const one = given();
    one.suspend('q-dy-c-[1-4]');
    rest(one);
    expect(one.effects('GiveBackNodes')).toEqual([]);
    expect(one.ec2.alive.size).toBe(0);
  });

  for (const stage of ['launching', 'assigning'] as const) {
    test(`of a node that gets another instance lets the others go, not the node (${stage})`, () => {
      const one = replacing();
      const launch = one.only('RunInstances');
      if (stage === 'assigning') one.launch(launch);
      one.suspend('q-dy-c-1');
      expect(one.only('GiveBackNodes')).toMatchObject({
        nodes: ['q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4'],
        reason: expect.stringContaining('(Code:PoweredDown)') as string,
      });
      expect(one.decisions('JobRefused')).toEqual([]);
      rest(one);
      expect(one.ec2.alive.size).toBe(0);
    });
  }

  test('of a lone node that gets another instance gives nothing back', () => {
    const one = given('best-effort');
    register(one, 2, 3, 4);
    end(one, 'i-0001');
    one.suspend('q-dy-c-1');
    rest(one);
    expect(one.effects('GiveBackNodes')).toEqual([]);
    expect(one.ec2.alive.size).toBe(3);
  });
});

describe('a resume-fail while a gang boots', () => {
  test('lets the whole gang go; the nodes that Slurm gave up on are powered down only', () => {
    const one = given();
    register(one, 1, 2);
    one.resumeFail('q-dy-c-[3-4]');
    expect(
      one.out('GiveBackNodes').map(({ nodes, reason }) => [nodes.join(' '), reason !== null]),
    ).toEqual([
      ['q-dy-c-3 q-dy-c-4', false],
      ['q-dy-c-1 q-dy-c-2', true],
    ]);
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 1, code: 'BootTimeout' }]);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('of the node that gets another instance lets that one go too', () => {
    const one = replacing();
    one.launch(one.only('RunInstances'));
    one.resumeFail('q-dy-c-1');
    expect(one.state.gangs.size).toBe(0);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
    const back = one.effects('GiveBackNodes').filter(({ reason }) => reason !== null);
    expect(back.map(({ nodes }) => nodes)).toEqual([['q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4']]);
  });

  test('of nodes that have registered is what a suspend of them is', () => {
    const one = given();
    register(one, 1, 2);
    one.resumeFail('q-dy-c-1');
    expect(one.decisions('BootFailed')).toEqual([]);
    expect(bootOf(one).nodes).toEqual(['q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4']);
    rest(one);
  });
});

describe('a gang that is to be let go', () => {
  /** Its fourth node is late for good; Slurm has not said yet who is on the others. */
  function doomed(): DrivenWorld {
    const one = given();
    register(one, 1, 2);
    one.now += 1_600_000;
    one.sendSeen({ late: ['q-dy-c-4'] });
    expect(bootOf(one).doom).toMatchObject({ code: 'BootTimeout', nodes: ['q-dy-c-4'] });
    return one;
  }

  test('goes when Slurm has been looked at, without the nodes that other jobs have', () => {
    const one = doomed();
    expect(one.effects('TerminateInstances')).toEqual([]);
    one.sendSeen({ doomed: [{ gangId: bootOf(one).gangId, taken: ['q-dy-c-1', 'q-dy-c-4'] }] });
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4']);
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-1']);
  });

  test('goes all the same when its last nodes register now, and counts as refused', () => {
    const one = doomed();
    register(one, 3, 4);
    expect(one.decisions('JobStarted')).toEqual([]);
    expect(bootOf(one).awaiting.size).toBe(0);
    one.sendSeen({ doomed: [{ gangId: bootOf(one).gangId, taken: [] }] });
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
    expect(one.decisions('JobRefused')).toMatchObject([{ tries: 1 }]);
  });

  test('is doomed once: neither other nodes nor other reasons change it', () => {
    const one = doomed();
    one.sendSeen({ late: ['q-dy-c-3', 'q-dy-c-4'] });
    expect(one.decisions('BootDoomed')).toHaveLength(1);
    one.resumeFail('q-dy-c-3');
    expect(one.decisions('BootDoomed')).toHaveLength(1);
    rest(one);
  });

  test('is let go by its own reason also when its job is gone by then, with care for who comes next', () => {
    const one = doomed();
    one.sendSeen({ doomed: [{ gangId: bootOf(one).gangId, taken: [] }], gone: [1] });
    expect(one.decisions('BootCancelled')).toEqual([]);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-4']);
    expect(one.only('TerminateInstances').instanceIds).toEqual(['i-0004']);
    const release = one.only('ReleaseNodes');
    expect(release.nodes).toEqual(['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3']);
    expect(release.reason).toContain('(Code:BootTimeout)');
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('and of which Slurm powers every node down meanwhile is over', () => {
    const one = doomed();
    one.suspend('q-dy-c-[1-4]');
    rest(one);
    expect(one.effects('GiveBackNodes')).toEqual([]);
  });

  test('is still so after a restart', () => {
    const one = doomed();
    one.restart();
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
    expect(one.decisions('BootFailed')).toHaveLength(1);
  });

  test('that no boot knows is nothing', () => {
    const one = doomed();
    one.sendSeen({ doomed: [{ gangId: 'another', taken: [] }] });
    expect(one.decisions('BootFailed')).toEqual([]);
    rest(one);
  });
});

describe('nodes that another gang has too', () => {
  test('stay while the other one still boots', () => {
    const one = given();
    one.slurm.jobs.set(2, { nodes: 'q-dy-c-[1-2],q-dy-c-5' });
    one.slurm.absent = 'q-dy-c-[1-2]';
    one.resume('q-dy-c-5', [{ job_id: 2, nodes_resume: 'q-dy-c-5' }]);
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    register(one, 1, 2, 3);
    end(one, 'i-0004');
    one.refuse(one.only('RunInstances'), noRoom);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-3', 'q-dy-c-4']);
    rest(one);
    expect([...one.state.leases.keys()].toSorted()).toEqual(['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-5']);
  });

  test('stay for one that waits for them, which launches what is missing', () => {
    const one = given();
    register(one, 1, 2);
    one.asks = true;
    one.resume('q-dy-c-[2-3]', [{ job_id: 2, nodes_resume: 'q-dy-c-[2-3]' }]);
    end(one, 'i-0003');
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-1', 'q-dy-c-4']);
    one.asks = false;
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-2', 'q-dy-c-3']);
  });
});

describe('a node on which two gangs boot', () => {
  /** The first gang gets another instance for q-dy-c-4, on which job 2 boots too, with a later deadline. */
  function shared(): DrivenWorld {
    const one = given();
    one.advance(60_000);
    const plain = { hetJobId: null, isAllocated: true, priority: null, comment: '', extra: '' };
    const told = { jobs: [{ jobId: 2, nodes: 'q-dy-c-[3-4]', ...plain }], absent: '' };
    one.sendSeen({ silent: { asked: ['q-dy-c-3', 'q-dy-c-4'], told } });
    one.finish(one.only('AssignNodes'));
    register(one, 1, 2, 3);
    one.advance(240_000);
    expect(one.out('RunInstances')).toHaveLength(1);
    return one;
  }

  test('gets one instance for both: the second one waits for it', () => {
    const one = shared();
    const launch = one.only('RunInstances');
    one.advance(100_000);
    one.launch(launch);
    one.finish(one.only('AssignNodes'));
    expect([...one.state.boots.values()].map(({ awaiting }) => [...awaiting.keys()])).toEqual([
      ['q-dy-c-4'],
      ['q-dy-c-4'],
    ]);
    one.advance(200_000);
    register(one, 4);
    expect(one.state.boots.size).toBe(0);
    rest(one);
    expect(one.ec2.alive.size).toBe(4);
    expect(one.decisions('BootFailed')).toEqual([]);
  });

  test('is launched for the second one when the job of the first is gone', () => {
    const one = shared();
    one.sendSeen({ gone: [1] });
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    register(one, 4);
    rest(one);
    expect(one.ec2.alive.size).toBe(4);
  });

  test('is launched for nobody when the jobs of both are gone', () => {
    const one = shared();
    one.sendSeen({ gone: [1, 2] });
    one.launch(one.only('RunInstances'));
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3']);
  });

  test('is launched for nobody when both jobs go one after the other', () => {
    const one = shared();
    one.sendSeen({ gone: [2] });
    one.sendSeen({ gone: [1] });
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3']);
  });

  test('is lost to both when there is no other instance', () => {
    const one = shared();
    one.refuse(one.only('RunInstances'), noRoom);
    one.advance(200_000);
    rest(one);
    expect(one.decisions('BootFailed').map(({ jobIds }) => jobIds)).toEqual([[1], [2]]);
    expect(one.ec2.alive.size).toBe(0);
  });
});

describe('a gang that is launched and counts on a node that boots for another one', () => {
  function counting(scalingStrategy: 'all-or-nothing' | 'best-effort'): DrivenWorld {
    const one = given(scalingStrategy);
    register(one, 1, 2, 3);
    one.slurm.jobs.set(2, { nodes: 'q-dy-c-[4-6]' });
    one.slurm.absent = 'q-dy-c-4';
    one.advance(290_000);
    one.resume('q-dy-c-[4-6]', [{ job_id: 2, nodes_resume: 'q-dy-c-[4-6]' }]);
    expect(one.only('RunInstances').order.maxCount).toBe(2);
    return one;
  }

  test('is let go with the other one when that node never registers', () => {
    const one = counting('all-or-nothing');
    one.advance(10_000);
    expect(one.decisions('BootFailed').map(({ jobIds }) => jobIds)).toEqual([[1]]);
    expect(one.decisions('GangClosed').at(-1)).toMatchObject({ jobIds: [2], given: [] });
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
    expect(one.decisions('JobRefused').map(({ jobId, code }) => [jobId, code])).toEqual([
      [2, 'BootTimeout'],
      [1, 'BootTimeout'],
    ]);
  });

  test('loses that node alone when every node stands for itself', () => {
    const one = counting('best-effort');
    one.advance(10_000);
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-4']);
    rest(one);
    expect(one.verdict(1)).toEqual({ given: ['q-dy-c-5', 'q-dy-c-6'], failed: ['q-dy-c-4'] });
    expect(one.ec2.alive.size).toBe(5);
  });
});

describe('late registrations', () => {
  test('of an instance that was given up are not those of the next one', () => {
    const one = replacing();
    one.launch(one.only('RunInstances'));
    register(one, 1);
    one.finish(one.only('AssignNodes'));
    expect([...bootOf(one).awaiting.keys()].toSorted()).toEqual(['q-dy-c-1', 'q-dy-c-4']);
    register(one, 1, 4);
    expect(one.state.boots.size).toBe(0);
    rest(one);
  });

  test('of nodes that nobody awaits are nothing', () => {
    const one = given();
    register(one, 1, 2, 3, 4);
    const { decisions } = one.sendSeen({ registered: ['q-dy-c-1', 'q-dy-c-9'] });
    expect(decisions).toEqual([]);
    rest(one);
  });
});

describe('a restart while a gang boots', () => {
  const stages = new Map<string, (one: DrivenWorld) => void>([
    ['when nobody has registered', () => undefined],
    ['when some have', (one) => register(one, 1, 2)],
    ['when an instance has ended', (one) => end(one, 'i-0001')],
    [
      'when its replacement is launched',
      (one) => {
        end(one, 'i-0001');
        one.launch(one.only('RunInstances'));
      },
    ],
    [
      'when its replacement is given',
      (one) => {
        end(one, 'i-0001');
        one.launch(one.only('RunInstances'));
        one.finish(one.only('AssignNodes'));
      },
    ],
  ]);
  for (const [name, reach] of stages) {
    for (const reached of [true, false]) {
      test(`${name} changes nothing (${reached ? 'what ran was done' : 'nothing of it was'})`, () => {
        const one = given();
        reach(one);
        one.restart(reached);
        rest(one);
        expect(one.ec2.alive.size).toBe(4);
        expect(one.effects('GiveBackNodes')).toEqual([]);
      });
    }
  }
});
