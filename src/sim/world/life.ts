/**
 * One life of muster: the production controller behind ports that can cut it off. Before and after every call of a
 * port it may be killed. From then on nothing that it asks is done and nothing that it waits for comes, as for a process
 * that is gone; what had left it goes its way. What outlives it is handed in.
 */
import {
  createController,
  type Controller,
  type ControllerPorts,
} from '../../controller/controller.ts';
import type { CapacityCloud, Cloud } from '../../ports/cloud.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RecordedTurn } from '../../ports/ledger.ts';
import type { LogLine } from '../../ports/log.ts';
import type { Registry } from '../../ports/registry.ts';
import type { Scheduler } from '../../ports/scheduler.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { MemoryLedger, MemorySpool } from './stores.ts';
import type { Weather } from './weather.ts';

export interface Life {
  readonly controller: Controller;
  isAlive(): boolean;
  /** Ends it where it stands. */
  kill(): void;
  /** Something was spooled. */
  spooled(): void;
}

export interface LifeParts {
  readonly clock: VirtualClock;
  readonly weather: Weather;
  readonly ledger: MemoryLedger;
  readonly spool: MemorySpool;
  readonly cloud: Cloud & CapacityCloud;
  readonly scheduler: Scheduler;
  readonly registry: Registry;
  readonly log: (line: LogLine) => void;
  /** Whether the spool keeps the files that it is to remove now. */
  readonly spoolKeeps: () => boolean;
  /** Called at every point where muster may be killed. */
  readonly mayCrash: (point: string) => void;
  /** Breaks muster on purpose, to test the checkers. */
  readonly sabotage?: (ports: ControllerPorts, controller: () => Controller) => ControllerPorts;
}

/** How often a spool is looked at besides being watched. */
const scanIntervalMs = 1_000;

export function createLife(parts: LifeParts): Life {
  const { clock, weather, ledger, spool } = parts;
  let alive = true;
  let arrived = (): void => undefined;
  let looksAgain = false;

  /** Done unless muster is dead; answered unless it has died since. */
  function guard<T>(point: string, act: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (alive) parts.mayCrash(`before ${point}`);
      if (!alive) return;
      act().then(
        (value) => alive && resolve(value),
        (error: unknown) => {
          if (alive) reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
      parts.mayCrash(`after ${point}`);
    });
  }

  /** Takes a moment, and fails while the thing is out. */
  function store<T>(what: 'ledger' | 'spool' | 'registry', act: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      clock.schedule(1, () => {
        if (weather.isOut(what)) reject(new Error(`${what}: no space left on device`));
        else resolve(act());
      });
    });
  }

  /** The adapter looks once a second; here only while there is something to be seen. */
  function lookAgain(): void {
    if (looksAgain || spool.files.size === 0) return;
    looksAgain = true;
    clock.schedule(scanIntervalMs, () => {
      looksAgain = false;
      if (!alive) return;
      arrived();
      lookAgain();
    });
  }

  const ports: ControllerPorts = {
    clock: lifeClock(parts, () => alive),
    log: { write: (line) => alive && parts.log(line) },
    ledger: {
      append: (turns) =>
        guard('append', () => store('ledger', () => ledger.append(turns)).then((size) => size)),
      read: (after) => readWhileAlive(ledger.read(after), () => alive),
    },
    spool: {
      scan: () => guard('scan', () => store('spool', () => spool.list())),
      remove: (ids) =>
        guard('forget', () =>
          parts.spoolKeeps()
            ? Promise.reject(new Error('spool: read-only file system'))
            : store('spool', () => spool.remove(ids)),
        ),
      setAside: (id) => guard('set-aside', () => store('spool', () => spool.setAside(id))),
      watch(wake) {
        arrived = wake;
        lookAgain();
        return () => {
          arrived = () => undefined;
        };
      },
    },
    cloud: {
      runInstances: (order) => guard('launch', () => parts.cloud.runInstances(order)),
      terminateInstances: (ids) => guard('terminate', () => parts.cloud.terminateInstances(ids)),
      describeByClientToken: (token) =>
        guard('describe', () => parts.cloud.describeByClientToken(token)),
      listStatus: () => guard('list-status', () => parts.cloud.listStatus()),
      describeInstances: (ids) =>
        guard('describe-instances', () => parts.cloud.describeInstances(ids)),
      consoleOutput: (id) => guard('console', () => parts.cloud.consoleOutput(id)),
      createReservation: (order) => guard('reserve', () => parts.cloud.createReservation(order)),
      cancelReservation: (id) =>
        guard('cancel-reservation', () => parts.cloud.cancelReservation(id)),
      describeReservations: (tags) =>
        guard('describe-reservations', () => parts.cloud.describeReservations(tags)),
      runFleet: (order) => guard('launch-fleet', () => parts.cloud.runFleet(order)),
      describeByTags: (tags) => guard('describe-tagged', () => parts.cloud.describeByTags(tags)),
      describeSubnets: (ids) => guard('describe-subnets', () => parts.cloud.describeSubnets(ids)),
      describePlacementGroups: (names) =>
        guard('describe-groups', () => parts.cloud.describePlacementGroups(names)),
      describeLaunchTemplates: (names) =>
        guard('describe-templates', () => parts.cloud.describeLaunchTemplates(names)),
    },
    scheduler: guardScheduler(parts.scheduler, guard),
    consoles: { append: () => undefined },
    registry: {
      publish: (entries) =>
        guard('publish', () => store('registry', () => parts.registry.publish(entries)).then()),
      remove: (ids) =>
        guard('unpublish', () => store('registry', () => parts.registry.remove(ids)).then()),
      list: () => guard('list-names', () => parts.registry.list()),
    },
  };
  const controller = createController(
    parts.sabotage === undefined ? ports : parts.sabotage(ports, () => controller),
  );
  return {
    controller,
    isAlive: () => alive,
    kill() {
      alive = false;
    },
    spooled() {
      if (!alive) return;
      arrived();
      lookAgain();
    },
  };
}

/** The head node's clock: its time may jump, its timers do not. */
function lifeClock({ clock, weather }: LifeParts, isAlive: () => boolean): Clock {
  return {
    now: () => weather.wall(),
    schedule: (after, wake) =>
      clock.schedule(after, () => {
        if (isAlive()) wake();
      }),
  };
}

async function* readWhileAlive(
  records: AsyncIterable<RecordedTurn>,
  isAlive: () => boolean,
): AsyncIterable<RecordedTurn> {
  for await (const record of records) {
    if (!isAlive()) await new Promise<never>(() => undefined);
    yield record;
  }
}

type Guard = <T>(point: string, act: () => Promise<T>) => Promise<T>;

function guardScheduler(scheduler: Scheduler, guard: Guard): Scheduler {
  return {
    readConfig: () => guard('show-config', () => scheduler.readConfig()),
    listJobs: (jobIds) => guard('list-jobs', () => scheduler.listJobs(jobIds)),
    listAllocatedJobs: () => guard('list-allocated-jobs', () => scheduler.listAllocatedJobs()),
    listNodes: (nodes) => guard('list-nodes', () => scheduler.listNodes(nodes)),
    listFleet: () => guard('list-fleet', () => scheduler.listFleet()),
    listPartitions: () => guard('list-partitions', () => scheduler.listPartitions()),
    setPartitions: (names, isUp) =>
      guard('set-partitions', () => scheduler.setPartitions(names, isUp)),
    updateJob: (jobId, change) => guard('update-job', () => scheduler.updateJob(jobId, change)),
    releaseJob: (jobId) => guard('release-job', () => scheduler.releaseJob(jobId)),
    drainNodes: (nodes, reason, waitsMs) =>
      guard('drain', () => scheduler.drainNodes(nodes, reason, waitsMs)),
    resumeNodes: (nodes) => guard('resume', () => scheduler.resumeNodes(nodes)),
    undrainNodes: (nodes) => guard('undrain', () => scheduler.undrainNodes(nodes)),
    assignNodes: (list) => guard('assign', () => scheduler.assignNodes(list)),
    downNodes: (nodes, reason, waitsMs) =>
      guard('down', () => scheduler.downNodes(nodes, reason, waitsMs)),
    powerDownNodes: (nodes, waitsMs) =>
      guard('power-down', () => scheduler.powerDownNodes(nodes, waitsMs)),
    powerUpNodes: (nodes) => guard('power-up', () => scheduler.powerUpNodes(nodes)),
  };
}
