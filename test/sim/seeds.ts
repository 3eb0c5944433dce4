/** Seeds that once broke a promise, each with its story. They are run again with every change. */
export const seeds: ReadonlyMap<number, string> = new Map([
  [
    2,
    'a give-back repeated after its power-down took the nodes down while they powered down: down for good',
  ],
  [32, 'the clock was set back, and a resume-fail looked older than the resume that it was about'],
  [61, 'an instance learnt its name after its lease had ended: scontrol had taken its time'],
  [
    65,
    'the clock was set back, suspends looked older than their resumes, and eight instances ran on',
  ],
  [112, 'scontrol did the power-down and failed: see seed 2'],
  [325, 'the registry named instances that had ended: see seed 61'],
  [342, 'the clock was set back by minutes, and instances ran on for half an hour: see seed 65'],
  [474, 'the clock was set back while muster was down, and a suspend in the spool looked old'],
  [
    603,
    'an assignment cut short by a crash was done; the gang was let go later, its nodes at work',
  ],
  [825, 'a restart repeated a power-down before it read that the node is wanted again'],
  [
    1050,
    "Slurm's model: the backfill pass cancelled the main pass of the same moment, jobs waited for ever",
  ],
  [1156, 'a spool file that could not be removed at once stayed until the next start'],
  [1684, 'a gang that was given before a crash was let go for one node that failed meanwhile'],
  [1801, 'an instance that EC2 would not end yet joined once more: allowed today'],
  [
    2115,
    'power-downs that waited for scontrol were issued again and hit the nodes of the next job',
  ],
]);
