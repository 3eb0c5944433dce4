/**
 * A node as Slurm has it. Slurm tells a base state and any number of flags beside it; these are the ones that muster
 * judges by. They are independent: a node may be down, drained, powering up and silent at once.
 */

/**
 * What Slurm does with the node's power: `saved` (sinfo's `~`), `powering-up` (`#`), `up` (no suffix), `down-wanted` (`!`:
 * its power-save thread has not looked yet), `powering-down` (`%`).
 */
export type NodePower = 'saved' | 'powering-up' | 'up' | 'down-wanted' | 'powering-down';

export interface NodeState {
  readonly power: NodePower;
  readonly isDown: boolean;
  /** No job is put there any more, by muster's hand or an administrator's; jobs that run there go on. */
  readonly isDrained: boolean;
  /** `fail`: an administrator, or a health check, wants it to be replaced once its jobs have ended. */
  readonly isFailing: boolean;
  /** Its slurmd answers, as far as Slurm knows. One that powers up does not; one that is powered down may show either. */
  readonly isResponding: boolean;
  /** `scontrol reboot` was asked for, or is under way: it will be away for a while, and come back. */
  readonly isRebooting: boolean;
  /** In a user's or a maintenance reservation that has begun. */
  readonly isReserved: boolean;
  /** It has jobs, or jobs are being cleared away there: allocated, mixed or completing. */
  readonly isBusy: boolean;
}
