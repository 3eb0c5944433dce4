/**
 * What the owner of a job reads in its AdminComment (`scontrol show job`). Muster writes one marked, bounded part of it,
 * `[muster: ...]`, and leaves what others wrote there as it is.
 */
import type { Instant } from './units.ts';
import { verdictOf, type Verdict } from './verdict.ts';

/** squeue and scontrol print it in one line. */
const noteLengthMax = 500;

const ownPart = / ?\[muster: [^[\]]*\]/g;

/** The comment with muster's part replaced; `note` null: with it taken out. */
export function withNote(comment: string, note: string | null): string {
  const others = comment.replaceAll(ownPart, '').trim();
  if (note === null) return others;
  const plain = note
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .replaceAll(/[[\]"'\\`]/g, '')
    .trim();
  const short = plain.length > noteLengthMax ? `${plain.slice(0, noteLengthMax - 3)}...` : plain;
  return `${others} [muster: ${short}]`.trim();
}

export interface JobVerdict {
  readonly code: string;
  readonly message: string;
  readonly at: Instant;
  /** How often EC2 was asked for it or it could not be, this time included; 0: it only stood behind others so far. */
  readonly tries: number;
  /** When it is tried again; null: it is held, or waits for a person to start the fleet. */
  readonly nextAt: Instant | null;
  readonly hold: 'admin' | 'user' | null;
}

export function noteOf(verdict: JobVerdict): string {
  const { code, message, at, tries } = verdict;
  const which = tries === 0 ? '' : `try ${tries} `;
  return `${which}refused ${time(at)} (Code:${code}) ${bounded(message)}; ${whatNext(verdict)}; ${cureOf(code)}`;
}

function whatNext({ nextAt, hold }: JobVerdict): string {
  if (nextAt !== null) return `next try ${time(nextAt)}`;
  switch (hold) {
    case 'user':
      return 'held: release it with scontrol release when you want it tried again';
    case 'admin':
      return 'held until an administrator releases it';
    case null:
      return 'it waits, and starts by itself then';
  }
}

function bounded(message: string): string {
  return message.length <= 220 ? message : `${message.slice(0, 217)}...`;
}

/** To the second, in UTC. */
function time(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** Without quotes and apostrophes, which a note may not have. */
const cureByVerdict: Readonly<Record<Verdict, string>> = {
  capacity: 'fewer nodes, another zone, instance type or market would help, or time',
  'never-here': 'the instance type is not offered there: another zone or type is needed',
  quota: 'an administrator has to ask AWS to raise the quota of the account',
  throttle: 'fewer calls by others in the account would help, or time',
  transient: 'EC2 did not answer: time helps',
  configuration: 'the configuration or the permissions of the cluster have to be corrected',
  unknown: 'the message above is all that EC2 says',
};

const fleetMismatch =
  'an administrator has to make slurm.conf and the cluster file name the same nodes';

const cureByCode: Readonly<Record<string, string>> = {
  NothingWished: 'change the comment: scontrol update jobid=... comment=...',
  ResumeTimeoutTooShort: 'fewer nodes would help, or a longer ResumeTimeout in slurm.conf',
  LaunchTooLate: 'time helps',
  BehindAnother:
    'time helps, or another instance type or zone; a greedy queue lets jobs pass sooner',
  BootTimeout: 'the log of the instance tells why it did not join',
  InstanceLimitReached: 'time helps, or fewer nodes, or a higher limit',
  LaunchRateLimitReached: 'time helps, or fewer nodes, or a higher limit',
  CostLimitReached: 'time helps, or fewer or cheaper nodes, or a higher limit',
  QueueProtected: 'an administrator mends what does not boot, and starts the queue',
  LargerThanLimit: 'fewer nodes would help, or a higher limit',
  InstanceEnded: 'time helps; an on-demand queue is not interrupted',
  ResumeRateTooSlow: 'ResumeRate=0 in slurm.conf would help, or fewer nodes',
  GangIncomplete: 'ResumeRate=0 in slurm.conf would help',
  FleetStopped: 'an administrator starts the fleet',
  ReleasedByHand: 'time helps',
  InvalidNodenameError: fleetMismatch,
  UnknownQueue: fleetMismatch,
  UnknownComputeResource: fleetMismatch,
  NodeOutsideFleet: fleetMismatch,
  NoCommonZone:
    'an administrator has to give the queues subnets in one zone, or let them be spread',
  LimitedInstanceCapacity: 'time helps, or fewer nodes',
  InstancesVanished: 'time helps',
  LadderChanged: 'time helps: the next try goes by the new ladder',
  NodeUnlisted: fleetMismatch,
  InstanceImpaired: 'time helps',
  ReplacedByHand: 'time helps',
  NodeAddressRefused: 'the administrator of the cluster has to look at slurm.conf',
};

/** What would help. */
export function cureOf(code: string): string {
  const cure = Object.hasOwn(cureByCode, code) ? cureByCode[code] : undefined;
  return cure ?? cureByVerdict[verdictOf(code)];
}
