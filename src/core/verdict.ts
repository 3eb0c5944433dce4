/**
 * What an EC2 error means: one table from code to verdict. The codes are EC2's own
 * (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html), `Timeout` and `ConnectionError` are
 * the adapter's for a call whose answer was lost. A code that is not listed is `unknown`, which is treated as a refusal.
 */

/**
 * - `capacity`: EC2 has no room there now; another size, place or time may help.
 * - `never-here`: the type is not offered in the zone.
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
  InsufficientCapacity: 'capacity',
  UnfulfillableCapacity: 'capacity',
  SpotMaxPriceTooLow: 'capacity',
  InsufficientCapacityOnOutpost: 'capacity',
  ReservationCapacityExceeded: 'capacity',
  InsufficientFreeAddressesInSubnet: 'capacity',
  Unsupported: 'never-here',
  VcpuLimitExceeded: 'quota',
  InstanceLimitExceeded: 'quota',
  MaxSpotInstanceCountExceeded: 'quota',
  VolumeLimitExceeded: 'quota',
  RequestLimitExceeded: 'throttle',
  Throttling: 'throttle',
  ThrottlingException: 'throttle',
  InternalError: 'transient',
  InternalFailure: 'transient',
  ServiceUnavailable: 'transient',
  Unavailable: 'transient',
  RequestTimeout: 'transient',
  Timeout: 'transient',
  ConnectionError: 'transient',
  UnauthorizedOperation: 'configuration',
  AuthFailure: 'configuration',
  OptInRequired: 'configuration',
  MissingParameter: 'configuration',
  IdempotentParameterMismatch: 'configuration',
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
  ['InvalidCapacityReservation', 'configuration'],
];

/** The verdict on an EC2 error code. */
export function verdictOf(code: string): Verdict {
  const exact = Object.hasOwn(byCode, code) ? byCode[code] : undefined;
  if (exact !== undefined) return exact;
  return byPrefix.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'unknown';
}
