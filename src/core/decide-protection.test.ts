/** Queues whose boots keep failing: counted, set inactive with the reason, not launched for, and started again by a person. */
import { describe, expect, test } from 'vitest';
import { narrate } from './narrate.ts';
import type { Queue, Settings } from './settings.ts';
import { queueOf } from './testing/fleet.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';

const minute = 60_000;

/** Queues `p` and `q` with the compute resources `a` and `b` each. */
function fleet(ofP: Partial<Queue> = {}): Queue[] {
  const types = { a: ['c5.large us-east-1a'], b: ['c6i.large us-east-1a'] };
  return [queueOf(types, { name: 'p', ...ofP }), queueOf(types, { name: 'q' })];
}

/** No slurmd registers by itself; two failed boots in a row protect a queue. */
function world(settings: Partial<Settings> = {}): DrivenWorld {
  const one = createTestWorld(
    { queues: fleet(), protection: { failures: 2 }, ...settings },
    createInvariants(),
  );
  one.boots = true;
  return one;
}

let jobs = 0;

function submit(one: DrivenWorld, nodes: string): void {
  jobs += 1;
  one.resume(nodes, [{ job_id: jobs, nodes_resume: nodes }]);
}

/** EC2 and Slurm do what they are asked; no slurmd registers. */
function answer(one: DrivenWorld): void {
  for (let step = 0; step < 100; step += 1) {
    const [effect] = one.running;
    if (effect === undefined) return;
    one.finish(effect);
  }
  throw new Error('there is no end to it');
}

/** A job whose boots, and their replacements, do not come. */
function failBoots(one: DrivenWorld, nodes: string): void {
  submit(one, nodes);
  for (let step = 0; step < 4; step += 1) {
    answer(one);
    one.advance(5 * minute);
  }
  answer(one);
}

function endInstances(one: DrivenWorld, ...nodes: readonly string[]): void {
  const ended = nodes.flatMap((node) => one.state.leases.get(node)?.instance.instanceId ?? []);
  one.ec2.terminate(ended);
  one.send({ kind: 'Ec2Seen', ended, strays: [], strayReservations: [] });
}

function failures(one: DrivenWorld, queue: string): Readonly<Record<string, number>> {
  return one.state.protection.get(queue)?.failures ?? {};
}

function isProtected(one: DrivenWorld, queue: string): boolean {
  return one.decisions('QueueProtected').some((each) => each.queue === queue);
}

function rest(one: DrivenWorld): void {
  one.settle();
  checkAtRest(one);
  checkReplay(one);
}

describe('boots that fail in a row', () => {
  test('protect their queue: inactive, the console asked for, the reason in the log', () => {
    const one = world();
    failBoots(one, 'p-dy-a-1');
    expect(one.decisions('QueueProtected')).toHaveLength(1);
    expect(one.effects('SetPartitions')).toEqual([
      expect.objectContaining({ by: 'protection', partitions: ['p'], isUp: false }),
    ]);
    const [fetched] = one.effects('FetchConsole');
    expect(fetched).toMatchObject({ queue: 'p', node: 'p-dy-a-1' });
    expect(one.state.protection.get('p')).toMatchObject({
      failures: { a: 2 },
      why: {
        code: 'QueueProtected',
        message: expect.stringContaining('2 boots of p/a in a row have failed') as string,
      },
      console: { node: 'p-dy-a-1', tail: `${fetched?.instanceId ?? ''} says no` },
    });
    const lines = one.turns.flatMap((turn) => narrate(one.state, turn));
    expect(lines.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Queue p is set inactive, and nothing more is launched for it/),
        expect.stringMatching(/^The console of i-\w+ \(node p-dy-a-1\) is kept/),
        expect.stringMatching(/^Boots have failed \(x1\) \['p-dy-a-1'\] \(Code:BootTimeout\)/),
      ]),
    );
    rest(one);
  });

  test('are named on the nodes that failed', () => {
    const one = world();
    failBoots(one, 'p-dy-a-1');
    const reasons = one.effects('GiveBackNodes').flatMap(({ reason }) => reason ?? []);
    expect(reasons.at(-1)).toMatch(/^\(Code:BootTimeout\).*; queue p is protected$/);
    rest(one);
  });

  test('are counted node by node: one wide job can be enough', () => {
    const one = world({ protection: { failures: 3 } });
    submit(one, 'p-dy-a-[1-4]');
    answer(one);
    one.advance(5 * minute);
    expect(one.decisions('BootsFailed')[0]?.nodes).toHaveLength(4);
    expect(isProtected(one, 'p')).toBe(true);
    rest(one);
  });

  test('are over when one node of their compute resource comes up', () => {
    const one = world({ protection: { failures: 3 } });
    failBoots(one, 'p-dy-a-1');
    expect(failures(one, 'p')).toEqual({ a: 2 });
    submit(one, 'p-dy-b-1');
    answer(one);
    one.registerAll();
    expect(failures(one, 'p')).toEqual({ a: 2 });
    submit(one, 'p-dy-a-2');
    answer(one);
    one.registerAll();
    expect(one.state.protection.size).toBe(0);
    failBoots(one, 'p-dy-a-1');
    expect(isProtected(one, 'p')).toBe(false);
    rest(one);
  });

  test('of two compute resources are two rows', () => {
    const one = world({ protection: { failures: 3 } });
    failBoots(one, 'p-dy-a-1');
    failBoots(one, 'p-dy-b-1');
    expect(failures(one, 'p')).toEqual({ a: 2, b: 2 });
    expect(isProtected(one, 'p')).toBe(false);
    submit(one, 'p-dy-b-2');
    answer(one);
    one.registerAll();
    expect(failures(one, 'p')).toEqual({ a: 2 });
    rest(one);
  });

  test('count when EC2 ends the instances, before they are given and after', () => {
    const one = world({ protection: { failures: 3 } });
    submit(one, 'p-dy-a-[1-2]');
    for (const launch of one.out('RunInstances')) one.finish(launch);
    endInstances(one, 'p-dy-a-1');
    expect(failures(one, 'p')).toEqual({ a: 1 });
    answer(one);
    submit(one, 'p-dy-a-[3-4]');
    answer(one);
    endInstances(one, 'p-dy-a-3', 'p-dy-a-4');
    expect(failures(one, 'p')).toEqual({ a: 3 });
    expect(isProtected(one, 'p')).toBe(true);
    rest(one);
  });

  test("count when Slurm's ResumeTimeout was first", () => {
    const one = world();
    submit(one, 'p-dy-a-[1-2]');
    answer(one);
    one.resumeFail('p-dy-a-[1-2]');
    expect(isProtected(one, 'p')).toBe(true);
    rest(one);
  });

  test('do not count where nodes that were up are lost, or are powered down, or EC2 refuses', () => {
    const one = world({ protection: { failures: 1 } });
    submit(one, 'p-dy-a-[1-2]');
    answer(one);
    one.registerAll();
    endInstances(one, 'p-dy-a-1');
    submit(one, 'p-dy-a-3');
    answer(one);
    one.suspend('p-dy-a-3');
    submit(one, 'p-dy-a-4');
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    expect(one.decisions('BootsFailed')).toEqual([]);
    rest(one);
  });

  test('protect nothing where that is switched off, or the compute resource allows more', () => {
    const one = world({
      protection: { failures: 0 },
      queues: fleet({ protection: { failures: 5 } }),
    });
    failBoots(one, 'q-dy-a-1');
    failBoots(one, 'p-dy-a-1');
    failBoots(one, 'p-dy-a-1');
    expect(one.decisions('QueueProtected')).toEqual([]);
    failBoots(one, 'p-dy-a-1');
    expect(isProtected(one, 'p')).toBe(true);
    expect(isProtected(one, 'q')).toBe(false);
    rest(one);
  });
});

describe('a queue that is protected', () => {
  function guarded(): DrivenWorld {
    const one = world();
    failBoots(one, 'p-dy-a-1');
    return one;
  }

  test('gets no more launches; its jobs wait, without a next try and without a hold', () => {
    const one = guarded();
    const launches = one.effects('RunInstances').length;
    submit(one, 'p-dy-b-1');
    answer(one);
    expect(one.effects('RunInstances')).toHaveLength(launches);
    expect(one.decisions('JobRefused').at(-1)).toMatchObject({
      code: 'QueueProtected',
      tries: 0,
      nextAt: null,
      hold: null,
    });
    expect(one.effects('TellJobs').at(-1)?.note).toContain('it waits, and starts by itself then');
    expect(one.effects('GiveBackNodes').at(-2)?.reason).toMatch(/^\(Code:QueueProtected\)/);
    rest(one);
  });

  test('leaves another queue alone, and what runs in it', () => {
    const one = world();
    submit(one, 'p-dy-a-5');
    answer(one);
    one.registerAll();
    failBoots(one, 'p-dy-a-1');
    expect(one.state.leases.has('p-dy-a-5')).toBe(true);
    submit(one, 'q-dy-a-1');
    answer(one);
    one.registerAll();
    expect(one.state.leases.get('q-dy-a-1')?.isRegistered).toBe(true);
    rest(one);
  });

  test('lets go what it was launching, not what boots', () => {
    const one = world();
    submit(one, 'p-dy-a-[1-2]');
    answer(one);
    submit(one, 'p-dy-b-1');
    answer(one);
    submit(one, 'p-dy-b-2');
    expect(one.out('RunInstances')).toHaveLength(1);
    endInstances(one, 'p-dy-a-1', 'p-dy-a-2');
    expect(one.decisions('GangClosed').at(-1)?.refusals[0]?.code).toBe('QueueProtected');
    expect(one.state.leases.has('p-dy-b-1')).toBe(true);
    answer(one);
    expect(one.state.leases.has('p-dy-b-2')).toBe(false);
    rest(one);
  });

  test('starts again by a person: counted from nothing, its partition up, its jobs with all their time', () => {
    const one = guarded();
    submit(one, 'p-dy-b-1');
    answer(one);
    one.advance(minute);
    one.ask('queue-start', ' p ');
    expect(one.state.protection.size).toBe(0);
    expect(one.out('SetPartitions')).toEqual([
      expect.objectContaining({ by: 'protection', partitions: ['p'], isUp: true }),
    ]);
    expect(one.state.jobs.get(jobs)?.firstAt).toBe(one.now);
    answer(one);
    submit(one, 'p-dy-a-1');
    answer(one);
    one.registerAll();
    expect(one.state.leases.get('p-dy-a-1')?.isRegistered).toBe(true);
    rest(one);
  });

  test('is not set up by the start of the fleet, but by its own', () => {
    const one = guarded();
    one.ask('fleet-stop');
    one.send({
      kind: 'PartitionsTold',
      effectId: one.only('ListPartitions').id,
      up: ['q'],
    });
    one.running.splice(0);
    one.ask('queue-start', 'p');
    expect(one.out('SetPartitions')).toEqual([]);
    one.ask('fleet-start');
    expect(one.only('SetPartitions')).toMatchObject({ partitions: ['q', 'p'], isUp: true });
  });
});

test('what a person starts is in the log', () => {
  const one = world();
  failBoots(one, 'p-dy-a-1');
  one.ask('queue-start', 'p');
  one.ask('queue-start', 'q');
  const lines = one.turns.flatMap((turn) => narrate(one.state, turn));
  const started = lines.filter(({ message }) => message.endsWith('its failed boots are forgotten'));
  expect(started.map(({ message }) => message)).toEqual([
    'Queue p is set up again: its failed boots are forgotten',
    'Queue q was not protected: its failed boots are forgotten',
  ]);
  expect(lines.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^queue-start request .* for queue: p$/),
  );
  rest(one);
});

describe('the start of a queue', () => {
  test('that is not protected touches no partition: somebody may want it inactive', () => {
    const one = world({ protection: { failures: 9 } });
    failBoots(one, 'p-dy-a-1');
    one.ask('queue-start', 'p');
    expect(one.state.protection.size).toBe(0);
    expect(one.effects('SetPartitions')).toEqual([]);
    rest(one);
  });

  test('that is none is a fault, and says which there are', () => {
    const one = world();
    one.ask('queue-start', 'x');
    expect(one.decisions('InputFaulty')).toMatchObject([
      { message: 'there is no queue "x" to start (there are: p, q)' },
    ]);
    const blind = world({ queues: null });
    blind.ask('queue-start', 'x');
    expect(blind.decisions('InputFaulty')).toHaveLength(1);
    rest(one);
  });

  test('and its protection are two orders to Slurm, of which the later one holds', () => {
    const one = world();
    failBoots(one, 'p-dy-a-1');
    one.ask('queue-start', 'p');
    one.fail(one.only('SetPartitions'), 'slurmctld is away', true);
    submit(one, 'p-dy-a-[2-3]');
    answer(one);
    one.resumeFail('p-dy-a-[2-3]');
    one.settle();
    expect(one.effects('SetPartitions').map(({ isUp }) => isUp)).toEqual([false, true, false]);
    expect(one.state.outstanding.size).toBe(0);
    rest(one);
  });

  test('takes back a partition that Slurm could not yet be told to set inactive', () => {
    const one = world();
    submit(one, 'p-dy-a-[1-2]');
    answer(one);
    one.resumeFail('p-dy-a-[1-2]');
    one.fail(one.only('SetPartitions'), 'slurmctld is away', true);
    one.ask('queue-start', 'p');
    expect(one.only('SetPartitions').isUp).toBe(true);
    rest(one);
    expect(one.effects('SetPartitions').map(({ isUp }) => isUp)).toEqual([false, true]);
  });
});

describe('the console of an instance that failed', () => {
  function fetching(): DrivenWorld {
    const one = world();
    submit(one, 'p-dy-a-[1-2]');
    answer(one);
    one.resumeFail('p-dy-a-[1-2]');
    return one;
  }

  test('is asked for again while EC2 has nothing, or does not answer, and given up in the end', () => {
    const one = fetching();
    const { id: effectId } = one.only('FetchConsole');
    for (let tries = 0; tries < 6; tries += 1) {
      const fetch = one.only('FetchConsole');
      if (tries % 2 === 0) one.fail(fetch, 'no answer', true);
      else {
        one.running.splice(one.running.indexOf(fetch), 1);
        one.send({ kind: 'ConsoleFetched', effectId, tail: '' });
      }
      one.advance(10 * minute);
    }
    expect(one.out('FetchConsole')).toEqual([]);
    expect(one.state.outstanding.has(effectId)).toBe(false);
    expect(one.state.protection.get('p')?.console).toBe(null);
    rest(one);
  });

  test('that fails the last time is given up, too', () => {
    const one = fetching();
    for (let tries = 0; tries < 6; tries += 1) {
      one.fail(one.only('FetchConsole'), 'no answer', true);
      one.advance(10 * minute);
    }
    expect(one.out('FetchConsole')).toEqual([]);
    rest(one);
  });

  test('that comes after the queue was started again is in the log alone', () => {
    const one = fetching();
    one.ask('queue-start', 'p');
    one.finish(one.only('FetchConsole'));
    expect(one.state.protection.size).toBe(0);
    rest(one);
  });

  test('is nobody’s where nobody asked', () => {
    const one = world();
    one.send({ kind: 'ConsoleFetched', effectId: 'gone', tail: 'x' });
    one.send({ kind: 'EffectFailed', effectId: 'gone', message: 'no answer', transient: true });
    expect(one.decisions('ConsoleKept')).toEqual([]);
  });
});
