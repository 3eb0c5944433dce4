/** Slurm's words for the state of a job, as squeue prints them in full, in the words that muster has. */
import type { JobState } from '../../ports/slurm-commands.ts';

const states: Readonly<Record<string, JobState>> = {
  PENDING: 'PENDING',
  CONFIGURING: 'CONFIGURING',
  RUNNING: 'RUNNING',
  COMPLETING: 'COMPLETING',
  COMPLETED: 'COMPLETED',
  FAILED: 'FAILED',
  NODE_FAIL: 'NODE_FAIL',
  CANCELLED: 'CANCELLED',
  TIMEOUT: 'TIMEOUT',
  REQUEUED: 'PENDING',
  REQUEUE_HOLD: 'PENDING',
  REQUEUE_FED: 'PENDING',
  SPECIAL_EXIT: 'PENDING',
  RESV_DEL_HOLD: 'PENDING',
  SUSPENDED: 'RUNNING',
  STOPPED: 'RUNNING',
  SIGNALING: 'RUNNING',
  RESIZING: 'RUNNING',
  STAGE_OUT: 'COMPLETING',
  BOOT_FAIL: 'NODE_FAIL',
  LAUNCH_FAILED: 'FAILED',
  RECONFIG_FAIL: 'FAILED',
  DEADLINE: 'TIMEOUT',
  OUT_OF_MEMORY: 'FAILED',
  PREEMPTED: 'CANCELLED',
  REVOKED: 'CANCELLED',
};

/** The states of a job that has nodes, for `squeue --states`. */
export const allocatedStates =
  'CONFIGURING,RUNNING,SUSPENDED,STOPPED,SIGNALING,RESIZING,STAGE_OUT,COMPLETING';

/** A state that no Slurm has yet counts by whether the job has nodes. */
export function jobStateOf(word: string, hasNodes: boolean): JobState {
  return states[word] ?? (hasNodes ? 'RUNNING' : 'PENDING');
}
