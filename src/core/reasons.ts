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
  InstanceLimitReached: 'so many instances run that it would exceed limits.instances',
  LaunchRateLimitReached: 'so many were launched that it would exceed limits.launches_per_hour',
  CostLimitReached: 'what runs costs so much that it would exceed limits.dollars_per_hour',
  LargerThanLimit: 'it exceeds a limit by itself, or there is no price for what it needs',
  QueueProtected:
    'boots of the queue kept failing, and nothing is launched for it until it is started again',
  NoCommonZone: 'the compute resources of the job have no zone in common',
  LadderChanged: 'the rung on which the gang boots is no longer in the configuration',
  BootTimeout: 'an instance was launched, and its slurmd did not register in time',
  InstanceEnded: 'EC2 ended an instance (a failed boot, a spot interruption, somebody by hand)',
  ResumeRateTooSlow:
    'at this ResumeRate Slurm asks for the last node of the job too late for ResumeTimeout',
  GangIncomplete: 'Slurm did not ask for all nodes of the job in time (ResumeRate)',
  FleetStopped: 'an administrator has stopped the fleet: nothing is launched until it is started',
  ReleasedByHand: 'an administrator has released the node',
  ReplacedByHand: 'an administrator has had the instance of the node replaced',
  SetReplaced: 'a node of its static set is lost, and the set is replaced whole',
  PowerUpRefused: 'scontrol refused to power up nodes of a static set',
  PoweredDown: 'Slurm powered a node of the gang down before it was whole',
  InstanceImpaired: "EC2's status checks of the instance have failed for minutes",
  ScheduledEvent: 'AWS is going to stop, restart or retire the machine of the instance',
  RequestLost: 'Slurm powered the node up, and the request for it never reached muster',
  NodeOutOfService: 'the node was down or drained and idle while its instance ran',
  NoInstance: 'Slurm had the node up, and muster had no instance for it',
  PartitionInactive: 'no partition of the idle node starts jobs',
  JobOverNodes: 'another node of its job was lost, and the job did not go on with this one',
  NodeUnlisted: 'Slurm has the node no more, and its instance ran on',
  SuspendLost: 'Slurm had powered the node down, and its instance ran on',
} as const;

export type ReasonCode = keyof typeof reasonCodes;

export const fleetStopped = {
  code: 'FleetStopped',
  message: 'the fleet is stopped, and launches nothing until it is started',
} as const satisfies Pick<Refusal, 'code' | 'message'>;

/** Slurm keeps a reason whole, but people read it in one line. */
const messageLengthMax = 240;

/** A node's reason: `(Code:InsufficientInstanceCapacity)Failure when resuming nodes: ...`, one line, bounded. */
export function nodeReason(refusal: Pick<Refusal, 'code' | 'message'>): string {
  const short = oneLine(refusal.message);
  return `(Code:${refusal.code})Failure when resuming nodes${short === '' ? '' : `: ${short}`}`;
}

/** A reason with something more to read behind it. */
export function longerReason(reason: string, more: string): string {
  return `${reason}; ${oneLine(more)}`;
}

/** Plain characters: scontrol takes the reason as one argument, and sinfo -R prints it in a table. */
function oneLine(text: string): string {
  const message = text
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .replaceAll(/["'\\`]/g, '')
    .trim();
  return message.length > messageLengthMax
    ? `${message.slice(0, messageLengthMax - 3)}...`
    : message;
}

/** EC2's codes and the system's, such as `ERR_TLS_CERT_ALTNAME_INVALID`, are in it too. */
const ownReason = /^\(Code:[\w.-]+\)/;

/** Whether the reason that a node shows is one of muster's (or of ParallelCluster's, which come to the same). */
export function isOwnReason(reason: string): boolean {
  return ownReason.test(reason);
}

/** The reason of a node that is taken out of service, for a moment or until its job has ended: one line, bounded. */
export function drainReason({ code, message }: Pick<Refusal, 'code' | 'message'>): string {
  return `(Code:${code})${oneLine(message)}`;
}
