/**
 * A static set: 20 nodes that are to be up whether a job wants them or not. With room for 15 none of them is; when there is
 * room all come up by themselves, and one that is lost comes back in its place while a job runs on the others.
 */
import { equals, holds, runPhases } from '../phase.ts';
import type { Check, Phase, View } from '../phase.ts';
import { aliveAre, isUp, launchedAre, logHas, nodesAre } from '../checks.ts';
import type { MusterFiles, Scenario, ScenarioWorld } from '../world.ts';
import { clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';
import { mustRun, nothingStays, PLACEMENT, setRoom, submit, WHOLE_SPEC } from './whole.ts';

const NODES = 20;
const TOO_FEW = 15;
const TYPE = 'c5.xlarge';

/** The set is tried again within seconds, and no refusal is remembered. */
const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: [
      {
        name: 'base',
        computeResources: [{ name: 'nodes', instanceType: TYPE, count: NODES, staticCount: NODES }],
      },
    ],
  }),
  musterYaml: QUICK_RETRIES,
};

export const staticSet: Scenario = {
  name: 'static',
  summary: 'A static set of 20 with room for 15: none of it; then all of it, kept at strength',
  spec: { files, ...WHOLE_SPEC },
  run: (world) =>
    runPhases(world, [
      {
        name: 'no-room',
        text: `${NODES} static nodes, room for ${TOO_FEW}: none is launched, again and again`,
        run: (phase) => noRoom(world, phase),
      },
      {
        name: 'whole',
        text: `there is room: all ${NODES} come up by themselves`,
        run: (phase) => whole(world, phase),
      },
      {
        name: 'replaced',
        text: 'one instance is lost: another takes its place, and the job on the others runs on',
        run: (phase) => replaced(world, phase),
      },
    ]),
};

async function noRoom(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { [TYPE]: TOO_FEW });
  await world.muster.start(files);
  const view = await phase.require('the set is refused twice', 90_000, (now) =>
    logHas(now, 'try 2 refused', /Static set base\/nodes - try 2 refused/),
  );
  await phase.show();
  phase.expect('no instance was launched', launchedAre(view, 0));
  phase.expect('no node is up', nodesAre(view, 0, isUp));
  // When a node is powered up for the next try, Slurm takes its reason away.
  await phase.settle('it says why', 30_000, saysWhy);
  phase.expect('nothing stays', nothingStays(view));
}

function saysWhy(view: View): Check {
  const reasons = new Set(view.nodes.map((node) => node.reason).filter((text) => text !== ''));
  return holds(
    [...reasons].some((text) => text.startsWith('(Code:InsufficientInstanceCapacity)')),
    '(Code:InsufficientInstanceCapacity)...',
    [...reasons].join(' | '),
  );
}

async function whole(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { [TYPE]: NODES + 1 });
  const view = await phase.require(`all ${NODES} are up`, 90_000, (now) =>
    nodesAre(now, NODES, isUp),
  );
  await phase.show();
  phase.expect(`${NODES} instances were launched`, launchedAre(view, NODES));
  phase.expect('all of them live', aliveAre(view, NODES));
  await phase.settle('the set is whole', 20_000, (now) =>
    logHas(now, 'is up', /Static set base\/nodes is up/),
  );
}

async function replaced(world: ScenarioWorld, phase: Phase): Promise<void> {
  const job = await submit(world, {
    partition: 'base',
    nodes: 4,
    nodelist: 'base-st-nodes-[1-4]',
    seconds: 600,
    exclusive: true,
  });
  const { cloud } = await mustRun(phase, 'a job runs on the first four', 60_000, [job]);
  // Instances are the nodes' in their order: this one is the last node's.
  const victim = cloud.instances.at(-1);
  if (victim === undefined) throw new Error('no instance is alive');
  world.progress({ kind: 'step', text: `${victim.instanceId} shuts down` });
  await world.cloud.shutDown(victim.instanceId);
  const launched = await phase.require('another is launched in its place', 120_000, (now) =>
    launchedAre(now, 1),
  );
  phase.expect('in one call', equals(1, launched.runInstancesCalls));
  const view = await phase.require(`all ${NODES} are up again`, 60_000, (now) =>
    nodesAre(now, NODES, isUp),
  );
  await phase.show();
  phase.countJobs(view);
  phase.expect('the job runs on', equals('RUNNING', view.jobs[0]?.state ?? 'unknown'));
  await world.slurm.cancel(job);
}
