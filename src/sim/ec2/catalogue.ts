/**
 * Instance types: vCPUs and memory for the quota and for DescribeInstanceTypes.
 *
 * A few types are listed exactly; any other well-formed name gets numbers from its size (`4xlarge`: 16 vCPUs) and its
 * family's memory per vCPU. That is a rule of thumb, not EC2's table: the model cares for room and quota, not for
 * hardware.
 */
import type { InstanceTypeView } from './types.ts';

const listed: ReadonlyMap<string, readonly [vcpus: number, memoryMiB: number, efa: boolean]> =
  new Map([
    ['t2.nano', [1, 512, false]],
    ['t2.micro', [1, 1024, false]],
    ['t2.small', [1, 2048, false]],
    ['c5.xlarge', [4, 8192, false]],
    ['c5n.18xlarge', [72, 196_608, true]],
    ['c6i.32xlarge', [128, 262_144, true]],
    ['c6i.metal', [128, 262_144, true]],
    ['hpc6a.48xlarge', [96, 393_216, true]],
    ['hpc7a.96xlarge', [192, 786_432, true]],
    ['p4d.24xlarge', [96, 1_179_648, true]],
    ['p5.48xlarge', [192, 2_097_152, true]],
  ]);

const smallSizes: ReadonlyMap<string, number> = new Map([
  ['nano', 2],
  ['micro', 2],
  ['small', 2],
  ['medium', 2],
  ['large', 2],
  ['xlarge', 4],
  ['metal', 96],
]);

function memoryMiBPerVcpu(family: string): number {
  if (family.startsWith('c')) return 2048;
  if (family.startsWith('r')) return 8192;
  if (family.startsWith('x')) return 16_384;
  return 4096;
}

/** Null when no instance type can have that name. */
export function lookUpInstanceType(instanceType: string): InstanceTypeView | null {
  const exact = listed.get(instanceType);
  if (exact !== undefined) {
    return { instanceType, vcpus: exact[0], memoryMiB: exact[1], efaSupported: exact[2] };
  }
  const match = /^([a-z][a-z0-9-]*)\.(?:(\d{1,3})xlarge|([a-z]+)(?:-\d+xl)?)$/.exec(instanceType);
  if (match === null) return null;
  const [, family = '', multiple, size = ''] = match;
  const vcpus = multiple === undefined ? smallSizes.get(size) : Number(multiple) * 4;
  if (vcpus === undefined || vcpus === 0) return null;
  return { instanceType, vcpus, memoryMiB: vcpus * memoryMiBPerVcpu(family), efaSupported: false };
}

/** USD an hour for a vCPU, by market. */
const vcpuPrices = { 'on-demand': 0.0425, spot: 0.017 } as const;

/** USD an hour: a rule of thumb, the same in every zone, so that a fleet can put types in the order of their price. */
export function pricePerHour(vcpus: number, market: keyof typeof vcpuPrices): number {
  return vcpus * vcpuPrices[market];
}

/** The types that are listed exactly, for a describe that names none. */
export function listedInstanceTypes(): readonly string[] {
  return [...listed.keys()];
}
