/** From what is known and a listing to what is new in it. */
import { describe, expect, test } from 'vitest';
import {
  awaitedNodes,
  doomedBoots,
  goneJobs,
  hasDoomedBoot,
  isOnItsWay,
  lateAwaited,
  observeEc2,
  silentJobs,
  watchesSlurm,
  type SeenJob,
} from './observe.ts';
import type { UnleasedInstance } from './takeover.ts';
import { createTestWorld, testStart, type DrivenWorld } from './testing/world.ts';

/** A job that is configuring on these nodes. */
function job(jobId: number, ...nodeList: string[]): SeenJob {
  const plain = { hetJobId: null, isAllocated: true, priority: null, comment: '', extra: '' };
  return { jobId, ...plain, nodes: nodeList.join(','), nodeList, isConfiguring: true };
}

/** The nodes q-dy-c-[1-2] are launched for job 1 and, when `given`, given to Slurm; nobody has registered. */
function world(given: boolean): DrivenWorld {
  const one = Object.assign(createTestWorld({ bootTimeMs: 300_000 }), { boots: true });
  one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
  if (given) {
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
  }
  return one;
}

const later = testStart + 10_000;
const listing = (...jobs: SeenJob[]) => ({ askedAt: later, jobs, up: [] });

describe('whether Slurm is looked at', () => {
  test('while a job has a gang, or a gang boots; not before, nor after', () => {
    const one = world(false);
    expect(watchesSlurm(createTestWorld().state)).toBe(false);
    expect(watchesSlurm(one.state)).toBe(true);
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    expect(one.state.gangs.size).toBe(0);
    expect(watchesSlurm(one.state)).toBe(true);
    one.registerAll();
    expect(watchesSlurm(one.state)).toBe(false);
  });

  test('not for nodes that no job wants, until they boot', () => {
    const one = createTestWorld();
    one.resume('q-dy-c-1', []);
    expect(watchesSlurm(one.state)).toBe(false);
  });
});

describe('awaitedNodes', () => {
  test('are those that were given and have not registered, each once', () => {
    const one = world(true);
    expect(awaitedNodes(one.state)).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    one.sendSeen({ registered: ['q-dy-c-2'] });
    expect(awaitedNodes(one.state)).toEqual(['q-dy-c-1']);
  });
});

describe('lateAwaited', () => {
  test('are those whose deadline has passed and that Slurm shows as not up', () => {
    const one = world(true);
    const by = testStart + 300_000;
    expect(lateAwaited(one.state, by - 1, ['q-dy-c-1', 'q-dy-c-2'])).toEqual([]);
    expect(lateAwaited(one.state, by, ['q-dy-c-2', 'q-dy-c-9'])).toEqual(['q-dy-c-2']);
  });

  test('are none of a gang that is to be let go already', () => {
    const one = world(true);
    one.now += 300_000;
    one.state.settings = { ...one.state.settings, resumeTimeoutMs: 1 };
    const doom = { code: 'BootTimeout', message: '', nodes: [], instanceIds: [] };
    for (const boot of one.state.boots.values()) boot.doom = doom;
    expect(hasDoomedBoot(one.state)).toBe(true);
    expect(lateAwaited(one.state, one.now, ['q-dy-c-2'])).toEqual([]);
  });
});

describe('doomedBoots', () => {
  test('are told with those of their nodes that other jobs have', () => {
    const one = world(true);
    expect(doomedBoots(one.state, listing(job(2, 'q-dy-c-1')))).toEqual([]);
    expect(hasDoomedBoot(one.state)).toBe(false);
    for (const boot of one.state.boots.values())
      boot.doom = { code: 'BootTimeout', message: '', nodes: [], instanceIds: [] };
    const seen = listing(job(1, 'q-dy-c-1', 'q-dy-c-2'), job(2, 'q-dy-c-2', 'q-dy-c-3'));
    expect(doomedBoots(one.state, seen)).toMatchObject([{ taken: ['q-dy-c-2'] }]);
  });
});

describe('isOnItsWay', () => {
  test('a node that was asked for before Slurm was, and has not registered', () => {
    for (const given of [true, false]) {
      const one = world(given);
      expect(isOnItsWay(one.state, 'q-dy-c-1', later)).toBe(true);
      expect(isOnItsWay(one.state, 'q-dy-c-1', testStart)).toBe(false);
      expect(isOnItsWay(one.state, 'q-dy-c-3', later)).toBe(false);
    }
  });

  test('not one that is up', () => {
    const one = world(true);
    one.registerAll();
    expect(isOnItsWay(one.state, 'q-dy-c-1', later)).toBe(false);
  });
});

describe('silentJobs', () => {
  test('are configuring, on a node that is on its way, and nobody knows them', () => {
    const one = world(true);
    const running = { ...job(4, 'q-dy-c-1'), isConfiguring: false };
    const seen = listing(job(1, 'q-dy-c-1'), job(2, 'q-dy-c-2'), job(3, 'q-dy-c-3'), running);
    expect(silentJobs(one.state, seen).map(({ jobId }) => jobId)).toEqual([2]);
    expect(silentJobs(one.state, { ...seen, askedAt: testStart })).toEqual([]);
  });

  test('are not those of gangs, nor of requests that Slurm is being asked about', () => {
    const one = world(false);
    one.asks = true;
    one.resume('q-dy-c-2', [{ job_id: 5, nodes_resume: 'q-dy-c-2' }]);
    const seen = listing(job(1, 'q-dy-c-1'), job(5, 'q-dy-c-2'), job(6, 'q-dy-c-2'));
    expect(silentJobs(one.state, seen).map(({ jobId }) => jobId)).toEqual([6]);
  });

  test('are nobody in node-list mode', () => {
    const one = createTestWorld({ mode: 'node-list' });
    one.resume('q-dy-c-1', null);
    expect(silentJobs(one.state, listing(job(2, 'q-dy-c-1')))).toEqual([]);
  });
});

describe('goneJobs', () => {
  for (const given of [true, false]) {
    test(`are those of gangs that have no nodes (${given ? 'booting' : 'launching'})`, () => {
      const one = world(given);
      expect(goneJobs(one.state, listing())).toEqual([1]);
      expect(goneJobs(one.state, listing(job(1, 'q-dy-c-1')))).toEqual([]);
    });

    test(`are not those of gangs younger than the look (${given ? 'booting' : 'launching'})`, () => {
      const one = world(given);
      expect(goneJobs(one.state, { ...listing(), askedAt: testStart })).toEqual([]);
    });
  }

  test('are not those that Slurm is being asked about, or whose nodes are let go', () => {
    const one = world(false);
    one.asks = true;
    one.resume('q-dy-c-3', [{ job_id: 2, nodes_resume: 'q-dy-c-3' }]);
    one.sendSeen({ gone: [1] });
    expect(goneJobs(one.state, listing())).toEqual([]);
  });
});

describe('observeEc2', () => {
  const old = later - 300_000;
  const nothing = { askedAt: later, ended: [], unleased: [], reservations: [] };
  function instance(instanceId: string, more: Partial<UnleasedInstance> = {}): UnleasedInstance {
    const address = { privateIp: '10.0.0.9', hostname: 'h' };
    return { instanceId, ...address, clientToken: null, launchedAt: old, ...more };
  }
  function look(one: DrivenWorld, ...unleased: UnleasedInstance[]) {
    // The ledger is older than all of them, but where a test says otherwise.
    const state = { ...one.state, since: old - 1, begunAt: old - 1 };
    return observeEc2(state, { ...nothing, unleased });
  }

  test('a leased instance that ended is new, and nobody else’s', () => {
    const one = world(true);
    const seen = observeEc2(one.state, { ...nothing, ended: ['i-7', 'i-0002'] });
    expect(seen).toEqual({ ended: ['i-0002'], strays: [], strayReservations: [] });
  });

  test('one that was leased after EC2 was asked has not ended', () => {
    const one = world(true);
    const seen = observeEc2(one.state, { ...nothing, askedAt: testStart, ended: ['i-0001'] });
    expect(seen.ended).toEqual([]);
  });

  test('strays: nobody has them, and they are two minutes old', () => {
    const one = world(true);
    const young = instance('i-8', { launchedAt: later - 120_000 });
    const seen = look(
      one,
      instance('i-7'),
      young,
      instance('i-9', { launchedAt: later - 120_001 }),
    );
    expect(seen.strays).toEqual(['i-7', 'i-9']);
  });

  test('no stray: an instance from before this ledger began, which may be at work for an earlier one', () => {
    const one = world(true);
    const state = { ...one.state, since: old + 1, begunAt: old + 1 };
    const unleased = [instance('i-7'), instance('i-8', { launchedAt: old + 1 })];
    const seen = observeEc2(state, { ...nothing, unleased });
    expect(seen.strays).toEqual(['i-8']);
  });

  test('no strays: what is leased, what is being terminated, launched or swept', () => {
    const one = world(true);
    one.suspend('q-dy-c-1');
    one.resume('q-dy-c-[3-4]', [{ job_id: 2, nodes_resume: 'q-dy-c-[3-4]' }]);
    const launch = one.only('RunInstances');
    one.loseAnswer(launch, 2);
    const launching = launch.order.clientToken;
    expect(look(one, instance('i-7', { clientToken: launching })).strays).toEqual([]);
    one.sendSeen({ gone: [2] });
    expect(one.out('RunInstances')).toEqual([]);
    expect(look(one, instance('i-7', { clientToken: launching })).strays).toEqual([]);
    expect(look(one, instance('i-0001'), instance('i-0002')).strays).toEqual([]);
    one.settle();
    expect(look(one, instance('i-7', { clientToken: launching })).strays).toEqual(['i-7']);
  });

  test('reservations that nobody has, and that are neither being made nor let go', () => {
    const launch = { kind: 'launch-template', name: 't', version: '1' } as const;
    const resource = { name: 'c', minCount: 0, maxCount: 9, instanceTypes: ['c5.large'], launch };
    const one = createTestWorld({
      maxBatchSize: 2,
      queues: [
        {
          name: 'q',
          capacityType: 'on-demand',
          subnetIds: ['subnet-a'],
          computeResources: [resource],
        },
      ],
    });
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    const [first, second] = one.out('CreateReservation');
    if (first === undefined || second === undefined) throw new Error('two should be asked for');
    one.finish(first);
    const reservations = [
      { reservationId: 'cr-1', tag: first.id },
      { reservationId: 'cr-2', tag: second.id },
      { reservationId: 'cr-3', tag: 'r/0/reserve9' },
      { reservationId: 'cr-4', tag: '' },
    ];
    const seen = () => observeEc2(one.state, { ...nothing, reservations });
    expect(seen().strayReservations.map(({ reservationId }) => reservationId)).toEqual([
      'cr-3',
      'cr-4',
    ]);
    const strayReservations = seen().strayReservations;
    one.send({ kind: 'Ec2Seen', ended: [], strays: [], strayReservations });
    expect(seen().strayReservations).toEqual([]);
  });
});
