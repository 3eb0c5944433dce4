/**
 * Subnets and their private addresses.
 *
 * Addresses are given in ascending order; freed ones are used again only when the end of the range was reached, oldest
 * first, so that an address soon after a termination does not mean another instance. As in EC2 the first four and the
 * last address of a subnet are never given.
 */
import type { SubnetView } from './types.ts';

export interface SubnetSpec {
  readonly subnetId: string;
  readonly availabilityZone: string;
  /** IPv4, `10.0.0.0/18`. A loopback range such as `127.8.0.0/16` is allowed: then instances can be real processes. */
  readonly cidr: string;
}

export interface Subnet {
  readonly spec: SubnetSpec;
  free(): number;
  /** Null when none is left. */
  allocate(): string | null;
  release(address: string): void;
}

const reservedAtStart = 4;

function parseCidr(cidr: string): { base: number; size: number } {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  const octets = (match ?? []).slice(1, 5).map(Number);
  const bits = Number(match?.[5]);
  if (match === null || octets.some((octet) => octet > 255) || bits < 8 || bits > 28) {
    throw new RangeError(
      `"${cidr}" is no IPv4 range for a subnet: write it as 10.0.0.0/18, with 8 to 28 bits`,
    );
  }
  const size = 2 ** (32 - bits);
  const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return { base: Math.floor(address / size) * size, size };
}

function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

/** Throws RangeError when the range is not an IPv4 range of 8 to 28 bits. */
export function createSubnet(spec: SubnetSpec): Subnet {
  const { base, size } = parseCidr(spec.cidr);
  const end = size - 1;
  let next = reservedAtStart;
  let freed: string[] = [];
  let freedHead = 0;
  function fromFreed(): string | null {
    const address = freed[freedHead];
    if (address === undefined) return null;
    freedHead += 1;
    if (freedHead > 1024 && freedHead * 2 > freed.length) {
      freed = freed.slice(freedHead);
      freedHead = 0;
    }
    return address;
  }
  return {
    spec,
    free: () => end - next + (freed.length - freedHead),
    allocate() {
      if (next >= end) return fromFreed();
      const address = formatAddress(base + next);
      next += 1;
      return address;
    },
    release(address) {
      freed.push(address);
    },
  };
}

/** Three zones with 16,379 addresses each. */
export function defaultSubnets(region: string): readonly SubnetSpec[] {
  return ['a', 'b', 'c'].map((letter, index) => ({
    subnetId: `subnet-0000000000000000${letter}`,
    availabilityZone: `${region}${letter}`,
    cidr: `10.0.${index * 64}.0/18`,
  }));
}

export function viewSubnet(subnet: Subnet, vpcId: string): SubnetView {
  return { ...subnet.spec, vpcId, freeAddresses: subnet.free() };
}
