/**
 * The example of the wiki page of November 2020: a queue of 5,000 nodes, twenty jobs of 50 nodes, launch-batches of 50, and
 * EC2 has room for 300. Six jobs run on 300 real nodes; fourteen fail and leave the queue, because they may not be requeued.
 */
import { sbatchLine } from '../slurm-client.ts';
import { equals, holds, runPhases } from '../phase.ts';
import type { Phase, View } from '../phase.ts';
import {
  isGivenBack,
  isUp,
  launchedAre,
  logHas,
  nodeCountOf,
  nodesAre,
  sinfoShowed,
} from '../checks.ts';
import type { JobRequest, JobStatus } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld, WorldSpec } from '../world.ts';
import { BOOT_MS, clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';

const INSTANCE_TYPE = 'c5.xlarge';
const ROOM = 300;
const JOBS = 20;
const JOB_NODES = 50;
const JOBS_WITH_ROOM = ROOM / JOB_NODES;
const ASKED = JOBS * JOB_NODES;

const placement = { region: 'us-east-2', zone: 'us-east-2b', subnetId: 'subnet-12345678' };

/** With the page's own back quotes around the option: muster says what was meant and takes it so. */
const files: MusterFiles = {
  resumeConf: resumeConf('scheduled', 'us-east-2', [
    '`all_or_nothing_batch = True`',
    'max_batch_size = 50',
  ]),
  clusterYaml: clusterYaml({
    ...placement,
    queues: [
      {
        name: 'scheduled1',
        computeResources: [{ name: 'm54xlarge', instanceType: 'm5.4xlarge', count: 20 }],
      },
      {
        name: 'scheduled2',
        computeResources: [{ name: 'c5xlarge', instanceType: INSTANCE_TYPE, count: 5000 }],
      },
    ],
  }),
  musterYaml: QUICK_RETRIES,
};

const spec: WorldSpec = {
  files,
  ...placement,
  // Nothing is to be suspended while the scenario looks.
  suspendTimeSeconds: 300,
  bootMs: BOOT_MS,
  // No two machines boot alike; and on one machine 300 slurmds that start at once take it from all else.
  bootJitterMs: 30_000,
};

/** The page's job. The lab ends before it does. */
const jobs: JobRequest = {
  partition: 'scheduled2',
  nodes: JOB_NODES,
  seconds: 300,
  array: `1-${JOBS}`,
  exclusive: true,
  requeue: false,
  contiguous: true,
};

export const wiki2020: Scenario = {
  name: 'wiki-2020',
  summary: 'Twenty jobs of 50 nodes in a queue of 5,000, room for 300: six run, fourteen fail',
  spec,
  run: (world) =>
    runPhases(world, [
      {
        name: 'launch',
        text: `${ASKED} nodes are asked for, EC2 has room for ${ROOM}`,
        run: (phase) => launch(world, phase),
      },
      {
        name: 'run',
        text: `${JOBS_WITH_ROOM} jobs run on ${ROOM} nodes`,
        run: (phase) => runJobs(world, phase),
      },
    ]),
};

function inState(view: View, ...states: readonly JobStatus['state'][]): readonly JobStatus[] {
  return view.jobs.filter((job) => states.includes(job.state));
}

async function launch(world: ScenarioWorld, phase: Phase): Promise<void> {
  await world.cloud.setCapacity(INSTANCE_TYPE, spec.zone, ROOM);
  await world.muster.start(files);
  world.progress({ kind: 'command', text: sbatchLine(jobs) });
  await world.slurm.submit(jobs);
  const failing = JOBS - JOBS_WITH_ROOM;
  const view = await phase.require(`${failing} jobs fail and leave the queue`, 60_000, (now) =>
    equals(failing, inState(now, 'NODE_FAIL').length),
  );
  await phase.show();
  phase.expect(`${JOBS_WITH_ROOM} jobs have their nodes`, {
    ...equals(JOBS_WITH_ROOM, inState(view, 'CONFIGURING', 'RUNNING').length),
  });
  phase.expect(
    `Slurm asks for ${ASKED} nodes in one call`,
    logHas(
      view,
      `[1-${ASKED}]`,
      new RegExp(`resume request \\S+ for nodes: \\S+-\\[1-${ASKED}\\]`),
    ),
  );
  phase.expect(`${ROOM} instances are launched`, launchedAre(view, ROOM));
  const refused = ASKED - ROOM;
  await phase.settle(`the other ${refused} nodes are given back`, 20_000, (now) => {
    const others = nodeCountOf(now, isGivenBack) - (5020 - ASKED);
    return holds(others === refused, String(refused), String(others));
  });
}

async function runJobs(world: ScenarioWorld, phase: Phase): Promise<void> {
  await phase.require(`${ROOM} nodes join the cluster`, 120_000, (view) => {
    world.progress({ kind: 'progress', text: 'nodes up', done: nodeCountOf(view, isUp), of: ROOM });
    return nodesAre(view, ROOM, isUp);
  });
  const view = await phase.require(`${JOBS_WITH_ROOM} jobs run at once`, 60_000, (now) =>
    equals(JOBS_WITH_ROOM, inState(now, 'RUNNING').length),
  );
  phase.countJobs(view);
  await phase.show();
  const nodes = inState(view, 'RUNNING').flatMap((job) => job.nodes);
  phase.expect(`on ${ROOM} nodes`, equals(ROOM, new Set(nodes).size));
  phase.expect(
    'sinfo shows them allocated',
    sinfoShowed(await phase.view(), `${ROOM} alloc`, new RegExp(`\\s${ROOM}\\s+alloc\\s`)),
  );
  phase.expect('no further instance is launched', launchedAre(view, 0));
  const still = view.jobs.filter((job) => job.state !== 'RUNNING').length;
  phase.expect('no other job is in the queue', equals(0, still));
}
