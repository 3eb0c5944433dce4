/** `muster lab up`: a cluster to play with. It runs on, without the process that made it, until `lab down`. */
import type { PlanMode } from '../core/settings.ts';
import { BadUsage } from './bad-usage.ts';
import { availableSlurm, reporting } from './commands.ts';
import type { LabOptions } from './commands.ts';
import { labPaths, releaseHold } from './lab-dir.ts';
import { openRealWorld } from './real-world.ts';
import {
  labUpFiles,
  LAB_UP_NODES,
  LAB_UP_ROOM,
  LAB_UP_SPEC,
  LAB_UP_TYPE,
} from './scenarios/blog-2022.ts';

export interface LabUpOptions extends LabOptions {
  /** As it was typed; absent: job, muster's own default. */
  readonly mode?: string;
}

/** What `--json` prints, and what the text is made of. */
export interface LabUp {
  readonly labDir: string;
  readonly mode: PlanMode;
  readonly slurmVersion: string;
  readonly slurmConf: string;
  readonly ec2sim: string;
  readonly config: string;
  readonly log: string;
  /** The folder of Slurm's commands, where they are not this machine's own. */
  readonly programs?: string;
}

/** The post's 200 nodes, room for 106, muster all-or-nothing. */
export async function labUp(options: LabUpOptions): Promise<number> {
  return reporting(options, async (labDir) => {
    const mode = modeFrom(options.mode);
    if (options.uid !== 0) {
      options.stderr(
        `muster lab: "lab up" needs root, and you are user ${options.uid ?? 'unknown'}; nothing was started. ` +
          `"${options.calledAs} lab run" and "${options.calledAs} lab demo" work without, on the built-in model of Slurm.\n`,
      );
      return 1;
    }
    const availability = await availableSlurm(options);
    if (availability.kind === 'model') {
      options.stderr(
        `muster lab: ${availability.why} "lab up" needs it; nothing was started. "${options.calledAs} lab run" works without.\n`,
      );
      return 1;
    }
    const up = await bringUp(options, labDir, mode);
    options.stdout(
      options.json ? `${JSON.stringify(up, null, 2)}\n` : upText(up, options.calledAs),
    );
    return 0;
  });
}

function modeFrom(said: string | undefined): PlanMode {
  if (said === undefined) return 'job';
  if (said === 'job' || said === 'node-list') return said;
  throw new BadUsage(`--mode is job or node-list, not "${said}"; nothing was started`);
}

async function bringUp(options: LabOptions, labDir: string, mode: PlanMode): Promise<LabUp> {
  const progress = (): void => undefined;
  const world = await openRealWorld({ ...options, labDir, spec: LAB_UP_SPEC, progress });
  try {
    await world.cloud.setCapacity(LAB_UP_TYPE, LAB_UP_SPEC.zone, LAB_UP_ROOM);
    await world.muster.start(labUpFiles(mode));
    releaseHold(labPaths(labDir));
  } catch (error: unknown) {
    await world.close();
    throw error;
  }
  return {
    labDir,
    mode,
    slurmVersion: world.slurm.version,
    slurmConf: world.slurm.slurmConfPath,
    ec2sim: world.endpoint,
    config: world.configPath,
    log: world.logPaths[0] ?? '',
    ...(options.slurmRoot === undefined ? {} : { programs: labPaths(labDir).programs }),
  };
}

/** What to know of each mode, and what becomes of the smaller of two jobs. */
const modeWords: Readonly<Record<PlanMode, { readonly about: string; readonly smaller: string }>> =
  {
    job: {
      about: `Mode job, muster's default: each job is launched whole or not at all, whatever happens to others.
(With --mode node-list: launch-batches, as in ParallelCluster 2.10.)`,
      smaller: 'runs',
    },
    'node-list': {
      about: `Mode node-list, as in ParallelCluster 2.10: nodes are launched in batches of up to 500, whatever jobs they are for.
(Without --mode node-list: mode job, muster's default, where each job is launched whole or not at all.)`,
      smaller:
        'runs, if it does not start in the same moment as the other: one batch, refused as a whole',
    },
  };

/** What to type, each line as it stands: `muster` is how the person called it. */
export function upText(up: LabUp, muster: string): string {
  const { about, smaller } = modeWords[up.mode];
  const room = JSON.stringify({
    instanceType: LAB_UP_TYPE,
    availabilityZone: LAB_UP_SPEC.zone,
    capacity: LAB_UP_NODES,
  });
  const path = up.programs === undefined ? '' : `  export PATH=${up.programs}:$PATH\n`;
  return `A Slurm ${up.slurmVersion} is up in ${up.labDir}: ${LAB_UP_NODES} nodes, EC2 has room for ${LAB_UP_ROOM}.
${about}

  export SLURM_CONF=${up.slurmConf}
${path}  sinfo
  sbatch -N 200 --wrap "sleep 60"     # no room: none is launched, and it is tried again
  sbatch -N 100 --wrap "sleep 60"     # ${smaller}
  ${muster} status --config ${up.config}
  tail -f ${up.log}
  curl -s ${up.ec2sim}/_admin/state

Room for all of them, for the next try of the first job:

  curl -sSf -o /dev/null -X PUT -d '${room}' ${up.ec2sim}/_admin/capacity

Take it down with: ${muster} lab down --lab-dir ${up.labDir}
`;
}
