/**
 * A job over two compute resources (two instance types), with room in one of them only. Under `strategy: reserve` no machine
 * is booted, and once there is room for both parts the job runs; under `strategy: launch` what EC2 gave is terminated at once.
 */
import { equals, holds, runPhases } from '../phase.ts';
import type { Phase, View } from '../phase.ts';
import { jobIs, launchedAre } from '../checks.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { MusterFiles, Scenario, ScenarioWorld } from '../world.ts';
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

const COUNTS = { c5: 4, m5: 2 };
const NODES = COUNTS.c5 + COUNTS.m5;

/** What a call that was made in vain may cost. */
const MOMENT_MS = 2_000;

const queues = ['reserve', 'launch'] as const;

const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: queues.map((name) => ({
      name,
      computeResources: [
        { name: 'c5xlarge', instanceType: 'c5.xlarge', count: COUNTS.c5 },
        { name: 'm5large', instanceType: 'm5.large', count: COUNTS.m5 },
      ],
    })),
  }),
  musterYaml: `retry: { first: 5s, max: 5s }
capacity_memory: { refusal: 0s }
queues:
  reserve: { strategy: reserve }
  launch: { strategy: launch }
`,
};

function overBoth(queue: (typeof queues)[number]): JobRequest {
  return {
    partition: queue,
    nodes: NODES,
    nodelist: `${queue}-dy-c5xlarge-[1-${COUNTS.c5}],${queue}-dy-m5large-[1-${COUNTS.m5}]`,
    seconds: 30,
    exclusive: true,
  };
}

export const parts: Scenario = {
  name: 'parts',
  summary:
    'A job over two instance types with room in one: reserved first, or launched and taken back',
  spec: { files, ...WHOLE_SPEC },
  async run(world) {
    // The job that was refused is the one that runs when there is room.
    let waiting = '';
    return runPhases(world, [
      {
        name: 'reserve-refused',
        text: 'strategy reserve, room for one of the two parts: no machine is booted',
        run: async (phase) => {
          waiting = await reserveRefused(world, phase);
        },
      },
      {
        name: 'reserve-whole',
        text: 'room for both parts: the job runs',
        run: (phase) => reserveWhole(world, phase, waiting),
      },
      {
        name: 'launch-refused',
        text: 'strategy launch, room for one of the two parts: what was launched is terminated at once',
        ownInstancesOnly: true,
        run: (phase) => launchRefused(world, phase),
      },
    ]);
  },
};

async function reserveRefused(world: ScenarioWorld, phase: Phase): Promise<string> {
  await setRoom(world, { 'c5.xlarge': COUNTS.c5, 'm5.large': 0 });
  await world.muster.start(files);
  const job = await submit(world, overBoth('reserve'));
  const view = await phase.require('the job goes back and says why', 30_000, (now) =>
    isRefused(now, job, /try 1 refused .*\(Code:InsufficientInstanceCapacity\).*m5\.large/),
  );
  phase.countJobs(view);
  await phase.show();
  phase.expect('no instance was launched', launchedAre(view, 0));
  phase.expect('RunInstances was not called', equals(0, view.runInstancesCalls));
  phase.expect(
    'the part that has room was reserved',
    holds(view.reservations.made > 0, 'at least 1', String(view.reservations.made)),
  );
  await phase.settle('and the reservation is cancelled', 10_000, nothingStays);
  return job;
}

async function reserveWhole(world: ScenarioWorld, phase: Phase, job: string): Promise<void> {
  await setRoom(world, { 'c5.xlarge': COUNTS.c5, 'm5.large': COUNTS.m5 });
  const view = await mustRun(phase, 'the job runs', 90_000, [job]);
  phase.countJobs(view);
  await phase.show();
  phase.expect(`${NODES} instances were launched`, launchedAre(view, NODES));
  phase.expect('none of them ended', equals(0, view.terminated.length));
  phase.expect('a call for each part', equals(2, view.runInstancesCalls));
  phase.expect('each part was reserved, and no reservation is left', reservationsLeft(view));
  await phase.settle('its comment is clean again', 10_000, (now) =>
    equals('', now.jobs.find((one) => one.id === job)?.adminComment ?? 'no such job'),
  );
  await phase.require('it completes', 30_000, (now) => jobIs(now, job, 'COMPLETED'));
}

function reservationsLeft({ reservations: { made, cancelled } }: View) {
  return holds(
    made >= 2 && made === cancelled,
    '2 made, 2 cancelled',
    `${made} made, ${cancelled} cancelled`,
  );
}

async function launchRefused(world: ScenarioWorld, phase: Phase): Promise<void> {
  await setRoom(world, { 'c5.xlarge': 2 * COUNTS.c5, 'm5.large': COUNTS.m5 });
  const job = await submit(world, { ...overBoth('launch'), requeue: false });
  const view = await phase.require('the job fails', 30_000, (now) => jobIs(now, job, 'NODE_FAIL'));
  phase.countJobs(view);
  await phase.show();
  phase.expect('a call for each part', equals(2, view.runInstancesCalls));
  phase.expect('nothing was reserved', equals(0, view.reservations.made));
  phase.expect(
    `the ${COUNTS.c5} instances of one part were launched`,
    launchedAre(view, COUNTS.c5),
  );
  const after = await phase.settle('and terminated', 10_000, nothingStays);
  const longest = Math.max(
    0,
    ...after.launched.map((one) => (one.terminatedAt ?? Infinity) - one.launchedAt),
  );
  phase.expect(
    `within ${MOMENT_MS / 1000} seconds`,
    holds(longest <= MOMENT_MS, `at most ${MOMENT_MS} ms`, `${longest} ms`),
  );
}
