/** `muster queue` on the command line. */
import type { Command } from 'commander';
import type { QueueOptions } from './queue.ts';

export function addQueueCommand(program: Command, configOption: readonly [string, string]): void {
  program
    .command('queue')
    .description('A queue that is protected: start it again')
    .command('start')
    .description(
      'Launches again for a queue that was set inactive because its boots kept failing: they count from nothing, its partition goes up.',
    )
    .argument('<queue>', 'its name in the cluster file')
    .option('--json', 'for programs')
    .option(...configOption)
    .addHelpText(
      'after',
      `
The daemon does it. When none runs, the request waits in the spool for the next one, and that is said.
Exit code 0: done; 1: not, or not yet; 2: there is no such queue, or the configuration cannot be used.`,
    )
    .action(async (queue: string, options: QueueOptions) => {
      const { runQueueStart } = await import('./queue.ts');
      process.exitCode = await runQueueStart(queue, options);
    });
}
