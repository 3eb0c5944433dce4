/**
 * Tests of the checkers: muster is broken on purpose, and a world must see it within a bounded number of seeds. Each
 * saboteur stands between the controller and its ports; the same seeds hold every promise without it.
 */
import { describe, expect, test } from 'vitest';
import type { Controller, ControllerPorts } from '../../src/controller/controller.ts';
import type { State } from '../../src/core/state.ts';
import type { Turn } from '../../src/core/turn.ts';
import { CloudError, type CapacityCloud, type Cloud } from '../../src/ports/cloud.ts';
import {
  SchedulerError,
  type Scheduler,
  type SchedulerJob,
  type SchedulerNode,
} from '../../src/ports/scheduler.ts';
import { isStatic } from '../../src/sim/world/static-nodes.ts';
import { simulate } from '../../src/sim/world/world.ts';
import { quiet } from './quiet.ts';

type Sabotage = (ports: ControllerPorts, controller: () => Controller) => ControllerPorts;

const seedsMax = 400;

/**
 * The names of the promises that may be seen broken first; and the seed to begin with, where few worlds are such that it
 * shows.
 */
const saboteurs = new Map<string, [Sabotage, readonly string[], number?]>([
  [
    'each attempt of a launch has a token of its own',
    [
      (ports) => {
        let attempts = 0;
        return withCloud(ports, {
          runInstances(order) {
            attempts += 1;
            const clientToken = `${order.clientToken}-${attempts}`;
            return ports.cloud.runInstances({ ...order, clientToken });
          },
        });
      },
      ['once'],
    ],
  ],
  [
    'a rollback is skipped: nothing is terminated',
    [
      (ports) => withCloud(ports, { terminateInstances: () => Promise.resolve() }),
      ['no stray money'],
    ],
  ],
  [
    'a lease is forgotten on restart',
    [
      (ports) => ({
        ...ports,
        ledger: {
          append: (turns) => ports.ledger.append(turns),
          async *read(after) {
            for await (const { sequence, turn } of ports.ledger.read(after))
              yield { sequence, turn: withoutItsFirstLease(turn) };
          },
        },
      }),
      // The turns after it may be of no sense without it, and then muster ends at once.
      ['no stray money', 'one instance a node', 'whole or nothing', 'once', 'muster goes on'],
    ],
  ],
  [
    'whatever runs in the region is taken for this cluster’s',
    [
      (ports) =>
        withCloud(ports, {
          async describeInstances(ids) {
            const instances = await ports.cloud.describeInstances(ids);
            return instances.map((each) => ({ ...each, tags: { 'muster:cluster': 'sim' } }));
          },
        }),
      ['it touches its own'],
    ],
  ],
  [
    'instances that muster does not know are not looked for',
    [
      (ports) => withCloud(ports, { describeInstances: () => Promise.resolve([]) }),
      ['no stray money'],
    ],
  ],
  [
    'throttling counts as lack of capacity',
    [
      (ports) =>
        withCloud(ports, {
          async runInstances(order) {
            try {
              return await ports.cloud.runInstances(order);
            } catch (error: unknown) {
              if (!(error instanceof CloudError) || error.code !== 'RequestLimitExceeded')
                throw error;
              throw new CloudError('InsufficientInstanceCapacity', error.message);
            }
          },
        }),
      ['it says why'],
    ],
  ],
  [
    'a part is given to Slurm early',
    [
      (ports, controller) =>
        withCloud(ports, {
          async runInstances(order) {
            const nodes = nodesOfLaunch(controller(), order.clientToken);
            const answer = await ports.cloud.runInstances(order);
            const entries = answer.instances.flatMap(({ instanceId }, index) => {
              const node = nodes[index];
              return node === undefined ? [] : [{ instanceId, node }];
            });
            await ports.registry.publish(entries);
            return answer;
          },
        }),
      ['whole or nothing'],
    ],
  ],
  [
    'nodes are given before Slurm knows their addresses',
    [
      (ports) => ({
        ...ports,
        scheduler: { ...ports.scheduler, assignNodes: () => Promise.resolve() },
      }),
      ['no job starts on part of a gang'],
    ],
  ],
  [
    'the ledger says that it has what it lost',
    [
      (ports) => {
        let appends = 0;
        return {
          ...ports,
          ledger: {
            read: (after) => ports.ledger.read(after),
            append(turns) {
              appends += 1;
              return appends % 7 === 0 ? Promise.resolve(0) : ports.ledger.append(turns);
            },
          },
        };
      },
      [
        'in the ledger first',
        'apart',
        'no stray money',
        'it ends',
        'whole or nothing',
        'no job starts on part of a gang',
        'muster goes on',
      ],
    ],
  ],
  [
    'suspends are not heard',
    [
      (ports) => ({
        ...ports,
        spool: {
          ...ports.spool,
          async scan() {
            const requests = await ports.spool.scan();
            const heard = requests.filter(({ verb }) => verb !== 'suspend');
            const unheard = requests.filter(({ verb }) => verb === 'suspend');
            await ports.spool.remove(unheard.map(({ id }) => id));
            return heard;
          },
        },
      }),
      ['it ends', 'no stray money', 'one instance a node', 'once', 'whole until it runs'],
    ],
  ],
  [
    'nodes are not powered down',
    [
      (ports) => ({
        ...ports,
        scheduler: { ...ports.scheduler, powerDownNodes: () => Promise.resolve() },
      }),
      ['it ends', 'whole until it runs', 'no job starts on part of a gang'],
    ],
  ],
  [
    'nodes are taken down without a reason',
    [
      (ports) => ({
        ...ports,
        scheduler: {
          ...ports.scheduler,
          downNodes: (nodes) => ports.scheduler.downNodes(nodes, 'it failed'),
        },
      }),
      ['it says why'],
    ],
  ],
  [
    "one gang's failure takes another's nodes along",
    [
      (ports, controller) => ({
        ...ports,
        scheduler: {
          ...ports.scheduler,
          downNodes: (nodes, reason) =>
            ports.scheduler.downNodes([...nodes, ...controller().state.leases.keys()], reason),
        },
      }),
      ['apart'],
    ],
  ],
  [
    'reservations are never let go',
    [
      (ports) => withCloud(ports, { cancelReservation: () => Promise.resolve() }),
      ['no stray money'],
    ],
  ],
  [
    'reservations are forgotten on restart, and EC2 is not asked for them',
    [
      (ports) => ({
        ...withCloud(ports, { describeReservations: () => Promise.resolve([]) }),
        ledger: {
          append: (turns) => ports.ledger.append(turns),
          async *read(after) {
            for await (const { sequence, turn } of ports.ledger.read(after))
              yield { sequence, turn: withoutReservations(turn) };
          },
        },
      }),
      ['no stray money'],
      100,
    ],
  ],
  [
    "a boot's deadline is never looked at",
    [
      (ports) =>
        withScheduler(ports, {
          listNodes: async (nodes) =>
            (await ports.scheduler.listNodes(nodes)).map((node) =>
              node.power === 'powering-up' ? { ...node, power: 'up' } : node,
            ),
        }),
      // Instances that never boot are awaited for ever.
      ['whole until it runs', 'it ends'],
      680,
    ],
  ],
  [
    "a cancelled job's launch goes on",
    [
      (ports, controller) =>
        withScheduler(ports, {
          listAllocatedJobs: async () => [
            ...(await ports.scheduler.listAllocatedJobs()),
            ...ghostsOf(controller()),
          ],
        }),
      ['no stray money'],
      400,
    ],
  ],
  [
    'the fleet is never looked at',
    [
      (ports) =>
        withScheduler(ports, {
          listFleet: () => Promise.reject(new SchedulerError('no answer', { transient: true })),
        }),
      ['it ends', 'no stray money', 'once', 'whole until it runs'],
    ],
  ],
  [
    'static nodes are never powered up',
    [(ports) => withScheduler(ports, { powerUpNodes: () => Promise.resolve() }), ['it ends']],
  ],
  [
    'a part of a static set is given to Slurm early',
    [
      (ports, controller) =>
        withCloud(ports, {
          async runInstances(order) {
            const nodes = nodesOfLaunch(controller(), order.clientToken);
            const answer = await ports.cloud.runInstances(order);
            const entries = answer.instances.flatMap(({ instanceId }, index) => {
              const node = nodes[index];
              return node === undefined || !isStatic(node) ? [] : [{ instanceId, node }];
            });
            if (entries.length > 0) await ports.registry.publish(entries);
            return answer;
          },
        }),
      ['whole or nothing'],
    ],
  ],
  [
    'instances run on while the fleet is stopped',
    [
      (ports, controller) =>
        withCloud(ports, {
          async terminateInstances(ids) {
            if (controller().state.fleet.status === 'running')
              await ports.cloud.terminateInstances(ids);
          },
        }),
      // What runs there is nobody's by then.
      ['no stray money', 'no job starts on part of a gang'],
    ],
  ],
  [
    'a stopped fleet is taken for a running one',
    [
      (ports, controller) => ({
        ...ports,
        spool: {
          ...ports.spool,
          scan() {
            const state: { fleet: State['fleet'] } = controller().state;
            state.fleet = { ...state.fleet, status: 'running' };
            return ports.spool.scan();
          },
        },
      }),
      ['stopped'],
      130,
    ],
  ],
  [
    'nobody is seen at work, neither by the looks at the fleet nor by the last one before nodes are powered down',
    [
      (ports) =>
        withScheduler(ports, {
          listFleet: async () => (await ports.scheduler.listFleet()).map(asIdle),
          listNodes: async (nodes) => (await ports.scheduler.listNodes(nodes)).map(asIdle),
          listAllocatedJobs: () => Promise.resolve([]),
        }),
      // What is ended under a job has been paid for in vain.
      ['apart', 'it ends', 'no stray money'],
    ],
  ],
]);

function asIdle(node: SchedulerNode): SchedulerNode {
  return { ...node, isBusy: false };
}

function withScheduler(ports: ControllerPorts, scheduler: Partial<Scheduler>): ControllerPorts {
  return { ...ports, scheduler: { ...ports.scheduler, ...scheduler } };
}

function withCloud(ports: ControllerPorts, cloud: Partial<Cloud & CapacityCloud>): ControllerPorts {
  return { ...ports, cloud: { ...ports.cloud, ...cloud } };
}

function nodesOfLaunch({ state }: Controller, clientToken: string): readonly string[] {
  for (const gang of state.gangs.values()) {
    for (const batch of gang.batches.values())
      if (batch.clientToken === clientToken) return batch.nodes;
  }
  return [];
}

function withoutItsFirstLease(turn: Turn): Turn {
  return {
    ...turn,
    decisions: turn.decisions.map((decision) =>
      decision.kind === 'BatchHeld' ? { ...decision, placed: decision.placed.slice(1) } : decision,
    ),
  };
}

function withoutReservations(turn: Turn): Turn {
  const decisions = turn.decisions.filter(({ kind }) => kind !== 'ReservationHeld');
  return { ...turn, decisions };
}

/** The jobs of all gangs that are not up yet, as if each still had its nodes. */
function ghostsOf({ state }: Controller): SchedulerJob[] {
  return [...state.gangs.values(), ...state.boots.values()].flatMap(({ jobIds, nodes }) =>
    jobIds.map((jobId) => ({
      jobId,
      hetJobId: null,
      state: 'CONFIGURING' as const,
      reason: 'None',
      partition: '',
      nodes,
      priority: null,
      restarts: 0,
      comment: '',
      adminComment: '',
      extra: '',
    })),
  );
}

/** The first of the seeds whose world sees it, and what it sees. */
async function firstSeen(sabotage: Sabotage, from: number) {
  for (let seed = from; seed < from + seedsMax; seed += 1) {
    const { broken } = await simulate(seed, { quiet, sabotage });
    if (broken !== null) return { seed, check: broken.check };
  }
  throw new Error(`${seedsMax} seeds have not seen it`);
}

describe('a world sees that', () => {
  for (const [name, [sabotage, checks, from = 1]] of saboteurs) {
    test(name, async () => {
      const seen = await firstSeen(sabotage, from);
      expect(checks).toContain(seen.check);
      expect((await simulate(seen.seed, { quiet })).broken).toBe(null);
    });
  }
});
