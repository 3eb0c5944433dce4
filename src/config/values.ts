/** Values that several of the configuration files hold, and what is right for each. */
import type { PlanMode, ScalingStrategy } from '../core/settings.ts';

export const scalingStrategies: readonly ScalingStrategy[] = [
  'all-or-nothing',
  'greedy-all-or-nothing',
  'best-effort',
];

export const planModes: readonly PlanMode[] = ['job', 'node-list'];

export function isScalingStrategy(word: string): word is ScalingStrategy {
  return scalingStrategies.some((strategy) => strategy === word);
}

/** The spellings that Python's configparser takes, in any case; null for anything else. */
export function parseIniBoolean(text: string): boolean | null {
  switch (text.toLowerCase()) {
    case '1':
    case 'yes':
    case 'true':
    case 'on':
      return true;
    case '0':
    case 'no':
    case 'false':
    case 'off':
      return false;
    default:
      return null;
  }
}

export function isRegion(text: string): boolean {
  return /^[a-z]{2,}(?:-[a-z]+)+-\d+$/.test(text);
}

export const regionHint = 'write a region such as `us-east-2`';

/** ParallelCluster's rule for the name of a cluster; launch templates are named after it. */
export function isClusterName(text: string): boolean {
  return /^[a-zA-Z][a-zA-Z0-9-]{0,59}$/.test(text);
}

export const clusterNameHint =
  'begin with a letter and use letters, digits and hyphens, at most 60 characters';

export const instanceTypeRule = {
  message: 'is not an instance type',
  params: { hint: 'write a type such as `c6i.32xlarge`' },
};

export const subnetRule = {
  message: 'is not a subnet id',
  params: { hint: 'write an id such as `subnet-12345678`' },
};

export const reservationRule = {
  message: 'is not the id of a capacity reservation',
  params: { hint: 'write an id such as `cr-0123456789abcdef0`' },
};

/** What EC2 can reserve capacity for: the platform is the image's, and a reservation of another is of no use to it. */
export const platforms: readonly string[] = [
  'Linux/UNIX',
  'Red Hat Enterprise Linux',
  'SUSE Linux',
  'Ubuntu Pro',
  'RHEL with HA',
  'RHEL with SQL Server Standard',
  'RHEL with SQL Server Enterprise',
  'RHEL with SQL Server Web',
  'RHEL with HA and SQL Server Standard',
  'RHEL with HA and SQL Server Enterprise',
  'Linux with SQL Server Standard',
  'Linux with SQL Server Web',
  'Linux with SQL Server Enterprise',
  'Windows',
  'Windows with SQL Server',
  'Windows with SQL Server Enterprise',
  'Windows with SQL Server Standard',
  'Windows with SQL Server Web',
];
