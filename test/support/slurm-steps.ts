/**
 * Steps of a random life in which Slurm and EC2 act by themselves: jobs turn out to be heterogeneous, larger than their
 * call, or gone; slurmd registers or stays silent; instances end; jobs are cancelled and others are put on their nodes.
 * Slurm never says more than it can know: only nodes that are awaited register, only jobs that are known are gone.
 */
import fc from 'fast-check';
import type { JobFacts } from '../../src/core/job-facts.ts';
import { awaitedNodes, goneJobs, isOnItsWay, silentJobs } from '../../src/core/observe.ts';
import type { DrivenWorld } from '../../src/core/testing/world.ts';

const jobId = fc.integer({ min: 1, max: 9 });
const which = fc.nat({ max: 20 });

/** Steps for a cluster of these nodes. */
export function slurmSteps(nodes: readonly string[]) {
  const some = fc.subarray([...nodes], { minLength: 1 });
  return fc.oneof(
    fc.record({
      kind: fc.constant('slurm-says' as const),
      jobId,
      fact: fc.oneof(
        fc.constant(null),
        fc.constant({ isAllocated: false }),
        fc.record({ hetJobId: fc.constantFrom(1, 2) }),
        fc.record({ nodes: some.map((list) => list.join(',')) }),
        fc.constant({}),
      ),
    }),
    fc.record({ kind: fc.constant('slurm-absent' as const), list: fc.subarray([...nodes]) }),
    fc.record({ kind: fc.constant('slurm-is' as const), asks: fc.boolean(), boots: fc.boolean() }),
    fc.record({ kind: fc.constant('register' as const), list: some }),
    fc.record({ kind: fc.constant('end-instance' as const), which }),
    fc.record({ kind: fc.constant('jobs-gone' as const), ids: fc.uniqueArray(jobId) }),
    fc.record({ kind: fc.constant('silent-job' as const), jobId, list: some }),
    fc.record({
      kind: fc.constant('release' as const),
      which,
      freed: fc.subarray([...nodes]),
      jobId,
    }),
  );
}

export type SlurmStep = ReturnType<typeof slurmSteps> extends fc.Arbitrary<infer T> ? T : never;

/** A plain job as Slurm tells it. */
function plainJob(id: number, nodes: readonly string[]): JobFacts {
  const plain = { jobId: id, hetJobId: null, isAllocated: true, priority: null };
  return { ...plain, nodes: nodes.join(','), comment: '', extra: '' };
}

export function takeSlurmStep(world: DrivenWorld, step: SlurmStep): void {
  const { state } = world;
  switch (step.kind) {
    case 'slurm-says':
      world.slurm.jobs.set(step.jobId, step.fact);
      return;
    case 'slurm-absent':
      world.slurm.absent = step.list.join(',');
      return;
    case 'slurm-is':
      world.asks = step.asks;
      world.boots = step.boots;
      return;
    case 'register': {
      const awaited = new Set(awaitedNodes(state));
      world.sendSeen({ registered: step.list.filter((node) => awaited.has(node)) });
      return;
    }
    case 'end-instance': {
      const held = [...state.leases.values()];
      const lease = held[step.which % Math.max(1, held.length)];
      if (lease !== undefined) endInstances(world, [lease.instance.instanceId]);
      return;
    }
    case 'jobs-gone': {
      const listing = { askedAt: world.now, jobs: [], up: [] };
      const gone = goneJobs(state, listing).filter((id) => step.ids.includes(id));
      world.sendSeen({ gone });
      return;
    }
    case 'silent-job': {
      // No two looks are in one moment.
      world.advance(1);
      const asked = step.list.filter((node) => isOnItsWay(state, node, world.now));
      const job = plainJob(step.jobId, step.list);
      const seen = { ...job, nodeList: step.list, isConfiguring: true };
      const listing = { askedAt: world.now, jobs: [seen], up: [] };
      if (asked.length === 0 || silentJobs(state, listing).length === 0) return;
      const absent = world.slurm.absent
        .split(',')
        .filter((node) => step.list.includes(node) && !asked.includes(node));
      world.sendSeen({ silent: { asked, told: { jobs: [job], absent: absent.join(',') } } });
      return;
    }
    case 'release':
      return releaseSome(world, step);
  }
}

/** Slurm lets go of some nodes; on the others is a job. */
function releaseSome(
  world: DrivenWorld,
  { which: index, freed: some, jobId: id }: Extract<SlurmStep, { kind: 'release' }>,
): void {
  const releases = world.out('ReleaseNodes');
  const effect = releases[index % Math.max(1, releases.length)];
  if (effect === undefined) return;
  const freed = effect.nodes.filter((node) => some.includes(node));
  const others = effect.nodes.filter((node) => !some.includes(node));
  world.running.splice(world.running.indexOf(effect), 1);
  const jobs = others.length === 0 ? [] : [plainJob(id, others)];
  world.send({
    kind: 'NodesReleased',
    effectId: effect.id,
    freed,
    kept: { jobs, absent: others.join(',') },
  });
}

function endInstances(world: DrivenWorld, ended: readonly string[]): void {
  world.advance(1);
  world.ec2.terminate(ended);
  world.send({ kind: 'Ec2Seen', ended, strays: [], strayReservations: [] });
}

/** The faults are over: Slurm answers, every slurmd registers, and EC2 is looked at until it shows nothing new. */
export function healSlurm(world: DrivenWorld): void {
  world.asks = false;
  world.boots = false;
  world.slurm.jobs.clear();
  world.slurm.absent = '';
  for (let looks = 0; looks < 10; looks += 1) {
    world.registerAll();
    world.settle();
    world.registerAll();
    const ended = [...world.state.leases.values()]
      .map(({ instance }) => instance.instanceId)
      .filter((id) => !world.ec2.alive.has(id));
    if (ended.length === 0) return;
    endInstances(world, ended);
  }
  throw new Error('EC2 shows new ends for ever');
}
