/**
 * What may go wrong in a simulated world. Each seed enables some kinds and leaves the others out (a swarm), because
 * faults also hide one another. Where a kind is injected is said beside it.
 */

export const faultKinds = {
  /** EC2 has little room, which changes (weather.ts). */
  capacity: 'EC2 refuses for want of room',
  /** EC2's real limits on calls, and launches that they refuse (ec2-line.ts). */
  throttling: 'EC2 throttles',
  /** Quota, permissions, configuration, a code that nobody knows (ec2-line.ts). */
  refusals: 'EC2 refuses for other reasons',
  /** The call is done, the answer never comes: reset, or silence (ec2-line.ts). */
  'lost-answers': 'an answer is lost',
  'slow-answers': 'an answer comes late',
  /** The call reaches EC2 only when its caller has given up, or died (ec2-line.ts). */
  'late-requests': 'a call reaches EC2 late',
  /** Describes do not show young instances (weather.ts). */
  'stale-reads': 'EC2 does not show an instance yet',
  /** The launch's answer has no addresses yet (weather.ts). */
  'no-addresses': 'EC2 shows no address yet',
  /** Instances that never boot (weather.ts). */
  'hung-boots': 'an instance never boots',
  /** Instances that end by themselves (weather.ts). */
  deaths: 'an instance dies',
  /** Spot instances that EC2 takes back (weather.ts). */
  interruptions: 'EC2 takes a spot instance back',
  /** Checks of instances fail, or EC2 schedules their end (fleet-faults.ts). */
  illness: 'an instance falls ill',
  /** Instances that muster did not launch: others', and orphans (fleet-faults.ts). */
  strangers: 'somebody starts an instance',
  /** scontrol fails, done or not done; refuses addresses (scontrol-line.ts). */
  scontrol: 'scontrol fails',
  registry: 'the registry cannot be written',
  /** A full disk: nothing can be appended for a while. */
  ledger: 'the ledger cannot be written',
  spool: 'the spool cannot be read, or keeps what was done',
  /** Muster ends between any two calls of its ports, and starts again later (life.ts). */
  crashes: 'muster is killed',
  /** Muster is stopped in order, and starts again later. */
  stops: 'muster is stopped',
  /** slurmctld is away: scontrol fails, hooks are called later, nodes cannot register. */
  slurmctld: 'slurmctld is away',
  /** The head node's clock jumps, forwards and backwards. */
  clock: 'the clock jumps',
  /** A hook could not make its request durable (world.ts). */
  'lost-hooks': "a hook's request is lost",
  /** Nodes drained, down, powered down or up by hand; partitions inactive. */
  administrators: 'an administrator changes nodes or partitions',
  /** The fleet stopped and started, nodes released and replaced (people.ts). */
  operators: 'an operator stops the fleet or takes a node',
} as const;

export type FaultKind = keyof typeof faultKinds;

export const allFaultKinds = Object.keys(faultKinds) as readonly FaultKind[];

/** Drawn apart from the others, in a part of the worlds: those without are about launching alone. */
export const peopleFaultKinds: ReadonlySet<FaultKind> = new Set([
  'lost-hooks',
  'administrators',
  'operators',
]);
