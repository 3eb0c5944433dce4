/**
 * EC2 answers nobody for a minute, while one job runs and another waits for its instances: who does not answer says nothing
 * about anybody. Nothing is ended, and when EC2 is back the second job runs too.
 */
import { sleep } from '../watch.ts';
import { jobIs, launchedAre, logHas } from '../checks.ts';
import { equals, runPhases } from '../phase.ts';
import type { Phase } from '../phase.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld } from '../world.ts';
import { clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';
import { mustRun, PLACEMENT, setRoom, submit, WHOLE_SPEC } from './whole.ts';

const NODES = 2;
const TYPE = 'c5.xlarge';
const AWAY_MS = 60_000;

const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: [
      {
        name: 'queue',
        computeResources: [{ name: 'nodes', instanceType: TYPE, count: 2 * NODES }],
      },
    ],
  }),
  musterYaml: QUICK_RETRIES,
};

const request: JobRequest = { partition: 'queue', nodes: NODES, seconds: 600, exclusive: true };

export const ec2Away: Scenario = {
  name: 'ec2-away',
  summary: 'EC2 answers nobody for a minute: nothing is ended, and then all is well',
  spec: { files, ...WHOLE_SPEC },
  run(world) {
    let running = '';
    let waiting = '';
    return runPhases(world, [
      {
        name: 'away',
        text: 'one job runs, and another is submitted while EC2 is away',
        run: async (phase) => {
          [running, waiting] = await away(world, phase);
        },
      },
      {
        name: 'back',
        text: 'EC2 answers again: the second job gets its instances',
        run: (phase) => back(world, phase, running, waiting),
      },
    ]);
  },
};

async function away(world: ScenarioWorld, phase: Phase): Promise<[string, string]> {
  await setRoom(world, { [TYPE]: 2 * NODES });
  await world.muster.start(files);
  const running = await submit(world, request);
  await mustRun(phase, 'the first job runs', 60_000, [running]);
  world.progress({ kind: 'step', text: `EC2 is away for ${AWAY_MS / 1000} s` });
  const since = world.clock.now();
  await world.cloud.goAway(AWAY_MS);
  const waiting = await submit(world, request);
  // Until some time before its end: what was done in it is seen then, on a slow machine too.
  await sleep(world.clock, since + AWAY_MS - 20_000 - world.clock.now());
  const view = await phase.view();
  phase.countJobs(view);
  await phase.show();
  phase.expect('the first job runs on', jobIs(view, running, 'RUNNING'));
  phase.expect('the second waits for its nodes', jobIs(view, waiting, 'CONFIGURING', 'PENDING'));
  phase.expect('nothing is terminated', equals(0, view.terminated.length));
  phase.expect('nothing more is launched', launchedAre(view, NODES));
  phase.expect(
    'muster says so',
    logHas(view, 'EC2 cannot be looked at', /EC2 cannot be looked at/),
  );
  return [running, waiting];
}

async function back(
  world: ScenarioWorld,
  phase: Phase,
  running: string,
  waiting: string,
): Promise<void> {
  const view = await mustRun(phase, 'both jobs run', 90_000, [running, waiting]);
  phase.countJobs(view);
  await phase.show();
  // Also those that came as soon as EC2 answered, before this phase.
  const { instances } = view.cloud;
  phase.expect(
    `${NODES} instances are launched for the second`,
    equals(2 * NODES, instances.length),
  );
  phase.expect(
    'none is terminated',
    equals(0, instances.filter(({ terminatedAt }) => terminatedAt !== null).length),
  );
  await world.slurm.cancel(waiting);
}
