/** The EC2 model's face: what `ec2sim`, the adapters' tests and the simulated world use of it. */
export * from './errors.ts';
export { httpStatusOf, type FaultMatch, type FaultSpec, type FaultStatus } from './faults.ts';
export { reachabilityOf, statusAt, systemStatusAt } from './health.ts';
export { paidMs, reservationIdOf, stateAt, type Instance } from './instances.ts';
export type { CapacityBlockSpec } from './capacity-blocks.ts';
export type { Ec2Controls, Ec2Stats, ReservationStatus } from './controls.ts';
export type { EventSpec, PlantSpec } from './health-controls.ts';
export { createEc2Model, type Ec2Model, type Outcome } from './model.ts';
export type { PoolStatus } from './pools.ts';
export { lookUpInstanceType } from './catalogue.ts';
export {
  defaultRegion,
  defaultTimes,
  type CapacitySpec,
  type Ec2ModelOptions,
  type Times,
} from './settings.ts';
export { defaultSubnets, type SubnetSpec } from './subnets.ts';
export { ec2ThrottleLimits, type BucketLimits, type ThrottleLimits } from './throttle.ts';
export type * from './types.ts';
export type { InstanceListener, Outage } from './world.ts';
