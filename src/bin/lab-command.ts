/** `muster lab` on the command line. */
import type { Command } from 'commander';
import type { LabFlags } from './lab.ts';
import { outliveOutput } from './output.ts';

const labDirOption = [
  '--lab-dir <dir>',
  'where it lives (default: MUSTER_LAB_DIR, then /var/tmp/muster-lab)',
] as const;

const slurmRootOption = [
  '--slurm-root <dir>',
  'use the Slurm of another system in this folder, such as debootstrap makes one (docs/lab.md)',
] as const;

export function addLabCommands(program: Command): void {
  const lab = program
    .command('lab')
    .description(
      'A real Slurm on this machine whose nodes muster launches through ec2sim. Needs root; costs nothing. (`demo` and `run` do without root, on a model of Slurm.)',
    )
    .hook('preAction', outliveOutput);
  addUp(lab);
  lab
    .command('down')
    .description('Takes it down and leaves nothing behind.')
    .option(...labDirOption)
    .option('--json', 'for programs')
    .action(async (options: LabFlags) => {
      const { runLabDown } = await import('./lab.ts');
      process.exitCode = await runLabDown(options);
    });
  lab
    .command('demo')
    .description('The main job for a newcomer: what all-or-nothing saves, in plain words.')
    .option(...labDirOption)
    .option('--json', 'for programs')
    .action(async (options: LabFlags) => {
      const { runDemo } = await import('./lab.ts');
      process.exitCode = await runDemo(options);
    });
  lab
    .command('run')
    .description(
      'Runs a scenario in a cluster of its own, and takes that down again. Without a name it lists them.',
    )
    .argument('[scenario]', 'such as wiki-2020')
    .option(...labDirOption)
    .option(...slurmRootOption)
    .option('--json', 'for programs')
    .action(async (scenario: string | undefined, options: LabFlags) => {
      const { runLabScenario } = await import('./lab.ts');
      process.exitCode = await runLabScenario(scenario, options);
    });
}

function addUp(lab: Command): void {
  lab
    .command('up')
    .description('Brings a cluster up to play with: 200 nodes, room for 106.')
    .option(
      '--mode <mode>',
      'job: each job whole or not at all; node-list: launch-batches, as in ParallelCluster 2.10 (default: job)',
    )
    .option(...labDirOption)
    .option('--json', 'for programs')
    .option(...slurmRootOption)
    .addHelpText(
      'after',
      `
It prints what to type, and runs on until 'lab down'.`,
    )
    .action(async (options: LabFlags) => {
      const { runLabUp } = await import('./lab.ts');
      process.exitCode = await runLabUp(options);
    });
}
