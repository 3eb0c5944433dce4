/** What becomes of a job that was refused: tried again later and later, held in the end, and its owner told. */
import { describe, expect, test } from 'vitest';
import { pastJobs, refusedJobs, type PastJobs } from './past-jobs.ts';
import { queueOf } from './testing/fleet.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, testStart, type DrivenWorld } from './testing/world.ts';
import type { Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';

function world(settings: Partial<Settings> = {}): DrivenWorld {
  return createTestWorld(settings, createInvariants());
}

/** EC2 refuses the nodes of a job that Slurm starts now. */
function refuse(one: DrivenWorld, jobId = 1, code = noRoom, message?: string): void {
  const nodes = `q-dy-c-[1-2]`;
  one.resume(nodes, [{ job_id: jobId, nodes_resume: nodes }]);
  one.refuse(one.only('RunInstances'), code, message);
}

function last(one: DrivenWorld) {
  const refused = one.decisions('JobRefused').at(-1);
  if (refused === undefined) throw new Error('no job was refused');
  return refused;
}

function rest(one: DrivenWorld): void {
  one.settle();
  checkAtRest(one);
  checkReplay(one);
}

describe('a refused job', () => {
  test('is tried later and later, with jitter, up to a bound', () => {
    const one = world();
    const waits: number[] = [];
    for (let tries = 1; tries <= 9; tries += 1) {
      refuse(one);
      expect(last(one)).toMatchObject({ jobId: 1, tries, hold: null });
      waits.push((last(one).nextAt ?? 0) - one.now);
      one.settle();
      one.advance(10 * 60_000);
    }
    const full = [60, 120, 240, 480, 900, 900, 900, 900, 900].map((seconds) => seconds * 1_000);
    for (const [index, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual((full[index] ?? 0) / 2);
      expect(wait).toBeLessThanOrEqual(full[index] ?? 0);
    }
    // Requests have names of their own, so that no two jobs come back in step.
    expect(new Set(waits.slice(4)).size).toBe(5);
    checkAtRest(one);
  });

  test('is not tried before EC2 would be asked again', () => {
    const one = world({ capacityMemory: { refusalMs: 300_000, successMs: 0 } });
    refuse(one, 1, 'SomethingNew');
    expect(last(one).nextAt ?? 0).toBeLessThanOrEqual(one.now + 60_000);
    refuse(one, 2);
    expect(last(one).nextAt).toBe(one.now + 300_000);
    rest(one);
  });

  test('is held for its owner after so many tries', () => {
    const one = world({ retry: { firstMs: 1_000, maxMs: 2_000, tries: 3, forMs: 86_400_000 } });
    for (let tries = 1; tries <= 3; tries += 1) refuse(one);
    expect(one.decisions('JobRefused').map(({ hold }) => hold)).toEqual([null, null, 'user']);
    expect(last(one).nextAt).toBe(null);
    expect(one.effects('TellJobs').at(-1)).toMatchObject({
      jobIds: [1],
      startAt: null,
      hold: 'user',
      note: expect.stringContaining('held: release it with scontrol release') as string,
    });
    rest(one);
  });

  test('is held for its owner after so long a time', () => {
    const one = world({ retry: { firstMs: 1_000, maxMs: 2_000, tries: 99, forMs: 3_600_000 } });
    refuse(one);
    one.advance(3_599_999);
    refuse(one);
    expect(last(one).hold).toBe(null);
    one.advance(1);
    refuse(one);
    expect(last(one).hold).toBe('user');
    rest(one);
  });

  const hopeless: ReadonlyMap<string, string> = new Map([
    ['a quota', 'VcpuLimitExceeded'],
    ['a missing permission', 'UnauthorizedOperation'],
    ['a wrong configuration', 'InvalidSubnetID.NotFound'],
    ['a type that is never to be had there', 'Unsupported'],
  ]);
  for (const [name, code] of hopeless) {
    test(`by ${name} is held at once, for an administrator`, () => {
      const one = world();
      refuse(one, 1, code);
      expect(last(one)).toMatchObject({ tries: 1, nextAt: null, hold: 'admin' });
      expect(one.effects('TellJobs')).toMatchObject([{ hold: 'admin', startAt: null }]);
      rest(one);
    });
  }

  test('by a ResumeTimeout that is too short is held at once', () => {
    const one = world({
      resumeTimeoutMs: 600_000,
      launchInstances: { burst: 1, perSecond: 0.001 },
    });
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    expect(last(one)).toMatchObject({ code: 'ResumeTimeoutTooShort', hold: 'admin' });
    rest(one);
  });

  test('reads why, when it is tried again and what would help', () => {
    const one = world({ retry: { firstMs: 60_000, maxMs: 60_000, tries: 50, forMs: 86_400_000 } });
    refuse(one);
    const { note, startAt } = one.effects('TellJobs')[0] ?? {};
    expect(startAt).toBe(last(one).nextAt);
    expect(note).toContain(`try 1 refused 2022-06-21T23:37:55Z (Code:${noRoom})`);
    expect(note).toContain(`EC2 says ${noRoom}.; next try 2022-06-21T23:38:`);
    expect(note).toContain('fewer nodes');
    expect(startAt ?? 0).toBeGreaterThan(testStart);
    rest(one);
  });

  test('is forgotten when all its nodes are up, and its note is taken out', () => {
    const one = world();
    refuse(one);
    one.settle();
    one.advance(60_000);
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.boots = true;
    one.launch(one.only('RunInstances'));
    one.finish(one.only('AssignNodes'));
    one.sendSeen({ registered: ['q-dy-c-1'] });
    expect(one.state.jobs.has(1)).toBe(true);
    one.sendSeen({ registered: ['q-dy-c-2'] });
    expect(one.state.jobs.has(1)).toBe(false);
    expect(one.effects('TellJobs').at(-1)).toMatchObject({
      jobIds: [1],
      note: null,
      startAt: null,
      hold: null,
    });
    rest(one);
  });

  test('that was never refused is not told that it started', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    rest(one);
    expect(one.effects('TellJobs')).toEqual([]);
    expect(one.decisions('JobStarted')).toEqual([]);
  });

  test('that only stood behind a limit for a day is not held at its first try', () => {
    const one = createTestWorld(
      {
        resumeTimeoutMs: 1_800_000,
        limits: { instances: 2, launchesPerHour: null, dollarsPerHour: null },
      },
      createInvariants(),
    );
    const seven = [{ job_id: 7, nodes_resume: 'q-dy-c-[3-4]' }];
    one.resume('q-dy-c-[1-2]', [{ job_id: 1, nodes_resume: 'q-dy-c-[1-2]' }]);
    one.settle();
    for (let hour = 0; hour < 25; hour += 1) {
      one.resume('q-dy-c-[3-4]', seven);
      one.settle();
      one.advance(3_600_000);
    }
    expect(one.decisions('JobRefused').at(-1)).toMatchObject({ tries: 0, hold: null });
    one.suspend('q-dy-c-[1-2]');
    one.settle();
    one.resume('q-dy-c-[3-4]', seven);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    expect(one.decisions('JobRefused').at(-1)).toMatchObject({ tries: 1, hold: null });
    checkReplay(one);
  });

  /** What a look at the fleet tells of refused jobs. */
  function past(one: DrivenWorld, jobs: PastJobs): void {
    const seen = { judged: [], struck: [], settled: [], needs: [] };
    one.send({ kind: 'FleetSeen', askedAt: one.now, ...seen, past: jobs });
  }

  test('that runs on nodes that were up is told of its refusals no more, and its tries begin anew', () => {
    const one = world({ resumeTimeoutMs: 1_800_000 });
    refuse(one, 7);
    one.settle();
    one.advance(60_000);
    expect(refusedJobs(one.state, one.now)).toEqual([7]);
    past(one, { started: [7], gone: [] });
    expect(one.decisions('JobStarted')).toMatchObject([{ jobId: 7 }]);
    expect(one.effects('TellJobs').at(-1)).toMatchObject({ jobIds: [7], note: null });
    one.advance(25 * 3_600_000);
    refuse(one, 7);
    expect(last(one)).toMatchObject({ tries: 1, hold: null });
    rest(one);
  });

  test('that is gone keeps nobody waiting behind it', () => {
    const one = createTestWorld(
      {
        resumeTimeoutMs: 1_800_000,
        queues: [queueOf({ c: ['c5.large us-east-1a'] }, { greedy: false })],
        retry: { firstMs: 900_000, maxMs: 900_000, tries: 50, forMs: 86_400_000 },
      },
      createInvariants(),
    );
    one.resume('q-dy-c-[1-4]', [{ job_id: 1, nodes_resume: 'q-dy-c-[1-4]' }]);
    one.refuse(one.only('RunInstances'), noRoom);
    one.settle();
    one.advance(60_000);
    past(one, { started: [], gone: [1, 99] });
    expect(one.decisions('JobForgotten')).toEqual([{ kind: 'JobForgotten', jobId: 1 }]);
    one.resume('q-dy-c-5', [{ job_id: 2, nodes_resume: 'q-dy-c-5' }]);
    expect(one.out('RunInstances')).toHaveLength(1);
    rest(one);
  });

  test('is asked about when its last refusal is a minute old; what has not changed is no news', () => {
    const one = world();
    refuse(one, 7);
    expect(refusedJobs(one.state, one.now + 59_999)).toEqual([]);
    expect(refusedJobs(one.state, one.now + 60_000)).toEqual([7]);
    const states = (state: string) => pastJobs([7], [{ jobId: 7, state }]);
    for (const state of ['PENDING', 'CONFIGURING', 'COMPLETING']) expect(states(state)).toBeNull();
    expect(states('RUNNING')).toEqual({ started: [7], gone: [] });
    expect(states('CANCELLED')).toEqual({ started: [], gone: [7] });
    expect(pastJobs([7], [])).toEqual({ started: [], gone: [7] });
    one.settle();
  });

  test('is forgotten two days after its last try', () => {
    const one = world();
    refuse(one, 1);
    one.advance(86_400_000);
    refuse(one, 2);
    one.advance(86_400_000);
    refuse(one, 3);
    expect([...one.state.jobs.keys()]).toEqual([1, 2, 3]);
    one.advance(1);
    refuse(one, 4);
    expect([...one.state.jobs.keys()]).toEqual([2, 3, 4]);
    rest(one);
  });

  test('in node-list mode, where gangs are no jobs, is told nothing', () => {
    const one = world({ mode: 'node-list', allOrNothingBatch: true });
    refuse(one);
    expect(one.decisions('JobRefused')).toEqual([]);
    rest(one);
    expect(one.effects('TellJobs')).toEqual([]);
  });
});

describe('jobs of one node each', () => {
  test('that are refused together are told in one effect', () => {
    const one = world();
    one.resume('q-dy-c-[1-4]', ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4']);
    one.launch(one.only('RunInstances'), 1);
    expect(one.effects('TellJobs').map(({ jobIds }) => jobIds)).toEqual([[2, 3, 4]]);
    rest(one);
  });

  test('with other numbers of tries are told each its own', () => {
    const one = world();
    refuse(one, 3);
    one.settle();
    const before = one.effects('TellJobs').length;
    one.resume('q-dy-c-[1-4]', ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4']);
    one.refuse(one.only('RunInstances'), noRoom);
    const told = one.effects('TellJobs').slice(before);
    expect(told.map(({ jobIds }) => jobIds)).toEqual([[1, 2, 4], [3]]);
    expect(told[1]?.note).toContain('try 2 refused');
    rest(one);
  });
});

describe('telling', () => {
  /** The job is told; Slurm has not put it back in the queue yet. */
  function early(): DrivenWorld {
    const one = world();
    one.asks = true;
    one.resume('q-dy-c-[1-2]', ['q-dy-c-1', 'q-dy-c-2']);
    one.finish(one.only('AskJobs'));
    one.refuse(one.only('RunInstances'), noRoom);
    one.fail(one.only('TellJobs'), '2 jobs are not back in the queue yet', true);
    return one;
  }

  test('is repeated while Slurm cannot take it', () => {
    const one = early();
    one.advance(2_000);
    expect(one.only('TellJobs').jobIds).toEqual([1, 2]);
    one.asks = false;
    rest(one);
  });

  test('ends after twenty repetitions, and at once where Slurm will never take it', () => {
    const one = early();
    for (let tries = 1; tries < 21; tries += 1) {
      one.advance(60_000);
      one.fail(one.only('TellJobs'), 'not yet', true);
    }
    one.advance(600_000);
    expect(one.out('TellJobs')).toEqual([]);
    one.resume('q-dy-c-9', [{ job_id: 9, nodes_resume: 'q-dy-c-9' }]);
    one.finish(one.only('AskJobs'));
    one.refuse(one.only('RunInstances'), noRoom);
    one.fail(one.only('TellJobs'), 'Invalid job id specified', false);
    one.advance(600_000);
    expect(one.out('TellJobs')).toEqual([]);
    one.asks = false;
    rest(one);
  });

  test('of a last try ends when the job has started again, and goes on for the others', () => {
    const one = early();
    one.resume('q-dy-c-5', [{ job_id: 2, nodes_resume: 'q-dy-c-5' }]);
    one.advance(2_000);
    expect(one.only('TellJobs').jobIds).toEqual([1]);
    one.asks = false;
    rest(one);
  });

  test('of the only job ends with it', () => {
    const one = early();
    one.resume('q-dy-c-[5-6]', [
      { job_id: 1, nodes_resume: 'q-dy-c-5' },
      { job_id: 2, nodes_resume: 'q-dy-c-6' },
    ]);
    one.advance(2_000);
    expect(one.out('TellJobs')).toEqual([]);
    one.asks = false;
    rest(one);
  });

  test('that runs when one of its jobs starts again is left to its end', () => {
    const one = early();
    one.advance(2_000);
    const running = one.only('TellJobs');
    one.resume('q-dy-c-5', [{ job_id: 2, nodes_resume: 'q-dy-c-5' }]);
    expect(one.out('TellJobs').map(({ jobIds }) => jobIds)).toEqual([[1, 2], [1]]);
    one.fail(running, '1 jobs are not back in the queue yet', true);
    one.advance(120_000);
    expect(one.out('TellJobs').map(({ jobIds }) => jobIds)).toEqual([[1]]);
    one.asks = false;
    rest(one);
  });

  test('of a hold, when the job has started again, is followed by taking that hold back', () => {
    const one = Object.assign(world(), { asks: true });
    one.resume('q-dy-c-1', [{ job_id: 1, nodes_resume: 'q-dy-c-1' }]);
    one.finish(one.only('AskJobs'));
    one.refuse(one.only('RunInstances'), 'VcpuLimitExceeded');
    const held = one.only('TellJobs');
    expect(held).toMatchObject({ jobIds: [1], hold: 'admin' });
    one.resume('q-dy-c-5', [{ job_id: 1, nodes_resume: 'q-dy-c-5' }]);
    const back = one.out('TellJobs').at(-1);
    expect(back).toMatchObject({ jobIds: [1], hold: null, release: true, anyState: true });
    // That it starts once more leaves this as it is.
    one.resume('q-dy-c-6', [{ job_id: 1, nodes_resume: 'q-dy-c-6' }]);
    expect(one.out('TellJobs')).toEqual([held, back]);
    one.asks = false;
    rest(one);
  });

  test('is carried on by a restart', () => {
    const one = early();
    one.restart();
    one.advance(2_000);
    expect(one.only('TellJobs').jobIds).toEqual([1, 2]);
    one.asks = false;
    rest(one);
  });
});

describe('a job that gets a part of its nodes', () => {
  test('is refused once, with the first that it does not get: it goes back to the queue with that', () => {
    const one = world({ scalingStrategy: 'best-effort', maxBatchSize: 1 });
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    one.launch(one.launchFor('q-dy-c-1'));
    one.refuse(one.launchFor('q-dy-c-2'), noRoom);
    expect(last(one)).toMatchObject({ jobId: 1, tries: 1, code: noRoom });
    one.refuse(one.launchFor('q-dy-c-3'), noRoom);
    expect(one.decisions('JobRefused')).toHaveLength(1);
    rest(one);
  });
});
