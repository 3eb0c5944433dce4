import { describe, expect, test } from 'vitest';
import { verdictOf, type Verdict } from './verdict.ts';

/** The table of facts/: what an operator reads in EC2's documentation. */
const codes: Record<Verdict, readonly string[]> = {
  capacity: [
    'InsufficientInstanceCapacity',
    'InsufficientHostCapacity',
    'InsufficientReservedInstanceCapacity',
    'InsufficientReservedInstancesCapacity',
    'InsufficientCapacityOnHost',
    'InsufficientVolumeCapacity',
    'InsufficientAddressCapacity',
    'InsufficientCapacity',
    'UnfulfillableCapacity',
    'SpotMaxPriceTooLow',
    'InsufficientCapacityOnOutpost',
    'ReservationCapacityExceeded',
    'InsufficientFreeAddressesInSubnet',
    'InvalidCapacityReservationState',
    'InvalidCapacityReservationState.PendingActivation',
  ],
  'never-here': [
    'Unsupported',
    'UnsupportedOperation',
    'InvalidFleetConfiguration',
    'VolumeTypeNotAvailableInZone',
  ],
  quota: [
    'VcpuLimitExceeded',
    'InstanceLimitExceeded',
    'MaxSpotInstanceCountExceeded',
    'MaxSpotFleetRequestCountExceeded',
    'VolumeLimitExceeded',
    'VolumeIOPSLimit',
    'MaxIOPSLimitExceeded',
    'NetworkInterfaceLimitExceeded',
    'ResourceLimitExceeded',
  ],
  throttle: ['RequestLimitExceeded', 'Throttling', 'ThrottlingException', 'EC2ThrottledException'],
  transient: [
    'InternalError',
    'InternalFailure',
    'ServerInternal',
    'RetryableError',
    'ServiceUnavailable',
    'Unavailable',
    'RequestTimeout',
    'Timeout',
    'ConnectionError',
  ],
  configuration: [
    'UnauthorizedOperation',
    'OperationNotPermitted',
    'AuthFailure',
    'OptInRequired',
    'Blocked',
    'PendingVerification',
    'SignatureDoesNotMatch',
    'TagPolicyViolation',
    'TagLimitExceeded',
    'MissingParameter',
    'UnknownParameter',
    'ValidationError',
    'IdempotentParameterMismatch',
    'InvalidFleetConfig',
    'UnsupportedException',
    'ResourceCountExceeded',
    'RequestResourceCountExceeded',
    'UnsupportedTenancy',
    'InvalidParameterValue',
    'InvalidParameterCombination',
    'InvalidAMIID.NotFound',
    'InvalidSubnetID.NotFound',
    'InvalidLaunchTemplateName.NotFoundException',
    'InvalidGroup.NotFound',
    'InvalidKeyPair.NotFound',
    'InvalidPlacementGroup.Unknown',
    'InvalidCapacityReservationId.NotFound',
    'InvalidInstanceType',
    'InvalidInstanceAttributeValue',
    'InvalidBlockDeviceMapping',
    'InvalidSnapshot.NotFound',
    'InvalidNetworkInterfaceID.NotFound',
    'InvalidInterface.IpAddressLimitExceeded',
    'InvalidSecurityGroupID.NotFound',
    'InvalidIamInstanceProfileArn.Malformed',
    'InvalidAvailabilityZone',
    'InvalidZone.NotFound',
    'InvalidLaunchTargets',
    'InvalidClientTokenId',
  ],
  unknown: [
    '',
    'SomethingNew',
    'InvalidInstanceID.NotFound',
    'insufficientinstancecapacity',
    'constructor',
    '__proto__',
    'toString',
  ],
};

describe('the verdict on an EC2 error code', () => {
  for (const [verdict, list] of Object.entries(codes)) {
    for (const code of list) {
      test(`${JSON.stringify(code)} is ${verdict}`, () => {
        expect(verdictOf(code)).toBe(verdict);
      });
    }
  }
});
