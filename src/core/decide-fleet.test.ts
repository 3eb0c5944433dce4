/** What is done about nodes of the fleet that are not as they should be. */
import { describe, expect, test } from 'vitest';
import type { NodesJudged } from './events.ts';
import { rules, type RuleName } from './judge.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';

const all = ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4'];

/** q-dy-c-[1-4] are up for job 1 since a minute. */
function upWorld(): DrivenWorld {
  const one = createTestWorld({}, createInvariants());
  one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
  one.settle();
  one.advance(60_000);
  return one;
}

/** q-dy-c-[1-4] are given for job 1, and nobody has registered. */
function booting(): DrivenWorld {
  const one = Object.assign(createTestWorld({}, createInvariants()), { boots: true });
  one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
  one.advance(60_000);
  return one;
}

function found(rule: RuleName, ...nodes: string[]): NodesJudged {
  const row = rules.find(({ name }) => name === rule);
  if (row === undefined) throw new Error(`no rule ${rule}`);
  return { rule, verdict: row.verdict, code: row.code ?? '', message: row.says, nodes };
}

function see(one: DrivenWorld, ...judged: NodesJudged[]): void {
  one.send({ kind: 'FleetSeen', askedAt: one.now, judged, struck: [], settled: [], needs: [] });
}

function alive(one: DrivenWorld): number {
  return one.ec2.alive.size;
}

/** Slurm powers down these nodes of the release. */
function release(one: DrivenWorld, freed: readonly string[]): void {
  const effect = one.only('ReleaseNodes');
  one.running.splice(one.running.indexOf(effect), 1);
  const kept = { jobs: [], absent: '' };
  one.send({ kind: 'NodesReleased', effectId: effect.id, freed, kept });
}

describe('nodes that are to be released', () => {
  test('lose their instances when Slurm has found nobody there', () => {
    const one = upWorld();
    see(one, found('drained', 'q-dy-c-1', 'q-dy-c-2'));
    expect(one.only('ReleaseNodes')).toMatchObject({
      nodes: ['q-dy-c-1', 'q-dy-c-2'],
      code: 'NodeOutOfService',
      reason: '(Code:NodeOutOfService)it is drained and idle, and its instance is paid for',
    });
    expect(alive(one)).toBe(4);
    release(one, ['q-dy-c-1']);
    expect(one.decisions('LeasesEnded').at(-1)).toMatchObject({
      nodes: ['q-dy-c-1'],
      why: 'NodeOutOfService',
    });
    one.settle();
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-2', 'q-dy-c-3', 'q-dy-c-4']);
    expect(alive(one)).toBe(3);
    checkReplay(one);
  });

  test('keep it where a gang has asked for the node meanwhile', () => {
    const one = upWorld();
    see(one, found('sick', 'q-dy-c-1'));
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    release(one, ['q-dy-c-1']);
    expect(one.state.leases.has('q-dy-c-1')).toBe(true);
  });

  test('are made as good as new then: Slurm may have set them down itself', () => {
    const one = upWorld();
    see(one, found('down', 'q-dy-c-1', 'q-dy-c-2'));
    one.resume('q-dy-c-2', ['q-dy-c-2']);
    release(one, ['q-dy-c-1', 'q-dy-c-2']);
    expect(one.only('RefreshNodes').nodes).toEqual(['q-dy-c-1']);
  });

  test('have nothing to lose where muster has no instance for them', () => {
    const one = upWorld();
    see(one, found('nobody-behind', 'q-dy-c-9'));
    release(one, ['q-dy-c-9']);
    expect(one.effects('TerminateInstances')).toEqual([]);
  });

  test('are judged anew where Slurm refuses, and keep what they hold', () => {
    const one = upWorld();
    see(one, found('down', 'q-dy-c-1'));
    one.fail(one.only('ReleaseNodes'), 'Invalid node name specified', false);
    expect(one.state.outstanding.size).toBe(0);
    expect(one.state.leases.size).toBe(4);
  });

  test('are not released again before the release has its answer', () => {
    const one = upWorld();
    see(one, found('down', 'q-dy-c-1'));
    see(one, found('down', 'q-dy-c-1'));
    expect(one.out('ReleaseNodes')).toHaveLength(1);
    expect(one.decisions('NodesMended')).toHaveLength(1);
  });
});

describe('an instance that is not what it should be', () => {
  test('at work: its node is drained, with the reason', () => {
    const one = upWorld();
    const event = found('event-at-work', 'q-dy-c-1');
    see(one, { ...event, message: `${event.message}: instance-retirement` });
    expect(one.only('DrainNodes')).toMatchObject({
      nodes: ['q-dy-c-1'],
      instanceIds: [one.state.leases.get('q-dy-c-1')?.instance.instanceId],
      reason:
        '(Code:ScheduledEvent)AWS has scheduled an event for its instance: instance-retirement',
    });
    one.settle();
    expect(one.state.leases.size).toBe(4);
  });

  test('a drain that is repeated is for the same instances alone', () => {
    const one = upWorld();
    see(one, found('sick-at-work', 'q-dy-c-1', 'q-dy-c-2'));
    one.fail(one.only('DrainNodes'), 'slurmctld is away', true);
    one.suspend('q-dy-c-1');
    one.advance(5_000);
    expect(one.only('DrainNodes')).toMatchObject({ nodes: ['q-dy-c-2'] });
    one.fail(one.only('DrainNodes'), 'slurmctld is away', true);
    one.advance(5_000);
    expect(one.only('DrainNodes')).toMatchObject({ nodes: ['q-dy-c-2'] });
    one.fail(one.only('DrainNodes'), 'slurmctld is away', true);
    one.suspend('q-dy-c-2');
    one.advance(60_000);
    expect(one.out('DrainNodes')).toEqual([]);
    one.suspend('q-dy-c-[3-4]');
    one.settle();
    checkAtRest(one);
  });

  test('at birth: the node gets another one', () => {
    const one = booting();
    see(one, found('sick-at-birth', 'q-dy-c-1'));
    expect(one.decisions('NodesReplaced')).toMatchObject([
      { nodes: ['q-dy-c-1'], why: { code: 'InstanceImpaired' } },
    ]);
    expect(alive(one)).toBe(4);
    one.finish(one.only('TerminateInstances'));
    one.boots = false;
    one.settle();
    one.registerAll();
    expect(one.state.boots.size).toBe(0);
    expect(alive(one)).toBe(4);
  });

  test('ended: the node is powered down, whatever Slurm believes', () => {
    const one = upWorld();
    see(one, found('instance-absent', 'q-dy-c-1'));
    expect(one.only('GiveBackNodes')).toMatchObject({
      nodes: ['q-dy-c-1'],
      reason: '(Code:InstanceEnded)Failure when resuming nodes: EC2 ended the instance',
      onlyUp: true,
    });
    one.settle();
    expect(one.state.leases.size).toBe(3);
  });

  test('behind a node that Slurm has powered down: it is terminated, and Slurm is asked for nothing', () => {
    const one = upWorld();
    see(one, found('suspend-lost', ...all));
    expect(one.out('TerminateInstances')).toHaveLength(1);
    expect(one.out('GiveBackNodes')).toEqual([]);
    one.settle();
    checkAtRest(one);
  });
});

describe('a node that Slurm has powered down while its slurmd is awaited', () => {
  test('is awaited no more: its instance ends, and the others boot on', () => {
    const one = booting();
    see(one, found('suspend-lost-at-boot', 'q-dy-c-1'));
    expect(one.decisions('BootNodesDropped')).toMatchObject([{ nodes: ['q-dy-c-1'] }]);
    expect(one.decisions('NodesReplaced')).toEqual([]);
    expect(alive(one)).toBe(4);
    one.finish(one.only('TerminateInstances'));
    expect(alive(one)).toBe(3);
    one.registerAll();
    expect(one.state.boots.size).toBe(0);
    expect(one.state.leases.size).toBe(3);
  });

  test('and has got another instance since the look: nothing is done', () => {
    const one = booting();
    const askedAt = one.now - 120_000;
    const judged = [found('suspend-lost-at-boot', 'q-dy-c-1')];
    one.send({ kind: 'FleetSeen', askedAt, judged, struck: [], settled: [], needs: [] });
    expect(one.decisions('NodesMended')).toEqual([]);
  });
});

describe('nodes that power up for nobody', () => {
  test('go back with the reason, so that their job is queued again', () => {
    const one = upWorld();
    see(one, found('request-lost', 'q-dy-c-8', 'q-dy-c-9'));
    expect(one.givenBack()).toEqual([
      'q-dy-c-8 q-dy-c-9 (Code:RequestLost)Failure when resuming nodes: Slurm powers it up, and its request never came',
    ]);
    one.settle();
    expect(one.givenBack()).toHaveLength(2);
  });

  test('an instance of an earlier life ends with it', () => {
    const one = upWorld();
    see(one, found('boot-forgotten', 'q-dy-c-1'));
    expect(one.state.leases.has('q-dy-c-1')).toBe(false);
    one.settle();
    expect(alive(one)).toBe(3);
  });
});

test('a node out of service without need is taken back, also where it is drained', () => {
  const one = upWorld();
  see(one, found('left-out', 'q-dy-c-9'));
  expect(one.only('RefreshNodes')).toMatchObject({ nodes: ['q-dy-c-9'], evenDrained: true });
  one.settle();
  checkReplay(one);
});

describe('what has begun since Slurm was asked', () => {
  test('is not undone: a node that a gang claims, or that has a newer instance', () => {
    const one = upWorld();
    const askedAt = one.now - 1;
    one.suspend('q-dy-c-1');
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.resume('q-dy-c-9', ['q-dy-c-9']);
    one.settle();
    one.send({
      kind: 'FleetSeen',
      needs: [],
      askedAt,
      judged: [found('suspend-lost', 'q-dy-c-1'), found('request-lost', 'q-dy-c-9')],
      struck: [],
      settled: [],
    });
    expect(one.decisions('NodesMended')).toEqual([]);
  });

  test('is not done twice: an instance that has ended', () => {
    const one = upWorld();
    one.suspend('q-dy-c-1');
    see(
      one,
      found('suspend-lost', 'q-dy-c-1'),
      found('instance-ended', 'q-dy-c-1'),
      found('sick-at-work', 'q-dy-c-1'),
    );
    expect(one.decisions('NodesMended')).toEqual([]);
  });

  test('has nothing to end where a suspend that was read before it has', () => {
    const one = upWorld();
    one.suspend('q-dy-c-1');
    see(one, found('suspend-lost', 'q-dy-c-1', 'q-dy-c-2'));
    expect(one.decisions('LeasesEnded').map(({ nodes }) => nodes)).toEqual([
      ['q-dy-c-1'],
      ['q-dy-c-2'],
    ]);
    checkReplay(one);
  });

  test('a boot is ended for its instance alone, and a node that boots by no other rule', () => {
    const one = booting();
    see(one, found('suspend-lost', 'q-dy-c-1'), found('down', 'q-dy-c-2'));
    expect(one.decisions('NodesMended')).toEqual([]);
    const up = upWorld();
    see(up, found('sick-at-birth', 'q-dy-c-1'));
    expect(up.decisions('NodesMended')).toEqual([]);
  });

  test('a verdict that nothing is to be done changes nothing', () => {
    const one = upWorld();
    see(one, found('at-work', 'q-dy-c-1'));
    expect(one.turns.at(-1)?.effects).toEqual([]);
  });
});
