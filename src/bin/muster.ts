/**
 * The command line. Every command is loaded when it is called: `muster plan` must not wait for the AWS SDK.
 * Exit codes: 0 done, 1 refused, failed or not done yet, 2 bad usage, configuration or permissions, 3 a ledger that is damaged or a
 * newer muster's, 141 nobody reads its output any more.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import type { CapacityOptions } from './capacity.ts';
import { addEc2simCommand } from './ec2sim-command.ts';
import { addLabCommands } from './lab-command.ts';
import { addLedgerCommand } from './ledger-command.ts';
import { addNodeCommands } from './node-commands.ts';
import { addFleetCommands } from './operate-commands.ts';
import { endWithOutput, outliveOutput } from './output.ts';
import { addStatusCommand } from './status-command.ts';
import { explainSystemError } from './system-error.ts';
import { addQueueCommand } from './queue-command.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

const program = new Command('muster')
  .description(
    'All-or-nothing launching of cloud nodes for Slurm on EC2: a job gets all of its instances, or none is paid for.',
  )
  .version(version)
  .showHelpAfterError("('muster --help' lists the commands, 'muster COMMAND --help' explains one)")
  .exitOverride();

const configOption = [
  '--config <file>',
  "ParallelCluster's .conf, its cluster file, or muster.yaml (default: MUSTER_CONFIG, then /etc/muster/muster.yaml, then parallelcluster_slurm_resume.conf in its usual place)",
] as const;

for (const [name, verb, what] of [
  [
    'resume',
    'resume',
    "Slurm's ResumeProgram: ask for the nodes (SLURM_RESUME_FILE names their jobs)",
  ],
  ['suspend', 'suspend', "Slurm's SuspendProgram: terminate the nodes' instances"],
  ['resume-fail', 'resume-fail', "Slurm's ResumeFailProgram: nodes that did not come up in time"],
] as const) {
  const command = program
    .command(name)
    .description(`${what}. The request is made durable; the daemon works on it.`)
    .argument('<hostlist>', 'such as queue1-dy-c5xlarge-[1-4]')
    .option(...configOption);
  if (verb === 'resume') {
    command.option(
      '--wait',
      'until every gang of the request is given to Slurm or given back; works without a daemon, too',
    );
  }
  command.addHelpText(
    'after',
    `
Unlike the hook (hooks/${name}), which takes what Slurm asks as it comes, it refuses a hostlist that cannot be read or names no node:
exit code 2, nothing is asked for.`,
  );
  command.action(async (hostlist: string, options: { config?: string; wait?: boolean }) => {
    const { runHook } = await import('./hook.ts');
    process.exitCode = await runHook(verb, hostlist, options);
  });
}

program
  .command('daemon')
  .description(
    'The controller: works on what the hooks ask for, until SIGTERM. SIGHUP reads the configuration again.',
  )
  .option(...configOption)
  .hook('preAction', outliveOutput)
  .action(async (options: { config?: string }) => {
    const { runDaemon } = await import('./daemon.ts');
    process.exitCode = await runDaemon(options);
  });

addStatusCommand(program, configOption);

program
  .command('plan')
  .description('What a request would launch: gangs, batches, RunInstances calls. Calls nothing.')
  .argument('<hostlist>', 'such as queue1-dy-c5xlarge-[1-4]')
  .option('--resume-file <file>', "the request's SLURM_RESUME_FILE, which names its jobs")
  .option('--json', 'for programs')
  .option(...configOption)
  .action(
    async (hostlist: string, options: { config?: string; resumeFile?: string; json?: boolean }) => {
      const { runPlan } = await import('./plan.ts');
      process.exitCode = runPlan(hostlist, options);
    },
  );

program
  .command('capacity')
  .description(
    'What EC2 gave and refused lately, by pool and size, as muster remembers it. Reads the ledger, beside the daemon.',
  )
  .option('--clear [pool...]', 'forget it, of one pool (named as in the table) or of all')
  .option('--json', 'for programs')
  .option(...configOption)
  .addHelpText(
    'after',
    `
A pool is one place that capacity comes from: instance type, zone, market and, for one of your own, the reservation.
What EC2 refused in a pool, muster does not ask it for again, nor for more, until the refusal is forgotten; fewer it
does ask for. Clear a pool when you know better, after AWS has given you capacity for example:

  muster capacity --clear c6i.32xlarge us-east-2b on-demand

The daemon clears it. When none runs, the request waits in the spool for the next one: exit code 1. Jobs that were refused
keep the time of their next try; 'scontrol update JobId=N StartTime=now' starts one at once.`,
  )
  .action(async (options: CapacityOptions) => {
    const { runCapacity } = await import('./capacity.ts');
    process.exitCode = await runCapacity(options);
  });

addQueueCommand(program, configOption);
addLedgerCommand(program, configOption);

const config = program
  .command('config')
  .description('The configuration: check it, show what holds, or write the slurm.conf part of it');
config
  .command('check')
  .description(
    'Reads every file and tells all that is wrong or worth knowing, with file, line and cure.',
  )
  .option('--json', 'for programs')
  .option(...configOption)
  .action(async (options: { config?: string; json?: boolean }) => {
    const { runConfigCheck } = await import('./config.ts');
    process.exitCode = runConfigCheck(options);
  });
config
  .command('show')
  .description('What holds, setting by setting, and which line of which file says so.')
  .option(
    '--effective <queue>',
    'for a queue, or for QUEUE/COMPUTE-RESOURCE (default: the cluster)',
  )
  .option('--json', 'for programs')
  .option(...configOption)
  .action(async (options: { config?: string; effective?: string; json?: boolean }) => {
    const { runConfigShow } = await import('./config.ts');
    process.exitCode = runConfigShow(options);
  });
config
  .command('slurm')
  .description(
    'Prints the part of slurm.conf that belongs to the fleet: nodes, partitions, power saving, hooks.',
  )
  .option(...configOption)
  .action(async (options: { config?: string }) => {
    const { runConfigSlurm } = await import('./config.ts');
    process.exitCode = runConfigSlurm(options);
  });

// Commander's own suggestions are of commands alone.
program
  .command('version', { hidden: true })
  .action(() => program.error("error: unknown command 'version'\n(Did you mean --version?)"));

addFleetCommands(program, configOption);
addNodeCommands(program, configOption);

addEc2simCommand(program);
addLabCommands(program);

endWithOutput();
try {
  await program.parseAsync();
} catch (error: unknown) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    const explained = explainSystemError(error);
    const said = error instanceof Error ? error.message : String(error);
    process.stderr.write(`muster: ${explained ?? said}\n`);
    if (process.env['MUSTER_DEBUG'] !== undefined)
      process.stderr.write(`${String((error as Error).stack)}\n`);
    const own = error instanceof Error && 'exitCode' in error ? Number(error.exitCode) : 1;
    process.exitCode = explained === null ? own : 2;
  }
}
