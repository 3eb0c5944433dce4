import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { loadConfig } from '../config/config.ts';
import type { LoadResult } from '../config/config.ts';
import { renderConfigShow } from './config-show.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'muster-show-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const cluster = `Region: us-east-2
Scheduling:
  Scheduler: slurm
  SlurmQueues:
    - Name: queue1
      Networking: { SubnetIds: [subnet-12345678] }
      ComputeResources:
        - { Name: c5xlarge, InstanceType: c5.xlarge, MinCount: 0, MaxCount: 8 }
`;

function load(muster: string): LoadResult {
  writeFileSync(join(directory, 'cluster.yaml'), cluster);
  const path = join(directory, 'muster.yaml');
  writeFileSync(path, `cluster_config: cluster.yaml\ncluster_name: demo\n${muster}`);
  return loadConfig({ path, env: {} });
}

const said = 'queues:\n  queue1:\n    max_batch_size: 20\n';

/** The row of a setting, its columns with one blank between them. */
function row(text: string, name: string): string | undefined {
  const rows = text.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
  return rows.find((line) => line.startsWith(`${name} `))?.replaceAll(`${directory}/`, '');
}

describe('muster config show', () => {
  test('shows a queue: each value with the line that says it, else that it is the default', () => {
    const { text, exitCode } = renderConfigShow(load(said), { effective: 'queue1' });
    expect(exitCode).toBe(0);
    expect(text).toMatch(/^Queue queue1; /);
    expect(row(text, 'max_batch_size')).toBe('max_batch_size 20 muster.yaml:5:5');
    expect(row(text, 'launch_patience')).toBe('launch_patience 5m default');
    expect(row(text, 'resume_timeout')).toBeUndefined();
  });

  test('shows a compute resource, which has what its queue has', () => {
    const { text } = renderConfigShow(load(said), { effective: 'queue1/c5xlarge' });
    expect(text).toMatch(/^Compute resource queue1\/c5xlarge\n/);
    expect(row(text, 'max_batch_size')).toBe('max_batch_size 20 muster.yaml:5:5');
  });

  test('shows the cluster, with what only the cluster has', () => {
    const { text } = renderConfigShow(load(said), {});
    expect(text).toMatch(/^The cluster; /);
    expect(row(text, 'max_batch_size')).toBe('max_batch_size 500 default');
    expect(row(text, 'resume_timeout')).toBe('resume_timeout - default');
  });

  test('shows the files, the folders and what else the cluster alone has', () => {
    const text = `state_dir: /srv/m
slurm: { scontrol: /opt/slurm/bin/scontrol }
launch: { from: instance-type, image_id: ami-12345678 }
prices: { c5.xlarge: 0.17, c6i.32xlarge: 5.44 }
`;
    const shown = renderConfigShow(load(text), {}).text;
    const show = (name: string): string | undefined => row(shown, name);
    expect(show('cluster_config')).toBe('cluster_config cluster.yaml muster.yaml:1:1');
    expect(show('resume_config')).toBe('resume_config - default');
    expect(show('launch.from')).toBe('launch.from instance-type muster.yaml:5:11');
    expect(show('launch.image_id')).toBe('launch.image_id ami-12345678 muster.yaml:5:32');
    expect(show('prices')).toBe('prices c5.xlarge 0.17, c6i.32xlarge 5.44 muster.yaml:6:1');
    expect(show('slurm.scontrol')).toBe('slurm.scontrol /opt/slurm/bin/scontrol muster.yaml:4:10');
    expect(show('slurm.slurm_conf')).toBe('slurm.slurm_conf - default');
    expect(show('state_dir')).toBe('state_dir /srv/m muster.yaml:3:1');
    expect(show('run_dir')).toBe('run_dir /run/muster default');
    expect(show('log_dir')).toBe('log_dir /var/log/parallelcluster default');
    expect(show('ladder')).toBeUndefined();
    expect(show('static_sets.launch')).toBeUndefined();
  });

  test('shows that a folder is of the environment', () => {
    const path = join(directory, 'muster.yaml');
    load('state_dir: /srv/m\n');
    const env = { MUSTER_STATE_DIR: '/srv/other' };
    const { text } = renderConfigShow(loadConfig({ path, env }), {});
    expect(row(text, 'state_dir')).toBe('state_dir /srv/other environment');
  });

  test('shows a cluster file that is named by itself', () => {
    load('');
    const path = join(directory, 'cluster.yaml');
    const { text } = renderConfigShow(loadConfig({ path, env: {} }), {});
    expect(text).toMatch(new RegExp(`^cluster_config +${path} +${path}$`, 'm'));
  });

  test('shows ladders and static sets, of a queue and of a compute resource', () => {
    const result = load(`queues:
  queue1:
    static_sets: { launch: best-effort }
    ladder:
      - { subnet: subnet-2 }
      - { instance_type: c6i.xlarge, market: on-demand, reservation: cr-1 }
`);
    const ofQueue = renderConfigShow(result, { effective: 'queue1' }).text;
    const ladder = 'muster.yaml:6:5';
    expect(row(ofQueue, 'ladder')).toBe(`ladder subnet-2; c6i.xlarge on-demand cr-1 ${ladder}`);
    const ofResource = renderConfigShow(result, { effective: 'queue1/c5xlarge' }).text;
    expect(row(ofResource, 'ladder')).toBe(
      `ladder subnet-2 on-demand; c6i.xlarge on-demand cr-1 ${ladder}`,
    );
    for (const text of [ofQueue, ofResource]) {
      expect(row(text, 'static_sets.launch')).toBe(
        'static_sets.launch best-effort muster.yaml:5:20',
      );
      expect(row(text, 'static_sets.replace')).toBe('static_sets.replace node default');
    }
    const plain = renderConfigShow(load(''), { effective: 'queue1/c5xlarge' }).text;
    expect(row(plain, 'ladder')).toBe('ladder - default');
    expect(row(plain, 'static_sets.launch')).toBe('static_sets.launch all-or-nothing default');
  });

  test('names the key that a setting follows from', () => {
    const { text } = renderConfigShow(load('scaling_strategy: best-effort\n'), {});
    expect(row(text, 'all_or_nothing_batch')).toBe(
      'all_or_nothing_batch false muster.yaml:3:1 (scaling_strategy)',
    );
  });

  test('is JSON for programs', () => {
    const { text } = renderConfigShow(load(said), { effective: 'queue1', json: true });
    const shown = JSON.parse(text) as { settings: { name: string }[] };
    expect(shown).toMatchObject({ queue: 'queue1', computeResource: null });
    expect(shown.settings.find(({ name }) => name === 'max_batch_size')).toEqual({
      name: 'max_batch_size',
      value: 20,
      from: { file: join(directory, 'muster.yaml'), line: 5, column: 5, key: null },
    });
    const ofCluster = JSON.parse(renderConfigShow(load(said), { json: true }).text) as object;
    expect(ofCluster).toMatchObject({ queue: null, computeResource: null });
  });

  test('tells the nearest queue to one that is not there, and shows nothing', () => {
    const { text, exitCode } = renderConfigShow(load(said), { effective: 'quue1' });
    expect(exitCode).toBe(2);
    expect(text).toBe('muster: there is no queue `quue1`\n    did you mean `queue1`?\n');
  });

  test('tells what is wrong with a configuration that cannot be used', () => {
    const { text, exitCode } = renderConfigShow(load('spares: many\n'), {});
    expect(exitCode).toBe(2);
    expect(text).toContain('1 error: this configuration cannot be used');
  });
});
