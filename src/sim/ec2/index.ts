/** The EC2 model's face: what `ec2sim`, the adapters' tests and the simulated world use of it. */
export * from './errors.ts';
export { httpStatusOf, type FaultMatch, type FaultSpec, type FaultStatus } from './faults.ts';
export { paidMs, stateAt, statusAt, type Instance } from './instances.ts';
export {
  createEc2Model,
  type Ec2Controls,
  type Ec2Model,
  type Ec2Stats,
  type Outcome,
} from './model.ts';
export type { PoolStatus } from './pools.ts';
export { defaultTimes, type CapacitySpec, type Ec2ModelOptions, type Times } from './settings.ts';
export { defaultSubnets, type SubnetSpec } from './subnets.ts';
export { ec2ThrottleLimits, type BucketLimits, type ThrottleLimits } from './throttle.ts';
export type * from './types.ts';
export type { InstanceListener } from './world.ts';
