/**
 * Instances that nobody has: one with this cluster's tag ends, as soon as it cannot belong to a launch that is under way;
 * all others are somebody else's, whatever they look like, and stay.
 */
import { aliveAre } from '../checks.ts';
import { equals, holds, runPhases } from '../phase.ts';
import type { Phase } from '../phase.ts';
import type { MusterFiles, Scenario, ScenarioWorld } from '../world.ts';
import { clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';
import { mustRun, PLACEMENT, setRoom, submit, WHOLE_SPEC } from './whole.ts';

const CLUSTER = 'demo';
const NODES = 2;
const TYPE = 'c5.xlarge';

const files: MusterFiles = {
  resumeConf: resumeConf(CLUSTER, PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: [
      {
        name: 'queue',
        computeResources: [{ name: 'nodes', instanceType: TYPE, count: NODES }],
      },
    ],
  }),
  musterYaml: QUICK_RETRIES,
};

/** As another cluster's muster, ParallelCluster and a person start theirs. */
const FOREIGN: readonly Readonly<Record<string, string>>[] = [
  { 'muster:cluster': `${CLUSTER}-2`, 'muster:queue': 'queue' },
  { 'parallelcluster:cluster-name': CLUSTER, Name: 'Compute' },
  {},
];

/** It may belong to a launch for two minutes, and EC2 is looked at every half minute. */
const FOUND_WITHIN_MS = 170_000;

export const orphans: Scenario = {
  name: 'orphans',
  summary: 'Instances that nobody has: those with this cluster’s tag end, all others stay',
  spec: { files, ...WHOLE_SPEC },
  run: (world) =>
    runPhases(world, [
      {
        name: 'orphans',
        text: 'one with this cluster’s tag, three of other people’s, beside a job that runs',
        ownInstancesOnly: true,
        run: (phase) => found(world, phase),
      },
    ]),
};

async function found(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { [TYPE]: NODES + 1 + FOREIGN.length });
  await world.muster.start(files);
  const tags = { 'muster:cluster': CLUSTER, 'muster:queue': 'queue' };
  const orphan = await world.cloud.plant(TYPE, tags);
  for (const theirs of FOREIGN) await world.cloud.plant(TYPE, theirs);
  world.progress({ kind: 'step', text: `planted: ${orphan}, and ${FOREIGN.length} foreign ones` });
  const job = await submit(world, {
    partition: 'queue',
    nodes: NODES,
    seconds: 600,
    exclusive: true,
  });
  await mustRun(phase, 'the job runs', 60_000, [job]);
  const view = await phase.require('the orphan is terminated', FOUND_WITHIN_MS, (now) =>
    holds(
      now.terminated.some(({ instanceId }) => instanceId === orphan),
      `${orphan} terminated`,
      now.terminated.map(({ instanceId }) => instanceId).join(', ') || 'nothing terminated',
    ),
  );
  phase.countJobs(view);
  await phase.show();
  phase.expect('and nothing else', equals(1, view.terminated.length));
  phase.expect('the job’s and the foreign ones live', aliveAre(view, NODES + FOREIGN.length));
  await mustRun(phase, 'the job runs on', 1_000, [job]);
}
