/** `muster node ...` on the command line. */
import type { Command } from 'commander';
import { addNodeActions } from './operate-commands.ts';
import type { UserDataOptions } from './node.ts';

export function addNodeCommands(program: Command, configOption: readonly [string, string]): void {
  const node = program
    .command('node')
    .description('Nodes: what runs on an instance; release or replace one');
  addNodeActions(node, configOption);
  node
    .command('script')
    .description(
      'Prints muster-node, the program that an instance runs: it learns its node name, keeps slurmd running, and ends the instance when its cluster is gone.',
    )
    .action(async () => {
      const { runNodeScript } = await import('./node.ts');
      process.exitCode = runNodeScript();
    });
  node
    .command('user-data')
    .description(
      "Prints cloud-init's user data for the launch template: muster-node and the service that runs it.",
    )
    .option('--head-node <host>', 'by the name that instances reach it (default: this host)')
    .option(
      '--registry <host:/path>',
      "what instances mount by NFS, read-only (default: the head node's registry folder)",
    )
    .option(
      '--slurmd-options <options>',
      'how slurmd finds its configuration (default: --conf-server HEAD-NODE)',
    )
    .option(
      '--gone-after <time>',
      'an instance without a job that hears neither of muster nor of slurmctld for so long shuts down; 0s: never',
      '10m',
    )
    .option(...configOption)
    .addHelpText(
      'after',
      `
Put it into the launch templates of the fleet, for example:

  muster node user-data --head-node head-node > user-data.yaml
  aws ec2 create-launch-template-version --launch-template-name demo-queue1-c5xlarge --source-version '$Latest' \\
    --launch-template-data "{\\"UserData\\":\\"$(base64 -w0 user-data.yaml)\\"}"

The image needs slurmd, munge with the cluster's key, and an NFS client; instances must be launched with the shutdown
behaviour "terminate", as muster launches them. Nothing else in the image may start slurmd.`,
    )
    .action(async (options: UserDataOptions) => {
      const { runUserData } = await import('./node.ts');
      process.exitCode = runUserData(options);
    });
}
