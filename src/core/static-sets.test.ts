/** Which static sets there are, and what a look at their nodes says that they need. */
import { describe, expect, test } from 'vitest';
import { queueOf } from './testing/fleet.ts';
import type { FleetListing, SeenNode } from './fleet-facts.ts';
import { nodeUp } from './testing/node-state.ts';
import { defaultSettings, type Settings, type StaticSets } from './settings.ts';
import { emptyState, type State } from './state.ts';
import { createSetFinder, observeSets, staticSetsOf, watchesSets } from './static-sets.ts';

const now = 1_000_000;

function settingsOf(minCount: number, staticSets?: StaticSets): Settings {
  const queue = queueOf({ c: ['c5.large us-east-1a'] });
  const computeResources = queue.computeResources.map((resource) => ({
    ...resource,
    minCount,
    ...(staticSets !== undefined && { staticSets }),
  }));
  return { ...defaultSettings, queues: [{ ...queue, computeResources }] };
}

function stateOf(staticSets?: StaticSets): State {
  return { ...emptyState(), settings: settingsOf(3, staticSets) };
}

const saved: Partial<SeenNode> = { power: 'saved', isBusy: false };

/** The nodes 1, 2, 3 of the set as Slurm shows them. */
function seen(...shown: Partial<SeenNode>[]): readonly SeenNode[] {
  return shown.map((each, index) => ({
    ...nodeUp,
    node: `q-st-c-${index + 1}`,
    reason: '',
    ...each,
  }));
}

function observe(
  state: State,
  nodes: readonly SeenNode[],
  askedAt = now,
  partitions: FleetListing['partitions'] = [],
) {
  return observeSets(state, { askedAt, nodes, partitions });
}

function lease(state: State, node: string, leasedAt = 0): void {
  state.leases.set(node, {
    node,
    instance: { instanceId: `i-${node}`, privateIp: '10.0.0.1', hostname: 'h' },
    gangId: 'g',
    pool: 'p',
    zone: null,
    requestedAt: 0,
    leasedAt,
    given: true,
    isRegistered: true,
  });
}

const all = ['q-st-c-1', 'q-st-c-2', 'q-st-c-3'];

describe('the sets of a fleet', () => {
  test('are the static nodes of each compute resource that has some, whole unless it says otherwise', () => {
    expect(staticSetsOf(settingsOf(2))).toEqual([
      {
        key: 'q/c',
        nodes: ['q-st-c-1', 'q-st-c-2'],
        launch: 'all-or-nothing',
        replace: 'node',
      },
    ]);
    expect(staticSetsOf(settingsOf(1, { launch: 'best-effort', replace: 'node' }))).toMatchObject([
      { launch: 'best-effort' },
    ]);
    expect(staticSetsOf(settingsOf(0))).toEqual([]);
  });

  test('are none in node-list mode, and where nobody says how many nodes there are', () => {
    expect(staticSetsOf({ ...settingsOf(2), mode: 'node-list' })).toEqual([]);
    expect(staticSetsOf({ ...defaultSettings, queues: null })).toEqual([]);
  });

  test('are found by their nodes', () => {
    const find = createSetFinder(settingsOf(2));
    expect(find('q-st-c-1')?.key).toBe('q/c');
    expect(find('q-st-c-1')).toBe(find('q-st-c-2'));
    expect(find('q-dy-c-1')).toBe(null);
    expect(find('q-st-other-1')).toBe(null);
    expect(find('nonsense')).toBe(null);
  });

  test('are looked at while there are some and the fleet runs', () => {
    const state = stateOf();
    expect(watchesSets(state)).toBe(true);
    expect(watchesSets(emptyState())).toBe(false);
    state.fleet = { ...state.fleet, status: 'stopped' };
    expect(watchesSets(state)).toBe(false);
  });
});

describe('a set that is whole or nothing', () => {
  test('is powered up when all of it is powered down', () => {
    expect(observe(stateOf(), seen(saved, saved, saved))).toEqual([
      { set: 'q/c', powerUp: all, letGo: [] },
    ]);
  });

  test('needs nothing when all of it is up, and in a fleet that is stopped', () => {
    const state = stateOf();
    for (const node of all) lease(state, node);
    expect(observe(state, seen({}, {}, {}))).toEqual([]);
    const still = stateOf();
    still.fleet = { ...still.fleet, status: 'stopped' };
    expect(observe(still, seen(saved, saved, saved))).toEqual([]);
  });

  test('gets back the node that it lacks', () => {
    const state = stateOf();
    lease(state, 'q-st-c-1');
    lease(state, 'q-st-c-3');
    expect(observe(state, seen({}, saved, {}))).toMatchObject([{ powerUp: ['q-st-c-2'] }]);
  });

  test.each<[string, Partial<SeenNode>]>([
    ['drained', { ...saved, isDrained: true }],
    ['down', { ...saved, isDown: true }],
    ['failing', { ...saved, isFailing: true }],
    ['reserved', { ...saved, isReserved: true }],
  ])('is kept without a node that somebody has taken away (%s)', (_how, away) => {
    expect(observe(stateOf(), seen(saved, away, saved))).toMatchObject([
      { powerUp: ['q-st-c-1', 'q-st-c-3'] },
    ]);
  });

  test('is kept without a node that Slurm does not show', () => {
    expect(observe(stateOf(), seen(saved, saved))).toMatchObject([
      { powerUp: ['q-st-c-1', 'q-st-c-2'] },
    ]);
  });

  test.each<Partial<SeenNode>>([
    { power: 'down-wanted' },
    { power: 'powering-down' },
    { power: 'powering-up' },
  ])('waits for a node of it that is on its way up or down: %o', (onTheWay) => {
    expect(observe(stateOf(), seen(saved, onTheWay, saved))).toEqual([]);
  });

  test('waits for a node of it that a gang wants, that boots, that is given back, or that has just been launched', () => {
    const look = seen(saved, saved, saved);
    const claimed = stateOf();
    claimed.claims.set('q-st-c-2', ['g']);
    expect(observe(claimed, look)).toEqual([]);
    const givenBack = stateOf();
    givenBack.outstanding.set('e', {
      effect: { kind: 'GiveBackNodes', id: 'e', nodes: ['q-st-c-2'], reason: null },
      tries: 0,
      looks: 0,
      deferredUntil: null,
      why: null,
      unknownOutcome: false,
    });
    expect(observe(givenBack, look)).toEqual([]);
    const young = stateOf();
    lease(young, 'q-st-c-2', now + 1);
    expect(observe(young, look)).toEqual([]);
    const booting = stateOf();
    booting.boots.set('g', {
      gangId: 'g',
      requestId: 'r',
      jobIds: [1],
      set: null,
      jobNodes: null,
      isWhole: true,
      nodes: ['q-st-c-2'],
      awaiting: new Map([['q-st-c-2', now]]),
      requestedAt: 0,
      registerBy: 0,
      replacing: new Map(),
      replacements: 0,
      registeredAt: null,
      doom: null,
    });
    expect(observe(booting, look)).toEqual([]);
  });

  test('leaves a node alone that holds an instance, whatever Slurm shows', () => {
    const state = stateOf();
    for (const node of all) lease(state, node);
    expect(observe(state, seen(saved, {}, {}))).toEqual([]);
  });
});

test('nodes whose partitions are all inactive are left alone', () => {
  const away = { isUp: false, nodes: ['q-st-c-1', 'q-st-c-2'] };
  const partitions = [away, { isUp: true, nodes: ['q-st-c-2', 'q-st-c-3'] }];
  expect(observe(stateOf(), seen(saved, saved, saved), now, partitions)).toMatchObject([
    { powerUp: ['q-st-c-2', 'q-st-c-3'] },
  ]);
});

describe('a set that was tried', () => {
  const tried = { tries: 1, nextAt: null, code: 'c', message: 'm', asked: [], askedAt: 0 };

  test('is not tried again before its time', () => {
    const state = stateOf();
    state.sets.set('q/c', { ...tried, nextAt: now + 1 });
    expect(observe(state, seen(saved, saved, saved))).toEqual([]);
    expect(observe(state, seen(saved, saved, saved), now + 1)).toHaveLength(1);
  });

  test('is not asked for again before Slurm has had a minute to call', () => {
    const state = stateOf();
    state.sets.set('q/c', { ...tried, asked: all, askedAt: now });
    expect(observe(state, seen(saved, saved, saved), now + 59_999)).toEqual([]);
    expect(observe(state, seen(saved, saved, saved), now + 60_000)).toHaveLength(1);
  });
});

describe('a set whose nodes stand for themselves', () => {
  test('gets what it lacks, whatever becomes of the others', () => {
    const state = stateOf({ launch: 'best-effort', replace: 'node' });
    expect(observe(state, seen(saved, { power: 'powering-down' }, saved))).toEqual([
      { set: 'q/c', powerUp: ['q-st-c-1', 'q-st-c-3'], letGo: [] },
    ]);
  });
});

describe('a set that is replaced whole', () => {
  function replaced(): State {
    const state = stateOf({ launch: 'all-or-nothing', replace: 'set' });
    lease(state, 'q-st-c-2');
    lease(state, 'q-st-c-3');
    return state;
  }

  test('lets those of its other nodes go that have no job, and is powered up when none is left', () => {
    const state = replaced();
    expect(observe(state, seen(saved, { isBusy: true }, { isBusy: false }))).toEqual([
      { set: 'q/c', powerUp: [], letGo: ['q-st-c-3'] },
    ]);
    state.leases.clear();
    expect(observe(state, seen(saved, saved, saved))).toMatchObject([{ powerUp: all }]);
  });

  test('does without the one that a reservation has: nobody lets that go', () => {
    const state = replaced();
    const reserved = { isBusy: false, isReserved: true };
    expect(observe(state, seen(saved, reserved, { isBusy: false }))).toMatchObject([
      { letGo: ['q-st-c-3'] },
    ]);
    state.leases.delete('q-st-c-3');
    expect(observe(state, seen(saved, reserved, saved))).toEqual([
      { set: 'q/c', powerUp: ['q-st-c-1', 'q-st-c-3'], letGo: [] },
    ]);
  });

  test('waits while all of them work', () => {
    expect(observe(replaced(), seen(saved, { isBusy: true }, { isBusy: true }))).toEqual([]);
  });
});
