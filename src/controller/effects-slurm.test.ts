/** Effects that ask Slurm, let go of nodes, tell jobs, reserve and look up subnets: what they run and what they answer. */
import { describe, expect, test } from 'vitest';
import type {
  AskJobs,
  CreateReservation,
  Effect,
  EndReservation,
  TellJobs,
} from '../core/effects.ts';
import type { Event } from '../core/events.ts';
import { CloudError, type Reservation } from '../ports/cloud.ts';
import { SchedulerError, type SchedulerJob } from '../ports/scheduler.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { createEffectRunner } from './effects.ts';
import { createFakePorts, hold, quiet } from './testing/fakes.ts';

const start = Date.UTC(2022, 5, 21);

function setUp() {
  const clock = createVirtualClock(start);
  const ports = createFakePorts(clock);
  const events: Event[] = [];
  const runEffect = createEffectRunner(ports, ({ nodes }) => nodes);
  const run = (effect: Effect): void => runEffect(effect, (event) => void events.push(event));
  return { clock, ports, events, run };
}

const ask: AskJobs = { kind: 'AskJobs', id: 'ask', requestId: 'r', jobIds: [1], nodes: ['n1'] };
const job: SchedulerJob = {
  jobId: 1,
  hetJobId: null,
  state: 'CONFIGURING',
  reason: 'None',
  partition: 'q',
  nodes: ['n1'],
  priority: null,
  restarts: 0,
  comment: '',
  adminComment: '',
  extra: '',
};

describe('the whole fleet', () => {
  test('nodes are powered up, partitions told and set', async () => {
    const { ports, events, run } = setUp();
    ports.partitions = async () => [
      { name: 'q', isUp: true, nodes: ['q-dy-c-1'] },
      { name: 'down', isUp: false, nodes: ['q-dy-c-1'] },
    ];
    run({ kind: 'PowerUpNodes', id: 'p', set: 'q/c', nodes: ['q-st-c-1', 'q-st-c-2'] });
    run({ kind: 'ListPartitions', id: 'l', queues: ['q'] });
    await quiet();
    run({ kind: 'SetPartitions', id: 's', by: 'fleet', partitions: ['q'], isUp: false });
    await quiet();
    expect(events).toMatchObject([
      { kind: 'NodesPoweredUp', effectId: 'p' },
      { kind: 'PartitionsTold', effectId: 'l', up: ['q'] },
      { kind: 'PartitionsSet', effectId: 's' },
    ]);
    expect(ports.journal).toEqual([
      'power-up q-st-c-1 q-st-c-2',
      'list-partitions',
      'set-partitions q inactive',
    ]);
  });
});

describe('asking Slurm', () => {
  test('answers what it tells', async () => {
    const { ports, events, run } = setUp();
    ports.jobs = async () => [job];
    run(ask);
    await quiet();
    expect(events).toMatchObject([
      { kind: 'JobsTold', effectId: 'ask', told: { jobs: [{ jobId: 1 }], absent: '' } },
    ]);
  });

  test('leaves no timer behind', async () => {
    const { clock, run } = setUp();
    run(ask);
    await quiet();
    expect(clock.nextWake()).toBe(null);
  });

  test('fails for now after five seconds, and what is answered later is nothing', async () => {
    const { clock, ports, events, run } = setUp();
    const answer = hold<readonly SchedulerJob[]>();
    ports.jobs = () => answer.promise;
    run(ask);
    await quiet();
    clock.advanceTo(start + 4_999);
    await quiet();
    expect(events).toEqual([]);
    clock.advanceTo(start + 5_000);
    await quiet();
    expect(events).toMatchObject([{ kind: 'EffectFailed', transient: true }]);
    answer.resolve([job]);
    await quiet();
    expect(events).toHaveLength(1);
  });

  test('fails for good where Slurm refuses the question', async () => {
    const { ports, events, run } = setUp();
    ports.jobs = () => Promise.reject(new SchedulerError('no such option', { transient: false }));
    run(ask);
    await quiet();
    expect(events).toMatchObject([
      { kind: 'EffectFailed', effectId: 'ask', message: 'no such option', transient: false },
    ]);
  });
});

test('letting go of nodes answers who is free and who is there', async () => {
  const { ports, events, run } = setUp();
  ports.jobs = async () => [job];
  run({ kind: 'ReleaseNodes', id: 'release', nodes: ['n1', 'n2'], reason: 'gone' });
  await quiet();
  expect(events).toMatchObject([
    { kind: 'NodesReleased', effectId: 'release', freed: ['n2'], kept: { jobs: [{ jobId: 1 }] } },
  ]);
});

test('telling jobs answers that they are told', async () => {
  const { ports, events, run } = setUp();
  ports.jobs = async () => [{ ...job, state: 'PENDING' }];
  run({ kind: 'TellJobs', id: 'tell', jobIds: [1], note: 'n', startAt: null, hold: null });
  await quiet();
  expect(events).toMatchObject([{ kind: 'JobsInformed', effectId: 'tell' }]);
  expect(ports.journal.at(-1)).toBe('update-job 1 {"adminComment":"[muster: n]"}');
});

test('looking up subnets answers their zones', async () => {
  const { events, run } = setUp();
  run({ kind: 'DescribeSubnets', id: 'subnets', subnetIds: ['subnet-1', 'subnet-2'] });
  await quiet();
  expect(events).toMatchObject([
    {
      kind: 'SubnetsTold',
      effectId: 'subnets',
      zones: { 'subnet-1': 'us-east-2a', 'subnet-2': 'us-east-2a' },
    },
  ]);
});

test('looking up placement groups answers their ARNs, which are no cluster groups, and those of launch templates', async () => {
  const { events, run } = setUp();
  const names = ['pg', 'spread-1'];
  run({ kind: 'DescribePlacementGroups', id: 'groups', names, templates: ['t', 'bare'] });
  await quiet();
  expect(events).toMatchObject([
    {
      kind: 'PlacementGroupsTold',
      effectId: 'groups',
      templates: { t: 'of-t', bare: null },
      arns: { pg: 'arn:pg', 'spread-1': null, 'of-t': 'arn:of-t' },
    },
  ]);
});

describe('reservations', () => {
  const reserve: CreateReservation = {
    kind: 'CreateReservation',
    id: 'reserve',
    gangId: 'g',
    order: {
      clientToken: 'token-r',
      instanceType: 'c5.large',
      platform: 'Linux/UNIX',
      availabilityZone: 'us-east-2a',
      count: 2,
      placementGroupArn: null,
      endsAt: start + 600_000,
      tags: { 'muster:reservation': 'reserve' },
    },
  };
  const end: EndReservation = {
    kind: 'EndReservation',
    id: 'end',
    tag: 'reserve',
    reservationId: 'cr-7',
  };

  test('one that is made answers its id', async () => {
    const { events, run } = setUp();
    run(reserve);
    await quiet();
    expect(events).toMatchObject([
      { kind: 'ReservationMade', effectId: 'reserve', reservationId: 'cr-1' },
    ]);
  });

  test("one that is refused answers EC2's code; a fault of ours leaves the outcome open", async () => {
    const { ports, events, run } = setUp();
    ports.reserve = () => Promise.reject(new CloudError('InsufficientInstanceCapacity', 'none'));
    run(reserve);
    await quiet();
    ports.reserve = () => Promise.reject(new Error('a fault of ours'));
    run(reserve);
    await quiet();
    expect(events).toMatchObject([
      { kind: 'ReservationFailed', failure: { code: 'InsufficientInstanceCapacity' } },
      { kind: 'ReservationFailed', failure: { code: 'ConnectionError', requestId: null } },
    ]);
  });

  test('one is let go by its id', async () => {
    const { ports, events, run } = setUp();
    run(end);
    await quiet();
    expect(ports.journal).toEqual(['cancel cr-7']);
    expect(events).toMatchObject([{ kind: 'ReservationEnded', effectId: 'end', found: 1 }]);
  });

  test('whatever carries the tag, and is held, is let go where the id never came', async () => {
    const { ports, events, run } = setUp();
    const plain = { instanceType: 'c5.large', availabilityZone: 'z', count: 1, available: 1 };
    const shown = (reservationId: string, state: Reservation['state']): Reservation => ({
      ...plain,
      reservationId,
      state,
      endsAt: null,
      tags: {},
    });
    ports.reservations = async () => [
      shown('cr-1', 'active'),
      shown('cr-2', 'pending'),
      shown('cr-3', 'cancelled'),
      shown('cr-4', 'expired'),
    ];
    run({ ...end, reservationId: null });
    await quiet();
    expect(ports.journal).toEqual([
      'reservations {"muster:reservation":"reserve"}',
      'cancel cr-1',
      'cancel cr-2',
    ]);
    expect(events).toMatchObject([{ kind: 'ReservationEnded', found: 2 }]);
  });

  test('one that cannot be let go now is said to have failed', async () => {
    const { ports, events, run } = setUp();
    ports.cancel = () => Promise.reject(new CloudError('RequestLimitExceeded', 'later'));
    run(end);
    await quiet();
    expect(events).toMatchObject([{ kind: 'EffectFailed', effectId: 'end', transient: true }]);
  });
});

describe('telling a job', () => {
  const first: TellJobs = {
    kind: 'TellJobs',
    id: 'first',
    jobIds: [1, 2],
    note: 'held',
    startAt: null,
    hold: 'admin',
  };

  test('of what was decided later waits until what came before has been told, and no other job does', async () => {
    const { ports, events, run } = setUp();
    const answer = hold<readonly SchedulerJob[]>();
    ports.jobs = () => answer.promise;
    run(first);
    run({ ...first, id: 'second', jobIds: [2], hold: null });
    ports.jobs = async () => [];
    run({ ...first, id: 'another', jobIds: [3] });
    await quiet();
    expect(events).toMatchObject([{ kind: 'JobsInformed', effectId: 'another' }]);
    answer.reject(new SchedulerError('no contact', { transient: true }));
    await quiet();
    expect(events).toMatchObject([
      { effectId: 'another' },
      { kind: 'EffectFailed', effectId: 'first' },
      { kind: 'JobsInformed', effectId: 'second' },
    ]);
  });
});

describe('the console of an instance', () => {
  const fetch: Effect = {
    kind: 'FetchConsole',
    id: 'console',
    queue: 'q',
    node: 'q-dy-a-1',
    instanceId: 'i-1',
  };

  test('is kept whole, and its end goes to the ledger', async () => {
    const { ports, events, run } = setUp();
    ports.console = async () => '\u001B[1mGRUB\u001B[0m\r\npanic\r\n';
    run(fetch);
    await quiet();
    expect(events).toMatchObject([
      { kind: 'ConsoleFetched', effectId: 'console', tail: 'GRUB\npanic' },
    ]);
    expect(ports.journal).toEqual(['console i-1', 'keep console i-1']);
  });

  test('that is empty is not kept', async () => {
    const { ports, events, run } = setUp();
    ports.console = async () => '';
    run(fetch);
    await quiet();
    expect(events).toMatchObject([{ kind: 'ConsoleFetched', tail: '' }]);
    expect(ports.journal).toEqual(['console i-1']);
  });

  test('that EC2 does not give is asked for again', async () => {
    const { ports, events, run } = setUp();
    ports.console = async () => {
      throw new CloudError('RequestLimitExceeded', 'slow down');
    };
    run(fetch);
    await quiet();
    expect(events).toMatchObject([{ kind: 'EffectFailed', transient: true }]);
  });
});
