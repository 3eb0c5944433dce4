/** What a look at EC2 brings: instances that ended by themselves, and what is nobody's. */
import { describe, expect, test } from 'vitest';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';
import type { Settings } from './settings.ts';

function world(settings: Partial<Settings> = {}): DrivenWorld {
  return createTestWorld(settings, createInvariants());
}

function end(one: DrivenWorld, ...instanceIds: string[]): void {
  one.ec2.terminate(instanceIds);
  one.send({ kind: 'Ec2Seen', ended: instanceIds, strays: [], strayReservations: [] });
}

function rest(one: DrivenWorld): void {
  one.settle();
  checkAtRest(one);
  checkReplay(one);
}

describe('an instance that ended by itself', () => {
  test('before its gang is whole: the gang is let go, with what it has launched', () => {
    const one = world({ maxBatchSize: 2 });
    one.resume('q-dy-c-[1-4]', ['q-dy-c-[1-4]']);
    one.launch(one.launchFor('q-dy-c-1'));
    end(one, 'i-0001');
    expect(one.only('GiveBackNodes').nodes).toHaveLength(4);
    expect(one.decisions('JobRefused')).toMatchObject([{ jobId: 1, code: 'InstanceEnded' }]);
    rest(one);
    expect(one.ec2.alive.size).toBe(0);
  });

  test('of several jobs of one node each, while they are launched, is lost alone, and its job told', () => {
    const one = world({ maxBatchSize: 1 });
    one.resume('q-dy-c-[1-3]', ['q-dy-c-1', 'q-dy-c-2', 'q-dy-c-3']);
    one.launch(one.launchFor('q-dy-c-2'));
    end(one, 'i-0001');
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-2']);
    expect(one.decisions('JobRefused').map(({ jobId }) => jobId)).toEqual([2]);
    rest(one);
    expect(one.verdict()).toEqual({ given: ['q-dy-c-1', 'q-dy-c-3'], failed: ['q-dy-c-2'] });
  });

  test('of such a gang while Slurm is told of it: the others are given', () => {
    const one = world({ scalingStrategy: 'best-effort' });
    one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
    one.launch(one.only('RunInstances'));
    end(one, 'i-0002');
    rest(one);
    expect(one.verdict()).toEqual({ given: ['q-dy-c-1', 'q-dy-c-3'], failed: ['q-dy-c-2'] });
    expect(one.ec2.alive.size).toBe(2);
  });

  test('on which a gang counts that another one had launched: both jobs lose it', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.settle();
    one.resume('q-dy-c-[2-3]', [{ job_id: 2, nodes_resume: 'q-dy-c-[2-3]' }]);
    end(one, 'i-0002');
    expect(one.decisions('GangClosed').at(-1)).toMatchObject({ jobIds: [2], given: [] });
    expect(one.out('GiveBackNodes').map(({ nodes }) => nodes)).toEqual([
      ['q-dy-c-3'],
      ['q-dy-c-2'],
    ]);
    rest(one);
    expect([...one.state.leases.keys()]).toEqual(['q-dy-c-1']);
  });

  test('which a gang only waits for: that one launches it anew', () => {
    const one = world();
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.settle();
    one.asks = true;
    one.resume('q-dy-c-2', [{ job_id: 2, nodes_resume: 'q-dy-c-2' }]);
    end(one, 'i-0002');
    expect(one.effects('GiveBackNodes')).toEqual([]);
    one.asks = false;
    rest(one);
    expect(one.ec2.alive.size).toBe(2);
    expect(one.verdict(1).given).toEqual(['q-dy-c-2']);
  });

  test('whose gang is being let go anyway is nothing', () => {
    const one = world({ maxBatchSize: 1 });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    one.launch(one.launchFor('q-dy-c-1'));
    one.sendSeen({ gone: [1] });
    end(one, 'i-0001');
    expect(one.effects('GiveBackNodes')).toEqual([]);
    rest(one);
    expect(one.decisions('JobRefused')).toEqual([]);
  });

  test('whose node may be at work since before a restart is left to Slurm until that is known', () => {
    const one = world();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.launch(one.only('RunInstances'));
    one.restart();
    end(one, 'i-0001');
    expect(one.effects('GiveBackNodes')).toEqual([]);
    one.finish(one.only('AssignNodes'));
    end(one, 'i-0001');
    expect(one.only('GiveBackNodes').nodes).toEqual(['q-dy-c-1']);
    rest(one);
  });

  test('that nobody knows any more is nothing', () => {
    const one = world();
    const turn = one.send({ kind: 'Ec2Seen', ended: ['i-9'], strays: [], strayReservations: [] });
    expect(turn).toMatchObject({ decisions: [], effects: [] });
  });
});

describe('what is nobody’s', () => {
  test('instances are terminated, in calls of at most terminate_max_batch_size', () => {
    const one = world({ terminateMaxBatchSize: 2 });
    const strays = ['i-7', 'i-8', 'i-9'];
    one.send({ kind: 'Ec2Seen', ended: [], strays, strayReservations: [] });
    expect(one.out('TerminateInstances').map(({ instanceIds }) => instanceIds)).toEqual([
      ['i-7', 'i-8'],
      ['i-9'],
    ]);
    rest(one);
  });

  test('reservations are cancelled, with and without a tag of muster', () => {
    const one = world();
    const strayReservations = [
      { reservationId: 'cr-1', tag: 'r/0/reserve0' },
      { reservationId: 'cr-2', tag: '' },
    ];
    one.send({ kind: 'Ec2Seen', ended: [], strays: [], strayReservations });
    expect(one.out('EndReservation')).toMatchObject([
      { tag: 'r/0/reserve0', reservationId: 'cr-1' },
      { tag: '', reservationId: 'cr-2' },
    ]);
    rest(one);
    expect(one.decisions('ReservationOver')).toEqual([]);
  });
});
