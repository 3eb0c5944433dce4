/**
 * Why something was refused. EC2's own error codes pass through unchanged; the codes below are muster's (the first two
 * are ParallelCluster's words, which people grep for). All reach Slurm in ParallelCluster's format.
 */
import type { Refusal } from './gang.ts';

export const reasonCodes = {
  InvalidNodenameError: 'the name does not follow <queue>-st|dy-<compute-resource>-<number>',
  LimitedInstanceCapacity: 'EC2 launched some of the instances, but none for these nodes',
  UnknownQueue: 'the fleet has no such queue',
  UnknownComputeResource: 'the queue has no such compute resource',
  NodeOutsideFleet: "the node's number is above the compute resource's count",
  NodeAddressRefused: 'scontrol refused the address of a node',
  InstancesVanished: 'EC2 repeated an answer whose instances have ended since',
  LaunchTooLate:
    'it could not be asked for in time: too many launches before it, or muster was not running',
  BehindAnother:
    'EC2 had no room for a job before it, which waits for its next try on the same capacity and goes first',
  ResumeTimeoutTooShort:
    'so many instances wait longer for EC2 than ResumeTimeout allows; the message has the number that is needed',
  JobGone: 'the job was cancelled or requeued before its nodes were launched',
  NothingWished:
    'the job asks in its comment for markets, types or zones that its queue does not have',
  NoCommonZone: 'the compute resources of the job have no zone in common',
  BootTimeout: 'an instance was launched, and its slurmd did not register in time',
  InstanceEnded: 'EC2 ended an instance (a failed boot, a spot interruption, somebody by hand)',
  ResumeRateTooSlow:
    'at this ResumeRate Slurm asks for the last node of the job too late for ResumeTimeout',
  GangIncomplete: 'Slurm did not ask for all nodes of the job in time (ResumeRate)',
  PoweredDown: 'Slurm powered a node of the gang down before it was whole',
} as const;

export type ReasonCode = keyof typeof reasonCodes;

/** Slurm keeps a reason whole, but people read it in one line. */
const messageLengthMax = 240;

/** A node's reason: `(Code:InsufficientInstanceCapacity)Failure when resuming nodes: ...`, one line, bounded. */
export function nodeReason(refusal: Pick<Refusal, 'code' | 'message'>): string {
  // One line of plain characters: scontrol takes the reason as one argument, and sinfo -R prints it in a table.
  const message = refusal.message
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .replaceAll(/["'\\`]/g, '')
    .trim();
  const short =
    message.length > messageLengthMax ? `${message.slice(0, messageLengthMax - 3)}...` : message;
  return `(Code:${refusal.code})Failure when resuming nodes${short === '' ? '' : `: ${short}`}`;
}
