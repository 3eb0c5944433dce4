/**
 * The wiki page's limit 5, and that it is gone: `all_or_nothing_batch` and `max_batch_size` of each queue its own, in both
 * modes. Two jobs of four nodes, room for three of each type: the queue that the cluster's settings hold for gets nothing,
 * the one with its own gets what there is, in calls of its own size.
 */
import { jobIs } from '../checks.ts';
import { equals, holds, runPhases } from '../phase.ts';
import type { Check, Phase, View } from '../phase.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld } from '../world.ts';
import { clusterYaml, QUICK_RETRIES, resumeConf } from './files.ts';
import { PLACEMENT, setRoom, submit, WHOLE_SPEC } from './whole.ts';

const NODES = 4;
const ROOM = 3;

/** `firm`: as the cluster has it. `soft`: its own. */
const TYPES = { firm: 'm5.large', soft: 'c5.xlarge' };
const modes = ['node-list', 'job'] as const;
type Mode = (typeof modes)[number];

/** A queue for each mode: what one run leaves up is not in the way of the other. */
function queueName(kind: keyof typeof TYPES, mode: Mode): string {
  return `${kind}${modes.indexOf(mode)}`;
}

const fleet = clusterYaml({
  ...PLACEMENT,
  queues: modes.flatMap((mode) =>
    (['firm', 'soft'] as const).map((kind) => ({
      name: queueName(kind, mode),
      computeResources: [{ name: 'nodes', instanceType: TYPES[kind], count: NODES }],
    })),
  ),
});

function files(mode: Mode): MusterFiles {
  const page = ['all_or_nothing_batch = True', 'max_batch_size = 10'];
  const own = '{ all_or_nothing_batch: false, scaling_strategy: best-effort, max_batch_size: 2 }';
  return {
    resumeConf: resumeConf('demo', PLACEMENT.region, [
      ...page,
      ...(mode === 'job' ? ['job_level_scaling = True'] : []),
    ]),
    clusterYaml: fleet,
    musterYaml: `${QUICK_RETRIES}queues: { ${queueName('soft', mode)}: ${own} }\n`,
  };
}

export const perQueue: Scenario = {
  name: 'per-queue',
  summary: "The wiki page's limit 5: all_or_nothing_batch and max_batch_size of each queue its own",
  spec: { files: files('node-list'), ...WHOLE_SPEC },
  run: (world) =>
    runPhases(
      world,
      modes.map((mode) => ({
        name: `limit-5-${mode}`,
        text: `two jobs of ${NODES}, room for ${ROOM} of each type, ${mode} mode: one queue firm, one soft in calls of 2`,
        ownInstancesOnly: true,
        run: (phase: Phase) => show(world, phase, mode),
      })),
    ),
};

function jobIn(partition: string): JobRequest {
  return { partition, nodes: NODES, seconds: 3, exclusive: true, requeue: false };
}

async function show(world: ScenarioWorld, phase: Phase, mode: Mode): Promise<void> {
  const rounds = modes.indexOf(mode) + 1;
  await setRoom(world, { [TYPES.firm]: ROOM, [TYPES.soft]: ROOM * rounds });
  await world.muster.restart(files(mode));
  const jobs: string[] = [];
  for (const kind of ['firm', 'soft'] as const)
    jobs.push(await submit(world, jobIn(queueName(kind, mode))));
  const view = await phase.require('both jobs fail for lack of capacity', 60_000, (now) =>
    allAre(now, jobs),
  );
  phase.countJobs(view);
  await phase.show();
  phase.expect('the firm queue launched nothing', equals(0, launchedOf(view, TYPES.firm)));
  phase.expect(`the soft one what there was`, equals(ROOM, launchedOf(view, TYPES.soft)));
  phase.expect('in one call of 4, refused, and two of 2', equals(3, view.runInstancesCalls));
}

function allAre(view: View, jobs: readonly string[]): Check {
  const checks = jobs.map((job) => jobIs(view, job, 'NODE_FAIL'));
  const saw = checks.map((check) => check.saw).join(', ');
  return holds(
    checks.every(({ ok }) => ok),
    'NODE_FAIL',
    saw,
  );
}

function launchedOf(view: View, type: string): number {
  return view.launched.filter(({ instanceType }) => instanceType === type).length;
}
