import { describe, expect, test } from 'vitest';
import { verdictOf, type Verdict } from './verdict.ts';

/** The table of facts/: what an operator reads in EC2's documentation. */
const codes: Record<Verdict, readonly string[]> = {
  capacity: [
    'InsufficientInstanceCapacity',
    'InsufficientHostCapacity',
    'InsufficientReservedInstanceCapacity',
    'InsufficientCapacity',
    'UnfulfillableCapacity',
    'SpotMaxPriceTooLow',
    'InsufficientCapacityOnOutpost',
    'ReservationCapacityExceeded',
    'InsufficientFreeAddressesInSubnet',
  ],
  'never-here': ['Unsupported'],
  quota: [
    'VcpuLimitExceeded',
    'InstanceLimitExceeded',
    'MaxSpotInstanceCountExceeded',
    'VolumeLimitExceeded',
  ],
  throttle: ['RequestLimitExceeded', 'Throttling', 'ThrottlingException'],
  transient: [
    'InternalError',
    'InternalFailure',
    'ServiceUnavailable',
    'Unavailable',
    'RequestTimeout',
    'Timeout',
    'ConnectionError',
  ],
  configuration: [
    'UnauthorizedOperation',
    'AuthFailure',
    'OptInRequired',
    'MissingParameter',
    'IdempotentParameterMismatch',
    'InvalidParameterValue',
    'InvalidParameterCombination',
    'InvalidAMIID.NotFound',
    'InvalidSubnetID.NotFound',
    'InvalidLaunchTemplateName.NotFoundException',
    'InvalidGroup.NotFound',
    'InvalidKeyPair.NotFound',
    'InvalidPlacementGroup.Unknown',
    'InvalidCapacityReservationId.NotFound',
  ],
  unknown: [
    '',
    'SomethingNew',
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
