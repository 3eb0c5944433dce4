/**
 * The story of the blog post of June 2022: a queue of 200 c6i.32xlarge where EC2 has room for 106, and a job that needs all 200.
 * Before: soft launches, and 106 machines idle. After: `all_or_nothing_batch = True`, and none is launched. Then capacity
 * rises and the job runs. Then a job with --no-requeue finds no capacity and leaves the queue.
 */
import { sbatchLine } from '../slurm-client.ts';
import { equals, holds, runPhases } from '../phase.ts';
import type { Phase, View } from '../phase.ts';
import {
  aliveAre,
  isGivenBack,
  isIdle,
  isPoweringUp,
  isUp,
  jobIs,
  jobOf,
  launchedAre,
  logHas,
  nodeCountOf,
  nodesAre,
} from '../checks.ts';
import type { PlanMode } from '../../core/settings.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld, WorldSpec } from '../world.ts';
import { BOOT_MS, QUICK_RETRIES, resumeConf } from './files.ts';

const INSTANCE_TYPE = 'c6i.32xlarge';
const WANTED = 200;
const ROOM = 106;

/** The post's cluster file, with the parts that muster has no use for. */
const clusterYaml = `HeadNode:
  InstanceType: c5a.xlarge
  Ssh:
    KeyName: keypair
  Networking:
    SubnetId: subnet-12345678
  Iam:
    AdditionalIamPolicies:
      - Policy: arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore
      - Policy: arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess
  Dcv:
    Enabled: true
  CustomActions:
    OnNodeConfigured:
      Script: >-
        https://swsmith.cc/scripts/multi-runner.sh
      Args:
        - s3://bucket/all-or-nothing.sh
Scheduling:
  Scheduler: slurm
  SlurmQueues:
    - Name: queue1
      ComputeResources:
        - Name: queue1-c6i32xlarge
          MinCount: 0
          MaxCount: 200
          InstanceType: c6i.32xlarge
          Efa:
            Enabled: true
            GdrSupport: true
      Networking:
        SubnetIds:
          - subnet-12345678
        PlacementGroup:
          Enabled: true
Region: us-east-2
Image:
  Os: alinux2
`;

const soft: MusterFiles = {
  resumeConf: resumeConf('demo', 'us-east-2', ['all_or_nothing_batch = False']),
  clusterYaml,
  musterYaml: QUICK_RETRIES,
};

/** As the post does it: `echo "all_or_nothing_batch = True" >> ...`. The key stands there twice; the last one counts. */
const firm: MusterFiles = {
  ...soft,
  resumeConf: `${soft.resumeConf}all_or_nothing_batch = True\n`,
};

const spec: WorldSpec = {
  files: soft,
  region: 'us-east-2',
  zone: 'us-east-2b',
  subnetId: 'subnet-12345678',
  // Longer than the nodes take to come up, all of them, on a busy machine: else the first have gone when the last arrives.
  suspendTimeSeconds: 25,
  bootMs: BOOT_MS,
  // No two machines boot alike, and 200 slurmds that start at once take this one from all else.
  bootJitterMs: 8_000,
};

export const blog2022: Scenario = {
  name: 'blog-2022',
  summary:
    'A 200-node job where EC2 has room for 106: soft, then all-or-nothing, then room for all',
  spec,
  async run(world) {
    // The job of "after" is the one that runs when capacity rises.
    let waiting = '';
    return runPhases(world, [
      {
        name: 'before',
        text: 'all_or_nothing_batch = False: EC2 gives what it has',
        run: (phase) => before(world, phase),
      },
      {
        name: 'after',
        text: 'all_or_nothing_batch = True: all of them or none',
        run: async (phase) => {
          waiting = await after(world, phase);
        },
      },
      {
        name: 'capacity-rises',
        text: `EC2 has room for ${WANTED}: the waiting job gets its nodes`,
        run: (phase) => capacityRises(world, phase, waiting),
      },
      {
        name: 'no-requeue',
        text: 'a job with --no-requeue that finds no capacity leaves the queue',
        run: (phase) => noRequeue(world, phase),
      },
    ]);
  },
};

/** The post's cluster for `lab up`: as much room as on that day, and nodes that idle longer before they go. */
export const LAB_UP_SPEC: WorldSpec = { ...spec, suspendTimeSeconds: 60 };
export const LAB_UP_TYPE = INSTANCE_TYPE;
export const LAB_UP_ROOM = ROOM;
export const LAB_UP_NODES = WANTED;

/**
 * All or nothing, in either mode. A refused job is tried again within half a minute, so that somebody who makes room sees it
 * run; not at once as in the scenarios, where no other job waits for the nodes that it takes with each try.
 */
export function labUpFiles(mode: PlanMode): MusterFiles {
  return {
    resumeConf: mode === 'job' ? resumeConf('demo', 'us-east-2', []) : firm.resumeConf,
    clusterYaml,
    musterYaml: 'retry: { first: 15s, max: 30s }\ncapacity_memory: { refusal: 0s }\n',
  };
}

async function submit(world: ScenarioWorld, job: JobRequest): Promise<string> {
  world.progress({ kind: 'command', text: sbatchLine(job) });
  return world.slurm.submit(job);
}

function bootProgress(world: ScenarioWorld, view: View, of: number): void {
  const done = nodeCountOf(view, isUp);
  world.progress({ kind: 'progress', text: 'nodes up', done, of });
}

async function before(world: ScenarioWorld, phase: Phase): Promise<void> {
  await world.cloud.setCapacity(INSTANCE_TYPE, spec.zone, ROOM);
  await world.muster.start(soft);
  const job = await submit(world, {
    name: 'job.sh',
    partition: 'queue1',
    nodes: WANTED,
    seconds: 20,
  });
  await phase.require(`${ROOM} instances are launched for ${WANTED} nodes`, 30_000, (view) =>
    launchedAre(view, ROOM),
  );
  const view = await phase.require(`${ROOM} nodes come up and idle`, 60_000, (now) => {
    bootProgress(world, now, ROOM);
    return nodesAre(now, ROOM, isIdle);
  });
  phase.countJobs(view);
  await phase.show();
  phase.expect('the job still waits', jobIs(view, job, 'PENDING'));
  phase.expect(
    'the other nodes were given back',
    holds(
      nodeCountOf(view, isGivenBack) === WANTED - ROOM,
      String(WANTED - ROOM),
      String(nodeCountOf(view, isGivenBack)),
    ),
  );
  world.progress({ kind: 'command', text: `scancel ${job}` });
  await world.slurm.cancel(job);
  world.progress({ kind: 'step', text: 'waiting until Slurm suspends the idle nodes' });
  await phase.require('all of them end again, after idling', 90_000, (now) => aliveAre(now, 0));
  await phase.require('all nodes are powered down', 60_000, (now) =>
    nodesAre(now, WANTED, (state) => state === 'idle~'),
  );
}

async function after(world: ScenarioWorld, phase: Phase): Promise<string> {
  world.progress({
    kind: 'command',
    text: 'echo "all_or_nothing_batch = True" >> parallelcluster_slurm_resume.conf',
  });
  await world.muster.restart(firm);
  const job = await submit(world, {
    name: 'job.sh',
    partition: 'queue1',
    nodes: WANTED,
    seconds: 30,
  });
  const view = await phase.require('EC2 refuses, and all nodes go back', 60_000, (now) =>
    holds(
      now.runInstancesCalls > 0 &&
        nodeCountOf(now, isGivenBack) === WANTED &&
        jobOf(now, job).state === 'PENDING',
      `${WANTED} given back, job PENDING`,
      `${nodeCountOf(now, isGivenBack)} given back, ${nodeCountOf(now, isPoweringUp)} powering up, job ${jobOf(now, job).state}`,
    ),
  );
  phase.countJobs(view);
  await phase.show();
  phase.expect(
    `each call asks for all ${WANTED} or none`,
    logHas(view, 'MinCount = MaxCount', new RegExp(`MinCount ${WANTED}, MaxCount ${WANTED}`)),
  );
  phase.expect('no instance is launched', launchedAre(view, 0));
  phase.expect('the job waits for another try', jobIs(view, job, 'PENDING'));
  phase.expect(
    'the log names the refused request',
    logHas(view, 'Failed RunInstances request: <request id>', /Failed RunInstances request: \S+/),
  );
  phase.expect(
    "the log has EC2's own words",
    logHas(
      view,
      'An error occurred (InsufficientInstanceCapacity) ...',
      /\(x200\).*InsufficientInstanceCapacity.*sufficient c6i\.32xlarge capacity/,
    ),
  );
  phase.expect(
    'the log counts what was launched',
    logHas(view, 'Successfully launched nodes (x0) []', /Successfully launched nodes \(x0\) \[\]/),
  );
  return job;
}

async function capacityRises(world: ScenarioWorld, phase: Phase, job: string): Promise<void> {
  await world.cloud.setCapacity(INSTANCE_TYPE, spec.zone, WANTED);
  world.progress({
    kind: 'step',
    text: 'the job is tried again when Slurm lets a requeued job start',
  });
  await phase.require(`${WANTED} instances are launched`, 90_000, (view) =>
    launchedAre(view, WANTED),
  );
  await phase.require('all of them join the cluster', 90_000, (view) => {
    bootProgress(world, view, WANTED);
    return nodesAre(view, WANTED, isUp);
  });
  const view = await phase.require('the job runs', 60_000, (now) => jobIs(now, job, 'RUNNING'));
  phase.countJobs(view);
  await phase.show();
  phase.expect('it has every node', equals(WANTED, jobOf(view, job).nodes.length));
  await phase.require('it completes', 60_000, (now) => jobIs(now, job, 'COMPLETED'));
  world.progress({ kind: 'step', text: 'waiting until Slurm suspends the nodes' });
  await phase.require('its instances are terminated', 90_000, (now) => aliveAre(now, 0));
  await phase.require('all nodes are powered down', 60_000, (now) =>
    nodesAre(now, WANTED, (state) => state === 'idle~'),
  );
}

async function noRequeue(world: ScenarioWorld, phase: Phase): Promise<void> {
  await world.cloud.setCapacity(INSTANCE_TYPE, spec.zone, 0);
  const job = await submit(world, {
    name: 'submit.sh',
    partition: 'queue1',
    nodes: 4,
    seconds: 20,
    exclusive: true,
    requeue: false,
  });
  await phase.require('the job leaves the queue', 60_000, (view) => jobIs(view, job, 'NODE_FAIL'));
  phase.expect('no instance is launched', launchedAre(await phase.view(), 0));
  await phase.show();
  const queue = await world.slurm.squeue();
  phase.expect('squeue is empty', equals(0, queue.trimEnd().split('\n').length - 1));
}
