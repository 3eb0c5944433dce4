/** `muster status` on the command line. */
import type { Command } from 'commander';
import type { StatusOptions } from './status.ts';

export function addStatusCommand(program: Command, configOption: readonly [string, string]): void {
  program
    .command('status')
    .description(
      'What runs, what is under way and for which job, what was refused and when it is tried again. Reads the ledger, beside the daemon.',
    )
    .option('--json', 'for programs')
    .option(...configOption)
    .addHelpText(
      'after',
      `
Of each compute resource:
  NODES    that the cluster file gives it
  WANTED   nodes that Slurm has asked for and that have no instance yet
  HELD     nodes with an instance; these are paid for
  BOOTING  of those: Slurm was given them, and their slurmd has not registered
  UP       of those: registered
  SPARES   instances beyond a gang's nodes, until it is up

Then each gang that is under way (a job's nodes, all or none) and what it waits for; jobs that were refused; capacity
reservations that are held; limits that are set, and how much of each is used. A table that would be empty is left out.
Below the first line stands who gives muster no answers that it can use, Slurm or EC2, since when and why.
The exit code is 1 while no muster works.`,
    )
    .action(async (options: StatusOptions) => {
      const { runStatus } = await import('./status.ts');
      process.exitCode = await runStatus(options);
    });
}
