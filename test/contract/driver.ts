/**
 * What the contract suite drives: EC2 as a caller sees it, in process or over HTTP through the real SDK. The test owns
 * the clock and the model behind both.
 */
import type { CapacityCloud, Cloud } from '../../src/ports/cloud.ts';
import type {
  Actions,
  CreateFleetAnswer,
  DescribeInstanceStatusAnswer,
  Ec2Model,
  Ec2ModelOptions,
  GetConsoleOutputAnswer,
  InstanceState,
  PlacementGroupView,
  ReservationView,
  RunInstancesRequest,
  StatusCheck,
} from '../../src/sim/ec2/index.ts';

export interface SeenInstance {
  readonly instanceId: string;
  readonly state: InstanceState;
  readonly privateIp: string;
  readonly privateDnsName: string;
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly subnetId: string;
  readonly placementGroup: string;
  readonly tenancy: string;
  readonly capacityReservationId: string;
  readonly stateReason: string;
  readonly clientToken: string;
  readonly launchedAt: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface SeenPage {
  readonly instances: readonly SeenInstance[];
  readonly nextToken: string | null;
}

/** An error answer, the same from both drivers. `code` is `Timeout` or `ConnectionError` when none came. */
export class SeenError extends Error {
  readonly code: string;
  readonly status: number | null;
  readonly requestId: string | null;
  constructor(code: string, message: string, status: number | null, requestId: string | null) {
    super(message);
    this.code = code;
    this.status = status;
    this.requestId = requestId;
  }
}

type Request<A extends keyof Actions> = Actions[A]['request'];

/** Every method rejects with SeenError. */
export interface Ec2Driver {
  readonly model: Ec2Model;
  /** Moves the model's clock. */
  advance(ms: number): void;
  run(request: RunInstancesRequest): Promise<readonly SeenInstance[]>;
  describe(request: Request<'DescribeInstances'>): Promise<SeenPage>;
  status(request: Request<'DescribeInstanceStatus'>): Promise<
    readonly {
      readonly instanceId: string;
      readonly state: InstanceState;
      readonly instanceStatus: StatusCheck;
    }[]
  >;
  /** The same, all that it says. */
  statusPage(request: Request<'DescribeInstanceStatus'>): Promise<DescribeInstanceStatusAnswer>;
  console(request: Request<'GetConsoleOutput'>): Promise<GetConsoleOutputAnswer>;
  terminate(
    instanceIds: readonly string[],
  ): Promise<
    readonly { readonly id: string; readonly from: InstanceState; readonly to: InstanceState }[]
  >;
  createTags(request: Request<'CreateTags'>): Promise<void>;
  createLaunchTemplate(request: Request<'CreateLaunchTemplate'>): Promise<string>;
  createLaunchTemplateVersion(request: Request<'CreateLaunchTemplateVersion'>): Promise<number>;
  templates(
    request: Request<'DescribeLaunchTemplates'>,
  ): Promise<readonly { readonly name: string; readonly latest: number }[]>;
  templateVersions(
    request: Request<'DescribeLaunchTemplateVersions'>,
  ): Promise<readonly { readonly version: number; readonly instanceType: string | undefined }[]>;
  subnets(
    subnetIds: readonly string[],
  ): Promise<readonly { readonly subnetId: string; readonly freeAddresses: number }[]>;
  types(
    names: readonly string[],
  ): Promise<readonly { readonly name: string; readonly vcpus: number }[]>;
  zones(): Promise<readonly string[]>;
  fleet(request: Request<'CreateFleet'>): Promise<CreateFleetAnswer>;
  reserve(request: Request<'CreateCapacityReservation'>): Promise<ReservationView>;
  reservations(request: Request<'DescribeCapacityReservations'>): Promise<{
    readonly reservations: readonly ReservationView[];
    readonly nextToken: string | null;
  }>;
  modifyReservation(request: Request<'ModifyCapacityReservation'>): Promise<void>;
  cancelReservation(reservationId: string): Promise<void>;
  createPlacementGroup(request: Request<'CreatePlacementGroup'>): Promise<PlacementGroupView>;
  placementGroups(names: readonly string[]): Promise<readonly PlacementGroupView[]>;
  /** The port that muster itself uses, on the same model. */
  readonly cloud: Cloud & CapacityCloud;
  close(): Promise<void>;
}

export type MakeDriver = (options: Omit<Ec2ModelOptions, 'now'>) => Promise<Ec2Driver>;

/** Launch time-out of the drivers' cloud port: short, because lost answers are waited for. */
export const launchTimeoutMs = 2_000;

/** The tests' time: it stands still until it is moved. */
export function createTestTime() {
  let now = Date.UTC(2022, 5, 21, 23, 37, 55);
  return {
    now: () => now,
    advance(ms: number): void {
      now += ms;
    },
  };
}
