/** `muster fleet ...`, and what a person does to a node, on the command line. */
import type { Command } from 'commander';
import type { OperatorVerb } from '../cli/operate.ts';
import type { OperateOptions } from './operate.ts';
import type { StatusOptions } from './status.ts';

type Option = readonly [string, string];

const yes: Option = ['--yes', 'do not ask'];
const json: Option = ['--json', 'for programs'];

const whoDoesIt = `The daemon does it: the request goes through the spool, and is followed until it is done. When no daemon runs it waits there
for the next one, and that is said.`;
const exitCodes = 'Exit code 0: done; 1: not, or not yet; 2: bad usage or configuration';
const howItIsDone = `
It says what will end, and asks, also where nothing ends; without a terminal it needs --yes.
${whoDoesIt}
${exitCodes}, or --yes is missing where nobody can be asked.`;

export function addFleetCommands(program: Command, configOption: Option): void {
  const fleet = program
    .command('fleet')
    .description('The whole fleet: stop it, start it, see whether it runs');
  fleet
    .command('stop')
    .description(
      'Ends every instance and launches nothing until it is started. Running jobs are not waited for.',
    )
    .option(...yes)
    .option(...json)
    .option(...configOption)
    .addHelpText(
      'after',
      `
Every partition that starts jobs on nodes of the fleet is set inactive, every gang is let go, every instance is terminated
and its node powered down. Running jobs go back to the queue, or end if they may not be requeued.
${howItIsDone}`,
    )
    .action((options: OperateOptions) => operate('fleet-stop', [], options));
  fleet
    .command('start')
    .description(
      'Launches again: the partitions that the stop had set inactive go up, static sets are powered up.',
    )
    .option(...json)
    .option(...configOption)
    .addHelpText('after', `\n${whoDoesIt}\n${exitCodes}.`)
    .action((options: OperateOptions) => operate('fleet-start', [], options));
  fleet
    .command('status')
    .description('Whether the fleet runs, since when, and what was set inactive with it.')
    .option(...json)
    .option(...configOption)
    .action(async (options: StatusOptions) => {
      const { runFleetStatus } = await import('./status.ts');
      process.exitCode = await runFleetStatus(options);
    });
}

/** Below `muster node`. */
export function addNodeActions(node: Command, configOption: Option): void {
  for (const [name, verb, what, how] of [
    [
      'release',
      'release-node',
      "Terminates nodes' instances and gives the nodes back to Slurm.",
      'Frees a node that is stuck, too. A static node comes up again with its set; to keep one away, drain it.',
    ],
    [
      'replace',
      'replace-node',
      'Gets nodes another instance.',
      'A node that a gang waits for gets it at once, in the same pool; any other is released: a static one comes up again with its\nset, a dynamic one when a job wants it.',
    ],
  ] as const) {
    node
      .command(name)
      .description(
        `${what} A job on one goes back to the queue, or ends if it may not be requeued.`,
      )
      .argument('<node...>', 'names or hostlists, such as queue1-dy-c5xlarge-[1-4]')
      .option(...yes)
      .option(...json)
      .option(...configOption)
      .addHelpText('after', `\n${how}\n${howItIsDone}`)
      .action((nodes: string[], options: OperateOptions) => operate(verb, nodes, options));
  }
}

async function operate(
  verb: OperatorVerb,
  nodes: readonly string[],
  options: OperateOptions,
): Promise<void> {
  const { runOperate } = await import('./operate.ts');
  process.exitCode = await runOperate(verb, nodes, options);
}
