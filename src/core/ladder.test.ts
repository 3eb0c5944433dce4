import { describe, expect, test } from 'vitest';
import type { Place } from './fleet.ts';
import type { JobWish } from './job-wish.ts';
import { keyOf, poolKey, rungsOf, zonesNamedIn, type Rung } from './ladder.ts';
import { defaultSettings, type Pool } from './settings.ts';

function pool(words: string, market: Pool['market'] = 'on-demand'): Pool {
  const [type = '', subnet = ''] = words.split(' ');
  return {
    instanceType: type === '-' ? null : type,
    subnetId: subnet === '-' ? null : subnet,
    market,
    reservationId: null,
  };
}

function place(name: string, pools: readonly Pool[], more: Partial<Place> = {}): Place {
  return {
    queue: 'q',
    computeResource: name,
    launch: { kind: 'launch-template', name: `t-${name}`, version: '1' },
    pools,
    instanceType: 'c5.large',
    subnetId: 'subnet-a',
    placementGroup: null,
    policy: defaultSettings,
    ...more,
  };
}

const zones = new Map([
  ['subnet-a', 'eu-west-1a'],
  ['subnet-a2', 'eu-west-1a'],
  ['subnet-b', 'eu-west-1b'],
  ['subnet-c', 'eu-west-1c'],
]);

/** `a:subnet b:subnet` of every rung. */
function subnetsOf(rungs: readonly Rung[]): string[] {
  return rungs.map(({ pools }) =>
    [...pools]
      .map(([each, { subnetId }]) => `${each.computeResource}:${subnetId ?? 'own'}`)
      .join(' '),
  );
}

describe('the rungs of one compute resource', () => {
  const own = pool('- -');
  const rows: Record<string, { pools: readonly Pool[]; want: string[]; first?: string[] }> = {
    'are its pools in their order': {
      pools: [pool('m5.large subnet-b'), pool('m5.large subnet-a')],
      want: ['m5.large eu-west-1b on-demand', 'm5.large eu-west-1a on-demand'],
    },
    "are told apart by market: the launch source's own place, spot first": {
      pools: [{ ...own, market: 'spot' }, own],
      want: ['c5.large eu-west-1a spot', 'c5.large eu-west-1a on-demand'],
    },
    "are told apart by the site's reservation": {
      pools: [{ ...own, reservationId: 'cr-1' }, own],
      want: ['c5.large eu-west-1a on-demand cr-1', 'c5.large eu-west-1a on-demand'],
    },
    'are named by the subnet where its zone is not known': {
      pools: [pool('- subnet-x'), own],
      want: ['c5.large subnet-x on-demand', 'c5.large eu-west-1a on-demand'],
    },
    "of two subnets in one zone are told apart by the second one's": {
      pools: [own, pool('- subnet-a2'), pool('- subnet-b')],
      want: [
        'c5.large eu-west-1a on-demand',
        'c5.large eu-west-1a on-demand subnet-a2',
        'c5.large eu-west-1b on-demand',
      ],
    },
    'begin with those in the zones that EC2 named, in their own order': {
      pools: [pool('- subnet-a'), pool('- subnet-b'), pool('- subnet-c')],
      first: ['eu-west-1c', 'eu-west-1b', 'eu-west-1f'],
      want: [
        'c5.large eu-west-1b on-demand',
        'c5.large eu-west-1c on-demand',
        'c5.large eu-west-1a on-demand',
      ],
    },
  };
  test.each(Object.entries(rows))('%s', (_name, { pools, want, first }) => {
    expect(rungsOf([place('a', pools)], zones, first).map(({ key }) => key)).toEqual(want);
  });

  test('of a template of which nobody says what it launches, and where', () => {
    const unknown = place('a', [own], { instanceType: null, subnetId: null });
    expect(poolKey(unknown, own, zones)).toBe('q/a any zone on-demand');
    expect(rungsOf([unknown], zones)[0]?.zones).toEqual([]);
  });

  test('of no compute resource: none', () => {
    expect(rungsOf([], zones)).toEqual([]);
  });
});

describe('the rungs of several compute resources', () => {
  const inAB = [pool('- subnet-a'), pool('- subnet-b')];
  const inBC = [pool('- subnet-b'), pool('- subnet-c')];

  test('are in one zone each: pools without a partner there are left out', () => {
    expect(subnetsOf(rungsOf([place('a', inAB), place('b', inBC)], zones))).toEqual([
      'a:subnet-b b:subnet-b',
    ]);
  });

  test('none where they have no zone in common', () => {
    const inC = [pool('- subnet-c')];
    expect(rungsOf([place('a', inAB), place('b', inC)], zones)).toEqual([]);
  });

  test('take the first pool of the zone, of those that have several there', () => {
    const inA = [pool('m5.large subnet-a2'), pool('c5.large subnet-a')];
    const [rung] = rungsOf([place('a', inAB), place('b', inA)], zones);
    expect(rung?.key).toBe('c5.large eu-west-1a on-demand + m5.large eu-west-1a on-demand');
    expect(rung?.zones).toEqual(['eu-west-1a']);
  });

  test('go step by step where the queue may be spread, the shorter ladder at its last pool', () => {
    const other = place('b', [pool('- subnet-c')], {
      policy: { ...defaultSettings, spread: true },
    });
    expect(subnetsOf(rungsOf([place('a', inAB), other], zones))).toEqual([
      'a:subnet-a b:subnet-c',
      'a:subnet-b b:subnet-c',
    ]);
  });

  test('that are spread come first for a named zone that one of them is in', () => {
    const other = place('b', inBC, { policy: { ...defaultSettings, spread: true } });
    const rungs = rungsOf([place('a', inAB), other], zones, ['eu-west-1c']);
    expect(subnetsOf(rungs)).toEqual(['a:subnet-b b:subnet-c', 'a:subnet-a b:subnet-b']);
  });

  test('a pool whose zone is not known has to do only where none is in the zone', () => {
    const mixed = [pool('- subnet-x'), pool('- subnet-a')];
    expect(subnetsOf(rungsOf([place('a', inAB), place('b', mixed)], zones))).toEqual([
      'a:subnet-a b:subnet-a',
      'a:subnet-b b:subnet-x',
    ]);
    const nobodyKnows = rungsOf([place('a', inAB), place('b', inBC)], new Map());
    expect(subnetsOf(nobodyKnows)).toEqual(['a:subnet-a b:subnet-b', 'a:subnet-b b:subnet-b']);
  });
});

describe('the rungs of a job that wishes for some alone', () => {
  const pools = [
    pool('c5.large subnet-a', 'spot'),
    pool('c5.large subnet-a'),
    pool('m5.large subnet-b'),
    pool('m5.large subnet-x'),
  ];
  const rows: Record<string, { wish: JobWish; want: string[] }> = {
    'of a market': {
      wish: { markets: ['spot'] },
      want: ['c5.large eu-west-1a spot'],
    },
    'of a type': {
      wish: { instanceTypes: ['m5.large'] },
      want: ['m5.large eu-west-1b on-demand', 'm5.large subnet-x on-demand'],
    },
    'of a zone: one that is not known is none': {
      wish: { zones: ['eu-west-1b', 'eu-west-1c'] },
      want: ['m5.large eu-west-1b on-demand'],
    },
    'of all three': {
      wish: { markets: ['on-demand'], instanceTypes: ['c5.large'], zones: ['eu-west-1a'] },
      want: ['c5.large eu-west-1a on-demand'],
    },
    'of what the queue has not': { wish: { instanceTypes: ['p5.48xlarge'] }, want: [] },
  };
  test.each(Object.entries(rows))('%s', (_name, { wish, want }) => {
    expect(rungsOf([place('a', pools)], zones, [], wish).map(({ key }) => key)).toEqual(want);
  });

  test('are found behind other pools of the zone', () => {
    const other = place('b', [pool('m5.large subnet-a'), pool('c5.large subnet-a2')]);
    const wish: JobWish = { instanceTypes: ['c5.large'], markets: ['on-demand'] };
    expect(subnetsOf(rungsOf([place('a', pools), other], zones, [], wish))).toEqual([
      'a:subnet-a b:subnet-a2',
    ]);
  });
});

describe("zones in EC2's message", () => {
  // As in https://github.com/hashicorp/terraform-provider-aws/issues/1496, and with other zones.
  const refused =
    'We currently do not have sufficient m4.4xlarge capacity in the Availability Zone you requested (ap-northeast-1d). ' +
    'Our system will be working on provisioning additional capacity. You can currently get m4.4xlarge capacity by not ' +
    'specifying an Availability Zone in your request or choosing ap-northeast-1c, ap-northeast-1a.';
  const rows: Record<string, { message: string; refused: string[]; want: string[] }> = {
    'are those with room, not the one that refused': {
      message: refused,
      refused: ['ap-northeast-1d'],
      want: ['ap-northeast-1c', 'ap-northeast-1a'],
    },
    'of every kind of region': {
      message: 'choosing us-gov-west-1a, cn-north-1b, us-iso-east-1c, us-east-1a, us-east-1a',
      refused: [],
      want: ['us-gov-west-1a', 'cn-north-1b', 'us-iso-east-1c', 'us-east-1a'],
    },
    'are none in words that only look like them': {
      message: 'subnet-0a1b, m5-large-1a2, us-east-1, US-EAST-1A, xus-east-1a',
      refused: [],
      want: [],
    },
    'are none in an empty message': { message: '', refused: [], want: [] },
  };
  test.each(Object.entries(rows))('%s', (_name, { message, refused: without, want }) => {
    expect(zonesNamedIn(message, without)).toEqual(want);
  });

  test('are at most twenty, whatever EC2 writes', () => {
    const many = Array.from({ length: 26 }, (_, index) => String.fromCharCode(97 + index));
    const message = many.map((letter) => `us-east-1${letter}`).join(', ');
    expect(zonesNamedIn(message, [])).toHaveLength(20);
  });
});

test('a rung keeps the name that it had by its subnets, before their zones were known', () => {
  const places = [place('a', [pool('m5.large subnet-b'), pool('m5.large subnet-a')])];
  const early = rungsOf(places, new Map()).map(({ key }) => key);
  expect(early).toEqual(['m5.large subnet-b on-demand', 'm5.large subnet-a on-demand']);
  expect(rungsOf(places, zones).map(({ pools }) => keyOf(pools, new Map()))).toEqual(early);
});
