/**
 * What the core must know of the configuration: one typed, validated value that enters as an event.
 * It is plain JSON, because events are written to the ledger. Reading and checking files is `config/`.
 */

/** Which sets of nodes are useful only together: each job's, or ParallelCluster's launch-batches. */
export type PlanMode = 'job' | 'node-list';

/** ParallelCluster's three words for what a launch does when EC2 has too little. */
export type ScalingStrategy = 'all-or-nothing' | 'greedy-all-or-nothing' | 'best-effort';

export type CapacityType = 'on-demand' | 'spot' | 'capacity-block';

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

export interface ComputeResource {
  readonly name: string;
  /** Static nodes (`queue-st-cr-1..minCount`). */
  readonly minCount: number;
  /** All nodes; the dynamic ones are `queue-dy-cr-1..maxCount-minCount`. */
  readonly maxCount: number;
  /** In order of preference; the first is launched (others are the ladder's, not used yet). */
  readonly instanceTypes: readonly string[];
  readonly launch: LaunchSource;
}

export interface Queue {
  readonly name: string;
  readonly capacityType: CapacityType;
  readonly computeResources: readonly ComputeResource[];
}

export interface Settings {
  readonly clusterName: string;
  readonly region: string;
  readonly mode: PlanMode;
  /** `job` mode: firm gangs, or (best-effort) whatever EC2 gives. */
  readonly scalingStrategy: ScalingStrategy;
  /** `node-list` mode: firm launch-batches (MinCount = MaxCount) or soft ones (MinCount = 1). */
  readonly allOrNothingBatch: boolean;
  /** Most instances in one RunInstances call. */
  readonly maxBatchSize: number;
  /** Most instances in one TerminateInstances call. */
  readonly terminateMaxBatchSize: number;
  /** False: nodes keep the address that Slurm has (`update_node_address`). */
  readonly updateNodeAddress: boolean;
  /** EC2's limit on RunInstances calls: so many at once, then so many a second. */
  readonly launchRequests: { readonly burst: number; readonly perSecond: number };
  /** How long a launch that EC2 throttles or does not answer is repeated, from the request on. */
  readonly launchPatienceMs: number;
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
  terminateMaxBatchSize: 1000,
  updateNodeAddress: true,
  // EC2's own for an account in a region, unless AWS has raised it
  // (https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html).
  launchRequests: { burst: 5, perSecond: 2 },
  launchPatienceMs: 5 * 60_000,
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
