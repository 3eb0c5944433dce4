/**
 * What an EC2 error means: one table from code to verdict. The codes are EC2's own
 * (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html), `Timeout` and `ConnectionError` are
 * the adapter's for a call whose answer was lost. A code that is not listed is `unknown`, which is treated as a refusal.
 *
 * The table does not know which call was answered: what `never-here`, `quota` or `configuration` means for a launch
 * need not hold when a reservation was refused with it, because the launch may do without.
 */

/**
 * - `capacity`: EC2 has no room there now; another size, place or time may help.
 * - `never-here`: it is not to be had there: the type not in the zone, or not with the image.
 * - `quota`: a person has to ask AWS.
 * - `throttle`: EC2 wants the same call again, later.
 * - `transient`: nobody knows whether it happened; the same call with the same token tells.
 * - `configuration`: the request, the account or its permissions are wrong; repeating is useless.
 */
export type Verdict =
  'capacity' | 'never-here' | 'quota' | 'throttle' | 'transient' | 'configuration' | 'unknown';

const byCode: Readonly<Record<string, Verdict>> = {
  InsufficientInstanceCapacity: 'capacity',
  InsufficientHostCapacity: 'capacity',
  InsufficientReservedInstanceCapacity: 'capacity',
  InsufficientReservedInstancesCapacity: 'capacity',
  InsufficientCapacityOnHost: 'capacity',
  InsufficientVolumeCapacity: 'capacity',
  InsufficientAddressCapacity: 'capacity',
  InsufficientCapacity: 'capacity',
  UnfulfillableCapacity: 'capacity',
  SpotMaxPriceTooLow: 'capacity',
  InsufficientCapacityOnOutpost: 'capacity',
  ReservationCapacityExceeded: 'capacity',
  InsufficientFreeAddressesInSubnet: 'capacity',
  Unsupported: 'never-here',
  UnsupportedOperation: 'never-here',
  InvalidFleetConfiguration: 'never-here',
  VolumeTypeNotAvailableInZone: 'never-here',
  VcpuLimitExceeded: 'quota',
  InstanceLimitExceeded: 'quota',
  MaxSpotInstanceCountExceeded: 'quota',
  MaxSpotFleetRequestCountExceeded: 'quota',
  VolumeLimitExceeded: 'quota',
  VolumeIOPSLimit: 'quota',
  MaxIOPSLimitExceeded: 'quota',
  NetworkInterfaceLimitExceeded: 'quota',
  ResourceLimitExceeded: 'quota',
  RequestLimitExceeded: 'throttle',
  Throttling: 'throttle',
  ThrottlingException: 'throttle',
  EC2ThrottledException: 'throttle',
  InternalError: 'transient',
  InternalFailure: 'transient',
  ServerInternal: 'transient',
  RetryableError: 'transient',
  ServiceUnavailable: 'transient',
  Unavailable: 'transient',
  RequestTimeout: 'transient',
  Timeout: 'transient',
  ConnectionError: 'transient',
  UnauthorizedOperation: 'configuration',
  OperationNotPermitted: 'configuration',
  AuthFailure: 'configuration',
  OptInRequired: 'configuration',
  Blocked: 'configuration',
  PendingVerification: 'configuration',
  SignatureDoesNotMatch: 'configuration',
  TagPolicyViolation: 'configuration',
  TagLimitExceeded: 'configuration',
  MissingParameter: 'configuration',
  UnknownParameter: 'configuration',
  ValidationError: 'configuration',
  IdempotentParameterMismatch: 'configuration',
  InvalidFleetConfig: 'configuration',
  // The region has no capacity reservations; launches are another matter.
  UnsupportedException: 'configuration',
  // More instances in one call than EC2 takes: smaller batches help, repeating does not.
  ResourceCountExceeded: 'configuration',
  RequestResourceCountExceeded: 'configuration',
  UnsupportedTenancy: 'configuration',
};

/** Families of codes that EC2 extends: `InvalidSubnetID.NotFound`, `InvalidParameterCombination`. */
const byPrefix: readonly (readonly [string, Verdict])[] = [
  ['InvalidParameter', 'configuration'],
  ['InvalidAMIID', 'configuration'],
  ['InvalidSubnet', 'configuration'],
  ['InvalidLaunchTemplate', 'configuration'],
  ['InvalidGroup', 'configuration'],
  ['InvalidKeyPair', 'configuration'],
  ['InvalidPlacementGroup', 'configuration'],
  // The reservation is over, or the capacity block not active yet (`.PendingActivation`, perhaps for days): its places
  // are not to be had now. No reason to keep other launches waiting, as `throttle` does, nor an open outcome.
  ['InvalidCapacityReservationState', 'capacity'],
  ['InvalidCapacityReservation', 'configuration'],
  ['InvalidInstanceType', 'configuration'],
  ['InvalidInstanceAttributeValue', 'configuration'],
  ['InvalidBlockDeviceMapping', 'configuration'],
  ['InvalidSnapshot', 'configuration'],
  ['InvalidNetworkInterface', 'configuration'],
  ['InvalidInterface', 'configuration'],
  ['InvalidSecurityGroup', 'configuration'],
  ['InvalidIamInstanceProfile', 'configuration'],
  ['InvalidAvailabilityZone', 'configuration'],
  ['InvalidZone', 'configuration'],
  ['InvalidLaunchTargets', 'configuration'],
  ['InvalidClientToken', 'configuration'],
];

/** The verdict on an EC2 error code. */
export function verdictOf(code: string): Verdict {
  const exact = Object.hasOwn(byCode, code) ? byCode[code] : undefined;
  if (exact !== undefined) return exact;
  return byPrefix.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'unknown';
}
