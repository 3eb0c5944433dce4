/** `scontrol update nodename=` and `partitionname=` on the model. */
import { SchedulerError } from '../../ports/scheduler.ts';
import type { NodeUpdate } from '../../ports/slurm-commands.ts';
import { killJobsOn } from './jobs.ts';
import type { NodeRecord } from './types.ts';
import { changeNode, wantSchedule } from './world.ts';
import type { World } from './world.ts';

/** Throws SchedulerError for a name that is no node. */
export function findNode(world: World, name: string): NodeRecord {
  const node = world.nodesByName.get(name);
  if (node === undefined) {
    throw new SchedulerError(`slurm_update error: Invalid node name specified (${name})`, {
      transient: false,
    });
  }
  return node;
}

/** As scontrol does, one unknown name refuses the whole call. */
export function findNodes(world: World, names: readonly string[]): NodeRecord[] {
  return names.map((name) => findNode(world, name));
}

/** As an administrator types it. Throws SchedulerError. */
export function updateNodes(
  world: World,
  names: readonly string[],
  state: NodeUpdate,
  reason: string,
): void {
  switch (state) {
    case 'down':
      return downNodes(world, names, reason);
    case 'drain':
      return drainNodes(world, names, reason);
    case 'resume':
      return resumeNodes(world, names);
    case 'power_up':
      return powerUpNodes(world, names);
    case 'power_down_force':
      return powerDownNodes(world, names);
  }
}

function checkReason(reason: string): void {
  if (reason !== '') return;
  throw new SchedulerError(
    'You must specify a reason when DOWNING or DRAINING a node. Request denied',
    { transient: false },
  );
}

/** Jobs that run stay; a job that waits for the node to power up goes back to the queue, as if the node were lost. */
export function drainNodes(world: World, names: readonly string[], reason: string): void {
  checkReason(reason);
  for (const node of findNodes(world, names)) {
    if (node.power === 'powering-up') killJobsOn(world, node);
    changeNode(world, node, () => {
      node.isDrained = true;
      node.reason = reason;
    });
  }
  wantSchedule(world);
}

/**
 * slurmctld wants to hear of the node again before it gives it to a job: of one that is up it does in a moment, of one
 * that powers up when it registers. One that is powered down is free at once, for the backfill scheduler too.
 */
export function undrainNodes(world: World, names: readonly string[]): void {
  for (const node of findNodes(world, names)) {
    if (node.isDown && !node.isDrained) continue;
    restartIdling(world, node, () => {
      node.isDrained = false;
      node.reason = '';
      node.isSilent = true;
      node.isShunned = node.isDown;
    });
    if (node.power === 'up') hearSoon(world, node);
  }
  wantSchedule(world);
}

/**
 * A node that is down is free at once: one that powers down too, as if it had. slurmctld wants to hear of one that is up
 * again first. Any other is refused.
 */
export function resumeNodes(world: World, names: readonly string[]): void {
  const nodes = findNodes(world, names);
  if (nodes.some((node) => !node.isDown && !node.isDrained)) {
    throw new SchedulerError('slurm_update error: Invalid node state specified', {
      transient: false,
    });
  }
  for (const node of nodes) {
    const isUp = node.power === 'up';
    restartIdling(world, node, () => {
      node.isDown = false;
      node.isDrained = false;
      node.isShunned = false;
      node.isSilent = isUp;
      node.reason = '';
      if (node.power === 'powering-down') node.power = 'saved';
    });
    if (isUp) hearSoon(world, node);
  }
  wantSchedule(world);
}

/** Changes the node; its SuspendTime counts from now. */
function restartIdling(world: World, node: NodeRecord, change: () => void): void {
  const isIdling = world.idling.delete(node);
  changeNode(world, node, () => {
    change();
    node.lastBusyAt = world.clock.now();
  });
  if (isIdling) world.idling.add(node);
}

function hearSoon(world: World, node: NodeRecord): void {
  const { mainLoopIntervalMs } = world.settings;
  world.clock.schedule(mainLoopIntervalMs, () => {
    if (node.power !== 'up' || world.silent.has(node)) return;
    changeNode(world, node, () => (node.isSilent = false));
    wantSchedule(world);
  });
}

export function downNodes(world: World, names: readonly string[], reason: string): void {
  checkReason(reason);
  for (const node of findNodes(world, names)) {
    killJobsOn(world, node);
    changeNode(world, node, () => {
      node.isDown = true;
      node.isShunned = true;
      node.reason = reason;
    });
  }
  wantSchedule(world);
}

export function powerDownNodes(world: World, names: readonly string[]): void {
  for (const node of findNodes(world, names)) {
    killJobsOn(world, node);
    if (node.power === 'powering-down') continue;
    changeNode(world, node, () => (node.power = 'down-wanted'));
  }
  wantSchedule(world);
}

/**
 * A node that is powered down is powered up by the power-save thread's next look; for one that is powering up ResumeProgram
 * is called once more. Its reason goes then. Others are passed over without a word, those that are powering down too.
 */
export function powerUpNodes(world: World, names: readonly string[]): void {
  for (const node of findNodes(world, names)) {
    changeNode(world, node, () => {
      node.isUpWanted = node.power === 'saved' || node.power === 'powering-up';
    });
  }
}

/** Nothing of it starts while it is inactive, and nothing more may be submitted to it. */
export function setPartition(world: World, name: string, isUp: boolean): void {
  const partition = world.partitions.get(name);
  if (partition === undefined) {
    throw new SchedulerError('slurm_update error: Invalid partition name specified', {
      transient: false,
    });
  }
  partition.isUp = isUp;
  wantSchedule(world);
}
