/** Jobs over nodes: what is left of a job that loses a node. */
import { describe, expect, test } from 'vitest';
import type { SeenNode } from './fleet-facts.ts';
import {
  confirmedStruck,
  keptForMs,
  settledSurvivors,
  struckJobs,
  type SurvivorsSettled,
  type WorkingJob,
} from './survivors.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { nodeUp } from './testing/node-state.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';

const four = ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4'];

/** Job 1 runs on q-dy-c-[1-4]. */
function running(settings = {}): DrivenWorld {
  const one = createTestWorld(settings, createInvariants());
  one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
  one.settle();
  one.advance(60_000);
  return one;
}

function job(jobId: number, state: string, nodes: readonly string[] = []): WorkingJob {
  return { jobId, hetJobId: null, state, nodes };
}

function seen(change: Record<string, Partial<SeenNode>>): SeenNode[] {
  return four.map((node) => ({ ...nodeUp, node, reason: '', ...change[node] }));
}

function see(
  one: DrivenWorld,
  what: { struck?: ReturnType<typeof struckJobs>; settled?: SurvivorsSettled[] },
): void {
  one.send({
    kind: 'FleetSeen',
    needs: [],
    askedAt: one.now,
    judged: [],
    struck: [],
    settled: [],
    ...what,
  });
}

const lostOne = {
  ...{ jobId: 1, lost: ['q-dy-c-1'], left: four.slice(1) },
  isHeterogeneous: false,
};

/** q-dy-c-1 has ended under job 1, and Slurm has been told. */
function struck(): DrivenWorld {
  const one = running();
  const instanceId = one.state.leases.get('q-dy-c-1')?.instance.instanceId ?? '';
  one.ec2.alive.delete(instanceId);
  one.send({ kind: 'Ec2Seen', ended: [instanceId], strays: [], strayReservations: [] });
  one.finish(one.only('GiveBackNodes'));
  see(one, { struck: [lostOne] });
  return one;
}

describe('struckJobs', () => {
  const before = [job(1, 'RUNNING', four)];

  test('are those that ran at the last look and of which a node is down, or up no more', () => {
    const one = running();
    expect(struckJobs(one.state, before, seen({ 'q-dy-c-1': { isDown: true } }))).toEqual([
      lostOne,
    ]);
    const off = seen({ 'q-dy-c-4': { power: 'powering-down' } });
    expect(struckJobs(one.state, before, off)).toMatchObject([{ lost: ['q-dy-c-4'] }]);
  });

  test('are none while all its nodes are up, or where Slurm does not show them', () => {
    const one = running();
    expect(struckJobs(one.state, before, seen({ 'q-dy-c-1': { isBusy: true } }))).toEqual([]);
    expect(struckJobs(one.state, before, [])).toEqual([]);
    expect(struckJobs(one.state, [], seen({ 'q-dy-c-1': { isDown: true } }))).toEqual([]);
  });

  test('are none of which nothing is left that muster may let go: static nodes stay up', () => {
    const one = running();
    const down = seen({ 'q-dy-c-1': { isDown: true } });
    expect(struckJobs(one.state, [job(2, 'RUNNING', ['q-dy-c-1'])], down)).toEqual([]);
    expect(struckJobs(one.state, [job(2, 'RUNNING', ['q-dy-c-1', 'q-st-c-1'])], down)).toEqual([]);
    expect(struckJobs(one.state, [job(2, 'RUNNING', ['q-dy-c-1', 'q-dy-c-9'])], down)).toEqual([]);
  });

  test('take the components of a heterogeneous job together, under its leader', () => {
    const one = running();
    const het = [
      { ...job(7, 'RUNNING', ['q-dy-c-1', 'q-dy-c-2']), hetJobId: 7 },
      { ...job(8, 'RUNNING', ['q-dy-c-3']), hetJobId: 7 },
    ];
    expect(struckJobs(one.state, het, seen({ 'q-dy-c-3': { isDown: true } }))).toEqual([
      {
        ...{ jobId: 7, lost: ['q-dy-c-3'], left: ['q-dy-c-1', 'q-dy-c-2'] },
        isHeterogeneous: true,
      },
    ]);
    // Of which nothing is left that muster may let go, too: Slurm would look at them no more.
    const alone = [{ ...job(8, 'RUNNING', ['q-dy-c-3']), hetJobId: 7 }];
    expect(struckJobs(one.state, alone, seen({ 'q-dy-c-3': { isDown: true } }))).toMatchObject([
      { jobId: 7, lost: ['q-dy-c-3'], left: [] },
    ]);
  });

  test('are none where gangs are no jobs', () => {
    const one = running({ mode: 'node-list' });
    expect(struckJobs(one.state, before, seen({ 'q-dy-c-1': { isDown: true } }))).toEqual([]);
  });
});

describe('confirmedStruck', () => {
  const table: ReadonlyMap<string, readonly [readonly WorkingJob[], boolean]> = new Map([
    ['waits', [[job(1, 'PENDING')], true]],
    ['is being cleared away', [[job(1, 'COMPLETING', four)], true]],
    ['has nodes again', [[job(1, 'CONFIGURING', four)], true]],
    ['runs again without the node', [[job(1, 'RUNNING', four.slice(1))], true]],
    ['was ended by the loss', [[job(1, 'NODE_FAIL')], true]],
    ['runs on the node still', [[job(1, 'RUNNING', four)], false]],
    ['had ended by itself', [[job(1, 'COMPLETED'), job(2, 'PENDING')], false]],
    ['was cancelled', [[job(1, 'CANCELLED')], false]],
    ['is not known', [[job(2, 'PENDING')], false]],
    [
      'has a component that waits',
      [
        [
          { ...job(1, 'CANCELLED'), hetJobId: 1 },
          { ...job(2, 'PENDING'), hetJobId: 1 },
        ],
        true,
      ],
    ],
  ]);
  for (const [what, [jobs, want]] of table) {
    test(`a job that ${what} ${want ? 'was struck' : 'was not'}`, () => {
      expect(confirmedStruck([lostOne], jobs)).toEqual(want ? [lostOne] : []);
    });
  }
});

describe('a job that loses a node', () => {
  test('is to start at once, on what is left', () => {
    const one = struck();
    expect(one.decisions('JobStruck')).toMatchObject([
      { jobId: 1, lost: ['q-dy-c-1'], keptUntil: one.now + keptForMs },
    ]);
    expect(one.effects('TellJobs')).toMatchObject([
      { jobIds: [1], startAt: one.now, hold: null, endsWait: true },
    ]);
    expect(one.effects('TellJobs')[0]?.note).toMatch(/^q-dy-c-1 was lost .*only what is missing$/);
    expect(one.state.survivors.get(1)?.nodes.map(({ node }) => node)).toEqual(four.slice(1));
    checkReplay(one);
  });

  test('and is struck once, however often that is seen', () => {
    const one = struck();
    see(one, { struck: [lostOne] });
    expect(one.decisions('JobStruck')).toHaveLength(1);
  });

  describe('a heterogeneous one of which nothing is left', () => {
    const het = { jobId: 1, lost: ['q-dy-c-1'], left: [], isHeterogeneous: true };

    test('is to start at once, and told once more when its wait is over: Slurm would not look at it', () => {
      const one = running();
      const at = one.now;
      see(one, { struck: [het] });
      const [told] = one.effects('TellJobs');
      expect(told).toMatchObject({ jobIds: [1], startAt: at, endsWait: true });
      expect(told?.note).toMatch(/^q-dy-c-1 was lost .*; the job is tried again at once$/);
      expect(one.decisions('EffectPutOff')).toMatchObject([
        { until: at + keptForMs + 2_000, effect: { jobIds: [1], startAt: null, note: told?.note } },
      ]);
      checkReplay(one);
    });

    test('keeps to the time of its next try where it was refused, and to the reason', () => {
      const one = running();
      const nextAt = one.now + 300_000;
      one.state.jobs.set(1, {
        ...{ tries: 2, firstAt: 0, lastAt: one.now, triedAt: 0, nextAt, wants: null },
        ...{ code: 'InsufficientInstanceCapacity', message: 'no room' },
      });
      see(one, { struck: [het] });
      expect(one.effects('TellJobs')).toMatchObject([
        { startAt: nextAt, note: expect.stringMatching(/^try 2 refused .*no room/) },
      ]);
      expect(one.decisions('EffectPutOff')).toMatchObject([{ until: nextAt + 2_000 }]);
    });

    test('is told nothing where it waits for a person', () => {
      const one = running();
      one.state.jobs.set(1, {
        ...{ tries: 9, firstAt: 0, lastAt: one.now, triedAt: 0, nextAt: null, wants: null },
        ...{ code: 'InsufficientInstanceCapacity', message: 'no room' },
      });
      see(one, { struck: [het] });
      expect(one.effects('TellJobs')).toEqual([]);
    });
  });

  test('its retry launches what is missing alone', () => {
    const one = struck();
    one.slurm.jobs.set(1, { nodes: 'q-dy-c-[2-5]' });
    one.resume('q-dy-c-5', ['q-dy-c-5']);
    expect(one.only('RunInstances').order.maxCount).toBe(1);
    one.settle();
    expect(one.state.boots.size).toBe(0);
  });

  test('nothing of it is kept where nothing has a lease any more', () => {
    const one = running();
    one.suspend('q-dy-c-[1-4]');
    see(one, { struck: [lostOne] });
    expect(one.state.survivors.size).toBe(0);
  });
});

describe('settledSurvivors', () => {
  const outcomes = (one: DrivenWorld, after: number, ...jobs: WorkingJob[]) =>
    settledSurvivors(one.state, jobs, one.now + after).map(({ outcome }) => outcome);

  test('a job that runs has started, one that Slurm does not know or that has ended is gone', () => {
    const one = struck();
    expect(settledSurvivors(one.state, [job(1, 'RUNNING', ['q-dy-c-2'])], one.now)).toEqual([
      { jobId: 1, outcome: 'started', taken: ['q-dy-c-2'] },
    ]);
    expect(outcomes(one, 0)).toEqual(['gone']);
    expect(outcomes(one, 0, job(1, 'NODE_FAIL'))).toEqual(['gone']);
    expect(outcomes(one, 0, job(2, 'RUNNING'))).toEqual(['gone']);
  });

  test('one that waits has three minutes', () => {
    const one = struck();
    expect(outcomes(one, keptForMs - 1, job(1, 'PENDING'))).toEqual([]);
    expect(outcomes(one, keptForMs, job(1, 'PENDING'))).toEqual(['late']);
  });

  test('one that boots, or is being cleared away, has the time that this takes', () => {
    const one = struck();
    expect(outcomes(one, 10 * keptForMs, job(1, 'CONFIGURING'))).toEqual([]);
    expect(outcomes(one, 10 * keptForMs, job(1, 'COMPLETING'))).toEqual([]);
  });

  test('a heterogeneous job runs when its components do', () => {
    const one = struck();
    const parts = [
      { ...job(1, 'RUNNING', ['q-dy-c-2']), hetJobId: 1 },
      { ...job(2, 'RUNNING', ['q-dy-c-3']), hetJobId: 1 },
    ];
    expect(settledSurvivors(one.state, parts, one.now)).toEqual([
      { jobId: 1, outcome: 'started', taken: ['q-dy-c-2', 'q-dy-c-3'] },
    ]);
  });

  test('one that EC2 has refused since waits for another day: nothing is kept for it', () => {
    const one = struck();
    one.slurm.jobs.set(1, { nodes: 'q-dy-c-[2-5]' });
    one.resume('q-dy-c-5', ['q-dy-c-5']);
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity');
    expect(one.decisions('JobRefused')).toHaveLength(1);
    expect(outcomes(one, 0, job(1, 'PENDING'))).toEqual(['late']);
  });
});

describe('what is left of it', () => {
  const settle = (one: DrivenWorld, outcome: SurvivorsSettled['outcome'], taken: string[] = []) =>
    see(one, { settled: [{ jobId: 1, outcome, taken }] });

  test('is let go when the job is gone', () => {
    const one = struck();
    settle(one, 'gone');
    expect(one.only('ReleaseNodes')).toMatchObject({
      nodes: four.slice(1),
      code: 'JobOverNodes',
      reason: '(Code:JobOverNodes)its job lost another node and is gone',
    });
    one.settle();
    checkAtRest(one);
    checkReplay(one);
  });

  test('and when it waits for something else', () => {
    const one = struck();
    settle(one, 'late');
    expect(one.only('ReleaseNodes').nodes).toEqual(four.slice(1));
    expect(one.state.survivors.size).toBe(0);
  });

  test('is let go but for what the job runs on again, and its owner reads no more of it', () => {
    const one = struck();
    settle(one, 'started', ['q-dy-c-2', 'q-dy-c-3', 'q-dy-c-9']);
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-4']);
    expect(one.effects('TellJobs').at(-1)).toMatchObject({ jobIds: [1], note: null });
  });

  test('its owner goes on reading of a refusal that has come since', () => {
    const one = struck();
    one.slurm.jobs.set(1, { nodes: 'q-dy-c-[2-5]' });
    one.resume('q-dy-c-5', ['q-dy-c-5']);
    one.refuse(one.only('RunInstances'), 'VcpuLimitExceeded');
    const told = one.effects('TellJobs').length;
    see(one, { settled: [{ jobId: 1, outcome: 'started', taken: four.slice(1) }] });
    expect(one.decisions('JobSettled')).toHaveLength(1);
    expect(one.effects('TellJobs')).toHaveLength(told);
  });

  test('stays where all of it is used', () => {
    const one = struck();
    settle(one, 'started', four);
    expect(one.out('ReleaseNodes')).toEqual([]);
    expect(one.state.leases.size).toBe(3);
  });

  test('stays where somebody else has it: another gang, or its node’s next instance', () => {
    const one = struck();
    one.resume('q-dy-c-2', ['q-dy-c-2']);
    one.suspend('q-dy-c-3');
    one.resume('q-dy-c-3', ['q-dy-c-3']);
    one.settle();
    one.resume('q-dy-c-2', ['q-dy-c-2']);
    settle(one, 'gone');
    expect(one.only('ReleaseNodes').nodes).toEqual(['q-dy-c-4']);
  });

  test('is nothing of a job that is not known', () => {
    const one = struck();
    see(one, { settled: [{ jobId: 99, outcome: 'gone', taken: [] }] });
    expect(one.out('ReleaseNodes')).toEqual([]);
  });

  test('is let go once, also where something else is wrong with it', () => {
    const one = struck();
    const why = { code: 'ScheduledEvent', message: 'soon' };
    one.send({
      kind: 'FleetSeen',
      needs: [],
      askedAt: one.now,
      judged: [{ rule: 'event', verdict: 'release', ...why, nodes: four.slice(1) }],
      struck: [],
      settled: [{ jobId: 1, outcome: 'gone', taken: [] }],
    });
    expect(one.out('ReleaseNodes')).toHaveLength(1);
  });
});
