/** Slurmds of the model: they register, and they die. */
import type { Instant } from '../../core/units.ts';
import { killJobsOn, nodeArrived } from './jobs.ts';
import { resumeTimeoutReason } from './power.ts';
import type { NodeRecord } from './types.ts';
import { changeNode, noteQueueChange, wantSchedule } from './world.ts';
import type { World } from './world.ts';

export function registerNode(world: World, node: NodeRecord, bootTime: Instant | undefined): void {
  world.silent.get(node)?.();
  world.silent.delete(node);
  if (node.power === 'powering-up' || node.power === 'saved') {
    const isOld = bootTime !== undefined && bootTime < node.bootRequestedAt;
    if (!(node.power === 'powering-up' && isOld)) join(world, node);
  } else if (node.power === 'up' && node.isSilent) {
    comeBack(world, node);
  }
}

/**
 * A node that is powered down joins all the same when a slurmd comes for it. One that is down stays down; where that was
 * for ResumeTimeout, Slurm forgets the reason.
 */
function join(world: World, node: NodeRecord): void {
  if (node.isSilent) noteQueueChange(world);
  changeNode(world, node, () => {
    node.power = 'up';
    node.isSilent = false;
    node.isShunned = node.isDown;
    if (node.reason === resumeTimeoutReason) node.reason = '';
  });
  for (const job of node.jobs) nodeArrived(world, job);
}

function comeBack(world: World, node: NodeRecord): void {
  changeNode(world, node, () => {
    node.isSilent = false;
    // ReturnToService=1: a node that was down for its silence alone is taken back.
    if (node.isDown && node.reason === silentReason) {
      node.isDown = false;
      node.isShunned = false;
      node.reason = '';
    }
  });
  wantSchedule(world);
}

const silentReason = 'Not responding';

/** Slurm pings every third of SlurmdTimeout, gives each ping ten seconds, and sees about a second later that they are over. */
const pingTimeoutMs = 11_000;

export function loseNode(world: World, node: NodeRecord): void {
  if (node.power !== 'up' || node.isSilent || world.silent.has(node)) return;
  const { slurmdTimeoutMs } = world.settings;
  const cycleMs = slurmdTimeoutMs / 3 + pingTimeoutMs;
  const cyclesToDown = Math.max(2, Math.ceil(slurmdTimeoutMs / cycleMs));
  const isLost = () => world.silent.has(node) && node.power === 'up';
  const cancelSilent = world.clock.schedule(cycleMs, () => {
    if (isLost()) changeNode(world, node, () => (node.isSilent = true));
  });
  const cancelDown = world.clock.schedule(cyclesToDown * cycleMs, () => {
    if (isLost()) downSilentNode(world, node);
    world.silent.delete(node);
  });
  world.silent.set(node, () => {
    cancelSilent();
    cancelDown();
  });
}

function downSilentNode(world: World, node: NodeRecord): void {
  changeNode(world, node, () => {
    node.isDown = true;
    node.isShunned = true;
    if (node.reason === '') node.reason = silentReason;
  });
  killJobsOn(world, node);
  wantSchedule(world);
}
