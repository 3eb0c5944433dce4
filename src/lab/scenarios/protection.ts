/**
 * A queue whose image never boots: after so many boots it is set inactive with the reason, the console of one instance is
 * kept, and nothing more is launched for it, while another queue goes on. A person starts it again, and its job runs.
 */
import { describeJob, jobIs, launchedAre } from '../checks.ts';
import { equals, holds, runPhases } from '../phase.ts';
import type { Check, Phase, View } from '../phase.ts';
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

const NODES = 2;

/** The image of `broken` does not boot. */
const TYPES = { broken: 'c5.xlarge', sound: 'm5.large' };

const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: Object.entries(TYPES).map(([name, instanceType]) => ({
      name,
      computeResources: [{ name: 'nodes', instanceType, count: NODES }],
    })),
  }),
  // A slurmd of the lab needs half of this until muster has seen it.
  musterYaml: `${QUICK_RETRIES}boot_time: 15s\nprotection: { failures: ${NODES} }\n`,
};

function jobIn(partition: keyof typeof TYPES): JobRequest {
  return { partition, nodes: NODES, seconds: 600, exclusive: true };
}

export const protection: Scenario = {
  name: 'protection',
  summary:
    'A queue that never boots is set inactive, with the console of an instance, and started again',
  spec: { files, ...WHOLE_SPEC },
  async run(world) {
    const jobs: string[] = [];
    return runPhases(world, [
      {
        name: 'protected',
        text: `${NODES} instances never boot: their queue is set inactive, and the other one goes on`,
        ownInstancesOnly: true,
        run: async (phase) => void jobs.push(await protect(world, phase)),
      },
      {
        name: 'started',
        text: 'the image is mended, and the queue started again: its job runs',
        ownInstancesOnly: true,
        run: (phase) => start(world, phase, jobs),
      },
    ]);
  },
};

async function protect(world: ScenarioWorld, phase: Phase): Promise<string> {
  await setRoom(world, { [TYPES.broken]: 2 * NODES, [TYPES.sound]: NODES });
  await world.muster.start(files);
  await world.cloud.breakBoots(NODES);
  const job = await submit(world, jobIn('broken'));
  await phase.require(`${NODES} instances are launched`, 30_000, (view) =>
    launchedAre(view, NODES),
  );
  await phase.require('the queue is protected', 60_000, (view) =>
    holds(
      view.log.some((line) => line.includes('Queue broken is set inactive')),
      'Queue broken is set inactive',
      view.log.at(-1) ?? 'no log',
    ),
  );
  const refused = await phase.require('its job waits and says why', 60_000, (view) =>
    isRefused(view, job, /\(Code:QueueProtected\).*2 boots of broken\/nodes in a row have failed/),
  );
  phase.expect('and is not held', notHeld(refused, job));
  await phase.settle('all that was launched for it is terminated', 10_000, nothingStays);
  phase.expect('the reason is on its nodes', reasonsAre(refused));
  phase.expect(
    'its partition is inactive',
    availableIs(await world.slurm.sinfo(), 'broken', 'inact'),
  );
  const consoles = await world.muster.consoles();
  phase.expect(
    'the console of one instance is kept',
    holds(
      consoles.length === 1 &&
        /Console output for node broken-dy-nodes-\d [^]*panic/.test(consoles[0] ?? ''),
      'Console output for node broken-dy-nodes-..., with its panic',
      consoles.join(' | '),
    ),
  );
  const other = await submit(world, jobIn('sound'));
  const view = await mustRun(phase, 'a job of the other queue runs', 60_000, [other]);
  await phase.show();
  phase.countJobs(view);
  phase.expect(
    'nothing more was launched for the queue',
    equals(NODES, view.launched.filter(({ instanceType }) => instanceType === TYPES.broken).length),
  );
  await world.slurm.cancel(other);
  return job;
}

/** Slurm takes the reason away when it powers a node up again, and no sooner. */
function reasonsAre(view: View): Check {
  const own = view.nodes.filter(({ name }) => name.startsWith('broken-'));
  const named = own.filter(({ reason }) => reason.includes('queue broken is protected'));
  return holds(
    named.length === NODES,
    `${NODES} nodes: queue broken is protected`,
    own.map(({ name, reason }) => `${name}: ${reason}`).join(', '),
  );
}

function notHeld(view: View, id: string): Check {
  const job = view.jobs.find((one) => one.id === id);
  const saw = job === undefined ? 'unknown to Slurm' : describeJob(job);
  return holds(job !== undefined && !job.reason.startsWith('JobHeld'), 'not held', saw);
}

/** What sinfo shows of a partition in its column AVAIL. */
function availableIs(sinfo: string, partition: string, want: string): Check {
  const rows = sinfo.split('\n').map((row) => row.trim().split(/\s+/));
  const own = rows.filter(([name]) => name?.replace('*', '') === partition);
  return equals(want, [...new Set(own.map((row) => row[1] ?? ''))].join(' '));
}

async function start(world: ScenarioWorld, phase: Phase, jobs: readonly string[]): Promise<void> {
  world.progress({ kind: 'command', text: 'muster queue start broken' });
  await world.muster.ask('queue-start', 'broken');
  const view = await mustRun(phase, 'its job runs', 180_000, jobs);
  phase.countJobs(view);
  await phase.show();
  phase.expect(`on ${NODES} new instances`, launchedAre(view, NODES));
  phase.expect('its partition is up', availableIs(await world.slurm.sinfo(), 'broken', 'up'));
  for (const job of jobs) {
    await world.slurm.cancel(job);
    await phase.require('it is cancelled', 30_000, (now) => jobIs(now, job, 'CANCELLED'));
  }
}
