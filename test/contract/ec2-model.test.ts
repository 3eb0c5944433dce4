/** The contract, driven in process. */
import { describe } from 'vitest';
import { makeModelDriver } from './model-driver.ts';
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

describe('EC2, the model in process', () => {
  launchContract(makeModelDriver);
  tokenContract(makeModelDriver);
  describeContract(makeModelDriver);
  limitContract(makeModelDriver);
  reservationContract(makeModelDriver);
  reservationLifeContract(makeModelDriver);
  fleetContract(makeModelDriver);
  healthContract(makeModelDriver);
  spotContract(makeModelDriver);
  cloudContract(makeModelDriver);
  capacityCloudContract(makeModelDriver);
});
