/** `muster ec2sim` on the command line. */
import { InvalidArgumentError, type Command } from 'commander';
import type { Ec2simCommandOptions } from '../ec2sim/command.ts';
import { defaultRegion, defaultSeed, defaultTimes, type Times } from '../sim/ec2/settings.ts';

const collect = (value: string, previous: string[] = []): string[] => [...previous, value];

const wholeNumber = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('a whole number is expected.');
  return Number(text);
};

/** Told, not given to commander: what is not typed may stand in the file. */
const time = (what: string, key: keyof Times): string =>
  `${what}, in milliseconds (default: ${defaultTimes[key]})`;

export function addEc2simCommand(program: Command): void {
  const command = program
    .command('ec2sim')
    .description(
      "EC2's API on loopback, with the capacity, the limits and the faults that you give it.",
    )
    .option('--port <n>', 'port on 127.0.0.1 (default: any free one)', wholeNumber)
    .option('--region <name>', `region (default: ${defaultRegion})`)
    .option(
      '--capacity <type@zone=n>',
      'such as c6i.32xlarge@us-east-2b=106; repeatable (default: room without end)',
      collect,
    )
    .option(
      '--subnet <id@zone=cidr>',
      'such as subnet-12345678@us-east-2b=10.0.0.0/18; repeatable (default: one in each of the zones a, b and c)',
      collect,
    )
    .option('--file <json>', 'region, seed, subnets, capacity and times from a file')
    .option('--pending-ms <n>', time('from launch to running', 'pendingMs'), wholeNumber)
    .option('--boot-ms <n>', time('from launch to booted', 'bootMs'), wholeNumber)
    .option('--boot-jitter-ms <n>', time('spread of the boot time', 'bootJitterMs'), wholeNumber)
    .option('--shutdown-ms <n>', time('from termination to terminated', 'shutdownMs'), wholeNumber)
    .option(
      '--consistency-ms <n>',
      time('how long a new instance is absent from descriptions', 'consistencyMs'),
      wholeNumber,
    )
    .option(
      '--address-delay-ms <n>',
      time('how long a new instance lacks its private address', 'addressDelayMs'),
      wholeNumber,
    )
    .option('--no-throttle', "without EC2's token buckets")
    .option('--seed <n>', `for ids and jitter (default: ${defaultSeed})`, wholeNumber)
    .argument(
      '[boot-command...]',
      'behind "--": program and arguments, run for each instance that has booted',
    )
    .option('--json', 'the address as JSON');
  command.action(async (bootCommand: string[], options: Ec2simCommandOptions) => {
    const { ec2simCommand } = await import('../ec2sim/command.ts');
    process.exitCode = await ec2simCommand({ ...options, bootCommand });
  });
}
