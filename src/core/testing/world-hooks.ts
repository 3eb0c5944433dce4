/** Slurm's hooks as the test world of the core calls them, and the resume files that it writes. */
import type { HookRequest, HookVerb } from '../requests.ts';
import type { Instant } from '../units.ts';
import type { Send, TestWorld } from './test-world.ts';

export interface HookCall {
  readonly id?: string;
  /** When the hook ran; now unless another moment is given. */
  readonly at?: Instant;
}

/** The jobs of a resume file: hostlists, or objects as Slurm writes them. */
export type Jobs = readonly (string | Readonly<Record<string, unknown>>)[];

export function hooksOf(world: TestWorld, send: Send) {
  let requests = 0;
  function hook(verb: HookVerb, hostlist: string, file: string | null, call: HookCall) {
    requests += 1;
    const id = call.id ?? `00000000-0000-4000-8000-${String(requests).padStart(12, '0')}`;
    const request: HookRequest = { id, verb, at: call.at ?? world.now, hostlist, resumeFile: file };
    send({ kind: 'HookCalled', request });
    return id;
  }

  return {
    /** ResumeProgram; `jobs` null: without a resume file. Returns the request's id. */
    resume: (hostlist: string, jobs: Jobs | null, call: HookCall = {}): string =>
      hook('resume', hostlist, jobs === null ? null : resumeFile(jobs), call),
    suspend: (hostlist: string, call: HookCall = {}): string =>
      hook('suspend', hostlist, null, call),
    resumeFail: (hostlist: string, call: HookCall = {}): string =>
      hook('resume-fail', hostlist, null, call),
    /** `muster capacity --clear`; an empty `pool`: all. */
    forget: (pool: string, call: HookCall = {}): string =>
      hook('forget-capacity', pool, null, call),
    /** What a person at the command line asks about the fleet or about nodes. */
    ask: (verb: HookVerb, argument = '', call: HookCall = {}): string =>
      hook(verb, argument, null, call),
  };
}

/** A resume file in the shape of Slurm 23.02; a job given as a hostlist gets the next number. */
export function resumeFile(jobs: Jobs): string {
  return JSON.stringify({
    jobs: jobs.map((job, index) =>
      typeof job === 'string'
        ? { job_id: index + 1, nodes_resume: job, nodes_alloc: job, extra: null }
        : job,
    ),
  });
}
