/**
 * It ends: once the faults are over, everything settles. What has not is told, each by name.
 */
import type { JobRecord } from '../slurm/types.ts';
import type { Watched } from './checkers.ts';
import { isStatic, mayStay } from './static-nodes.ts';

/** Muster has given up on the job, and its owner was told why. */
export function isHeld({ state, reason, adminComment }: Readonly<JobRecord>): boolean {
  return state === 'PENDING' && reason.startsWith('JobHeld') && adminComment.includes('[muster: ');
}

export function checkRest(watched: Watched): void {
  const { chronicle, machines, model, slurm, state, spool, registry } = watched;
  const left = (what: string): void => chronicle.broke('it ends', `after healing ${what}`);
  if (state === null) return left('muster does not run');
  for (const id of machines.live) {
    if (mayStay(watched, id)) continue;
    const gang = model.instance(id)?.tags['muster:gang'] ?? 'no gang';
    const lease = [...state.leases.values()].find((each) => each.instance.instanceId === id);
    if (lease === undefined)
      chronicle.broke('no stray money', `${id} of ${gang} still runs, and no lease has it`);
    else left(`${id} of ${gang} still runs for ${lease.node}`);
  }
  for (const job of slurm.records.jobs) {
    // Held, with a reason: it waits for a person.
    if (isHeld(job)) continue;
    if (['PENDING', 'CONFIGURING', 'RUNNING', 'COMPLETING'].includes(job.state))
      left(`job ${job.label} is still ${job.state} (${job.reason})`);
  }
  for (const { name, power, isKept, isDown, isDrained, reason } of slurm.records.nodes) {
    const out = isDown ? 'down, ' : isDrained ? 'drained, ' : '';
    if (out !== '' || power !== (isKept ? 'up' : 'saved'))
      left(`${name} is still ${out}${power} (${reason})`);
  }
  if (spool.files.size > 0) left(`the spool has ${[...spool.files.keys()].join(' ')}`);
  if (spool.aside.length > 0) left(`requests were set aside: ${spool.aside.join(' ')}`);
  for (const name of [
    'gangs',
    'claims',
    'outstanding',
    'batchGangs',
    'requests',
    'boots',
    'spares',
    'reservations',
    'asked',
  ] as const) {
    if (state[name].size > 0) left(`${name} has ${[...state[name].keys()].join(' ')}`);
  }
  for (const { node } of state.leases.values())
    if (!isStatic(node)) left(`there is still a lease of ${node}`);
  for (const { reservationId, state: phase, tags } of model.reservations()) {
    if (phase === 'active' || phase === 'pending')
      chronicle.broke(
        'no stray money',
        `${reservationId} of ${tags['muster:gang'] ?? 'no gang'} is still held`,
      );
  }
  for (const [id, node] of registry.names)
    if (!isStatic(node)) left(`the registry still names ${id} ${node}`);
}
