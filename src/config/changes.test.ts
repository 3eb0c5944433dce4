import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { changesBetween } from './changes.ts';
import type { Changes } from './changes.ts';
import { formatProblem, loadConfig } from './config.ts';
import type { Loaded } from './config.ts';
import { clusterYaml, createTestFiles } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

let files: TestFiles;
beforeAll(() => {
  files = createTestFiles();
});
afterAll(() => {
  files.remove();
});

function read(text: string, cluster: string): Loaded {
  files.write('cluster.yaml', cluster);
  const path = files.write('muster.yaml', `cluster_config: cluster.yaml\n${text}`);
  const result = loadConfig({ path, env: {} });
  if (result.kind === 'loaded') return result;
  throw new Error(result.errors.map(formatProblem).join('\n'));
}

const base = 'cluster_name: demo\n';

/** From `base` to that and `text`, or to `text` alone where that names the cluster. */
function changes(text: string, cluster = clusterYaml()): Changes {
  const after = text.includes('cluster_name') ? text : `${base}${text}`;
  return changesBetween(read(base, clusterYaml()), read(after, cluster));
}

describe('what another reading has changed', () => {
  test('is nothing where it says the same in other words', () => {
    expect(changes('boot_time: 300s\nstate_dir: /var/lib/muster\n')).toEqual({
      all: [],
      needRestart: [],
    });
  });

  const takenUp = new Map([
    ['boot_time: 3m\nspares: 2\n', ['spares 0 -> 2', 'boot_time 5m -> 3m']],
    ['resume_timeout: 30m\n', ['resume_timeout none -> 30m']],
    ['queues: { queue1: { static_sets: { launch: best-effort } } }\n', ['queue queue1']],
  ]);
  for (const [text, all] of takenUp) {
    test(`is taken up: ${all.join(', ')}`, () => {
      expect(changes(text)).toEqual({ all, needRestart: [] });
    });
  }

  test('is a queue of the cluster file that is new, or gone', () => {
    const renamed = clusterYaml({ 'Name: queue1': 'Name: queue2' });
    expect(changes('', renamed).all).toEqual(['queue queue1 (gone)', 'queue queue2 (new)']);
    expect(changes('', clusterYaml({ 'MaxCount: 8': 'MaxCount: 9' })).all).toEqual([
      'queue queue1',
    ]);
  });

  const fixed = new Map([
    ['cluster_name: other\n', 'cluster_name demo -> other'],
    ['region: us-west-2\n', 'region us-east-2 -> us-west-2'],
    ['state_dir: /srv/m\n', 'state_dir /var/lib/muster -> /srv/m'],
    ['log_dir: /srv/log\n', 'log_dir /var/log/parallelcluster -> /srv/log'],
    ['slurm: { scontrol: /x/scontrol }\n', 'slurm.scontrol none -> /x/scontrol'],
    ['slurm: { slurm_conf: /x/slurm.conf }\n', 'slurm.slurm_conf none -> /x/slurm.conf'],
  ]);
  for (const [text, words] of fixed) {
    test(`needs a restart: ${words}`, () => {
      const { all, needRestart } = changes(`${text}spares: 2\n`);
      expect(needRestart).toEqual([words]);
      expect(all).toEqual(expect.arrayContaining([words, 'spares 0 -> 2']));
    });
  }
});
