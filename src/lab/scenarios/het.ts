/**
 * A heterogeneous job over two queues is one gang: with room for one of its components nothing stays, with room for both it
 * runs. `resume-rate` is the same job where Slurm hands it over in several calls (ResumeRate smaller than the job);
 * `resume-rate-long` takes its time: a plain job, then both phases of `het`.
 */
import { equals, holds, runPhases } from '../phase.ts';
import type { Check, Phase, PhasePlan, View } from '../phase.ts';
import { launchedAre } from '../checks.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld, WorldSpec } from '../world.ts';
import { clusterYaml, resumeConf } from './files.ts';
import {
  isRefused,
  mustRun,
  nothingStays,
  PLACEMENT,
  setRoom,
  submit,
  WHOLE_SPEC,
} from './whole.ts';

const COUNTS = { cpu: 4, gpu: 2 };
const NODES = COUNTS.cpu + COUNTS.gpu;

/**
 * Each try gets nodes that none before it had: Slurm's backfill scheduler, which alone starts heterogeneous jobs, passes over
 * nodes that were taken down until they are undrained or register (seen with 22.05.8 and 24.11.5).
 */
const TRIES = 3;

const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: [
      {
        name: 'cpu',
        computeResources: [
          { name: 'c5xlarge', instanceType: 'c5.xlarge', count: TRIES * COUNTS.cpu },
        ],
      },
      {
        name: 'gpu',
        computeResources: [{ name: 'g4', instanceType: 'g4dn.xlarge', count: TRIES * COUNTS.gpu }],
      },
      {
        name: 'plain',
        computeResources: [{ name: 'm5large', instanceType: 'm5.large', count: NODES }],
      },
    ],
  }),
  // Not before there is room for the second try, on a busy machine either; and so late that nothing in the cluster changes any
  // more: Slurm's backfill scheduler would not look at the job then, if muster did not wake it.
  musterYaml: 'retry: { first: 30s, max: 30s }\ncapacity_memory: { refusal: 0s }\n',
};

const overTwoQueues: JobRequest = {
  partition: 'cpu',
  nodes: COUNTS.cpu,
  seconds: 30,
  exclusive: true,
  het: [{ partition: 'gpu', nodes: COUNTS.gpu }],
};

const plain: JobRequest = { partition: 'plain', nodes: NODES, seconds: 30, exclusive: true };

export const het: Scenario = {
  name: 'het',
  summary:
    'A heterogeneous job over two queues: with room for one component nothing stays, then it runs',
  spec: { files, ...WHOLE_SPEC },
  run: (world) => runPhases(world, hetPhases(world)),
};

/** Slurm starts so many nodes at once, then one every ten seconds or more. */
const RESUME_RATE = 4;

// What a large job waits for its last nodes must fit beside a boot.
const inPieces: WorldSpec = {
  files,
  ...WHOLE_SPEC,
  resumeRate: RESUME_RATE,
  resumeTimeoutSeconds: 300,
};

export const resumeRate: Scenario = {
  name: 'resume-rate',
  summary: `The same job with ResumeRate=${RESUME_RATE}: several ResumeProgram calls, one gang`,
  spec: inPieces,
  run: (world) =>
    runPhases(world, [
      {
        name: 'in-pieces',
        text: `a heterogeneous job of ${NODES} nodes comes in several calls and is launched whole`,
        run: async (phase) => {
          await world.muster.start(files);
          await inPiecesRuns(world, phase, overTwoQueues, 2);
        },
      },
    ]),
};

export const resumeRateLong: Scenario = {
  name: 'resume-rate-long',
  summary: `The same, a plain job, and room for one component only (some four minutes)`,
  spec: inPieces,
  run: (world) =>
    runPhases(world, [
      {
        name: 'plain',
        text: `a job of ${NODES} nodes comes in several calls and is launched in one`,
        run: async (phase) => {
          await world.muster.start(files);
          await inPiecesRuns(world, phase, plain, 1);
        },
      },
      ...hetPhases(world),
    ]),
};

function hetPhases(world: ScenarioWorld): readonly PhasePlan[] {
  // The job that was refused is the one that runs when there is room.
  let waiting = '';
  return [
    {
      name: 'one-component',
      text: 'room for one of the two components: nothing stays',
      ownInstancesOnly: true,
      run: async (phase) => {
        waiting = await oneComponent(world, phase);
      },
    },
    {
      name: 'both-components',
      text: 'room for both: the job runs',
      ownInstancesOnly: true,
      run: (phase) => bothComponents(world, phase, waiting),
    },
  ];
}

/** ResumeProgram calls of the phase. */
function callsOf(view: View): number {
  return view.log.filter((line) => line.includes('resume request ')).length;
}

/** Slurm asks for the job in several calls; EC2 is called once for each of its parts. */
async function inPiecesRuns(
  world: ScenarioWorld,
  phase: Phase,
  job: JobRequest,
  parts: number,
): Promise<void> {
  const id = await submit(world, job);
  const ids = Array.from({ length: parts }, (_, offset) => (parts === 1 ? id : `${id}+${offset}`));
  const view = await mustRun(phase, 'the job runs', 180_000, ids);
  phase.countJobs(view);
  await phase.show();
  const calls = callsOf(view);
  phase.expect('Slurm called several times', holds(calls > 1, 'more than 1', String(calls)));
  phase.expect('EC2 was called once for each part', equals(parts, view.runInstancesCalls));
  phase.expect(`${NODES} instances were launched`, launchedAre(view, NODES));
  await phase.require('it completes', 30_000, (now) => haveCompleted(now, ids));
}

function haveCompleted(view: View, ids: readonly string[]): Check {
  const done = view.jobs.filter((job) => ids.includes(job.id) && job.state === 'COMPLETED');
  return equals(ids.length, done.length);
}

async function oneComponent(world: ScenarioWorld, phase: Phase): Promise<string> {
  await setRoom(world, { 'c5.xlarge': COUNTS.cpu, 'g4dn.xlarge': 0 });
  const running = await world.muster.logLines();
  if (running.length === 0) await world.muster.start(files);
  const job = await submit(world, overTwoQueues);
  const view = await phase.require('the job goes back and says why', 180_000, (now) =>
    isRefused(now, `${job}+0`, /\(Code:InsufficientInstanceCapacity\)/),
  );
  phase.countJobs(view);
  await phase.show();
  phase.expect('no instance was launched', launchedAre(view, 0));
  await phase.settle('no reservation is left', 10_000, nothingStays);
  return job;
}

async function bothComponents(world: ScenarioWorld, phase: Phase, job: string): Promise<void> {
  await setRoom(world, { 'c5.xlarge': COUNTS.cpu, 'g4dn.xlarge': COUNTS.gpu });
  const components = [`${job}+0`, `${job}+1`];
  const view = await mustRun(phase, 'both components run', 180_000, components);
  phase.countJobs(view);
  await phase.show();
  phase.expect(`${NODES} instances were launched`, launchedAre(view, NODES));
  phase.expect('none of them ended', equals(0, view.terminated.length));
  await phase.require('they complete', 30_000, (now) => haveCompleted(now, components));
}
