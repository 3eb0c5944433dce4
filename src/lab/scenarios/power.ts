/**
 * Nodes go down and come up again, by Slurm's own clocks and by hand: idle nodes are suspended and their instances end; a
 * node that is wanted again while its old instance still shuts down gets a new one at once; one that an administrator powers
 * up is in no job and gets an instance all the same; and where muster was away when nodes failed to register, ResumeFail
 * makes good for it.
 */
import { equals, holds, runPhases } from '../phase.ts';
import type { Check, Phase, View } from '../phase.ts';
import { aliveAre, jobIs, jobOf, launchedAre, stateSummary } from '../checks.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld, WorldSpec } from '../world.ts';
import { BOOT_MS, clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';
import { PLACEMENT, setRoom, submit } from './whole.ts';

const TYPE = 'c5.xlarge';
const NODES = 4;
const nodes = Array.from({ length: NODES }, (_, index) => `queue1-dy-nodes-${index + 1}`);

/** Long beside SuspendTimeout: Slurm uses a node again while its old instance is still there. */
const SHUTDOWN_MS = 180_000;
const SUSPEND_SECONDS = 20;
const RESUME_TIMEOUT_SECONDS = 60;

const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: [
      {
        name: 'queue1',
        computeResources: [{ name: 'nodes', instanceType: TYPE, count: NODES }],
      },
    ],
  }),
  musterYaml: QUICK_RETRIES,
};

const spec: WorldSpec = {
  files,
  ...PLACEMENT,
  suspendTimeSeconds: SUSPEND_SECONDS,
  resumeTimeoutSeconds: RESUME_TIMEOUT_SECONDS,
  bootMs: BOOT_MS,
  shutdownMs: SHUTDOWN_MS,
};

export const power: Scenario = {
  name: 'power',
  summary:
    'Suspend after idle, power up during power down and by hand, and ResumeFail for an absent muster',
  spec,
  run: (world) =>
    runPhases(world, [
      {
        name: 'idle',
        text: `a job of 2 nodes ends; after ${SUSPEND_SECONDS} s Slurm suspends its nodes, and their instances end`,
        run: (phase) => idle(world, phase),
      },
      {
        name: 'again',
        text: 'the next job gets the same nodes while their old instances still shut down',
        run: (phase) => again(world, phase),
      },
      {
        name: 'by-hand',
        text: 'an administrator powers a node up, twice: it gets one instance, and is suspended when it idles',
        run: (phase) => byHand(world, phase),
      },
      {
        name: 'resume-fail',
        text: 'one instance never boots, and muster is away until after ResumeTimeout',
        run: (phase) => resumeFail(world, phase),
      },
    ]),
};

const twoNodes: JobRequest = {
  partition: 'queue1',
  nodes: 2,
  seconds: 3,
  exclusive: true,
  nodelist: 'queue1-dy-nodes-[1-2]',
};

async function idle(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { [TYPE]: 6 * NODES });
  await world.muster.start(files);
  await runsAndIdles(world, phase);
  phase.expect('no node has a reason', equals('', reasonsOf(await phase.view())));
}

/** Submits the job of two nodes, and waits until it is over and its nodes are powered down. */
async function runsAndIdles(world: ScenarioWorld, phase: Phase): Promise<void> {
  const job = await submit(world, twoNodes);
  await phase.require('2 instances are launched for it', 20_000, (view) => launchedAre(view, 2));
  await phase.require('it completes', 60_000, (view) => jobIs(view, job, 'COMPLETED'));
  await phase.require('its nodes are powered down', 40_000, (view) =>
    statesAre(view, nodes.slice(0, 2), 'idle~'),
  );
  phase.expect('their instances were terminated', aliveAre(await phase.view(), 0));
}

async function again(world: ScenarioWorld, phase: Phase): Promise<void> {
  const before = await phase.view();
  const olds = before.cloud.instances.filter((one) => one.terminatedAt !== null);
  await runsAndIdles(world, phase);
  const view = await phase.view();
  const firstLaunch = Math.min(...view.launched.map(({ launchedAt }) => launchedAt));
  phase.expect(
    'the new instances came while the old ones still shut down',
    holds(
      olds.every(({ terminatedAt }) => firstLaunch < (terminatedAt ?? 0) + SHUTDOWN_MS),
      `within ${SHUTDOWN_MS / 1000} s of their end being asked for`,
      `${Math.round((firstLaunch - Math.min(...olds.map((one) => one.terminatedAt ?? 0))) / 1000)} s later`,
    ),
  );
  phase.expect('none of them twice', launchedAre(view, 2));
}

async function byHand(world: ScenarioWorld, phase: Phase): Promise<void> {
  const [, , third = ''] = nodes;
  const command = `scontrol update nodename=${third} state=power_up`;
  world.progress({ kind: 'command', text: command });
  await world.slurm.updateNodes([third], 'power_up');
  await phase.require('an instance is launched for it', 20_000, (view) => launchedAre(view, 1));
  // Slurm calls ResumeProgram for it a second time.
  world.progress({ kind: 'command', text: command });
  await world.slurm.updateNodes([third], 'power_up');
  await phase.require('the node is up', 20_000, (view) => statesAre(view, [third], 'idle'));
  await phase.require('and powered down when it has idled', 40_000, (view) =>
    statesAre(view, [third], 'idle~'),
  );
  const view = await phase.view();
  phase.expect('one instance was launched for it', launchedAre(view, 1));
  phase.expect('and terminated', aliveAre(view, 0));
}

async function resumeFail(world: ScenarioWorld, phase: Phase): Promise<void> {
  await world.cloud.breakBoots(1);
  const job = await submit(world, {
    partition: 'queue1',
    nodes: 3,
    seconds: 30,
    exclusive: true,
    nodelist: 'queue1-dy-nodes-[1-3]',
  });
  await phase.require('3 instances are launched, and 2 nodes come up', 30_000, (view) =>
    equals('3, 2', `${view.launched.length}, ${statesOf(view, 'alloc')}`),
  );
  const lost = await world.muster.stop().then(() => phase.view());
  const silent = lost.nodes.find(({ state }) => state === 'alloc#')?.name ?? '';
  await phase.require('Slurm gives up on the third', (RESUME_TIMEOUT_SECONDS + 20) * 1000, (view) =>
    statesAre(view, [silent], 'down~'),
  );
  phase.expect(
    'and the job goes back to the queue',
    jobIs(await phase.view(), job, 'COMPLETING', 'PENDING'),
  );
  await phase.show();
  await world.muster.start(files);
  await phase.require('muster brings the node back to service', 20_000, (view) =>
    holds(
      /^(idle|alloc)[~#]?$/.test(stateOf(view, silent)),
      `${silent} neither down nor powering down`,
      stateOf(view, silent),
    ),
  );
  const view = await phase.require('the job runs', 90_000, (now) => jobIs(now, job, 'RUNNING'));
  phase.countJobs(view);
  phase.expect('on 3 nodes', equals(3, jobOf(view, job).nodes.length));
  phase.expect('with 3 instances, and none beside them', aliveAre(view, 3));
  phase.expect('no node has a reason', equals('', reasonsOf(view)));
}

function stateOf(view: View, name: string): string {
  return view.nodes.find((node) => node.name === name)?.state ?? 'unknown';
}

function statesOf(view: View, state: string): number {
  return view.nodes.filter((node) => node.state === state).length;
}

function statesAre(view: View, names: readonly string[], state: string): Check {
  const are = names.every((name) => stateOf(view, name) === state);
  return holds(are, `${names.join(', ')} ${state}`, are ? state : stateSummary(view));
}

function reasonsOf({ nodes: all }: View): string {
  return all
    .flatMap(({ name, reason }) => (reason === '' ? [] : [`${name}: ${reason}`]))
    .join(', ');
}
