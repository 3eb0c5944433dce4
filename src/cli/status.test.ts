import { describe, expect, test } from 'vitest';
import { parseHostlist } from '../core/hostlist.ts';
import { defaultSettings, type Settings } from '../core/settings.ts';
import { emptyState, type State } from '../core/state.ts';
import type { Boot } from '../core/boot.ts';
import type { Batch, Gang, Lease } from '../core/gang.ts';
import { coloured, paintFor, plain } from './paint.ts';
import { renderFleet, renderFleetJson, renderStatus, renderStatusJson } from './render-status.ts';
import { statusOf, type DaemonTold } from './status.ts';

const at = Date.UTC(2026, 10, 26, 18);
const works = {
  state: 'works',
  heartbeatAt: at - 3_000,
  holdsLedger: true,
  hasRun: true,
} as const;
const told = { daemon: works, outages: null };

const launch = { kind: 'launch-template', name: 'demo-q', version: '$Latest' } as const;

const settings: Settings = {
  ...defaultSettings,
  clusterName: 'demo',
  region: 'us-east-2',
  limits: { instances: 500, launchesPerHour: null, dollarsPerHour: 100 },
  prices: { 'c5.xlarge': 0.17 },
  queues: [
    {
      name: 'q',
      capacityType: 'on-demand',
      limits: { instances: null, launchesPerHour: 50, dollarsPerHour: null },
      computeResources: [
        { name: 'c', minCount: 2, maxCount: 10, instanceTypes: ['c5.xlarge'], launch },
        { name: 'd', minCount: 0, maxCount: 5, instanceTypes: ['m5.large'], launch },
      ],
    },
  ],
};

function stateWith(change: (state: State) => void): State {
  const state = { ...emptyState(), settings, now: at };
  change(state);
  return state;
}

function nodes(hostlist: string): readonly string[] {
  const parsed = parseHostlist(hostlist);
  if (parsed.kind === 'error') throw new Error(parsed.error.message);
  return parsed.nodes;
}

/** With what `muster status` reads of a gang. */
function gang(change: Partial<Gang>): Gang {
  const read: Partial<Gang> = {
    id: 'r-0',
    requestedAt: at - 65_000,
    jobIds: [7],
    missing: [],
    assembleBy: at,
    nodes: nodes('q-dy-c-[1-4]'),
    phase: 'launching',
    rung: 'c5.xlarge us-east-2a on-demand',
    lastRefusal: null,
    reserving: new Map(),
    waitsFor: [],
    batches: new Map(),
    assigning: new Set(),
    ...change,
  };
  return read as Gang;
}

function lease(node: string, change: Partial<Lease>): Lease {
  return {
    node,
    instance: { instanceId: `i-${node}`, privateIp: '10.0.0.1', hostname: 'ip' },
    gangId: 'r-0',
    pool: 'c5.xlarge us-east-2a on-demand',
    zone: 'us-east-2a',
    requestedAt: at,
    leasedAt: at,
    given: false,
    isRegistered: false,
    ...change,
  };
}

describe('compute resources', () => {
  test('are those of the fleet, with what each has', () => {
    const state = stateWith(({ gangs, leases, spares }) => {
      gangs.set('r-0', gang({}));
      leases.set('q-dy-c-1', lease('q-dy-c-1', {}));
      leases.set('q-dy-c-8', lease('q-dy-c-8', { given: true }));
      leases.set('q-st-c-1', lease('q-st-c-1', { given: true, isRegistered: true }));
      const { instance, pool, zone } = lease('s', {});
      const place = { queue: 'q', computeResource: 'd' };
      spares.set('i-s', { instance, pool, zone, ...place, gangId: 'r-0', launchedAt: at });
    });
    const { resources } = statusOf(state, told, at);
    const none = { wanted: 0, held: 0, booting: 0, up: 0, spares: 0 };
    expect(resources).toEqual([
      {
        queue: 'q',
        computeResource: 'c',
        nodes: 10,
        wanted: 3,
        held: 3,
        booting: 1,
        up: 1,
        spares: 0,
      },
      { queue: 'q', computeResource: 'd', nodes: 5, ...none, spares: 1 },
    ]);
  });

  test('that are not of the fleet any more are there while they have instances', () => {
    const state = stateWith(({ leases }) => {
      leases.set('old-dy-x-1', lease('old-dy-x-1', {}));
    });
    expect(statusOf(state, told, at).resources.at(-1)).toMatchObject({
      queue: 'old',
      computeResource: 'x',
      nodes: null,
      held: 1,
    });
  });

  test('nodes of a gang whose job is gone are not wanted', () => {
    const state = stateWith(({ gangs }) => gangs.set('r-0', gang({ phase: 'releasing' })));
    expect(statusOf(state, told, at).resources[0]?.wanted).toBe(0);
  });
});

describe('a gang says what it waits for', () => {
  const batch = (effectId: string, sentAt: number | null): [string, Batch] => [
    effectId,
    {
      effectId,
      queue: 'q',
      computeResource: 'c',
      nodes: [],
      clientToken: effectId,
      pool: 'p',
      zone: null,
      tries: 0,
      sentAt,
      unknownOutcome: false,
    },
  ];
  const waitOf = (change: Partial<Gang>): string | undefined =>
    statusOf(
      stateWith(({ gangs }) => gangs.set('r-0', gang(change))),
      told,
      at,
    ).gangs[0]?.waitsFor;

  test.each([
    ['asking', { phase: 'asking' }, /^Slurm, which is asked/],
    [
      'assembling',
      { phase: 'assembling', missing: ['a', 'b'] },
      /^2 more of its nodes, until 18:00:00Z$/,
    ],
    ['waiting for gangs', { phase: 'waiting', waitsFor: ['x', 'y'] }, /^gangs x, y$/],
    ['waiting for one', { phase: 'waiting', waitsFor: ['x'] }, /^gang x$/],
    [
      'between rungs',
      { phase: 'waiting', lastRefusal: { code: 'InsufficientInstanceCapacity', message: '' } },
      /^its next rung, after InsufficientInstanceCapacity$/,
    ],
    ['reserving', { phase: 'reserving' }, /^reservations: 0 of 0 are held$/],
    [
      'launching',
      { batches: new Map([batch('b1', at), batch('b2', null), batch('b3', null)]) },
      /^EC2: 0 of 4 instances are there, 1 call under way, 2 wait for their turn$/,
    ],
    ['assigning', { phase: 'assigning' }, /^Slurm, which is told/],
    ['releasing', { phase: 'releasing' }, /its job is gone$/],
  ] as const)('%s', (_, change, words) => {
    expect(waitOf(change as Partial<Gang>)).toMatch(words);
  });

  describe('when a call has failed', () => {
    const effect = { kind: 'SweepLaunch', id: 'e', clientToken: 't' } as const;
    const put = (id: string, why: string | null, deferredUntil: number) => (state: State) =>
      state.outstanding.set(id, {
        effect,
        tries: 1,
        looks: 0,
        deferredUntil,
        why,
        unknownOutcome: false,
      });
    const seen = (change: Partial<Gang>, ...deferrals: readonly ((state: State) => unknown)[]) => {
      const state = stateWith((made) => {
        made.gangs.set('r-0', gang(change));
        for (const defer of deferrals) defer(made);
      });
      return statusOf(state, told, at).gangs[0];
    };
    const batches = new Map([batch('b1', at), batch('b2', at), batch('b3', null)]);

    test('a launch: why, and when it is made again; others wait for their turn', () => {
      const launching = seen(
        { batches },
        put('b1', 'InternalError', at + 9_000),
        put('b2', 'ConnectionError', at + 5_000),
        put('b3', null, at),
      );
      expect(launching?.waitsFor).toBe(
        'EC2: 0 of 4 instances are there, 1 waits for its turn, 2 are tried again at 18:00:05Z (ConnectionError)',
      );
      expect(launching?.deferred).toEqual({
        count: 2,
        why: 'ConnectionError',
        nextAt: at + 5_000,
      });
    });

    test('for want of tokens: it has its turn', () => {
      expect(seen({ batches }, put('b1', 'RequestLimitExceeded', at))?.waitsFor).toBe(
        'EC2: 0 of 4 instances are there, 1 call under way, 1 waits for its turn, 1 is tried again in its turn (RequestLimitExceeded)',
      );
    });

    test('a reservation, and what Slurm is told, in short', () => {
      const [, part] = batch('e1', null);
      const reserving = new Map([['e1', { reservationId: null, isForgone: false, batch: part }]]);
      const change = { phase: 'reserving', reserving } as unknown as Partial<Gang>;
      expect(seen(change, put('e1', 'Unavailable', at + 1_000))?.waitsFor).toBe(
        'reservations: 0 of 1 are held, 1 is tried again at 18:00:01Z (Unavailable)',
      );
      const assigning = { phase: 'assigning', assigning: new Set(['e2']) } as const;
      expect(seen(assigning, put('e2', 'no '.repeat(50), at + 1_000))?.waitsFor).toMatch(
        /^Slurm, which is told the addresses, 1 is tried again at 18:00:01Z \((no )+n?o?\.\.\.\)$/,
      );
    });

    test('and none: nothing is put off', () => {
      expect(seen({ batches })?.deferred).toBe(null);
    });
  });

  test('while it boots', () => {
    const boot: Partial<Boot> = {
      gangId: 'r-0',
      requestId: 'r',
      jobIds: [7],
      jobNodes: null,
      isWhole: true,
      nodes: nodes('q-dy-c-[1-4]'),
      awaiting: new Map([['q-dy-c-1', at]]),
      requestedAt: at - 60_000,
      registerBy: at + 60_000,
      replacing: new Map([['q-dy-c-1', 'r-1']]),
      replacements: 1,
      doom: null,
    };
    const look = (change: object): string | undefined =>
      statusOf(
        stateWith(({ boots }) => boots.set('r-0', { ...boot, ...change } as Boot)),
        told,
        at,
      ).gangs[0]?.waitsFor;
    expect(look({})).toBe('slurmd: 3 of 4 have registered, 1 replaced, until 18:01:00Z');
    const doom = { code: 'BootTimeout', message: '', nodes: [], instanceIds: [] };
    expect(look({ doom })).toBe('being let go: BootTimeout');
  });
});

test('limits say how much of each is used, of the cluster and of queues', () => {
  const state = stateWith(({ leases, launches }) => {
    for (const node of nodes('q-dy-c-[1-3]')) leases.set(node, lease(node, {}));
    launches.set('q', [{ minute: at / 60_000 - 1, count: 12 }]);
  });
  expect(statusOf(state, told, at).limits).toEqual([
    { queue: null, limit: 'instances', used: 3, most: 500 },
    { queue: null, limit: 'dollarsPerHour', used: expect.closeTo(0.51), most: 100 },
    { queue: 'q', limit: 'launchesPerHour', used: 12, most: 50 },
  ]);
  const free = {
    ...state,
    settings: { ...settings, limits: defaultSettings.limits, queues: null },
  };
  expect(statusOf(free, told, at).limits).toEqual([]);
});

describe('a static set is', () => {
  const tried = { asked: [], askedAt: at, code: 'InsufficientInstanceCapacity', message: 'no' };
  const words = (change: (state: State) => void): string | undefined =>
    statusOf(stateWith(change), told, at).sets[0]?.state;

  test.each<[string, (state: State) => void]>([
    ['lacking', () => undefined],
    ['lacking', ({ sets }) => sets.set('q/c', { ...tried, tries: 1, nextAt: at - 1 })],
    ['refused', ({ sets }) => sets.set('q/c', { ...tried, tries: 1, nextAt: at + 1 })],
    ['coming up', ({ claims }) => claims.set('q-st-c-2', ['r-0'])],
    ['coming up', ({ leases }) => leases.set('q-st-c-1', lease('q-st-c-1', { given: true }))],
    [
      'whole',
      ({ leases }) => {
        for (const node of nodes('q-st-c-[1-2]'))
          leases.set(node, lease(node, { given: true, isRegistered: true }));
      },
    ],
    ['not kept', (state) => (state.fleet = { status: 'stopped', since: at, partitions: [] })],
  ])('%s', (word, change) => {
    expect(words(change)).toBe(word);
  });

  test('shown with its next try and why it was refused', () => {
    const refused = stateWith(({ sets }) =>
      sets.set('q/c', { ...tried, tries: 2, nextAt: at + 60_000 }),
    );
    expect(renderStatus(statusOf(refused, told, at), plain)).toContain(
      'q/c             2   0  refused      2    in 60s  InsufficientInstanceCapacity  no\n',
    );
  });
});

describe('a queue whose boots fail', () => {
  const why = { code: 'QueueProtected', message: 'ten boots failed in a row' };
  const console = { node: 'q-dy-c-1', instanceId: 'i-1', tail: 'one\nkernel panic' };
  const shown = (since: number | null, kept: typeof console | null): string =>
    renderStatus(
      statusOf(
        stateWith(({ protection }) =>
          protection.set('q', { failures: { c: 4, d: 10 }, since, why, console: kept }),
        ),
        told,
        at,
      ),
      plain,
    );

  test('is shown while they are only counted', () => {
    expect(shown(null, null)).toContain('q                      10  no         QueueProtected');
    expect(shown(null, console)).not.toContain('kernel panic');
  });

  test('says when it is protected, what a console said, and what starts it', () => {
    const text = shown(at - 300_000, console);
    expect(text).toContain('10  for 5m');
    expect(text).toContain('"muster queue start q" launches for it again.\n');
    expect(text).toContain('console of q-dy-c-1 (i-1):\n  | one\n  | kernel panic\n');
    expect(shown(at, null)).toContain('launches for it again.\n');
  });
});

describe('whether the fleet runs', () => {
  const shown = (fleet: State['fleet']): string => renderFleet({ at, fleet }, plain);

  test('is said with what is set inactive, and what is on its way', () => {
    expect(shown({ status: 'running', since: at, partitions: [] })).toBe('The fleet runs.\n');
    expect(shown({ status: 'running', since: at, partitions: ['p'] })).toContain('way up: p.');
    expect(shown({ status: 'stopped', since: at - 60_000, partitions: ['p', 'q'] })).toBe(
      'The fleet has been stopped for 60s: nothing is launched until "muster fleet start". Set inactive with it: p, q.\n',
    );
  });
});

test('a fleet that was never stopped or started has no time as JSON', () => {
  const { fleet } = emptyState();
  expect(JSON.parse(renderFleetJson(fleet, 3, {}))).toEqual({
    status: 'running',
    since: null,
    partitions: [],
    instances: 3,
  });
  const json = renderFleetJson({ ...fleet, status: 'stopped', since: at }, 0, {});
  expect(JSON.parse(json)).toMatchObject({ since: '2026-11-26T18:00:00.000Z' });
});

describe('what is printed', () => {
  const busy = stateWith(({ gangs, jobs, reservations }) => {
    gangs.set('r-0', gang({ jobIds: [7, 8, 9, 10, 11] }));
    const refused = {
      tries: 3,
      firstAt: at,
      lastAt: at,
      triedAt: at,
      wants: null,
      message: 'no\nroom',
    };
    jobs.set(5, { ...refused, nextAt: null, code: 'VcpuLimitExceeded' });
    jobs.set(6, { ...refused, nextAt: at + 90_000, code: 'InsufficientInstanceCapacity' });
    reservations.set('cr-1', {
      reservationId: 'cr-1',
      effectId: 'e',
      gangId: 'r-0',
      instanceType: 'c5.xlarge',
      zone: 'us-east-2a',
      count: 4,
      since: at - 10_000,
    });
  });

  test('is a headline and the tables that are not empty', () => {
    expect(renderStatus(statusOf(busy, told, at), plain))
      .toBe(`muster works (cluster demo in us-east-2, mode job).
The fleet runs.

QUEUE  COMPUTE RESOURCE  NODES  WANTED  HELD  BOOTING  UP  SPARES
q      c                    10       4     -        -   -       -
q      d                     5       -     -        -   -       -

STATIC SET  NODES  UP  STATE    TRIES  NEXT TRY  CODE  WHY
q/c             2   0  lacking      0         -  -

GANG  JOB       NODES  PHASE      SINCE  RUNG                            WAITS FOR
r-0   7,8,9,+2      4  launching    65s  c5.xlarge us-east-2a on-demand  EC2: 0 of 4 instances are there

REFUSED JOB  TRIES  NEXT TRY  CODE                          WHY
6                3    in 90s  InsufficientInstanceCapacity  no room
5                3      held  VcpuLimitExceeded             no room

RESERVATION  TYPE       ZONE        COUNT  SINCE  GANG
cr-1         c5.xlarge  us-east-2a      4    10s  r-0

LIMIT OF  LIMIT             USED    MOST
cluster   instances            0     500
cluster   dollars an hour   0.00  100.00
q         launches an hour     0      50
`);
  });

  test('says that muster is gone', () => {
    const gone = { ...works, state: 'stopped', holdsLedger: false } as const;
    expect(renderStatus(statusOf(busy, { daemon: gone, outages: null }, at), plain)).toContain(
      'muster does not work: no daemon runs, its last heartbeat is 3s old; what follows is as it left it (cluster demo',
    );
  });

  describe('of outages', () => {
    const outages = {
      at: at - 3_000,
      slurm: { since: at - 180_000, error: 'squeue could not list jobs: slurmctld is away' },
      ec2: { since: at - 60_000, error: 'AuthFailure: the credentials are not valid' },
    };
    const none = { slurm: null, ec2: null };

    test('has a line for each, below the one that muster works', () => {
      expect(renderStatus(statusOf(busy, { daemon: works, outages }, at), plain)).toContain(
        `mode job).
Slurm has given no usable answer for 3m: squeue could not list jobs: slurmctld is away
EC2 has given no usable answer for 60s: AuthFailure: the credentials are not valid
The fleet runs.
`,
      );
    });

    test.each<[string, DaemonTold, object]>([
      [
        'since when and why',
        { daemon: works, outages: { ...outages, ec2: null } },
        {
          slurm: { failingSince: '2026-11-26T17:57:00.000Z', error: outages.slurm.error },
          ec2: { failingSince: null, error: null },
        },
      ],
      ['nothing where none was noted', told, none],
      ['nothing of before', { daemon: works, outages: { ...outages, at: at - 60_000 } }, none],
      ['nothing while no daemon works', { daemon: { ...works, state: 'stopped' }, outages }, none],
    ])('as JSON: %s', (_, seen, json) => {
      expect(JSON.parse(renderStatusJson(statusOf(busy, seen, at)))).toMatchObject(json);
    });
  });

  test('says so when nothing is under way', () => {
    const idle = stateWith(() => undefined);
    expect(renderStatus(statusOf(idle, told, at), plain)).toContain('Nothing is under way.\n');
  });

  test('as JSON has times in ISO 8601 and nodes as a hostlist', () => {
    const json = JSON.parse(renderStatusJson(statusOf(busy, told, at))) as Record<string, unknown>;
    expect(json).toMatchObject({
      at: '2026-11-26T18:00:00.000Z',
      cluster: 'demo',
      daemon: {
        state: 'works',
        heartbeatAt: '2026-11-26T17:59:57.000Z',
        holdsLedger: true,
        hasRun: true,
      },
      fleet: { status: 'running', since: null, partitions: [] },
      gangs: [{ id: 'r-0', size: 4, nodes: 'q-dy-c-[1-4]', since: '2026-11-26T17:58:55.000Z' }],
      jobs: [
        { jobId: 6, nextAt: '2026-11-26T18:01:30.000Z' },
        { jobId: 5, nextAt: null },
      ],
      reservations: [{ reservationId: 'cr-1', since: '2026-11-26T17:59:50.000Z' }],
    });
  });

  test('has colour on a terminal alone, and not where none is wanted', () => {
    expect(paintFor({ isTTY: true }, {})).toBe(coloured);
    expect(paintFor({}, {})).toBe(plain);
    expect(paintFor({ isTTY: true }, { NO_COLOR: '1' })).toBe(plain);
    expect(paintFor({ isTTY: true }, { TERM: 'dumb' })).toBe(plain);
    expect(renderStatus(statusOf(busy, told, at), coloured)).toContain('\u001B[32mworks\u001B[0m');
  });
});
