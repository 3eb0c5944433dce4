/**
 * Seeds that once broke a promise, each with its story. They are run again with every change. A seed tells its story only
 * as long as its world stays as it is: whoever changes what the dice are thrown for looks for another one that does, by
 * undoing the cure.
 */
export const seeds: ReadonlyMap<number, string> = new Map([
  [1, 'a spool file that could not be removed at once stayed until the next start'],
  [2, 'a give-back repeated after its power-down downed the nodes as they powered down: for good'],
  [32, 'the clock was set back, suspends looked older than their resumes, and instances ran on'],
  [65, 'the same, with jumps of minutes in both directions'],
  [112, 'scontrol did the power-down and said that it failed: see seed 2'],
  [325, 'an instance learnt its name after its lease had ended: scontrol had taken its time'],
  [
    342,
    'the clock was set back by eight minutes, and instances ran on for half an hour: see seed 32',
  ],
  [474, 'the clock was set back while muster was down, and a suspend in the spool looked old'],
  [683, 'a restart repeated a power-down before it read that the nodes are wanted again'],
  [756, 'the same, for a power-down that was put off and not cut short'],
  [2063, "Slurm's model: the backfill pass cancelled the main pass of the same moment for good"],
  [2115, 'power-downs that waited for scontrol were issued again and hit the next job'],
  [13594, 'an effect ran although a later turn of its commit had ended it'],
  [
    459743492,
    'EC2 hung on terminations, others waited for the lane with their names, and the next life shared them',
  ],
]);
