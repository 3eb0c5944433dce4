/** Jobs that Slurm puts on nodes which power up already for others: it calls nobody, a look shows them. */
import { describe, expect, test } from 'vitest';
import type { JobFacts } from './job-facts.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';

const all = ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4'];

/** A plain job as Slurm tells it. */
function facts(jobId: number, nodes: string): JobFacts {
  const plain = { jobId, hetJobId: null, isAllocated: true, priority: null };
  return { ...plain, nodes, comment: '', extra: '' };
}

/** The nodes q-dy-c-[1-4] are given to Slurm for job 1, and nobody has registered. */
function booting(): DrivenWorld {
  const one = Object.assign(createTestWorld({}, createInvariants()), { boots: true });
  one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
  return one;
}

function rest(one: DrivenWorld): void {
  one.boots = false;
  one.registerAll();
  one.settle();
  one.registerAll();
  checkAtRest(one);
  checkReplay(one);
}

describe('a silent job', () => {
  test('on the nodes of a cancelled one takes its instances over: none is launched, none ends', () => {
    const one = booting();
    const told = { jobs: [facts(2, 'q-dy-c-[1-4]')], absent: '' };
    one.sendSeen({ gone: [1], silent: { asked: all, told } });
    one.finish(one.only('ReleaseNodes'));
    expect(one.effects('TerminateInstances')).toEqual([]);
    expect(one.only('AssignNodes').nodes).toEqual(all);
    one.finish(one.only('AssignNodes'));
    expect([...one.state.boots.values()].map(({ jobIds }) => jobIds)).toEqual([[2]]);
    rest(one);
    expect(one.effects('RunInstances')).toHaveLength(1);
    expect(one.ec2.alive.size).toBe(4);
    expect([...one.state.leases.values()].every(({ given }) => given)).toBe(true);
  });

  test('that two looks show, before the first is read, gets one gang', () => {
    const one = booting();
    const silent = { asked: all, told: { jobs: [facts(2, 'q-dy-c-[1-4]')], absent: '' } };
    one.sendSeen({ silent });
    one.sendSeen({ silent });
    expect(one.decisions('GangFormed').filter(({ jobIds }) => jobIds.includes(2))).toHaveLength(1);
    one.finish(one.only('AssignNodes'));
    one.sendSeen({ silent });
    expect(one.decisions('GangFormed').filter(({ jobIds }) => jobIds.includes(2))).toHaveLength(1);
    rest(one);
  });

  test('on a node that is given back in the same look goes back with it', () => {
    const one = booting();
    one.suspend('q-dy-c-2');
    const told = { jobs: [facts(2, 'q-dy-c-[1-2]'), facts(3, 'q-dy-c-3')], absent: '' };
    one.sendSeen({ silent: { asked: ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3'], told } });
    expect(one.decisions('GangFormed').at(-1)).toMatchObject({ jobIds: [3], nodes: ['q-dy-c-3'] });
    expect(one.effects('RunInstances')).toHaveLength(1);
    rest(one);
  });

  test('gets a deadline of its own for the nodes that it shares', () => {
    const one = booting();
    one.advance(60_000);
    const told = { jobs: [facts(2, 'q-dy-c-[1-2]')], absent: '' };
    one.sendSeen({ silent: { asked: ['q-dy-c-1', 'q-dy-c-2'], told } });
    one.finish(one.only('AssignNodes'));
    const byJob = new Map([...one.state.boots.values()].map((boot) => [boot.jobIds[0], boot]));
    const [first, second] = [byJob.get(1), byJob.get(2)];
    expect(second?.nodes).toEqual(['q-dy-c-1', 'q-dy-c-2']);
    expect((second?.awaiting.get('q-dy-c-1') ?? 0) - (first?.awaiting.get('q-dy-c-1') ?? 0)).toBe(
      60_000,
    );
    rest(one);
  });

  test('on nodes that are still launched for another one waits for those, and shares them', () => {
    const one = createTestWorld({}, createInvariants());
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    const told = { jobs: [facts(2, 'q-dy-c-[3-4]')], absent: '' };
    one.sendSeen({ silent: { asked: ['q-dy-c-3', 'q-dy-c-4'], told } });
    rest(one);
    expect(one.ec2.launchedBy.size).toBe(1);
    expect(one.decisions('GangClosed').at(-1)?.given).toEqual(['q-dy-c-3', 'q-dy-c-4']);
  });

  test('waits for its nodes that no call has asked for yet, and starts with that call', () => {
    const one = booting();
    one.slurm.jobs.set(2, { nodes: 'q-dy-c-[3-5]' });
    one.slurm.absent = 'q-dy-c-[3-4]';
    const told = { jobs: [facts(2, 'q-dy-c-[3-5]')], absent: 'q-dy-c-5' };
    one.sendSeen({ silent: { asked: ['q-dy-c-3', 'q-dy-c-4'], told } });
    expect([...one.state.gangs.values()]).toMatchObject([
      { phase: 'assembling', missing: ['q-dy-c-5'] },
    ]);
    one.resume('q-dy-c-5', [{ job_id: 2, nodes_resume: 'q-dy-c-5' }]);
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    one.launch(one.only('RunInstances'));
    expect(one.only('AssignNodes').nodes.toSorted()).toEqual(['q-dy-c-3', 'q-dy-c-4', 'q-dy-c-5']);
    rest(one);
    expect(one.ec2.alive.size).toBe(5);
  });

  test('whose call never comes is let go; the nodes of the other job stay', () => {
    const one = booting();
    one.sendSeen({ registered: all });
    one.boots = false;
    const told = { jobs: [facts(2, 'q-dy-c-[3-5]')], absent: 'q-dy-c-5' };
    one.sendSeen({ silent: { asked: ['q-dy-c-3', 'q-dy-c-4'], told } });
    one.advance(60_000);
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 2, code: 'GangIncomplete' }]);
    rest(one);
    expect(one.ec2.alive.size).toBe(4);
    expect(one.effects('GiveBackNodes')).toEqual([]);
  });

  test('of one node each, on several nodes, is one of several of a soft gang', () => {
    const one = booting();
    const told = { jobs: [facts(2, 'q-dy-c-1'), facts(3, 'q-dy-c-2')], absent: '' };
    one.sendSeen({ gone: [1], silent: { asked: ['q-dy-c-1', 'q-dy-c-2'], told } });
    expect(one.decisions('GangFormed').at(-1)).toMatchObject({
      gangKind: 'single-node-jobs',
      jobIds: [2, 3],
      firm: false,
    });
    one.finish(one.only('ReleaseNodes'));
    rest(one);
  });

  test('on nodes that a new configuration does not know keeps their instances', () => {
    const one = booting();
    one.send({ kind: 'ConfigLoaded', settings: { ...one.state.settings, queues: [] } });
    const told = { jobs: [facts(2, 'q-dy-c-[1-4]')], absent: '' };
    one.sendSeen({ silent: { asked: all, told } });
    expect(one.effects('GiveBackNodes')).toEqual([]);
    expect(one.decisions('NodesRejected')).toHaveLength(1);
    rest(one);
    expect(one.state.leases.size).toBe(4);
  });

  test('is told no more of its last try when it starts', () => {
    const one = booting();
    one.asks = true;
    one.resume('q-dy-c-5', [{ job_id: 2, nodes_resume: 'q-dy-c-5' }]);
    one.finish(one.only('AskJobs'));
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    one.fail(one.only('TellJobs'), '1 jobs are not back in the queue yet', true);
    const told = { jobs: [facts(2, 'q-dy-c-1')], absent: '' };
    one.sendSeen({ silent: { asked: ['q-dy-c-1'], told } });
    one.advance(5_000);
    expect(one.out('TellJobs')).toEqual([]);
    one.asks = false;
    rest(one);
  });

  test('is carried on by a restart', () => {
    const one = booting();
    const told = { jobs: [facts(2, 'q-dy-c-[1-4]')], absent: '' };
    one.sendSeen({ gone: [1], silent: { asked: all, told } });
    one.restart();
    rest(one);
    // Nobody was on the nodes when they were let go.
    expect(one.ec2.alive.size).toBe(4);
  });
});
