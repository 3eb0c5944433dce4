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

const defaultTimeoutMs = 60_000;

/**
 * What scontrol takes for one node. `ALL` is every node of the cluster to it, and braces call functions that name many
 * (nodespec_to_hostlist in slurmctld): a misprint must not take down what nobody named.
 */
function isOneNode(name: string): boolean {
  return /^[A-Za-z0-9._-]+$/.test(name) && name.toUpperCase() !== 'ALL';
}

export interface ScontrolOptions {
  /** Absolute path, or a name to be found in PATH. */
  readonly scontrol: string;
  /** SLURM_CONF for the commands; null leaves it to Slurm's default. */
  readonly slurmConf: string | null;
  /** How long one scontrol may take; default 60 s. */
  readonly timeoutMs?: number;
  /** Told of every process started: for counting. */
  readonly started?: (args: readonly string[]) => void;
}

interface Waiting {
  /** Calls with the same kind and reason may be merged. */
  readonly kind: string;
  /** For the message: `scontrol could not ...`. */
  readonly what: string;
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
    return runScontrol(options, args, call.what);
  }

  function enqueue(call: Omit<Waiting, 'done'>): Promise<void> {
    const many = call.items.find(({ node }) => !isOneNode(node));
    if (many !== undefined) {
      const why = `"${many.node}" is not the name of one node to scontrol`;
      return Promise.reject(
        new SchedulerError(`scontrol was not asked to ${call.what}: ${why}`, { transient: false }),
      );
    }
    return new Promise((resolve, reject) => {
      waiting.push({
        ...call,
        done: (error) => (error === null ? resolve() : reject(error)),
      });
      // A turn of the event loop later, so that calls made together run together.
      setImmediate(() => void work());
    });
  }

  return {
    assignNodes: (items) =>
      enqueue({ kind: 'assign', what: 'set node addresses', items, argsOf: assignArgs }),
    downNodes: (nodes, reason) =>
      enqueue({
        kind: `down ${reason}`,
        what: 'set nodes down',
        items: asItems(nodes),
        argsOf: (items) => [...updateOf(items), 'state=down', `reason=${reason}`],
      }),
    powerDownNodes: (nodes) =>
      enqueue({
        kind: 'power-down',
        what: 'power nodes down',
        items: asItems(nodes),
        argsOf: (items) => [...updateOf(items), 'state=power_down_force'],
      }),
  };
}

function asItems(nodes: readonly string[]): NodeAddress[] {
  return nodes.map((node) => ({ node, address: '', hostname: '' }));
}

function updateOf(items: readonly NodeAddress[]): string[] {
  return ['update', `nodename=${foldHostlist(items.map((item) => item.node))}`];
}

/**
 * Slurm reads all three as hostlists and pairs them in order; folding keeps the order. Some versions sort the names
 * first, and the addresses not: sent in that order, they are paired right by both.
 */
function assignArgs(unsorted: readonly NodeAddress[]): string[] {
  const items = sortedAsSlurmDoes(unsorted);
  return [
    ...updateOf(items),
    `nodeaddr=${foldHostlist(items.map((item) => item.address))}`,
    `nodehostname=${foldHostlist(items.map((item) => item.hostname))}`,
  ];
}

/** By what stands before the number at the end, then by that number. */
function sortedAsSlurmDoes(items: readonly NodeAddress[]): NodeAddress[] {
  const keyed = items.map((item) => {
    const head = item.node.replace(/\d+$/, '');
    return { item, head, number: Number(item.node.slice(head.length)) };
  });
  keyed.sort((a, b) => (a.head === b.head ? a.number - b.number : a.head < b.head ? -1 : 1));
  return keyed.map(({ item }) => item);
}

function runScontrol(
  { scontrol, slurmConf, timeoutMs = defaultTimeoutMs }: ScontrolOptions,
  args: readonly string[],
  what: string,
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
