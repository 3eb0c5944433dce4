/**
 * Jobs over nodes: an instance ends under a running job, by nobody's order. Slurm sends the job back to the queue; it starts
 * again on its other nodes, and only what is missing is launched. A job that may not be requeued ends, and its other
 * nodes end with it, long before SuspendTime.
 */
import { equals, holds, runPhases } from '../phase.ts';
import type { Phase, View } from '../phase.ts';
import { aliveAre, jobIs, jobOf, launchedAre } from '../checks.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld } from '../world.ts';
import { clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';
import { mustRun, nothingStays, PLACEMENT, setRoom, submit, WHOLE_SPEC } from './whole.ts';

const NODES = 4;

/** Two queues of different types, so that what the first job leaves is not in the way of the second. */
const TYPES = { first: 'c5.xlarge', second: 'm5.large' };

const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: Object.entries(TYPES).map(([name, instanceType]) => ({
      name,
      computeResources: [{ name: 'nodes', instanceType, count: NODES + 1 }],
    })),
  }),
  musterYaml: QUICK_RETRIES,
};

function jobIn(partition: keyof typeof TYPES, more: Partial<JobRequest> = {}): JobRequest {
  return { partition, nodes: NODES, seconds: 600, exclusive: true, ...more };
}

export const losses: Scenario = {
  name: 'losses',
  summary: 'An instance ends under a running job: its other nodes are used again, or end with it',
  spec: { files, ...WHOLE_SPEC },
  run: (world) =>
    runPhases(world, [
      {
        name: 'requeued',
        text: `one of ${NODES} instances ends under a job: it runs again on the other ${NODES - 1} and one new one`,
        ownInstancesOnly: true,
        run: (phase) => requeued(world, phase),
      },
      {
        name: 'no-requeue',
        text: 'the same under a job that may not be requeued: its other instances end as well',
        ownInstancesOnly: true,
        run: (phase) => ended(world, phase),
      },
    ]),
};

async function requeued(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { [TYPES.first]: NODES + 1 });
  await world.muster.start(files);
  const job = await submit(world, jobIn('first'));
  const before = await mustRun(phase, 'the job runs', 90_000, [job]);
  await isSeenAtWork(phase);
  await shutOneDown(world, before.alive);
  await phase.require(`another instance is launched`, 120_000, (view) =>
    launchedAre(view, NODES + 1),
  );
  const view = await mustRun(phase, 'the job runs again', 90_000, [job]);
  phase.countJobs(view);
  await phase.show();
  const kept = before.alive.filter(({ instanceId }) =>
    view.alive.some((each) => each.instanceId === instanceId),
  );
  phase.expect('on what was left of it', equals(NODES - 1, kept.length));
  phase.expect(`${NODES} instances are alive`, aliveAre(view, NODES));
  phase.expect(`on ${NODES} nodes`, equals(NODES, jobOf(view, job).nodes.length));
  await phase.settle('its owner reads no more of the loss', 60_000, (now) =>
    equals('', jobOf(now, job).adminComment),
  );
  await world.slurm.cancel(job);
}

async function ended(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { [TYPES.second]: NODES });
  const job = await submit(world, jobIn('second', { requeue: false }));
  const before = await mustRun(phase, 'the job runs', 90_000, [job]);
  await isSeenAtWork(phase);
  await shutOneDown(world, before.alive);
  const view = await phase.require('the job has ended', 60_000, (now) =>
    jobIs(now, job, 'NODE_FAIL'),
  );
  phase.countJobs(view);
  await phase.settle('all of its instances are terminated', 60_000, nothingStays);
}

/** What a job loses before muster has seen it at work is left to SuspendTime (docs/reconcile.md): two looks begin after that. */
async function isSeenAtWork(phase: Phase): Promise<void> {
  const looks = ({ log }: View): number =>
    log.filter((line) =>
      line.includes('scontrol] - DEBUG - sinfo --noheader --all --Format=NodeList'),
    ).length;
  const before = looks(await phase.view());
  await phase.require('muster has looked at the fleet twice since', 60_000, (view) =>
    holds(looks(view) >= before + 2, `${before + 2}`, `${looks(view)}`),
  );
}

async function shutOneDown(
  world: ScenarioWorld,
  alive: readonly { readonly instanceId: string }[],
): Promise<void> {
  // Not the first: what the job runs there outlives its slurmd, as all "machines" of the lab are this one.
  const last = alive.at(-1);
  if (last === undefined) throw new Error('no instance is alive');
  world.progress({ kind: 'step', text: `${last.instanceId} shuts down` });
  await world.cloud.shutDown(last.instanceId);
}
