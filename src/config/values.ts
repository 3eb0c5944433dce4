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
