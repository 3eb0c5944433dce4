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
  [
    123_239,
    'Slurm suspended nodes that were being given back before that was answered: nobody made them as good as new, and the ' +
      'heterogeneous job that had them waited for ever',
  ],
  [
    123_534,
    'a gang was let go whose job Slurm had taken back already, and muster died before its nodes were down: by the next ' +
      'start another job ran on them',
  ],
  [
    500_155,
    'the checker: a replacement that ended with its gang did not end by what EC2 had told it',
  ],
  [
    501_467,
    'a node that Slurm suspended was taken down a moment later, by a call that waited, and stayed down',
  ],
  [
    7_201_111,
    'Slurm refused to be told again of a node that it knew from another gang, and the job that ran there lost it',
  ],
  [7_201_455, 'the checker: a node whose instance EC2 takes its time to end counted as alive'],
  [
    7_201_753,
    'a late hold on the second component of a heterogeneous job kept the whole of it waiting for ever',
  ],
  [
    7_401_155,
    'while Slurm was told of a gang its job was cancelled: its instances learned their names all the same, and its nodes ' +
      'were of another gang by then, which was not whole yet',
  ],
  [
    7_401_793,
    'launches whose instances lacked their addresses kept the others of their gang waiting, which went out after its job was ' +
      'gone',
  ],
  [
    7_601_555,
    'Slurm set a node down whose slurmd had died, and the fleet had it powered down: nobody made it as good as new, and a ' +
      'heterogeneous job waited for it for ever, with all others of its queue behind it',
  ],
  [
    7_700_357,
    'Slurm did not say that the jobs were one heterogeneous job: one component was held, and the others waited for ever without ' +
      'a word',
  ],
  [
    7_701_653,
    'Slurm set down and suspended a node whose slurmd had died while muster was away: nobody made it as good as new',
  ],
  [
    7_900_250,
    'two jobs that shared a node of which Slurm asked for the others too slowly took turns in failing, until ResumeTimeout was over',
  ],
  [7_901_873, "Slurm's model: a job that was cancelled while it was cleared away came back"],
  [
    8_000_103,
    'a release waited for its turn behind slow calls until its node was in its next life, and powered it down there',
  ],
  [8_000_587, 'a node that was down came back and got a job while its release waited for its turn'],
  [8_100_762, "the checker: an instance from before the ledger began is none of muster's business"],
  [8_400_454, 'the checker: what came late of a launch that was given up counted as a spare'],
  [
    8_401_471,
    'the checker: a gang was launched before the zones were known, and judged by what was known later',
  ],
  [
    8_500_749,
    'a best-effort job of which EC2 could not launch every instance in time was tried again every minute, for ever',
  ],
  [
    8_501_762,
    'a static set that was launched before the zones were known looked for its rung by a name that it had no more',
  ],
  [
    8_700_024,
    'the checker: the request of a node was lost, and the one of its life before was taken for it',
  ],
  [
    8_801_076,
    'the checker: an instance that was handed over counted for its new gang after its end',
  ],
  [
    8_802_830,
    'an administrator had a node released, which waited twenty seconds for its turn: Slurm had powered the node up by then',
  ],
  [
    8_900_127,
    'a node that had died was given back in the very look that showed another job on it: that got a new instance for a node that ' +
      'went down',
  ],
  [
    8_901_700,
    'the ledger was away, looks piled up, and each of them formed a gang for the same silent job',
  ],
  [
    9_115_427,
    'a node that was down by hand came up unseen, and the call to suspend it was lost: its boot was awaited for ever, and its ' +
      'instance ran on',
  ],
  [
    9_138_202,
    'a component of a heterogeneous job started by itself, and the note went that said why its leader was held',
  ],
  [
    9_201_475,
    'Slurm took a minute to tell which nodes were up, and one whose instance had ended was taken down in its next life',
  ],
  [
    9_210_275,
    'the checker: a request that a start found in the spool once more, refused by then, was taken for a new one',
  ],
  [
    51001362,
    'an assignment that was repeated after a restart was refused, and the nodes, at work since before it, were taken down',
  ],
  [
    9_160_316,
    'a look that saw a heterogeneous job run again, after the loss of a node, took away the note that said why it was held since',
  ],
  [
    9_161_750,
    "after the clock was set back muster told Slurm StartTimes by its own steady time, minutes ahead of slurmctld's",
  ],
  [
    414_833_854,
    'the second component of a heterogeneous job, which ran alone while its refused leader waited, lost its node after muster ' +
      'had woken the job: it came back with a wait of its own, and nobody looked at the job again',
  ],
  [
    71_001_995,
    'the call to suspend a node was lost, and the one to resume it took the instance that it still had, which registers no ' +
      'more: its job waited until ResumeTimeout',
  ],
]);
