/** The scenarios of the lab, by name. */
import type { Scenario } from '../world.ts';
import { array } from './array.ts';
import { crashes } from './crashes.ts';
import { blog2022 } from './blog-2022.ts';
import { boots } from './boots.ts';
import { fleet } from './fleet.ts';
import { het, resumeRate, resumeRateLong } from './het.ts';
import { limits } from './limits.ts';
import { losses } from './losses.ts';
import { lostHead } from './lost-head.ts';
import { ec2Away } from './ec2-away.ts';
import { orphans } from './orphans.ts';
import { parts } from './parts.ts';
import { perQueue } from './per-queue.ts';
import { power } from './power.ts';
import { slurmAway } from './slurm-away.ts';
import { protection } from './protection.ts';
import { staticSet } from './static.ts';
import { wide } from './wide.ts';
import { wiki2020 } from './wiki-2020.ts';

export const scenarios: readonly Scenario[] = [
  blog2022,
  wiki2020,
  crashes,
  limits,
  array,
  parts,
  het,
  resumeRate,
  resumeRateLong,
  wide,
  boots,
  perQueue,
  staticSet,
  fleet,
  power,
  slurmAway,
  protection,
  orphans,
  ec2Away,
  losses,
  lostHead,
];
