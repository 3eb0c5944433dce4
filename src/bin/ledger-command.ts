/** `muster ledger` on the command line. */
import type { Command } from 'commander';
import type { LedgerOptions } from './ledger.ts';

export function addLedgerCommand(program: Command, configOption: readonly [string, string]): void {
  const ledger = program
    .command('ledger')
    .description('The ledger: look through it, or begin a new one where it is damaged or lost');
  ledger
    .command('check')
    .description('Whether all of it is as it was written. Changes nothing; a daemon may run.')
    .option('--json', 'for programs')
    .option(...configOption)
    .action(async (options: LedgerOptions) => {
      const { runLedgerCheck } = await import('./ledger.ts');
      process.exitCode = await runLedgerCheck(options);
    });
  ledger
    .command('renew')
    .description(
      'Keeps a damaged ledger aside and begins a new one, whose daemon takes over the instances that Slurm uses. Leaves a whole one alone.',
    )
    .option('--json', 'for programs')
    .option(...configOption)
    .action(async (options: LedgerOptions) => {
      const { runLedgerRenew } = await import('./ledger.ts');
      process.exitCode = await runLedgerRenew(options);
    });
}
