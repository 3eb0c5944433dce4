/** What reservations are made for: placement groups, and launches that do not fit into theirs. */
import { describe, expect, test } from 'vitest';
import type { CreateReservation } from './effects.ts';
import type { PlacementGroup, Queue, Settings } from './settings.ts';
import { queueOf } from './testing/fleet.ts';
import { checkAtRest, checkReplay, createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';

const oneType = { a: ['c5.large us-east-1a'] };

function world(settings: Partial<Settings> = {}, queue: Partial<Queue> = {}): DrivenWorld {
  return createTestWorld(
    {
      clusterName: 'demo',
      maxBatchSize: 2,
      launchRequests: { burst: 100, perSecond: 2 },
      queues: [queueOf(oneType, queue)],
      ...settings,
    },
    createInvariants(),
  );
}

/** A gang of these nodes, and its reservations in their order. */
function reserving(one: DrivenWorld, nodes = 'q-dy-a-[1-3]'): CreateReservation[] {
  one.resume(nodes, [nodes]);
  return one.out('CreateReservation');
}

describe('a launch into a reservation of its own', () => {
  function launching(settings: Partial<Settings> = {}): DrivenWorld {
    const one = world(settings);
    for (const each of reserving(one)) one.finish(each);
    return one;
  }

  /** EC2 lets nothing into any reservation until the gang has left it. */
  function refusing(one: DrivenWorld): void {
    for (let round = 0; one.decisions('RungLeft').length === 0; round += 1) {
      const [launch] = one.out('RunInstances');
      if (launch === undefined) one.advance(1_000);
      else one.refuse(launch, 'ReservationCapacityExceeded');
      expect(round).toBeLessThan(200);
    }
  }

  test('that is refused so for a minute does not fit: the gang is launched without, on its rung, when they are over', () => {
    const one = launching();
    const since = one.now;
    refusing(one);
    expect(one.now - since).toBeGreaterThan(40_000);
    expect(one.now - since).toBeLessThanOrEqual(60_000);
    expect(one.state.memory.get('c5.large us-east-1a on-demand')?.refusal).toBeNull();
    const [first, second] = one.out('EndReservation');
    if (first === undefined || second === undefined) throw new Error('two are let go');
    one.finish(first);
    expect(one.out('RunInstances')).toEqual([]);
    one.finish(second);
    const orders = one.out('RunInstances').map(({ order }) => order);
    expect(orders.map(({ reservationId }) => reservationId)).toEqual([undefined, undefined]);
    expect(new Set(one.effects('RunInstances').map(({ order }) => order.clientToken)).size).toBe(4);
    expect(one.decisions('ReserveForgone').map(({ why }) => why)).toEqual([
      expect.stringMatching(
        /^EC2 launched nothing into the last reservation for q\/a: .*Linux\/UNIX.*tenancy or a placement group$/,
      ),
    ]);
    one.settle();
    expect(one.verdict().given).toHaveLength(3);
    checkAtRest(one);
    checkReplay(one);
  });

  test('that does not fit is remembered for a day', () => {
    const one = launching();
    refusing(one);
    one.settle();
    one.resume('q-dy-a-[4-6]', ['q-dy-a-[4-6]']);
    expect(one.out('CreateReservation')).toEqual([]);
    one.settle();
    one.advance(24 * 3_600_000);
    expect(reserving(one, 'q-dy-a-[7-9]')).toHaveLength(2);
  });

  test('that does not fit has EC2 asked again into which placement groups templates launch', () => {
    const one = byTemplate({ name: null });
    for (const each of reserving(one)) one.finish(each);
    expect(one.effects('DescribePlacementGroups')).toHaveLength(1);
    refusing(one);
    one.settle();
    one.resume('q-dy-a-4', ['q-dy-a-4']);
    expect(one.effects('DescribePlacementGroups')).toMatchObject([
      { templates: ['demo-q-a'] },
      { templates: ['demo-q-a'] },
    ]);
    one.settle();
    checkReplay(one);
  });

  test('that does not fit, and reservations that EC2 does not end: refused when it is too late to launch', () => {
    const one = launching({ launchPatienceMs: 120_000 });
    refusing(one);
    one.advance(120_000);
    expect(one.givenBack()[0]).toContain('(Code:LaunchTooLate)');
    one.settle();
    checkAtRest(one);
  });
});

/** Its type and zone are in the queue; its group is the launch template's. */
function byTemplate(placementGroup: PlacementGroup): DrivenWorld {
  const [resource] = queueOf(oneType).computeResources;
  if (resource === undefined) throw new Error('it has a compute resource');
  const launch = { kind: 'launch-template', name: 'demo-q-a', version: '$Latest' } as const;
  return world({}, { computeResources: [{ ...resource, launch, placementGroup }] });
}

describe('a gang in a placement group', () => {
  test('reserves in it, whether its template or the launch itself names it', () => {
    const [resource] = queueOf(oneType).computeResources;
    if (resource?.launch.kind !== 'instance-type') throw new Error('it has a type');
    const launch = { ...resource.launch, placementGroup: 'pg' };
    const typed = world({}, { computeResources: [{ ...resource, launch }] });
    for (const one of [typed, byTemplate({ name: 'pg' })]) {
      const arns = reserving(one).map(({ order }) => order.placementGroupArn);
      expect(arns).toEqual(['arn:pg', 'arn:pg']);
      one.settle();
      checkAtRest(one);
      checkReplay(one);
    }
  });

  test('that its launch template alone names reserves in that; or in none, if it names none', () => {
    const one = byTemplate({ name: null });
    expect(reserving(one).map(({ order }) => order.placementGroupArn)).toEqual([
      'arn:of-demo-q-a',
      'arn:of-demo-q-a',
    ]);
    const bare = Object.assign(byTemplate({ name: null }), { asks: true });
    bare.resume('q-dy-a-[1-3]', ['q-dy-a-[1-3]']);
    bare.finish(bare.only('AskJobs'));
    bare.finish(bare.only('DescribeSubnets'));
    const { id: effectId } = bare.only('DescribePlacementGroups');
    bare.running.length = 0;
    bare.send({
      kind: 'PlacementGroupsTold',
      effectId,
      templates: { 'demo-q-a': null },
      arns: {},
    });
    expect(bare.out('CreateReservation').map(({ order }) => order.placementGroupArn)).toEqual([
      null,
      null,
    ]);
    for (const each of [one, bare]) {
      each.asks = false;
      each.settle();
      checkAtRest(each);
      checkReplay(each);
    }
  });

  const told: Record<string, { group: string | null; groups: Record<string, null>; why: string }> =
    {
      'that EC2 does not know': {
        group: 'pg',
        groups: {},
        why: 'EC2 did not tell of the placement group pg of q/a',
      },
      'that its template names, of which EC2 does not tell': {
        group: null,
        groups: {},
        why: 'EC2 did not tell into which placement group q/a launches',
      },
      'that spreads its instances': {
        group: 'pg',
        groups: { pg: null },
        why: 'the placement group pg of q/a is no cluster group: nothing is reserved in it',
      },
    };
  test.each(Object.entries(told))(
    '%s is launched without',
    (_name, { group: name, groups, why }) => {
      const one = Object.assign(byTemplate({ name }), { groups });
      one.asks = true;
      one.resume('q-dy-a-[1-3]', ['q-dy-a-[1-3]']);
      one.finish(one.only('AskJobs'));
      one.finish(one.only('DescribeSubnets'));
      expect(one.out('RunInstances')).toEqual([]);
      one.finish(one.only('DescribePlacementGroups'));
      expect(one.out('CreateReservation')).toEqual([]);
      expect(one.out('RunInstances')).toHaveLength(2);
      expect(one.decisions('ReserveForgone').map((each) => each.why)).toEqual([why]);
      one.asks = false;
      one.settle();
      checkAtRest(one);
    },
  );

  test('that EC2 knew once is not asked for again; one that it did not know is, at the next request', () => {
    const one = byTemplate({ name: 'pg' });
    one.resume('q-dy-a-1', ['q-dy-a-1']);
    one.settle();
    one.resume('q-dy-a-2', ['q-dy-a-2']);
    expect(one.effects('DescribePlacementGroups')).toHaveLength(1);
    const other = Object.assign(byTemplate({ name: 'pg' }), { groups: {} });
    other.resume('q-dy-a-1', ['q-dy-a-1']);
    other.settle();
    other.advance(1_000);
    other.resume('q-dy-a-2', ['q-dy-a-2']);
    expect(other.effects('DescribePlacementGroups')).toHaveLength(2);
  });
});
