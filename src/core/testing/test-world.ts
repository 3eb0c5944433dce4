/** What the test world of the core is made of, for the files that drive it, answer for it and look at it. */
import type { Decision } from '../decisions.ts';
import type { Effect } from '../effects.ts';
import type { Event } from '../events.ts';
import type { JobFacts } from '../job-facts.ts';
import type { State } from '../state.ts';
import type { Turn } from '../turn.ts';
import type { Instant } from '../units.ts';
import type { Ec2Books } from './ec2-books.ts';

type WithoutTime<T> = T extends unknown ? Omit<T, 'at'> : never;
export type EventBody = WithoutTime<Event>;
export type EffectOf<K extends Effect['kind']> = Extract<Effect, { kind: K }>;
export type DecisionOf<K extends Decision['kind']> = Extract<Decision, { kind: K }>;

export interface TestWorld {
  state: State;
  now: Instant;
  readonly turns: Turn[];
  /** Effects that were asked for and not answered yet. */
  readonly running: Effect[];
  readonly ec2: Ec2Books;
  /** The placement groups that EC2 knows, with their ARNs; null: all, as cluster groups. */
  groups: Readonly<Record<string, string | null>> | null;
  /** True: the test answers AskJobs itself. */
  asks: boolean;
  /** True: the test says which slurmd register; else all do, at once. */
  boots: boolean;
  /** What Slurm says beside the resume file; null: it does not know the job. */
  readonly slurm: { readonly jobs: Map<number, Partial<JobFacts> | null>; absent: string };
}

/** Takes an event with its turn, and the wakes that it brings about. */
export type Send = (body: EventBody) => Turn;
