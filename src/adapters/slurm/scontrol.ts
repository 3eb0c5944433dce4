/**
 * Slurm through `scontrol`: argument arrays, one process at a time, and what waits meanwhile is merged into one call
 * (300 nodes take slurmctld 26 ms in one call; a process a node takes minutes). When Slurm refuses a merged call, each
 * part is asked on its own, so that one gang's bad node does not fail another's.
 */
import { execFile } from 'node:child_process';
import { foldHostlist } from '../../core/hostlist.ts';
import { SchedulerError, type NodeAddress, type Scheduler } from '../../ports/scheduler.ts';

/** One argument of a process may hold 131,071 bytes. */
const listBytesMax = 100 * 1024;

const timeoutMs = 60_000;

export interface ScontrolOptions {
  /** Absolute path, or a name to be found in PATH. */
  readonly scontrol: string;
  /** SLURM_CONF for the commands; null leaves it to Slurm's default. */
  readonly slurmConf: string | null;
  /** Told of every process started: for counting. */
  readonly started?: (args: readonly string[]) => void;
}

interface Waiting {
  /** Calls with the same kind and reason may be merged. */
  readonly kind: string;
  readonly items: readonly NodeAddress[];
  readonly argsOf: (items: readonly NodeAddress[]) => readonly string[];
  readonly done: (error: SchedulerError | null) => void;
}

export function createScontrol(options: ScontrolOptions): Scheduler {
  const waiting: Waiting[] = [];
  let running = false;

  async function work(): Promise<void> {
    if (running) return;
    running = true;
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      const kind = first.kind;
      const group = waiting.filter((call) => call.kind === kind);
      waiting.splice(0, waiting.length, ...waiting.filter((call) => call.kind !== kind));
      await runGroup(group);
    }
    running = false;
  }

  async function runGroup(group: readonly Waiting[]): Promise<void> {
    const error = await runCall(
      group.flatMap((call) => call.items),
      group,
    );
    if (error === null || error.transient || group.length === 1) {
      for (const call of group) call.done(error);
      return;
    }
    for (const call of group) call.done(await runCall(call.items, [call]));
  }

  async function runCall(
    items: readonly NodeAddress[],
    [call]: readonly Waiting[],
  ): Promise<SchedulerError | null> {
    if (call === undefined || items.length === 0) return null;
    const args = call.argsOf(items);
    if (items.length > 1 && args.some((arg) => arg.length > listBytesMax)) {
      const middle = items.length >> 1;
      return (
        (await runCall(items.slice(0, middle), [call])) ??
        (await runCall(items.slice(middle), [call]))
      );
    }
    options.started?.(args);
    return runScontrol(options, args);
  }

  function enqueue(
    kind: string,
    items: readonly NodeAddress[],
    argsOf: Waiting['argsOf'],
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      waiting.push({
        kind,
        items,
        argsOf,
        done: (error) => (error === null ? resolve() : reject(error)),
      });
      // A turn of the event loop later, so that calls made together run together.
      setImmediate(() => void work());
    });
  }

  return {
    assignNodes: (addresses) => enqueue('assign', addresses, assignArgs),
    downNodes: (nodes, reason) =>
      enqueue(`down ${reason}`, asItems(nodes), (items) => [
        ...updateOf(items),
        'state=down',
        `reason=${reason}`,
      ]),
    powerDownNodes: (nodes) =>
      enqueue('power-down', asItems(nodes), (items) => [
        ...updateOf(items),
        'state=power_down_force',
      ]),
  };
}

function asItems(nodes: readonly string[]): NodeAddress[] {
  return nodes.map((node) => ({ node, address: '', hostname: '' }));
}

function updateOf(items: readonly NodeAddress[]): string[] {
  return ['update', `nodename=${foldHostlist(items.map((item) => item.node))}`];
}

/** Slurm reads all three as hostlists and pairs them in order; folding keeps the order. */
function assignArgs(items: readonly NodeAddress[]): string[] {
  return [
    ...updateOf(items),
    `nodeaddr=${foldHostlist(items.map((item) => item.address))}`,
    `nodehostname=${foldHostlist(items.map((item) => item.hostname))}`,
  ];
}

function runScontrol(
  { scontrol, slurmConf }: ScontrolOptions,
  args: readonly string[],
): Promise<SchedulerError | null> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    ...(slurmConf === null ? {} : { SLURM_CONF: slurmConf }),
  };
  return new Promise((resolve) => {
    execFile(
      scontrol,
      [...args],
      { env, timeout: timeoutMs, maxBuffer: 1 << 20 },
      (error, stdout, stderr) => {
        if (error === null) return resolve(null);
        const said = `${stderr}${stdout}`.trim().replaceAll(/\s+/g, ' ');
        const what =
          args.at(-1)?.startsWith('nodehostname') === true ? 'set node addresses' : (args[2] ?? '');
        const message =
          said !== ''
            ? said
            : error.killed
              ? `no answer within ${timeoutMs / 1000} s`
              : error.message;
        resolve(
          new SchedulerError(`scontrol could not ${what}: ${message}`, {
            transient: !isRefusal(said),
            cause: error,
          }),
        );
      },
    );
  });
}

/** What slurmctld says when the same call would fail again; anything else (no contact, time-out) may pass. */
function isRefusal(said: string): boolean {
  return /invalid node name|invalid node state|permission denied|invalid user id|node not found|not able to/i.test(
    said,
  );
}
