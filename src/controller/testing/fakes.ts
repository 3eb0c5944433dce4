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
import { nodeUp } from '../../core/testing/node-state.ts';
import type { ControllerPorts } from '../controller.ts';
import { createFakeScheduler, type FakeSlurm } from './fake-scheduler.ts';

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

export interface FakePorts extends ControllerPorts, FakeSlurm {
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
  statuses: Cloud['listStatus'];
  described: Cloud['describeInstances'];
  console: Cloud['consoleOutput'];
  removeFiles: () => Promise<void>;
  /** What the registry lists; what is published does not change it. */
  names: ReadonlyMap<string, string>;
}

/** What it is asked goes into the journal; its answers are the test's. */
function createFakeCloud(journal: string[], answers: () => FakePorts): Cloud & CapacityCloud {
  return {
    async runInstances(order) {
      journal.push(`run ${order.clientToken}`);
      return answers().run(order);
    },
    async terminateInstances(ids) {
      journal.push(`terminate ${ids.join(' ')}`);
      await answers().terminate(ids);
    },
    async describeByClientToken(token) {
      journal.push(`describe ${token}`);
      return answers().describe(token);
    },
    async listStatus() {
      journal.push('list-status');
      return answers().statuses();
    },
    async describeInstances(ids) {
      journal.push(`describe-instances ${ids.join(' ')}`);
      return answers().described(ids);
    },
    async consoleOutput(id) {
      journal.push(`console ${id}`);
      return answers().console(id);
    },
    async createReservation(order) {
      journal.push(`reserve ${order.clientToken}`);
      return answers().reserve(order);
    },
    async cancelReservation(id) {
      journal.push(`cancel ${id}`);
      await answers().cancel(id);
    },
    async describeReservations(tags) {
      journal.push(`reservations ${JSON.stringify(tags)}`);
      return answers().reservations(tags);
    },
    async runFleet(order) {
      journal.push(`fleet ${order.clientToken}`);
      return { requestId: 'r-1', fleetId: 'fleet-1', launches: [], refusals: [] };
    },
    async describeByTags(tags) {
      journal.push(`tagged ${JSON.stringify(tags)}`);
      return answers().tagged(tags);
    },
    async describeSubnets(subnetIds) {
      journal.push(`subnets ${subnetIds.join(' ')}`);
      return subnetIds.map((subnetId) => ({ subnetId, availabilityZone: 'us-east-2a' }));
    },
    async describeLaunchTemplates(names) {
      journal.push(`templates ${names.join(' ')}`);
      return names.map((name) => ({
        name,
        placementGroup: name.startsWith('bare') ? null : `of-${name}`,
      }));
    },
    async describePlacementGroups(names) {
      journal.push(`groups ${names.join(' ')}`);
      return names.map((name) => ({
        ...{ name, arn: `arn:${name}` },
        strategy: name.startsWith('spread') ? 'spread' : 'cluster',
      }));
    },
  };
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
    statuses: async () => [],
    described: async () => [],
    console: async () => '',
    assign: async () => undefined,
    down: async () => undefined,
    jobs: async () => [],
    nodes: async (names) =>
      names.map((node) => ({ ...nodeUp, node, reason: '', power: 'powering-up' as const })),
    fleet: async () => [],
    partitions: async () => [],
    names: new Map(),
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
    cloud: createFakeCloud(journal, () => fakes),
    scheduler: createFakeScheduler(journal, () => fakes),
    consoles: { append: ({ instanceId }) => void journal.push(`keep console ${instanceId}`) },
    registry: {
      async publish(entries) {
        journal.push(
          `publish ${entries.map(({ instanceId, node }) => `${instanceId}=${node}`).join(' ')}`,
        );
      },
      async remove(ids) {
        journal.push(`unpublish ${ids.join(' ')}`);
      },
      list: () => Promise.resolve(fakes.names),
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
