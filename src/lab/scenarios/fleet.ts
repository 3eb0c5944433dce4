/**
 * The fleet is stopped while one job runs and another boots: everything ends, no partition starts jobs, and nothing is
 * launched. It is started again: exactly what muster had set inactive goes up, and both jobs start.
 */
import { equals, holds, runPhases } from '../phase.ts';
import type { Check, Phase, View } from '../phase.ts';
import { describeJob, isGivenBack, jobIs, launchedAre, nodesAre } from '../checks.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld } from '../world.ts';
import { clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';
import { mustRun, nothingStays, PLACEMENT, setRoom, submit, WHOLE_SPEC } from './whole.ts';

const NODES = 3;
const TYPES = { first: 'c5.xlarge', second: 'm5.large' };

const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: Object.entries(TYPES).map(([name, instanceType]) => ({
      name,
      computeResources: [{ name: 'nodes', instanceType, count: NODES }],
    })),
  }),
  musterYaml: QUICK_RETRIES,
};

function jobIn(partition: keyof typeof TYPES): JobRequest {
  return { partition, nodes: NODES, seconds: 600, exclusive: true };
}

export const fleet: Scenario = {
  name: 'fleet',
  summary: 'The fleet is stopped while a job runs and another boots, and started again',
  spec: { files, ...WHOLE_SPEC },
  async run(world) {
    const jobs: string[] = [];
    return runPhases(world, [
      {
        name: 'stop',
        text: 'one job runs, another one boots: everything ends, and nothing is launched any more',
        run: async (phase) => void jobs.push(...(await stop(world, phase))),
      },
      {
        name: 'start',
        text: 'the partitions go up, and both jobs start',
        run: (phase) => start(world, phase, jobs),
      },
    ]);
  },
};

async function stop(world: ScenarioWorld, phase: Phase): Promise<string[]> {
  await setRoom(world, { [TYPES.first]: NODES, [TYPES.second]: NODES });
  await world.muster.start(files);
  const running = await submit(world, jobIn('first'));
  await mustRun(phase, 'the first job runs', 60_000, [running]);
  await world.cloud.breakBoots(NODES);
  const booting = await submit(world, jobIn('second'));
  await phase.require('the second one has its instances, which boot', 30_000, (now) =>
    launchedAre(now, 2 * NODES),
  );
  world.progress({ kind: 'command', text: 'muster fleet stop' });
  await world.muster.ask('fleet-stop', '');
  await phase.require('every instance ends', 20_000, nothingStays);
  await phase.require('both jobs wait, and none is held', 60_000, (now) =>
    bothWait(now, [running, booting]),
  );
  const view = await phase.require('every node is powered down', 30_000, (now) =>
    nodesAre(now, 2 * NODES, isGivenBack),
  );
  await phase.show();
  phase.countJobs(view);
  phase.expect('nothing was launched meanwhile', launchedAre(view, 2 * NODES));
  phase.expect('both partitions are inactive', partitionsAre('inact', await world.slurm.sinfo()));
  return [running, booting];
}

function bothWait(view: View, ids: readonly string[]): Check {
  const checks = ids.map((id) => jobIs(view, id, 'PENDING'));
  const held = view.jobs.filter(({ reason }) => reason.startsWith('JobHeld'));
  return holds(
    checks.every(({ ok }) => ok) && held.length === 0,
    'PENDING, not held',
    view.jobs.map(describeJob).join(', '),
  );
}

/** What sinfo shows of every partition, in its column AVAIL. */
function partitionsAre(want: string, sinfo: string): Check {
  const rows = sinfo
    .split('\n')
    .slice(1)
    .filter((row) => row.trim() !== '')
    .map((row) => row.trim().split(/\s+/)[1] ?? '');
  return equals(want, [...new Set(rows)].join(' '));
}

async function start(world: ScenarioWorld, phase: Phase, jobs: readonly string[]): Promise<void> {
  world.progress({ kind: 'command', text: 'muster fleet start' });
  await world.muster.ask('fleet-start', '');
  const view = await mustRun(phase, 'both jobs run', 120_000, jobs);
  await phase.show();
  phase.countJobs(view);
  phase.expect(`${2 * NODES} instances were launched`, launchedAre(view, 2 * NODES));
  phase.expect('both partitions are up', partitionsAre('up', await world.slurm.sinfo()));
  for (const job of jobs) await world.slurm.cancel(job);
}
