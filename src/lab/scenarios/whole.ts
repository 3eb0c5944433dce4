/** What the scenarios about whole gangs share: their place in EC2, how they submit, and what they ask of a view. */
import { sbatchLine } from '../slurm-client.ts';
import { equals, holds } from '../phase.ts';
import type { Check, Phase, View } from '../phase.ts';
import { describeJob, jobIs } from '../checks.ts';
import type { JobRequest } from '../../ports/slurm-commands.ts';
import type { ScenarioWorld, WorldSpec } from '../world.ts';
import { BOOT_MS } from './files.ts';

export const PLACEMENT = { region: 'us-east-2', zone: 'us-east-2b', subnetId: 'subnet-12345678' };

export const WHOLE_SPEC: Omit<WorldSpec, 'files'> = {
  ...PLACEMENT,
  // Nothing is suspended meanwhile: what ends, muster has ended.
  suspendTimeSeconds: 300,
  bootMs: BOOT_MS,
};

export async function submit(world: ScenarioWorld, job: JobRequest): Promise<string> {
  world.progress({ kind: 'command', text: sbatchLine(job) });
  return world.slurm.submit(job);
}

/** Room for so many instances of each type, running ones included. */
export async function setRoom(
  world: ScenarioWorld,
  room: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [instanceType, count] of Object.entries(room)) {
    await world.cloud.setCapacity(instanceType, PLACEMENT.zone, count);
  }
}

/** The job is back in the queue and says why in its AdminComment. */
export function isRefused(view: View, id: string, why: RegExp): Check {
  const job = view.jobs.find((one) => one.id === id);
  const comment = job?.adminComment ?? '';
  return holds(
    job?.state === 'PENDING' && why.test(comment),
    `PENDING, AdminComment ${why.source}`,
    job === undefined ? 'unknown to Slurm' : `${describeJob(job)}, AdminComment "${comment}"`,
  );
}

/** Nothing of the phase is left in EC2: no instance lives, and every reservation was cancelled. */
export function nothingStays(view: View): Check {
  const { made, cancelled } = view.reservations;
  return equals(
    '0 instances, 0 reservations',
    `${view.alive.length} instances, ${made - cancelled} reservations`,
  );
}

export async function mustRun(
  phase: Phase,
  what: string,
  limitMs: number,
  ids: readonly string[],
): Promise<View> {
  return phase.require(what, limitMs, (now) => {
    const checks = ids.map((id) => jobIs(now, id, 'RUNNING'));
    return holds(
      checks.every(({ ok }) => ok),
      'RUNNING',
      checks.map(({ saw }) => saw).join(', '),
    );
  });
}
