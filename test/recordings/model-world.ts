/** The model of Slurm as a story's world, in simulated time, with every command at the moment of the recording. */
import { foldSorted } from '../../src/core/hostlist.ts';
import type { Instant } from '../../src/core/units.ts';
import { createSlurmModel } from '../../src/sim/slurm/model.ts';
import type { SlurmModel } from '../../src/sim/slurm/model.ts';
import { createVirtualClock } from '../../src/sim/virtual-clock.ts';
import { emptyTranscript, note } from './story.ts';
import type {
  Action,
  HookCall,
  Picture,
  Recording,
  StorySettings,
  Transcript,
  World,
} from './story.ts';

/** Stories begin this long after a whole second (real-slurm.ts); slurmctld's power-save thread looks on whole ones. */
const phaseSeconds = 0.85;
/** From the start of slurmctld's process to the first turn of its main loop, about. */
const slurmctldStartSeconds = 0.2;
const samplePeriodSeconds = 0.25;
const start = Date.UTC(2030, 0, 1);

/** Pictures of the model around the moment of a recorded one. */
export interface Replay {
  readonly transcript: Transcript;
  readonly pictures: readonly (Picture & { at: number })[];
}

/** Plays a recorded story on the model; `marginSeconds` longer than the recording. */
export async function replayOnModel(recording: Recording, marginSeconds: number): Promise<Replay> {
  const world = createModelWorld(recording.story.settings, recording.slurmctldAge);
  const transcript = emptyTranscript();
  const pictures: (Picture & { at: number })[] = [];
  const actions = recording.transcript.answers.map(({ at, step }) => ({ at, step }));
  const end = Math.max(0, ...recording.transcript.pictures.map(({ at }) => at)) + marginSeconds;
  for (let next = 0; world.now() <= end; next += samplePeriodSeconds) {
    for (let action = actions[0]; action !== undefined && action.at <= next; action = actions[0]) {
      await world.sleep(action.at - world.now());
      pictures.push({ at: world.now(), ...(await world.picture()) });
      const step = recording.story.steps[action.step] as Action;
      const text = await world.act(step);
      transcript.answers.push({ at: action.at, step: action.step, text });
      await note(world, transcript);
      actions.shift();
    }
    await world.sleep(next - world.now());
    await note(world, transcript);
    pictures.push({ at: world.now(), ...(await world.picture()) });
  }
  return { transcript, pictures };
}

function createModelWorld(settings: StorySettings, slurmctldAge: number): World {
  const startedAt = start + phaseSeconds * 1000;
  const age = Math.round((slurmctldAge - slurmctldStartSeconds) * 1000);
  const clock = createVirtualClock(startedAt - age);
  const hooks: HookCall[] = [];
  const model = createSlurmModel({
    clock,
    partitions: ['q'],
    nodes: Array.from({ length: settings.nodeCount }, (_, index) => ({
      name: `q-dy-c-${index + 1}`,
      partitions: ['q'],
      cpus: 4,
      isKept: settings.keptNode === `q-dy-c-${index + 1}`,
    })),
    settings: {
      suspendTimeMs: settings.suspendTime * 1000,
      suspendTimeoutMs: settings.suspendTimeout * 1000,
      resumeTimeoutMs: settings.resumeTimeout * 1000,
      resumeRate: settings.resumeRate,
      credExpireMs: settings.credExpire * 1000,
      slurmdTimeoutMs: settings.slurmdTimeout * 1000,
      minJobAgeMs: settings.minJobAge * 1000,
      scheduleIntervalMs: settings.schedInterval * 1000,
      backfillIntervalMs: settings.bfInterval * 1000,
    },
    hooks: {
      resume: (hostlist, file) => {
        hooks.push({ verb: 'resume', hostlist, file: JSON.parse(file) as unknown });
      },
      suspend: (hostlist) => hooks.push({ verb: 'suspend', hostlist, file: null }),
      resumeFail: (hostlist) => hooks.push({ verb: 'resume-fail', hostlist, file: null }),
    },
  });
  clock.advanceTo(startedAt);
  return {
    now: () => (clock.now() - startedAt) / 1000,
    sleep: (seconds) => {
      clock.advanceTo(clock.now() + Math.max(0, Math.round(seconds * 1000)));
      return Promise.resolve();
    },
    act: (action) => act(model, action, clock.now()),
    sample: async () => ({
      nodes: new Map(
        (await model.nodes()).map(({ name, state, reason }) => [name, { state, reason }]),
      ),
      jobs: new Map(
        (await model.jobs()).map(({ id, state, reason, nodes }) => [
          id,
          { state, reason, nodes: foldSorted(nodes) },
        ]),
      ),
      hooks: hooks.splice(0),
    }),
    picture: async () => ({
      sinfo: await model.sinfo(),
      squeue: await model.squeue(),
      jobs: jobLines(model),
    }),
  };
}

/** As `squeue --Format=JobID:8,JobArrayID:8,RestartCnt:4,admin_comment:40` prints them. */
function jobLines({ records }: SlurmModel): string {
  const lines = [...records.jobs].map(({ id, label, restarts, adminComment }) =>
    [
      String(id).padEnd(8),
      label.padEnd(8),
      String(restarts).padEnd(4),
      (adminComment || '(null)').slice(0, 40).padEnd(40),
    ].join(''),
  );
  return lines.map((line) => `${line}\n`).join('');
}

async function act(model: SlurmModel, action: Action, now: Instant): Promise<string> {
  try {
    return await command(model, action, now);
  } catch (error: unknown) {
    return `refused: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function command(model: SlurmModel, action: Action, now: Instant): Promise<string> {
  switch (action.kind) {
    case 'submit':
      return model.submit(action.job);
    case 'cancel':
      await model.cancel(action.job);
      return '';
    case 'assign': {
      const nodes = action.nodes.map((node) => ({ node, address: '127.0.0.1', hostname: 'here' }));
      await model.assignNodes(nodes);
      return '';
    }
    case 'down':
      await model.downNodes(action.nodes, action.reason);
      return '';
    case 'power-down':
      await model.powerDownNodes(action.nodes);
      return '';
    case 'drain':
      await model.drainNodes(action.nodes, action.reason);
      return '';
    case 'undrain':
      await model.undrainNodes(action.nodes);
      return '';
    case 'resume':
      await model.resumeNodes(action.nodes);
      return '';
    case 'power-up':
      await model.powerUpNodes(action.nodes);
      return '';
    case 'partition':
      await model.setPartitions(['q'], action.isUp);
      return '';
    case 'release':
      for (const job of action.jobs) await model.releaseJob(job);
      return '';
    case 'update': {
      const { startAfterSeconds: after, ...change } = action.change;
      const startAt = after === undefined ? {} : { startAt: now + after * 1000 };
      for (const job of action.jobs) await model.updateJob(job, { ...change, ...startAt });
      return '';
    }
    case 'register':
      for (const name of action.nodes) model.registerNode(name);
      return '';
    case 'lose':
      for (const name of action.nodes) model.loseNode(name);
      return '';
  }
}
