/** The stories that the model of Slurm is held to. */
import { storiesOfChoice } from './stories-of-choice.ts';
import { storiesOfDrainedNodes } from './stories-of-drained-nodes.ts';
import { storiesOfHeldJobs } from './stories-of-held-jobs.ts';
import { storiesOfHetJobs } from './stories-of-het-jobs.ts';
import { storiesOfNodes } from './stories-of-nodes.ts';
import { storiesOfTheFleet } from './stories-of-the-fleet.ts';
import type { Story } from './story.ts';

export const stories: readonly Story[] = [
  ...storiesOfNodes,
  ...storiesOfChoice,
  ...storiesOfHetJobs,
  ...storiesOfDrainedNodes,
  ...storiesOfHeldJobs,
  ...storiesOfTheFleet,
];
