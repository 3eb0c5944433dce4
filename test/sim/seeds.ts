/**
 * Seeds that once broke a promise, each with its story. They are run again with every change. A seed tells its story only
 * as long as its world stays as it is: whoever changes what the dice are thrown for looks for another one that does, by
 * undoing the cure.
 */
export const seeds: ReadonlyMap<number, string> = new Map([
  [4, 'the clock was set back, suspends looked older than their resumes, and instances ran on'],
  [10, 'a spool file that could not be removed at once stayed until the next start'],
  [20, "Slurm's model: the backfill pass cancelled a main pass that was planned for a BeginTime"],
  [51, 'the clock was set back while muster was down, and a suspend in the spool looked old'],
  [108, 'a jump of the clock made requests look older than they were: see seed 4'],
]);
