/**
 * The post's contrast to a wide job: ten independent tasks of one node each, where EC2 has room for six. All-or-nothing holds
 * for each task alone: six run at once, the others as room comes, and none waits for another.
 */
import { sbatchLine } from '../slurm-client.ts';
import { equals, holds, runPhases } from '../phase.ts';
import type { Phase, View } from '../phase.ts';
import { countJobs } from '../accounting.ts';
import { isUp, launchedAre } from '../checks.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld, WorldSpec } from '../world.ts';
import { BOOT_MS, clusterYaml, resumeConf } from './files.ts';

const INSTANCE_TYPE = 'c5.xlarge';
const TASKS = 10;
const ROOM = 6;

const placement = { region: 'us-east-2', zone: 'us-east-2b', subnetId: 'subnet-12345678' };

const files: MusterFiles = {
  resumeConf: resumeConf('demo', 'us-east-2', ['scaling_strategy = all-or-nothing']),
  clusterYaml: clusterYaml({
    ...placement,
    queues: [
      {
        name: 'queue1',
        computeResources: [{ name: 'c5xlarge', instanceType: INSTANCE_TYPE, count: TASKS }],
      },
    ],
  }),
  // The four that have no room wait most of the time.
  musterYaml: 'retry: { first: 15s, max: 15s }\ncapacity_memory: { refusal: 0s }\n',
};

const spec: WorldSpec = {
  files,
  ...placement,
  // Long: a node that a task leaves is there for the next one.
  suspendTimeSeconds: 300,
  bootMs: BOOT_MS,
};

const tasks: JobRequest = {
  partition: 'queue1',
  nodes: 1,
  // Longer than the spread of the six starts on a slow machine.
  seconds: 40,
  array: `0-${TASKS - 1}`,
  exclusive: true,
};

export const array: Scenario = {
  name: 'array',
  summary:
    'Ten independent one-node tasks, room for six: six run at once, the others as room comes',
  spec,
  run: (world) =>
    runPhases(world, [
      {
        name: 'first-six',
        text: 'room for six: six tasks get a node, none of them waits for the other four',
        run: (phase) => firstSix(world, phase),
      },
      {
        name: 'the-others',
        text: 'as tasks end, their nodes are room for the others',
        allJobs: true,
        run: (phase) => theOthers(phase),
      },
    ]),
};

/** Tasks whose node has registered: they run, or will when Slurm next looks. */
function withNodeUp(view: View): number {
  const up = new Set(view.nodes.filter((node) => isUp(node.state)).map((node) => node.name));
  return view.jobs.filter(
    (job) =>
      (job.state === 'RUNNING' || job.state === 'CONFIGURING') &&
      job.nodes.every((name) => up.has(name)),
  ).length;
}

async function firstSix(world: ScenarioWorld, phase: Phase): Promise<void> {
  await world.cloud.setCapacity(INSTANCE_TYPE, spec.zone, ROOM);
  await world.muster.start(files);
  world.progress({ kind: 'command', text: sbatchLine(tasks) });
  await world.slurm.submit(tasks);
  await phase.require(`${ROOM} instances are launched`, 30_000, (view) => launchedAre(view, ROOM));
  await phase.require(`${ROOM} tasks have a node that is up`, 60_000, (view) =>
    equals(ROOM, withNodeUp(view)),
  );
  // Those that are tried again at this very moment have nodes that are not there yet: they wait, too.
  const view = await phase.require(
    `${ROOM} tasks run at once, the other ${TASKS - ROOM} wait`,
    60_000,
    ({ jobs }) => {
      const { running, pending } = countJobs(jobs);
      return equals(`${ROOM} run, ${TASKS - ROOM} wait`, `${running} run, ${pending} wait`);
    },
  );
  phase.countJobs(view);
  await phase.show();
}

async function theOthers(phase: Phase): Promise<void> {
  await phase.require('all ten complete', 120_000, (view) =>
    equals(TASKS, view.jobs.filter((job) => job.state === 'COMPLETED').length),
  );
  const view = await phase.view();
  phase.expect(
    'no task failed',
    equals(0, view.jobs.filter((job) => job.state === 'NODE_FAIL').length),
  );
  phase.expect(
    'never more than six instances',
    holds(
      view.cloud.instances.filter((one) => one.terminatedAt === null).length <= ROOM,
      'at most 6 alive',
      String(view.cloud.instances.filter((one) => one.terminatedAt === null).length),
    ),
  );
}
