/**
 * The wiki page's limits 1 to 4, each shown twice: in `node-list` mode with the page's outcome, and in `job` mode, where
 * one line more in the same file makes the limit go.
 *
 * Each run has a queue of its own, so that nothing that one left behind is in the way of the next. Jobs carry
 * --no-requeue: one that is refused ends at once and can be counted. Limit 4, the most instances of one call, is shown with
 * `max_batch_size = 4` in place of EC2's 500: the bound is another, what happens at it is the same.
 */
import { sbatchLine } from '../slurm-client.ts';
import { equals, holds, runPhases } from '../phase.ts';
import type { Phase, View } from '../phase.ts';
import { describeJob } from '../checks.ts';

import type { JobRequest, JobStatus } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld, WorldSpec } from '../world.ts';
import { BOOT_MS, clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';

type Mode = 'node-list' | 'job';

interface Limit {
  readonly number: 1 | 2 | 3 | 4;
  readonly text: string;
  readonly maxBatchSize: number;
  /** Room in EC2 for new instances: c5.xlarge, and t2.micro. */
  readonly room: { readonly c5: number; readonly t2: number };
  readonly nodes: { readonly c5: number; readonly t2: number };
  /** The jobs, submitted together; `queue` is the run's own. */
  jobs(queue: string): readonly Pick<JobRequest, 'nodes' | 'nodelist'>[];
  readonly want: Readonly<Record<Mode, Outcome>>;
}

interface Outcome {
  readonly text: string;
  readonly run: number;
  readonly fail: number;
  /** Instances that stay for no job; those of a gang that was let go do not. */
  readonly forNothing: number;
}

const shown: readonly Limit[] = [
  {
    number: 1,
    text: 'three jobs (4, 2 and 2 nodes) in one request, room for 6',
    maxBatchSize: 10,
    room: { c5: 6, t2: 0 },
    nodes: { c5: 8, t2: 0 },
    jobs: () => [{ nodes: 4 }, { nodes: 2 }, { nodes: 2 }],
    want: {
      'node-list': {
        text: 'one launch-batch of 8: all three fail',
        run: 0,
        fail: 3,
        forNothing: 0,
      },
      job: { text: 'two of the jobs run', run: 2, fail: 1, forNothing: 0 },
    },
  },
  {
    number: 2,
    text: 'a job over two instance types, room in one of them only',
    maxBatchSize: 10,
    room: { c5: 4, t2: 0 },
    nodes: { c5: 4, t2: 1 },
    jobs: (queue) => [{ nodes: 5, nodelist: `${queue}-dy-c5xlarge-[1-4],${queue}-dy-t2micro-1` }],
    want: {
      'node-list': {
        text: 'four instances for a job that cannot run',
        run: 0,
        fail: 1,
        forNothing: 4,
      },
      job: { text: 'no instance stays', run: 0, fail: 1, forNothing: 0 },
    },
  },
  {
    number: 3,
    text: 'two jobs whose nodes alternate ([1,3-4] and [2,5-6]), room for one of them',
    maxBatchSize: 3,
    room: { c5: 3, t2: 0 },
    nodes: { c5: 6, t2: 0 },
    jobs: (queue) => [
      { nodes: 3, nodelist: `${queue}-dy-c5xlarge-[1,3-4]` },
      { nodes: 3, nodelist: `${queue}-dy-c5xlarge-[2,5-6]` },
    ],
    want: {
      'node-list': {
        text: 'batches cut both jobs: both fail, 3 stay up',
        run: 0,
        fail: 2,
        forNothing: 3,
      },
      job: { text: 'one job runs', run: 1, fail: 1, forNothing: 0 },
    },
  },
  {
    number: 4,
    text: "a job of 8 nodes where one call may launch 4 (in place of EC2's 500), room for 4",
    maxBatchSize: 4,
    room: { c5: 4, t2: 0 },
    nodes: { c5: 8, t2: 0 },
    jobs: () => [{ nodes: 8 }],
    want: {
      'node-list': {
        text: 'four instances for a job that cannot run',
        run: 0,
        fail: 1,
        forNothing: 4,
      },
      job: { text: 'no instance stays', run: 0, fail: 1, forNothing: 0 },
    },
  },
];

const modes: readonly Mode[] = ['node-list', 'job'];
const placement = { region: 'us-east-2', zone: 'us-east-2b', subnetId: 'subnet-12345678' };

function queueName(limit: Limit, mode: Mode): string {
  return `${mode === 'job' ? 'job' : 'list'}${limit.number}`;
}

const fleet = clusterYaml({
  ...placement,
  queues: modes.flatMap((mode) =>
    shown.map((limit) => ({
      name: queueName(limit, mode),
      computeResources: [
        { name: 'c5xlarge', instanceType: 'c5.xlarge', count: limit.nodes.c5 },
        ...(limit.nodes.t2 === 0
          ? []
          : [{ name: 't2micro', instanceType: 't2.micro', count: limit.nodes.t2 }]),
      ],
    })),
  ),
});

function files(limit: Limit, mode: Mode): MusterFiles {
  const page = ['all_or_nothing_batch = True', `max_batch_size = ${limit.maxBatchSize}`];
  const added = mode === 'job' ? [...page, 'job_level_scaling = True'] : page;
  return {
    resumeConf: resumeConf('demo', placement.region, added),
    clusterYaml: fleet,
    musterYaml: QUICK_RETRIES,
  };
}

const spec: WorldSpec = {
  files: { resumeConf: resumeConf('demo', placement.region, []), clusterYaml: fleet },
  ...placement,
  // Nothing is suspended meanwhile: the room for a run is counted from the instances that are there.
  suspendTimeSeconds: 300,
  bootMs: BOOT_MS,
};

export const limits: Scenario = {
  name: 'limits',
  summary:
    "The wiki page's limits 1 to 4, each in node-list mode and, where the limit is gone, in job mode",
  spec,
  run: (world) =>
    runPhases(
      world,
      modes.flatMap((mode) =>
        shown.map((limit) => ({
          name: `limit-${limit.number}-${mode}`,
          text: `limit ${limit.number}: ${limit.text}. ${mode} mode: ${limit.want[mode].text}`,
          ownInstancesOnly: true,
          run: (phase: Phase) => show(world, phase, limit, mode),
        })),
      ),
    ),
};

async function show(world: ScenarioWorld, phase: Phase, limit: Limit, mode: Mode): Promise<void> {
  await giveRoom(world, 'c5.xlarge', limit.room.c5);
  await giveRoom(world, 't2.micro', limit.room.t2);
  const before = shown[shown.indexOf(limit) - 1];
  const same = before?.maxBatchSize === limit.maxBatchSize;
  if (!same) await world.muster.restart(files(limit, mode));
  const ids = await submitTogether(
    world,
    limit.jobs(queueName(limit, mode)),
    queueName(limit, mode),
  );
  const want = limit.want[mode];
  const mine = (view: View): readonly JobStatus[] =>
    view.jobs.filter((job) => ids.includes(job.id));
  const saw = (view: View): string => mine(view).map(describeJob).join(', ');
  let view = await phase.require(
    `${want.fail} of ${ids.length} jobs fail for lack of capacity`,
    40_000,
    (now) => {
      const failed = mine(now).filter((job) => job.state === 'NODE_FAIL').length;
      return holds(failed === want.fail, String(want.fail), saw(now));
    },
  );
  if (want.run > 0) {
    view = await phase.require(`${want.run} run`, 60_000, (now) =>
      holds(mine(now).filter(hasStarted).length === want.run, String(want.run), saw(now)),
    );
  }
  phase.countJobs(view);
  await phase.show();
  // Which of the jobs get the room is EC2's to say: their calls are made at once.
  const used = mine(view)
    .filter(hasStarted)
    .reduce((sum, job) => sum + job.nodes.length, 0);
  await phase.settle(`${want.forNothing} instances are there for no job`, 15_000, (now) =>
    equals(want.forNothing, now.alive.length - used),
  );
  // In job mode, in which the next run may be, muster ends what boots for a job that is gone: the room for it would be more.
  if (want.forNothing > 0) {
    await phase.settle('and they join', 30_000, (now) =>
      equals(want.forNothing, idleNodes(now, queueName(limit, mode))),
    );
  }
  // To their end, so that the next run finds the queue empty.
  if (want.run > 0) {
    await phase.settle('they complete', 30_000, (now) =>
      equals(want.run, mine(now).filter((job) => job.state === 'COMPLETED').length),
    );
  }
}

function idleNodes({ nodes }: View, queue: string): number {
  return nodes.filter(({ name, state }) => name.startsWith(`${queue}-`) && state === 'idle').length;
}

function hasStarted(job: JobStatus): boolean {
  return job.state === 'RUNNING' || job.state === 'COMPLETING' || job.state === 'COMPLETED';
}

/** Room for so many new instances beside those that are there. */
async function giveRoom(world: ScenarioWorld, instanceType: string, count: number): Promise<void> {
  const { instances } = await world.cloud.stats();
  const there = instances.filter(
    (one) => one.instanceType === instanceType && one.terminatedAt === null,
  );
  await world.cloud.setCapacity(instanceType, placement.zone, there.length + count);
}

/**
 * Submits jobs so that Slurm starts them in one pass and asks for their nodes in one call: all become eligible in the same
 * second, a moment ahead.
 */
async function submitTogether(
  world: ScenarioWorld,
  jobs: readonly Pick<JobRequest, 'nodes' | 'nodelist'>[],
  partition: string,
): Promise<readonly string[]> {
  // Far enough ahead for three calls of sbatch, as long as a question to slurmctld takes on this machine now.
  const since = world.clock.now();
  await world.slurm.jobs();
  const ahead = 4_000 + 6 * (world.clock.now() - since);
  const beginAt = Math.floor((world.clock.now() + ahead) / 1000) * 1000 + 500;
  const ids: string[] = [];
  for (const job of jobs) {
    const request: JobRequest = {
      ...job,
      partition,
      seconds: 3,
      exclusive: true,
      requeue: false,
      ...(jobs.length > 1 ? { beginAfterSeconds: (beginAt - world.clock.now()) / 1000 } : {}),
    };
    world.progress({ kind: 'command', text: sbatchLine(request) });
    ids.push(await world.slurm.submit(request));
  }
  return ids;
}
