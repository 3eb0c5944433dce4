/**
 * slurmctld is away for most of a minute, while one job runs and another's instances boot: muster judges nothing that it
 * cannot see. Nothing is terminated and nothing is launched meanwhile, and afterwards both jobs are as well as ever.
 */
import { equals, holds, runPhases } from '../phase.ts';
import type { Phase } from '../phase.ts';
import { aliveAre, jobIs, launchedAre } from '../checks.ts';
import { sleep } from '../watch.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld } from '../world.ts';
import { clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';
import { mustRun, PLACEMENT, setRoom, submit, WHOLE_SPEC } from './whole.ts';

const TYPE = 'c5.xlarge';
const NODES = 2;
const AWAY_MS = 45_000;

const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: [
      {
        name: 'queue1',
        computeResources: [{ name: 'nodes', instanceType: TYPE, count: 2 * NODES }],
      },
    ],
  }),
  // The boot's own deadline passes while slurmctld is away, and with it no slurmd can have registered.
  musterYaml: `${QUICK_RETRIES}boot_time: 30s\n`,
};

function jobOf(seconds: number): JobRequest {
  return { partition: 'queue1', nodes: NODES, seconds, exclusive: true };
}

export const slurmAway: Scenario = {
  name: 'slurm-away',
  summary: 'slurmctld is away while a job runs and instances boot: nothing is ended for it',
  spec: { files, ...WHOLE_SPEC },
  run: (world) =>
    runPhases(world, [
      {
        name: 'away',
        text: `slurmctld is away for ${AWAY_MS / 1000} s`,
        run: (phase) => away(world, phase),
      },
    ]),
};

async function away(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { [TYPE]: 4 * NODES });
  await world.muster.start(files);
  const long = await submit(world, jobOf(600));
  await mustRun(phase, 'the first job runs', 90_000, [long]);
  const booting = await submit(world, jobOf(40));
  await phase.require('the second one is launched', 20_000, (view) => launchedAre(view, 2 * NODES));
  world.progress({ kind: 'step', text: 'slurmctld is stopped' });
  await world.slurm.stopController();
  await sleep(world.clock, AWAY_MS);
  const { instances } = await world.cloud.stats();
  phase.expect(
    'no instance was launched or terminated',
    equals(
      `${2 * NODES}, 0`,
      `${instances.length}, ${instances.filter((one) => one.terminatedAt !== null).length}`,
    ),
  );
  world.progress({ kind: 'step', text: 'slurmctld is started' });
  await world.slurm.startController();
  const view = await mustRun(phase, 'both run', 90_000, [long, booting]);
  phase.countJobs(view);
  await phase.show();
  phase.expect('each instance still lives', aliveAre(view, 2 * NODES));
  phase.expect('none was launched beside them', launchedAre(view, 2 * NODES));
  phase.expect(
    'no node has a reason',
    holds(
      view.nodes.every(({ reason }) => reason === ''),
      'none',
      view.nodes.map(({ reason }) => reason).join(' '),
    ),
  );
  await phase.require('the second completes', 60_000, (now) => jobIs(now, booting, 'COMPLETED'));
}
