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
    .action(async (queue: string, options: QueueOptions) => {
      const { runQueueStart } = await import('./queue.ts');
      process.exitCode = await runQueueStart(queue, options);
    });
}
