/** The runaway guard's settings: what the core gets, and what is told of prices that are not there. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { LoadResult } from './config.ts';
import { formatProblem } from './problem.ts';
import { clusterYaml, createTestFiles, load, loaded } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

let files: TestFiles;
beforeAll(() => {
  files = createTestFiles();
});
afterAll(() => {
  files.remove();
});

function joined(...lines: readonly string[]): LoadResult {
  files.write('cluster.yaml', clusterYaml());
  const head = ['cluster_config: cluster.yaml', 'cluster_name: demo'];
  return load(files.write('muster.yaml', `${[...head, ...lines].join('\n')}\n`));
}

/** Without the folder of the file. */
function told(result: LoadResult): string[] {
  const problems = result.kind === 'refused' ? result.errors : result.notices;
  return problems.map((each) => formatProblem(each).replace(/^.*\//, ''));
}

describe('limits', () => {
  test('of the cluster and of a queue stand beside each other', () => {
    const { settings } = loaded(
      joined(
        'limits: { instances: 100, launches_per_hour: 500, dollars_per_hour: 12.5 }',
        'prices: { c5.xlarge: 0.17 }',
        'queues: { queue1: { limits: { instances: 10 } } }',
      ),
    );
    const limits = { instances: 100, launchesPerHour: 500, dollarsPerHour: 12.5 };
    expect(settings).toMatchObject({ limits, prices: { 'c5.xlarge': 0.17 } });
    expect(settings.queues?.[0]?.limits).toEqual({
      instances: 10,
      launchesPerHour: null,
      dollarsPerHour: null,
    });
  });

  test('are none by default', () => {
    const { settings } = loaded(joined());
    expect(settings).toMatchObject({
      limits: { instances: null, launchesPerHour: null, dollarsPerHour: null },
      prices: {},
    });
    expect(settings.queues?.[0]).not.toHaveProperty('limits');
  });

  test.each([
    ['limits: { instances: 0 }', '3:22: `limits.instances` is not a whole number from 1 on'],
    ['limits: { dollars_per_hour: 0 }', '3:29: `limits.dollars_per_hour` is not a number above 0'],
    ['limits: { dollars: 1 }', '3:11: unknown key `dollars`'],
    ['prices: { c5.xlarge: free }', '3:22: `prices.c5.xlarge` cannot be `free`'],
    ['prices: { c5: 1 }', '3:11: `c5` in `prices` is not an instance type'],
  ])('%s is refused', (line, said) => {
    const [first = ''] = told(joined(line));
    expect(first).toContain(`muster.yaml:${said}`);
  });
});

describe('a type without a price', () => {
  const noPrice = 'there is no price for c5.xlarge: muster refuses to launch what it has no price';

  test('is told where dollars are limited for the cluster, or for its queue', () => {
    expect(told(joined('limits: { dollars_per_hour: 5 }'))).toEqual([
      expect.stringMatching(new RegExp(`^muster.yaml:3:11: warning: .*${noPrice}`)),
    ]);
    expect(told(joined('queues: { queue1: { limits: { dollars_per_hour: 5 } } }'))).toEqual([
      expect.stringMatching(new RegExp(`^muster.yaml:3:31: warning: .*${noPrice}`)),
    ]);
  });

  test('is not told where there is one, or dollars are not limited', () => {
    expect(told(joined('limits: { dollars_per_hour: 5 }', 'prices: { c5.xlarge: 1 }'))).toEqual([]);
    expect(told(joined('limits: { instances: 5 }'))).toEqual([]);
  });
});
