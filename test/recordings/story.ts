/**
 * Stories: the same few minutes of a cluster's life, told to the real slurmctld and to the model of it.
 *
 * A story is data: a cluster, and steps that act or wait. Whoever plays it samples the world a few times a second
 * and writes down every change of a node's or job's state and every hook call. The transcript of the real Slurm is
 * kept as JSON; the model must write the same one.
 */
import type { JobRequest } from '../../src/ports/slurm-commands.ts';

export interface StorySettings {
  /** Nodes are named `q-dy-c-1` to this number, all in partition `q`. */
  readonly nodeCount: number;
  /** slurm.conf's words, in seconds. */
  readonly suspendTime: number;
  readonly suspendTimeout: number;
  readonly resumeTimeout: number;
  readonly resumeRate: number;
  /** `AuthInfo=cred_expire`. */
  readonly credExpire: number;
  readonly slurmdTimeout: number;
  readonly minJobAge: number;
  /** `SchedulerParameters`: how often Slurm passes over the queue without a reason. */
  readonly schedInterval: number;
  readonly bfInterval: number;
  /** `SuspendExcNodes`: a node that is never powered down for being idle. */
  readonly keptNode?: string;
}

export type Action =
  | { readonly kind: 'submit'; readonly job: JobRequest }
  | { readonly kind: 'cancel'; readonly job: string }
  | { readonly kind: 'assign'; readonly nodes: readonly string[] }
  /** The nodes' slurmd start. */
  | { readonly kind: 'register'; readonly nodes: readonly string[] }
  /** The nodes' slurmd die. */
  | { readonly kind: 'lose'; readonly nodes: readonly string[] }
  | { readonly kind: 'down'; readonly nodes: readonly string[]; readonly reason: string }
  | { readonly kind: 'power-down'; readonly nodes: readonly string[] }
  | { readonly kind: 'drain'; readonly nodes: readonly string[]; readonly reason: string }
  | { readonly kind: 'undrain'; readonly nodes: readonly string[] }
  | { readonly kind: 'resume'; readonly nodes: readonly string[] }
  | { readonly kind: 'power-up'; readonly nodes: readonly string[] }
  | { readonly kind: 'partition'; readonly isUp: boolean }
  | { readonly kind: 'release'; readonly jobs: readonly number[] }
  | { readonly kind: 'update'; readonly jobs: readonly number[]; readonly change: StoryChange };

/** A JobChange, its moment told from when it is made. */
export interface StoryChange {
  readonly startAfterSeconds?: number;
  readonly hold?: 'admin' | 'user';
  readonly adminComment?: string;
}

export type Wait =
  | {
      readonly kind: 'until';
      /** How many hook calls there have been in all. */
      readonly hooks?: number;
      readonly nodes?: Readonly<Record<string, string>>;
      readonly jobs?: Readonly<Record<string, string>>;
      readonly atMost: number;
    }
  | { readonly kind: 'pass'; readonly seconds: number };

export type Step = Action | Wait;

export interface Story {
  readonly name: string;
  readonly settings: StorySettings;
  readonly steps: readonly Step[];
}

export interface HookCall {
  readonly verb: 'resume' | 'suspend' | 'resume-fail';
  readonly hostlist: string;
  /** The resume file, parsed; null for the other verbs. */
  readonly file: unknown;
}

export interface NodeSample {
  readonly state: string;
  readonly reason: string;
}

export interface JobSample {
  readonly state: string;
  readonly reason: string;
  /** As a hostlist. */
  readonly nodes: string;
}

export interface Sample {
  readonly nodes: ReadonlyMap<string, NodeSample>;
  readonly jobs: ReadonlyMap<string, JobSample>;
  /** Hook calls since the last sample. */
  readonly hooks: readonly HookCall[];
}

/** Whoever plays a story: the real Slurm, or the model of it. */
export interface World {
  /** Seconds since the story began. */
  now(): number;
  sleep(seconds: number): Promise<void>;
  /** Does it; resolves to what the command answered: the job id of a submission, else nothing, or the refusal's text. */
  act(action: Action): Promise<string>;
  sample(): Promise<Sample>;
  picture(): Promise<Picture>;
}

/** What the commands print. */
export interface Picture {
  readonly sinfo: string;
  readonly squeue: string;
  /** A line a job: its number, how often it was requeued, what stands in its AdminComment. Not in the older recordings. */
  readonly jobs?: string;
}

export interface Transcript {
  readonly answers: { at: number; step: number; text: string }[];
  readonly hooks: (HookCall & { at: number })[];
  readonly nodes: Record<string, (NodeSample & { at: number })[]>;
  readonly jobs: Record<string, (JobSample & { at: number })[]>;
  /** One after each wait. */
  readonly pictures: (Picture & { at: number })[];
}

export interface Recording {
  readonly slurmVersion: string;
  /** How many seconds slurmctld had been running when the story began: its periodic looks count from its start. */
  readonly slurmctldAge: number;
  readonly story: Story;
  readonly transcript: Transcript;
}

const samplePeriodSeconds = 0.25;

/** Plays a story in a world. Throws when a wait is in vain, with what was there instead. */
export async function playStory(world: World, story: Story): Promise<Transcript> {
  const transcript = emptyTranscript();
  await note(world, transcript);
  for (const [index, step] of story.steps.entries()) {
    if (step.kind === 'until' || step.kind === 'pass') {
      await wait(world, transcript, step, `${story.name}, step ${index}`);
      transcript.pictures.push({ at: rounded(world.now()), ...(await world.picture()) });
    } else {
      const text = await world.act(step);
      transcript.answers.push({ at: rounded(world.now()), step: index, text });
      await note(world, transcript);
    }
  }
  return transcript;
}

export function emptyTranscript(): Transcript {
  return { answers: [], hooks: [], nodes: {}, jobs: {}, pictures: [] };
}

async function wait(world: World, transcript: Transcript, step: Wait, where: string) {
  const deadline = world.now() + (step.kind === 'pass' ? step.seconds : step.atMost);
  for (;;) {
    const sample = await note(world, transcript);
    if (step.kind === 'until' && isReached(step, sample, transcript)) return;
    if (world.now() >= deadline) {
      if (step.kind === 'pass') return;
      throw new Error(
        `${where}: not reached: ${JSON.stringify(step)}; ${JSON.stringify(transcript)}`,
      );
    }
    await world.sleep(samplePeriodSeconds);
  }
}

function isReached(step: Wait & { kind: 'until' }, sample: Sample, transcript: Transcript) {
  if (step.hooks !== undefined && transcript.hooks.length < step.hooks) return false;
  for (const [name, state] of Object.entries(step.nodes ?? {})) {
    if (sample.nodes.get(name)?.state !== state) return false;
  }
  for (const [id, state] of Object.entries(step.jobs ?? {})) {
    if (sample.jobs.get(id)?.state !== state) return false;
  }
  return true;
}

/** Takes a sample and writes down what changed; resolves to the sample. */
export async function note(world: World, transcript: Transcript): Promise<Sample> {
  const sample = await world.sample();
  const at = rounded(world.now());
  for (const call of sample.hooks) transcript.hooks.push({ at, ...call });
  for (const [name, node] of sample.nodes) {
    const track = (transcript.nodes[name] ??= []);
    const last = track.at(-1);
    if (last?.state !== node.state || last.reason !== node.reason) track.push({ at, ...node });
  }
  for (const [id, job] of sample.jobs) {
    const track = (transcript.jobs[id] ??= []);
    const last = track.at(-1);
    if (last?.state !== job.state || last.reason !== job.reason || last.nodes !== job.nodes) {
      track.push({ at, ...job });
    }
  }
  return sample;
}

function rounded(seconds: number) {
  return Math.round(seconds * 10) / 10;
}
