/** When a world has come to rest. */
import { isHeld } from './check-rest.ts';
import { mayStay } from './static-nodes.ts';
import type { World } from './world.ts';

/** Nothing runs, nothing waits, nobody is owed anything. */
export function isSettled(world: World): boolean {
  const { machines, spool, slurm, heldHooks, life, fleetFaults } = world;
  if (!fleetFaults.isSettled() || spool.files.size > 0 || heldHooks.length > 0) return false;
  if (life === null || !life.isAlive()) return false;
  const { state } = life.controller;
  if (state.outstanding.size > 0 || state.gangs.size > 0) return false;
  for (const id of machines.live) if (!mayStay(world, id)) return false;
  if (state.boots.size > 0 || state.reservations.size > 0) return false;
  for (const job of slurm.records.jobs) {
    if (isHeld(job)) continue;
    if (job.state === 'PENDING' || job.state === 'CONFIGURING') return false;
    if (job.state === 'RUNNING' || job.state === 'COMPLETING') return false;
  }
  return slurm.records.nodes.every(
    (node) => node.power === (node.isKept ? 'up' : 'saved') && !node.isDown && !node.isDrained,
  );
}
