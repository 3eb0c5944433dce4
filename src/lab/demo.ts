/** `npm run demo`: the blog post's story told to a newcomer, in plain words, on their own machine. */
import { reporting, runScenario } from './commands.ts';
import type { LabOptions } from './commands.ts';
import { alignColumns, createProgressPrinter, formatNumber } from './render.ts';
import { blog2022 } from './scenarios/blog-2022.ts';
import type { LabEvent, PhaseResult, ScenarioResult } from './world.ts';

/** c6i.32xlarge, Linux, on demand, us-east-2: AWS's list price. */
const DOLLARS_AN_HOUR = 5.44;

/** ParallelCluster's default ScaledownIdletime. */
const CUSTOMARY_IDLE_MINUTES = 10;

const intro = `muster launches the nodes of a Slurm job on EC2 all or none. This demo shows why, on this machine:
a Slurm cluster of 200 nodes (c6i.32xlarge), an EC2 that has room for 106 of them, and a job that
needs all 200. Slurm's programs, the AWS SDK and muster are real; EC2 is a simulator on this
machine, and every instance that it "boots" is a slurmd process. No AWS account is used and no
money is spent. It takes two to three minutes.

In what Slurm prints, a mark behind a node's state means: ~ off, # starting, ! and % being given back.
`;

/** What each phase means, for somebody who has not read the post. */
const story: Readonly<Record<string, string>> = {
  before: `
1. Before: take what there is.
   The job asks for 200 nodes. EC2 gives 106 instances; the job cannot start with those, so they
   boot, join the cluster and idle, and every second of them is paid for.`,
  after: `
2. After: all or none ("all_or_nothing_batch = True").
   The same job. One call asks EC2 for exactly 200 instances. EC2 refuses, nothing is launched,
   the nodes go back to Slurm and the job waits in the queue.`,
  'capacity-rises': `
3. EC2 gets room for all 200.
   Slurm tries the waiting job again by itself. Now the one call gets all 200.`,
  'no-requeue': `
4. A job that does not want to wait (--no-requeue).
   EC2 has no room again. The job is refused and leaves the queue at once.`,
};

export async function demo(options: LabOptions): Promise<number> {
  return reporting(options, async (labDir) => {
    const write = options.json ? options.stderr : options.stdout;
    write(intro);
    const print = createProgressPrinter({
      write,
      isTty: options.isTty && !options.json,
      isDetailed: !options.json,
    });
    const tell = (event: LabEvent): void => {
      if (event.kind === 'phase') write(`${story[event.name] ?? event.text}\n\n`);
      else print(event);
    };
    const outcome = await runScenario(blog2022, { ...options, labDir }, tell);
    if (outcome.kind === 'interrupted') return outcome.exitCode;
    const { result } = outcome;
    options.stdout(options.json ? `${JSON.stringify(result, null, 2)}\n` : renderDemo(result));
    return result.ok ? 0 : 1;
  });
}

/** The table at the end: before and after, what was launched, what was paid for nothing. */
export function renderDemo(result: ScenarioResult): string {
  const slurm =
    result.slurm === 'real'
      ? `a real Slurm ${result.slurmVersion}`
      : `the built-in model of Slurm ${result.slurmVersion}`;
  const rows = result.phases
    .filter((phase) => phase.name !== 'no-requeue')
    .map((phase) => [
      labels[phase.name] ?? phase.name,
      `${phase.instances.launched} of 200`,
      phase.jobs.running > 0 ? 'runs' : 'waits',
      formatNumber(phase.instanceSecondsWithoutJob),
      formatDollars(dollars(phase)),
    ]);
  const titles = ['', 'launched', 'the job', 'instance-seconds without a job', 'list price'];
  return `
What happened, on ${slurm}:

${alignColumns(titles, rows)}

${lesson(result)}
What to type next:

  bin/muster lab run wiki-2020      twenty 50-node jobs, 300 real slurmd: six run, fourteen fail
  bin/muster lab run limits         what job mode does better than launch-batches
  bin/muster lab up                 the same cluster, for you to submit jobs to
  bin/muster plan --help            what a request would launch, without launching it
${result.ok ? '' : '\nNot everything went as expected: run "bin/muster lab run blog-2022" for the details.\n'}`;
}

const labels: Readonly<Record<string, string>> = {
  before: 'before (takes what there is)',
  after: 'after (all or none)',
  'capacity-rises': 'after, once there is room',
};

function lesson(result: ScenarioResult): string {
  const before = result.phases.find((phase) => phase.name === 'before');
  if (before === undefined) return '';
  const idle = before.instances.launched * CUSTOMARY_IDLE_MINUTES * 60;
  return `An instance is paid for from its launch: what booting costs is in these numbers, too. The price is
the on-demand list price of c6i.32xlarge, $${DOLLARS_AN_HOUR} an hour, by the second (EC2 bills a minute at
least). The lab lets idle nodes go after seconds; with ParallelCluster's usual ${CUSTOMARY_IDLE_MINUTES} minutes the
"before" would cost ${formatDollars((idle / 3600) * DOLLARS_AN_HOUR)} every time that the job is tried.
`;
}

function dollars(phase: PhaseResult): number {
  return (phase.instanceSecondsWithoutJob / 3600) * DOLLARS_AN_HOUR;
}

function formatDollars(amount: number): string {
  return `$${amount.toFixed(2)}`;
}
