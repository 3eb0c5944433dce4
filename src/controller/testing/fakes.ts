/**
 * The controller's ports for tests: they keep what they were asked in one journal, in order, and answer at once unless
 * the test holds an answer back.
 */
import type { HookRequest } from '../../core/requests.ts';
import type { Turn } from '../../core/turn.ts';
import type {
  CapacityCloud,
  Cloud,
  LaunchAnswer,
  ListedInstance,
  Reservation,
} from '../../ports/cloud.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RecordedTurn } from '../../ports/ledger.ts';
import type { LogLine } from '../../ports/log.ts';
import type { SchedulerJob, SchedulerNode } from '../../ports/scheduler.ts';
import type { ControllerPorts } from '../controller.ts';

export interface Held<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function hold<T>(): Held<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  return { promise, resolve, reject };
}

/** A clock that stands still until the test moves it, and fires nothing by itself. */
export interface ManualClock extends Clock {
  time: number;
  readonly timers: { readonly at: number; readonly wake: () => void }[];
  /** Called whenever something is scheduled. */
  scheduled: () => void;
  /** Fires what is due at `time`. */
  fire(): void;
}

export function createManualClock(start: number): ManualClock {
  const clock: ManualClock = {
    time: start,
    timers: [],
    scheduled: () => undefined,
    now: () => clock.time,
    schedule(after, wake) {
      const timer = { at: clock.time + after, wake };
      clock.timers.push(timer);
      clock.scheduled();
      return () => {
        const index = clock.timers.indexOf(timer);
        if (index !== -1) clock.timers.splice(index, 1);
      };
    },
    fire() {
      for (const timer of clock.timers.filter(({ at }) => at <= clock.time)) {
        clock.timers.splice(clock.timers.indexOf(timer), 1);
        timer.wake();
      }
    },
  };
  return clock;
}

export interface FakePorts extends ControllerPorts {
  /** What was asked, one line each, in order. */
  readonly journal: string[];
  readonly turns: Turn[];
  readonly lines: LogLine[];
  readonly files: Map<string, HookRequest>;
  readonly aside: string[];
  /** Tells the controller that something was spooled. */
  arrived: () => void;
  /** Before each append: throw or wait here. */
  beforeAppend: () => Promise<void>;
  run: Cloud['runInstances'];
  describe: Cloud['describeByClientToken'];
  terminate: Cloud['terminateInstances'];
  reserve: CapacityCloud['createReservation'];
  cancel: CapacityCloud['cancelReservation'];
  reservations: CapacityCloud['describeReservations'];
  tagged: CapacityCloud['describeByTags'];
  assign: () => Promise<void>;
  down: () => Promise<void>;
  /** What Slurm tells of every job that was asked for, and of those that have nodes: nothing, until a test says more. */
  jobs: () => Promise<readonly SchedulerJob[]>;
  /** Every node is on its way up until a test says otherwise. */
  nodes: (names: readonly string[]) => Promise<readonly SchedulerNode[]>;
  removeFiles: () => Promise<void>;
}

export function createFakePorts(clock: Clock, history: readonly Turn[] = []): FakePorts {
  let launched = 0;
  let reserved = 0;
  const journal: string[] = [];
  const turns: Turn[] = [...history];
  const files = new Map<string, HookRequest>();
  const fakes: FakePorts = {
    clock,
    journal,
    turns,
    files,
    lines: [],
    aside: [],
    arrived: () => undefined,
    beforeAppend: async () => undefined,
    run: async ({ maxCount }): Promise<LaunchAnswer> => ({
      requestId: 'r-1',
      instances: Array.from({ length: maxCount }, () => {
        launched += 1;
        return { instanceId: `i-${launched}`, privateIp: `10.0.0.${launched}`, hostname: 'h' };
      }),
    }),
    describe: async (): Promise<readonly ListedInstance[]> => [],
    terminate: async () => undefined,
    reserve: async ({ instanceType, availabilityZone, count, endsAt, tags }) => {
      reserved += 1;
      const reservation: Reservation = {
        reservationId: `cr-${reserved}`,
        state: 'active',
        instanceType,
        availabilityZone,
        count,
        available: count,
        endsAt,
        tags,
      };
      return { requestId: 'r-1', reservation };
    },
    cancel: async () => undefined,
    reservations: async () => [],
    tagged: async () => [],
    assign: async () => undefined,
    down: async () => undefined,
    jobs: async () => [],
    nodes: async (names) =>
      names.map((node) => ({
        node,
        power: 'powering-up' as const,
        isDown: false,
        isDrained: false,
      })),
    removeFiles: async () => undefined,
    ledger: {
      async append(added) {
        await fakes.beforeAppend();
        journal.push(`append ${added.map(({ event }) => event.kind).join(' ')}`);
        turns.push(...added);
        return turns.length;
      },
      async *read(after): AsyncIterable<RecordedTurn> {
        for (const [index, turn] of turns.slice(after).entries())
          yield { sequence: after + index + 1, turn };
      },
    },
    spool: {
      scan: async () => [...files.values()],
      async remove(ids) {
        await fakes.removeFiles();
        journal.push(`forget ${ids.join(' ')}`);
        for (const id of ids) files.delete(id);
      },
      async setAside(id) {
        fakes.aside.push(id);
        files.delete(id);
      },
      watch(arrived) {
        fakes.arrived = arrived;
        return () => journal.push('unwatch');
      },
    },
    log: { write: (line) => void fakes.lines.push(line) },
    cloud: {
      async runInstances(order) {
        journal.push(`run ${order.clientToken}`);
        return fakes.run(order);
      },
      async terminateInstances(ids) {
        journal.push(`terminate ${ids.join(' ')}`);
        await fakes.terminate(ids);
      },
      async describeByClientToken(token) {
        journal.push(`describe ${token}`);
        return fakes.describe(token);
      },
      async createReservation(order) {
        journal.push(`reserve ${order.clientToken}`);
        return fakes.reserve(order);
      },
      async cancelReservation(id) {
        journal.push(`cancel ${id}`);
        await fakes.cancel(id);
      },
      async describeReservations(tags) {
        journal.push(`reservations ${JSON.stringify(tags)}`);
        return fakes.reservations(tags);
      },
      async runFleet(order) {
        journal.push(`fleet ${order.clientToken}`);
        return { requestId: 'r-1', fleetId: 'fleet-1', launches: [], refusals: [] };
      },
      async describeByTags(tags) {
        journal.push(`tagged ${JSON.stringify(tags)}`);
        return fakes.tagged(tags);
      },
      async describeSubnets(subnetIds) {
        journal.push(`subnets ${subnetIds.join(' ')}`);
        return subnetIds.map((subnetId) => ({ subnetId, availabilityZone: 'us-east-2a' }));
      },
    },
    scheduler: {
      async readConfig() {
        return { version: '22.05.8', resumeTimeoutMs: 0, suspendTimeoutMs: 0, resumeRate: 0 };
      },
      async listJobs(jobIds) {
        journal.push(`list-jobs ${jobIds.join(' ')}`);
        const jobs = await fakes.jobs();
        return jobs.filter(
          ({ jobId, hetJobId }) => jobIds.includes(jobId) || jobIds.includes(hetJobId ?? 0),
        );
      },
      async listAllocatedJobs() {
        journal.push('list-allocated-jobs');
        return (await fakes.jobs()).filter(({ nodes }) => nodes.length > 0);
      },
      async listNodes(names) {
        journal.push(`list-nodes ${names.join(' ')}`);
        return fakes.nodes(names);
      },
      async updateJob(jobId, change) {
        journal.push(`update-job ${jobId} ${JSON.stringify(change)}`);
      },
      async drainNodes(nodes, reason) {
        journal.push(`drain ${nodes.join(' ')} ${reason}`);
      },
      async resumeNodes(nodes) {
        journal.push(`resume ${nodes.join(' ')}`);
      },
      async undrainNodes(nodes) {
        journal.push(`undrain ${nodes.join(' ')}`);
      },
      async assignNodes(addresses) {
        journal.push(
          `assign ${addresses.map(({ node, address, hostname }) => `${node}=${address}/${hostname}`).join(' ')}`,
        );
        await fakes.assign();
      },
      async downNodes(nodes, reason) {
        journal.push(`down ${nodes.join(' ')} ${reason}`);
        await fakes.down();
      },
      async powerDownNodes(nodes) {
        journal.push(`power-down ${nodes.join(' ')}`);
      },
    },
    registry: {
      async publish(entries) {
        journal.push(
          `publish ${entries.map(({ instanceId, node }) => `${instanceId}=${node}`).join(' ')}`,
        );
      },
      async remove(ids) {
        journal.push(`unpublish ${ids.join(' ')}`);
      },
    },
  };
  return fakes;
}

/** Lets everything that has been answered run its course; virtual time stands still. */
export async function quiet(): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
