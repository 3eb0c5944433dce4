/**
 * What changes Slurm, one process at a time: calls wait in line, and those that do the same for other nodes or jobs are
 * merged into one (300 nodes take slurmctld 26 ms in one call; a process a node takes minutes). When Slurm refuses a
 * merged call, each part is asked on its own, so that one gang's bad node does not fail another's.
 *
 * What is asked about one node or job happens in the order of the asking: no call overtakes another that names it.
 */
import type { DurationMs } from '../../core/units.ts';
import { SchedulerError, type NodeAddress } from '../../ports/scheduler.ts';
import { listBytesMax } from './run.ts';
import type { JobOrder, JobUpdater } from './update-jobs.ts';

export interface NodeCall {
  readonly kind: 'nodes';
  /** Calls with the same one may be merged. */
  readonly merge: string;
  /** For the message: `scontrol could not ...`. */
  readonly what: string;
  readonly items: readonly NodeAddress[];
  readonly argsOf: (items: readonly NodeAddress[]) => readonly string[];
  /** How long it may wait for its turn. */
  readonly waitsMs: DurationMs;
}

/** Calls with the same change may be merged. */
export interface JobCall {
  readonly kind: 'job';
  readonly jobId: number;
  readonly change: JobOrder;
}

/** Slurm takes no list of partitions: each is a process. */
export interface PartitionCall {
  readonly kind: 'partition';
  readonly name: string;
  readonly isUp: boolean;
}

export type UpdateCall = NodeCall | JobCall | PartitionCall;

/** scontrol takes a millisecond for each job of its list, and others wait meanwhile. */
const jobsPerCall = 1_000;

export interface UpdateLane {
  /** Rejects with SchedulerError. */
  enqueue(call: UpdateCall): Promise<void>;
}

type Run = (args: readonly string[], what: string) => Promise<SchedulerError | null>;

type Waiting<C extends UpdateCall> = C & {
  readonly since: number;
  readonly done: (error: SchedulerError | null) => void;
};

/** `run` is one scontrol, for nodes or a partition. */
export function createUpdateLane(run: Run, updateJobs: JobUpdater): UpdateLane {
  let waiting: Waiting<UpdateCall>[] = [];
  let running = false;

  async function work(): Promise<void> {
    if (running) return;
    running = true;
    for (;;) {
      waiting = waiting.filter((call) => !hasWaitedTooLong(call));
      const [first] = waiting;
      if (first === undefined) break;
      const { taken, left } = takeAlike(waiting, first);
      waiting = left;
      if (first.kind === 'job') await runJobs(updateJobs, taken.filter(isJobCall), first.change);
      else if (first.kind === 'nodes') await runGroup(run, taken.filter(isNodeCall));
      else await runPartition(run, first, taken);
    }
    running = false;
  }

  return {
    enqueue: (call) =>
      new Promise((resolve, reject) => {
        const done = (error: SchedulerError | null): void =>
          error === null ? resolve() : reject(error);
        waiting.push({ ...call, since: performance.now(), done });
        // A turn of the event loop later, so that calls made together run together.
        setImmediate(() => void work());
      }),
  };
}

/** Tells who asked, if so. */
function hasWaitedTooLong(call: Waiting<UpdateCall>): boolean {
  if (call.kind !== 'nodes' || performance.now() - call.since <= call.waitsMs) return false;
  const message = `scontrol could not ${call.what}: it has waited for its turn too long`;
  call.done(new SchedulerError(message, { transient: true }));
  return true;
}

function isJobCall(call: Waiting<UpdateCall>): call is Waiting<JobCall> {
  return call.kind === 'job';
}

function isNodeCall(call: Waiting<UpdateCall>): call is Waiting<NodeCall> {
  return call.kind === 'nodes';
}

/** What is the same in calls that may be merged. */
function mergeOf(call: UpdateCall): string {
  if (call.kind === 'nodes') return `nodes ${call.merge}`;
  if (call.kind === 'partition') return `partition ${call.isUp} ${call.name}`;
  const { startAt, hold, adminComment } = call.change;
  return `job ${JSON.stringify([startAt, hold, adminComment])}`;
}

/** What a call is about: nodes by name, jobs by number, a partition by a name that no node has. */
function subjectsOf(call: UpdateCall): readonly (string | number)[] {
  if (call.kind === 'partition') return [`partition ${call.name}`];
  return call.kind === 'job' ? [call.jobId] : call.items.map(({ node }) => node);
}

/** The calls that may run as one with the first, and the others in their order. */
function takeAlike(
  waiting: readonly Waiting<UpdateCall>[],
  first: UpdateCall,
): { taken: Waiting<UpdateCall>[]; left: Waiting<UpdateCall>[] } {
  const merge = mergeOf(first);
  const most = first.kind === 'job' ? jobsPerCall : Infinity;
  const taken: Waiting<UpdateCall>[] = [];
  const left: Waiting<UpdateCall>[] = [];
  const leftSubjects = new Set<string | number>();
  for (const call of waiting) {
    const subjects = subjectsOf(call);
    const isFree = taken.length < most && !subjects.some((subject) => leftSubjects.has(subject));
    if (isFree && mergeOf(call) === merge) {
      taken.push(call);
    } else {
      left.push(call);
      for (const subject of subjects) leftSubjects.add(subject);
    }
  }
  return { taken, left };
}

async function runJobs(
  updateJobs: JobUpdater,
  group: readonly Waiting<JobCall>[],
  change: JobOrder,
): Promise<void> {
  const outcomes = await updateJobs([...new Set(group.map(({ jobId }) => jobId))], change);
  for (const call of group) call.done(outcomes.get(call.jobId) ?? null);
}

async function runPartition(
  run: Run,
  { name, isUp }: PartitionCall,
  taken: readonly Waiting<UpdateCall>[],
): Promise<void> {
  const args = ['update', `partitionname=${name}`, `state=${isUp ? 'up' : 'inactive'}`];
  const error = await run(args, `set partition ${name} ${isUp ? 'up' : 'inactive'}`);
  for (const call of taken) call.done(error);
}

async function runGroup(run: Run, group: readonly Waiting<NodeCall>[]): Promise<void> {
  const error = await runCall(
    run,
    group.flatMap((call) => call.items),
    group,
  );
  if (error === null || error.transient || group.length === 1) {
    for (const call of group) call.done(error);
    return;
  }
  for (const call of group) call.done(await runCall(run, call.items, [call]));
}

async function runCall(
  run: Run,
  items: readonly NodeAddress[],
  [call]: readonly NodeCall[],
): Promise<SchedulerError | null> {
  if (call === undefined || items.length === 0) return null;
  const args = call.argsOf(items);
  if (items.length > 1 && args.some((arg) => arg.length > listBytesMax)) {
    const middle = items.length >> 1;
    return (
      (await runCall(run, items.slice(0, middle), [call])) ??
      (await runCall(run, items.slice(middle), [call]))
    );
  }
  return run(args, call.what);
}
