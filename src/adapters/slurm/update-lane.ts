/**
 * What changes Slurm, one process at a time: calls wait in line, and those that do the same for other nodes are merged
 * into one (300 nodes take slurmctld 26 ms in one call; a process a node takes minutes). When Slurm refuses a merged
 * call, each part is asked on its own, so that one gang's bad node does not fail another's.
 *
 * What is asked about one node happens in the order of the asking: no call overtakes another that names a node of its.
 */
import type { NodeAddress, SchedulerError } from '../../ports/scheduler.ts';
import { listBytesMax } from './run.ts';

export interface NodeCall {
  readonly kind: 'nodes';
  /** Calls with the same one may be merged. */
  readonly merge: string;
  /** For the message: `scontrol could not ...`. */
  readonly what: string;
  readonly items: readonly NodeAddress[];
  readonly argsOf: (items: readonly NodeAddress[]) => readonly string[];
}

/** A call that is never merged, of one process or several. */
export interface OwnCall {
  readonly kind: 'own';
  /** Resolves to what was refused, null for nothing. */
  readonly act: () => Promise<SchedulerError | null>;
}

export type UpdateCall = NodeCall | OwnCall;

export interface UpdateLane {
  /** Rejects with SchedulerError. */
  enqueue(call: UpdateCall): Promise<void>;
}

type Run = (args: readonly string[], what: string) => Promise<SchedulerError | null>;

type Waiting<C extends UpdateCall> = C & {
  readonly done: (error: SchedulerError | null) => void;
};

/** `run` is one scontrol. */
export function createUpdateLane(run: Run): UpdateLane {
  let waiting: Waiting<UpdateCall>[] = [];
  let running = false;

  async function work(): Promise<void> {
    if (running) return;
    running = true;
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (first.kind === 'own') {
        waiting.shift();
        first.done(await first.act());
      } else {
        const { taken, left } = takeAlike(waiting, first.merge);
        waiting = left;
        await runGroup(run, taken);
      }
    }
    running = false;
  }

  return {
    enqueue: (call) =>
      new Promise((resolve, reject) => {
        waiting.push({ ...call, done: (error) => (error === null ? resolve() : reject(error)) });
        // A turn of the event loop later, so that calls made together run together.
        setImmediate(() => void work());
      }),
  };
}

/** The calls that may run as one with the first, and the others in their order. */
function takeAlike(
  waiting: readonly Waiting<UpdateCall>[],
  merge: string,
): { taken: Waiting<NodeCall>[]; left: Waiting<UpdateCall>[] } {
  const taken: Waiting<NodeCall>[] = [];
  const left: Waiting<UpdateCall>[] = [];
  const leftNodes = new Set<string>();
  for (const call of waiting) {
    if (call.kind === 'own') {
      left.push(call);
    } else if (call.merge === merge && !call.items.some(({ node }) => leftNodes.has(node))) {
      taken.push(call);
    } else {
      left.push(call);
      for (const { node } of call.items) leftNodes.add(node);
    }
  }
  return { taken, left };
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
