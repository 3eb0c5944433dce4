/**
 * Whether the simulator's options can be what was meant. What EC2 cannot have (a zone outside of its region) is refused: every launch
 * would miss it, in silence. What is only odd, or may be there later, is warned of.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isZoneName } from '../core/pool-words.ts';
import {
  defaultRegion,
  defaultSubnets,
  lookUpInstanceType,
  type CapacitySpec,
  type SubnetSpec,
} from '../sim/ec2/index.ts';

export interface WorldOptions {
  readonly region?: string;
  readonly subnets?: readonly SubnetSpec[];
  readonly capacity?: readonly CapacitySpec[];
}

/** Throws RangeError, with what would be right. */
export function checkWorld({
  region = defaultRegion,
  subnets = [],
  capacity = [],
}: WorldOptions): void {
  if (!/^[a-z]{2,}(?:-[a-z]+)+-\d+$/.test(region)) {
    throw new RangeError(`region ${region}: write a region such as us-east-2`);
  }
  const named = [
    ...subnets.map(({ subnetId, availabilityZone: zone }) => ({
      what: `subnet ${subnetId}`,
      zone,
    })),
    ...capacity.map(({ instanceType, availabilityZone: zone }) => ({
      what: `capacity of ${instanceType}`,
      zone,
    })),
  ];
  for (const { what, zone } of named) {
    if (isZoneName(zone) && isIn(zone, region)) continue;
    throw new RangeError(
      `${what}: ${zone} is no zone of the region ${region}: write one such as ${region}a, or name another region`,
    );
  }
}

/** A zone's letter follows its region; a local zone's place comes between them. */
function isIn(zone: string, region: string): boolean {
  const rest = zone.slice(region.length);
  return zone.startsWith(region) && /^(?:-.+)?[a-z]$/.test(rest);
}

/** Sentences for whoever started it; empty when nothing is odd. */
export function odditiesOf(
  { region = defaultRegion, subnets = defaultSubnets(region), capacity = [] }: WorldOptions,
  bootCommand: readonly string[],
  path: string | undefined,
): string[] {
  const odd: string[] = [];
  const zones = new Set(subnets.map(({ availabilityZone }) => availabilityZone));
  for (const { instanceType, availabilityZone: zone } of capacity) {
    if (lookUpInstanceType(instanceType) === null) {
      odd.push(
        `${instanceType} is no instance type that the simulator knows: launches of it are refused`,
      );
    }
    if (!zones.has(zone)) {
      odd.push(
        `no subnet is in ${zone}: nothing can be launched there (zones: ${[...zones].join(', ')})`,
      );
    }
  }
  const [program] = bootCommand;
  if (program !== undefined && !isProgram(program, path)) {
    const where = program.includes('/') ? 'is no program' : 'is in no folder of PATH';
    odd.push(`the boot command ${program} ${where}: instances will boot and run nothing`);
  }
  return [...new Set(odd)];
}

/** Found as the system will find it when an instance boots. */
function isProgram(program: string, path: string | undefined): boolean {
  const candidates = program.includes('/')
    ? [program]
    : (path ?? '/usr/bin:/bin').split(':').map((folder) => resolve(folder, program));
  return candidates.some((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}
