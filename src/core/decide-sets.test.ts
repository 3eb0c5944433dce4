/** Static sets: powered up whole, kept at strength in one zone, tried again, never held. */
import { describe, expect, test } from 'vitest';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { queueOf } from './testing/fleet.ts';
import { act, lookAtSets, needsOfSets } from './testing/sets.ts';
import { createTestWorld, type DrivenWorld, replay } from './testing/world.ts';
import type { Settings, StaticSets } from './settings.ts';

const size = 4;
const all = Array.from({ length: size }, (_, index) => `q-st-c-${index + 1}`);
const noRoom = 'InsufficientInstanceCapacity';

const retry = { firstMs: 60_000, maxMs: 900_000, tries: 3, forMs: 3_600_000 };

interface Options extends Partial<StaticSets> {
  readonly pools?: readonly string[];
  readonly settings?: Partial<Settings>;
}

/** A world in which the queue `q` has a static set of four. */
function world({ pools = ['c5.large us-east-1a'], settings = {}, ...sets }: Options = {}) {
  const queue = queueOf({ c: pools });
  const computeResources = queue.computeResources.map((resource) => ({
    ...resource,
    minCount: size,
    staticSets: { launch: 'all-or-nothing', replace: 'node', ...sets } as StaticSets,
  }));
  const queues = [{ ...queue, computeResources }];
  const more = { resumeTimeoutMs: 1_800_000, bootTimeMs: 300_000, retry, ...settings };
  const one = createTestWorld({ queues, ...more }, createInvariants());
  one.resume('q-dy-c-1', null);
  one.settle();
  return one;
}

/** Muster has Slurm power up what is lacking, and Slurm calls for it. */
function powerUp(one: DrivenWorld): string[] {
  lookAtSets(one);
  const effect = one.only('PowerUpNodes');
  one.finish(effect);
  one.resume(effect.nodes.join(','), []);
  return [...effect.nodes];
}

/** The set is up. */
function up(options: Options = {}): DrivenWorld {
  const one = world(options);
  powerUp(one);
  one.settle();
  one.advance(60_000);
  return one;
}

function end(one: DrivenWorld, node: string): void {
  const { instanceId = '' } = one.state.leases.get(node)?.instance ?? {};
  one.ec2.terminate([instanceId]);
  one.send({ kind: 'Ec2Seen', ended: [instanceId], strays: [], strayReservations: [] });
}

function rest(one: DrivenWorld): void {
  one.boots = false;
  one.settle();
  one.registerAll();
  one.settle();
  checkAtRest(one);
  checkReplay(one);
}

test('a static set of a queue that is protected is left as it is, and tried at once when that is started again', () => {
  const one = world({ settings: { protection: { failures: 2 } } });
  one.boots = true;
  powerUp(one);
  for (const kind of ['RunInstances', 'AssignNodes'] as const) one.finish(one.only(kind));
  one.resumeFail(all.join(','));
  one.settle();
  expect(one.decisions('QueueProtected')).toHaveLength(1);
  one.advance(3_600_000);
  expect(needsOfSets(one)).toEqual([]);
  one.ask('queue-start', 'q');
  one.settle();
  expect(one.state.sets.get('q/c')).toMatchObject({ tries: 0, nextAt: null });
  expect(needsOfSets(one)).toEqual([{ set: 'q/c', powerUp: all, letGo: [] }]);
  powerUp(one);
  rest(one);
});

describe('a static set', () => {
  test('is powered up whole, and launched as one gang in one call', () => {
    const one = world();
    expect(powerUp(one)).toEqual(all);
    expect(one.decisions('GangFormed').at(-1)).toMatchObject({
      gangKind: 'static-set',
      set: 'q/c',
      firm: true,
      jobIds: [],
      nodes: all,
    });
    expect(one.only('RunInstances').order).toMatchObject({ minCount: size, maxCount: size });
    rest(one);
    expect(one.decisions('SetWhole')).toEqual([{ kind: 'SetWhole', set: 'q/c' }]);
    expect(one.state.sets.size).toBe(0);
    expect(needsOfSets(one)).toEqual([]);
  });

  test('for which there is no room gets nothing, and is tried again, each time later, for ever', () => {
    const one = world();
    const waits: number[] = [];
    for (let tries = 1; tries <= 6; tries += 1) {
      expect(powerUp(one)).toEqual(all);
      one.refuse(one.only('RunInstances'), noRoom);
      const refused = one.state.sets.get('q/c');
      expect(refused).toMatchObject({ tries, code: noRoom });
      waits.push((refused?.nextAt ?? 0) - one.now);
      for (const effect of [...one.running]) one.finish(effect);
      expect(needsOfSets(one)).toEqual([]);
      rest(one);
      one.advance(900_000);
    }
    const [first = 0, second = 0, third = 0] = waits;
    expect(first < second && second < third).toBe(true);
    expect(waits.at(-1)).toBeGreaterThan(400_000);
    expect(waits.at(-1)).toBeLessThanOrEqual(900_000);
    expect(one.effects('TellJobs')).toEqual([]);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-1']);
    powerUp(one);
    rest(one);
    expect(one.state.sets.size).toBe(0);
  });

  test('goes back with the reason when it is refused', () => {
    const one = world();
    powerUp(one);
    one.refuse(one.only('RunInstances'), noRoom);
    expect(one.only('GiveBackNodes')).toMatchObject({
      nodes: all,
      reason: expect.stringContaining(`(Code:${noRoom})`) as string,
    });
  });

  test('is tried on the next rung of its ladder, whole', () => {
    const one = world({ pools: ['c5.large us-east-1a', 'c5.large us-east-1b'] });
    powerUp(one);
    one.refuse(one.only('RunInstances'), noRoom);
    expect(one.only('RunInstances').order).toMatchObject({
      subnetId: 'subnet-us-east-1b',
      minCount: size,
    });
    rest(one);
    expect(one.state.sets.size).toBe(0);
  });

  test('gets a lost node back in the zone of the others, and nowhere else', () => {
    const one = up({ pools: ['c5.large us-east-1a', 'c5.large us-east-1b'] });
    end(one, 'q-st-c-3');
    one.settle();
    expect(powerUp(one)).toEqual(['q-st-c-3']);
    expect(one.decisions('GangFormed').at(-1)).toMatchObject({
      set: 'q/c',
      onlyRung: 'c5.large us-east-1a on-demand',
    });
    one.refuse(one.only('RunInstances'), noRoom);
    rest(one);
    expect(one.state.sets.get('q/c')).toMatchObject({ tries: 1, code: noRoom });
    expect(one.state.leases.size).toBe(size);
    one.advance(900_000);
    expect(powerUp(one)).toEqual(['q-st-c-3']);
    rest(one);
    expect(one.state.sets.size).toBe(0);
    expect(needsOfSets(one)).toEqual([]);
  });

  test('gets it there too where the zone was not known when the others were launched', () => {
    const one = up({ pools: ['c5.large us-east-1a', 'c5.large us-east-1b'] });
    for (const lease of one.state.leases.values())
      Object.assign(lease, { pool: 'c5.large subnet-us-east-1a on-demand' });
    end(one, 'q-st-c-3');
    one.settle();
    expect(powerUp(one)).toEqual(['q-st-c-3']);
    one.settle();
    expect(one.state.leases.get('q-st-c-3')?.zone).toBe('us-east-1a');
  });

  test('lets the others go before it is launched whole again, where it is replaced whole', () => {
    const one = up({ replace: 'set' });
    end(one, 'q-st-c-3');
    one.settle();
    lookAtSets(one, {
      'q-st-c-4': { isBusy: true },
      'q-st-c-1': { isBusy: false },
      'q-st-c-2': { isBusy: false },
    });
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-st-c-1', 'q-st-c-2']);
    one.settle();
    one.advance(10_000);
    expect(one.decisions('LeasesEnded').at(-1)).toMatchObject({ why: 'SetReplaced' });
    lookAtSets(one, { 'q-st-c-4': { isBusy: false } });
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-st-c-4']);
    one.settle();
    one.advance(1_000);
    expect(powerUp(one)).toEqual(all);
    rest(one);
    expect(one.state.leases.size).toBe(size + 1);
  });

  test('that comes in several calls is one gang', () => {
    const one = world();
    lookAtSets(one);
    one.finish(one.only('PowerUpNodes'));
    one.resume('q-st-c-[1-3]', []);
    expect(one.out('RunInstances')).toEqual([]);
    one.advance(10_000);
    one.resume('q-st-c-4', []);
    expect(one.only('RunInstances').order).toMatchObject({ minCount: size });
    rest(one);
  });

  test('of which Slurm never calls for the rest is let go, and tried again', () => {
    const one = world();
    lookAtSets(one);
    one.finish(one.only('PowerUpNodes'));
    one.resume('q-st-c-[1-3]', []);
    one.advance(60_000);
    expect(one.state.sets.get('q/c')).toMatchObject({ code: 'GangIncomplete', tries: 1 });
    expect(one.state.sets.get('q/c')?.message).toMatch(/3 of the 4 nodes of the static set/);
    rest(one);
  });

  test('is the gang of a job as far as a job was put there', () => {
    const one = world();
    lookAtSets(one);
    one.finish(one.only('PowerUpNodes'));
    one.resume(all.join(','), ['q-st-c-[1-2]']);
    expect(one.decisions('GangFormed').slice(-2)).toMatchObject([
      { gangKind: 'job', jobIds: [1], nodes: ['q-st-c-1', 'q-st-c-2'] },
      { gangKind: 'static-set', nodes: ['q-st-c-3', 'q-st-c-4'] },
    ]);
    rest(one);
    expect(needsOfSets(one)).toEqual([]);
  });

  test('gets a node by itself that a person powers up', () => {
    const one = world();
    one.resume('q-st-c-2', []);
    expect(one.decisions('GangFormed').at(-1)).toMatchObject({ nodes: ['q-st-c-2'], missing: [] });
    rest(one);
    one.advance(10_000);
    expect(powerUp(one)).toEqual(['q-st-c-1', 'q-st-c-3', 'q-st-c-4']);
    expect(one.decisions('GangFormed').at(-1)).toMatchObject({
      onlyRung: 'c5.large us-east-1a on-demand',
    });
    rest(one);
  });

  test('of which Slurm powers a node down while it is launched is let go whole', () => {
    const one = world();
    powerUp(one);
    one.suspend('q-st-c-2');
    rest(one);
    expect(one.ec2.alive.size).toBe(1);
    expect(one.state.sets.get('q/c')).toMatchObject({ code: 'PoweredDown', tries: 1 });
  });

  test('is looked for by the state that the ledger gives', () => {
    const one = world();
    powerUp(one);
    one.refuse(one.only('RunInstances'), noRoom);
    rest(one);
    expect(replay(one.turns).sets).toEqual(one.state.sets);
  });
});

test('a set that the configuration has lost is forgotten', () => {
  const one = world();
  powerUp(one);
  one.refuse(one.only('RunInstances'), noRoom);
  expect(one.state.sets.size).toBe(1);
  one.send({ kind: 'ConfigLoaded', settings: one.state.settings });
  expect(one.state.sets.size).toBe(1);
  one.send({ kind: 'ConfigLoaded', settings: { ...one.state.settings, queues: [] } });
  expect(one.state.sets.size).toBe(0);
  rest(one);
});

describe('a static set that boots', () => {
  /** Given to Slurm, and only the first three have registered. */
  function booting(options: Options = {}): DrivenWorld {
    const one = Object.assign(world(options), { boots: true });
    powerUp(one);
    one.advance(1_000);
    for (const launch of one.out('RunInstances')) one.launch(launch);
    for (const assign of one.out('AssignNodes')) one.finish(assign);
    one.sendSeen({ registered: all.slice(0, 3) });
    return one;
  }

  test('gets another instance for a node that does not come', () => {
    const one = booting();
    one.advance(300_000);
    expect(one.decisions('NodesReplaced')).toMatchObject([{ nodes: ['q-st-c-4'] }]);
    rest(one);
    expect(one.state.leases.size).toBe(size + 1);
    expect(one.decisions('SetWhole')).toHaveLength(1);
  });

  test('is let go whole where there is none, and tried again', () => {
    const one = booting();
    one.advance(300_000);
    one.refuse(one.only('RunInstances'), noRoom);
    rest(one);
    expect(one.ec2.alive.size).toBe(1);
    expect(one.state.sets.get('q/c')).toMatchObject({ code: noRoom, tries: 1 });
  });

  test('goes on without that node where each stands for itself', () => {
    const one = booting({ launch: 'best-effort' });
    one.advance(300_000);
    one.refuse(one.only('RunInstances'), noRoom);
    rest(one);
    expect(one.state.leases.size).toBe(size);
    expect(one.state.sets.get('q/c')).toMatchObject({ tries: 1 });
    one.advance(900_000);
    expect(powerUp(one)).toEqual(['q-st-c-4']);
    rest(one);
    expect(one.state.sets.size).toBe(0);
  });
});

describe('a static set whose nodes stand for themselves', () => {
  test('takes what EC2 gives, and tries the others again', () => {
    const one = world({ launch: 'best-effort' });
    powerUp(one);
    one.launch(one.only('RunInstances'), 3);
    rest(one);
    expect(one.state.sets.get('q/c')).toMatchObject({ code: 'LimitedInstanceCapacity', tries: 1 });
    one.advance(900_000);
    expect(powerUp(one)).toEqual(['q-st-c-4']);
    rest(one);
    expect(one.state.sets.size).toBe(0);
  });
});

describe('powering up', () => {
  test('is repeated while Slurm is away, for what it has not called for', () => {
    const one = world();
    lookAtSets(one);
    one.fail(one.only('PowerUpNodes'), 'slurmctld is away', true);
    one.resume('q-st-c-1', []);
    one.advance(2_000);
    expect(one.only('PowerUpNodes').nodes).toEqual(all.slice(1));
    one.fail(one.only('PowerUpNodes'), 'slurmctld is away', true);
    one.resume('q-st-c-[2-4]', []);
    one.advance(60_000);
    expect(one.out('PowerUpNodes')).toEqual([]);
    rest(one);
  });

  test('that Slurm refuses is a refusal of the set', () => {
    const one = world();
    lookAtSets(one);
    one.fail(one.only('PowerUpNodes'), 'Invalid node state specified', false);
    expect(one.state.sets.get('q/c')).toMatchObject({ code: 'PowerUpRefused', asked: [] });
    rest(one);
  });

  test('passes over what has changed since the look', () => {
    const one = world();
    const needs = needsOfSets(one);
    one.resume('q-st-c-1', []);
    act(one, needs);
    expect(one.only('PowerUpNodes').nodes).toEqual(all.slice(1));
    const later = needsOfSets(up({ replace: 'set' }));
    expect(later).toEqual([]);
    const busy = up({ replace: 'set' });
    busy.resume('q-st-c-2', ['q-st-c-2']);
    act(busy, [{ set: 'q/c', powerUp: [], letGo: ['q-st-c-2'] }]);
    expect(busy.effects('ReleaseNodes')).toEqual([]);
  });
});
