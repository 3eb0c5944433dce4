/** What a hook call asked, as the spool keeps it. */
import type { Instant } from './units.ts';

export type HookVerb = 'resume' | 'suspend' | 'resume-fail';

export interface HookRequest {
  /** A UUID that the hook took from the kernel. */
  readonly id: string;
  readonly verb: HookVerb;
  /** When the hook made it durable. */
  readonly at: Instant;
  /** The hook's one argument, as it came. */
  readonly hostlist: string;
  /** The text of SLURM_RESUME_FILE; null where there was none or it could not be read. */
  readonly resumeFile: string | null;
}
