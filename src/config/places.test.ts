import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { loadConfig } from './config.ts';
import type { Places } from './config.ts';
import { clusterYaml, createTestFiles } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

let files: TestFiles;
beforeAll(() => {
  files = createTestFiles();
  files.write('cluster.yaml', clusterYaml());
  files.write('bad-cluster.yaml', clusterYaml({ 'MaxCount: 8': 'MaxCount: many' }));
});
afterAll(() => {
  files.remove();
});

/** Of a configuration that is refused. */
function placesOf(
  text: string,
  { name = 'muster.yaml', env = {} }: { name?: string; env?: Record<string, string> } = {},
): Places | null {
  const result = loadConfig({ path: files.write(name, text), env });
  if (result.kind === 'loaded') throw new Error('it was loaded');
  return result.places;
}

const usual = {
  stateDir: '/var/lib/muster',
  runDir: '/run/muster',
  logDir: '/var/log/parallelcluster',
  scontrolPath: null,
  slurmConf: null,
};
const own = `state_dir: /srv/m
log_dir: /srv/log
slurm: { scontrol: /opt/slurm/bin/scontrol, slurm_conf: /opt/slurm/etc/slurm.conf }
`;
const ownPlaces = {
  ...usual,
  stateDir: '/srv/m',
  logDir: '/srv/log',
  scontrolPath: '/opt/slurm/bin/scontrol',
  slurmConf: '/opt/slurm/etc/slurm.conf',
};

describe('the places of a configuration that is refused', () => {
  const elsewhere = new Map([
    ['a misspelt key', 'bot_time: 3m\n'],
    ['a value that cannot be', 'spares: many\n'],
    ['a queue that is none', 'cluster_config: cluster.yaml\nqueues: { quee1: {} }\n'],
    ['a cluster file that cannot be used', 'cluster_config: bad-cluster.yaml\n'],
    ['a cluster file that is not there', 'cluster_config: nowhere.yaml\n'],
    ['times that do not go together', 'retry: { first: 2h }\n'],
  ]);
  for (const [what, text] of elsewhere) {
    test(`are known where the error is elsewhere: ${what}`, () => {
      expect(placesOf(`${own}${text}`)).toEqual(ownPlaces);
      expect(placesOf(text)).toEqual(usual);
    });
  }

  test("are the usual ones with a file of ParallelCluster's, which says nothing of them", () => {
    expect(placesOf('[slurm_resume]\ncolour = blue\n', { name: 'x.conf' })).toEqual(usual);
    expect(placesOf('Region: nowhere\n', { name: 'x.yaml' })).toEqual(usual);
  });

  const here = new Map([
    ['is no path', 'state_dir: state\n'],
    ['is misspelt', 'state_dri: /srv/m\n'],
    ['is indented by mistake', 'launch:\n  from: launch-template\n  state_dir: /srv/m\n'],
    ["of Slurm's programs is misspelt", 'slurm: { scontorl: /opt/slurm/bin/scontrol }\n'],
    ['cannot be told from YAML that is broken', 'state_dir: /srv/m\nqueues: {\n'],
  ]);
  for (const [what, text] of here) {
    test(`are not known where a place ${what}, unless the environment names the state folder`, () => {
      expect(placesOf(text)).toBeNull();
      const env = { MUSTER_STATE_DIR: '/srv/other' };
      expect(placesOf(text, { env })).toEqual({ ...usual, stateDir: '/srv/other' });
      expect(placesOf(text, { env: { MUSTER_STATE_DIR: 'other' } })).toBeNull();
    });
  }
});
