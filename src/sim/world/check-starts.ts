/** A job that starts has its whole gang: what each of its nodes stands on in that moment. */
import type { JobRecord } from '../slurm/types.ts';
import type { Watched } from './checkers.ts';

/** A job runs on nodes that each have a live instance of their own, by the name that muster gave it. */
export function checkStarted(watched: Watched, job: Readonly<JobRecord>): void {
  const { chronicle, machines, registry, slurm, model, scenario, died } = watched;
  const says = (what: string) =>
    chronicle.broke('no job starts on part of a gang', `job ${job.label} runs, and ${what}`);
  for (const { name, power } of job.nodes) {
    const instanceId = machines.instanceOf(name);
    if (instanceId === undefined) {
      // Slurm takes SlurmdTimeout to see that an instance has died, and may start a job on its node meanwhile.
      if (died.size === 0 && !isReplaced(watched, name) && !joinedInVain(watched, name))
        says(`${name} (${power}) has no instance`);
      continue;
    }
    const named = registry.nameOf(instanceId);
    // Today: an instance that knows its name, and that EC2 does not end yet, may join once more.
    if (isOnItsWayOut(watched, instanceId)) continue;
    if (named !== name) says(`${instanceId} of ${name} is named ${named ?? 'nothing'}`);
    const address = model.instance(instanceId)?.privateIp;
    if (scenario.settings.updateNodeAddress && slurm.addressOf(name) !== address)
      says(`${name} has the address ${slurm.addressOf(name)}, its instance ${address}`);
  }
}

/**
 * It joined when its end was asked for already, which EC2 took its time for, or while muster was away, which ended it
 * then, or after Slurm itself had powered it down, of which muster heard later: SlurmdTimeout has to show that to Slurm.
 */
function joinedInVain(watched: Watched, node: string): boolean {
  const { machines, endWanted, startedAt, suspended } = watched;
  const last = machines.lastOf(node);
  if (last === undefined) return false;
  const wanted = endWanted.get(last.instanceId);
  if (wanted === undefined) return false;
  return wanted < last.at || last.at < startedAt || suspended.has(last.instanceId);
}

/** A slurmd that joins in the moment in which it is replaced: Slurm takes the node for up until the new one joins. */
function isReplaced({ state, machines }: Watched, node: string): boolean {
  for (const { doom, nodes, replacing } of state?.boots.values() ?? [])
    if (replacing.has(node) || (doom !== null && nodes.includes(node))) return true;
  // It is given back, and scontrol takes its time.
  for (const { effect } of state?.outstanding.values() ?? [])
    if (effect.kind === 'GiveBackNodes' && effect.nodes.includes(node)) return true;
  const lease = state?.leases.get(node);
  return lease !== undefined && machines.live.has(lease.instance.instanceId);
}

export function isOnItsWayOut({ state }: Watched, instanceId: string): boolean {
  return [...(state?.outstanding.values() ?? [])].some(
    ({ effect }) => effect.kind === 'TerminateInstances' && effect.instanceIds.includes(instanceId),
  );
}
