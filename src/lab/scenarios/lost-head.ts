/**
 * A head node that is lost: muster and slurmctld are gone, and nobody is left who could end an instance. Those without a job
 * shut themselves down (node/muster-node); one with a job stays, and its slurmstepd tells a slurmctld that comes back within
 * the hour that the job has ended meanwhile. While slurmctld answers, a muster that is stopped costs no node. When both are
 * back there is nothing to repair.
 */
import type { DurationMs } from '../../core/units.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import { isGivenBack, jobIs, nodeCountOf, stateSummary } from '../checks.ts';
import { equals, holds, runPhases } from '../phase.ts';
import type { Check, Phase, View } from '../phase.ts';
import { sleep } from '../watch.ts';
import type { MusterFiles, Scenario, ScenarioWorld } from '../world.ts';
import { clusterYaml, resumeConf } from './files.ts';
import { mustRun, PLACEMENT, setRoom, submit, WHOLE_SPEC } from './whole.ts';

/** Three heartbeats: muster-node waits no shorter. */
const GONE_SECONDS = 30;
const GONE_MS = GONE_SECONDS * 1_000;
/** For looks, the shutdown and this machine's load. */
const SLACK_MS = 30_000;

/** A type for those with a job and one for those without: that is how their instances are told apart. */
const TYPES = { busy: 'm5.large', idle: 'c5.xlarge' };
const IDLE_NODES = 3;

/** It ends when the idle instances have shut themselves down, and before slurmctld is back. */
const JOB_SECONDS = 2 * GONE_SECONDS + 15;

const files: MusterFiles = {
  resumeConf: resumeConf('demo', PLACEMENT.region, ['job_level_scaling = True']),
  clusterYaml: clusterYaml({
    ...PLACEMENT,
    queues: Object.entries(TYPES).map(([name, instanceType]) => ({
      name,
      computeResources: [{ name: 'nodes', instanceType, count: name === 'busy' ? 1 : IDLE_NODES }],
    })),
  }),
};

const jobs: Record<keyof typeof TYPES, JobRequest> = {
  busy: { partition: 'busy', nodes: 1, seconds: JOB_SECONDS, exclusive: true },
  idle: { partition: 'idle', nodes: IDLE_NODES, seconds: 1, exclusive: true },
};

export const lostHead: Scenario = {
  name: 'lost-head',
  summary: 'muster and slurmctld are gone: instances without a job shut themselves down',
  needsRealSlurm: true,
  spec: { files, ...WHOLE_SPEC, goneAfterSeconds: GONE_SECONDS },
  async run(world) {
    let busy = '';
    return runPhases(world, [
      {
        name: 'muster-stopped',
        text: `muster is stopped for longer than ${GONE_SECONDS} s: slurmctld answers, every instance stays`,
        async run(phase) {
          busy = await musterStopped(world, phase);
        },
      },
      {
        name: 'lost',
        text: 'slurmctld is gone, too: idle instances shut themselves down, one with a job stays until it can tell',
        run: (phase) => lost(world, phase, busy),
      },
      {
        name: 'back',
        text: 'muster is back, too: nodes whose instances are gone are given back, the next job runs',
        run: (phase) => back(world, phase),
      },
    ]);
  },
};

/** Resolves to the long job. */
async function musterStopped(world: ScenarioWorld, phase: Phase): Promise<string> {
  await setRoom(world, { [TYPES.busy]: 1, [TYPES.idle]: IDLE_NODES });
  await world.muster.start(files);
  const idle = await submit(world, jobs.idle);
  await phase.require('the short job is over, and its nodes idle', 90_000, (view) =>
    jobIs(view, idle, 'COMPLETED'),
  );
  const busy = await submit(world, jobs.busy);
  await mustRun(phase, 'the long job runs', 90_000, [busy]);
  await world.muster.stop();
  world.progress({ kind: 'step', text: 'muster is stopped' });
  await sleep(world.clock, GONE_MS + 5_000);
  const types = await livingTypes(world);
  phase.expect('all instances live', equals(1 + IDLE_NODES, types.length));
  return busy;
}

/** Slurm cannot be asked meanwhile: what there is to be seen is EC2's. */
async function lost(world: ScenarioWorld, phase: Phase, busy: string): Promise<void> {
  await world.slurm.stopController();
  world.progress({ kind: 'step', text: 'slurmctld is stopped' });
  const stoppedAt = world.clock.now();
  const left = await idleGone(world, GONE_MS + SLACK_MS);
  const tookMs = world.clock.now() - stoppedAt;
  phase.expect('idle instances have shut themselves down', equals(TYPES.busy, left.join(' ')));
  phase.expect(
    'and not before the time',
    holds(tookMs >= GONE_MS - SLACK_MS / 6, `${GONE_SECONDS} s or so`, `${tookMs / 1_000} s`),
  );
  // The job began before muster was stopped.
  await sleep(world.clock, JOB_SECONDS * 1_000 - GONE_MS - tookMs);
  const types = await livingTypes(world);
  phase.expect('the one with the job is there', equals(TYPES.busy, types.join(' ')));
  await world.slurm.startController();
  const ended = (view: View): Check => jobIs(view, busy, 'COMPLETED');
  phase.countJobs(await phase.require('Slurm is told that the job has ended', 60_000, ended));
}

async function back(world: ScenarioWorld, phase: Phase): Promise<void> {
  await world.muster.start(files);
  await phase.require('nodes whose instances are gone are given back', 120_000, (view) =>
    holds(
      nodeCountOf(view, isGivenBack) >= IDLE_NODES,
      `${IDLE_NODES} or more powered down`,
      stateSummary(view),
    ),
  );
  const job = await submit(world, jobs.idle);
  const view = await phase.require('the next job runs', 120_000, (now) =>
    jobIs(now, job, 'COMPLETED'),
  );
  phase.countJobs(view);
  const types = await livingTypes(world);
  phase.expect(
    'the instance of the long job lives on',
    holds(types.includes(TYPES.busy), TYPES.busy, types.join(' ')),
  );
  const fresh = view.launched.filter((one) => one.instanceType === TYPES.idle);
  phase.expect('on new instances', equals(IDLE_NODES, fresh.length));
}

/** Of the instances that live. */
async function livingTypes(world: ScenarioWorld): Promise<readonly string[]> {
  const { instances } = await world.cloud.stats();
  return instances.flatMap((one) => (one.terminatedAt === null ? [one.instanceType] : []));
}

/** The types of the instances that live when none of the idle ones does, or when the time is over. */
async function idleGone(world: ScenarioWorld, limitMs: DurationMs): Promise<readonly string[]> {
  const deadline = world.clock.now() + limitMs;
  for (;;) {
    const types = await livingTypes(world);
    if (!types.includes(TYPES.idle) || world.clock.now() >= deadline) return types;
    await sleep(world.clock, 500);
  }
}
