/**
 * Whole until it runs: a node whose instance never boots gets another one in its place, and the job runs. Where EC2 has no
 * room for another, the whole gang is let go, and its job goes back to the queue with the reason. Where there is a spare,
 * it takes the place, and nothing is launched.
 */
import { equals, holds, runPhases } from '../phase.ts';
import type { Phase } from '../phase.ts';
import { aliveAre, jobIs, jobOf, launchedAre, logHas } from '../checks.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld } from '../world.ts';
import { clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';
import {
  isRefused,
  mustRun,
  nothingStays,
  PLACEMENT,
  setRoom,
  submit,
  WHOLE_SPEC,
} from './whole.ts';

const NODES = 4;

/** Queues of different types, so that what one job left is not in the way of the next. */
const TYPES = { first: 'c5.xlarge', second: 'r5.large', third: 'm5.large' };

const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: Object.entries(TYPES).map(([name, instanceType]) => ({
      name,
      computeResources: [{ name: 'nodes', instanceType, count: NODES }],
    })),
  }),
  // Thrice what a slurmd of the lab needs until muster has seen it.
  musterYaml: `${QUICK_RETRIES}boot_time: 25s\nqueues: { second: { spares: 1 } }\n`,
};

function jobIn(partition: keyof typeof TYPES): JobRequest {
  return { partition, nodes: NODES, seconds: 30, exclusive: true };
}

export const boots: Scenario = {
  name: 'boots',
  summary:
    'A node whose boot fails: replaced, by a spare too, or, with no room for that, the whole gang let go',
  spec: { files, ...WHOLE_SPEC },
  run: (world) =>
    runPhases(world, [
      {
        name: 'replaced',
        text: `one of ${NODES} instances never boots: another takes its place, and the job runs`,
        ownInstancesOnly: true,
        run: (phase) => replaced(world, phase),
      },
      {
        name: 'spared',
        text: 'one never boots, and there is a spare: the job runs, and nothing more is launched',
        ownInstancesOnly: true,
        run: (phase) => spared(world, phase),
      },
      {
        name: 'irreplaceable',
        text: 'one never boots, and there is no room for another: all of them go',
        ownInstancesOnly: true,
        run: (phase) => irreplaceable(world, phase),
      },
    ]),
};

async function replaced(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { [TYPES.first]: NODES + 1 });
  await world.muster.start(files);
  await world.cloud.breakBoots(1);
  const job = await submit(world, jobIn('first'));
  await phase.require(`${NODES} instances are launched`, 30_000, (view) =>
    launchedAre(view, NODES),
  );
  await phase.require('one more is launched for the one that does not come', 40_000, (view) =>
    launchedAre(view, NODES + 1),
  );
  const view = await mustRun(phase, 'the job runs', 60_000, [job]);
  phase.countJobs(view);
  await phase.show();
  phase.expect(`on ${NODES} nodes`, equals(NODES, jobOf(view, job).nodes.length));
  phase.expect(`${NODES} instances are alive`, aliveAre(view, NODES));
  phase.expect('the one that did not come is terminated', equals(1, view.terminated.length));
  phase.expect('the job never went back', equals('', jobOf(view, job).adminComment));
  await phase.require('it completes', 30_000, (now) => jobIs(now, job, 'COMPLETED'));
}

async function spared(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { [TYPES.second]: NODES + 1 });
  await world.cloud.breakBoots(1);
  const job = await submit(world, jobIn('second'));
  await phase.require(`${NODES} instances and a spare are launched in one call`, 30_000, (view) =>
    holds(
      view.launched.length === NODES + 1 && view.runInstancesCalls === 1,
      `${NODES + 1} by 1 call`,
      `${view.launched.length} by ${view.runInstancesCalls} calls`,
    ),
  );
  const view = await mustRun(phase, 'the job runs', 60_000, [job]);
  phase.countJobs(view);
  await phase.show();
  phase.expect('no other call was made', equals(1, view.runInstancesCalls));
  phase.expect(`on ${NODES} nodes`, equals(NODES, jobOf(view, job).nodes.length));
  phase.expect(`${NODES} instances are alive`, aliveAre(view, NODES));
  phase.expect('the one that did not come is terminated', equals(1, view.terminated.length));
  phase.expect(
    'the log says so',
    logHas(view, 'Spare instances take the places', /Spare instances take the places of nodes/),
  );
  await phase.require('it completes', 30_000, (now) => jobIs(now, job, 'COMPLETED'));
}

async function irreplaceable(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { [TYPES.third]: NODES });
  await world.cloud.breakBoots(1);
  const job = await submit(world, jobIn('third'));
  await phase.require(`${NODES} instances are launched`, 30_000, (view) =>
    launchedAre(view, NODES),
  );
  // Somebody else takes what the lost instance leaves.
  await setRoom(world, { [TYPES.third]: NODES - 1 });
  const view = await phase.require('the job goes back and says why', 60_000, (now) =>
    isRefused(now, job, /\(Code:InsufficientInstanceCapacity\) no replacement for /),
  );
  phase.countJobs(view);
  await phase.show();
  await phase.settle('all of its instances are terminated', 5_000, nothingStays);
}
