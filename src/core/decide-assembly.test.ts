/** Jobs whose nodes come in several calls (ResumeRate), or share nodes with others: one gang, and no two wait for one another. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';
import type { Settings } from './settings.ts';

function world(settings: Partial<Settings> = {}): DrivenWorld {
  return createTestWorld(settings, createInvariants());
}

function rest(one: DrivenWorld): void {
  one.settle();
  checkAtRest(one);
  checkReplay(one);
}

/** Slurm calls for some nodes of a job; `all` are its nodes, and none of them is up. */
function call(one: DrivenWorld, jobId: number, hostlist: string, all: string): string {
  one.slurm.jobs.set(jobId, { nodes: all });
  one.slurm.absent = all;
  return one.resume(hostlist, [{ job_id: jobId, nodes_resume: hostlist }]);
}

const six = 'q-dy-c-[1-6]';

/** ResumeRate = 4: a job of six nodes comes in calls of 4, 1 and 1. */
function calls(one: DrivenWorld): DrivenWorld {
  call(one, 1, 'q-dy-c-[1-4]', six);
  one.advance(10_000);
  call(one, 1, 'q-dy-c-5', six);
  one.advance(10_000);
  return one;
}

describe('a job in calls of 4, 1 and 1', () => {
  test('is one gang, launched when the last call has come, with a verdict for each', () => {
    const one = calls(world());
    expect(one.effects('RunInstances')).toEqual([]);
    call(one, 1, 'q-dy-c-6', six);
    expect(one.only('RunInstances').order).toMatchObject({ minCount: 6, maxCount: 6 });
    rest(one);
    expect(one.decisions('GangFormed').filter(({ gangKind }) => gangKind === 'job')).toHaveLength(
      1,
    );
    expect(one.decisions('GangGrew')).toHaveLength(2);
    expect(one.decisions('RequestSettled').map(({ given }) => given.length)).toEqual([6, 6, 6]);
    expect(one.effects('AssignNodes').map(({ nodes }) => nodes.length)).toEqual([6]);
  });

  test('that EC2 refuses goes back whole, each call told so, the job once', () => {
    const one = calls(world());
    call(one, 1, 'q-dy-c-6', six);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    expect(one.decisions('RequestSettled').map(({ failed }) => failed.length)).toEqual([6, 6, 6]);
    expect(one.only('GiveBackNodes').nodes).toHaveLength(6);
    expect(one.effects('TellJobs')).toHaveLength(1);
    rest(one);
  });

  test('whose last call does not come in time goes back: nothing was launched', () => {
    const one = calls(world({ assemblyPatienceMs: 30_000 }));
    one.advance(19_999);
    expect(one.effects('GiveBackNodes')).toEqual([]);
    one.advance(1);
    expect(one.givenBack()).toEqual([
      'q-dy-c-1 q-dy-c-2 q-dy-c-3 q-dy-c-4 q-dy-c-5 (Code:GangIncomplete)Failure when resuming nodes: ' +
        'Slurm asked for 5 of the 6 nodes of the job, and for no more of them in 30 s',
    ]);
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 1, code: 'GangIncomplete' }]);
    rest(one);
    expect(one.decisions('RequestSettled')).toHaveLength(2);
    expect(one.effects('RunInstances')).toEqual([]);
  });

  test('each call moves the deadline', () => {
    const one = world({ assemblyPatienceMs: 15_000 });
    calls(one);
    call(one, 1, 'q-dy-c-6', six);
    rest(one);
    expect(one.verdict().given).toHaveLength(6);
  });

  test('the last call that comes after the deadline is a gang of its own, incomplete too', () => {
    const one = calls(world({ assemblyPatienceMs: 5_000 }));
    one.settle();
    const before = one.decisions('JobRefused').length;
    call(one, 1, 'q-dy-c-6', six);
    rest(one);
    expect(one.decisions('JobRefused')).toHaveLength(before + 1);
    expect(one.effects('RunInstances')).toEqual([]);
  });

  test('a suspend of one node lets it go, before it was complete', () => {
    const one = calls(world());
    one.suspend('q-dy-c-2');
    expect(one.only('GiveBackNodes').nodes).toHaveLength(4);
    expect(one.decisions('RequestSettled')).toHaveLength(2);
    rest(one);
  });

  test('the same call again changes nothing but the deadline', () => {
    const one = calls(world());
    call(one, 1, 'q-dy-c-5', six);
    call(one, 1, 'q-dy-c-6', six);
    rest(one);
    expect(one.ec2.launchedBy.size).toBe(1);
    expect(one.decisions('RequestSettled')).toHaveLength(4);
  });

  for (const after of [0, 1, 2, 3]) {
    test(`a restart after ${after} calls changes nothing`, () => {
      const one = world();
      for (const [index, nodes] of ['q-dy-c-[1-4]', 'q-dy-c-5', 'q-dy-c-6'].entries()) {
        if (index === after) one.restart();
        call(one, 1, nodes, six);
      }
      if (after === 3) one.restart();
      rest(one);
      expect(one.decisions('RequestSettled').map(({ given }) => given.length)).toEqual([6, 6, 6]);
      expect(one.ec2.alive.size).toBe(6);
    });
  }

  test('answers to its calls in another order make the same gang', () => {
    const one = world();
    one.asks = true;
    call(one, 1, 'q-dy-c-[1-4]', 'q-dy-c-[1-5]');
    call(one, 1, 'q-dy-c-5', 'q-dy-c-[1-5]');
    const [first, second] = one.out('AskJobs');
    if (first === undefined || second === undefined) throw new Error('two questions should be out');
    one.finish(second);
    expect(one.effects('RunInstances')).toEqual([]);
    one.finish(first);
    expect(one.only('RunInstances').order.maxCount).toBe(5);
    rest(one);
  });
});

describe('gangs that share nodes', () => {
  test('one that grows by a node of one that waits for it does not wait for that one', () => {
    const one = world();
    call(one, 1, 'q-dy-c-[1-2]', 'q-dy-c-[1-3]');
    call(one, 2, 'q-dy-c-[2-3]', 'q-dy-c-[2-3]');
    call(one, 1, 'q-dy-c-3', 'q-dy-c-[1-3]');
    expect(one.only('RunInstances').order.maxCount).toBe(3);
    rest(one);
    expect(one.ec2.alive.size).toBe(3);
  });

  const node = fc.integer({ min: 1, max: 5 }).map((number) => `q-dy-c-${number}`);
  const nodes = fc.uniqueArray(node, { minLength: 1 });
  const request = fc.record({
    kind: fc.constant('request' as const),
    jobs: fc.uniqueArray(
      fc.record({ jobId: fc.integer({ min: 1, max: 4 }), asked: nodes, more: nodes }),
      { minLength: 1, maxLength: 2, selector: ({ jobId }) => jobId },
    ),
  });
  const answer = fc.record({
    kind: fc.constant('answer' as const),
    which: fc.nat({ max: 5 }),
    refused: fc.boolean(),
  });

  function answerOne(one: DrivenWorld, which: number, refused: boolean): void {
    const effect = one.running[which % Math.max(1, one.running.length)];
    if (effect === undefined) return;
    if (refused && effect.kind === 'RunInstances')
      one.refuse(effect, 'InsufficientInstanceCapacity');
    else one.finish(effect);
  }

  /** Whose end leads back to where it began; null: nobody's. */
  function circleIn({ state: { gangs } }: DrivenWorld): string[] | null {
    const visit = (id: string, path: readonly string[]): string[] | null => {
      if (path.includes(id)) return [...path, id];
      for (const next of gangs.get(id)?.waitsFor ?? []) {
        const found = gangs.has(next) ? visit(next, [...path, id]) : null;
        if (found !== null) return found;
      }
      return null;
    };
    for (const id of gangs.keys()) {
      const found = visit(id, []);
      if (found !== null) return found;
    }
    return null;
  }

  const numRuns = Number(process.env['MUSTER_PROPERTY_RUNS'] ?? 200);

  test(
    'never wait for one another in a circle, whatever order calls and answers come in',
    { timeout: 600_000 },
    () => {
      fc.assert(
        fc.property(fc.array(fc.oneof(request, answer), { maxLength: 20 }), (steps) => {
          const one = world();
          one.asks = true;
          for (const step of steps) {
            if (step.kind === 'answer') {
              answerOne(one, step.which, step.refused);
            } else {
              const all: string[] = [];
              for (const { jobId, asked, more } of step.jobs) {
                one.slurm.jobs.set(jobId, { nodes: [...new Set([...asked, ...more])].join(',') });
                all.push(...asked);
              }
              one.slurm.absent = 'q-dy-c-[1-5]';
              const jobs = step.jobs.map(({ jobId, asked }) => ({
                job_id: jobId,
                nodes_resume: asked.join(','),
              }));
              one.resume([...new Set(all)].join(','), jobs);
            }
            expect(circleIn(one)).toBe(null);
          }
          one.asks = false;
          rest(one);
        }),
        { numRuns },
      );
    },
  );
});
