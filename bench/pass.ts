/**
 * A pass of the reconcile loop over 10,000 nodes and instances: the CPU of reading what EC2 and Slurm answer, and beside
 * it that of what muster makes of the answers, where nothing has changed and where some nodes have.
 *
 * EC2 is read through the real SDK over HTTP from ec2sim in a process of its own; Slurm's answer is a whole process that
 * prints what sinfo prints. The passes are the daemon's own looks (ec2-look.ts, fleet-watch.ts) over answers that were
 * read before, then `decide` and `apply`.
 */
import { createEc2Cloud } from '../src/adapters/ec2/cloud.ts';
import { openFakeSlurm } from '../src/adapters/slurm/testing/fake-slurm.ts';
import { createEc2Look } from '../src/controller/ec2-look.ts';
import { createFleetWatch } from '../src/controller/fleet-watch.ts';
import { createFakePorts, createManualClock } from '../src/controller/testing/fakes.ts';
import { apply } from '../src/core/apply.ts';
import { decide } from '../src/core/decide.ts';
import type { Event } from '../src/core/events.ts';
import type { State } from '../src/core/state.ts';
import type { InstanceStatus } from '../src/ports/cloud.ts';
import type { SchedulerNode } from '../src/ports/scheduler.ts';
import { clusterName, fleetOf, sinfoText, withDown, withEnded } from './big-fleet.ts';
import { cpuOf } from './cpu.ts';
import { measureRest } from './rest.ts';
import { median, printTable } from './report.ts';
import { openSim } from './rig.ts';

const size = 10_000;
const rounds = 9;

async function medianCpu(work: () => unknown): Promise<number> {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) samples.push((await cpuOf(work)).cpuMs);
  return median(samples);
}

/** Both looks of the daemon over these answers. */
function passes(
  state: State,
  answers: { ec2: readonly InstanceStatus[]; slurm: readonly SchedulerNode[] },
) {
  const clock = createManualClock(state.now);
  const ports = createFakePorts(clock);
  const ec2 = createEc2Look(
    { ...ports, clock, cloud: { ...ports.cloud, listStatus: async () => answers.ec2 } },
    state,
  );
  const partition = { name: 'queue1', isUp: true, nodes: answers.slurm.map(({ node }) => node) };
  const scheduler = {
    ...ports.scheduler,
    listFleet: async () => answers.slurm,
    listPartitions: async () => [partition],
  };
  const fleet = createFleetWatch({ clock, scheduler }, state, ec2.health);
  return {
    async pass(): Promise<readonly Event[]> {
      clock.time += 30_000;
      const seen = [await ec2.look(), await fleet.look()];
      return seen.filter((event) => event !== null);
    },
  };
}

async function unchangedTable(
  read: { ec2: () => Promise<readonly InstanceStatus[]>; described: () => Promise<unknown> },
  statuses: readonly InstanceStatus[],
): Promise<void> {
  const slurm = openFakeSlurm();
  try {
    slurm.put('nodes', sinfoText(size, 0));
    const nodes = await slurm.slurm.listFleet();
    if (nodes.length !== size || statuses.length !== size) throw new Error('a listing is short');
    const ids = statuses.map(({ instanceId }) => instanceId);
    const { pass } = passes(fleetOf(ids, Date.now()), { ec2: statuses, slurm: nodes });
    const rows = [
      ['reading EC2: the states of all', await medianCpu(read.ec2)],
      ['reading EC2: all described (as it was)', await medianCpu(read.described)],
      ['reading Slurm: sinfo’s lines', await medianCpu(() => slurm.slurm.listFleet())],
      [
        'the pass beyond reading (aim: under 300)',
        await medianCpu(async () => {
          if ((await pass()).length > 0) throw new Error('nothing has changed');
        }),
      ],
    ] as const;
    printTable(
      `${size.toLocaleString('en')} nodes and instances that did not change, median CPU of ${rounds}`,
      ['', 'CPU ms'],
      rows.map(([what, ms]) => [what, ms.toFixed(0)]),
    );
  } finally {
    slurm.close();
  }
}

/** So many instances have ended, and as many nodes are down: two passes see and decide it. */
async function changedPass(statuses: readonly InstanceStatus[], count: number): Promise<number> {
  const ids = statuses.map(({ instanceId }) => instanceId);
  const half = count >> 1;
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const state = fleetOf(ids, Date.now());
    const nodes = withDown(size, count);
    const { pass } = passes(state, { ec2: withEnded(statuses, half), slurm: nodes });
    // A node is judged when it has been down for its grace: looked at before that, measured when it acts.
    let acted = 0;
    let cpuMs = 0;
    for (let look = 0; look < 4; look += 1) {
      const { cpuMs: ms, result } = await cpuOf(async () => {
        const events = await pass();
        for (const event of events) apply(state, decide(state, event));
        return events.length;
      });
      acted += result;
      if (result > 0) cpuMs += ms;
    }
    if (acted < 2 || state.outstanding.size === 0) throw new Error('nothing was done');
    samples.push(cpuMs);
  }
  return median(samples);
}

async function changedTable(statuses: readonly InstanceStatus[]): Promise<void> {
  const rows: string[][] = [];
  for (const count of [10, 100, 1_000, 2_000, 5_000]) {
    const ms = await changedPass(statuses, count);
    rows.push([count.toLocaleString('en'), ms.toFixed(0), ((ms / count) * 1000).toFixed(0)]);
  }
  printTable(
    `Of ${size.toLocaleString('en')} so many changed: half of the instances ended, the other nodes down; seen, decided, applied`,
    ['changed', 'CPU ms', 'µs each'],
    rows,
  );
}

export async function run(): Promise<void> {
  const sim = await openSim();
  try {
    await sim.plant({ 'muster:cluster': clusterName, 'muster:queue': 'queue1' }, size);
    Object.assign(process.env, sim.env);
    const cloud = createEc2Cloud({ region: 'us-east-2' });
    const statuses = await cloud.listStatus();
    const described = (): Promise<unknown> =>
      cloud.describeByTags({ 'muster:cluster': clusterName });
    await unchangedTable({ ec2: () => cloud.listStatus(), described }, statuses);
    await changedTable(statuses);
  } finally {
    await sim.close();
  }
  await measureRest(size);
}

if (import.meta.main) await run();
