/** What a hook call, or a person at the command line, asked, as the spool keeps it. */
import type { Instant } from './units.ts';

/**
 * The first three are Slurm's hooks; the others are the operator's. `forget-capacity` is about a pool of the capacity memory
 * or all, `queue-start` about a queue, `release-node` and `replace-node` about nodes, `fleet-stop` and `fleet-start` about all there is.
 */
export type HookVerb =
  | 'resume'
  | 'suspend'
  | 'resume-fail'
  | 'forget-capacity'
  | 'queue-start'
  | 'fleet-stop'
  | 'fleet-start'
  | 'release-node'
  | 'replace-node';

export interface HookRequest {
  /** A UUID that the hook took from the kernel, or the command drew. */
  readonly id: string;
  readonly verb: HookVerb;
  /** When the hook made it durable. */
  readonly at: Instant;
  /** The hook's one argument, as it came. `forget-capacity`: the pool's name, empty for all. `queue-start`: the queue. Of the fleet: empty. */
  readonly hostlist: string;
  /** The text of SLURM_RESUME_FILE; null where there was none or it could not be read. */
  readonly resumeFile: string | null;
}
