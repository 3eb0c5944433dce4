/**
 * What is wrong with a node, and what is done about it: a table from what Slurm says of it, what EC2 says of its instance
 * and what muster holds for it to one verdict. The first rule that fits is the answer, so the order is part of the table:
 * first who must not be touched, then what only EC2 can say, then Slurm's states. Pure, and total: the last rule takes all.
 *
 * A verdict is acted upon when the node has been so for the rule's grace (`suspicion.ts`), and never where a look failed:
 * who does not answer says nothing about anybody.
 */
import type { NodeState } from './node-state.ts';
import type { ReasonCode } from './reasons.ts';
import type { DurationMs } from './units.ts';

/** Whose the reason is that Slurm shows for the node. `slurm`: slurmctld wrote it itself. */
export type ReasonBy = 'nobody' | 'muster' | 'slurm' | 'person';

/**
 * Whether muster is at the node already. `boot`: it was given to Slurm and its slurmd is awaited, nothing else. `open`: a
 * gang that is being launched, a request that is being read, a boot that is being let go, or an effect without an answer.
 */
export type Affair = 'none' | 'boot' | 'open';

/** `launched`: not given to Slurm. `given`: its slurmd has not registered. */
export type LeaseStage = 'none' | 'launched' | 'given' | 'registered';

/**
 * What EC2 says of the lease's instance. `absent`: a listing that should have it does not. `impaired`: its checks have
 * failed for longer than is let pass. `event`: AWS will stop, restart or retire the machine. `unknown`: EC2 has not
 * answered, or not since it was launched.
 */
export type InstanceSight = 'runs' | 'ended' | 'absent' | 'impaired' | 'event' | 'unknown';

export interface NodeFacts {
  readonly slurm: NodeState;
  readonly reasonBy: ReasonBy;
  /** No partition of it starts jobs. */
  readonly isShut: boolean;
  readonly affair: Affair;
  readonly lease: LeaseStage;
  /** Of no meaning without a lease. */
  readonly instance: InstanceSight;
}

/**
 * - `leave`: nothing.
 * - `lose-instance`: the instance is gone: what counted on it is told, its node powered down.
 * - `fail-boot`: the boot has failed: the node gets another instance, or its gang is let go.
 * - `drain`: no further job may come; what runs there runs on.
 * - `release`: if a fresh look shows nobody there, it is powered down and its instance, where it has one, ended.
 * - `end-boot`: its slurmd is awaited no more, and its instance is ended; Slurm has powered the node down already.
 * - `end-instance`: the instance is ended; Slurm has powered the node down already.
 * - `give-back`: down with the reason, then powered down: its job goes back to the queue. An instance is ended.
 * - `bring-back`: powered down and out of service without need: made usable again.
 */
export type Verdict =
  | 'leave'
  | 'lose-instance'
  | 'fail-boot'
  | 'drain'
  | 'release'
  | 'end-boot'
  | 'end-instance'
  | 'give-back'
  | 'bring-back';

export interface Rule {
  readonly name: string;
  readonly when: (facts: NodeFacts) => boolean;
  readonly verdict: Verdict;
  /** How long a node must have been so before anything is done: what is about to pass by itself is let pass. */
  readonly graceMs: DurationMs;
  /** For people: the code of what is done (reasons.ts), and what is the matter with the node. */
  readonly code: ReasonCode | null;
  readonly says: string;
}

const seconds = 1_000;
const minutes = 60 * seconds;

/** EC2 checks an instance once a minute; impaired for less than this it often comes back by itself. */
export const impairedForMs: DurationMs = 180 * seconds;

/** Out of service: no job is put there. */
export const isOut = ({ isDown, isDrained, isFailing }: NodeState): boolean =>
  isDown || isDrained || isFailing;
/** Powered down, or on its way there, and no job's. */
const isOff = ({ power, isBusy }: NodeState): boolean =>
  !isBusy && (power === 'saved' || power === 'powering-down');
const isUp = ({ slurm }: NodeFacts): boolean => slurm.power === 'up';
const isIdle = (facts: NodeFacts): boolean => isUp(facts) && !facts.slurm.isBusy;
const isLeased = ({ lease }: NodeFacts): boolean => lease !== 'none';
const isSick = ({ instance }: NodeFacts): boolean => instance === 'impaired';

/**
 * What Slurm does not list, while it lists others, was taken out of slurm.conf: no call of SuspendProgram comes for it, and there
 * is no state to judge it by. A muster that is at it (`open`) has its own answer to wait for.
 */
export function judgeUnlisted(affair: Affair): NamedRule | null {
  if (affair === 'open') return null;
  return {
    name: 'unlisted',
    when: () => true,
    verdict: affair === 'boot' ? 'end-boot' : 'end-instance',
    // A slurmctld that reads its files again may have fewer for a moment.
    graceMs: 10 * minutes,
    code: 'NodeUnlisted',
    says: 'Slurm has the node no more, and its instance runs on',
  };
}

export const rules = [
  // Who must not be touched.
  {
    name: 'reserved',
    // A person, or a maintenance, has the node: it may look as wrong as it likes.
    when: ({ slurm }) => slurm.isReserved,
    verdict: 'leave',
    graceMs: 0,
    code: null,
    says: 'it is in a reservation',
  },
  {
    name: 'suspend-lost-at-boot',
    // Its slurmd had come and was not seen in service, as a person had set the node down, or a person had it powered down
    // before. Its boot would be waited for for ever, and as long as it is no other rule looks at the node.
    when: (facts) =>
      facts.affair === 'boot' &&
      facts.instance !== 'unknown' &&
      isLeased(facts) &&
      isOff(facts.slurm) &&
      !facts.slurm.isDown,
    verdict: 'end-boot',
    graceMs: 60 * seconds,
    code: 'SuspendLost',
    says: 'Slurm has powered it down before it was seen in service, and its instance runs on',
  },
  {
    name: 'sick-at-birth',
    // The deadline of the boot would come to the same, minutes later. One that Slurm has up has registered since muster's last
    // look at it, and may be at work.
    when: (facts) =>
      facts.affair === 'boot' && facts.lease === 'given' && isSick(facts) && !isUp(facts),
    verdict: 'fail-boot',
    graceMs: 0,
    code: 'InstanceImpaired',
    says: 'EC2 reports its instance as impaired, and its slurmd has not registered',
  },
  {
    name: 'in-hand',
    // Two hands on one node would undo each other. A boot has a deadline of its own, and absence at birth is not death:
    // EC2's listings lag behind its launches.
    when: ({ affair }) => affair !== 'none',
    verdict: 'leave',
    graceMs: 0,
    code: null,
    says: 'muster is at it already',
  },
  {
    name: 'unseen',
    when: (facts) => isLeased(facts) && facts.instance === 'unknown',
    verdict: 'leave',
    graceMs: 0,
    code: null,
    says: 'EC2 has not said how its instance is',
  },

  // What EC2 says: without an instance nothing runs there, whatever Slurm believes.
  {
    name: 'instance-ended',
    when: (facts) => isLeased(facts) && facts.instance === 'ended',
    verdict: 'lose-instance',
    graceMs: 0,
    code: 'InstanceEnded',
    says: 'its instance has ended',
  },
  {
    name: 'instance-absent',
    // Ended so long ago that EC2 shows it no more; one listing without it may be a stale one.
    when: (facts) => isLeased(facts) && facts.instance === 'absent',
    verdict: 'lose-instance',
    graceMs: 5 * minutes,
    code: 'InstanceEnded',
    says: 'EC2 does not know its instance any more',
  },

  // Away for a while, by somebody's wish.
  {
    name: 'reboot-stuck',
    // Slurm takes a node that reboots for down, and gives up on it after ResumeTimeout.
    when: (facts) =>
      facts.slurm.isRebooting && facts.slurm.isDown && isIdle(facts) && isLeased(facts),
    verdict: 'release',
    graceMs: 30 * minutes,
    code: 'NodeOutOfService',
    says: 'it has been rebooting for half an hour',
  },
  {
    name: 'rebooting',
    when: ({ slurm }) => slurm.isRebooting,
    verdict: 'leave',
    graceMs: 0,
    code: null,
    says: 'it reboots',
  },

  // Powered down, or about to be.
  {
    name: 'suspend-lost',
    // Slurm called SuspendProgram when it powered the node down; the call did not come, or the ledger that took it is gone.
    when: (facts) => isLeased(facts) && isOff(facts.slurm),
    verdict: 'end-instance',
    graceMs: 60 * seconds,
    code: 'SuspendLost',
    says: 'Slurm has powered it down, and its instance runs on',
  },
  {
    name: 'powering-down',
    when: ({ slurm }) => slurm.power === 'powering-down' || slurm.power === 'down-wanted',
    verdict: 'leave',
    graceMs: 0,
    code: null,
    says: 'Slurm powers it down',
  },
  {
    name: 'kept-out',
    // Down or drained by a person, with no instance that costs: it stays out until that person takes it back.
    when: (facts) => !isLeased(facts) && isOut(facts.slurm) && facts.reasonBy === 'person',
    verdict: 'leave',
    graceMs: 0,
    code: null,
    says: 'a person keeps it out of service',
  },
  {
    name: 'left-out',
    // Its way back into service was lost: a failed command of muster's, or a ResumeFail call that never came. Muster's own
    // reason is left to be read until then.
    when: (facts) => facts.slurm.power === 'saved' && !facts.slurm.isBusy && isOut(facts.slurm),
    verdict: 'bring-back',
    graceMs: 11 * minutes,
    code: null,
    says: 'it is powered down and out of service, and nobody will bring it back',
  },
  {
    name: 'silent-off',
    // Nodes were found that Slurm gave to no job in this state, for ever, until they were powered down by force. What muster
    // has undrained looks the same and is none of these (fleet-facts.ts).
    when: ({ slurm }) =>
      slurm.power === 'saved' && !slurm.isBusy && !isOut(slurm) && !slurm.isResponding,
    verdict: 'bring-back',
    graceMs: 11 * minutes,
    code: null,
    says: 'it is powered down, and Slurm waits for its slurmd',
  },
  {
    name: 'powered-down',
    when: ({ slurm }) => slurm.power === 'saved',
    verdict: 'leave',
    graceMs: 0,
    code: null,
    says: 'it is powered down',
  },

  // Powering up, and muster does not know what for: its job waits, and would until ResumeTimeout.
  {
    name: 'request-lost',
    when: (facts) => facts.slurm.power === 'powering-up' && !isLeased(facts),
    verdict: 'give-back',
    graceMs: 3 * minutes,
    code: 'RequestLost',
    says: 'Slurm powers it up, and its request never came',
  },
  {
    name: 'boot-of-old-instance',
    // The request to suspend it was lost, and the one to resume it took the instance that it still had for the boot's.
    when: ({ slurm, lease }) => slurm.power === 'powering-up' && lease === 'registered',
    verdict: 'give-back',
    graceMs: 60 * seconds,
    code: 'RequestLost',
    says: 'Slurm powers it up anew, and the instance that it has from before does not register again',
  },
  {
    name: 'boot-forgotten',
    // Slurm powered it down and up again without muster's hearing of either; the old instance does not register again.
    when: ({ slurm }) => slurm.power === 'powering-up',
    verdict: 'give-back',
    graceMs: 10 * minutes,
    code: 'RequestLost',
    says: 'Slurm powers it up, and nobody waits for its instance',
  },

  // Up, with something running on it: that is never cut short.
  {
    name: 'sick-at-work',
    when: (facts) => isLeased(facts) && isSick(facts) && facts.slurm.isBusy && !isOut(facts.slurm),
    verdict: 'drain',
    graceMs: 0,
    code: 'InstanceImpaired',
    says: 'EC2 reports its instance as impaired',
  },
  {
    name: 'event-at-work',
    when: (facts) =>
      isLeased(facts) && facts.instance === 'event' && facts.slurm.isBusy && !isOut(facts.slurm),
    verdict: 'drain',
    graceMs: 0,
    code: 'ScheduledEvent',
    says: 'AWS has scheduled an event for its instance',
  },
  {
    name: 'at-work',
    when: ({ slurm }) => slurm.isBusy,
    verdict: 'leave',
    graceMs: 0,
    code: null,
    says: 'something runs on it',
  },

  // Up and idle.
  {
    name: 'nobody-behind',
    // No instance of muster's: a power-down that was lost after the instance had ended.
    when: (facts) => !isLeased(facts),
    verdict: 'release',
    graceMs: 5 * minutes,
    code: 'NoInstance',
    says: 'Slurm has it up, and muster has no instance for it',
  },
  {
    name: 'down',
    // A slurmd that was only slow registers again within this time, and Slurm takes it back.
    when: ({ slurm }) => slurm.isDown,
    verdict: 'release',
    graceMs: 30 * seconds,
    code: 'NodeOutOfService',
    says: 'it is down, and its instance is paid for',
  },
  {
    name: 'drained',
    // The machine, not the node's name, is what was wrong: the node's next instance is another one.
    when: (facts) => isOut(facts.slurm),
    verdict: 'release',
    graceMs: 60 * seconds,
    code: 'NodeOutOfService',
    says: 'it is drained and idle, and its instance is paid for',
  },
  {
    name: 'sick',
    when: isSick,
    verdict: 'release',
    graceMs: 0,
    code: 'InstanceImpaired',
    says: 'EC2 reports its instance as impaired',
  },
  {
    name: 'event',
    when: ({ instance }) => instance === 'event',
    verdict: 'release',
    graceMs: 0,
    code: 'ScheduledEvent',
    says: 'AWS has scheduled an event for its instance',
  },
  {
    name: 'shut',
    when: ({ isShut }) => isShut,
    verdict: 'release',
    graceMs: 60 * seconds,
    code: 'PartitionInactive',
    says: 'its partitions are inactive, and its instance is paid for',
  },
  {
    name: 'in-order',
    // An idle node costs until SuspendTime, as its owner has set it.
    when: () => true,
    verdict: 'leave',
    graceMs: 0,
    code: null,
    says: 'it is in order',
  },
] as const satisfies readonly Rule[];

export type RuleName = (typeof rules)[number]['name'] | 'unlisted';

export type NamedRule = Rule & { readonly name: RuleName };

/** The first rule that fits. */
export function judgeNode(facts: NodeFacts): NamedRule {
  const found = rules.find(({ when }) => when(facts));
  if (found === undefined) throw new Error('the table has no rule for all');
  return found;
}
