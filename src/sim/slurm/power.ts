/**
 * The power-save thread: it looks at the nodes one second after something changed, else every ten seconds, and calls
 * ResumeProgram, SuspendProgram and ResumeFailProgram, each at most once a look.
 */
import type { Instant } from '../../core/units.ts';
import { foldSorted } from '../../core/hostlist.ts';
import { killJobsOn } from './jobs.ts';
import { renderResumeFile } from './resume-file.ts';
import type { ResumeEntry } from './resume-file.ts';
import type { NodeRecord } from './types.ts';
import { changeNode, noteQueueChange, wholeSecond } from './world.ts';
import type { World } from './world.ts';

/** The reason of a node that did not register in time. */
export const resumeTimeoutReason = 'ResumeTimeout reached';

interface RateLimit {
  /** Nodes resumed lately: fades by the minute, as Slurm counts it. */
  lately: number;
  lastLookAt: Instant;
}

/** Sets up the thread; it sleeps while no node can need it. */
export function startPowerSave(world: World): void {
  const { settings, clock } = world;
  const rate: RateLimit = { lately: 0, lastLookAt: wholeSecond(world) };
  let lookAt: Instant | null = null;
  let cancelLook: () => void = () => undefined;

  function plan(): void {
    const wanted = world.nodesChanged ? afterChange() : afterQuiet();
    if (wanted === lookAt) return;
    cancelLook();
    lookAt = wanted;
    if (wanted !== null) cancelLook = clock.schedule(wanted - clock.now(), look);
  }

  /** Slurm's thread wakes on whole seconds of the clock, whenever slurmctld was started. */
  function afterChange(): Instant {
    const period = settings.powerSaveMinIntervalMs;
    return (Math.floor(clock.now() / period) + 1) * period;
  }

  /** With no change since, the looks go on in the slow rhythm; those that can find nothing to do are left out. */
  function afterQuiet(): Instant | null {
    const due = nextDue(world);
    if (due === null) return null;
    const period = settings.powerSaveIntervalMs;
    const periods = Math.floor((Math.max(due, clock.now()) - rate.lastLookAt) / period) + 1;
    return rate.lastLookAt + periods * period;
  }

  function look(): void {
    lookAt = null;
    fade(world, rate);
    doPowerWork(world, rate);
    // What it changed itself is no reason to look again.
    world.nodesChanged = false;
    plan();
  }

  world.wakePower = plan;
}

/** When the first time-out runs out; null when none runs. */
function nextDue(world: World): Instant | null {
  const { settings } = world;
  if (world.toResume.size + world.sinkWanted.size + world.upWanted.size > 0)
    return world.clock.now();
  const [booting] = world.booting;
  const [sinking] = world.sinking;
  const [idling] = world.idling;
  const due = Math.min(
    booting === undefined ? Infinity : booting.bootRequestedAt + settings.resumeTimeoutMs,
    sinking === undefined ? Infinity : sinking.powerDownAt + settings.suspendTimeoutMs,
    idling === undefined ? Infinity : idling.lastBusyAt + settings.suspendTimeMs,
  );
  return due === Infinity ? null : due;
}

function doPowerWork(world: World, rate: RateLimit): void {
  const now = world.clock.now();
  const { settings, hooks } = world;
  const entries: ResumeEntry[] = [];
  const resumed = resumeJobs(world, rate, entries);
  const suspended = [...world.sinkWanted];
  for (const node of world.idling) {
    if (node.lastBusyAt + settings.suspendTimeMs >= now) break;
    suspended.push(node);
  }
  for (const node of suspended) suspend(world, node);
  for (const node of [...world.sinking]) {
    if (node.powerDownAt + settings.suspendTimeoutMs >= now) break;
    changeNode(world, node, () => (node.power = 'saved'));
    noteQueueChange(world);
  }
  const failed: NodeRecord[] = [];
  for (const node of [...world.booting]) {
    if (node.bootRequestedAt + settings.resumeTimeoutMs >= now) break;
    fail(world, node);
    failed.push(node);
  }
  if (suspended.length > 0) hooks.suspend(names(suspended));
  if (resumed.length > 0) {
    hooks.resume(names(resumed), renderResumeFile(settings.resumeFileShape, entries, resumed));
  }
  if (failed.length > 0) hooks.resumeFail(names(failed));
}

/**
 * Powers up the nodes of the jobs that wait for it, then those that were asked for by hand, as many as the rate allows;
 * fills in the resume file's entries, which are of jobs alone.
 */
function resumeJobs(world: World, rate: RateLimit, entries: ResumeEntry[]): NodeRecord[] {
  const { resumeRate } = world.settings;
  const limit = resumeRate === 0 ? Infinity : resumeRate;
  const before = Math.floor(rate.lately + 0.5);
  let count = before;
  const resumed = new Set<NodeRecord>();
  for (const job of world.toResume) {
    if (count >= limit) break;
    const wanted = job.nodes.filter((node) => node.power === 'saved');
    // Slurm counts a node once for each job that waits for it.
    const mine = wanted.slice(0, limit - count);
    count += mine.length;
    for (const node of mine) resumed.add(node);
    if (mine.length > 0) entries.push({ job, nodes: mine });
    if (mine.length === wanted.length) world.toResume.delete(job);
  }
  for (const node of world.upWanted) {
    if (count >= limit) break;
    if (!resumed.has(node)) count += 1;
    resumed.add(node);
  }
  rate.lately += count - before;
  const now = world.clock.now();
  for (const node of resumed) {
    // It comes last in order of time, also where it powers up already.
    world.booting.delete(node);
    changeNode(world, node, () => {
      node.power = 'powering-up';
      node.isUpWanted = false;
      node.reason = '';
      node.isSilent = false;
      node.bootRequestedAt = now;
    });
  }
  return [...resumed];
}

function suspend(world: World, node: NodeRecord): void {
  changeNode(world, node, () => {
    node.power = 'powering-down';
    node.powerDownAt = world.clock.now();
    // idle_on_node_suspend
    node.isDown = false;
    node.isDrained = false;
    node.isSilent = false;
  });
}

function fail(world: World, node: NodeRecord): void {
  changeNode(world, node, () => {
    node.power = 'saved';
    node.isDown = true;
    node.isShunned = true;
    node.isSilent = true;
    if (node.reason === '' || node.isDrained) node.reason = resumeTimeoutReason;
    node.isDrained = false;
  });
  killJobsOn(world, node);
  noteQueueChange(world);
}

/** Slurm's own decay: at each look by the part of a minute that has passed; a whole minute clears it. */
function fade(world: World, rate: RateLimit): void {
  const now = world.clock.now();
  const period = world.settings.powerSaveIntervalMs;
  let passed = now - rate.lastLookAt;
  rate.lastLookAt = now;
  // The looks that were left out would each have let it fade.
  for (; passed > period && rate.lately > 0.01; passed -= period) rate.lately *= remaining(period);
  rate.lately *= remaining(passed);
}

function remaining(passedMs: number) {
  return Math.max(0, 60_000 - passedMs) / 60_000;
}

function names(nodes: readonly NodeRecord[]): string {
  return foldSorted(nodes.map((node) => node.name));
}
