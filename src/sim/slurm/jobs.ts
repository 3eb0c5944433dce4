/**
 * Jobs of the model: submission, allocation, start, end, and what a lost node does to them.
 *
 * PENDING to CONFIGURING (nodes still to come) or RUNNING (all up); CONFIGURING to RUNNING when the job-start loop
 * finds all nodes registered; RUNNING to COMPLETED after `seconds`. A lost node sends the job back to PENDING, with
 * COMPLETING before it where a living slurmd must clear it away, or ends it as NODE_FAIL. The components of a
 * heterogeneous job go this way together.
 */
import { foldSorted, parseHostlist } from '../../core/hostlist.ts';
import type { JobRequest, JobState } from '../../ports/slurm-commands.ts';
import { mayStart } from './select.ts';
import type { ArrayRecord, HetRecord, JobRecord, NodeRecord, Partition } from './types.ts';
import {
  changeNode,
  isRegistered,
  isUnavailable,
  noteQueueChange,
  wantSchedule,
  wholeSecond,
} from './world.ts';
import type { World } from './world.ts';

/** Slurm waits this long beyond cred_expire before a requeued job may start. */
const requeueExtraMs = 1000;

/** A reason to wait that no other job's end can mend. */
export const neverReasons: ReadonlySet<string> = new Set(['PartitionConfig', 'PartitionNodeLimit']);

/** The reasons of held jobs. */
export const heldReason = { admin: 'JobHeldAdmin', user: 'JobHeldUser' } as const;

/**
 * Puts a job, every task of an array or every component of a heterogeneous job in the queue; returns the (first) id.
 * Throws what sbatch says when it refuses.
 */
export function submitJob(world: World, request: JobRequest): string {
  const { het = [], ...words } = request;
  const checked = [request, ...het].map(({ partition, nodes }) =>
    check(world, { ...words, partition, nodes }),
  );
  const tasks = request.array === undefined ? [null] : arrayTasks(request.array);
  if (het.length > 0 && request.array !== undefined)
    throw refusal(null, 'Invalid job array specification');
  const id = world.nextJobId;
  const array: ArrayRecord | null =
    request.array === undefined ? null : { id, waiting: tasks.length };
  const whole: HetRecord | null = het.length === 0 ? null : { components: [] };
  for (const [offset, job] of checked.entries()) {
    for (const task of tasks) enqueue(world, job, { array, task, het: whole, leader: id, offset });
    world.nextJobId += 1;
  }
  wantSchedule(world);
  return String(id);
}

interface Checked {
  readonly request: JobRequest;
  readonly partition: Partition;
  readonly required: readonly NodeRecord[] | null;
}

/** One job, as sbatch checks it. */
function check(world: World, request: JobRequest): Checked {
  const partition = world.partitions.get(request.partition);
  if (partition === undefined) {
    throw refusal(
      `invalid partition specified: ${request.partition}`,
      'Invalid partition name specified',
    );
  }
  if (!partition.isUp) {
    throw refusal(null, 'Required partition not available (inactive or drain)');
  }
  if (!Number.isInteger(request.nodes) || request.nodes < 1) {
    throw refusal(`Invalid node count "${request.nodes}"`, 'Node count specification invalid');
  }
  const required = request.nodelist === undefined ? null : namedNodes(world, request.nodelist);
  if (required?.some((node) => !node.partitions.includes(partition))) {
    throw refusal(null, 'Requested node configuration is not available');
  }
  return { request, partition, required };
}

interface Place {
  readonly array: ArrayRecord | null;
  readonly task: number | null;
  readonly het: HetRecord | null;
  /** The id of the first component. */
  readonly leader: number;
  readonly offset: number;
}

function enqueue(world: World, { request, partition, required }: Checked, place: Place): void {
  const id = world.nextJobId;
  const job: JobRecord = {
    id,
    array: place.array,
    task: place.task ?? 0,
    het: place.het,
    label: labelOf(id, place),
    order: world.nextOrder,
    request,
    partition,
    required,
    state: 'PENDING',
    reason: 'None',
    hold: request.hold === true ? 'user' : null,
    restarts: 0,
    adminComment: '',
    beginAt: Math.floor(world.clock.now() / 1000 + (request.beginAfterSeconds ?? 0)) * 1000,
    nodes: [],
    awaited: 0,
    allocatedAt: 0,
    endedAt: 0,
    isCancelled: false,
    cancelTimer: null,
  };
  world.nextOrder += 1;
  job.reason = firstReason(world, job);
  place.het?.components.push(job);
  world.jobs.add(job);
  world.pending.push(job);
}

function labelOf(id: number, { task, het, leader, offset }: Place): string {
  if (het !== null) return `${leader}+${offset}`;
  return task === null ? String(id) : `${id}_${task}`;
}

/** What priority/basic gives: a large number, one less for each later job; 0 for one that is held. */
export function priorityOf(job: Readonly<JobRecord>): number {
  return job.hold === null ? 4_294_901_760 - job.order : 0;
}

/** The job and, where it is heterogeneous, its other components. */
export function wholeOf(job: JobRecord): readonly JobRecord[] {
  return job.het?.components ?? [job];
}

/** The reason that squeue shows until the scheduler has looked at the job. */
function firstReason(world: World, job: JobRecord): string {
  if (job.hold !== null) return heldReason[job.hold];
  if (job.beginAt > world.clock.now()) return 'BeginTime';
  const verdict = mayStart(job);
  if (verdict === 'never') return 'PartitionConfig';
  const isFirst = !world.pending.some(
    (other) =>
      other.partition === job.partition &&
      (other.array === null || other.array !== job.array) &&
      other.beginAt <= world.clock.now() &&
      other.hold === null &&
      !neverReasons.has(other.reason),
  );
  if (!isFirst && job.het === null) return 'Priority';
  if (verdict === 'busy') return 'Resources';
  if (verdict === 'now') return 'None';
  const down = job.partition.nodes.filter(isUnavailable).map((node) => node.name);
  return `ReqNodeNotAvail, UnavailableNodes:${foldSorted(down)}`;
}

function namedNodes(world: World, nodelist: string): NodeRecord[] {
  const parsed = parseHostlist(nodelist);
  const names = parsed.kind === 'ok' ? parsed.nodes : [];
  const nodes = names.map((name) => world.nodesByName.get(name));
  if (nodes.length === 0 || nodes.includes(undefined)) {
    throw refusal(null, 'Invalid node name specified');
  }
  return nodes as NodeRecord[];
}

/** Task numbers of `--array`: numbers and ranges, such as `1-20` or `0,3,5-7`. */
function arrayTasks(text: string): number[] {
  const parsed = /^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$/.test(text)
    ? parseHostlist(`[${text}]`)
    : null;
  if (parsed?.kind !== 'ok') throw refusal(null, 'Invalid job array specification');
  return [...new Set(parsed.nodes.map(Number))].toSorted((a, b) => a - b);
}

function refusal(detail: string | null, text: string): Error {
  const first = detail === null ? '' : `sbatch: error: ${detail}\n`;
  return new Error(`${first}sbatch: error: Batch job submission failed: ${text}`);
}

/** Gives nodes to a pending job. The caller takes it out of `pending`. */
export function allocate(world: World, job: JobRecord, nodes: NodeRecord[]): void {
  takeId(world, job);
  job.nodes = nodes;
  job.reason = 'None';
  job.allocatedAt = world.clock.now();
  job.awaited = 0;
  let toResume = false;
  for (const node of nodes) {
    if (!isRegistered(node)) job.awaited += 1;
    if (node.power === 'saved') toResume = true;
    changeNode(world, node, () => {
      node.jobs.add(job);
      node.reason = '';
    });
  }
  if (job.awaited === 0) {
    run(world, job);
    return;
  }
  job.state = 'CONFIGURING';
  if (toResume) world.toResume.add(job);
}

/** A task of an array has a number of its own from its first start on; the last one to start keeps the array's. */
function takeId(world: World, job: JobRecord): void {
  if (job.array === null || job.allocatedAt !== 0) return;
  if (job.array.waiting > 1) {
    job.id = world.nextJobId;
    world.nextJobId += 1;
  }
  job.array.waiting -= 1;
}

/**
 * The job runs; its script ends after the request's seconds. That of a heterogeneous job is its leader's: it starts when
 * all components run, and all end with it.
 */
export function run(world: World, job: JobRecord): void {
  job.state = 'RUNNING';
  job.allocatedAt = world.clock.now();
  world.ready.delete(job);
  world.toResume.delete(job);
  const whole = wholeOf(job);
  const [leader] = whole;
  if (leader === undefined || whole.some(({ state }) => state !== 'RUNNING')) return;
  leader.cancelTimer = world.clock.schedule(job.request.seconds * 1000, () => {
    leader.cancelTimer = null;
    for (const each of whole)
      if (each.state === 'RUNNING') end(world, each, 'COMPLETED', endReason(each));
  });
}

/** A node of the job has registered. */
export function nodeArrived(world: World, job: JobRecord): void {
  job.awaited -= 1;
  if (job.state !== 'CONFIGURING' || job.awaited > 0) return;
  world.ready.add(job);
  world.wakeJobStart();
}

/** Ends a job for good and frees its nodes. */
export function end(world: World, job: JobRecord, state: JobState, reason: string): void {
  stop(world, job);
  const isCleared = job.nodes.some(isRegistered);
  for (const node of job.nodes) changeNode(world, node, () => node.jobs.delete(job));
  job.state = state;
  job.reason = reason;
  job.endedAt = world.clock.now();
  world.ended.push(job);
  // Slurm passes over the queue when a slurmd reports the job cleared away; nodes still powering up report nothing.
  if (isCleared) wantSchedule(world);
  else noteQueueChange(world);
}

/**
 * scancel: of a job, of an array's every task, of one task, or of one component of a heterogeneous job that has started.
 * An id that Slurm does not know is passed over. Throws what scancel says when it refuses.
 */
export function cancelJobs(world: World, id: string): void {
  for (const job of [...world.jobs]) {
    const leader = job.het?.components[0];
    const names = [job.array?.id, job.label, job.id, leader?.id];
    if (!names.some((name) => String(name) === id)) continue;
    if (job.state === 'PENDING') {
      if (leader !== undefined && String(leader.id) !== id) {
        const why = 'Operation not permitted on individual component of heterogeneous job';
        throw new Error(`scancel: error: Kill job error on job id ${id}: ${why}`);
      }
      world.pending = world.pending.filter((other) => other !== job);
      end(world, job, 'CANCELLED', job.reason);
    } else if (job.state === 'CONFIGURING' || job.state === 'RUNNING') {
      end(world, job, 'CANCELLED', endReason(job));
    } else if (job.state === 'COMPLETING') {
      // slurmctld: "Prevent job requeue, otherwise preserve state".
      job.isCancelled = true;
    }
  }
}

/** A hold that came when the job had started already shows in what is left of it. */
function endReason({ hold }: JobRecord): string {
  return hold === null ? 'None' : heldReason[hold];
}

/**
 * What has befallen a node: its jobs go back to the queue, or end when they may not. A component of a heterogeneous job
 * takes the others with it.
 */
export function killJobsOn(world: World, node: NodeRecord): void {
  for (const struck of [...node.jobs]) {
    for (const job of struckWith(struck)) {
      // Another component may have been cleared away already.
      if (job.state !== 'CONFIGURING' && job.state !== 'RUNNING') continue;
      if (job.request.requeue === false) end(world, job, 'NODE_FAIL', 'NodeDown');
      else requeue(world, job, node);
    }
  }
}

/** But a leader that is still waiting for its nodes goes back to the queue alone. */
function struckWith(job: JobRecord): readonly JobRecord[] {
  const isLeader = job.het?.components[0] === job;
  const goesAlone = isLeader && job.state === 'CONFIGURING' && job.request.requeue !== false;
  return goesAlone ? [job] : wholeOf(job);
}

function requeue(world: World, job: JobRecord, lost: NodeRecord): void {
  const neverRan = job.state === 'CONFIGURING';
  stop(world, job);
  const clearing = job.nodes.filter((node) => node !== lost && neverRan && isRegistered(node));
  const isClearing = new Set(clearing);
  for (const node of job.nodes) {
    changeNode(world, node, () => {
      node.jobs.delete(job);
      if (isClearing.has(node)) node.completing += 1;
    });
  }
  if (clearing.length === 0 || world.settings.completingMs === 0) {
    backToQueue(world, job);
    return;
  }
  job.state = 'COMPLETING';
  job.reason = 'None';
  job.nodes = clearing;
  job.cancelTimer = world.clock.schedule(world.settings.completingMs, () => {
    job.cancelTimer = null;
    for (const node of clearing) changeNode(world, node, () => (node.completing -= 1));
    if (job.isCancelled) return end(world, job, 'CANCELLED', endReason(job));
    backToQueue(world, job);
    wantSchedule(world);
  });
}

function backToQueue(world: World, job: JobRecord): void {
  job.state = 'PENDING';
  job.reason = job.hold === null ? 'None' : heldReason[job.hold];
  job.restarts += 1;
  job.nodes = [];
  job.beginAt = wholeSecond(world) + world.settings.credExpireMs + requeueExtraMs;
  const at = world.pending.findIndex((other) => other.order > job.order);
  world.pending.splice(at === -1 ? world.pending.length : at, 0, job);
}

function stop(world: World, job: JobRecord): void {
  job.cancelTimer?.();
  job.cancelTimer = null;
  world.ready.delete(job);
  world.toResume.delete(job);
}

/** Forgets the jobs that ended more than MinJobAge ago. */
export function forgetOldJobs(world: World): void {
  const horizon = world.clock.now() - world.settings.minJobAgeMs;
  let count = 0;
  while (count < world.ended.length && (world.ended[count]?.endedAt ?? 0) < horizon) count += 1;
  for (const job of world.ended.splice(0, count)) world.jobs.delete(job);
}
