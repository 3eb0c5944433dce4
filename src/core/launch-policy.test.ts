/** What the cluster, a queue, a compute resource and a job say of launches, and which of them holds. */
import { describe, expect, test } from 'vitest';
import { keptFor, placesOf, settingsAt, settingsFor } from './launch-policy.ts';
import { defaultSettings, type Queue, type Settings } from './settings.ts';
import { queueOf } from './testing/fleet.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';

const minute = 60_000;

/** Queues `p` and `q`, with the compute resources `a` and `b` each. */
function fleet(ofQueue: Partial<Queue>, ofB: Partial<Queue['computeResources'][number]> = {}) {
  const types = { a: ['c5.large us-east-1a'], b: ['c6i.large us-east-1a'] };
  const own = queueOf(types, ofQueue);
  const [a, b] = own.computeResources;
  if (a === undefined || b === undefined) throw new Error('the queue has two');
  return [
    { ...own, name: 'p', computeResources: [a, { ...b, ...ofB }] },
    queueOf(types, { name: 'q' }),
  ];
}

function settings(more: Partial<Settings>): Settings {
  return { ...defaultSettings, ...more };
}

function place(text: string) {
  const [queue = '', computeResource = ''] = text.split('/');
  return { queue, computeResource };
}

describe('what holds', () => {
  const all = settings({
    maxBatchSize: 100,
    bootTimeMs: 4 * minute,
    queues: fleet({ maxBatchSize: 10, greedy: false }, { maxBatchSize: 3, spread: true }),
  });

  const rows: Record<string, { of: string; want: Partial<Settings> }> = {
    'is what the cluster says where nobody else does': {
      of: 'q/a',
      want: { maxBatchSize: 100, greedy: true, bootTimeMs: 4 * minute },
    },
    'is what the queue says before that': {
      of: 'p/a',
      want: { maxBatchSize: 10, greedy: false, spread: false, bootTimeMs: 4 * minute },
    },
    'is what the compute resource says before that': {
      of: 'p/b',
      want: { maxBatchSize: 3, greedy: false, spread: true },
    },
    'is what the cluster says for a queue that is not known': {
      of: 'r/a',
      want: { maxBatchSize: 100, greedy: true },
    },
  };
  test.each(Object.entries(rows))('%s', (_name, { of, want }) => {
    expect(settingsAt(all, place(of))).toMatchObject(want);
  });

  test('is what the job says before all, where it may', () => {
    const wish = { strategy: 'launch', patienceMs: 1_000, spread: true } as const;
    const here = settingsFor(all, { places: [place('p/a')], wish });
    expect(here).toMatchObject({ strategy: 'launch', rungPatienceMs: 1_000, spread: true });
    expect(here.maxBatchSize).toBe(10);
    const firm = settingsFor(settings({ scalingStrategy: 'best-effort' }), {
      places: [],
      wish: { scalingStrategy: 'all-or-nothing' },
    });
    expect(firm.scalingStrategy).toBe('all-or-nothing');
  });

  test('takes nothing else of a queue than what it says of launches', () => {
    expect(settingsAt(all, place('p/b'))).not.toHaveProperty('capacityType');
    expect(settingsAt(all, place('p/b'))).toMatchObject({ clusterName: all.clusterName });
  });
});

describe('a gang in several places', () => {
  const one: Partial<Queue> = {
    scalingStrategy: 'best-effort',
    allOrNothingBatch: true,
    strategy: 'launch',
    spread: true,
    greedy: false,
    spares: 2,
    launchPatienceMs: 9 * minute,
    bootTimeMs: 9 * minute,
    assemblyPatienceMs: 1_000,
    rungPatienceMs: 1_000,
    retry: { firstMs: 5 * minute, maxMs: 6 * minute, tries: 99, forMs: minute },
    capacityMemory: { refusalMs: 9 * minute, successMs: minute },
  };

  test.each([
    ['p/a', 'q/a'],
    ['q/a', 'p/a'],
  ])('takes the stricter of each setting, %s and %s', (first, second) => {
    const all = settings({ queues: fleet(one) });
    expect(settingsFor(all, { places: [place(first), place(second)], wish: {} })).toMatchObject({
      scalingStrategy: 'all-or-nothing',
      allOrNothingBatch: true,
      strategy: 'launch',
      spread: false,
      greedy: false,
      spares: 2,
      launchPatienceMs: 5 * minute,
      bootTimeMs: 9 * minute,
      assemblyPatienceMs: 1_000,
      rungPatienceMs: 1_000,
      retry: { firstMs: 5 * minute, maxMs: 15 * minute, tries: 50, forMs: minute },
      capacityMemory: { refusalMs: 9 * minute, successMs: 60 * minute },
    });
  });

  test('has each of its places once, whatever its names are', () => {
    const nodes = ['p-dy-a-1', 'p-dy-a-2', 'Nobody', 'q-st-b-1'];
    expect(placesOf(nodes)).toEqual([place('p/a'), place('q/b')]);
  });
});

test('what is kept for all is kept for as long as the most patient place wants it', () => {
  const retry = { firstMs: 1, maxMs: 2, tries: 1, forMs: 99 * 3_600_000 };
  const capacityMemory = { refusalMs: 1, successMs: 99 * 3_600_000 };
  const kept = keptFor(settings({ queues: fleet({ retry }, { capacityMemory }) }));
  expect(kept.retry.forMs).toBe(99 * 3_600_000);
  expect(kept.capacityMemory).toEqual({ refusalMs: 120_000, successMs: 99 * 3_600_000 });
});

describe('launches of each queue by its own values', () => {
  function world(more: Partial<Settings>): DrivenWorld {
    return createTestWorld(more, createInvariants());
  }

  /** Queue and counts of every call. */
  function calls(one: DrivenWorld): string[] {
    return one
      .effects('RunInstances')
      .map(({ order }) => `${order.tags['muster:queue']} ${order.minCount}..${order.maxCount}`);
  }

  function rest(one: DrivenWorld): void {
    one.settle();
    checkAtRest(one);
    checkReplay(one);
  }

  test('launch-batches: firm and small here, soft and large there', () => {
    const queues = fleet({ allOrNothingBatch: true, maxBatchSize: 2 });
    const one = world({ mode: 'node-list', maxBatchSize: 4, queues });
    one.resume('p-dy-a-[1-3],q-dy-a-[1-5]', null);
    expect(calls(one)).toEqual(['p 2..2', 'p 1..1', 'q 1..4', 'q 1..1']);
    rest(one);
  });

  test('jobs: all of their nodes here, what there is there', () => {
    const queues = fleet({ scalingStrategy: 'best-effort' });
    const one = world({ queues });
    one.resume('p-dy-a-[1-3],q-dy-a-[1-3]', ['p-dy-a-[1-3]', 'q-dy-a-[1-3]']);
    expect(calls(one)).toEqual(['p 1..3', 'q 3..3']);
    rest(one);
  });

  test('a job over both is whole if one of them wants it whole, each part cut by its own size', () => {
    const queues = fleet({ scalingStrategy: 'best-effort', maxBatchSize: 2, strategy: 'launch' });
    const one = world({ queues });
    const nodes = 'p-dy-a-[1-3],q-dy-a-[1-3]';
    one.resume(nodes, [{ job_id: 1, nodes_resume: nodes }]);
    expect(calls(one)).toEqual(['p 2..2', 'p 1..1', 'q 3..3']);
    rest(one);
  });

  test('a job may choose for itself', () => {
    const one = world({ queues: fleet({}) });
    one.slurm.jobs.set(1, { comment: 'muster:scaling=best-effort' });
    one.resume('p-dy-a-[1-3]', ['p-dy-a-[1-3]']);
    expect(calls(one)).toEqual(['p 1..3']);
    rest(one);
  });

  test('a refused job comes back by the retries of its queue', () => {
    const retry = { firstMs: minute, maxMs: minute, tries: 1, forMs: 24 * 60 * minute };
    const one = world({ queues: fleet({ retry }) });
    for (const [index, node] of ['p-dy-a-[1-2]', 'q-dy-a-[1-2]'].entries()) {
      one.resume(node, [{ job_id: index + 1, nodes_resume: node }]);
      one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    }
    expect(one.decisions('JobRefused').map(({ hold }) => hold)).toEqual(['user', null]);
    rest(one);
  });

  test('an instance boots for as long as its place allows', () => {
    const one = world({ queues: fleet({}, { bootTimeMs: 20 * minute }) });
    one.boots = true;
    const nodes = 'p-dy-a-1,p-dy-b-1';
    one.resume(nodes, [{ job_id: 1, nodes_resume: nodes }]);
    for (const kind of ['CreateReservation', 'RunInstances', 'AssignNodes'] as const)
      for (const effect of one.out(kind)) one.finish(effect);
    const [boot] = one.state.boots.values();
    const times = [...(boot?.awaiting ?? [])].map(([node, by]) => [node, (by - one.now) / minute]);
    expect(times).toEqual([
      ['p-dy-a-1', 5],
      ['p-dy-b-1', 20],
    ]);
    one.registerAll();
    rest(one);
  });
});
