/**
 * What the core must know of the configuration: one typed, validated value that enters as an event.
 * It is plain JSON, because events are written to the ledger. Reading and checking files is `config/`.
 */

/** Which sets of nodes are useful only together: each job's, or ParallelCluster's launch-batches. */
export type PlanMode = 'job' | 'node-list';

/** ParallelCluster's three words for what a launch does when EC2 has too little. */
export type ScalingStrategy = 'all-or-nothing' | 'greedy-all-or-nothing' | 'best-effort';

export type CapacityType = 'on-demand' | 'spot' | 'capacity-block';

/** How a gang that one call cannot hold is made whole: capacity reserved first, or launched and taken back. */
export type GangStrategy = 'reserve' | 'launch';

/** One place that capacity can come from. What is null is as the compute resource's launch source has it. */
export interface Pool {
  readonly instanceType: string | null;
  readonly subnetId: string | null;
  readonly market: CapacityType;
  /** A reservation or capacity block of the site's own to launch into. */
  readonly reservationId: string | null;
}

/** How RunInstances is told what to launch. */
export type LaunchSource =
  | { readonly kind: 'launch-template'; readonly name: string; readonly version: string }
  | {
      readonly kind: 'instance-type';
      readonly instanceType: string;
      readonly imageId: string | null;
      readonly subnetId: string;
      readonly placementGroup: string | null;
      readonly efa: boolean;
    };

/** `name` null: one that only the launch template names. */
export interface PlacementGroup {
  readonly name: string | null;
}

/** How the static nodes of a compute resource are kept. */
export interface StaticSets {
  /** All of them or none, in one zone; or each for itself. */
  readonly launch: 'all-or-nothing' | 'best-effort';
  /** What takes the place of a node that is lost: another node in its zone, or, when the others idle, a whole new set. */
  readonly replace: 'node' | 'set';
}

export const defaultStaticSets: StaticSets = { launch: 'all-or-nothing', replace: 'node' };

/** How launches are made: each may be set for the cluster, a queue and a compute resource (launch-policy.ts). */
export interface LaunchPolicy {
  /** `job` mode: firm gangs, or (best-effort) whatever EC2 gives. */
  readonly scalingStrategy: ScalingStrategy;
  /** Launch-batches: firm ones (MinCount = MaxCount) or soft ones (MinCount = 1). */
  readonly allOrNothingBatch: boolean;
  /** Most instances in one RunInstances call. */
  readonly maxBatchSize: number;
  /** For gangs that need several calls. */
  readonly strategy: GangStrategy;
  /** True: the parts of a gang may be in different zones. */
  readonly spread: boolean;
  /** False: its jobs let one that EC2 refused before them, and that waits for the same pool, go first. */
  readonly greedy: boolean;
  /** Instances launched beyond a gang's size, of which the first to boot are kept. */
  readonly spares: number;
  /** How long a launch that EC2 throttles or does not answer is repeated, from the request on. */
  readonly launchPatienceMs: number;
  /** From a launch to its slurmd's registration, allowed to every instance. */
  readonly bootTimeMs: number;
  /** How long a gang waits for the call that brings its next nodes (Slurm's ResumeRate). */
  readonly assemblyPatienceMs: number;
  /** How long one rung of a ladder is tried before the next one is. */
  readonly rungPatienceMs: number;
  /** A refused job's way back: when it is tried again, and when it is held. */
  readonly retry: {
    readonly firstMs: number;
    readonly maxMs: number;
    readonly tries: number;
    readonly forMs: number;
  };
  /** How long EC2's refusals and successes are remembered, by pool and size. */
  readonly capacityMemory: { readonly refusalMs: number; readonly successMs: number };
  /** A queue is protected when so many boots of a compute resource of it have failed in a row; 0: never. */
  readonly protection: { readonly failures: number };
  /** What reservations are made for (CreateCapacityReservation's InstancePlatform). */
  readonly platform: string;
}

/** The runaway guard's (launch-limits.ts), of the cluster or of a queue. Null: no limit. */
export interface LaunchLimits {
  readonly instances: number | null;
  readonly launchesPerHour: number | null;
  readonly dollarsPerHour: number | null;
}

/** What it says of launches goes before what its queue says. */
export interface ComputeResource extends Partial<LaunchPolicy> {
  readonly name: string;
  /** Static nodes (`queue-st-cr-1..minCount`). */
  readonly minCount: number;
  /** All nodes; the dynamic ones are `queue-dy-cr-1..maxCount-minCount`. */
  readonly maxCount: number;
  /** In order of preference; the first is launched (others are the ladder's, not used yet). */
  readonly instanceTypes: readonly string[];
  readonly launch: LaunchSource;
  /** Where it is launched by a template; absent: none, or nothing is known of it. */
  readonly placementGroup?: PlacementGroup;
  /** The ladder, in order, never empty; absent: the one pool of the launch source and the queue's capacity type. */
  readonly pools?: readonly Pool[];
  /** Absent: `defaultStaticSets`. */
  readonly staticSets?: StaticSets;
}

/** What it says of launches goes before what the cluster says. */
export interface Queue extends Partial<LaunchPolicy> {
  readonly name: string;
  readonly capacityType: CapacityType;
  /** Beside the cluster's. Absent: none of its own. */
  readonly limits?: LaunchLimits;
  /** As the cluster file has them; the first is where launch templates launch. Absent: not known. */
  readonly subnetIds?: readonly string[];
  readonly computeResources: readonly ComputeResource[];
}

export interface Settings extends LaunchPolicy {
  readonly clusterName: string;
  readonly region: string;
  readonly mode: PlanMode;
  /** Most instances in one TerminateInstances call. */
  readonly terminateMaxBatchSize: number;
  /** False: nodes keep the address that Slurm has (`update_node_address`). */
  readonly updateNodeAddress: boolean;
  /** EC2's limit on RunInstances calls: so many at once, then so many a second. */
  readonly launchRequests: { readonly burst: number; readonly perSecond: number };
  /** EC2's limit on the instances that RunInstances launches: so many at once, then so many a second. */
  readonly launchInstances: { readonly burst: number; readonly perSecond: number };
  /** Slurm's ResumeTimeout: it runs from the request and nothing extends it. Null: not known. */
  readonly resumeTimeoutMs: number | null;
  /** So much before ResumeTimeout muster's own deadlines end. */
  readonly deadlineMarginMs: number;
  readonly limits: LaunchLimits;
  /** Dollars an hour, by instance type. */
  readonly prices: Readonly<Record<string, number>>;
  /** The fleet, or null when no cluster file describes it: then names are taken at their word. */
  readonly queues: readonly Queue[] | null;
}

/** Customary values; the same as ParallelCluster's where it has them. */
export const defaultSettings: Settings = {
  clusterName: 'muster',
  region: 'us-east-1',
  mode: 'job',
  scalingStrategy: 'all-or-nothing',
  allOrNothingBatch: false,
  maxBatchSize: 500,
  strategy: 'reserve',
  spread: false,
  greedy: true,
  spares: 0,
  terminateMaxBatchSize: 1000,
  updateNodeAddress: true,
  // EC2's own for an account in a region, unless AWS has raised it
  // (https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html).
  launchRequests: { burst: 5, perSecond: 2 },
  launchInstances: { burst: 1000, perSecond: 2 },
  launchPatienceMs: 5 * 60_000,
  resumeTimeoutMs: null,
  bootTimeMs: 5 * 60_000,
  deadlineMarginMs: 60_000,
  assemblyPatienceMs: 60_000,
  rungPatienceMs: 2 * 60_000,
  retry: { firstMs: 60_000, maxMs: 15 * 60_000, tries: 50, forMs: 24 * 3_600_000 },
  capacityMemory: { refusalMs: 120_000, successMs: 3_600_000 },
  // ParallelCluster's protected_failure_count.
  protection: { failures: 10 },
  platform: 'Linux/UNIX',
  limits: { instances: null, launchesPerHour: null, dollarsPerHour: null },
  prices: {},
  queues: null,
};

/** ParallelCluster's name of the launch template of a compute resource. */
export function launchTemplateName(
  cluster: string,
  queue: string,
  computeResource: string,
): string {
  return `${cluster}-${queue}-${computeResource}`;
}
