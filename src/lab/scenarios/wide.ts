/**
 * A gang of 1,200 nodes needs three calls (a call launches 500 at most); EC2 has room for 900. Under `strategy: reserve` the
 * room of all three is asked for first, and nothing is launched. Instances start no slurmd here: were any launched, the
 * machine would not have to bear 900 of them.
 */
import { equals, holds, runPhases } from '../phase.ts';
import type { Phase } from '../phase.ts';
import { launchedAre } from '../checks.ts';
import type { MusterFiles, Scenario, ScenarioWorld, WorldSpec } from '../world.ts';
import { clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';
import { isRefused, nothingStays, PLACEMENT, setRoom, submit, WHOLE_SPEC } from './whole.ts';

const INSTANCE_TYPE = 'c5.xlarge';
const NODES = 1_200;
const ROOM = 900;

const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: [
      {
        name: 'wide',
        computeResources: [{ name: 'c5xlarge', instanceType: INSTANCE_TYPE, count: NODES }],
      },
    ],
  }),
  musterYaml: QUICK_RETRIES,
};

const spec: WorldSpec = {
  files,
  ...WHOLE_SPEC,
  // EC2 launches 1,000 at once and 2 a second then: 1,200 take 100 s, for which ResumeTimeout must have room.
  resumeTimeoutSeconds: 600,
  withoutSlurmd: true,
};

export const wide: Scenario = {
  name: 'wide',
  summary: `A job of ${NODES} nodes over several calls, room for ${ROOM}: nothing is launched`,
  spec,
  run: (world) =>
    runPhases(world, [
      {
        name: 'refused',
        text: `${NODES} nodes are asked for, EC2 has room for ${ROOM}`,
        run: (phase) => refused(world, phase),
      },
    ]),
};

async function refused(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { [INSTANCE_TYPE]: ROOM });
  await world.muster.start(files);
  const job = await submit(world, { partition: 'wide', nodes: NODES, seconds: 5, exclusive: true });
  const view = await phase.require('the job goes back and says why', 60_000, (now) =>
    isRefused(now, job, /\(Code:InsufficientInstanceCapacity\)/),
  );
  phase.countJobs(view);
  await phase.show();
  phase.expect('no instance was launched', launchedAre(view, 0));
  phase.expect('RunInstances was not called', equals(0, view.runInstancesCalls));
  phase.expect(
    'what there is room for was reserved',
    holds(view.reservations.made > 0, 'at least 1', String(view.reservations.made)),
  );
  await phase.settle('and every reservation is cancelled', 10_000, nothingStays);
}
