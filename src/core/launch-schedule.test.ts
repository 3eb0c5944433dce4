/** Launches that wait for EC2's limit on instances: who goes when, who may pass whom, and who need not wait at all. */
import { describe, expect, test } from 'vitest';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, testStart, type DrivenWorld } from './testing/world.ts';
import { defaultSettings, type Settings } from './settings.ts';

function world(settings: Partial<Settings> = {}): DrivenWorld {
  return createTestWorld(
    {
      launchRequests: { burst: 100, perSecond: 2 },
      launchInstances: { burst: 1000, perSecond: 2 },
      resumeTimeoutMs: 3_600_000,
      ...settings,
    },
    createInvariants(),
  );
}

function gangOf(size: number, resource = 'c'): [string, string[]] {
  return [`q-dy-${resource}-[1-${size}]`, [`q-dy-${resource}-[1-${size}]`]];
}

/** When each launch of so many instances went out, in seconds since the start of the test. */
function launchTimes({ turns }: DrivenWorld): string[] {
  return turns.flatMap(({ event, effects }) =>
    effects.flatMap((effect) =>
      effect.kind === 'RunInstances'
        ? [`${effect.order.maxCount} at ${(event.at - testStart) / 1000} s`]
        : [],
    ),
  );
}

/** EC2 answers every launch at once, for so long. */
function run(one: DrivenWorld, seconds: number): void {
  const end = one.now + seconds * 1000;
  for (;;) {
    const [launch] = one.out('RunInstances');
    if (launch !== undefined) one.launch(launch);
    else if (one.now >= end) return;
    else one.advance(Math.min(1_000, end - one.now));
  }
}

describe('a gang larger than the bucket', () => {
  test('of 4,000: the last launch goes after 1,500 s, every token is used once, nothing ends', () => {
    const one = world();
    one.resume(...gangOf(4_000));
    run(one, 1_530);
    const rest = [250, 500, 750, 1_000, 1_250, 1_500];
    expect(launchTimes(one)).toEqual([
      '500 at 0 s',
      '500 at 0 s',
      ...rest.map((at) => `500 at ${at} s`),
    ]);
    one.settle();
    const tokens = one.effects('RunInstances').map(({ order }) => order.clientToken);
    expect(new Set(tokens).size).toBe(8);
    expect(one.effects('TerminateInstances')).toEqual([]);
    expect(one.ec2.alive.size).toBe(4_000);
    expect(one.verdict().given).toHaveLength(4_000);
    checkAtRest(one);
  });

  test('is told at once, in its reason, which ResumeTimeout it needs; that one is enough', () => {
    const one = world({ resumeTimeoutMs: 1_800_000 });
    one.resume(...gangOf(4_000));
    expect(one.now).toBe(testStart);
    expect(one.effects('RunInstances')).toEqual([]);
    const reason = one.effects('GiveBackNodes')[0]?.reason ?? '';
    expect(reason).toContain('(Code:ResumeTimeoutTooShort)');
    expect(reason).toContain('4000 take 1530 s: set ResumeTimeout to 1890 at least (it is 1800)');
    expect(one.effects('TellJobs')).toMatchObject([{ jobIds: [1], hold: 'admin' }]);
    one.settle();
    checkAtRest(one);

    const enough = world({ resumeTimeoutMs: 1_890_000 });
    enough.resume(...gangOf(4_000));
    run(enough, 1_530);
    enough.settle();
    expect(enough.verdict().given).toHaveLength(4_000);
  });

  test('with a ResumeTimeout so short that boots are allowed less: what it is told is enough, too', () => {
    const one = world({ resumeTimeoutMs: 300_000 });
    one.resume(...gangOf(1_600));
    const told = /set ResumeTimeout to (\d+)/.exec(one.givenBack()[0] ?? '')?.[1];
    const enough = world({ resumeTimeoutMs: Number(told) * 1000 });
    enough.resume(...gangOf(1_600));
    run(enough, 310);
    enough.settle();
    expect(enough.verdict().given).toHaveLength(1_600);
  });

  test('where ResumeTimeout is not known is told the patience that it needs', () => {
    const one = world({ resumeTimeoutMs: null, launchPatienceMs: 300_000 });
    one.resume(...gangOf(2_000));
    expect(one.givenBack()[0]).toContain(
      'so launch_patience counts: set it to 530 at least (it is 300)',
    );
    const patient = world({ resumeTimeoutMs: null, launchPatienceMs: 530_000 });
    patient.resume(...gangOf(2_000));
    run(patient, 510);
    expect(patient.ec2.alive.size).toBe(2_000);
  });

  test('is not kept waiting by its own retries: a throttled call took its tokens already', () => {
    const one = world();
    one.resume(...gangOf(2_000));
    expect(one.state.instanceBucket.tokens).toBe(0);
    const [first, second] = one.out('RunInstances');
    if (first === undefined || second === undefined) throw new Error('two launches go at once');
    one.refuse(first, 'RequestLimitExceeded');
    one.loseAnswer(second, 500);
    run(one, 500);
    const again = launchTimes(one).slice(2, 4);
    expect(again.every((time) => Number(/at (.*) s/.exec(time)?.[1]) < 2)).toBe(true);
    expect(launchTimes(one).slice(4)).toEqual(['500 at 250 s', '500 at 500 s']);
    one.settle();
    expect(one.effects('TerminateInstances')).toEqual([]);
    expect(one.ec2.alive.size).toBe(2_000);
    checkAtRest(one);
  });

  test('goes on after a restart where it was', () => {
    const one = world();
    one.resume(...gangOf(2_000));
    run(one, 300);
    one.restart();
    run(one, 200);
    expect(launchTimes(one)).toEqual(['500 at 0 s', '500 at 0 s', '500 at 250 s', '500 at 500 s']);
    one.settle();
    checkAtRest(one);
  });
});

describe('a gang behind one that waits for its tokens', () => {
  test('passes it while that one makes its deadline all the same, and goes behind it when not', () => {
    // The large one is done after 1,000 s of 1,030: 60 instances may pass.
    const one = world({ resumeTimeoutMs: 1_390_000 });
    one.resume(...gangOf(3_000));
    run(one, 100);
    one.resume(...gangOf(50, 'd'));
    one.resume(...gangOf(10, 'e'));
    one.resume(...gangOf(2, 'f'));
    run(one, 1_000);
    expect(launchTimes(one)).toEqual([
      '500 at 0 s',
      '500 at 0 s',
      '50 at 100 s',
      '10 at 100 s',
      '500 at 280 s',
      '500 at 530 s',
      '500 at 780 s',
      '500 at 1030 s',
      '2 at 1031 s',
    ]);
    one.settle();
    expect(one.ec2.alive.size).toBe(3_062);
    checkAtRest(one);
  });

  test('is not started when its turn comes too late, and is tried again: it is no fault of its own', () => {
    const one = world({ resumeTimeoutMs: 1_390_000 });
    one.resume(...gangOf(3_000));
    run(one, 100);
    one.resume(...gangOf(500, 'd'));
    expect(one.givenBack()).toHaveLength(1);
    expect(one.givenBack()[0]).toContain('(Code:LaunchTooLate)');
    expect(one.givenBack()[0]).toContain('others are before these 500');
    expect(one.effects('TellJobs')).toMatchObject([{ hold: null }]);
    run(one, 950);
    one.settle();
    expect(one.ec2.alive.size).toBe(3_000);
    checkAtRest(one);
  });

  test('counts those that are before it in the same request', () => {
    const one = world({ resumeTimeoutMs: 1_860_000 });
    one.resume('q-dy-c-[1-3000],q-dy-d-[1-3000]', ['q-dy-c-[1-3000]', 'q-dy-d-[1-3000]']);
    expect(one.decisions('GangStarted')).toHaveLength(1);
    expect(one.givenBack()[0]).toContain('(Code:LaunchTooLate)');
    run(one, 1_000);
    one.settle();
    expect(one.ec2.alive.size).toBe(3_000);
    checkAtRest(one);
  });

  test('waits for nobody when the call limit is what it waits for', () => {
    const one = world({ launchRequests: { burst: 1, perSecond: 1 }, maxBatchSize: 1 });
    one.resume(...gangOf(3));
    run(one, 3);
    expect(launchTimes(one)).toEqual(['1 at 0 s', '1 at 1 s', '1 at 2 s']);
  });
});

describe('nodes that stand for themselves', () => {
  /** An array job: jobs of one node each. */
  function array(size: number): [string, string[]] {
    const jobs = Array.from({ length: size }, (_, index) => `q-dy-c-${index + 1}`);
    return [`q-dy-c-[1-${size}]`, jobs];
  }

  test('get what comes in time; the others go back at once, to be tried later', () => {
    const one = world({ resumeTimeoutMs: 620_000 });
    one.resume(...array(3_000));
    // After 250 s the third call goes; the fourth would at 500 s, with 308 s to spare.
    expect(one.effects('GiveBackNodes').flatMap(({ nodes }) => nodes)).toHaveLength(1_500);
    expect(one.givenBack()[0]).toContain('(Code:LaunchTooLate)');
    expect(one.effects('TellJobs').every(({ hold }) => hold === null)).toBe(true);
    run(one, 300);
    expect(launchTimes(one)).toEqual(['500 at 0 s', '500 at 0 s', '500 at 250 s']);
    one.settle();
    expect(one.verdict().given).toHaveLength(1_500);
    expect(one.verdict().failed).toHaveLength(1_500);
    checkAtRest(one);
  });

  test('that cannot be in time keep nobody else waiting', () => {
    const one = world({ resumeTimeoutMs: 620_000 });
    one.resume(...array(3_000));
    run(one, 10);
    one.resume(...gangOf(15, 'd'));
    expect(launchTimes(one).at(-1)).toBe('15 at 10 s');
  });
});

describe('a launch that is late before its time', () => {
  test('ends its gang then, not when the time is over', () => {
    const one = world();
    one.resume(...gangOf(4_000));
    run(one, 100);
    const slower = { burst: 1000, perSecond: 0.5 };
    const settings = { ...one.state.settings, launchInstances: slower };
    one.send({ kind: 'ConfigLoaded', settings });
    expect(one.givenBack()[0]).toContain('(Code:LaunchTooLate)');
    expect(one.now).toBe(testStart + 100_000);
    one.settle();
    expect(one.ec2.alive.size).toBe(0);
    expect(one.decisions('BatchRefused')).toHaveLength(1);
    checkAtRest(one);
  });
});

describe('the settings of an older ledger', () => {
  test('have what was added since from the defaults', () => {
    const one = world();
    const {
      launchInstances: _added,
      bootTimeMs: _too,
      capacityMemory: _also,
      ...old
    } = one.state.settings;
    one.send({ kind: 'ConfigLoaded', settings: old as Settings });
    expect(one.state.settings.launchInstances).toEqual(defaultSettings.launchInstances);
    expect(one.state.settings.bootTimeMs).toBe(defaultSettings.bootTimeMs);
    expect(one.state.settings.resumeTimeoutMs).toBe(3_600_000);
    one.resume(...gangOf(3));
    one.settle();
    checkReplay(one);
    checkAtRest(one);
  });
});
