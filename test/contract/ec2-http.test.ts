/** The contract, driven over HTTP through the real AWS SDK. */
import { describe } from 'vitest';
import { makeHttpDriver } from './http-driver.ts';
import { capacityCloudContract } from './suite-capacity-cloud.ts';
import { cloudContract } from './suite-cloud.ts';
import { describeContract } from './suite-describe.ts';
import { fleetContract } from './suite-fleet.ts';
import { healthContract } from './suite-health.ts';
import { launchContract } from './suite-launch.ts';
import { limitContract } from './suite-limits.ts';
import { reservationLifeContract } from './suite-reservation-life.ts';
import { reservationContract } from './suite-reservations.ts';
import { spotContract } from './suite-spot.ts';
import { tokenContract } from './suite-tokens.ts';

describe('EC2, ec2sim over HTTP', () => {
  launchContract(makeHttpDriver);
  tokenContract(makeHttpDriver);
  describeContract(makeHttpDriver);
  limitContract(makeHttpDriver);
  reservationContract(makeHttpDriver);
  reservationLifeContract(makeHttpDriver);
  fleetContract(makeHttpDriver);
  healthContract(makeHttpDriver);
  spotContract(makeHttpDriver);
  cloudContract(makeHttpDriver);
  capacityCloudContract(makeHttpDriver);
});
