import { describe, expect, test } from 'vitest';
import type { PoolMemory } from '../core/capacity-memory.ts';
import { defaultSettings } from '../core/settings.ts';
import {
  renderCapacity,
  renderCapacityJson,
  renderCleared,
  renderClearedJson,
} from './capacity.ts';

const now = Date.UTC(2030, 0, 1, 12);
const code = 'InsufficientInstanceCapacity';
const message = 'We currently do not have sufficient capacity.';

function remembering(pools: Readonly<Record<string, PoolMemory>>) {
  return { memory: new Map(Object.entries(pools)), settings: defaultSettings };
}

function refusal(count: number, agoMs: number): NonNullable<PoolMemory['refusal']> {
  return { count, at: now - agoMs, code, message };
}

describe('the capacity memory as a table', () => {
  test('lines up, by pool, with ages and when refusals are forgotten', () => {
    const text = renderCapacity(
      remembering({
        'c6i.32xlarge us-east-2b on-demand': {
          success: { count: 106, at: now - 12 * 60_000 },
          refusal: refusal(200, 45_000),
        },
        'c5.xlarge us-east-2a on-demand cr-0123': { success: null, refusal: refusal(2, 0) },
        'p5.48xlarge us-east-2a spot': {
          success: { count: 4, at: now - 3_500_000 },
          refusal: null,
        },
      }),
      now,
    );
    expect(text).toBe(
      `POOL                                    GAVE  AGO  REFUSED  AGO  CODE                          FORGOTTEN IN
c5.xlarge us-east-2a on-demand cr-0123     -    -        2   0s  InsufficientInstanceCapacity            2m
c6i.32xlarge us-east-2b on-demand        106  12m      200  45s  InsufficientInstanceCapacity           75s
p5.48xlarge us-east-2a spot                4  58m        -    -  -                                        -
A launch of as many as REFUSED, or more, is not tried in its pool until that is forgotten.
`,
    );
  });

  test('leaves out what is too old to count, and the pool with it', () => {
    const text = renderCapacity(
      remembering({
        old: { success: { count: 9, at: now - 3_600_000 }, refusal: refusal(20, 120_000) },
        half: { success: { count: 9, at: now - 3_540_000 }, refusal: refusal(20, 120_000) },
      }),
      now,
    );
    expect(text.split('\n')).toHaveLength(3);
    expect(text).toMatch(/^half +9 +59m +- +- +- +-$/m);
  });

  test('of nothing says so, and how long things are kept', () => {
    expect(renderCapacity(remembering({}), now)).toBe(
      'Nothing is remembered of any pool (what EC2 gives is kept for 1h, what it refuses for 2m).\n',
    );
  });

  const ages: Record<string, [number, string]> = {
    'seconds below two minutes': [119_000, '119s'],
    'minutes below two hours': [2 * 60_000, '2m'],
    'hours from then on': [2.9 * 3_600_000, '2h'],
    'no less than nothing, where the clock is behind the one of the daemon': [-5_000, '0s'],
  };
  test.each(Object.entries(ages))('an age is told in %s', (_name, [agoMs, want]) => {
    const settings = {
      ...defaultSettings,
      capacityMemory: { refusalMs: 10_000_000_000, successMs: 10_000_000_000 },
    };
    const memory = new Map([['p', { success: { count: 1, at: now - agoMs }, refusal: null }]]);
    expect(renderCapacity({ memory, settings }, now)).toMatch(new RegExp(`^p +1 +${want} `, 'm'));
  });
});

test('the capacity memory as JSON has times as well as ages, and EC2 in its own words', () => {
  const memory = remembering({
    p: { success: { count: 3, at: now - 1_000 }, refusal: refusal(5, 2_000) },
    q: { success: null, refusal: refusal(1, 0) },
  });
  expect(JSON.parse(renderCapacityJson(memory, now))).toEqual({
    at: '2030-01-01T12:00:00.000Z',
    pools: [
      {
        pool: 'p',
        success: {
          count: 3,
          at: '2030-01-01T11:59:59.000Z',
          ageMs: 1_000,
          forgottenAt: '2030-01-01T12:59:59.000Z',
        },
        refusal: {
          count: 5,
          at: '2030-01-01T11:59:58.000Z',
          ageMs: 2_000,
          forgottenAt: '2030-01-01T12:01:58.000Z',
          code,
          message,
        },
      },
      {
        pool: 'q',
        success: null,
        refusal: {
          count: 1,
          at: '2030-01-01T12:00:00.000Z',
          ageMs: 0,
          forgottenAt: '2030-01-01T12:02:00.000Z',
          code,
          message,
        },
      },
    ],
  });
});

describe('a request to clear', () => {
  const spool = '/var/lib/muster/spool/new/7';

  test('that a daemon took: what was cleared', () => {
    const text = renderCleared({ pools: ['p', 'q'], waitedMs: 5_000, spool });
    expect(text).toMatch(/^Cleared what was remembered of p, q\. EC2 is asked again/);
  });

  test('that a daemon took when all had been forgotten', () => {
    const text = renderCleared({ pools: [], waitedMs: 5_000, spool });
    expect(text).toBe('Nothing was cleared: it had been forgotten meanwhile.\n');
  });

  test('that nobody took: where it waits, and for whom', () => {
    const text = renderCleared({ pools: null, waitedMs: 5_000, spool });
    expect(text).toBe(
      `No daemon took the request within 5s: it waits in ${spool}, and is done when a daemon runs. Remove the file to take it back.\n`,
    );
  });

  test('as JSON', () => {
    const taken = JSON.parse(
      renderClearedJson({ pools: ['p'], waitedMs: 5_000, spool }),
    ) as unknown;
    expect(taken).toEqual({ taken: true, cleared: ['p'], spool });
    const waits = JSON.parse(renderClearedJson({ pools: null, waitedMs: 5_000, spool })) as unknown;
    expect(waits).toEqual({ taken: false, cleared: [], spool });
  });
});
